"""Where the Dagster UI shows a run or an asset, for those who look at it from elsewhere."""

import os

UI_VARIABLE = "ML_ASSETS_UI"


def run_page(run_id: str) -> str | None:
    """Address of a run; None where ``ML_ASSETS_UI`` (the address of the webserver) is not set."""
    return _page(f"runs/{run_id}")


def asset_page(key: str) -> str | None:
    """Address of an asset, its key parts joined by slashes; None where ``ML_ASSETS_UI`` is not set."""
    return _page(f"assets/{key}")


def _page(path: str) -> str | None:
    base = os.environ.get(UI_VARIABLE, "").rstrip("/")
    return f"{base}/{path}" if base else None

"""Addresses of the UI, where it has one."""

import pytest

from ml_assets.resources.pages import UI_VARIABLE, asset_page, run_page


def test_pages_lie_below_the_address_of_the_webserver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(UI_VARIABLE, "https://dagster.example.org/prod/")
    assert run_page("ab-1") == "https://dagster.example.org/prod/runs/ab-1"
    assert asset_page("credit/champion") == "https://dagster.example.org/prod/assets/credit/champion"


@pytest.mark.parametrize("unset", [None, "", "/"])
def test_without_an_address_there_is_no_page(monkeypatch: pytest.MonkeyPatch, unset: str | None) -> None:
    monkeypatch.delenv(UI_VARIABLE, raising=False)
    if unset is not None:
        monkeypatch.setenv(UI_VARIABLE, unset)
    assert run_page("ab-1") is None
    assert asset_page("credit/champion") is None

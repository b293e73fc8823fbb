"""Part 3: which columns may be used, what they cost, and when they are known."""

from typing import Literal

from pydantic import Field

from ml_assets.declaration._base import Declaration


class ColumnRule(Declaration):
    """What is known of one column beyond its values."""

    available: Literal["at_prediction", "after_outcome", "unknown"] = "unknown"
    cost: float = Field(default=0.0, ge=0)
    """Money per row to obtain it."""
    reason: str = ""


class DataSelection(Declaration):
    """Columns by availability and usefulness."""

    columns: dict[str, ColumnRule] = {}
    exclude: tuple[str, ...] = ()
    """Columns that are never used."""
    minimum_rows: int = Field(default=200, ge=10)
    """Labelled rows below which no model is trained."""

"""Part 7: who releases, and against which margin."""

from typing import Literal

from pydantic import Field

from ml_assets.declaration._base import Declaration


class Deployment(Declaration):
    """The release decision."""

    approval: Literal["automatic", "manual"] = "automatic"
    """manual: a model that passes every gate waits for ``ml-assets approve``."""
    non_inferiority: float = Field(default=0.005, ge=0)
    """How much worse than the champion a challenger may be, as a share of the value that is to be gained at all
    (perfect decisions against the best constant one)."""
    minimum_rows: int = Field(default=100, ge=30)
    """Rows that neither model was trained on below which the two are not compared."""

"""Part 5: where rows come from, when, and what they must look like."""

from datetime import timedelta

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import FunctionPath, Share
from ml_assets.declaration.arrival import WHOLE_TABLE, Arrival, Batch
from ml_assets.declaration.sources import Source


class Labels(Declaration):
    """Labels that come from another source than the rows, joined by id."""

    source: Source
    id: str
    column: str | None = None
    """Column with the label; the target's own name when left out."""


class DataPipeline(Declaration):
    """Capture, contract, features."""

    source: Source
    labels: Labels | None = None
    arrival: Arrival | None = None
    """None: one single table."""
    id: str | None = None
    """Column that names a row; a hash of the row's content when left out (single tables and files only)."""
    contract: FunctionPath | None = None
    """A pandera model or schema; drafted from the first batch when left out."""
    features: FunctionPath | None = None
    """frame of permitted columns → frame of features, row by row; the columns themselves when left out."""
    quarantine_at_most: Share = 0.02
    """Share of broken rows over which the whole batch is blocked."""
    volume: tuple[float, float] = (0.2, 5.0)
    """Rows of a batch against the median of the batches before: lowest and highest ratio."""

    @property
    def is_stream(self) -> bool:
        return self.arrival is not None

    @property
    def period(self) -> timedelta | None:
        return self.arrival.period if self.arrival else None

    def batch(self, key: str) -> Batch:
        """The batch behind a partition key."""
        return self.arrival.batch(key) if self.arrival else Batch(WHOLE_TABLE)

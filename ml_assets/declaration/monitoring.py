"""Part 9: what is watched, and when it alarms."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Duration, Share
from ml_assets.declaration.arrival import Season


class Drift(Declaration):
    """Change of the inputs and of the scores against the champion's reference."""

    against: Literal["release", "trailing"] = "release"
    """What a batch is compared with: what the live model learned from, or the batches of the time before it."""
    trailing: Duration = timedelta(days=28)
    """How far back ``against: trailing`` looks."""
    season: Season = "none"
    """Compare hours, weekdays or months with their like only, so that Mondays do not alarm every Monday."""

    effect: float = Field(default=0.03, gt=0)
    """Population stability index, less what chance alone gives, from which a column counts as drifted;
    0.03 is a shift of about 0.17 standard deviations."""
    importance: Share = Field(default=0.2, gt=0)
    """Share of the model's dependence that must have drifted before it matters."""
    prediction_effect: float = Field(default=0.1, gt=0)
    """The same index for the scores themselves."""
    association: Share = 0.2
    """Change of the rank correlation of two inputs from which they count as drifted."""


class Performance(Declaration):
    """The live model on matured labels against what it showed at its release."""

    metric: str | None = None
    """Left out: the metric of the first success criterion."""
    drop: float | None = Field(default=None, gt=0)
    """Loss, in the metric's unit, beyond which it alarms; 5 % of the released figure when left out."""
    minimum_rows: int = Field(default=100, ge=30)


class Monitoring(Declaration):
    """Drift, performance, freshness."""

    false_alarms: Share = Field(default=0.05, gt=0, lt=1)
    """Probability that a check alarms at all in a month in which nothing has changed: every look at a batch is paid for
    out of it."""
    drift: Drift = Drift()
    performance: Performance = Performance()
    freshness: Duration | None = None
    """Age of the newest training row of the champion at which it counts as stale; six times the training window when left
    out, and never for a single table."""

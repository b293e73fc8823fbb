"""Part 2: what a model must reach before it may be released."""

from typing import Literal

from pydantic import model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.statistics.metrics import METRICS

Baseline = Literal["dummy", "simple_rule", "single_feature", "simpler_model"]


class Criterion(Declaration):
    """One limit on one metric: a floor, a ceiling, or a distance to a baseline; on all rows or in each group."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    better_than: Baseline | None = None
    by: float = 0.0
    """How much better, in the metric's own unit."""
    in_each: str | None = None
    """A group: the limit holds in every group of it that is large enough to say."""

    @model_validator(mode="after")
    def _one_limit(self) -> "Criterion":
        if self.metric not in METRICS:
            raise ValueError(f"metric: got {self.metric!r}; allowed: {', '.join(sorted(METRICS))}")
        limits = [k for k in ("at_least", "at_most", "better_than") if getattr(self, k) is not None]
        if len(limits) != 1:
            raise ValueError(
                f"got {len(limits)} limits ({', '.join(limits) or 'none'}); allowed: exactly one of at_least, at_most, better_than"
            )
        if self.in_each is not None and self.better_than is not None:
            raise ValueError("in_each: got it together with better_than; allowed: in_each with at_least or at_most")
        return self

    @property
    def name(self) -> str:
        """A stable name, for checks and tables."""
        limit = (
            f"at_least_{self.at_least:g}" if self.at_least is not None
            else f"at_most_{self.at_most:g}" if self.at_most is not None
            else f"better_than_{self.better_than}"
        )  # fmt: skip
        return f"{self.metric} {limit}" + (f" in each {self.in_each}" if self.in_each else "")


Criteria = tuple[Criterion, ...]

"""Part 8: which gaps of the final decisions are tolerated."""

from typing import Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Share
from ml_assets.statistics.disparity import FAIRNESS_METRICS


class ModelBias(Declaration):
    """Fairness of the final decisions."""

    metrics: tuple[str, ...] = ()
    """Left out: selection_rate_ratio and equal_opportunity_difference (binary), accuracy_difference (multiclass),
    mean_residual_difference (regression)."""
    tolerance: dict[str, float] = {}
    """metric → limit; the metric's own default when left out."""
    group_at_decision: Literal["forbidden", "allowed"] = "forbidden"
    """Whether a decision may depend on the group of the person."""
    accuracy_budget: Share = Field(default=0.02)
    """Share of the value a remedy may cost."""
    remedies: Literal["ladder", "planned"] = "ladder"
    """``ladder``: a finding is met by reweighing, adaptive reweighing, a penalty, and, where the group is allowed at
    decision time, group thresholds, up to the first that passes. ``planned``: only what ``data_bias.plan`` decided."""
    largest_tpr_loss: Share = Field(default=0.05)
    """The most the true positive rate of any group may fall by group thresholds (0.05 = five points)."""
    capacity: Share | None = None
    """The largest share of rows that group thresholds may decide positive; left out: any."""

    @model_validator(mode="after")
    def _known(self) -> "ModelBias":
        unknown = [m for m in (*self.metrics, *self.tolerance) if m not in FAIRNESS_METRICS]
        if unknown:
            raise ValueError(f"got {', '.join(unknown)}; allowed: {', '.join(sorted(FAIRNESS_METRICS))}")
        return self

"""Part 6: which models compete, on which rows."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Share, SpanField


class Model(Declaration):
    """Candidates, splits, training."""

    candidates: tuple[str, ...] | None = None
    """Names of built-in families, or dotted paths to functions that return a scikit-learn estimator."""
    split: Literal["hash", "time"] | None = None
    """Tables: a hash of the id. Streams: by time. Left out: as the data arrive."""
    test: Share = 0.2
    validation: Share = 0.2
    """Tables: shares of the ids. Streams: shares of the window, unless the spans below say more."""
    test_span: SpanField | None = None
    validation_span: SpanField | None = None
    window: SpanField | None = None
    """Newest stretch of labelled history a model learns from; all of it when left out."""
    half_life: SpanField | None = None
    """Age at which a training row weighs half; equal weights when left out."""
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto"
    parameters: dict[str, dict[str, Any]] = {}
    """candidate → parameters that replace its defaults."""
    seed: int = Field(default=0, ge=0)
    device: Literal["cpu", "cuda"] = "cpu"
    monotone: dict[str, Literal[1, -1]] = {}
    """Behaviour: feature → the score may only rise (1) or fall (-1) with it; checked on the released model."""
    too_good: float | None = None
    """Test figure of the main metric beyond which the model is suspected of a leak."""

    @model_validator(mode="after")
    def _parts_leave_training(self) -> "Model":
        if self.test + self.validation > 0.8:
            raise ValueError(
                f"test + validation: got {self.test + self.validation:g}; allowed: at most 0.8, the rest is for training"
            )
        return self

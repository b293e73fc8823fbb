"""Part 6: which models compete, on which rows."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Share, SpanField


class Search(Declaration):
    """How long parameters are looked for, in trials or in seconds, whichever ends first."""

    trials: int | None = Field(default=None, ge=1)
    """Sets of parameters tried, over all candidates."""
    seconds: float | None = Field(default=None, gt=0)
    """Wall-clock seconds, over all candidates. The same budget finds other parameters on another machine."""
    pruning: bool = True
    """A trial that is behind after its first folds is not finished."""

    @model_validator(mode="after")
    def _has_a_budget(self) -> "Search":
        if self.trials is None and self.seconds is None:
            raise ValueError("got no budget; allowed: trials, seconds, or both")
        return self


class QuantileLoss(Declaration):
    """Regression: the value that a share ``quantile`` of the truths lies below."""

    quantile: float = Field(gt=0, lt=1)


class Case(Declaration):
    """A row whose answer is known without data: a minimum any released model must get right."""

    name: str
    row: dict[str, float | int | str | bool | None]
    """Feature → value; a feature left out takes its commonest value (median of a number) in the training rows."""
    at_least: float | None = None
    """Lowest allowed score: probability of the positive class (of ``decision`` among several classes), or value."""
    at_most: float | None = None
    decision: str | None = None
    """The label that must be decided (classification)."""

    @model_validator(mode="after")
    def _expects_something(self) -> "Case":
        if self.at_least is None and self.at_most is None and self.decision is None:
            raise ValueError(f"case {self.name!r}: got no expectation; allowed: at_least, at_most, decision")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            got = f"at_least {self.at_least:g} above at_most {self.at_most:g}"
            raise ValueError(f"case {self.name!r}: got {got}; allowed: at_least up to at_most")
        return self


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
    """candidate → parameters that replace its defaults; the search leaves them as they are."""
    search: Search | None = None
    """Budget of the search for parameters on training and validation rows; left out: the candidates' defaults."""
    folds: int = Field(default=5, ge=2, le=20)
    """Folds of the cross-validation (tables) or of the rolling origin (streams) that search and audits use."""
    cluster: str | None = None
    """A column of the raw rows, such as a customer: rows that share its value stay in one part and in one fold."""
    loss: Literal["squared", "absolute", "money"] | QuantileLoss | None = None
    """Regression: what training minimises. ``squared``: an error twice as large is four times as bad; ``absolute``: twice;
    ``money``: the declared value, unequal on both sides; left out: money where a value is declared, else squared."""
    refit: bool = True
    """The chosen solution learns from training and validation rows in the end: same parameters and rounds, calibration and
    threshold kept. False releases the fit that validation rows judged."""
    seed: int = Field(default=0, ge=0)
    device: Literal["cpu", "cuda"] = "cpu"
    monotone: dict[str, Literal[1, -1]] = {}
    """Behaviour: feature → the score may only rise (1) or fall (-1) with it; trained so where the family can, always checked."""
    invariant: tuple[str, ...] = ()
    """Behaviour: features whose values, exchanged between rows, may not move the decision; checked on the released model."""
    cases: tuple[Case, ...] = ()
    """Behaviour: rows whose answer is known without data."""
    slice_margin: float = Field(default=0.25, ge=0)
    """A slice is worse when its loss lies above that of the rest by this share of the mean loss, proven on test rows."""
    too_good: float | None = None
    """Test figure of the main metric beyond which the model is suspected of a leak."""

    @model_validator(mode="after")
    def _parts_leave_training(self) -> "Model":
        if self.test + self.validation > 0.8:
            raise ValueError(
                f"test + validation: got {self.test + self.validation:g}; allowed: at most 0.8, the rest is for training"
            )
        return self

    @model_validator(mode="after")
    def _cases_have_names(self) -> "Model":
        names = [case.name for case in self.cases]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"cases: got {', '.join(twice)} more than once; allowed: each name once")
        return self

"""From a fitted predictor to a solution that decides: calibration and threshold, both chosen on the validation part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import PLAIN, fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.calibration import Calibration, CalibrationChoice, choose_calibration, fit_calibration
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import not_estimable
from ml_assets.statistics.value import BinaryValue, ThresholdChoice, Value, best_threshold, break_even


@dataclass(frozen=True)
class Finished:
    """A complete solution, with how its calibration and threshold were chosen (None where the task has none)."""

    artifact: SolutionArtifact
    calibration: CalibrationChoice | None
    threshold: ThresholdChoice | None


def finish(
    predictor: Predictor,
    table: TrainingTable,
    *,
    solution: str,
    value: Value,
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto",
    excluded_groups: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Finished:
    """Calibrate (kept only where it helps, for "auto") and set the threshold by expected money.

    Both read the "validation" part alone; "test" is never touched. Multiclass decides by expected money, regression
    decides its own value.
    """
    common: dict[str, Any] = {
        "solution": solution,
        "task": table.task,
        "classes": table.classes,
        "predictor": predictor,
        "value": value,
        "excluded_groups": tuple(excluded_groups),
        "facts": dict(facts or {}),
    }
    validation = table.take("validation")
    if table.task != "binary" or not isinstance(value, BinaryValue) or not len(validation):
        return Finished(SolutionArtifact(**common), None, None)
    raw = np.asarray(predictor.predict(validation.features), dtype=np.float64)
    choice = _calibrate(validation.truth, raw, calibration, seed)
    threshold = choose_threshold(validation.truth, np.asarray(choice.calibration.apply(raw)), value, validation.cluster)
    return Finished(
        SolutionArtifact(**common, calibration=choice.calibration, threshold=threshold.threshold), choice, threshold
    )


def train(
    family: str,
    table: TrainingTable,
    *,
    solution: str,
    value: Value,
    recipe: Recipe = PLAIN,
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto",
    excluded_groups: Sequence[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> Finished:
    """One candidate fitted on the "train" part of a table and finished on its "validation" part."""
    predictor = fit_candidate(family, table, recipe=recipe)
    return finish(
        predictor,
        table,
        solution=solution,
        value=value,
        calibration=calibration,
        excluded_groups=excluded_groups,
        facts=facts,
        seed=recipe.seed,
    )


def choose_threshold(
    truth: NDArray[Any], score: NDArray[np.float64], value: BinaryValue, cluster: NDArray[Any] | None = None
) -> ThresholdChoice:
    """The break-even probability of the value matrix, unless another threshold earned clearly more on these rows.

    Clearly: by more than one standard error of the paired difference per row (rows of a ``cluster`` (n,) as one draw).
    Calibrated scores make the break-even
    probability the best threshold there is (Elkan, The foundations of cost-sensitive learning, IJCAI 2001); the best of a
    few thousand rows is mostly luck.
    """
    best = best_threshold(truth, score, value)
    even = break_even(value)
    earned, at_even = (value.money(truth, (score >= t).astype(np.int64)) for t in (best.threshold, even))
    ahead = clustered_mean(earned - at_even, cluster)
    if ahead.freedom > 0 and ahead.value > ahead.error:
        return best
    return replace(best, threshold=even, money_per_decision=float(at_even.mean()))


def _calibrate(
    truth: Any, raw: Any, kind: Literal["auto", "none", "sigmoid", "isotonic"], seed: int
) -> CalibrationChoice:
    if kind == "auto":
        return choose_calibration(truth, raw, seed=seed)
    fitted = fit_calibration(truth, raw, kind=kind) if kind != "none" else Calibration()
    nothing = not_estimable("brier_score", n=len(truth))
    return CalibrationChoice(fitted, nothing, nothing, kind != "none", f"declared: {kind}")

"""From a fitted predictor to a solution that decides: calibration and threshold, both chosen on the validation part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.calibration import Calibration, CalibrationChoice, choose_calibration, fit_calibration
from ml_assets.statistics.estimate import not_estimable
from ml_assets.statistics.value import BinaryValue, ThresholdChoice, Value, best_threshold


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
    """Calibrate (kept only where it helps, for "auto") and set the threshold of highest money per decision.

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
    threshold = best_threshold(validation.truth, choice.calibration.apply(raw), value)
    return Finished(
        SolutionArtifact(**common, calibration=choice.calibration, threshold=threshold.threshold), choice, threshold
    )


def _calibrate(
    truth: Any, raw: Any, kind: Literal["auto", "none", "sigmoid", "isotonic"], seed: int
) -> CalibrationChoice:
    if kind == "auto":
        return choose_calibration(truth, raw, seed=seed)
    fitted = fit_calibration(truth, raw, kind=kind) if kind != "none" else Calibration()
    nothing = not_estimable("brier_score", n=len(truth))
    return CalibrationChoice(fitted, nothing, nothing, kind != "none", f"declared: {kind}")

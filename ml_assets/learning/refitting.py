"""The last fit: the solution that was chosen, its model fitted again on training and validation rows together."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.blending import of_blend
from ml_assets.learning.predictors import BlendPredictor, Parameters, Predictor, SkopsPredictor, XGBoostPredictor
from ml_assets.learning.remedies.repeating import Penalised, Reweighed
from ml_assets.learning.remedies.situation import Situation


def stopped_at(predictor: Predictor) -> Parameters:
    """Parameters that end a fit after the rounds this one ended with; none for a family that has no rounds."""
    if isinstance(predictor, BlendPredictor):
        return of_blend(
            {label: stopped_at(one) for label, one in zip(predictor.labels, predictor.members, strict=True)}
        )
    if isinstance(predictor, XGBoostPredictor):
        return {"rounds": int(predictor.booster.num_boosted_rounds())}
    if isinstance(predictor, SkopsPredictor) and predictor.family == "hist_gradient_boosting":
        return {"max_iter": int(predictor.estimator.n_iter_)}
    return {}


def between(first: Predictor, mixed: Predictor) -> Parameters:
    """Parameters that end a last fit of rows in time: geometric means of the rounds of the first fit and of ``mixed``.

    The first fit was stopped by the newest rows, and by what is new in them rather than by noise: it had not seen any of it.
    The last fit has. ``mixed`` was fitted on all rows and stopped on some drawn from them at random, as if nothing new came any
    more. The truth is between: the next rows are new again. Where nothing changes in time, both are the same.
    """
    other = stopped_at(mixed)
    return {name: round(math.sqrt(int(str(n)) * int(str(other[name])))) for name, n in stopped_at(first).items()}


def ends_of_last_fit(
    artifact: SolutionArtifact, situation: Situation, remedy: Reweighed | Penalised, *, in_time: bool
) -> Parameters:
    """Where the last fit ends: where the first did, of rows in time :func:`between` it and a fit that is mixed."""
    stopped = stopped_at(artifact.predictor)
    mixed = situation.mixed() if in_time and stopped else None
    return stopped if mixed is None else between(artifact.predictor, remedy.predictor(mixed))


def refitted(
    artifact: SolutionArtifact, situation: Situation, remedy: Reweighed | Penalised, *, in_time: bool = False
) -> SolutionArtifact:
    """The same solution with its model fitted on all rows of ``situation``: validation rows have nothing left to choose.

    Kept are family and parameters, the rounds after which validation rows stopped the first fit (more rows would bear a
    few more; ``in_time``, where validation rows are the newest, see :func:`between`), calibration and thresholds, all of
    them chosen on rows the first fit had not seen: of a fit of other rounds they are not the best, and only the test part
    says what the whole is worth. ``remedy`` is what part 8 did to that fit. The fact ``refit`` says on how many rows, and
    where the fit ended. What is measured on validation rows must from now on be asked of ``artifact``, not of the answer:
    it has learned from them.
    Source of the practice: scikit-learn's ``TunedThresholdClassifierCV(refit=True)``, which keeps a threshold on another fit too.
    """
    stopped = ends_of_last_fit(artifact, situation, remedy, in_time=in_time)
    predictor = remedy.predictor(situation.joined(stopped))
    told: dict[str, Any] = {
        "rows": len(situation.rows),
        "before": len(situation.part("train")),
        "stopped": dict(stopped),
    }
    return replace(artifact, predictor=predictor, specs=(), facts={**artifact.facts, "refit": told})


def changed_share(first: SolutionArtifact, last: SolutionArtifact, situation: Situation) -> float:
    """Share of the validation rows that the last fit decides otherwise; for numbers, of the spread of the first's answers.

    For a regression: mean absolute difference over the standard deviation of the first answers (0 where they do not differ).
    """
    table, groups = situation.judged
    before, after = (one.predict(table.features, groups=groups).decision for one in (first, last))
    if table.task != "regression":
        return float(np.mean(before != after))
    spread = float(np.std(before))
    return float(np.mean(np.abs(before - after)) / spread) if spread > 0 else 0.0

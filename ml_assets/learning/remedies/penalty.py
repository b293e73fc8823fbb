"""Boosting that is charged for gaps between groups while it learns, and needs no group afterwards."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.candidates import FAMILIES, PLAIN
from ml_assets.learning.design import logistic
from ml_assets.learning.ensembles import boosting_matrix
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Predictor, XGBoostPredictor, threads
from ml_assets.learning.preprocessing import FeatureSpec, feature_specs
from ml_assets.learning.remedies.aims import Stratum, among, named
from ml_assets.learning.remedies.cells import SMALLEST_CELL
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.arrays import FloatArray

Objective = Callable[[FloatArray, Any], tuple[FloatArray, FloatArray]]
_LEAST_CURVATURE = 1e-6


def gap_objective(
    labels: "pd.Series[Any]",
    truth: NDArray[Any],
    weight: FloatArray,
    *,
    strength: float,
    strata: Sequence[Stratum],
    favourable: int,
    margin: float = 0.0,
) -> Objective:
    """Gradient and curvature of log loss + strength * n/2 * sum of share(g) * (rate of g - rate of all)², per stratum.

    The rate is that of the soft decision 1 / (1 + exp(margin - f)), ``margin`` the log odds at which decisions turn; its
    curvature is left out, so the curvature stays positive. ``strength`` 0 is the plain log loss.
    Source of the idea: Zafar and others, Fairness constraints, AISTATS 2017 (a covariance there, a gap of rates here).
    """
    y = np.asarray(truth, dtype=np.float64)
    groups = labels.to_numpy(str)
    cells = []
    for stratum in strata:
        rows = among(truth, stratum, favourable=favourable)
        own = [np.flatnonzero(rows & (groups == group)) for group in named(labels)]
        cells.append((np.flatnonzero(rows), [cell for cell in own if len(cell) >= SMALLEST_CELL]))

    def objective(raw: FloatArray, _: Any) -> tuple[FloatArray, FloatArray]:
        f = np.asarray(raw, dtype=np.float64)
        p = logistic(f)
        gradient, curvature = weight * (p - y), weight * np.maximum(p * (1 - p), _LEAST_CURVATURE)
        soft = logistic(f - margin)
        slope = soft * (1 - soft)
        for rows, own in cells:
            common = soft[rows].mean() if len(rows) else 0.0
            for cell in own:
                pull = strength * len(y) / len(rows) * (soft[cell].mean() - common)
                gradient[cell] += pull * slope[cell]
        return gradient, curvature

    return objective


def fit_penalised(
    table: TrainingTable,
    labels: "pd.Series[Any]",
    *,
    strength: float,
    strata: Sequence[Stratum],
    favourable: int,
    break_even: float = 0.5,
    recipe: Recipe = PLAIN,
) -> Predictor:
    """xgboost with :func:`gap_objective` on the "train" part, stopped by the log loss of the "validation" part.

    ``labels``: groups of the rows of ``table``; ``break_even``: the probability at which decisions turn. Binary only.
    Raises ``DataError`` for another task or when the labels are not those of the rows.
    """
    if table.task != "binary" or len(labels) != len(table):
        got = f"{table.task}, {len(labels)} labels for {len(table)} rows"
        raise DataError("No gap to be charged for", got=got, allowed="binary, a label per row", do="Use another remedy")
    settings: dict[str, Any] = {**FAMILIES["xgboost"].defaults, **recipe.parameters}
    own = labels.iloc[np.flatnonzero(table.part == "train")].reset_index(drop=True)
    train, odds = table.take("train"), float(np.clip(break_even, 1e-6, 1 - 1e-6))
    charge = gap_objective(
        own,
        train.truth,
        train.weight,
        strength=strength,
        strata=strata,
        favourable=favourable,
        margin=float(np.log(odds / (1 - odds))),
    )
    specs = feature_specs(train.features)
    booster = _boost(train, table.take("validation"), specs, settings, charge, recipe)
    return XGBoostPredictor("xgboost", {**settings, "gap_penalty": strength}, specs, booster, "binary", 2)


def _boost(
    train: TrainingTable,
    held: TrainingTable,
    specs: tuple[FeatureSpec, ...],
    settings: Mapping[str, Any],
    charge: Objective,
    recipe: Recipe,
) -> Any:
    import xgboost

    options = dict(settings)
    rounds, patience, bins = (int(options.pop(k)) for k in ("rounds", "early_stopping_rounds", "max_bin"))
    # The objective named here only turns margins into probabilities; the gradient is that of ``charge``.
    options |= {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_bin": bins,
        "seed": recipe.seed,
        "verbosity": 0,
    }
    options["monotone_constraints"] = str(recipe.directions(specs, "binary"))
    options["nthread"] = threads(len(train) * len(specs))
    learn = xgboost.QuantileDMatrix(**boosting_matrix(train, specs), max_bin=bins)
    stop: dict[str, Any] = {}
    if len(held) and patience:
        watched = xgboost.QuantileDMatrix(**boosting_matrix(held, specs), ref=learn, max_bin=bins)
        stop = {"evals": [(watched, "held")], "early_stopping_rounds": patience, "verbose_eval": False}
    booster = xgboost.train(options, learn, rounds, obj=charge, **stop)
    booster = booster[: booster.best_iteration + 1] if stop else booster
    booster.set_param({"nthread": 1})
    return booster

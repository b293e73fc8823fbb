"""What a regression probably cost before its labels are known: the loss itself is learned (direct loss estimation).

A predicted number says nothing of its own error; rows whose truth is known do. A model of the loss of a row, fitted on
them, answers for the rows of a batch.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.learning.predictors import limited
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, codes, prepare
from ml_assets.statistics.arrays import finite, same_rows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import normal_quantile
from ml_assets.statistics.value import RegressionValue

FOLDS = 5
LEAST_ROWS = 50
"""Reference rows below which a model of the loss learns nothing but noise."""
Loss = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class LossEstimate:
    """Expected figures of a batch, none where they cannot be estimated, and how they came about or why there are none."""

    estimates: tuple[Estimate, ...]
    sentence: str


def estimate_losses(
    reference: pd.DataFrame,
    truth: npt.ArrayLike,
    reference_prediction: npt.ArrayLike,
    batch: pd.DataFrame,
    prediction: npt.ArrayLike,
    specs: Sequence[FeatureSpec],
    value: RegressionValue | None = None,
    *,
    weight: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> LossEstimate:
    """Expected mean_absolute_error, root_mean_squared_error and, given ``value``, value_per_decision of a batch.

    ``reference`` (n rows) with ``truth`` (n,) and ``reference_prediction`` (n,): rows the predictor did not learn from;
    ``weight`` (n,), 0 or more: how much each looks like a row of the batch (default: all alike). ``batch`` (m rows)
    with ``prediction`` (m,). Losses are in units of the target, squared inside the root, money in that of ``value``.

    Boosted trees g learn the loss from inputs and prediction, ``FOLDS`` times without a fold. The figure is
    mean g(batch) + Σ w (loss - g) / Σ w over the reference, g there being the one that did not see the row: right when
    either the weights or g are (augmented inverse probability weighting). The interval says where the realised figure
    of these very rows will fall at ``level``: spread of the weighted residuals over the reference and, as the noise of
    the batch's own rows, their weighted mean square over m. On the log scale for the two errors, which are skewed.
    Blind to a change of what the same rows turn out to be. No estimate below ``LEAST_ROWS`` reference rows.
    Errors: ``DataError`` for unequal lengths, gaps, negative weights, or a column that is missing.
    Source: Robins, Rotnitzky and Zhao, JASA 89 (1994) 846; NannyML's DLE for learning the loss.
    """
    y, known, p = finite(truth, "truth"), finite(reference_prediction, "reference_prediction"), finite(prediction)
    w = np.ones(len(y)) if weight is None else finite(weight, "weight")
    same_rows(truth=y, reference_prediction=known, weight=w, reference=reference.index.to_numpy())
    same_rows(prediction=p, batch=batch.index.to_numpy())
    if w.min(initial=0.0) < 0 or (len(w) and w.sum() <= 0):
        raise DataError("row weights", got=f"sum {w.sum():g}", allowed=">= 0, sum > 0", do="Correct them")
    if len(y) < LEAST_ROWS or not len(p):
        return LossEstimate(
            (),
            f"not estimable: {len(y):,} reference rows and {len(p):,} of the batch; {LEAST_ROWS} and one are needed",
        )
    at_known, at_batch = _inputs(reference, known, specs), _inputs(batch, p, specs)
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    found = []
    with limited(0):
        for name, loss in _losses(value).items():
            mean, error = _figure(at_known, loss(y, known), w, at_batch, fold, seed)
            found.append(_estimate(name, mean, error, len(p), level))
    return LossEstimate(tuple(found), f"from the loss of {len(y):,} rows whose truth is known")


def _losses(value: RegressionValue | None) -> dict[str, Loss]:
    losses: dict[str, Loss] = {
        "mean_absolute_error": lambda y, p: np.abs(p - y),
        "root_mean_squared_error": lambda y, p: (p - y) ** 2,
    }
    return losses if value is None else losses | {"value_per_decision": value.money}


def _figure(
    at_known: FloatArray, loss: FloatArray, w: FloatArray, at_batch: FloatArray, fold: Any, seed: int
) -> tuple[float, float]:
    """The expected mean loss of the batch and its standard error."""
    held_out, at_rows = np.empty(len(loss)), np.zeros(len(at_batch))
    for k in range(FOLDS):
        held = fold == k
        # scikit-learn's trees refuse a column without any value
        usable = np.isfinite(at_known[~held]).any(axis=0)
        model = _model(seed).fit(at_known[~held][:, usable], loss[~held])
        held_out[held] = model.predict(at_known[held][:, usable])
        at_rows += model.predict(at_batch[:, usable]) / FOLDS
    residual, share = loss - held_out, w / w.sum()
    correction = float(share @ residual)
    of_reference = float((share**2) @ (residual - correction) ** 2)
    of_labels = float(share @ residual**2) / len(at_batch)
    return float(at_rows.mean()) + correction, math.sqrt(of_reference + of_labels)


def _estimate(name: str, mean: float, error: float, n: int, level: float) -> Estimate:
    half = normal_quantile(level) * error
    if name == "value_per_decision":
        return Estimate(name, mean, mean - half, mean + half, n, "money", level)
    mean = max(mean, 0.0)
    factor = math.exp(half / mean) if mean > 0 and half / mean < 50 else math.inf
    low, high = (mean / factor, mean * factor) if mean > 0 else (0.0, half)
    if name == "root_mean_squared_error":
        mean, low, high = math.sqrt(mean), math.sqrt(low), math.sqrt(high)
    return Estimate(name, mean, low, high, n, "target units", level)


def _inputs(rows: pd.DataFrame, prediction: FloatArray, specs: Sequence[FeatureSpec]) -> FloatArray:
    """Codes of the inputs and the prediction, (rows, specs + 1)."""
    return np.column_stack([codes(prepare(rows, specs), specs), prediction])


def _model(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=60, learning_rate=0.08, max_leaf_nodes=8, min_samples_leaf=20, early_stopping=False, random_state=seed
    )

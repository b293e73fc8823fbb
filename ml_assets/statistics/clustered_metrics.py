"""Intervals of metrics whose rows share a cause: how much wider they are where a customer with ten rows is one customer.

A metric's influence values say what each row adds to its error (they sum to 0); sums of them over clusters give the variance
with clusters, they themselves that without. Source: Obuchowski, Biometrics 53 (1997) 567, for the area under the ROC curve;
Binder, International Statistical Review 51 (1983) 279, for any smooth figure.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered import cluster_sums
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import placements, t_quantile

Influence = Callable[[FloatArray, FloatArray], FloatArray]


def widened(plain: Estimate, influence: FloatArray, cluster: npt.NDArray[Any], bounds: tuple[float, float]) -> Estimate:
    """``plain``, the figure by rows, with both ends further away by the root of the design effect, cut to ``bounds``.

    ``influence`` (n,): what each row adds, up to a factor; ``cluster`` (n,). Unbounded within ``bounds`` for one cluster. A
    figure that is not estimable, or whose rows each stand alone, stays as it is.
    """
    if not math.isfinite(plain.value) or len(np.unique(cluster)) == len(cluster):
        return plain
    factor = stretch(influence, cluster, plain.level)
    low, high = (
        plain.value + factor * (end - plain.value) if end != plain.value else end for end in (plain.low, plain.high)
    )
    if math.isinf(factor):
        low, high = bounds
    return Estimate(
        plain.name, plain.value, max(low, bounds[0]), min(high, bounds[1]), plain.n, plain.unit, plain.level
    )


def stretch(influence: FloatArray, cluster: npt.NDArray[Any], level: float) -> float:
    """How much wider an interval of rows has to be: sqrt(variance with clusters / without), t for clusters over t for rows.

    1 at least, as rows of a cluster that differ more than others prove nothing by it; rows that add nothing (the negatives
    to a recall) count neither way. Where none adds anything, as when all are right, a cluster tells what one row tells.
    ``inf`` for fewer than two clusters.
    """
    adds = influence != 0 if influence.any() else np.ones(len(influence), dtype=np.bool_)
    sums = cluster_sums(influence[adds][:, None], cluster[adds])[:, 0]
    n, count = int(adds.sum()), len(sums)
    if count < 2:
        return math.inf
    wider = t_quantile(level, count - 1) / t_quantile(level, n - 1)
    by_row = float(influence @ influence) * n / (n - 1)
    effect = float(sums @ sums) * count / (count - 1) / by_row if by_row > 0 else n / count
    return math.sqrt(max(effect, 1.0)) * wider


def influence_of(name: str, rows: Influence | None, truth: FloatArray, values: FloatArray) -> FloatArray:
    """What every row adds to a metric; ``rows``: the per-row values whose mean it is, None where it is no mean."""
    if rows is not None:
        found = rows(truth, values)
        return np.asarray(found - found.mean(), dtype=np.float64)
    return INFLUENCES[name](truth, values)


def _ranking(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Of the area under the ROC curve: DeLong's components less the area, over the rows of the class."""
    found = np.zeros(len(truth))
    if 0 < truth.sum() < len(truth):
        above, below = placements(truth, score)
        found[truth == 1] = (above - above.mean()) / len(above)
        found[truth == 0] = (below - below.mean()) / len(below)
    return found


def _kept(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Of a calibration error: the promise to the likeliest class (to the positive one) less what happened."""
    if score.ndim == 1:
        return np.asarray(score - truth, dtype=np.float64)
    top = score.argmax(axis=1)
    return np.asarray(score[np.arange(len(score)), top] - (top == truth), dtype=np.float64)


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Of Σ above / Σ below."""
    total = below.sum()
    return (
        np.asarray((above - above.sum() / total * below) / total, dtype=np.float64)
        if total > 0
        else np.zeros(len(below))
    )


def _recalls(truth: FloatArray, decision: FloatArray) -> FloatArray:
    found = np.zeros(len(truth))
    for code in np.unique(truth):
        own = (truth == code).astype(np.float64)
        found += _ratio(own * (decision == code), own)
    return found


def _f1s(truth: FloatArray, decision: FloatArray) -> FloatArray:
    found = np.zeros(len(truth))
    for code in np.unique(np.concatenate([truth, decision])):
        own, said = (truth == code).astype(np.float64), (decision == code).astype(np.float64)
        found += _ratio(2 * own * said, own + said)
    return found


def _square(truth: FloatArray, score: FloatArray) -> FloatArray:
    squares = (score - truth) ** 2
    return np.asarray(squares - squares.mean(), dtype=np.float64)


INFLUENCES: Mapping[str, Influence] = {
    "roc_auc": _ranking,
    # Precision at the positives is a matter of their ranks among the negatives, as the area is.
    "average_precision": _ranking,
    "expected_calibration_error": _kept,
    "balanced_accuracy": _recalls,
    "macro_f1": _f1s,
    "precision": lambda truth, decision: _ratio(truth * decision, decision),
    "recall": lambda truth, decision: _ratio(truth * decision, truth),
    "specificity": lambda truth, decision: _ratio((1 - truth) * (1 - decision), 1 - truth),
    "f1": lambda truth, decision: _ratio(2 * truth * decision, truth + decision),
    "selection_rate": lambda _, decision: np.asarray(decision - decision.mean(), dtype=np.float64),
    "root_mean_squared_error": _square,
    "r2": lambda truth, score: -_ratio((score - truth) ** 2, (truth - truth.mean()) ** 2),
}
"""Of the metrics that are no mean over rows, up to a factor."""

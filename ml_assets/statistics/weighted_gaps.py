"""The label gap of every group under row weights: what reweighing left of it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, codes, finite, same_rows
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import groupings
from ml_assets.statistics.intervals import normal_quantile, t_quantile
from ml_assets.statistics.metrics import Task


@dataclass(frozen=True, slots=True)
class WeightedGap:
    """Weighted label rate of a group less the rest's; 0 is no gap. Regression: of means, in standard deviations."""

    attribute: str
    group: str
    difference: Estimate


def weighted_gaps(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    task: Task = "binary",
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[WeightedGap, ...]:
    """Every group of every attribute; multiclass: the class whose rates differ most.

    Normal intervals with Kish's effective rows (Σw)²/Σw²: not for a handful of rows, and not a test of the weights, which
    were made from these rows. Rows of one ``cluster`` (n,), such as a customer, are one draw: Student's intervals with the
    weighted distances from the mean of a side summed by cluster. Not estimable without rows, or weight, on a side.
    Sources: Kish, Survey Sampling (1965); Binder, International Statistical Review 51 (1983) 279.
    """
    y, w = finite(truth, "truth"), finite(weights, "weights")
    same_rows(groups=groups.index.to_numpy(), truth=y, weights=w)
    scale = 1.0
    if task == "regression":
        scale = float(y.std(ddof=1)) if y.size > 1 else math.nan
    outcomes = [(y == c).astype(np.float64) for c in np.unique(codes(y))] if task == "multiclass" else [y / scale]
    shared = None if cluster is None else cluster_codes(cluster, len(y))
    found = []
    for table in groupings(groups):
        for code, label in enumerate(table.labels):
            ours = table.codes == code
            gaps = [_gap(one, w, ours, shared, level) for one in outcomes]
            worst = max(gaps, key=lambda g: abs(g.value) if g.estimable else -1.0, default=not_estimable("gap"))
            found.append(WeightedGap(table.attribute, label, worst))
    return tuple(found)


def _gap(y: FloatArray, w: FloatArray, ours: npt.NDArray[np.bool_], cluster: IntArray | None, level: float) -> Estimate:
    n = int(ours.sum())
    sides, pull, clusters = [], np.zeros(y.size), []
    for side, sign in ((ours, 1), (~ours, -1)):
        total = float(w[side].sum())
        if not total > 0 or not np.isfinite(y).all():
            return not_estimable("weighted_label_gap", n=n, level=level)
        mean = float(w[side] @ y[side]) / total
        variance = float(w[side] @ (y[side] - mean) ** 2) / total
        sides.append((mean, variance * float(w[side] @ w[side]) / total**2))
        pull[side] = sign * w[side] * (y[side] - mean) / total
        clusters.append(0 if cluster is None else np.unique(cluster[side]).size)
    value = sides[0][0] - sides[1][0]
    half = normal_quantile(level) * math.sqrt(sides[0][1] + sides[1][1])
    if cluster is not None:
        half = _half(pull, cluster, min(clusters), level)
    return Estimate("weighted_label_gap", value, value - half, value + half, n, level=level)


def _half(pull: FloatArray, cluster: IntArray, fewest: int, level: float) -> float:
    """Half of Student's interval of a sum of pulls (n,), those of a cluster together; ``fewest``: clusters of a side."""
    if fewest < 2:
        return math.inf
    sums, count = np.bincount(cluster, weights=pull), np.unique(cluster).size
    return t_quantile(level, fewest - 1) * math.sqrt(float(sums @ sums) * count / (count - 1))

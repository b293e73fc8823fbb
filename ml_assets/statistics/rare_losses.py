"""How low a mean may be once losses are counted that are rare, large, and perhaps not among the rows that were seen."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, finite
from ml_assets.statistics.clustered import cluster_sums, clustered_mean
from ml_assets.statistics.intervals import normal_quantile
from ml_assets.statistics.skewness import skewed_interval

WEIGHS_LITTLE = 0.5
"""A worst row this small against the noise of all rows (in standard errors of their sum) needs no limit of its own."""


def low_with_rare_losses(
    values: npt.ArrayLike, *, lowest: float | None, level: float = 0.95, cluster: npt.NDArray[Any] | None = None
) -> float:
    """The lowest that a mean (n,) may be by the rows seen and, where ``lowest`` says what a row can lose, by those unseen.

    The low end of ``skewness.skewed_interval``, and :func:`least_mean` where that is lower, as long as one more row (the
    largest cluster) at ``lowest`` would move the sum of all rows by more than half its standard error. Below that no row
    decides the mean, seen or not: the sum is that of many small parts and the limit by its spread holds (by simulation, see
    ``benchmarks/interval_coverage.py``: no wrong release above 4 %); a limit for any distribution would cost power for
    nothing. In the unit of ``values``; nan without rows.
    Errors: ``DataError`` for a value below ``lowest``.
    """
    array = finite(values)
    if not array.size:
        return math.nan
    seen = skewed_interval(array, level=level, cluster=cluster)[0]
    if lowest is None:
        return seen
    _check(array, lowest)
    if not math.isfinite(seen):
        return seen
    largest = float(cluster_sums(np.ones((array.size, 1)), cluster).max())
    noise = clustered_mean(array, cluster).error * array.size
    if (float(array.mean()) - lowest) * largest <= WEIGHS_LITTLE * noise:
        return seen
    return min(seen, least_mean(array, lowest=lowest, level=level, cluster=cluster))


def least_mean(
    values: npt.ArrayLike, *, lowest: float, level: float = 0.95, cluster: npt.NDArray[Any] | None = None
) -> float:
    """One-sided lower limit of the mean of a quantity that cannot fall below ``lowest``, whatever its distribution.

    Gaffke's limit: the rows (n,) and one more row at ``lowest`` get weights drawn evenly from all weights that sum to 1
    (Dirichlet of ones); the limit is the ``1 - level`` quantile of the weighted mean. Of zeros and ones it is Clopper and
    Pearson's; where no row differs from another it is value - (value - lowest)·(1 - (1 - level)^(1/n)), the "rule of
    three": a loss in 3/n of all rows would be missed in one case of twenty. With many rows of many sizes it is close to
    Student's one-sided limit. Rows of one ``cluster`` (n,) are one draw, and the one more cluster is as large as the
    largest. That it holds is proved for zeros and ones; for other distributions it is
    a conjecture that simulation has not refuted.
    In the unit of ``values``; nan without rows.
    Errors: ``DataError`` for a value below ``lowest``.
    Sources: Gaffke, Mathematical Methods of Statistics 14 (2005) 451; Learned-Miller and Thomas, arXiv 1905.06208 (2019).
    The quantile is found by Lugannani and Rice's formula (Advances in Applied Probability 12 (1980) 475) for a weighted sum
    of exponential variables; it gives ``1 - level`` to about one part in thirty.
    """
    array = finite(values)
    normal_quantile(level)
    if not array.size:
        return math.nan
    _check(array, lowest)
    scale = float(array.max()) - lowest
    if scale <= 0:
        return lowest
    parts, counts = _with_worst((array - lowest) / scale, cluster)
    return lowest + scale * _weighted_quantile(parts, counts, 1 - level)


def _check(array: FloatArray, lowest: float) -> None:
    if not lowest <= array.min():
        do = "Pass the least value that a row can have"
        raise DataError(
            "a value below the lowest there can be", got=float(array.min()), allowed=f"{lowest:g} up", do=do
        )


def _with_worst(shifted: FloatArray, cluster: npt.NDArray[Any] | None) -> tuple[FloatArray, FloatArray]:
    """Distinct (sum, rows) of the draws and how often each came, the one at the lowest value (0) among them."""
    draws = cluster_sums(np.column_stack([shifted, np.ones(shifted.size)]), cluster)
    worst = np.array([[0.0, draws[:, 1].max()]])
    parts, counts = np.unique(np.concatenate([draws, worst]), axis=0, return_counts=True)
    return parts, counts.astype(np.float64)


def _weighted_quantile(parts: FloatArray, counts: FloatArray, share: float) -> float:
    """The t below which Σ E·sum / Σ E·rows stays with chance ``share``, E independent exponential variables."""
    from scipy.optimize import brentq

    total, rows = counts @ parts
    middle = float(total / rows)
    found = brentq(lambda t: _chance_below(parts, counts, t) - share, 0.0, middle, xtol=1e-12 * max(middle, 1e-300))
    return float(found)


def _chance_below(parts: FloatArray, counts: FloatArray, t: float) -> float:
    """P(Σ E·(sum - t·rows) <= 0) for a t below the mean, by the saddlepoint."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    away = parts[:, 0] - t * parts[:, 1]
    least = float(away.min())
    if least >= 0:
        return 0.0
    edge = 1 / least

    def slope(s: float) -> float:
        return float(counts @ (away / (1 - s * away)))

    if slope(0.0) <= 0:
        return 0.5
    s = float(brentq(slope, edge * (1 - 1e-13), 0.0, xtol=1e-14 * abs(edge)))
    height = 2 * float(counts @ np.log1p(-s * away))
    width = s * math.sqrt(float(counts @ (away / (1 - s * away)) ** 2))
    w = -math.sqrt(max(height, 0.0))
    if w > -1e-4:
        return 0.5
    return float(ndtr(w)) + math.exp(-w * w / 2) / math.sqrt(2 * math.pi) * (1 / w - 1 / width)

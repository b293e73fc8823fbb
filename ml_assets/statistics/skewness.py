"""Intervals of means and of ratios of means whose few large values carry much of the sum: Student's alone misses there."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, finite
from ml_assets.statistics.clustered import cluster_sums, covariance_of_means
from ml_assets.statistics.intervals import Interval, t_quantile

_FLAT = 1e-12


def squares_interval(
    values: npt.ArrayLike, *, level: float = 0.95, cluster: npt.NDArray[Any] | None = None
) -> Interval:
    """Interval of the mean of squares, or of another quantity of one sign whose few large values carry the sum, (n,).

    Student's t interval misses such a mean on one side. With g the sample's skewness and T = sqrt(n)·(mean - mu)/sd,
    T + g·T²/(3 sqrt n) + g²·T³/(27 n) + g/(6 sqrt n) follows t far better and is inverted; it is Student's without skewness.
    Rows of one ``cluster`` (n,) are one draw. nan without rows, unbounded for one draw. Not for a quantity with long tails on both sides: see :func:`skewed_interval`.
    Source: Hall, On the removal of skewness by transformation, JRSS B 54 (1992) 221.
    """
    centre, error, low, high = _standardized(finite(values), cluster, level)
    return centre - error * high, centre - error * low


def skewed_interval(values: npt.ArrayLike, *, level: float = 0.95, cluster: npt.NDArray[Any] | None = None) -> Interval:
    """Interval of a mean of money, (n,): whichever of Student's and Hall's ends lies further out, on either side.

    Money has long tails of either sign. Hall's correction (:func:`squares_interval`) moves both ends towards the tail that
    was seen, which helps on that side and harms on the other; Student's error there is the opposite. The wider end of the
    two held 93 to 95 % at 50 rows where Student's held 86 to 93 and Hall's 91 to 92 (``benchmarks/interval_coverage.py``);
    of normal values it is wider than Student's by a few parts in a hundred. Rows of one ``cluster`` (n,) are one draw.
    nan without rows, unbounded for one draw. It knows nothing of values that no row shows (``rare_losses.least_mean``).
    """
    array = finite(values)
    centre, error, low, high = _standardized(array, cluster, level)
    if not math.isfinite(centre) or error == 0:
        return centre - error, centre + error
    half = t_quantile(level, _draws(array, cluster).size - 1) if math.isfinite(error) else 1.0
    return centre - error * max(high, half), centre - error * min(low, -half)


def ratio_of_means(
    above: FloatArray, below: FloatArray, *, level: float = 0.95, cluster: npt.NDArray[Any] | None = None
) -> Interval:
    """Fieller's interval of mean(above) / mean(below) of the same rows (n,): every ratio r for which Student's interval of
    the mean of above - r·below holds 0.

    In units of above / below. Unbounded above where the mean of ``below`` cannot be told from 0; (0, 0) where ``above`` is.
    For quantities of no negative value: an end below 0 is cut. Rows of one ``cluster`` (n,) are one draw. nan without rows.
    Source: Fieller, JRSS B 16 (1954) 175.
    """
    n = above.size if cluster is None else np.unique(cluster).size
    if n < 2 or not below.any():
        return (0.0, math.inf) if n else (math.nan, math.nan)
    top, base = float(above.mean()), float(below.mean())
    if top == 0:
        return 0.0, 0.0
    # With r in units of top / base: a·r² - 2·b·r + c <= 0, which r = 1 always meets.
    both = np.vstack([above / top, below / base])
    noise = np.cov(both) if cluster is None else covariance_of_means(both.T, cluster) * n
    spread = noise * t_quantile(level, n - 1) ** 2 / n
    a, b, c = 1 - float(spread[1, 1]), 1 - float(spread[0, 1]), 1 - float(spread[0, 0])
    root = math.sqrt(max(b * b - a * c, 0.0))
    low = c / (b + root) if c > 0 else 0.0
    return low * top / base, ((b + root) / a * top / base if a > 0 else math.inf)


def _standardized(
    array: FloatArray, cluster: npt.NDArray[Any] | None, level: float
) -> tuple[float, float, float, float]:
    """Mean, its standard error, and the two ends of (mean - truth) / error by Hall."""
    if not array.size:
        return math.nan, math.nan, math.nan, math.nan
    centre, sums = float(array.mean()), _draws(array, cluster)
    if sums.size < 2:
        return centre, math.inf, -1.0, 1.0
    half = t_quantile(level, sums.size - 1)
    spread = float(sums.std(ddof=1))
    error = spread * math.sqrt(sums.size) / array.size
    if spread <= _FLAT * float(np.abs(array).max()):
        return centre, error, -half, half
    skew = float(((sums / sums.std()) ** 3).mean()) / math.sqrt(sums.size)
    return centre, error, _without_skewness(-half, skew), _without_skewness(half, skew)


def _draws(array: FloatArray, cluster: npt.NDArray[Any] | None) -> FloatArray:
    """Each draw's part of the distance from the mean."""
    return cluster_sums((array - array.mean())[:, np.newaxis], cluster)[:, 0]


def _without_skewness(t: float, skew: float) -> float:
    """The T whose transformation is ``t``; ``skew`` is the skewness over the root of n."""
    return t if abs(skew) < 1e-8 else (float(np.cbrt(1 + skew * (t - skew / 6))) - 1) * 3 / skew

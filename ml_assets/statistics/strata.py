"""Two sides compared in every stratum, and the strata put together into one comparison."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.columns import read_column
from ml_assets.statistics.intervals import Interval, newcombe_difference, normal_quantile
from ml_assets.statistics.verdicts import PASS_LEVEL, Contrast

BANDS = 5
_VALUES = 10
# 1.645 for the equivalence test at 5 % plus 1.645 for 90 % power at no gap.
_RESOLVING_Z = 3.29


def strata_of(columns: pd.DataFrame, *, bands: int = BANDS) -> IntArray:
    """The stratum of every row (n,): its combination of values; numbers of more than 10 values in ``bands`` quantile bands.

    Missing is a value of its own. ``DataError`` without a column.
    """
    if not len(columns.columns):
        raise DataError("nothing to compare like with like by", got="no column", allowed="one or more", do="Name one")
    levels = []
    for name in columns.columns:
        column = read_column(columns[name])
        if column.kind == "categorical" or column.distinct <= _VALUES:
            levels.append(column.levels())
            continue
        cuts = np.unique(np.quantile(column.numbers[~column.missing], np.arange(1, bands) / bands))
        place = np.searchsorted(cuts, column.numbers, side="right")
        levels.append(np.where(column.missing, -1, place).astype(np.int64))
    return np.unique(np.stack(levels), axis=1, return_inverse=True)[1].astype(np.int64).reshape(-1)


def stratified_rates(x: FloatArray, n: FloatArray, y: FloatArray, m: FloatArray, *, tolerance: float) -> Contrast:
    """Rate x/n of one side less y/m of the other in each of k strata, weighted by n·m/(n + m); 0 means equal rates.

    All arrays (k,); strata with one side only count for nothing. The interval puts Newcombe's of the strata together
    by the method of variance estimates recovery. Of a single stratum it is Newcombe's own. Not estimable when no stratum
    has both sides. Sources: Mantel and Haenszel, JNCI 22 (1959) 719; Zou and Donner, Statistics in Medicine 27 (2008) 1693.
    """
    kept = (n > 0) & (m > 0)
    if not kept.any():
        return _empty(tolerance)
    x, n, y, m = x[kept], n[kept], y[kept], m[kept]
    weight = n * m / (n + m)
    weight = weight / weight.sum()
    gap, pooled = x / n - y / m, (x + y) / (n + m)
    value = float(weight @ gap)
    error = math.sqrt(float(weight**2 @ (pooled * (1 - pooled) * (1 / n + 1 / m))))

    def interval(level: float) -> Interval:
        return _together(value, weight, gap, _each(x, n, y, m, level))

    equal = _together(0.0, weight, np.zeros(len(n)), _each(pooled * n, n, pooled * m, m, PASS_LEVEL))
    detectable = max(_RESOLVING_Z * error, equal[1], -equal[0])
    return _contrast(value, error, tolerance, detectable, interval)


def stratified_means(
    values: FloatArray, ours: npt.NDArray[np.bool_], place: IntArray, *, scale: float, tolerance: float
) -> Contrast:
    """Mean of ``values`` (n,) where ``ours`` less the mean elsewhere, by stratum, in units of ``scale``; weights as for rates.

    A stratum needs two rows of each side. The interval is the normal one: not for a handful of rows.
    """
    parts = []
    for side in (ours, ~ours):
        count = np.bincount(place[side], minlength=int(place.max(initial=-1)) + 1).astype(np.float64)
        total = np.bincount(place[side], weights=values[side], minlength=count.size).astype(np.float64)
        square = np.bincount(place[side], weights=values[side] ** 2, minlength=count.size).astype(np.float64)
        parts.append((count, total, square))
    kept = (parts[0][0] > 1) & (parts[1][0] > 1)
    if not kept.any() or not scale > 0:
        return _empty(tolerance)
    (n, mean, spread), (m, other, around) = (_moments(c[kept], t[kept], s[kept]) for c, t, s in parts)
    weight = n * m / (n + m)
    weight = weight / weight.sum()
    value = float(weight @ (mean - other)) / scale
    error = math.sqrt(float(weight**2 @ (spread / n + around / m))) / scale

    def interval(level: float) -> Interval:
        half = normal_quantile(level) * error
        return value - half, value + half

    return _contrast(value, error, tolerance, _RESOLVING_Z * error, interval)


def _moments(count: FloatArray, total: FloatArray, square: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean = total / count
    return count, mean, np.maximum(square - count * mean**2, 0.0) / (count - 1)


def _each(x: FloatArray, n: FloatArray, y: FloatArray, m: FloatArray, level: float) -> FloatArray:
    rows = (newcombe_difference(*(float(v) for v in one), level=level) for one in zip(x, n, y, m, strict=True))
    return np.array(list(rows), dtype=np.float64)


def _together(value: float, weight: FloatArray, gap: FloatArray, bounds: FloatArray) -> Interval:
    below = math.sqrt(float(weight**2 @ (gap - bounds[:, 0]) ** 2))
    above = math.sqrt(float(weight**2 @ (bounds[:, 1] - gap) ** 2))
    return max(value - below, -1.0), min(value + above, 1.0)


def _contrast(
    value: float, error: float, tolerance: float, detectable: float, interval: Callable[[float], Interval]
) -> Contrast:
    p_value = math.erfc(abs(value) / error / math.sqrt(2)) if error else float(value == 0)
    return Contrast(value, -tolerance, tolerance, p_value, detectable <= tolerance, detectable, interval)


def _empty(tolerance: float) -> Contrast:
    return Contrast(math.nan, -tolerance, tolerance, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))

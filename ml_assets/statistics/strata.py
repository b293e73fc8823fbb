"""Two sides compared in every stratum, and the strata put together into one comparison."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.columns import read_column
from ml_assets.statistics.intervals import Interval, newcombe_difference, normal_quantile, t_over_z
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


Design = Callable[[float], float]
"""At a confidence level, how many rows of a comparison are worth one independent row."""


def independent(_level: float) -> float:
    """The design of rows that share nothing."""
    return 1.0


def design_of(
    values: FloatArray, ours: npt.NDArray[np.bool_], place: IntArray, cluster: IntArray, *, least: int = 1
) -> Design:
    """The design effect of a stratified comparison of means of ``values`` (n,), rows of one ``cluster`` (n,) as one draw.

    The variance of the weighted gap with the pulls of its rows summed by cluster, over that with every row alone; at least
    1, and (t/z)² more at a level, as it is itself estimated by the clusters of the smaller side. A cluster on both sides and
    in several strata counts with all it pulls. Where no row pulls: rows over clusters. Strata with fewer than ``least`` rows
    of a side count for nothing. Source: Rao and Scott, Biometrics 48 (1992) 577.
    """
    sizes = [np.bincount(place[side], minlength=int(place.max(initial=-1)) + 1) for side in (ours, ~ours)]
    kept = np.minimum(*sizes)[place] >= least
    code, sides = np.unique(cluster[kept], return_inverse=True)[1], [kept & side for side in (ours, ~ours)]
    weight = np.divide(sizes[0] * sizes[1], sizes[0] + sizes[1], out=np.zeros(sizes[0].size), where=sizes[0] > 0)
    pull = np.zeros(values.size)
    for rows, size, sign in zip(sides, sizes, (1, -1), strict=True):
        sums = np.bincount(place[rows], weights=values[rows], minlength=size.size)
        pull[rows] = (
            sign
            * (weight / np.maximum(size, 1))[place[rows]]
            * (values[rows] - (sums / np.maximum(size, 1))[place[rows]])
        )
    alone, owned = float(pull @ pull), float((np.bincount(code, weights=pull[kept]) ** 2).sum())
    clusters, fewest = int(code.max(initial=-1)) + 1, min(np.unique(cluster[rows]).size for rows in sides)
    if fewest < 2 or clusters == code.size:
        return independent if clusters == code.size else lambda _level: math.inf
    effect = owned * clusters / (clusters - 1) / alone if alone > 0 else code.size / clusters
    return lambda level: max(effect, 1.0) * t_over_z(level, fewest - 1) ** 2


def stratified_rates(
    x: FloatArray, n: FloatArray, y: FloatArray, m: FloatArray, *, tolerance: float, design: Design = independent
) -> Contrast:
    """Rate x/n of one side less y/m of the other in each of k strata, weighted by n·m/(n + m); 0 means equal rates.

    All arrays (k,); strata with one side only count for nothing. The interval puts Newcombe's of the strata together
    by the method of variance estimates recovery. Of a single stratum it is Newcombe's own. Not estimable when no stratum
    has both sides. ``design``: of rows that share a cause; all counts are divided by it.
    Sources: Mantel and Haenszel, JNCI 22 (1959) 719; Zou and Donner, Statistics in Medicine 27 (2008) 1693.
    """
    kept = (n > 0) & (m > 0)
    if not kept.any():
        return _empty(tolerance)
    x, n, y, m = x[kept], n[kept], y[kept], m[kept]
    weight = n * m / (n + m)
    weight = weight / weight.sum()
    gap, pooled, worth = x / n - y / m, (x + y) / (n + m), design(PASS_LEVEL)
    value = float(weight @ gap)
    if math.isinf(worth):
        return _contrast(value, math.inf, tolerance, math.inf, lambda _level: (-1.0, 1.0))
    error = math.sqrt(worth * float(weight**2 @ (pooled * (1 - pooled) * (1 / n + 1 / m))))

    def interval(level: float) -> Interval:
        return _together(value, weight, gap, _each(x, n, y, m, level, design(level)))

    equal = _together(0.0, weight, np.zeros(len(n)), _each(pooled * n, n, pooled * m, m, PASS_LEVEL, worth))
    detectable = max(_RESOLVING_Z * error, equal[1], -equal[0])
    return _contrast(value, error, tolerance, detectable, interval)


def stratified_means(
    values: FloatArray,
    ours: npt.NDArray[np.bool_],
    place: IntArray,
    *,
    scale: float,
    tolerance: float,
    design: Design = independent,
) -> Contrast:
    """Mean of ``values`` (n,) where ``ours`` less the mean elsewhere, by stratum, in units of ``scale``; weights as for rates.

    A stratum needs two rows of each side. The interval is the normal one: not for a handful of rows. ``design``: of rows that
    share a cause; the squared error is that many times as large.
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
    error, worth = math.sqrt(float(weight**2 @ (spread / n + around / m))) / scale, math.sqrt(design(PASS_LEVEL))
    if math.isinf(worth):
        return _contrast(value, math.inf, tolerance, math.inf, lambda _level: (-math.inf, math.inf))

    def interval(level: float) -> Interval:
        half = normal_quantile(level) * math.sqrt(design(level)) * error
        return value - half, value + half

    return _contrast(value, worth * error, tolerance, _RESOLVING_Z * worth * error, interval)


def _moments(count: FloatArray, total: FloatArray, square: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean = total / count
    return count, mean, np.maximum(square - count * mean**2, 0.0) / (count - 1)


def _each(x: FloatArray, n: FloatArray, y: FloatArray, m: FloatArray, level: float, worth: float) -> FloatArray:
    """Newcombe's interval of every stratum, ``worth`` rows being one draw."""
    counts = zip(*(side / worth for side in (x, n, y, m)), strict=True)
    rows = (newcombe_difference(*(float(v) for v in one), level=level) for one in counts)
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

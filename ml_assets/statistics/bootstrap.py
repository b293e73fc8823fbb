"""Intervals of statistics that have no formula of their own: by drawing the rows again."""

import math
from collections.abc import Callable

import numpy as np

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.intervals import Interval, normal_quantile, percentile_stretch, wilson

Statistic = Callable[[IntArray], FloatArray]
_NOTHING: Interval = (math.nan, math.nan)
# Above this many rows a resample takes that many of them, and its spread is scaled back by the root of their share.
_RESAMPLE_ROWS = 20_000
_RESAMPLE_CELLS = 2_000_000


def bootstrap_interval(
    statistic_on_index: Statistic,
    n: int,
    *,
    draws: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Interval of any statistic by drawing rows again with replacement.

    ``statistic_on_index`` gets row numbers of shape (d, m), one resample per line, and returns the d values of the
    statistic (nan where it has no denominator). The percentiles of the draws are shifted so that their median sits on
    the statistic of all rows (a resample of a biased statistic, such as a calibration error, is biased twice). Above
    20,000 rows a resample takes m = 20,000 of them and the spread is multiplied by sqrt(m/n).
    ``(nan, nan)`` when more than half of the draws have no value. Not for extremes, and not for dependent rows.
    Source: Efron and Tibshirani (1993), chapter 13; Bickel, Götze and van Zwet, Statistica Sinica 7 (1997) 1.
    """
    normal_quantile(level)
    if n == 0:
        return _NOTHING
    rng = np.random.default_rng(seed)
    rows = min(n, _RESAMPLE_ROWS)
    chunk = max(1, _RESAMPLE_CELLS // rows)
    parts = [
        statistic_on_index(rng.integers(0, n, size=(min(chunk, draws - start), rows)))
        for start in range(0, draws, chunk)
    ]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    centre = float(statistic_on_index(np.arange(n, dtype=np.int64)[np.newaxis, :])[0])
    if values.size * 2 < draws or not math.isfinite(centre):
        return _NOTHING
    low, middle, high = (float(q) for q in np.quantile(values, [0.5 - level / 2, 0.5, 0.5 + level / 2]))
    scale = math.sqrt(rows / n)
    return centre + scale * (low - middle), centre + scale * (high - middle)


def share_interval(
    statistic_on_index: Statistic, n: int, *, positives: float, draws: int = 500, level: float = 0.95, seed: int = 0
) -> Interval:
    """Interval of a statistic in (0, 1] of n rows that rests on ``positives`` of them, such as average precision.

    :func:`bootstrap_interval` on the scale of log(p / (1 - p)), where the spread hangs less on the value, and about the value
    stretched by t(positives - 1) / z · sqrt(positives / (positives - 1)), by which the percentiles of few draws are too
    narrow. Values within 1 / (2·n·positives) of 0 or 1 are taken to lie at that distance; average precision below 1 never
    lies so close. At exactly 1, where every resample is 1 too, the low end is Wilson's of the positives.
    Source: Hesterberg, The American Statistician 69 (2015) 371, section 4.
    """
    from scipy.special import expit

    value = float(statistic_on_index(np.arange(n, dtype=np.int64)[np.newaxis, :])[0])
    if value >= 1:
        return wilson(positives, positives, level=level)[0], 1.0
    edge = 0.5 / (n * positives)

    def logit(index: IntArray) -> FloatArray:
        kept = np.clip(statistic_on_index(index), edge, 1 - edge)
        return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)

    ends = bootstrap_interval(logit, n, draws=draws, level=level, seed=seed)
    stretch = percentile_stretch(level, max(positives, 2.0))
    centre = float(logit(np.arange(n, dtype=np.int64)[np.newaxis, :])[0])
    low, high = (float(expit(centre + stretch * (end - centre))) for end in ends)
    return low, high

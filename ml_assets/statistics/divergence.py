"""Two rows of counts over the same cells: how far apart, and could that be chance. Neither side is taken as the truth.

``a`` counts the reference, ``b`` the current rows, shape (cells,), float64. Effects say how far, p-values how surely;
the expected effect of pure sampling noise is subtracted, because a raw distance grows with the number of cells and
not with drift.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics.intervals import normal_quantile

Counts = NDArray[np.float64]

# Cells with fewer expected rows in the smaller sample are pooled: chi-square and PSI need them filled.
FEWEST = 10.0
_EXACT_BELOW = 50.0
_TERMS = 5_000
_LEAST = 1e-300
_LARGE_EFFECT = 0.5
_NORMAL_ABOVE = 10_000.0


def normal_tail(z: float) -> float:
    """Two-sided tail probability of a standard normal at ``|z|``: 1 at 0, 0.05 at 1.96."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def kolmogorov_tail(x: float) -> float:
    """P(K > x) of the Kolmogorov distribution: 2 Σ (-1)^(k-1) exp(-2 k² x²); 1 at 0, 0.05 at 1.358."""
    if x < 0.2:  # the series alternates slowly there; the true value exceeds 1 - 1e-12
        return 1.0
    terms = (2.0 * (-1.0) ** (k - 1) * math.exp(-2.0 * k * k * x * x) for k in range(1, 26))
    return min(max(sum(terms), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class RankTests:
    """Tests of an ordered column cut into cells: ``location`` is a z-score, positive when the current values are
    higher, ``nan`` without a spread to test; ``p_values`` of location, spread and shape (none without a spread).
    """

    location: float
    p_values: tuple[float, ...]


def rank_tests(a: Counts, b: Counts) -> RankTests:
    """Whether an ordered column changed in location, in spread, or in shape.

    Location and spread: linear rank tests on normal scores and their squares (van der Waerden; Klotz), ties by
    midranks. Shape: Kolmogorov-Smirnov on the cells, conservative where values tie. Of a column with two values, or with
    fewer than 50 rows apart from its commonest value, only the share of that value is tested: the normal approximation would err.
    """
    from scipy.special import ndtri

    both, n, m = a + b, a.sum(), b.sum()
    kept = both > 0
    if n == 0 or m == 0 or kept.sum() < 2:
        return RankTests(math.nan, ())
    a, b, both = a[kept], b[kept], both[kept]
    if len(both) == 2 or (both.sum() - both.max()) * min(n, m) / (n + m) < _EXACT_BELOW:
        return _one_value_against_the_rest(a, b)
    scores = ndtri((np.cumsum(both) - both / 2) / both.sum())
    largest = float(np.abs(np.cumsum(a / n - b / m)).max())
    shape = kolmogorov_tail(largest * math.sqrt(n * m / (n + m)))
    location, spread = _score_z(a, b, scores), _score_z(a, b, scores**2)
    return RankTests(location, (normal_tail(location), normal_tail(spread), shape))


def _one_value_against_the_rest(a: Counts, b: Counts) -> RankTests:
    """Of two values, or of nearly one: how often the other ones occur, exactly where they are few."""
    from scipy.special import ndtri

    common = int(np.argmax(a + b))
    rest = (a.sum() - a[common], b.sum() - b[common])
    p_value = rate_p_value(rest[0], a.sum(), rest[1], b.sum())
    centre = np.arange(len(a)) - common
    rises = b @ centre / b.sum() >= a @ centre / a.sum()
    return RankTests(math.copysign(float(ndtri(max(p_value, _LEAST) / 2)), 1.0 if rises else -1.0), (p_value,))


def _score_z(a: Counts, b: Counts, scores: Counts) -> float:
    both, n, m = a + b, a.sum(), b.sum()
    mean = both @ scores / (n + m)
    variance = both @ (scores - mean) ** 2 / (n + m - 1)
    gap = b @ scores / m - a @ scores / n
    return float(gap / math.sqrt(variance * (1 / n + 1 / m))) if variance > 0 else 0.0


def rate_p_value(x: float, n: float, y: float, m: float) -> float:
    """Two-sided p-value for x of n against y of m: exact (Fisher, doubled tail) where few are expected, else normal.

    The normal approximation calls one missing value against a clean reference a certainty; hence the exact tail.
    """
    total, hits = n + m, x + y
    if n == 0 or m == 0 or hits in (0, total):
        return 1.0
    if min(hits, total - hits) * min(n, m) / total >= _EXACT_BELOW:
        rate = hits / total
        return normal_tail((y / m - x / n) / math.sqrt(rate * (1 - rate) * (1 / n + 1 / m)))
    if hits > total - hits:
        x, y, hits = n - x, m - y, total - hits
    if y / m < x / n:
        x, n, y, m = y, m, x, n
    return min(1.0, 2.0 * _upper_tail(y, m, hits, total))


def _upper_tail(y: float, m: float, hits: float, total: float) -> float:
    """P(Y >= y) when ``hits`` of ``total`` rows are spread at random and Y of them fall among m (hypergeometric)."""
    lowest = max(y, hits - (total - m))
    first = _log_choose(hits, lowest) + _log_choose(total - hits, m - lowest) - _log_choose(total, m)
    i = np.arange(lowest, min(hits, m, lowest + _TERMS))
    ratios = (hits - i) * (m - i) / ((i + 1) * (total - hits - m + i + 1))
    return min(1.0, math.exp(first) * (1.0 + float(np.cumprod(ratios).sum())))


def _log_choose(n: float, k: float) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def homogeneity_p_value(a: Counts, b: Counts) -> float:
    """Two-sample chi-square test that both rows of counts come from one distribution; 1 with fewer than two cells."""
    from scipy.special import gammaincc

    both, n, m = a + b, a.sum(), b.sum()
    kept = both > 0
    freedom = int(kept.sum()) - 1
    if n == 0 or m == 0 or freedom < 1:
        return 1.0
    a, b, both = a[kept], b[kept], both[kept]
    statistic = ((a * math.sqrt(m / n) - b * math.sqrt(n / m)) ** 2 / both).sum()
    return float(gammaincc(freedom / 2, statistic / 2))


def combined(p_values: Sequence[float]) -> float:
    """One p-value from several dependent ones (Cauchy combination; Liu & Xie 2020); 1 for none.

    Large p-values are cut at 0.9: discrete tests reach exactly 1, which would outweigh any small one.
    """
    if not p_values:
        return 1.0
    if min(p_values) < 1e-15:
        return min(1.0, len(p_values) * max(min(p_values), 1e-300))
    mean = sum(math.tan(math.pi * (0.5 - min(p, 0.9))) for p in p_values) / len(p_values)
    return 0.5 - math.atan(mean) / math.pi if mean < 1e8 else 1.0 / (math.pi * mean)


def stability_index(a: Counts, b: Counts) -> tuple[float, float]:
    """Population stability index ``Σ (q - p) ln(q / p)`` of two rows of counts: as it is, and without its noise.

    0 for equal shares; a shift by d standard deviations of a normal column gives about d². Half a row is added to
    each cell (Jeffreys). Under no drift its expectation is (cells - 1)(1/n + 1/m): the second figure subtracts that,
    at least 0.
    """
    kept = (a + b) > 0
    a, b = a[kept], b[kept]
    if a.sum() == 0 or b.sum() == 0 or len(a) < 2:
        return 0.0, 0.0
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    index = float(((q - p) * np.log(q / p)).sum())
    return index, float(max(0.0, index - (len(a) - 1) * (1 / a.sum() + 1 / b.sum())))


def stability_interval(a: Counts, b: Counts, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of the stability index without its noise, ``(low, high)``, at least 0; ``(nan, nan)`` without rows.

    The index times nm/(n + m) is taken as noncentral chi-square with cells - 1 degrees of freedom, which holds at no and
    at small drift alike; beyond 0.5 the interval of the delta method is joined to it. From about 2 on empty cells
    make the index too small, and the interval with it.
    """
    kept = (a + b) > 0
    a, b = a[kept], b[kept]
    n, m = a.sum(), b.sum()
    if n == 0 or m == 0:
        return math.nan, math.nan
    if len(a) < 2:
        return 0.0, 0.0
    index, effect = stability_index(a, b)
    rows, freedom, tail = n * m / (n + m), len(a) - 1, (1 - level) / 2
    low, high = (_noncentrality(index * rows, freedom, p) / rows for p in (1 - tail, tail))
    if effect > _LARGE_EFFECT:
        half = normal_quantile(level) * _index_error(a, b)
        low, high = min(low, max(0.0, effect - half)), max(high, effect + half)
    return float(low), float(high)


def _noncentrality(statistic: float, freedom: int, p: float) -> float:
    """The noncentrality at which a chi-square falls below ``statistic`` with probability ``p``."""
    from scipy.special import chndtr, chndtrinc, ndtri

    if statistic > _NORMAL_ABOVE:
        centre = statistic - freedom
        return max(0.0, centre - float(ndtri(p)) * math.sqrt(2 * freedom + 4 * centre))
    if chndtr(statistic, freedom, 0.0) <= p:
        return 0.0
    return float(chndtrinc(statistic, freedom, p))


def _index_error(a: Counts, b: Counts) -> float:
    """Standard error of the stability index by the delta method, both sides multinomial."""
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    by_p, by_q = 1 - q / p - np.log(q / p), 1 - p / q + np.log(q / p)
    variances = [(share @ slope**2 - (share @ slope) ** 2) for share, slope in ((p, by_p), (q, by_q))]
    return math.sqrt(max(0.0, variances[0] / a.sum() + variances[1] / b.sum()))


def total_variation(a: Counts, b: Counts) -> float:
    """Half the summed differences of the shares: 0 alike, 1 without overlap; ``nan`` when one side has no rows."""
    n, m = a.sum(), b.sum()
    return float(0.5 * np.abs(a / n - b / m).sum()) if n and m else math.nan


def earth_movers(a: Counts, b: Counts, knots: Counts) -> float:
    """Wasserstein-1 distance in units of the column: area between the distribution functions, linear within cells.

    ``knots`` are the ends of the cells, shape (cells + 1,), ascending. ``nan`` when one side has no rows.
    """
    n, m = a.sum(), b.sum()
    if n == 0 or m == 0:
        return math.nan
    gap = np.abs(np.concatenate(([0.0], np.cumsum(a / n - b / m))))
    return float(((gap[1:] + gap[:-1]) / 2 * np.diff(knots)).sum())


def even_cells(a: Counts, b: Counts, *, most: int = 20) -> tuple[Counts, Counts]:
    """Neighbouring cells merged into at most ``most`` of about equal reference weight, ``FEWEST`` rows in each."""
    n, m = a.sum(), b.sum()
    cells = int(max(2, min(most, min(n, m) // FEWEST)))
    if len(a) <= 1 or n == 0:
        return a, b
    place = np.minimum((np.cumsum(a) - a / 2) / n * cells, cells - 1).astype(int)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    return np.add.reduceat(a, starts), np.add.reduceat(b, starts)

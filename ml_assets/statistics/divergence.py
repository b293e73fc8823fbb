"""Two rows of counts over the same cells: how far apart, and could that be chance. Neither side is taken as the truth.

``a`` counts the reference, ``b`` the current rows, shape (cells,), float64. Effects say how far, p-values how surely;
the expected effect of pure sampling noise is subtracted, because a raw distance grows with the number of cells and
not with drift.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

# Cells with fewer expected rows in the smaller sample are pooled: chi-square and PSI need them filled.
FEWEST = 10.0
_EXACT_BELOW = 50.0
_TERMS = 5_000


def normal_tail(z: float) -> float:
    """Two-sided tail probability of a standard normal at ``|z|``: 1 at 0, 0.05 at 1.96."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def kolmogorov_tail(x: float) -> float:
    """P(K > x) of the Kolmogorov distribution: 2 Σ (-1)^(k-1) exp(-2 k² x²); 1 at 0, 0.05 at 1.358."""
    if x < 0.2:  # the series alternates slowly there; the true value exceeds 1 - 1e-12
        return 1.0
    terms = (2.0 * (-1.0) ** (k - 1) * math.exp(-2.0 * k * k * x * x) for k in range(1, 26))
    return min(max(sum(terms), 0.0), 1.0)


def rank_p_values(a: Counts, b: Counts) -> tuple[float, ...]:
    """p-values for a change of location, of spread, and of shape, of an ordered column cut into cells.

    Location and spread: linear rank tests on normal scores and their squares (van der Waerden; Klotz), ties by
    midranks. Shape: Kolmogorov-Smirnov on the cells, conservative where values tie. Empty without a spread to test.
    """
    from scipy.special import ndtri

    both, n, m = a + b, a.sum(), b.sum()
    kept = both > 0
    if n == 0 or m == 0 or kept.sum() < 2:
        return ()
    a, b, both = a[kept], b[kept], both[kept]
    scores = ndtri((np.cumsum(both) - both / 2) / both.sum())
    largest = float(np.abs(np.cumsum(a / n - b / m)).max())
    shape = kolmogorov_tail(largest * math.sqrt(n * m / (n + m)))
    return (_score_p_value(a, b, scores), _score_p_value(a, b, scores**2), shape)


def _score_p_value(a: Counts, b: Counts, scores: Counts) -> float:
    both, n, m = a + b, a.sum(), b.sum()
    mean = both @ scores / (n + m)
    variance = both @ (scores - mean) ** 2 / (n + m - 1)
    gap = b @ scores / m - a @ scores / n
    return normal_tail(float(gap / math.sqrt(variance * (1 / n + 1 / m)))) if variance > 0 else 1.0


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
    return index, max(0.0, index - (len(a) - 1) * (1 / a.sum() + 1 / b.sum()))


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

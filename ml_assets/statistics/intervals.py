"""How sure a figure is: intervals for rates, differences, ratios, means, quantiles and ranking.

All intervals are two-sided at confidence ``level``. An empty denominator gives ``(nan, nan)``, never zero.
"""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, binary, finite, same_rows
from ml_assets.statistics.estimate import Estimate, not_estimable

Interval = tuple[float, float]

_NOTHING: Interval = (math.nan, math.nan)


def normal_quantile(level: float) -> float:
    """The z of a two-sided interval at ``level``: 1.96 at 0.95. ``DataError`` outside (0, 1)."""
    if not 0 < level < 1:
        raise DataError(
            "a confidence level outside its range", got=level, allowed="between 0 and 1", do="Use 0.95 for instance"
        )
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: float, n: float, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a rate ``successes / n``, always inside [0, 1].

    Good from the first row on, and at rates of 0 and 1. Not for weighted counts or dependent rows.
    Source: Wilson (1927); Newcombe, Statistics in Medicine 17 (1998) 857, method 3.
    """
    _check_counts(successes, n)
    z = normal_quantile(level)
    if n == 0:
        return _NOTHING
    centre = successes + z * z / 2
    half = z * math.sqrt(successes * (n - successes) / n + z * z / 4)
    low, high = (centre - half) / (n + z * z), (centre + half) / (n + z * z)
    return (0.0 if successes == 0 else max(low, 0.0)), (1.0 if successes == n else min(high, 1.0))


def newcombe_difference(x1: float, n1: float, x2: float, n2: float, *, level: float = 0.95) -> Interval:
    """Interval of the difference of two independent rates, ``x1/n1 - x2/n2``, inside [-1, 1]; 0 means equal rates.

    Not for paired rows. Source: Newcombe, Statistics in Medicine 17 (1998) 873, method 10.
    """
    low1, high1 = wilson(x1, n1, level=level)
    low2, high2 = wilson(x2, n2, level=level)
    if n1 == 0 or n2 == 0:
        return _NOTHING
    p1, p2 = x1 / n1, x2 / n2
    below = math.hypot(p1 - low1, high2 - p2)
    above = math.hypot(high1 - p1, p2 - low2)
    return max(p1 - p2 - below, -1.0), min(p1 - p2 + above, 1.0)


def ratio_interval(x1: float, n1: float, x2: float, n2: float, *, level: float = 0.95) -> Interval:
    """Interval of the ratio of two independent rates, ``(x1/n1) / (x2/n2)``; 1 means equal rates, 0 none in the first.

    Katz' interval on the log scale: exp(log ratio ± z·sqrt(1/x1 - 1/n1 + 1/x2 - 1/n2)). Where a side has no success, or
    both have nothing else, half a success and half a failure are added to both sides; the low end is 0 when ``x1`` is 0 and
    the high end infinite when ``x2`` is 0. A side of successes alone has no spread by Katz, so that one row would prove a
    ratio: there the interval is recovered from those of Wilson of the two rates. Not for paired rows.
    Sources: Katz, Baptista, Azen and Pike, Biometrics 34 (1978) 469; Donner and Zou, Statistical Methods in Medical Research
    21 (2012) 347.
    """
    _check_counts(x1, n1)
    _check_counts(x2, n2)
    z = normal_quantile(level)
    if n1 == 0 or n2 == 0:
        return _NOTHING
    if x1 > 0 and x2 > 0 and (x1 == n1) != (x2 == n2):
        low, high = (_recovered(*sides, level) for sides in ((x1, n1, x2, n2), (x2, n2, x1, n1)))
        return low, 1 / high
    a, m, b, k = float(x1), float(n1), float(x2), float(n2)
    if x1 == 0 or x2 == 0 or (x1 == n1 and x2 == n2):
        a, m, b, k = a + 0.5, m + 1, b + 0.5, k + 1
    centre = math.log(a / m) - math.log(b / k)
    half = z * math.sqrt(1 / a - 1 / m + 1 / b - 1 / k)
    return (0.0 if x1 == 0 else math.exp(centre - half)), (math.inf if x2 == 0 else math.exp(centre + half))


def _recovered(x1: float, n1: float, x2: float, n2: float, level: float) -> float:
    """The low end of the ratio of two rates from the ends of their own intervals.

    Written without its difference of near-equal numbers: the ends of the other ratio are those of this one turned over.
    """
    p1, p2 = x1 / n1, x2 / n2
    low, high = wilson(x1, n1, level=level)[0], wilson(x2, n2, level=level)[1]
    below, above = low * (2 * p1 - low), high * (2 * p2 - high)
    return below / (p1 * p2 + math.sqrt((p1 * p2) ** 2 - below * above))


def mean_interval(values: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Student's t interval of a mean, in the unit of ``values`` (n,).

    One row says nothing about its own spread: its interval is (-inf, inf). Not for a handful of rows of a heavy-tailed
    quantity.
    """
    array = finite(values)
    if array.size == 0:
        return _NOTHING
    centre = float(array.mean())
    if array.size == 1:
        return -math.inf, math.inf
    half = t_quantile(level, array.size - 1) * float(array.std(ddof=1)) / math.sqrt(array.size)
    return centre - half, centre + half


def quantile_interval(ordered: npt.ArrayLike, share: float, *, level: float = 0.95) -> Interval:
    """Interval of the quantile below which ``share`` of the population lies, from values (n,) in rising order.

    Two of the values themselves, whatever the distribution: those of the ranks that a binomial count of values below the
    quantile leaves out with at most half the error on either side. Infinite where there are too few values for a side.
    Not for dependent rows. Source: Conover, Practical Nonparametric Statistics (1999), section 3.2.
    """
    values = finite(ordered)
    if not 0 < share < 1:
        raise DataError("the share of a quantile", got=share, allowed="between 0 and 1", do="Use 0.9 for instance")
    error, n = _half_error(level), values.size
    if n == 0:
        return _NOTHING
    from scipy.special import betainc

    reach = int(12 * math.sqrt(n * share * (1 - share))) + 12
    ranks = np.arange(max(0, int(n * share) - reach), min(n, int(n * share) + reach))
    at_most = betainc(n - ranks, ranks + 1.0, 1 - share)  # chance of at most as many values below; 1 for n of them
    low = int(ranks[0]) + int((at_most <= error).sum())
    high = int(ranks[0]) + int((at_most < 1 - error).sum()) + 1
    return (float(values[low - 1]) if low > 0 else -math.inf), (float(values[high - 1]) if high <= n else math.inf)


def t_quantile(level: float, freedom: float) -> float:
    """Student's two-sided quantile at ``level`` with ``freedom`` degrees of freedom: 2.262 at 0.95 with 9."""
    normal_quantile(level)
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def t_over_z(level: float, freedom: float) -> float:
    """How much wider Student's interval is than the normal one: 1.154 at 0.95 with 9 degrees of freedom, 1 with very many.

    By it a normal interval is stretched whose error is itself estimated from ``freedom`` + 1 draws.
    """
    return t_quantile(level, freedom) / normal_quantile(level)


def percentile_stretch(level: float, draws: float) -> float:
    """By how much percentiles of resamples of so many ``draws`` are too narrow: t/z · √(draws / (draws - 1)).

    Source: Hesterberg, The American Statistician 69 (2015) 371, section 4.
    """
    return t_over_z(level, draws - 1) * math.sqrt(draws / (draws - 1))


def hanley_mcneil_variance(auc: float, positives: float, negatives: float) -> float:
    """Variance of an area under the ROC curve known only by its value and class counts (exponential model).

    Source: Hanley and McNeil, Radiology 143 (1982) 29, equation 1.
    """
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = (positives - 1) * (q1 - auc * auc) + (negatives - 1) * (q2 - auc * auc)
    return (auc * (1 - auc) + spread) / (positives * negatives)


def delong(truth: npt.ArrayLike, score: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Area under the ROC curve with DeLong's interval, cut to [0, 1].

    The chance that a positive row scores above a negative one (ties count half): 0.5 is no ranking, 1 a perfect one,
    0 a perfectly inverted one. ``truth`` (n,) is 0/1, ``score`` (n,) any finite number. Where the variance cannot be
    estimated (a class of one row) Hanley and McNeil's stands in; at exactly 0 or 1 the open end is Wilson's for the
    smaller class. One class only: not estimable.
    Source: DeLong et al., Biometrics 44 (1988) 837; Sun and Xu, IEEE SPL 21 (2014) 1389 (the fast form).
    """
    y, s = binary(truth), finite(score, "score")
    n = same_rows(truth=y, score=s)
    z = normal_quantile(level)
    positives = int(y.sum())
    smaller = min(positives, n - positives)
    if smaller == 0:
        return not_estimable("roc_auc", n=n, level=level)
    of_positives, of_negatives = placements(y, s)
    auc = float(of_positives.mean())
    low, high = auc, auc
    if auc in (0.0, 1.0):
        low, high = wilson(auc * smaller, smaller, level=level)
    else:
        variance = hanley_mcneil_variance(auc, positives, n - positives)
        if smaller > 1:
            variance = _mean_variance(of_positives) + _mean_variance(of_negatives)
        low, high = auc - z * math.sqrt(variance), auc + z * math.sqrt(variance)
    return Estimate("roc_auc", auc, max(low, 0.0), min(high, 1.0), n, level=level)


def delong_difference(
    truth: npt.ArrayLike, score_a: npt.ArrayLike, score_b: npt.ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Difference of two areas under the ROC curve on the same rows, ``a - b``, with DeLong's paired interval.

    0 means equal ranking; above 0 the first score ranks better. Fewer than two rows in a class: not estimable.
    Source: DeLong et al., Biometrics 44 (1988) 837.
    """
    y, a, b = binary(truth), finite(score_a, "score_a"), finite(score_b, "score_b")
    n = same_rows(truth=y, score_a=a, score_b=b)
    z = normal_quantile(level)
    positives = int(y.sum())
    if min(positives, n - positives) < 2:
        return not_estimable("roc_auc_difference", n=n, level=level)
    of_positives, of_negatives = (
        first - second for first, second in zip(placements(y, a), placements(y, b), strict=True)
    )
    difference = float(of_positives.mean())
    half = z * math.sqrt(_mean_variance(of_positives) + _mean_variance(of_negatives))
    low, high = max(difference - half, -1.0), min(difference + half, 1.0)
    return Estimate("roc_auc_difference", difference, low, high, n, level=level)


def midranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, equal values sharing the mean of their ranks."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = (last - (counts - 1) / 2)[where]
    return ranks


def placements(y: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    above, below = s[y == 1], s[y == 0]
    ranks = midranks(s)
    of_positives = (ranks[y == 1] - midranks(above)) / below.size
    of_negatives = 1 - (ranks[y == 0] - midranks(below)) / above.size
    return of_positives, of_negatives


def _mean_variance(values: FloatArray) -> float:
    return float(values.var(ddof=1)) / values.size


def _half_error(level: float) -> float:
    normal_quantile(level)
    return 0.5 - level / 2


def _check_counts(successes: float, n: float) -> None:
    if not 0 <= successes <= n:
        raise DataError(
            "a count outside its denominator", got=f"{successes} of {n}", allowed="0 to n", do="Check the counts"
        )

"""How many rows a question needs: sample sizes for a limit, and the smallest gap that given rows can show.

Every size answers: at how many rows does the two-sided ``level`` interval of the metric clear the limit with chance
``power``, if the metric truly is at its expected value? Rows are independent.
"""

import math
from collections.abc import Callable, Mapping
from statistics import NormalDist

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import hanley_mcneil_variance, normal_quantile
from ml_assets.statistics.metrics import metric

_MOST_ROWS = 2**60


def rows_for_rate_floor(expected: float, floor: float, *, level: float = 0.95, power: float = 0.8) -> int:
    """Rows of a rate's own denominator so that Wilson's interval clears ``floor`` when the rate is ``expected``.

    n = ((z_level·sqrt(floor(1-floor)) + z_power·sqrt(expected(1-expected))) / (expected - floor))², the size of the
    score test, which Wilson's interval inverts. ``floor`` above ``expected`` is a ceiling. Both in [0, 1], different.
    Source: Fleiss, Levin and Paik (2003), section 2.5.
    """
    _check_share("expected", expected)
    _check_share("limit", floor)
    gap = _gap(expected, floor)
    spread = normal_quantile(level) * _rate_sd(floor) + _power_quantile(power) * _rate_sd(expected)
    return _whole((spread / gap) ** 2)


def rows_for_mean(sd: float, margin: float, *, level: float = 0.95, power: float = 0.8) -> int:
    """Rows so that the t interval of a mean clears a limit ``margin`` away, ``sd`` being the spread of one row.

    n = ((z_level + z_power)·sd / margin)² + z_level²/2, ``sd`` and ``margin`` in one unit, ``margin`` above 0.
    Source: Guenther, The American Statistician 35 (1981) 243 (the last term, for t in place of z).
    """
    if not (math.isfinite(sd) and sd >= 0):
        raise DataError(
            "a standard deviation outside its range", got=sd, allowed="0 or above", do="Measure it on a pilot"
        )
    gap = _gap(margin, 0.0)
    z = normal_quantile(level)
    return _whole(((z + _power_quantile(power)) * sd / gap) ** 2 + z * z / 2)


def rows_for_auc(expected: float, floor: float, prevalence: float, *, level: float = 0.95, power: float = 0.8) -> int:
    """Rows in all so that the interval of an area under the ROC curve clears ``floor`` when it is ``expected``.

    The smallest n with (z_level + z_power)·se(n) <= expected - floor, se by Hanley and McNeil with n·prevalence
    positives. ``prevalence`` in (0, 1) is the share of positives. Source: Hanley and McNeil, Radiology 143 (1982) 29.
    """
    _check_share("expected", expected)
    _check_share("limit", floor)
    share = _prevalence("roc_auc", prevalence)
    gap = _gap(expected, floor)
    # A perfect area has no spread of its own; half way to the limit has.
    auc = expected if 0 < expected < 1 else (expected + floor) / 2
    needed = (gap / (normal_quantile(level) + _power_quantile(power))) ** 2
    low, high = math.ceil(2 / min(share, 1 - share)), _MOST_ROWS
    while low < high:
        n = (low + high) // 2
        if hanley_mcneil_variance(auc, n * share, n * (1 - share)) <= needed:
            high = n
        else:
            low = n + 1
    return low


def rows_needed(
    metric_name: str,
    *,
    limit: float,
    margin: float,
    prevalence: float | None = None,
    sd: float | None = None,
    level: float = 0.95,
    power: float = 0.8,
) -> int:
    """Rows of the whole test part to show that a metric clears its ``limit`` when truly it is ``margin`` better.

    ``prevalence`` (share of positives; for macro_f1 of the rarest class) is needed where the denominator is a class:
    roc_auc, average_precision, balanced_accuracy, precision and f1 (assuming about as many positive decisions as
    positives), recall, specificity, macro_f1. ``sd`` (of one row, in the metric's unit) is needed for log_loss,
    brier_score, value_per_decision, mean_absolute_error and mean_error. Approximations: average precision as a rate
    over the positives, calibration error as a mean of rows of spread 0.5, root mean squared error for normal errors,
    R² by Olkin and Finn's variance.
    Errors: ``DataError`` for an unknown metric, a margin not above 0 or beyond the metric's range, a missing
    ``prevalence`` or ``sd``.
    Source: Boyd, Eng and Page, ECML 2013 (average precision); Olkin and Finn, Psychological Bulletin 118 (1995) 155.
    """
    row = metric(metric_name)
    if not margin > 0:
        raise DataError(
            "a margin that is no distance", got=margin, allowed="above 0", do="Say how much better it should be"
        )
    expected = limit + margin if row.direction == "higher" else limit - margin
    if not (row.around_zero or row.lowest <= expected <= row.highest):
        allowed = f"{row.lowest:g} to {row.highest:g}"
        raise DataError(f"{metric_name} cannot be that good", got=expected, allowed=allowed, do="Lower limit or margin")
    if metric_name == "roc_auc":
        return rows_for_auc(expected, limit, _prevalence(metric_name, prevalence), level=level, power=power)
    if metric_name in _OWN_SPREAD or (row.rows is not None and metric_name != "accuracy"):
        spread = _OWN_SPREAD[metric_name](expected, limit) if metric_name in _OWN_SPREAD else _sd(metric_name, sd)
        return rows_for_mean(spread, margin, level=level, power=power)
    return _rows_for_share(metric_name, expected, limit, prevalence, level, power)


def detectable_gap(n: int, rate: float, *, other: int | None = None, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest difference to ``rate`` that ``n`` rows can show with chance ``power``.

    (z_level + z_power)·sqrt(rate(1-rate)·(1/n + 1/other)); without ``other`` the rate is a known constant. In units
    of the rate, at most 1; 1 where ``n`` is 0. A gap below it may well exist unseen: "no gap found" is then no finding.
    Not for rates next to 0 or 1, where n·rate(1-rate) is below about 5: too small there.
    """
    _check_share("rate", rate)
    if n < 0 or (other is not None and other < 0):
        raise DataError("a negative number of rows", got=(n, other), allowed="0 or above", do="Pass counts")
    if n == 0 or other == 0:
        return 1.0
    spread = _rate_sd(rate) * math.sqrt(1 / n + (1 / other if other else 0.0))
    return min((normal_quantile(level) + _power_quantile(power)) * spread, 1.0)


def _rows_for_share(
    name: str, expected: float, limit: float, prevalence: float | None, level: float, power: float
) -> int:
    if name in ("accuracy", "selection_rate"):
        return rows_for_rate_floor(expected, limit, level=level, power=power)
    share = _prevalence(name, prevalence)
    if name in ("f1", "macro_f1"):
        # F1 = 2J/(1+J) with J a rate over the rows positive in truth or decision; those are share·(2-F1) of all.
        union = share * (2 - expected)
        jaccard = (expected / (2 - expected), limit / (2 - limit))
        return math.ceil(rows_for_rate_floor(*jaccard, level=level, power=power) / union)
    if name == "balanced_accuracy":
        # The mean of two rates: the variance of one row of each, weighed by how rare its class is.
        factor = (1 / share + 1 / (1 - share)) / 4
        return math.ceil(rows_for_rate_floor(expected, limit, level=level, power=power) * factor)
    of_all = 1 - share if name == "specificity" else share
    return math.ceil(rows_for_rate_floor(expected, limit, level=level, power=power) / of_all)


def _r2_spread(expected: float, limit: float) -> float:
    return max(2 * math.sqrt(max(r2, 0.0)) * (1 - r2) for r2 in (expected, limit))


_OWN_SPREAD: Mapping[str, Callable[[float, float], float]] = {
    "expected_calibration_error": lambda _expected, _limit: 0.5,
    "root_mean_squared_error": lambda _expected, limit: limit / math.sqrt(2),
    "r2": _r2_spread,
}


def _sd(name: str, sd: float | None) -> float:
    if sd is None:
        do = "Pass sd=, measured on a pilot or on the validation part"
        raise DataError(f"{name} without the spread of a row", got="sd=None", allowed="0 or above", do=do)
    return sd


def _prevalence(name: str, prevalence: float | None) -> float:
    if prevalence is None or not 0 < prevalence < 1:
        do = "Pass prevalence=, the share of positives"
        raise DataError(f"{name} needs the share of its class", got=prevalence, allowed="between 0 and 1", do=do)
    return prevalence


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise DataError(f"{name} is not a share", got=value, allowed="0 to 1", do="Pass a share")


def _gap(expected: float, limit: float) -> float:
    gap = abs(expected - limit)
    if not (math.isfinite(gap) and gap > 0):
        got = f"expected {expected:g}, limit {limit:g}"
        raise DataError("no distance to show", got=got, allowed="two different numbers", do="Leave a margin")
    return gap


def _power_quantile(power: float) -> float:
    if not 0 < power < 1:
        raise DataError("a power outside its range", got=power, allowed="between 0 and 1", do="Use 0.8 for instance")
    return NormalDist().inv_cdf(power)


def _rate_sd(rate: float) -> float:
    return math.sqrt(rate * (1 - rate))


def _whole(rows: float) -> int:
    return max(1, math.ceil(rows - 1e-9))

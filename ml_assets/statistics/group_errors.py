"""How predicted numbers miss in every group, beside all other rows: on average, in size, and at the ends."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, finite, same_rows
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.group_figures import DEFAULT_RATIO, DEFAULT_SPREAD, GroupFigure, judged
from ml_assets.statistics.groups import Grouping, Moments, groupings
from ml_assets.statistics.intervals import Interval, normal_quantile, quantile_interval
from ml_assets.statistics.tensor_gaps import Gap, mean_estimate
from ml_assets.statistics.tensor_metrics import two_sided
from ml_assets.statistics.value import RegressionValue
from ml_assets.statistics.verdicts import PASS_LEVEL, Contrast, mean_difference

QUANTILES: Mapping[str, float] = {"residual_10": 0.1, "residual_90": 0.9}
"""The ends of the errors that are shown: a tenth of the residuals lies below the first, a tenth above the second."""
_ROWS = "rows"
# The equivalence test at 5 % with 90 % power at no gap, as in the verdict rule.
_RESOLVING_Z = 3.29


def group_errors(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    decision: npt.ArrayLike,
    *,
    made_of: Mapping[str, tuple[str, ...]] | None = None,
    limits: Mapping[str, float] | None = None,
    value: RegressionValue | None = None,
    unit: str = "target units",
    currency: str = "money",
    level: float = 0.95,
) -> tuple[GroupFigure, ...]:
    """Mean residual, mean absolute error and its ratio, the ends of the residuals, and money, in every group.

    Args:
        groups: (n, attributes) labels; ``made_of`` names the attributes a crossed column is made of.
        truth, decision: (n,) numbers; a residual is decision - truth, above 0 where too much is predicted.
        limits: "mean_residual_difference" in standard deviations of the truth holds for all differences, 0.2 by
            default; errors are tolerated from 0.8 to 1.25 times those of the rest.

    Means have Student's and Welch's intervals, quantiles those of order statistics, the ratio of errors a normal one of
    its logarithm by the delta method. Not for rows that repeat a person.
    """
    y, d = finite(truth, "truth"), finite(decision, "decision")
    n = same_rows(groups=groups.index.to_numpy(), truth=y, decision=d)
    residual = d - y
    spread = float(y.std(ddof=1)) if n > 1 else 0.0
    tolerance = (limits or {}).get("mean_residual_difference", DEFAULT_SPREAD) * spread or 1.0
    money = None if value is None else value.money(y, d)
    names = made_of or {str(column): (str(column),) for column in groups.columns}
    found: list[Gap] = []
    for table in groupings(groups):
        own = _means(table, "mean_residual", residual, tolerance, unit, level)
        own += _ratios(table, np.abs(residual), unit, level)
        own += _ends(table, residual, tolerance, unit, level)
        if money is not None:
            held = DEFAULT_SPREAD * float(money.std()) or 1.0
            own += _means(table, "value_per_decision", money, held, currency, level)
        found += [replace(gap, attributes=names[table.attribute]) for gap in own]
    return judged([("", gap) for gap in found], level=level)


def _means(table: Grouping, metric: str, amounts: FloatArray, tolerance: float, unit: str, level: float) -> list[Gap]:
    found = []
    for label, (group, rest) in zip(table.labels, table.moments(amounts), strict=True):
        sides = [mean_estimate(metric, side, unit=unit, level=level) for side in (group, rest)]
        contrast = mean_difference(group, rest, scale=1.0, tolerance=tolerance)
        found.append(Gap(metric, (table.attribute,), (label,), _ROWS, sides[0], sides[1], contrast))
    return found


def _ratios(table: Grouping, size: FloatArray, unit: str, level: float) -> list[Gap]:
    found = []
    for label, (group, rest) in zip(table.labels, table.moments(size), strict=True):
        sides = [mean_estimate("mean_absolute_error", side, unit=unit, level=level) for side in (group, rest)]
        contrast = _mean_ratio(group, rest, DEFAULT_RATIO)
        found.append(Gap("mean_absolute_error", (table.attribute,), (label,), _ROWS, sides[0], sides[1], contrast))
    return found


def _mean_ratio(a: Moments, b: Moments, limit: float) -> Contrast:
    """The ratio of two means above 0, its logarithm taken as normal: variances of the means over their squares."""
    if min(a.n, b.n) < 2 or not (a.mean > 0 and b.mean > 0):
        return Contrast(math.nan, limit, 1 / limit, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))
    centre = math.log(a.mean / b.mean)
    error = math.sqrt(sum(side.variance / side.n / side.mean**2 for side in (a, b)))
    detectable = _RESOLVING_Z * error

    def interval(level: float) -> Interval:
        half = normal_quantile(level) * error
        return math.exp(centre - half), math.exp(centre + half)

    able = detectable <= -math.log(limit)
    return Contrast(math.exp(centre), limit, 1 / limit, two_sided(centre, error), able, detectable, interval)


def _ends(table: Grouping, residual: FloatArray, tolerance: float, unit: str, level: float) -> list[Gap]:
    found = []
    for code, label in enumerate(table.labels):
        sides = [np.sort(residual[own]) for own in (table.codes == code, table.codes != code)]
        for metric, share in QUANTILES.items():
            estimates = [_quantile(metric, side, share, unit, level) for side in sides]
            contrast = _apart(sides[0], sides[1], share, tolerance)
            found.append(Gap(metric, (table.attribute,), (label,), _ROWS, estimates[0], estimates[1], contrast))
    return found


def _quantile(metric: str, ordered: FloatArray, share: float, unit: str, level: float) -> Estimate:
    if not ordered.size:
        return not_estimable(metric, unit=unit, level=level)
    low, high = quantile_interval(ordered, share, level=level)
    return Estimate(metric, float(np.quantile(ordered, share)), low, high, ordered.size, unit, level)


def _apart(a: FloatArray, b: FloatArray, share: float, tolerance: float) -> Contrast:
    """The difference of two quantiles, their intervals joined by the squares of the distances of their ends."""
    if not a.size or not b.size:
        return Contrast(math.nan, -tolerance, tolerance, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))
    first, second = float(np.quantile(a, share)), float(np.quantile(b, share))

    def interval(level: float) -> Interval:
        (low1, high1), (low2, high2) = (quantile_interval(side, share, level=level) for side in (a, b))
        away = first - second
        return away - math.hypot(first - low1, high2 - second), away + math.hypot(high1 - first, second - low2)

    low, high = interval(PASS_LEVEL)
    value, z = first - second, normal_quantile(PASS_LEVEL)
    towards_zero = value - low if value > 0 else high - value
    detectable = _RESOLVING_Z * (high - low) / 2 / z
    p_value = two_sided(value, towards_zero / z)
    return Contrast(value, -tolerance, tolerance, p_value, detectable <= tolerance, detectable, interval)

"""How predicted numbers miss in every group, beside all other rows: on average, in size, and at the ends."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, finite, same_rows
from ml_assets.statistics.clustered import ClusteredMean, cluster_codes, clustered_mean, worth
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments, side_mean
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.group_figures import DEFAULT_RATIO, DEFAULT_SPREAD, GroupFigure, judged
from ml_assets.statistics.groups import Grouping, Moments, groupings
from ml_assets.statistics.intervals import Interval, normal_quantile, quantile_interval, t_over_z
from ml_assets.statistics.tensor_gaps import Gap
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
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[GroupFigure, ...]:
    """Mean residual, mean absolute error and its ratio, the ends of the residuals, and money, in every group.

    Args:
        groups: (n, attributes) labels; ``made_of`` names the attributes a crossed column is made of.
        truth, decision: (n,) numbers; a residual is decision - truth, above 0 where too much is predicted.
        limits: "mean_residual_difference" in standard deviations of the truth holds for all differences, 0.2 by
            default; errors are tolerated from 0.8 to 1.25 times those of the rest.
        cluster: (n,) what rows share, such as a customer: rows of one cluster are one draw.

    Means have Student's and Welch's intervals, quantiles those of order statistics, the ratio of errors a normal one of
    its logarithm by the delta method. With clusters the moments and Student's t are theirs, and a quantile has that of as
    many values as the share below it is worth, evenly taken from all of them. Source: Woodruff, JASA 47 (1952) 635.
    """
    y, d = finite(truth, "truth"), finite(decision, "decision")
    n = same_rows(groups=groups.index.to_numpy(), truth=y, decision=d)
    residual = d - y
    spread = float(y.std(ddof=1)) if n > 1 else 0.0
    tolerance = (limits or {}).get("mean_residual_difference", DEFAULT_SPREAD) * spread or 1.0
    money = None if value is None else value.money(y, d)
    names = made_of or {str(column): (str(column),) for column in groups.columns}
    shared = None if cluster is None else cluster_codes(cluster, n)
    found: list[Gap] = []
    for table in groupings(groups):
        own = _means(table, "mean_residual", residual, shared, tolerance, unit, level)
        own += _ratios(table, np.abs(residual), shared, unit, level)
        own += _ends(table, residual, shared, tolerance, unit, level)
        if money is not None:
            held = DEFAULT_SPREAD * float(money.std()) or 1.0
            own += _means(table, "value_per_decision", money, shared, held, currency, level)
        found += [replace(gap, attributes=names[table.attribute]) for gap in own]
    return judged([("", gap) for gap in found], level=level)


def _both(
    table: Grouping, values: FloatArray, cluster: IntArray | None
) -> Iterator[tuple[str, tuple[int, int], Sides]]:
    """Each group with the rows of either side, and what is known of both."""
    sides = table.moments(values) if cluster is None else clustered_moments(table, values, cluster)
    for label, n, both in zip(table.labels, table.counts.tolist(), sides, strict=True):
        yield label, (n, table.codes.size - n), both


def _means(
    table: Grouping,
    metric: str,
    amounts: FloatArray,
    cluster: IntArray | None,
    tolerance: float,
    unit: str,
    level: float,
) -> list[Gap]:
    found = []
    for label, rows, both in _both(table, amounts, cluster):
        sides = [side_mean(metric, side, n, unit=unit, level=level) for side, n in zip(both, rows, strict=True)]
        contrast = mean_difference(*both, scale=1.0, tolerance=tolerance)
        found.append(Gap(metric, (table.attribute,), (label,), _ROWS, sides[0], sides[1], contrast))
    return found


def _ratios(table: Grouping, size: FloatArray, cluster: IntArray | None, unit: str, level: float) -> list[Gap]:
    found, metric = [], "mean_absolute_error"
    for label, rows, both in _both(table, size, cluster):
        sides = [side_mean(metric, side, n, unit=unit, level=level) for side, n in zip(both, rows, strict=True)]
        free = None if (both[0].n, both[1].n) == rows else min(both[0].n, both[1].n) - 1
        contrast = _mean_ratio(*both, DEFAULT_RATIO, free)
        found.append(Gap(metric, (table.attribute,), (label,), _ROWS, sides[0], sides[1], contrast))
    return found


def _mean_ratio(a: Moments, b: Moments, limit: float, free: int | None) -> Contrast:
    """The ratio of two means above 0, its logarithm taken as normal: variances of the means over their squares.

    ``free``: degrees of freedom of clusters, by which the error is stretched as Student's t is against the normal.
    """
    if min(a.n, b.n) < 2 or not (a.mean > 0 and b.mean > 0):
        return Contrast(math.nan, limit, 1 / limit, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))
    centre = math.log(a.mean / b.mean)
    error = math.sqrt(sum(side.variance / side.n / side.mean**2 for side in (a, b)))
    if free is not None:
        error *= t_over_z(PASS_LEVEL, free)
    detectable = _RESOLVING_Z * error

    def interval(level: float) -> Interval:
        half = normal_quantile(level) * error
        return math.exp(centre - half), math.exp(centre + half)

    able = detectable <= -math.log(limit)
    return Contrast(math.exp(centre), limit, 1 / limit, two_sided(centre, error), able, detectable, interval)


@dataclass(frozen=True, eq=False)
class _Side:
    """The values of one side in rising order; where rows share clusters, the share of them below each of the quantiles."""

    ordered: FloatArray
    below: Mapping[float, ClusteredMean] | None

    @classmethod
    def of(cls, values: FloatArray, cluster: IntArray | None) -> "_Side":
        if cluster is None or not values.size:
            return cls(np.sort(values), None)
        return cls(
            np.sort(values),
            {
                share: clustered_mean((values <= np.quantile(values, share)).astype(np.float64), cluster)
                for share in QUANTILES.values()
            },
        )

    def interval(self, share: float, level: float) -> Interval:
        """Of the quantile below which ``share`` lies."""
        if self.below is None:
            return quantile_interval(self.ordered, share, level=level)
        found, n = self.below[share], self.ordered.size
        draws = worth(found.value, found.error, clusters=found.freedom + 1, rows=n, level=level)
        if draws >= n:
            return quantile_interval(self.ordered, share, level=level)
        if draws < 1:
            return -math.inf, math.inf
        at = (np.arange(int(draws)) + 0.5) / int(draws) * (n - 1)
        return quantile_interval(np.interp(at, np.arange(n), self.ordered), share, level=level)


def _ends(
    table: Grouping, residual: FloatArray, cluster: IntArray | None, tolerance: float, unit: str, level: float
) -> list[Gap]:
    found = []
    for code, label in enumerate(table.labels):
        masks = table.codes == code, table.codes != code
        sides = [_Side.of(residual[own], None if cluster is None else cluster[own]) for own in masks]
        for metric, share in QUANTILES.items():
            estimates = [_quantile(metric, side, share, unit, level) for side in sides]
            contrast = _apart(sides[0], sides[1], share, tolerance)
            found.append(Gap(metric, (table.attribute,), (label,), _ROWS, estimates[0], estimates[1], contrast))
    return found


def _quantile(metric: str, side: _Side, share: float, unit: str, level: float) -> Estimate:
    if not side.ordered.size:
        return not_estimable(metric, unit=unit, level=level)
    low, high = side.interval(share, level)
    return Estimate(metric, float(np.quantile(side.ordered, share)), low, high, side.ordered.size, unit, level)


def _apart(a: _Side, b: _Side, share: float, tolerance: float) -> Contrast:
    """The difference of two quantiles, their intervals joined by the squares of the distances of their ends."""
    if not a.ordered.size or not b.ordered.size:
        return Contrast(math.nan, -tolerance, tolerance, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))
    first, second = float(np.quantile(a.ordered, share)), float(np.quantile(b.ordered, share))

    def interval(level: float) -> Interval:
        (low1, high1), (low2, high2) = (side.interval(share, level) for side in (a, b))
        away = first - second
        return away - math.hypot(first - low1, high2 - second), away + math.hypot(high1 - first, second - low2)

    low, high = interval(PASS_LEVEL)
    value, z = first - second, normal_quantile(PASS_LEVEL)
    towards_zero = value - low if value > 0 else high - value
    detectable = _RESOLVING_Z * (high - low) / 2 / z
    p_value = two_sided(value, towards_zero / z)
    return Contrast(value, -tolerance, tolerance, p_value, detectable <= tolerance, detectable, interval)

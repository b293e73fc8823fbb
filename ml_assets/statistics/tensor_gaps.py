"""Each group against all other rows, from the counts of one tensor: rates and money.

The contrasts are for the four-state rule of :mod:`ml_assets.statistics.verdicts`, all those of one gate together.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Moments
from ml_assets.statistics.intervals import t_quantile
from ml_assets.statistics.tensor import UNLABELLED, CountTensor, grouped
from ml_assets.statistics.tensor_metrics import (
    CountMetric,
    Line,
    count_metric,
    difference,
    estimate,
    events,
    group_names,
    plain_metric,
    subsets,
    tables,
)
from ml_assets.statistics.value import BinaryValue, MulticlassValue
from ml_assets.statistics.verdicts import Contrast, mean_difference, rate_ratio


@dataclass(frozen=True, slots=True)
class Gap:
    """One figure of one group against all other rows.

    ``value`` and ``rest`` are the figure on either side, each with the rows of its own denominator; ``contrast`` is the
    gap with its tolerance, to be judged together with the others: ``verdicts([gap.contrast for gap in found])``.
    """

    metric: str
    attributes: tuple[str, ...]
    group: tuple[str, ...]
    denominator: str
    value: Estimate
    rest: Estimate
    contrast: Contrast

    @property
    def attribute(self) -> str:
        """The attributes as one name, such as "sex & race"."""
        return " & ".join(self.attributes)

    @property
    def label(self) -> str:
        """The group as one name, such as "female & black"."""
        return " & ".join(self.group)

    @property
    def gap(self) -> Estimate:
        """Group against rest with its interval, at the level of ``value``; n is the group's own denominator."""
        return self.contrast.estimate(self.metric, self.value.n, unit=self.value.unit, level=self.value.level)


def gaps(
    tensor: CountTensor,
    metrics: Mapping[str, float],
    *,
    ratios: Mapping[str, float] | None = None,
    depth: int | None = None,
    positive: int = 1,
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """Every figure of every group of every subset of attributes, group against all other rows.

    Args:
        metrics: name → tolerance of the difference (0: alike).
        ratios: name → limit of the ratio (1: alike), tolerated to 1/limit; plain rates only. The four-fifths rule is
            ``{"selection_rate": 0.8}``.
        depth: attributes at a time, all by default; ``positive``: the class code that is favourable.

    Not for rows that repeat a person. ``DataError`` for unknown names. Judge all that one gate decides on together.
    """
    asked = [(count_metric(name), limit, False) for name, limit in metrics.items()]
    asked += [(plain_metric(name), limit, True) for name, limit in (ratios or {}).items()]
    found = []
    for table in tables(tensor, depth=depth, positive=positive):
        rests = (table.counts.sum(axis=0) - table.counts).tolist()
        for group, counts, rest in zip(table.groups, table.counts.tolist(), rests, strict=True):
            for metric, limit, is_ratio in asked:
                contrast = (_ratio if is_ratio else _difference)(metric, counts, rest, limit)
                sides = (estimate(metric, counts, level=level), estimate(metric, rest, level=level))
                found.append(Gap(metric.name, table.attributes, group, metric.denominator, *sides, contrast))
    return tuple(found)


def money_gaps(
    tensor: CountTensor,
    value: BinaryValue | MulticlassValue,
    *,
    tolerance: float,
    depth: int | None = None,
    unit: str = "money",
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """Mean money per labelled decision of every group against the rest, in ``unit``, tolerated within ±``tolerance``.

    Intervals are Student's and Welch's: not for a handful of rows with rare large losses.
    """
    known = tensor.labels != UNLABELLED
    cells, counts = tensor.cells[known], tensor.counts[known]
    money = value.money(cells[:, -2], cells[:, -1])
    found = []
    for chosen in subsets(tensor.attributes, depth):
        places = [tensor.attributes.index(name) for name in chosen]
        lines, where = grouped(cells[:, places])
        names = group_names(tensor, places, lines)
        for name, (group, rest) in zip(names, sides_of(where, counts, money), strict=True):
            contrast = mean_difference(group, rest, scale=1.0, tolerance=tolerance)
            own, others = (mean_estimate("value_per_decision", side, unit=unit, level=level) for side in (group, rest))
            found.append(Gap("value_per_decision", chosen, name, "rows with a label", own, others, contrast))
    return tuple(found)


def sides_of(where: IntArray, counts: IntArray, amounts: FloatArray) -> list[tuple[Moments, Moments]]:
    """Moments in each group and in the rest of cells with ``counts`` rows of one amount each, in group ``where``."""
    n = np.bincount(where, weights=counts)
    centre = float(counts @ amounts) / max(float(counts.sum()), 1.0)
    away = amounts - centre
    sums, squares = (np.bincount(where, weights=counts * power) for power in (away, away * away))
    rests = (n.sum() - n, sums.sum() - sums, squares.sum() - squares)
    return [
        (_moments(*group, centre), _moments(*rest, centre))
        for group, rest in zip(zip(n, sums, squares, strict=True), zip(*rests, strict=True), strict=True)
    ]


def mean_estimate(name: str, side: Moments, *, unit: str = "", level: float = 0.95) -> Estimate:
    """A mean with Student's interval; one row says nothing of its spread: (-inf, inf)."""
    if side.n == 0:
        return not_estimable(name, unit=unit, level=level)
    half = t_quantile(level, side.n - 1) * math.sqrt(side.variance / side.n) if side.n > 1 else math.inf
    return Estimate(name, side.mean, side.mean - half, side.mean + half, side.n, unit, level)


def _moments(n: float, total: float, squares: float, centre: float) -> Moments:
    if n == 0:
        return Moments(0, math.nan, math.nan)
    variance = max(squares - total * total / n, 0.0) / (n - 1) if n > 1 else math.nan
    return Moments(int(n), centre + total / n, variance)


def _difference(metric: CountMetric, group: Line, rest: Line, limit: float) -> Contrast:
    return difference(metric, group, rest, tolerance=limit)


def _ratio(metric: CountMetric, group: Line, rest: Line, limit: float) -> Contrast:
    return rate_ratio(*events(metric.shares[0], group), *events(metric.shares[0], rest), limit=limit)

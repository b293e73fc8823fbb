"""Each group against all other rows, from the counts of one tensor: rates and money.

The contrasts are for the four-state rule of :mod:`ml_assets.statistics.verdicts`, all those of one gate together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.clustered_gaps import Sides, rate_gap, ratio_gap, share_estimate, side_mean
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Moments
from ml_assets.statistics.intervals import t_quantile
from ml_assets.statistics.tensor import UNLABELLED, CountTensor, grouped
from ml_assets.statistics.tensor_metrics import (
    CountMetric,
    GroupTable,
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
    shared: SharedRows | None = None,
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """Every figure of every group of every subset of attributes, group against all other rows.

    Args:
        metrics: name → tolerance of the difference (0: alike).
        ratios: name → limit of the ratio (1: alike), tolerated to 1/limit; plain rates only. The four-fifths rule is
            ``{"selection_rate": 0.8}``.
        depth: attributes at a time, all by default; ``positive``: the class code that is favourable.
        shared: who owns these very rows, where one owner has several: rows of an owner are one draw. Plain rates only.

    ``DataError`` for unknown names. Judge all that one gate decides on together.
    """
    asked = [(count_metric(name), limit, False) for name, limit in metrics.items()]
    asked += [(plain_metric(name), limit, True) for name, limit in (ratios or {}).items()]
    found = []
    for table in tables(tensor, depth=depth, positive=positive):
        rests = (table.counts.sum(axis=0) - table.counts).tolist()
        owned = {} if shared is None else _owned(shared, table, [metric for metric, *_ in asked], positive)
        for group, counts, rest in zip(table.groups, table.counts.tolist(), rests, strict=True):
            for metric, limit, is_ratio in asked:
                both = owned[metric.name][group] if owned else None
                told = _compared(metric, (counts, rest), both, limit, is_ratio, level)
                found.append(Gap(metric.name, table.attributes, group, metric.denominator, *told))
    return tuple(found)


def _owned(
    shared: SharedRows, table: GroupTable, metrics: Sequence[CountMetric], positive: int
) -> Mapping[str, Mapping[tuple[str, ...], Sides]]:
    """The sides of every metric for every group of a table."""
    return {m.name: shared.rates(table.attributes, plain_metric(m.name).shares[0], positive=positive) for m in metrics}


def _compared(
    metric: CountMetric, lines: tuple[Line, Line], both: Sides | None, limit: float, ratio: bool, level: float
) -> tuple[Estimate, Estimate, Contrast]:
    """A figure in a group and in the rest, and the gap, from counts by outcome; ``both``: by the clusters of either side."""
    if both is None:
        contrast = (_ratio if ratio else _difference)(metric, *lines, limit)
        return estimate(metric, lines[0], level=level), estimate(metric, lines[1], level=level), contrast
    (x, n), (y, m) = (events(metric.shares[0], line) for line in lines)
    own = share_estimate(metric.name, x, n, both[0], level=level)
    others = share_estimate(metric.name, y, m, both[1], level=level)
    counts = (x, n, y, m)
    return own, others, ratio_gap(counts, both, limit=limit) if ratio else rate_gap(counts, both, tolerance=limit)


def money_gaps(
    tensor: CountTensor,
    value: BinaryValue | MulticlassValue,
    *,
    tolerance: float,
    depth: int | None = None,
    unit: str = "money",
    shared: SharedRows | None = None,
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """Mean money per labelled decision of every group against the rest, in ``unit``, tolerated within ±``tolerance``.

    Intervals are Student's and Welch's, of the owners of the rows where they are ``shared``: not for a handful of rows with
    rare large losses.
    """
    known = tensor.labels != UNLABELLED
    cells, counts = tensor.cells[known], tensor.counts[known]
    money = value.money(cells[:, -2], cells[:, -1])
    found = []
    for chosen in subsets(tensor.attributes, depth):
        places = [tensor.attributes.index(name) for name in chosen]
        lines, where = grouped(cells[:, places])
        names = group_names(tensor, places, lines)
        owned = {} if shared is None else shared.means(chosen, *_money_of(shared, value))
        for name, plain in zip(names, sides_of(where, counts, money), strict=True):
            both = owned.get(name, plain)
            contrast = mean_difference(*both, scale=1.0, tolerance=tolerance)
            own, others = (
                side_mean("value_per_decision", side, rows.n, unit=unit, level=level)
                for side, rows in zip(both, plain, strict=True)
            )
            found.append(Gap("value_per_decision", chosen, name, "rows with a label", own, others, contrast))
    return tuple(found)


def _money_of(shared: SharedRows, value: BinaryValue | MulticlassValue) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Money of every row, and whether its label is known; 0 where it is not."""
    known = shared.truth != UNLABELLED
    money = np.zeros(known.size)
    money[known] = value.money(shared.truth[known], shared.decision[known])
    return money, known


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

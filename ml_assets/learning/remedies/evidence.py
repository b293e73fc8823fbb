"""Can these rows ever tell whether groups are treated alike? If not, how many are needed before anything is changed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.statistics.disparity import FAIRNESS_METRICS, FairnessMetric, Rows, rate_sides
from ml_assets.statistics.groups import Grouping, Moments, groupings
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.tensor_metrics import GroupTable, tables
from ml_assets.statistics.verdicts import Contrast, mean_difference, rate_difference, rate_ratio

MOST_TIMES = 1 << 20
"""A gap that a million times the rows would not resolve is called unresolvable at any number."""
Multiple = Callable[[float], Contrast]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether one comparison can be decided on the rows at hand.

    ``n`` rows of the group's own denominator are at hand (``denominator`` says which), ``needed`` would be enough if the
    other groups grew alike; None where no number is (a denominator without rows). Enough: equal groups would pass 9
    times in 10, by the rule of :mod:`ml_assets.statistics.verdicts`.
    """

    metric: str
    attribute: str
    group: str
    denominator: str
    n: int
    needed: int | None

    @property
    def enough(self) -> bool:
        """Whether the rows at hand decide it."""
        return self.needed is not None and self.n >= self.needed

    def __str__(self) -> str:
        wanted = "no number of them is known" if self.needed is None else f"{self.needed:,} needed"
        return f"{self.metric} {self.attribute} = {self.group}: {self.n:,} {self.denominator}, {wanted}"


def evidence(
    groups: pd.DataFrame,
    truth: NDArray[Any],
    decision: NDArray[Any],
    *,
    metrics: Mapping[str, float],
    task: Task = "binary",
    favourable: int = 1,
    score: NDArray[np.float64] | None = None,
    times: float = 1.0,
) -> tuple[Evidence, ...]:
    """For every metric and group: the rows there are and the rows that are needed.

    Args:
        groups, truth, decision, score, metrics: as ``disparities`` takes them, on rows with decisions.
        times: rows at hand over rows given (train and validation over validation): rates stay, counts grow.
    """
    rows, found = _rows(groups, truth, decision, task, score), []
    chosen = [(FAIRNESS_METRICS[name], limit) for name, limit in metrics.items()]
    counted = tables(rows.counts, depth=1, positive=favourable) if rows.counts else repeat(None)
    for table, counts in zip(groupings(groups), counted, strict=False):
        for metric, limit in chosen:
            for group, n, multiple in _multiples(metric, table, counts, rows, limit):
                least = _least(multiple)
                needed = None if least is None else math.ceil(least * n)
                found.append(Evidence(metric.name, table.attribute, group, metric.denominator, int(n * times), needed))
    return tuple(found)


def _rows(
    groups: pd.DataFrame,
    truth: NDArray[Any],
    decision: NDArray[Any],
    task: Task,
    score: NDArray[np.float64] | None,
) -> Rows:
    scored = task == "binary" and score is not None
    return Rows.of(groups, truth, decision, task=task, score=score, scored=scored)


def _multiples(
    metric: FairnessMetric, table: Grouping, counts: GroupTable | None, rows: Rows, limit: float
) -> list[tuple[str, int, Multiple]]:
    """Per group: its name, the rows of its denominator, and the comparison with that many times the rows."""
    if metric.form == "mean" or counts is None:
        pairs = table.moments(rows.residual)
        return [
            (label, group.n, _of_moments(group, rest, rows.scale, limit))
            for label, (group, rest) in zip(table.labels, pairs, strict=True)
        ]
    ratio = metric.form == "ratio"
    return [(s.group, s.n, _of_counts(ratio, s.x, s.n, s.rest_x, s.rest_n, limit)) for s in rate_sides(metric, counts)]


def _of_counts(ratio: bool, x1: float, n1: float, x2: float, n2: float, limit: float) -> Multiple:
    # An equal group: both sides get the common rate, because needing rows is a matter of the design, not of the gap.
    rate = (x1 + x2) / (n1 + n2) if n1 + n2 else 0.0

    def contrast(times: float) -> Contrast:
        first, second = round(n1 * times), round(n2 * times)
        counts = round(rate * first), first, round(rate * second), second
        return rate_ratio(*counts, limit=limit) if ratio else rate_difference(*counts, tolerance=limit)

    return contrast


def _of_moments(group: Moments, rest: Moments, scale: float, limit: float) -> Multiple:
    def contrast(times: float) -> Contrast:
        sides = (Moments(round(m.n * times), m.mean, m.variance) for m in (group, rest))
        return mean_difference(*sides, scale=scale, tolerance=limit)

    return contrast


def _least(multiple: Multiple) -> float | None:
    """The smallest multiple of the rows that resolves, to one percent; None when nothing does."""
    high = 1.0
    while not multiple(high).resolvable:
        high *= 2.0
        if high > MOST_TIMES:
            return None
    low = high / 2.0 if high > 1.0 else 0.0
    while high - low > 0.01 * high:
        middle = (low + high) / 2.0
        low, high = (low, middle) if multiple(middle).resolvable else (middle, high)
    return high

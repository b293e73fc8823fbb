"""What a candidate does to every group: rates before and after, and whether it only takes away."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.statistics.clustered import clustered_mean, clustered_share
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import grouping
from ml_assets.statistics.metrics import Task

SELECTION, HIT, RESIDUAL = "selection rate", "true positive rate", "mean residual"
_NOTICEABLE = 0.005
"""Half a point: rates that move less have not moved."""


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """One rate of one group under the solution as it is and under a candidate, on the same rows.

    ``rate``: "selection rate" (favourable decisions among its rows), "true positive rate" (among its rows with favourable
    truth); for regression "mean residual" (decision - truth, in units of the target).
    """

    attribute: str
    group: str
    rate: str
    before: Estimate
    after: Estimate

    @property
    def change(self) -> float:
        """After less before: 0 = nothing, above 0 = the group gets more; nan where it has no denominator."""
        return self.after.value - self.before.value


def group_effects(
    groups: pd.DataFrame,
    truth: NDArray[Any],
    before: NDArray[Any],
    after: NDArray[Any],
    *,
    task: Task,
    favourable: int,
    cluster: NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[GroupEffect, ...]:
    """The effect of decisions ``after`` instead of ``before`` on every group of every attribute; all arrays (n,).

    Rows of one ``cluster``, such as a customer, are one draw.
    """
    everyone = np.ones(len(truth), dtype=np.bool_)
    if task == "regression":
        rates = [(RESIDUAL, everyone, before - truth, after - truth)]
    else:
        good = before == favourable, after == favourable
        rates = [(SELECTION, everyone, *good), (HIT, truth == favourable, *good)]
    found = []
    for attribute in groups.columns:
        table = grouping(groups[attribute])
        for code, group in enumerate(table.labels):
            for rate, among, old, new in rates:
                rows = (table.codes == code) & among
                shared = None if cluster is None else cluster[rows]
                sides = (_estimate(rate, values[rows], task, shared, level) for values in (old, new))
                found.append(GroupEffect(table.attribute, group, rate, *sides))
    return tuple(found)


def levels_down(effects: Sequence[GroupEffect]) -> bool:
    """Whether some gap narrows though no group gains: the group that was ahead falls, and nobody rises.

    Judged on the figures, not on their intervals: it names what to look at. Never for regression.
    Source: Mittelstadt, Wachter and Russell, The unfairness of fair machine learning, 2023.
    """
    keys = dict.fromkeys((one.attribute, one.rate) for one in effects if one.rate != RESIDUAL)
    for attribute, rate in keys:
        own = [e for e in effects if (e.attribute, e.rate) == (attribute, rate) and math.isfinite(e.change)]
        if len(own) < 2:
            continue
        spread = [
            max(values) - min(values) for values in zip(*((e.before.value, e.after.value) for e in own), strict=True)
        ]
        changes = [e.change for e in own]
        if spread[1] < spread[0] and max(changes) <= _NOTICEABLE and min(changes) < -_NOTICEABLE:
            return True
    return False


def _estimate(rate: str, values: NDArray[Any], task: Task, cluster: NDArray[Any] | None, level: float) -> Estimate:
    if task != "regression":
        return clustered_share(rate, values, cluster, level=level)
    return clustered_mean(values, cluster).estimate(rate, unit="target units", level=level)

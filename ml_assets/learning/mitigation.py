"""Which remedy against a disparity is worth its price: all are measured on the same rows, none is believed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.effects import GroupEffect, levels_down
from ml_assets.learning.frontier import (
    FINDING,
    SEVERITY,
    Candidate,
    Judging,
    Measured,
    in_limits,
    lost_share,
    reach,
    unsettled,
    widened,
    worsened,
    worst,
)
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.disparity import Disparity
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.value import Value
from ml_assets.statistics.verdicts import Verdict

NONE = "none"
Outcome = Literal["no_finding", "not_resolvable", "remedied", "narrowed", "infeasible"]
"""``remedied``: the chosen one passes every gate. ``narrowed``: its findings are gone, equal treatment is not shown.
``infeasible``: no candidate within the budget ends the findings. ``not_resolvable``: too few rows to ever decide."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One point of the frontier: what a remedy does to the gaps, to every group, and what it costs.

    ``verdict`` is the overall one over all gated metrics and groups, ``worst`` the comparison furthest out, ``distance``
    how many tolerances it is away from equal treatment, ``span`` the same of the nearest and furthest point of its interval
    (-1, -1 without one). ``accuracy`` is the accuracy, or the mean absolute error of a
    regression. ``lost_share`` is the larger relative loss of money and accuracy against "none" (0.01 = one percent; below
    0 = a gain); ``money_lost`` and ``accuracy_lost`` are absolute, in pairs of rows, with their intervals. ``changed`` is
    the share of decisions that differ from "none". ``worsened`` names gated metrics whose verdict is worse than under
    "none", ``widened`` those whose gap interval is. ``effects``: each rate of each group before and after;
    ``levels_down``: a gap narrows though no group gains. ``needs_group``: it reads the group at decision time.
    """

    name: str
    verdict: Verdict
    worst: Disparity
    distance: float
    span: tuple[float, float]
    money_per_decision: Estimate
    accuracy: Estimate
    money_lost: Estimate
    accuracy_lost: Estimate
    changed: Estimate
    lost_share: float
    worsened: tuple[str, ...]
    widened: tuple[str, ...]
    effects: tuple[GroupEffect, ...]
    levels_down: bool
    needs_group: bool
    within_budget: bool
    chosen: bool
    reason: str

    @property
    def disparity(self) -> Estimate:
        """Value of the worst comparison: a difference (0 = alike) or a ratio (1 = alike)."""
        return self.worst.value


@dataclass(frozen=True, slots=True)
class MitigationTable:
    """Every remedy that was tried, "none" first, the one to use, and what that comes to."""

    rows: tuple[Remedy, ...]
    chosen: str
    sentence: str
    outcome: Outcome

    def row(self, name: str) -> Remedy:
        """The line of one remedy."""
        (found,) = (row for row in self.rows if row.name == name)
        return found

    @property
    def frontier(self) -> tuple[str, ...]:
        """Names of the remedies that no other beats in both money per decision and distance from equal treatment."""
        return tuple(row.name for row in self.rows if not any(_beats(other, row) for other in self.rows))


@dataclass(frozen=True, eq=False)
class _Judged:
    """A remedy beside "none": its price, and why it may not be chosen (empty where it may)."""

    one: Measured
    lost: float
    worsened: tuple[str, ...]
    widened: tuple[str, ...]
    unsettled: tuple[str, ...]
    changed: Estimate
    within: bool

    @property
    def allowed(self) -> bool:
        return self.within and not (self.worsened or self.widened or self.unsettled)


def compare_remedies(
    remedies: Mapping[str, SolutionArtifact | Candidate],
    table: TrainingTable,
    groups: pd.DataFrame,
    *,
    value: Value,
    favourable: int,
    metrics: Mapping[str, float],
    accuracy_budget: float = 0.01,
    level: float = 0.95,
) -> MitigationTable:
    """Measure every remedy on the same rows and choose one.

    A remedy is allowed when it loses at most ``accuracy_budget`` of the money per decision and of the accuracy that
    "none" has, worsens the verdict of no gated metric and the interval of no gap, and leaves no finding of "none" beyond
    its limit. Among the allowed take the best overall verdict (pass, inconclusive); of those that do not demonstrably
    earn less than the best of them (one standard error of the paired difference, rows of a cluster as one draw) the one that changes the fewest
    decisions. With "none" at best, or a finding still standing, the answer is "none": an uncertain improvement is not
    bought.

    Args:
        remedies: complete solutions by name; must hold "none", the solution as it is. A :class:`Candidate` may bring
            decisions of its own for the judged rows.
        table: rows that no remedy was fitted on (the validation part); ``groups``: their text labels, row by row.
        value: money of right and wrong; favourable, metrics: as ``disparities`` takes them (name → tolerance).
        accuracy_budget: share, 0.01 = one percent.

    The chosen one was picked on these rows, so its figures are optimistic: gate it on the test part.
    Raises ``DataError`` without "none", rows, groups or metrics, or when lengths differ.
    """
    _refuse_unusable(remedies, table, groups, metrics, accuracy_budget)
    judging = Judging(table, groups, value, favourable, metrics, level)
    measured = [judging.measure(name, _candidate(remedies[name])) for name in _ordered(remedies)]
    base = measured[0]
    judged = [_judge(judging, base, one, accuracy_budget) for one in measured]
    chosen = _choose(judging, judged)
    rows = tuple(_remedy(judging, base, one, chosen, accuracy_budget) for one in judged)
    return MitigationTable(rows, chosen.one.name, _sentence(base, chosen, len(rows)), _outcome(base, chosen.one))


def _candidate(one: SolutionArtifact | Candidate) -> Candidate:
    return one if isinstance(one, Candidate) else Candidate(one)


def _ordered(remedies: Mapping[str, SolutionArtifact | Candidate]) -> list[str]:
    return [NONE, *sorted(name for name in remedies if name != NONE)]


def _judge(judging: Judging, base: Measured, one: Measured, budget: float) -> _Judged:
    lost = lost_share(base, one)
    if one is base:
        return _Judged(one, 0.0, (), (), (), judging.changed(base, one), True)
    return _Judged(
        one,
        lost,
        worsened(base, one, judging.metrics),
        widened(base, one),
        unsettled(base, one),
        judging.changed(base, one),
        lost <= budget,
    )


def _choose(judging: Judging, judged: Sequence[_Judged]) -> _Judged:
    base = judged[0]
    allowed = [one for one in judged if one.allowed]
    best = min(SEVERITY[one.one.verdict] for one in allowed)
    if best >= FINDING or best == SEVERITY[base.one.verdict]:
        return base
    leading = [one for one in allowed if SEVERITY[one.one.verdict] == best]
    richest = max(leading, key=lambda one: one.one.money.value)
    tied = [one for one in leading if one is richest or not judging.earns_less(one.one, richest.one)]
    return min(tied, key=lambda one: (one.changed.value, -one.one.money.value, one.one.name))


def _outcome(base: Measured, chosen: Measured) -> Outcome:
    if chosen is base:
        return "infeasible" if SEVERITY[base.verdict] >= FINDING else "no_finding"
    return "remedied" if chosen.verdict == "pass" else "narrowed"


def _remedy(judging: Judging, base: Measured, judged: _Judged, chosen: _Judged, budget: float) -> Remedy:
    one = judged.one
    effects = judging.effects(base, one)
    furthest = worst(one.found)
    return Remedy(
        name=one.name,
        verdict=one.verdict,
        worst=furthest,
        distance=in_limits(furthest),
        span=reach(furthest),
        money_per_decision=one.money,
        accuracy=one.accuracy,
        money_lost=judging.lost("money lost", base.gain, one.gain),
        accuracy_lost=judging.lost("accuracy lost", base.right, one.right),
        changed=judged.changed,
        lost_share=judged.lost,
        worsened=judged.worsened,
        widened=judged.widened,
        effects=effects,
        levels_down=levels_down(effects),
        needs_group=one.needs_group,
        within_budget=judged.within,
        chosen=judged is chosen,
        reason=_reason(judged, base, chosen, budget),
    )


def _beats(other: Remedy, row: Remedy) -> bool:
    ours, theirs = (
        np.array([one.money_per_decision.value, -one.distance, one.name == NONE], dtype=np.float64)
        for one in (row, other)
    )
    return bool((theirs[:2] >= ours[:2]).all() and (theirs > ours).any())


def _reason(judged: _Judged, base: Measured, chosen: _Judged, budget: float) -> str:
    one, lost = judged.one, judged.lost
    verdict = f"verdict {one.verdict}"
    if one is base:
        alone = f"{verdict}; the solution as it is"
        return f"{alone}, and no allowed remedy has a better verdict." if judged is chosen else f"{alone}."
    price = f"{'costs' if lost > 0 else 'gains'} {abs(lost):.2%} of money or accuracy"
    if judged.worsened:
        return f"{verdict}, but it worsens {', '.join(judged.worsened)}: refused."
    if not judged.within:
        return f"{verdict}, but it {price}, over the budget of {budget:.2%}: refused."
    if judged.widened:
        return f"{verdict}, but the gap interval of {', '.join(judged.widened)} reaches further out: refused."
    if judged is chosen:
        return f"{verdict} instead of {base.verdict}, and it {price}, within the budget of {budget:.2%}: chosen."
    if chosen.one is base:
        return f"{verdict}, no better than {base.verdict} without it: not needed."
    if judged.unsettled:
        return f"{verdict}, but beyond its limit is still {judged.unsettled[0]}: refused."
    return f"{verdict}; {chosen.one.name} is preferred ({chosen.one.verdict}, {chosen.one.money})."


def _sentence(base: Measured, chosen: _Judged, tried: int) -> str:
    one = chosen.one
    if one is base:
        return f"None of {tried - 1} remedies improves the verdict {base.verdict} at an allowed price; none is used."
    return (
        f"{one.name} is used: the verdict goes from {base.verdict} to {one.verdict}; "
        f"money per decision from {base.money.value:.4g} to {one.money.value:.4g} (n = {one.money.n:,}), "
        f"largest relative loss {max(chosen.lost, 0.0):.2%}, {chosen.changed}."
    )


def _refuse_unusable(
    remedies: Mapping[str, SolutionArtifact | Candidate],
    table: TrainingTable,
    groups: pd.DataFrame,
    metrics: Mapping[str, float],
    budget: float,
) -> None:
    if NONE not in remedies:
        do = 'Add the solution as it is under "none"'
        raise DataError("Nothing to compare remedies with", got=sorted(remedies), allowed='a remedy "none"', do=do)
    if not len(table) or len(groups) != len(table) or not len(groups.columns) or not metrics:
        got = f"{len(table)} rows, {len(groups)} group rows, {len(groups.columns)} attributes, {len(metrics)} metrics"
        raise DataError("Remedies cannot be judged", got=got, allowed="the same rows of both, some metric", do="Align")
    if not (math.isfinite(budget) and budget >= 0):
        raise DataError("Accuracy budget is no share", got=budget, allowed=">= 0, as 0.01 for 1 %", do="Correct it")

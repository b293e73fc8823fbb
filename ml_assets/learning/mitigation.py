"""Which remedy against a disparity is worth its price: all are measured on the same rows, none is believed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.disparity import FAIRNESS_METRICS, Disparity, disparities, overall_verdict
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.value import Value
from ml_assets.statistics.verdicts import Verdict

NONE = "none"
SEVERITY: Mapping[Verdict, int] = {"pass": 0, "inconclusive": 1, "not_estimable": 1, "suspect": 2, "fail": 3}
"""Order of verdicts, best first; what cannot be estimated is as unknown as what is inconclusive."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One line of the comparison.

    ``verdict`` is the overall one over all gated metrics and groups, ``worst`` the comparison furthest out.
    ``accuracy`` is the accuracy, or the mean absolute error of a regression. ``lost_share`` is the larger relative loss
    of money and accuracy against "none" (0.01 = one percent; below 0 = a gain). ``worsened`` names gated metrics whose
    verdict is worse than under "none".
    """

    name: str
    verdict: Verdict
    worst: Disparity
    money_per_decision: Estimate
    accuracy: Estimate
    lost_share: float
    worsened: tuple[str, ...]
    within_budget: bool
    chosen: bool
    reason: str

    @property
    def disparity(self) -> Estimate:
        """Value of the worst comparison: a difference (0 = alike) or a ratio (1 = alike)."""
        return self.worst.value


@dataclass(frozen=True, slots=True)
class MitigationTable:
    """Every remedy that was tried, "none" first, and the one to use."""

    rows: tuple[Remedy, ...]
    chosen: str
    sentence: str

    def row(self, name: str) -> Remedy:
        """The line of one remedy."""
        (found,) = (row for row in self.rows if row.name == name)
        return found


@dataclass(frozen=True, slots=True)
class _Measured:
    """One remedy as measured, before any comparison with the others."""

    name: str
    found: tuple[Disparity, ...]
    verdict: Verdict
    money: Estimate
    accuracy: Estimate

    def verdict_of(self, metric: str) -> Verdict:
        return overall_verdict([one for one in self.found if one.metric == metric])


def compare_remedies(
    remedies: Mapping[str, SolutionArtifact],
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

    Rule: among the remedies that lose at most ``accuracy_budget`` of the money per decision and of the accuracy that
    "none" has, and that worsen the verdict of no gated metric, take the best overall verdict (pass, inconclusive,
    suspect, fail); a tie goes to "none", then to the one that earns most. With "none" at best the answer is "none":
    an uncertain improvement is not bought.

    Args:
        remedies: complete solutions by name; must hold "none", the solution as it is.
        table: rows that no remedy was fitted on (the validation part); ``groups``: their text labels, row by row.
        value: money of right and wrong; favourable, metrics: as ``disparities`` takes them (name → tolerance).
        accuracy_budget: share, 0.01 = one percent.

    The chosen one was picked on these rows, so its figures are optimistic: gate it on the test part.
    Raises ``DataError`` without "none", rows, groups or metrics, or when lengths differ.
    """
    _refuse_unusable(remedies, table, groups, metrics, accuracy_budget)
    ordered = [NONE, *sorted(name for name in remedies if name != NONE)]
    measured = [
        _measure(name, remedies[name], table, groups, value=value, favourable=favourable, metrics=metrics, level=level)
        for name in ordered
    ]
    base = measured[0]
    lost = {one.name: _lost_share(base, one) for one in measured}
    worsened = {one.name: _worsened(base, one, metrics) for one in measured}
    allowed = [one for one in measured if lost[one.name] <= accuracy_budget and not worsened[one.name]]
    chosen = min(allowed, key=_preference)
    rows = tuple(_remedy(one, base, chosen, lost[one.name], worsened[one.name], accuracy_budget) for one in measured)
    return MitigationTable(rows, chosen.name, _sentence(base, chosen, len(rows), lost[chosen.name]))


def _remedy(
    one: _Measured, base: _Measured, chosen: _Measured, lost: float, worsened: tuple[str, ...], budget: float
) -> Remedy:
    return Remedy(
        name=one.name,
        verdict=one.verdict,
        worst=_worst(one.found),
        money_per_decision=one.money,
        accuracy=one.accuracy,
        lost_share=lost,
        worsened=worsened,
        within_budget=lost <= budget,
        chosen=one is chosen,
        reason=_reason(one, base, chosen, lost, worsened, budget),
    )


def _measure(
    name: str,
    artifact: SolutionArtifact,
    table: TrainingTable,
    groups: pd.DataFrame,
    *,
    value: Value,
    favourable: int,
    metrics: Mapping[str, float],
    level: float,
) -> _Measured:
    answer = artifact.predict(table.features)
    score = answer.score if table.task == "binary" else None
    found = disparities(
        groups,
        table.truth,
        answer.decision,
        metrics=metrics,
        task=table.task,
        favourable=favourable,
        score=score,
        level=level,
    )
    money = evaluate("value_per_decision", table.truth, money=value.money(table.truth, answer.decision), level=level)
    if table.task == "regression":
        accuracy = evaluate("mean_absolute_error", table.truth, score=answer.score, level=level)
    else:
        accuracy = evaluate("accuracy", table.truth, decision=answer.decision, level=level)
    return _Measured(name, found, overall_verdict(found), money, accuracy)


def _preference(one: _Measured) -> tuple[int, bool, float, str]:
    return SEVERITY[one.verdict], one.name != NONE, -one.money.value, one.name


def _lost_share(base: _Measured, one: _Measured) -> float:
    better = -1.0 if one.accuracy.name == "mean_absolute_error" else 1.0
    return max(
        _relative_loss(base.money.value, one.money.value),
        _relative_loss(better * base.accuracy.value, better * one.accuracy.value),
    )


def _relative_loss(before: float, after: float) -> float:
    if before == after:
        return 0.0
    return (before - after) / abs(before) if before != 0 else math.copysign(math.inf, before - after)


def _worsened(base: _Measured, one: _Measured, metrics: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(name for name in metrics if SEVERITY[one.verdict_of(name)] > SEVERITY[base.verdict_of(name)])


def _worst(found: Sequence[Disparity]) -> Disparity:
    return max(found, key=lambda one: (SEVERITY[one.verdict], _in_limits(one)))


def _in_limits(one: Disparity) -> float:
    """How many times its tolerance a comparison is away from equal treatment; -1 where it cannot be estimated."""
    value, limit = one.value.value, one.limit
    if not math.isfinite(value):
        return -1.0
    if FAIRNESS_METRICS[one.metric].form != "ratio":
        return abs(value) / limit if limit > 0 else math.inf
    if value <= 0 or limit in (0.0, 1.0):
        return math.inf
    return abs(math.log(value) / math.log(limit))


def _reason(
    one: _Measured, base: _Measured, chosen: _Measured, lost: float, worsened: tuple[str, ...], budget: float
) -> str:
    verdict = f"verdict {one.verdict}"
    if one is base:
        alone = f"{verdict}; the solution as it is"
        return f"{alone}, and no allowed remedy has a better verdict." if one is chosen else f"{alone}."
    price = f"{'costs' if lost > 0 else 'gains'} {abs(lost):.2%} of money or accuracy"
    if worsened:
        return f"{verdict}, but it worsens {', '.join(worsened)}: refused."
    if lost > budget:
        return f"{verdict}, but it {price}, over the budget of {budget:.2%}: refused."
    if one is chosen:
        return f"{verdict} instead of {base.verdict}, and it {price}, within the budget of {budget:.2%}: chosen."
    if chosen is base:
        return f"{verdict}, no better than {base.verdict} without it: not needed."
    return f"{verdict}; {chosen.name} is preferred ({chosen.verdict}, {chosen.money})."


def _sentence(base: _Measured, chosen: _Measured, tried: int, lost: float) -> str:
    if chosen is base:
        return f"None of {tried - 1} remedies improves the verdict {base.verdict} at an allowed price; none is used."
    return (
        f"{chosen.name} is used: the verdict goes from {base.verdict} to {chosen.verdict}; "
        f"money per decision from {base.money.value:.4g} to {chosen.money.value:.4g} (n = {chosen.money.n:,}), "
        f"largest relative loss {max(lost, 0.0):.2%}."
    )


def _refuse_unusable(
    remedies: Mapping[str, SolutionArtifact],
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

"""One remedy as measured on rows: verdicts, money and accuracy lost in pairs, and how far out its gaps reach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.artifact import Prediction, SolutionArtifact
from ml_assets.learning.effects import GroupEffect, group_effects
from ml_assets.learning.remedies.repeating import Penalised, Reweighed
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered import clustered_mean, clustered_share
from ml_assets.statistics.disparity import FAIRNESS_METRICS, Disparity, disparities, overall_verdict
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import METRICS, evaluate
from ml_assets.statistics.value import Value
from ml_assets.statistics.verdicts import Verdict

SEVERITY: Mapping[Verdict, int] = {"pass": 0, "inconclusive": 1, "not_estimable": 1, "suspect": 2, "fail": 3}
"""Order of verdicts, best first; what cannot be estimated is as unknown as what is inconclusive."""
FINDING = 2
"""From this severity on a verdict is a finding."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A complete solution to be compared with the one there is.

    ``decision`` (n,): its decisions on the judged rows, where the artifact's own would flatter it because parts of it were
    fitted on them (cross-fitted thresholds); None: the artifact decides. ``remedy``: how it was fitted, to do the same on
    other rows; None where that is not possible, or nothing was done.
    """

    artifact: SolutionArtifact
    decision: NDArray[Any] | None = None
    remedy: Reweighed | Penalised | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """One remedy on the judged rows, before any comparison with the others.

    ``gain`` and ``right`` are per row. ``own``: the comparisons of the artifact's own decisions, which are those of
    ``found`` unless the candidate brought its own.
    """

    name: str
    found: tuple[Disparity, ...]
    verdict: Verdict
    decision: NDArray[Any]
    money: Estimate
    accuracy: Estimate
    gain: FloatArray
    right: FloatArray
    needs_group: bool
    own: tuple[Disparity, ...]

    def verdict_of(self, metric: str) -> Verdict:
        """The overall verdict of one metric."""
        return overall_verdict([one for one in self.found if one.metric == metric])

    @property
    def findings(self) -> tuple[Disparity, ...]:
        """The comparisons that are proven or suspected to be beyond their limit."""
        return tuple(one for one in self.found if SEVERITY[one.verdict] >= FINDING)


@dataclass(frozen=True, eq=False)
class Judging:
    """The rows all remedies are measured on, and what counts there."""

    table: TrainingTable
    groups: pd.DataFrame
    value: Value
    favourable: int
    metrics: Mapping[str, float]
    level: float = 0.95

    def measure(self, name: str, candidate: Candidate) -> Measured:
        """Everything that can be said of one remedy alone."""
        table, level = self.table, self.level
        answer = candidate.artifact.predict(table.features, groups=self.groups)
        decision = answer.decision if candidate.decision is None else candidate.decision
        found = self._disparities(decision, answer)
        own = found if candidate.decision is None else self._disparities(answer.decision, answer)
        gain = np.asarray(self.value.money(table.truth, decision), dtype=np.float64)
        money = evaluate("value_per_decision", table.truth, money=gain, level=level, cluster=table.cluster)
        accuracy, right = self._accuracy(decision)
        grouped = candidate.artifact.group_thresholds is not None
        return Measured(name, found, overall_verdict(found), decision, money, accuracy, gain, right, grouped, own)

    def _disparities(self, decision: NDArray[Any], answer: Prediction) -> tuple[Disparity, ...]:
        return disparities(
            self.groups,
            self.table.truth,
            decision,
            metrics=self.metrics,
            task=self.table.task,
            favourable=self.favourable,
            score=answer.score if self.table.task == "binary" else None,
            cluster=self.table.cluster,
            level=self.level,
        )

    def _accuracy(self, decision: NDArray[Any]) -> tuple[Estimate, FloatArray]:
        """Accuracy and whether each row is right; for regression the mean absolute error and minus each row's."""
        truth, shared = self.table.truth, self.table.cluster
        if self.table.task == "regression":
            error = evaluate(
                "mean_absolute_error",
                truth,
                score=np.asarray(decision, dtype=np.float64),
                level=self.level,
                cluster=shared,
            )
            return error, -np.abs(np.asarray(decision, dtype=np.float64) - truth)
        right = np.asarray(np.asarray(decision) == truth, dtype=np.float64)
        return evaluate("accuracy", truth, decision=decision, level=self.level, cluster=shared), right

    def effects(self, base: Measured, one: Measured) -> tuple[GroupEffect, ...]:
        """What a remedy does to every group."""
        return group_effects(
            self.groups,
            self.table.truth,
            base.decision,
            one.decision,
            task=self.table.task,
            favourable=self.favourable,
            cluster=self.table.cluster,
            level=self.level,
        )

    def lost(self, name: str, before: FloatArray, after: FloatArray) -> Estimate:
        """Mean of before - after over the same rows, in pairs: above 0 = lost."""
        less = before - after
        unit = "money" if name == "money lost" else METRICS["mean_absolute_error"].unit if self._number else ""
        return self._mean(name, less, unit)

    def changed(self, base: Measured, one: Measured) -> Estimate:
        """Share of decisions that differ; for regression the mean distance of the predictions."""
        if self._number:
            away = np.abs(np.asarray(one.decision, dtype=np.float64) - base.decision)
            return self._mean("mean change of prediction", away)
        other = np.asarray(one.decision != base.decision)
        return clustered_share("decisions changed", other, self.table.cluster, level=self.level)

    def earns_less(self, one: Measured, richest: Measured) -> bool:
        """Whether it earns less by more than one standard error of the paired difference, rows of one cluster as one draw.

        One draw alone shows nothing.
        """
        behind = clustered_mean(richest.gain - one.gain, self.table.cluster)
        return behind.value > behind.error  # of one draw the error is nan

    def _mean(self, name: str, values: FloatArray, unit: str = "") -> Estimate:
        """Student's interval of a mean, rows of one cluster as one draw."""
        return clustered_mean(values, self.table.cluster).estimate(name, unit=unit, level=self.level)

    @property
    def _number(self) -> bool:
        return self.table.task == "regression"


def lost_share(base: Measured, one: Measured) -> float:
    """The larger relative loss of money and of accuracy: 0.01 = one percent of what "none" has, below 0 = a gain."""
    better = -1.0 if one.accuracy.name == "mean_absolute_error" else 1.0
    return max(
        _relative_loss(base.money.value, one.money.value),
        _relative_loss(better * base.accuracy.value, better * one.accuracy.value),
    )


def _relative_loss(before: float, after: float) -> float:
    if before == after:
        return 0.0
    return (before - after) / abs(before) if before != 0 else math.copysign(math.inf, before - after)


def worsened(base: Measured, one: Measured, metrics: Mapping[str, float]) -> tuple[str, ...]:
    """Gated metrics whose verdict is worse than under "none"."""
    return tuple(name for name in metrics if SEVERITY[one.verdict_of(name)] > SEVERITY[base.verdict_of(name)])


def widened(base: Measured, one: Measured) -> tuple[str, ...]:
    """Gated metrics whose gap interval is worse than under "none".

    Where "none" has a finding, the far end of the interval of the worst comparison must not lie further out; elsewhere no
    comparison may lie wholly further out than it did.
    """
    found = {finding.metric for finding in base.findings}
    names = []
    for metric in dict.fromkeys(gap.metric for gap in base.found):
        pairs = [(a, b) for a, b in zip(base.found, one.found, strict=True) if a.metric == metric]
        if metric in found:
            sides = (worst([a for a, _ in pairs]), worst([b for _, b in pairs]))
            worse = reach(sides[1])[1] > reach(sides[0])[1]
        else:
            worse = any(reach(after)[0] > reach(before)[1] for before, after in pairs)
        names += [metric] if worse else []
    return tuple(names)


def unsettled(base: Measured, one: Measured) -> tuple[str, ...]:
    """Comparisons that were findings under "none" and whose figure still lies beyond the limit.

    Both the decisions it is judged by and the artifact's own must lie within: thresholds fitted on all judged rows may
    stop short of what those fitted on parts of them reach.
    """
    names = [
        f"{after.metric} {after.attribute} = {after.group}"
        for found in (one.found, one.own)
        for before, after in zip(base.found, found, strict=True)
        if SEVERITY[before.verdict] >= FINDING and in_limits(after) > 1
    ]
    return tuple(dict.fromkeys(names))


def worst(found: Sequence[Disparity]) -> Disparity:
    """The comparison with the worst verdict; of those the one furthest out."""
    return max(found, key=lambda one: (SEVERITY[one.verdict], in_limits(one)))


def in_limits(one: Disparity) -> float:
    """How many times its tolerance a comparison is away from equal treatment; -1 where it cannot be estimated."""
    return _distance(one.value.value, one)


def reach(one: Disparity) -> tuple[float, float]:
    """The nearest and the furthest point of its interval from equal treatment, in tolerances; (-1, -1) without one."""
    low, high = _distance(one.value.low, one), _distance(one.value.high, one)
    equal = 1.0 if FAIRNESS_METRICS[one.metric].form == "ratio" else 0.0
    spans = one.value.low <= equal <= one.value.high
    return (0.0 if spans else min(low, high)), max(low, high)


def _distance(value: float, one: Disparity) -> float:
    limit = one.limit
    if FAIRNESS_METRICS[one.metric].form != "ratio":
        return abs(value) / limit if math.isfinite(value) else -1.0
    if math.isnan(value):
        return -1.0
    return abs(math.log(value) / math.log(limit)) if 0 < value < math.inf else math.inf

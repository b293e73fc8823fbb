"""Does the model treat groups differently? Each group against the rest, with a tolerance.

The verdicts follow :mod:`ml_assets.statistics.verdicts`: with few rows the answer is "inconclusive", never "pass".
The measures conflict with each other (Kleinberg and others 2016): declare the one that fits the use, not all of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, binary, codes, finite, same_rows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.verdicts import (
    Contrast,
    Verdict,
    gap_sentence,
    mean_difference,
    overall,
    rate_difference,
    rate_ratio,
    verdicts,
)

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the measures are made of, per row: favourable truth and decision, correctness, and a residual or nan."""

    truth: BoolArray
    decision: BoolArray
    correct: BoolArray
    residual: FloatArray
    scale: float


@dataclass(frozen=True, slots=True)
class FairnessMetric:
    """A measure of disparity: the rate of ``event`` among the rows of ``among``, or a mean, group against rest.

    A difference is 0 and a ratio 1 when group and rest are treated alike. ``denominator`` says in words which rows
    ``among`` are.
    """

    name: str
    form: Literal["difference", "ratio", "mean"]
    tasks: frozenset[Task]
    rate: str
    unit: str
    summary: str
    event: Callable[[Outcomes], BoolArray | FloatArray]
    among: Callable[[Outcomes], BoolArray]
    denominator: str = "rows"


@dataclass(frozen=True, slots=True)
class Disparity:
    """One measure in one group. ``denominator`` names the rows that ``n`` counts, ``limit`` is the tolerance.

    ``detectable``: the smallest gap these rows could rule out, in the unit of a difference (for a ratio: of its logarithm).
    """

    metric: str
    attribute: str
    group: str
    n: int
    denominator: str
    value: Estimate
    limit: float
    verdict: Verdict
    sentence: str
    resolvable: bool
    detectable: float


def _everyone(outcomes: Outcomes) -> BoolArray:
    return np.ones(outcomes.truth.size, dtype=np.bool_)


_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_TABLE = (
    FairnessMetric(
        "selection_rate_ratio",
        "ratio",
        _CLASSES,
        "selection rate",
        "",
        "P(favourable decision | group) / P(favourable decision | rest): the four-fifths rule has the limit 0.8",
        lambda o: o.decision,
        _everyone,
    ),
    FairnessMetric(
        "selection_rate_difference",
        "difference",
        _CLASSES,
        "selection rate",
        "",
        "P(favourable decision | group) - P(favourable decision | rest): demographic parity",
        lambda o: o.decision,
        _everyone,
    ),
    FairnessMetric(
        "equal_opportunity_difference",
        "difference",
        _CLASSES,
        "true positive rate",
        "",
        "gap of P(favourable decision | favourable truth): who deserves it gets it as often (Hardt and others 2016)",
        lambda o: o.decision,
        lambda o: o.truth,
        "rows with favourable truth",
    ),
    FairnessMetric(
        "false_positive_rate_difference",
        "difference",
        _CLASSES,
        "false positive rate",
        "",
        "gap of P(favourable decision | unfavourable truth)",
        lambda o: o.decision,
        lambda o: ~o.truth,
        "rows with unfavourable truth",
    ),
    FairnessMetric(
        "predictive_parity_difference",
        "difference",
        _CLASSES,
        "precision",
        "",
        "gap of P(favourable truth | favourable decision): a decision means the same (Chouldechova 2017)",
        lambda o: o.truth,
        lambda o: o.decision,
        "rows with favourable decision",
    ),
    FairnessMetric(
        "accuracy_difference",
        "difference",
        _CLASSES,
        "accuracy",
        "",
        "gap of P(decision = truth)",
        lambda o: o.correct,
        _everyone,
    ),
    FairnessMetric(
        "calibration_difference",
        "mean",
        frozenset({"binary"}),
        "mean of score - truth",
        "",
        "gap of mean(score - truth): above 0 the group's chance is overstated more than the rest's; needs the score",
        lambda o: o.residual,
        _everyone,
    ),
    FairnessMetric(
        "mean_residual_difference",
        "mean",
        frozenset({"regression"}),
        "mean residual",
        "sd",
        "gap of mean(decision - truth), in standard deviations of the truth: above 0 the group is overestimated",
        lambda o: o.residual,
        _everyone,
    ),
)
FAIRNESS_METRICS: Mapping[str, FairnessMetric] = {metric.name: metric for metric in _TABLE}


def fairness_metric(name: str, *, task: Task) -> FairnessMetric:
    """The measure called ``name``; ``DataError`` with the names that exist for ``task``."""
    metric = FAIRNESS_METRICS.get(name)
    if metric is None or task not in metric.tasks:
        allowed = ", ".join(known.name for known in _TABLE if task in known.tasks)
        raise DataError(f"no such fairness metric for {task}", got=name, allowed=allowed, do="Use one of these names")
    return metric


def disparities(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    decision: npt.ArrayLike,
    *,
    metrics: Mapping[str, float],
    task: Task = "binary",
    favourable: int = 1,
    score: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> tuple[Disparity, ...]:
    """Every measure for every group of every attribute, group against all other rows (not against the best group).

    Args:
        groups: text labels (n, attributes), as ``group_frame`` makes them; ``intersections`` adds the pairs.
        truth, decision: (n,) codes; regression: numbers. ``decision`` is the model's final one.
        metrics: name → tolerance; a difference is tolerated within ± it, a ratio from it to 1/it.
        favourable: the code whose decision is good for the person (0 for "default", 1 for "hired").
        score: (n,) probability of code 1; only ``calibration_difference`` reads it.

    The comparisons of one call are corrected for each other, so pass all that one gate decides on. Use rows that the
    model has not seen; not for rows that repeat a person. ``DataError`` for unknown names or unequal lengths.
    """
    chosen = [(fairness_metric(name, task=task), limit) for name, limit in metrics.items()]
    outcomes = _outcomes(truth, decision, task, favourable, score, metrics)
    same_rows(groups=groups.index.to_numpy(), truth=outcomes.truth)
    drafts = [
        draft
        for table in groupings(groups)
        for metric, limit in chosen
        for draft in _drafts(metric, table, outcomes, limit)
    ]
    answers = verdicts([draft.contrast for draft in drafts], level=level)
    return tuple(_disparity(draft, answer, level) for draft, answer in zip(drafts, answers, strict=True))


def overall_verdict(found: Sequence[Disparity]) -> Verdict:
    """One answer for a gate: fail, else suspect, else pass when all resolvable comparisons pass, else inconclusive.

    A comparison with too few rows to ever pass does not hold the others back, but a finding in it counts. Without one
    resolvable comparison the answer is never "pass".
    """
    return overall([one.verdict for one in found], [one.resolvable for one in found])


@dataclass(frozen=True, slots=True)
class _Draft:
    metric: FairnessMetric
    attribute: str
    group: str
    n: int
    sides: tuple[float, float]
    limit: float
    contrast: Contrast


def _outcomes(
    truth: npt.ArrayLike,
    decision: npt.ArrayLike,
    task: Task,
    favourable: int,
    score: npt.ArrayLike | None,
    metrics: Mapping[str, float],
) -> Outcomes:
    if task == "regression":
        y, d = finite(truth, "truth"), finite(decision, "decision")
        n = same_rows(truth=y, decision=d)
        none = np.zeros(n, dtype=np.bool_)
        return Outcomes(none, none, none, d - y, float(y.std(ddof=1)) if n > 1 else 0.0)
    read = binary if task == "binary" else codes
    t, c = read(truth, "truth"), read(decision, "decision")
    n = same_rows(truth=t, decision=c)
    residual = np.full(n, np.nan)
    if "calibration_difference" in metrics:
        if score is None:
            raise DataError(
                "calibration_difference without a score", got=None, allowed="probabilities (n,)", do="Pass score"
            )
        s = finite(score, "score")
        same_rows(truth=t, score=s)
        residual = s - t
    return Outcomes(t == favourable, c == favourable, t == c, residual, 1.0)


def _drafts(metric: FairnessMetric, table: Grouping, outcomes: Outcomes, limit: float) -> list[_Draft]:
    return (_mean_drafts if metric.form == "mean" else _rate_drafts)(metric, table, outcomes, limit)


def _mean_drafts(metric: FairnessMetric, table: Grouping, outcomes: Outcomes, limit: float) -> list[_Draft]:
    scale = outcomes.scale or math.nan
    drafts = []
    for label, (group, rest) in zip(table.labels, table.moments(outcomes.residual), strict=True):
        contrast = mean_difference(group, rest, scale=scale, tolerance=limit)
        sides = (group.mean / scale, rest.mean / scale)
        drafts.append(_Draft(metric, table.attribute, label, group.n, sides, limit, contrast))
    return drafts


def _rate_drafts(metric: FairnessMetric, table: Grouping, outcomes: Outcomes, limit: float) -> list[_Draft]:
    among = metric.among(outcomes)
    sizes = [int(size) for size in table.sums(among)]
    events = [int(event) for event in table.sums(metric.event(outcomes).astype(np.bool_) & among)]
    drafts = []
    for label, n, x in zip(table.labels, sizes, events, strict=True):
        rest_n, rest_x = sum(sizes) - n, sum(events) - x
        if metric.form == "ratio":
            contrast = rate_ratio(x, n, rest_x, rest_n, limit=limit)
        else:
            contrast = rate_difference(x, n, rest_x, rest_n, tolerance=limit)
        sides = (x / n if n else math.nan, rest_x / rest_n if rest_n else math.nan)
        drafts.append(_Draft(metric, table.attribute, label, n, sides, limit, contrast))
    return drafts


def _disparity(draft: _Draft, verdict: Verdict, level: float) -> Disparity:
    metric, contrast = draft.metric, draft.contrast
    value = contrast.estimate(metric.name, draft.n, unit=metric.unit, level=level)
    who = f"{draft.attribute} = {draft.group}"
    return Disparity(
        metric=metric.name,
        attribute=draft.attribute,
        group=draft.group,
        n=draft.n,
        denominator=metric.denominator,
        value=value,
        limit=draft.limit,
        verdict=verdict,
        sentence=gap_sentence(who, metric.rate, draft.sides, value, contrast, verdict),
        resolvable=contrast.resolvable,
        detectable=contrast.detectable,
    )

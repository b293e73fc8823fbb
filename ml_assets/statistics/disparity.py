"""Does the model treat groups differently? Each group against the rest, with a tolerance.

The verdicts follow :mod:`ml_assets.statistics.verdicts`: with few rows the answer is "inconclusive", never "pass".
The measures conflict with each other (Kleinberg and others 2016): declare the one that fits the use, not all of them.

A measure that is a gap of rates is counted in one tensor, :mod:`ml_assets.statistics.tensor`, as every other figure of a
group is. A mean of residuals (``calibration_difference``, ``mean_residual_difference``) is no matter of counts: scores and
numbers differ row by row, so its sums are taken over the rows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, binary, codes, finite, same_rows
from ml_assets.statistics.clustered_gaps import clustered_moments, rate_gap, ratio_gap
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.fairness_metrics import FAIRNESS_METRICS as FAIRNESS_METRICS
from ml_assets.statistics.fairness_metrics import FairnessMetric as FairnessMetric
from ml_assets.statistics.fairness_metrics import fairness_metric as fairness_metric
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_metrics import GroupTable, count_metric, events, tables
from ml_assets.statistics.verdicts import (
    Contrast,
    Verdict,
    gap_sentence,
    mean_difference,
    overall,
    verdicts,
)


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


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison: what is told of it, and the contrast it rests on, which gives its interval at any level."""

    disparity: Disparity
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows of the event among those of the denominator, ``x`` of ``n``, in one group and in the rest."""

    group: str
    x: int
    n: int
    rest_x: int
    rest_n: int


def disparities(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    decision: npt.ArrayLike,
    *,
    metrics: Mapping[str, float],
    task: Task = "binary",
    favourable: int = 1,
    score: npt.ArrayLike | None = None,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[Disparity, ...]:
    """Every measure for every group of every attribute, group against all other rows (not against the best group).

    Args:
        groups: text labels (n, attributes), as ``group_frame`` makes them; ``intersections`` adds the pairs.
        truth, decision: (n,) codes; regression: numbers. ``decision`` is the model's final one.
        metrics: name → tolerance; a difference is tolerated within ± it, a ratio from it to 1/it.
        favourable: the code whose decision is good for the person (0 for "default", 1 for "hired").
        score: (n,) probability of code 1; only ``calibration_difference`` reads it.
        cluster: (n,) what rows share, such as a customer: rows of one cluster are one draw. ``n`` counts rows all the same.

    The comparisons of one call are corrected for each other, so pass all that one gate decides on. Use rows that the
    model has not seen; rows that repeat a person need a ``cluster``. ``DataError`` for unknown names or unequal lengths.
    """
    options: Any = {"task": task, "favourable": favourable, "score": score, "cluster": cluster, "level": level}
    return tuple(one.disparity for one in judged(groups, truth, decision, metrics=metrics, **options))


def judged(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    decision: npt.ArrayLike,
    *,
    metrics: Mapping[str, float],
    task: Task = "binary",
    favourable: int = 1,
    score: npt.ArrayLike | None = None,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    counts: CountTensor | None = None,
) -> tuple[Judged, ...]:
    """As :func:`disparities`, each with its contrast; ``counts``: the tensor of these very rows, where there is one."""
    chosen = [(fairness_metric(name, task=task), limit) for name, limit in metrics.items()]
    scored = "calibration_difference" in metrics
    rows = Rows.of(groups, truth, decision, task=task, score=score, scored=scored, counts=counts)
    if cluster is not None:
        known = {} if task == "regression" else {"truth": truth, "decision": decision}
        rows = replace(rows, shared=SharedRows.of(groups, cluster, **known))
    drafts = list(_drafts(groups, rows, chosen, favourable))
    answers = verdicts([draft.contrast for draft in drafts], level=level)
    return tuple(
        Judged(_disparity(draft, answer, level), draft.contrast) for draft, answer in zip(drafts, answers, strict=True)
    )


def overall_verdict(found: Sequence[Disparity]) -> Verdict:
    """One answer for a gate: fail, else suspect, else pass when all resolvable comparisons pass, else inconclusive.

    A comparison with too few rows to ever pass does not hold the others back, but a finding in it counts. Without one
    resolvable comparison the answer is never "pass".
    """
    return overall([one.verdict for one in found], [one.resolvable for one in found])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What the measures are made of: counts of classes (None for a regression), and per row a residual or nan.

    ``scale`` is the unit of a residual: the standard deviation of a predicted number's truth, 1 for a probability.
    ``shared``: who owns the rows, where rows share a cluster.
    """

    counts: CountTensor | None
    residual: FloatArray
    scale: float
    shared: SharedRows | None = None

    @classmethod
    def of(
        cls,
        groups: pd.DataFrame,
        truth: npt.ArrayLike,
        decision: npt.ArrayLike,
        *,
        task: Task,
        score: npt.ArrayLike | None = None,
        scored: bool = False,
        counts: CountTensor | None = None,
    ) -> "Rows":
        """Counts and residuals of rows; ``scored``: whether the residual of a probability is wanted.

        ``counts`` are taken as they are, and must be of as many rows and of the same attributes: ``DataError``.
        """
        if task == "regression":
            y, d = finite(truth, "truth"), finite(decision, "decision")
            n = same_rows(groups=groups.index.to_numpy(), truth=y, decision=d)
            return cls(None, d - y, float(y.std(ddof=1)) if n > 1 else 0.0)
        read = binary if task == "binary" else codes
        t, c = (read(values, name).astype(np.int64) for values, name in ((truth, "truth"), (decision, "decision")))
        made = CountTensor.of_codes(groups, t, c) if counts is None else _of_these(counts, groups)
        return cls(made, _residual(t, score) if scored else np.full(t.size, np.nan), 1.0)


def _of_these(counts: CountTensor, groups: pd.DataFrame) -> CountTensor:
    wanted = (tuple(map(str, groups.columns)), len(groups))
    if (counts.attributes, counts.n) != wanted:
        got = f"{counts.n} rows of {', '.join(counts.attributes)}"
        allowed = f"{wanted[1]} rows of {', '.join(wanted[0])}"
        raise DataError("a count tensor of other rows", got=got, allowed=allowed, do="Count these rows")
    return counts


def rate_sides(metric: FairnessMetric, table: GroupTable) -> tuple[Sides, ...]:
    """The counts of a rate in every group of one attribute and in its rest."""
    (share,) = count_metric(metric.counts).shares
    found = [events(share, line) for line in table.counts.tolist()]
    all_x, all_n = (sum(side) for side in zip(*found, strict=True)) if found else (0, 0)
    return tuple(
        Sides(" & ".join(group), x, n, all_x - x, all_n - n) for group, (x, n) in zip(table.groups, found, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    metric: FairnessMetric
    attribute: str
    group: str
    n: int
    sides: tuple[float, float]
    limit: float
    contrast: Contrast


def _residual(truth: IntArray, score: npt.ArrayLike | None) -> FloatArray:
    if score is None:
        raise DataError(
            "calibration_difference without a score", got=None, allowed="probabilities (n,)", do="Pass score"
        )
    s = finite(score, "score")
    same_rows(truth=truth, score=s)
    return s - truth


def _drafts(
    groups: pd.DataFrame, rows: Rows, chosen: Sequence[tuple[FairnessMetric, float]], favourable: int
) -> Iterator[_Draft]:
    """Attribute by attribute, measure by measure, group by group."""
    means = any(metric.form == "mean" for metric, _ in chosen)
    of_rows = list(groupings(groups)) if means else [None] * len(groups.columns)
    of_counts = list(tables(rows.counts, depth=1, positive=favourable)) if rows.counts and len(groups.columns) else []
    for place in range(len(groups.columns)):
        for metric, limit in chosen:
            table = of_rows[place]
            if metric.form != "mean":
                yield from _rate_drafts(metric, of_counts[place], rows.shared, limit, favourable)
            elif table is not None:
                yield from _mean_drafts(metric, table, rows, limit)


def _mean_drafts(metric: FairnessMetric, table: Grouping, rows: Rows, limit: float) -> Iterator[_Draft]:
    scale, shared = rows.scale or math.nan, rows.shared
    both = table.moments(rows.residual) if shared is None else clustered_moments(table, rows.residual, shared.cluster)
    for label, n, (group, rest) in zip(table.labels, table.counts.tolist(), both, strict=True):
        contrast = mean_difference(group, rest, scale=scale, tolerance=limit)
        sides = (group.mean / scale, rest.mean / scale)
        yield _Draft(metric, table.attribute, label, n, sides, limit, contrast)


def _rate_drafts(
    metric: FairnessMetric, table: GroupTable, shared: SharedRows | None, limit: float, favourable: int
) -> Iterator[_Draft]:
    (attribute,), (share,) = table.attributes, count_metric(metric.counts).shares
    owned = {} if shared is None else shared.rates(table.attributes, share, positive=favourable)
    for (name,), side in zip(table.groups, rate_sides(metric, table), strict=True):
        counts, both = (side.x, side.n, side.rest_x, side.rest_n), owned.get((name,))
        contrast = (
            ratio_gap(counts, both, limit=limit) if metric.form == "ratio" else rate_gap(counts, both, tolerance=limit)
        )
        rates = (side.x / side.n if side.n else math.nan, side.rest_x / side.rest_n if side.rest_n else math.nan)
        yield _Draft(metric, attribute, side.group, side.n, rates, limit, contrast)


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

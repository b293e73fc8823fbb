"""Every rate of every group, pair and triple, and its gap to the rest, from the counts of one tensor.

A class is read one against the others: ``positive`` is the code that counts as a positive label and decision, so a
multiclass tensor is asked once per class. A figure without denominator is not estimable with n = 0, never zero.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import Interval, normal_quantile, wilson
from ml_assets.statistics.tensor import UNLABELLED, CountTensor, grouped
from ml_assets.statistics.verdicts import PASS_LEVEL, Contrast, rate_difference

Form = Literal["rate", "odds", "dice"]
Line = Sequence[int]
"""Rows of one group by outcome: 7 numbers."""

# What happened to a row, one class against the others: the places in a line of counts.
TN, TN_WRONG, FP, FN, TP, UNLABELLED_NO, UNLABELLED_YES = range(7)
OUTCOMES = 7
# The equivalence test at 5 % with 90 % power at no gap, as in the verdict rule.
_RESOLVING_Z = 3.29


@dataclass(frozen=True, slots=True)
class Share:
    """Rows of the outcomes ``events`` among rows of the outcomes ``among`` (which include them)."""

    events: tuple[int, ...]
    among: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CountMetric:
    """A figure made of counts: the mean over its ``shares`` r of r ("rate"), r/(1-r) ("odds") or 2r/(1+r) ("dice").

    ``denominator`` names the rows that n counts: those of ``among``, for odds those without the event, and the smaller
    of two where two shares are averaged. Without a row of the outcomes ``needs`` there is no figure either.
    """

    name: str
    shares: tuple[Share, ...]
    denominator: str
    summary: str
    form: Form = "rate"
    needs: tuple[int, ...] = ()


_NO, _YES, _RIGHT = (TN, TN_WRONG, FP), (FN, TP), (TN, TP)
_KEPT, _CHOSEN = (TN, TN_WRONG, FN), (FP, TP)
_KNOWN = (*_NO, *_YES)
_ALL = (*_KNOWN, UNLABELLED_NO, UNLABELLED_YES)
_TPR, _TNR = Share((TP,), _YES), Share((TN, TN_WRONG), _NO)
_POSITIVES, _NEGATIVES = "rows with positive label", "rows with negative label"
_SELECTED, _REJECTED = "rows decided positive", "rows decided negative"
_LABELLED = "rows with a label"
_TABLE = (
    CountMetric("selection_rate", (Share((*_CHOSEN, UNLABELLED_YES), _ALL),), "rows", "P(decided positive)"),
    CountMetric("prevalence", (Share(_YES, _KNOWN),), _LABELLED, "P(positive label)"),
    CountMetric("accuracy", (Share(_RIGHT, _KNOWN),), _LABELLED, "P(decision = label), over all classes"),
    CountMetric("true_positive_rate", (_TPR,), _POSITIVES, "P(decided positive | positive label): recall"),
    CountMetric("false_negative_rate", (Share((FN,), _YES),), _POSITIVES, "P(decided negative | positive label)"),
    CountMetric("true_negative_rate", (_TNR,), _NEGATIVES, "P(decided negative | negative label): specificity"),
    CountMetric("false_positive_rate", (Share((FP,), _NO),), _NEGATIVES, "P(decided positive | negative label)"),
    CountMetric(
        "positive_predictive_value", (Share((TP,), _CHOSEN),), _SELECTED, "P(positive label | decided positive)"
    ),
    CountMetric("false_discovery_rate", (Share((FP,), _CHOSEN),), _SELECTED, "P(negative label | decided positive)"),
    CountMetric("false_omission_rate", (Share((FN,), _KEPT),), _REJECTED, "P(positive label | decided negative)"),
    CountMetric(
        "negative_predictive_value",
        (Share((TN, TN_WRONG), _KEPT),),
        _REJECTED,
        "P(negative label | decided negative)",
    ),
    CountMetric(
        "balanced_accuracy", (_TPR, _TNR), "rows of the rarer label", "mean of true positive and true negative rate"
    ),
    CountMetric(
        "f1", (Share((TP,), (TP, FP, FN)),), "positive labels or decisions", "2 TP / (2 TP + FP + FN)", "dice", _YES
    ),
    CountMetric(
        "treatment_equality", (Share((FN,), (FN, FP)),), "false positives", "FN / FP: which error is made", "odds"
    ),
)
COUNT_METRICS: Mapping[str, CountMetric] = {metric.name: metric for metric in _TABLE}


@dataclass(frozen=True, eq=False)
class GroupTable:
    """The groups of one set of attributes with their rows by outcome: ``counts`` (groups, 7)."""

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    counts: IntArray


def count_metric(name: str) -> CountMetric:
    """The row of ``name``; ``DataError`` with the names there are."""
    try:
        return COUNT_METRICS[name]
    except KeyError as error:
        names = ", ".join(COUNT_METRICS)
        raise DataError("no such metric of counts", got=name, allowed=names, do="Use one of these names") from error


def plain_metric(name: str) -> CountMetric:
    """The row of ``name`` if it is a plain rate, of which ratios are taken; ``DataError`` otherwise."""
    metric = count_metric(name)
    if metric.form != "rate" or len(metric.shares) > 1:
        plain = ", ".join(m.name for m in _TABLE if m.form == "rate" and len(m.shares) == 1)
        raise DataError("a ratio of what is no plain rate", got=name, allowed=plain, do="Ask for its difference")
    return metric


def subsets(attributes: Sequence[str], depth: int | None) -> Iterator[tuple[str, ...]]:
    """The attributes alone, then all pairs, and so on up to ``depth`` at a time (``None``: all at once)."""
    deepest = len(attributes) if depth is None else min(depth, len(attributes))
    if deepest < 1:
        raise DataError("depth of the subgroups", got=depth, allowed=f"1 to {len(attributes)}", do="Use 2 for pairs")
    return (chosen for size in range(1, deepest + 1) for chosen in combinations(attributes, size))


def tables(tensor: CountTensor, *, depth: int | None = None, positive: int = 1) -> Iterator[GroupTable]:
    """The counts by outcome of every group of every subset of attributes up to ``depth``."""
    outcome = outcomes(tensor.labels, tensor.decisions, positive)
    lines, where = grouped(np.column_stack([tensor.cells[:, :-2], outcome]))
    rows = np.bincount(where, weights=tensor.counts, minlength=len(lines))
    for chosen in subsets(tensor.attributes, depth):
        places = [tensor.attributes.index(name) for name in chosen]
        groups, of_line = grouped(lines[:, places])
        counts = np.bincount(of_line * OUTCOMES + lines[:, -1], weights=rows, minlength=len(groups) * OUTCOMES)
        yield GroupTable(chosen, group_names(tensor, places, groups), counts.reshape(-1, OUTCOMES).astype(np.int64))


def group_names(tensor: CountTensor, places: Sequence[int], groups: IntArray) -> tuple[tuple[str, ...], ...]:
    """The level names of lines of codes (groups, places)."""
    return tuple(
        tuple(tensor.levels[place][code] for place, code in zip(places, line, strict=True)) for line in groups.tolist()
    )


def values(counts: npt.NDArray[np.number], metrics: Sequence[str]) -> FloatArray:
    """The metrics (…, metrics) of counts by outcome (…, 7); nan without denominator."""
    return np.stack([_value(count_metric(name), counts) for name in metrics], axis=-1)


def estimate(metric: CountMetric, counts: Line, *, level: float = 0.95) -> Estimate:
    """One figure of one group (7,) with its interval: Wilson's, carried through the form of the metric.

    Two shares are joined by the squares of the distances of their ends (Zou and Donner, Statistics in Medicine 27
    (2008) 1693), as Newcombe joins two rates.
    """
    normal_quantile(level)
    sides = [events(share, counts) for share in metric.shares]
    if not math.isfinite(_figure(metric, counts)):
        return not_estimable(metric.name, level=level)
    value, low, high = _joined(metric, sides, level)
    return Estimate(metric.name, value, low, high, _rows(metric, sides), level=level)


def difference(metric: CountMetric, group: Line, rest: Line, *, tolerance: float) -> Contrast:
    """The figure in a group minus that in the rest, from counts by outcome (7,), tolerated within ±``tolerance``.

    A plain rate is compared as everywhere else (Newcombe). Other forms join the intervals of both sides the same way;
    their test is that of equal shares, on which equal figures rest.
    """
    sides = [(*events(share, group), *events(share, rest)) for share in metric.shares]
    if metric.form == "rate" and len(sides) == 1:
        return rate_difference(*sides[0], tolerance=tolerance)
    value = _figure(metric, group) - _figure(metric, rest)
    if not tolerance > 0 or not math.isfinite(value):
        # the same refusal, and the same answer without a denominator, as of a plain rate
        return rate_difference(0, 0, 0, 0, tolerance=tolerance)
    pooled = [(x + y) / (n + m) for x, n, y, m in sides]
    errors = [math.sqrt(p * (1 - p) * (1 / n + 1 / m)) for p, (_, n, _, m) in zip(pooled, sides, strict=True)]
    distance = sum(x / n - y / m for x, n, y, m in sides)
    equal = _apart(metric, [(p * n, n, p * m, m) for p, (_, n, _, m) in zip(pooled, sides, strict=True)], PASS_LEVEL)
    slopes = [_slope(metric.form, p) for p in pooled]
    error = math.hypot(*(slope * one for slope, one in zip(slopes, errors, strict=True))) / len(sides)
    detectable = max(_RESOLVING_Z * error, equal[1], -equal[0])
    return Contrast(
        value,
        -tolerance,
        tolerance,
        two_sided(distance, math.hypot(*errors)),
        detectable <= tolerance,
        detectable,
        lambda level: _apart(metric, sides, level),
    )


def two_sided(distance: float, error: float) -> float:
    """The chance of a normal deviate at least as far from zero."""
    if error == 0:
        return 1.0 if distance == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(distance) / error)


def outcomes(label: IntArray, decision: IntArray, positive: int) -> IntArray:
    """What happened (m,), a place in a line of counts, of labels (-1: unknown) and decisions (m,), both class codes."""
    yes = decision == positive
    of_negative = np.where(yes, FP, np.where(decision == label, TN, TN_WRONG))
    known = np.where(label == positive, np.where(yes, TP, FN), of_negative)
    outcome: IntArray = np.where(label == UNLABELLED, np.where(yes, UNLABELLED_YES, UNLABELLED_NO), known)
    return outcome


def events(share: Share, counts: Line) -> tuple[int, int]:
    """Rows of the event, and rows it is among, in one line of counts (7,)."""
    return sum(counts[place] for place in share.events), sum(counts[place] for place in share.among)


def _value(metric: CountMetric, counts: npt.NDArray[np.number]) -> FloatArray:
    known = counts.astype(np.float64)
    parts = [
        shaped(metric.form, *(known[..., list(places)].sum(axis=-1) for places in (share.events, share.among)))
        for share in metric.shares
    ]
    mean: FloatArray = np.asarray(sum(parts)) / len(parts)
    return np.where(known[..., list(metric.needs)].sum(axis=-1) > 0, mean, np.nan) if metric.needs else mean


def shaped(form: Form, events: npt.NDArray[np.number], among: npt.NDArray[np.number]) -> FloatArray:
    """Shares of ``events`` among rows in a form of :class:`CountMetric`; nan without denominator."""
    above, below = {"rate": (1, among), "odds": (1, among - events), "dice": (2, among + events)}[form]
    figures: FloatArray = np.divide(above * events, below, out=np.full(np.shape(events), np.nan), where=below > 0)
    return figures


def _rows(metric: CountMetric, sides: Sequence[tuple[int, int]]) -> int:
    return min(n - x if metric.form == "odds" else n for x, n in sides)


_SHAPES: Mapping[Form, Callable[[float], float]] = {
    "rate": lambda r: r,
    "odds": lambda r: r / (1 - r) if r < 1 else math.inf,
    "dice": lambda r: 2 * r / (1 + r),
}


def _figure(metric: CountMetric, counts: Line) -> float:
    """As :func:`values`, of one group; infinite where odds have no denominator."""
    sides = [events(share, counts) for share in metric.shares]
    if not all(n for _, n in sides) or (metric.needs and not any(counts[place] for place in metric.needs)):
        return math.nan
    return sum(_SHAPES[metric.form](x / n) for x, n in sides) / len(sides)


def _slope(form: Form, r: float) -> float:
    return {"rate": 1.0, "odds": 1 / max(1 - r, 1e-12) ** 2, "dice": 2 / (1 + r) ** 2}[form]


def _joined(metric: CountMetric, sides: Sequence[tuple[float, float]], level: float) -> tuple[float, float, float]:
    """Value and interval of the mean of the shaped shares x of n."""
    shape, k = _SHAPES[metric.form], len(sides)
    middles = [shape(x / n) for x, n in sides]
    ends = [[shape(end) for end in wilson(x, n, level=level)] for x, n in sides]
    below = math.hypot(*(middle - low for middle, (low, _) in zip(middles, ends, strict=True))) / k
    above = math.hypot(*(high - middle for middle, (_, high) in zip(middles, ends, strict=True))) / k
    return sum(middles) / k, sum(middles) / k - below, sum(middles) / k + above


def _apart(metric: CountMetric, sides: Sequence[tuple[float, float, float, float]], level: float) -> Interval:
    """Interval of the difference of two such means."""
    v1, low1, high1 = _joined(metric, [side[:2] for side in sides], level)
    v2, low2, high2 = _joined(metric, [side[2:] for side in sides], level)
    return v1 - v2 - math.hypot(v1 - low1, high2 - v2), v1 - v2 + math.hypot(high1 - v1, v2 - low2)

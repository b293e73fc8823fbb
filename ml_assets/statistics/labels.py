"""Do the labels themselves differ between groups, before any model has learnt from them?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, binary, codes, finite
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, Moments, groupings
from ml_assets.statistics.intervals import mean_interval, wilson
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.verdicts import (
    Contrast,
    Verdict,
    gap_sentence,
    mean_difference,
    rate_difference,
    rate_ratio,
    verdicts,
)


@dataclass(frozen=True, slots=True)
class GroupGap:
    """How the labels of a group differ from the rest's.

    ``rate`` is the share of positives (regression: the mean truth); ``difference`` is group minus rest (regression: in
    standard deviations of the truth), 0 when equal; ``ratio`` is group over rest, 1 when equal (regression: not
    estimable). ``label`` is the class code of a multiclass truth, else empty.
    """

    attribute: str
    group: str
    n: int
    positives: int
    rate: Estimate
    rest_rate: float
    difference: Estimate
    ratio: Estimate
    verdict: Verdict
    sentence: str
    label: str = ""
    resolvable: bool = True


def label_gaps(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    tolerance: float = 0.1,
    task: Task = "binary",
    level: float = 0.95,
) -> tuple[GroupGap, ...]:
    """Label rate of every group against the rest of the rows, for every attribute of ``groups``.

    difference = P(positive | group) - P(positive | rest), tolerated within ±``tolerance``; multiclass: one row per
    class (that class against the others); regression: (mean of group - mean of rest) / standard deviation of the
    truth. A gap is a fact about the labels, which may be true of the world or of who labelled them: it is no verdict
    on a model.
    """
    tables = tuple(groupings(groups))
    if task == "regression":
        return _mean_gaps(tables, finite(truth, "truth"), tolerance, level)
    if task == "binary":
        return _rate_gaps(tables, {"": binary(truth)}, tolerance, level)
    classes = codes(truth)
    labels = {str(code): (classes == code).astype(np.float64) for code in np.unique(classes)}
    return _rate_gaps(tables, labels, tolerance, level)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One group of one attribute, and the label whose rate is compared (regression: none)."""

    table: Grouping
    code: int
    label: str
    positives: int
    others: int

    @property
    def n(self) -> int:
        return int(self.table.counts[self.code])

    @property
    def rest(self) -> int:
        return self.table.codes.size - self.n

    @property
    def who(self) -> str:
        return f"{self.table.attribute} = {self.table.labels[self.code]}"


def _rate_gaps(
    tables: tuple[Grouping, ...], labels: Mapping[str, FloatArray], tolerance: float, level: float
) -> tuple[GroupGap, ...]:
    cells = [
        _Cell(table, code, label, int(positives), int(truth.sum() - positives))
        for label, truth in labels.items()
        for table in tables
        for code, positives in enumerate(table.sums(truth))
    ]
    contrasts = [rate_difference(c.positives, c.n, c.others, c.rest, tolerance=tolerance) for c in cells]
    answers = verdicts(contrasts, level=level)
    return tuple(
        _rate_gap(cell, contrast, answer, level)
        for cell, contrast, answer in zip(cells, contrasts, answers, strict=True)
    )


def _rate_gap(cell: _Cell, contrast: Contrast, verdict: Verdict, level: float) -> GroupGap:
    interval = wilson(cell.positives, cell.n, level=level)
    rate = Estimate("label_rate", cell.positives / cell.n, *interval, cell.n, level=level)
    rest_rate = cell.others / cell.rest if cell.rest else math.nan
    # The limit plays no part here: the ratio is shown, the verdict is that of the difference.
    ratio = rate_ratio(cell.positives, cell.n, cell.others, cell.rest, limit=0.8)
    what = f"label rate of class {cell.label}" if cell.label else "label rate"
    return _gap(
        cell,
        what,
        rate,
        rest_rate,
        contrast.estimate("label_rate_difference", cell.n, level=level),
        ratio.estimate("label_rate_ratio", cell.n, level=level),
        contrast,
        verdict,
    )


def _mean_gaps(tables: tuple[Grouping, ...], truth: FloatArray, tolerance: float, level: float) -> tuple[GroupGap, ...]:
    scale = float(truth.std(ddof=1)) if truth.size > 1 else 0.0
    sides: list[tuple[_Cell, tuple[Moments, Moments]]] = [
        (_Cell(table, code, "", 0, 0), moments) for table in tables for code, moments in enumerate(table.moments(truth))
    ]
    contrasts = [mean_difference(group, rest, scale=scale, tolerance=tolerance) for _, (group, rest) in sides]
    answers = verdicts(contrasts, level=level)
    return tuple(
        _mean_gap(cell, truth, rest.mean, contrast, answer, level)
        for (cell, (_, rest)), contrast, answer in zip(sides, contrasts, answers, strict=True)
    )


def _mean_gap(
    cell: _Cell, truth: FloatArray, rest_mean: float, contrast: Contrast, verdict: Verdict, level: float
) -> GroupGap:
    values = truth[cell.table.codes == cell.code]
    mean = Estimate("mean_truth", float(values.mean()), *mean_interval(values, level=level), cell.n, level=level)
    difference = contrast.estimate("mean_truth_difference", cell.n, unit="sd", level=level)
    ratio = not_estimable("mean_truth_ratio", n=cell.n, level=level)
    return _gap(cell, "mean truth", mean, rest_mean, difference, ratio, contrast, verdict)


def _gap(
    cell: _Cell,
    what: str,
    rate: Estimate,
    rest_rate: float,
    difference: Estimate,
    ratio: Estimate,
    contrast: Contrast,
    verdict: Verdict,
) -> GroupGap:
    return GroupGap(
        attribute=cell.table.attribute,
        group=cell.table.labels[cell.code],
        n=cell.n,
        positives=cell.positives,
        rate=rate,
        rest_rate=rest_rate,
        difference=difference,
        ratio=ratio,
        verdict=verdict,
        sentence=gap_sentence(cell.who, what, (rate.value, rest_rate), difference, contrast, verdict),
        label=cell.label,
        resolvable=contrast.resolvable,
    )

"""Do the labels themselves differ between groups, before any model has learnt from them?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, binary, codes, finite
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments, effective, rate_gap, share_estimate, side_mean
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.verdicts import Contrast, Verdict, gap_sentence, mean_difference, rate_ratio, verdicts


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
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[GroupGap, ...]:
    """Label rate of every group against the rest of the rows, for every attribute of ``groups``.

    difference = P(positive | group) - P(positive | rest), tolerated within ±``tolerance``; multiclass: one row per
    class (that class against the others); regression: (mean of group - mean of rest) / standard deviation of the
    truth. Rows of one ``cluster`` (n,), such as a customer, are one draw. A gap is a fact about the labels, which may be true of the world or of who labelled them: it is no verdict
    on a model.
    """
    cells = _cells(groups, truth, task, cluster)
    contrasts = [cell.contrast(tolerance) for cell in cells]
    told = zip(cells, contrasts, verdicts(contrasts, level=level), strict=True)
    return tuple(_told(cell, contrast, answer, level) for cell, contrast, answer in told)


def label_contrasts(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    tolerance: float = 0.1,
    task: Task = "binary",
    cluster: npt.NDArray[Any] | None = None,
) -> tuple[Contrast, ...]:
    """The comparisons behind :func:`label_gaps`, in its order."""
    return tuple(cell.contrast(tolerance) for cell in _cells(groups, truth, task, cluster))


@dataclass(frozen=True, slots=True)
class _Cell:
    """One group of one attribute, with the label whose rate is compared (of a number: none, and the ``scale`` of the gap).

    ``positives`` and ``others``: rows of the group, and of the rest, with the label. ``sides``: what is known of both sides
    where rows share a cluster, and of a number always.
    """

    table: Grouping
    code: int
    label: str
    positives: int
    others: int
    sides: Sides | None
    scale: float | None

    @property
    def n(self) -> int:
        return int(self.table.counts[self.code])

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Positives and rows of the group, then of the rest."""
        return self.positives, self.n, self.others, self.table.codes.size - self.n

    def contrast(self, tolerance: float) -> Contrast:
        if self.scale is None:
            return rate_gap(self.counts, self.sides, tolerance=tolerance)
        assert self.sides is not None
        return mean_difference(*self.sides, scale=self.scale, tolerance=tolerance)

    @property
    def who(self) -> str:
        return f"{self.table.attribute} = {self.table.labels[self.code]}"


def _cells(
    groups: pd.DataFrame, truth: npt.ArrayLike, task: Task, cluster: npt.NDArray[Any] | None
) -> tuple[_Cell, ...]:
    shared, scale = None if cluster is None else cluster_codes(cluster, len(groups)), None
    if task == "multiclass":
        classes = codes(truth)
        labels = {str(code): (classes == code).astype(np.float64) for code in np.unique(classes)}
    else:
        labels = {"": binary(truth) if task == "binary" else finite(truth, "truth")}
    if task == "regression":
        scale = float(labels[""].std(ddof=1)) if len(groups) > 1 else 0.0
    tables = tuple(groupings(groups))
    return tuple(
        _Cell(table, code, label, int(own), int(values.sum() - own), side, scale)
        for label, values in labels.items()
        for table in tables
        for code, (own, side) in enumerate(zip(table.sums(values), _sides(table, values, shared, scale), strict=True))
    )


def _sides(table: Grouping, values: FloatArray, shared: IntArray | None, scale: float | None) -> Sequence[Sides | None]:
    if shared is not None:
        return clustered_moments(table, values, shared)
    return [None] * len(table.labels) if scale is None else table.moments(values)


def _told(cell: _Cell, contrast: Contrast, verdict: Verdict, level: float) -> GroupGap:
    return (_rate_gap if cell.scale is None else _mean_gap)(cell, contrast, verdict, level)


def _rate_gap(cell: _Cell, contrast: Contrast, verdict: Verdict, level: float) -> GroupGap:
    positives, n, others, rest = cell.counts
    worth = effective(cell.counts, cell.sides, level=level)
    rate = share_estimate("label_rate", positives, n, cell.sides[0] if cell.sides else None, level=level)
    # The limit plays no part here: the ratio is shown, the verdict is that of the difference.
    ratio = rate_ratio(*worth, limit=0.8).estimate("label_rate_ratio", n, level=level)
    what = f"label rate of class {cell.label}" if cell.label else "label rate"
    difference = contrast.estimate("label_rate_difference", n, level=level)
    return _gap(cell, what, rate, others / rest if rest else math.nan, difference, ratio, contrast, verdict)


def _mean_gap(cell: _Cell, contrast: Contrast, verdict: Verdict, level: float) -> GroupGap:
    assert cell.sides is not None
    own, rest = cell.sides
    mean = side_mean("mean_truth", own, cell.n, unit="", level=level)
    difference = contrast.estimate("mean_truth_difference", cell.n, unit="sd", level=level)
    ratio = not_estimable("mean_truth_ratio", n=cell.n, level=level)
    return _gap(cell, "mean truth", mean, rest.mean, difference, ratio, contrast, verdict)


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
        positives=cell.positives if cell.scale is None else 0,
        rate=rate,
        rest_rate=rest_rate,
        difference=difference,
        ratio=ratio,
        verdict=verdict,
        sentence=gap_sentence(cell.who, what, (rate.value, rest_rate), difference, contrast, verdict),
        label=cell.label,
        resolvable=contrast.resolvable,
    )

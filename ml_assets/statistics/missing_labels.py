"""Do the labels of rows without a value differ from those with one? Then the gap itself is information, or a fault."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, codes, finite, same_rows
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments, rate_gap
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import Grouping, Moments, groupings
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.support import Support, supports
from ml_assets.statistics.verdicts import Contrast, Verdict, gap_sentence, mean_difference, verdicts

EVERYONE = "all rows"


@dataclass(frozen=True, slots=True)
class MissingLabelGap:
    """Label rate of the rows without a value of ``column``, less that of those with one; 0 when gaps tell nothing.

    Of all rows (``attribute`` ``all rows``), or within one group. Regression: of mean truths, in standard deviations.
    """

    column: str
    attribute: str
    group: str
    label: str
    n: int
    difference: Estimate
    verdict: Verdict
    support: Support
    sentence: str


def missing_label_gaps(
    frame: pd.DataFrame,
    truth: npt.ArrayLike,
    groups: pd.DataFrame,
    *,
    task: Task = "binary",
    tolerance: float = 0.1,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[MissingLabelGap, ...]:
    """For every column with gaps, over all rows and within each group; tolerated within ±``tolerance``.

    A gap that tells the label in one group and not in another is a difference in how people were measured. Not a reason
    by itself to fill or to drop the values. Rows of one ``cluster`` (n,), such as a customer, are one draw.
    """
    y = finite(truth, "truth")
    same_rows(frame=frame.index.to_numpy(), truth=y, groups=groups.index.to_numpy())
    shared = None if cluster is None else cluster_codes(cluster, len(y))
    columns = [str(name) for name in frame.columns[frame.isna().any().to_numpy()]]
    scale = float(y.std(ddof=1)) if y.size > 1 else 0.0
    labels = {"": y} if task != "multiclass" else {str(c): (y == c).astype(np.float64) for c in np.unique(codes(y))}
    cells = [
        _Cell(
            column,
            label,
            attribute,
            group,
            frame[column].isna().to_numpy()[rows],
            outcome[rows],
            None if shared is None else shared[rows],
        )
        for column in columns
        for label, outcome in labels.items()
        for attribute, group, rows in _populations(groups)
    ]
    contrasts = [_contrast(cell, task, scale, tolerance) for cell in cells]
    answers = zip(cells, contrasts, verdicts(contrasts, level=level), supports(contrasts), strict=True)
    return tuple(_gap(cell, contrast, verdict, support, level) for cell, contrast, verdict, support in answers)


@dataclass(frozen=True, eq=False)
class _Cell:
    """A column in one population: which rows have no value, their outcomes, and their clusters where rows share one."""

    column: str
    label: str
    attribute: str
    group: str
    missing: npt.NDArray[np.bool_]
    outcome: FloatArray
    cluster: IntArray | None

    @property
    def sides(self) -> Sides | None:
        """The rows without a value and those with one, by cluster."""
        if self.cluster is None:
            return None
        code = self.missing.astype(np.int64)
        table = Grouping(self.column, ("there", "gone"), code, np.bincount(code, minlength=2))
        return clustered_moments(table, self.outcome, self.cluster)[1]


def _populations(groups: pd.DataFrame) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    yield EVERYONE, "", np.ones(len(groups), dtype=np.bool_)
    for table in groupings(groups):
        for code, label in enumerate(table.labels):
            yield table.attribute, label, table.codes == code


def _contrast(cell: _Cell, task: Task, scale: float, tolerance: float) -> Contrast:
    gone, there = cell.outcome[cell.missing], cell.outcome[~cell.missing]
    sides = cell.sides
    if task == "regression":
        return mean_difference(*(sides or (_moments(gone), _moments(there))), scale=scale, tolerance=tolerance)
    counts = (int(gone.sum()), gone.size, int(there.sum()), there.size)
    return rate_gap(counts, sides, tolerance=tolerance)


def _gap(cell: _Cell, contrast: Contrast, verdict: Verdict, support: Support, level: float) -> MissingLabelGap:
    gone, there = cell.outcome[cell.missing], cell.outcome[~cell.missing]
    difference = contrast.estimate("label_rate_difference_of_missing", gone.size, level=level)
    who = EVERYONE if cell.attribute == EVERYONE else f"{cell.attribute} = {cell.group}"
    what = f"label rate of class {cell.label}" if cell.label else "mean label"
    sides = (float(gone.mean()) if gone.size else math.nan, float(there.mean()) if there.size else math.nan)
    sentence = gap_sentence(f"{who}, no {cell.column}", what, sides, difference, contrast, verdict)
    return MissingLabelGap(
        cell.column, cell.attribute, cell.group, cell.label, gone.size, difference, verdict, support, sentence
    )


def _moments(values: FloatArray) -> Moments:
    """Rows, mean and variance (n - 1; nan below two rows) of values (n,)."""
    n = values.size
    return Moments(n, float(values.mean()) if n else math.nan, float(values.var(ddof=1)) if n > 1 else math.nan)

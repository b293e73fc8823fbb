"""Is every group there, with labels and values like the others'? What the data say before any model.

Group labels come from :func:`group_frame`; verdicts follow the four-state rule of :mod:`ml_assets.statistics.verdicts`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, finite
from ml_assets.statistics.clustered import ClusteredMean, cluster_codes, clustered_mean, worth
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments, rate_gap, share_estimate
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import UNKNOWN, grouping, groupings
from ml_assets.statistics.groups import GroupRule as GroupRule
from ml_assets.statistics.groups import group_frame as group_frame
from ml_assets.statistics.groups import intersections as intersections
from ml_assets.statistics.intervals import Interval, wilson
from ml_assets.statistics.labels import GroupGap as GroupGap
from ml_assets.statistics.labels import label_gaps as label_gaps
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.verdicts import Contrast, Verdict, gap_sentence, share_ratio, verdicts

_LEVEL = 0.95
"""At which clusters are said to be worth so many rows, where no interval is asked for."""


@dataclass(frozen=True, slots=True)
class GroupShare:
    """How large a group is, against its share in the population that was declared as reference.

    ``ratio`` is share over reference: 1 as in the reference, 0.5 half of it, 0 absent.
    """

    attribute: str
    group: str
    n: int
    share: Estimate
    reference: float | None
    ratio: Estimate | None
    verdict: Verdict | Literal["not declared"]
    sentence: str


@dataclass(frozen=True, slots=True)
class MissingnessGap:
    """How much more of a column is missing in a group than in the rest; ``difference`` 0 means equally much."""

    column: str
    attribute: str
    group: str
    n: int
    missing: int
    share: Estimate
    rest_share: float
    difference: Estimate
    verdict: Verdict
    sentence: str
    resolvable: bool = True


def representation(
    groups: "pd.Series[Any]",
    *,
    reference: Mapping[str, float] | None,
    ratio_limit: float = 0.8,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[GroupShare, ...]:
    """Share of every group among the rows whose group is known, against ``reference`` shares.

    Tolerated is a ratio of ``ratio_limit`` to 1/``ratio_limit``. Groups that the reference knows and the data do not
    are listed with n = 0. Without a reference every verdict is "not declared": no finding, but no pass either. The
    group "unknown" is always listed, as a share of all rows. Shares are of rows; those of one ``cluster`` (n,), such as a
    customer, are one draw. Not for rows that were sampled by group on purpose. ``DataError`` when the reference shares are not positive or do not sum to 1 (within 0.02).
    """
    declared, attribute = _declared(reference), str(groups.name)
    sides = _counted(groups, reference or {}, cluster)
    contrasts = {name: sides[name].contrast(share, ratio_limit) for name, share in declared.items()}
    answers = dict(zip(contrasts, verdicts(list(contrasts.values()), level=level), strict=True))
    found = []
    for name in sorted(sides):
        verdict: Verdict | Literal["not declared"] = answers.get(name, "not declared")
        found.append(_share(attribute, name, sides[name], declared.get(name), contrasts.get(name), verdict, level))
    return tuple(found)


def share_contrasts(
    groups: "pd.Series[Any]",
    *,
    reference: Mapping[str, float] | None,
    ratio_limit: float = 0.8,
    cluster: npt.NDArray[Any] | None = None,
) -> dict[tuple[str, str], Contrast]:
    """The comparisons behind :func:`representation`, by attribute and group; of groups without a reference there is none."""
    declared = _declared(reference)
    sides = _counted(groups, reference or {}, cluster)
    return {(str(groups.name), name): sides[name].contrast(share, ratio_limit) for name, share in declared.items()}


@dataclass(frozen=True, slots=True)
class _Counted:
    """Rows of a group among those its share is of, with the mean by clusters where rows share one."""

    count: int
    total: int
    mean: ClusteredMean | None

    def draws(self, level: float) -> float:
        """How many independent rows the share rests on."""
        if self.mean is None or not self.total:
            return float(self.total)
        mean = self.mean
        return worth(mean.value, mean.error, clusters=mean.freedom + 1, rows=self.total, level=level)

    def interval(self, level: float) -> Interval:
        """Wilson's, of the draws."""
        if self.mean is None or not self.total:
            return wilson(self.count, self.total, level=level)
        draws = self.draws(level)
        return wilson(self.count / self.total * draws, draws, level=level)

    def contrast(self, reference: float, limit: float) -> Contrast:
        """The share over its reference."""
        if self.mean is None or not self.total:
            return share_ratio(self.count, self.total, reference, limit=limit)
        draws = self.draws(_LEVEL)
        plain = share_ratio(self.count / self.total * draws, draws, reference, limit=limit)
        return replace(plain, interval=lambda level: _over(self.interval(level), reference))


def _over(interval: Interval, reference: float) -> Interval:
    return interval[0] / reference, interval[1] / reference


def _declared(reference: Mapping[str, float] | None) -> dict[str, float]:
    if reference is not None:
        _check_reference(reference)
    return {name: share for name, share in (reference or {}).items() if name != UNKNOWN}


def _counted(
    groups: "pd.Series[Any]", reference: Mapping[str, float], cluster: npt.NDArray[Any] | None
) -> dict[str, _Counted]:
    """Every group there is or that is declared; of known rows, and "unknown" of all."""
    table, shared = grouping(groups), None if cluster is None else cluster_codes(cluster, len(groups))
    code, found = {name: place for place, name in enumerate(table.labels)}, {}
    known = table.codes != code.get(UNKNOWN, -1)
    for name in {**code, **reference}:
        rows, mean = (np.ones_like(known) if name == UNKNOWN else known), None
        if shared is not None:
            ours = table.codes[rows] == code.get(name, -1)
            mean = clustered_mean(ours.astype(np.float64), shared[rows])
        count = int(table.counts[code[name]]) if name in code else 0
        found[name] = _Counted(count, int(np.count_nonzero(rows)), mean)
    return found


def reweighing(groups: "pd.Series[Any]", truth: npt.ArrayLike, *, task: Task = "binary") -> FloatArray:
    """Row weights (n,) that make the label independent of the group: w = P(g)·P(y) / P(g, y), scaled to a mean of 1.

    1 where the group already has the common label rate, above 1 for labels that are rare in the group. Regression: y is
    cut at its quintiles. Rows of a cell of one or two get large weights: look at them before using them.
    Source: Kamiran and Calders, Knowledge and Information Systems 33 (2012) 1.
    """
    table = grouping(groups)
    y = finite(truth, "truth")
    if y.size == 0:
        return y
    if task == "regression":
        y = np.searchsorted(np.quantile(y, [0.2, 0.4, 0.6, 0.8]), y, side="right").astype(np.float64)
    _, label = np.unique(y, return_inverse=True)
    cell = table.codes * (int(label.max()) + 1) + label
    expected = table.counts[table.codes] * np.bincount(label)[label] / y.size
    weights: FloatArray = expected / np.bincount(cell)[cell]
    scaled: FloatArray = weights / weights.mean()
    return scaled


def missingness(
    frame: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    tolerance: float = 0.1,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[tuple[MissingnessGap, ...], tuple[Contrast, ...]]:
    """Missing share of every column that has gaps, group against rest, tolerated within ±``tolerance``.

    With the comparisons behind them in the same order. Rows of one ``cluster`` (n,), such as a customer whose value is
    never known, are one draw.
    """
    cells = _missing_cells(frame, groups, cluster)
    contrasts = tuple(rate_gap(cell.counts, cell.sides, tolerance=tolerance) for cell in cells)
    told = zip(cells, contrasts, verdicts(contrasts, level=level), strict=True)
    return tuple(_missingness(cell, contrast, answer, level) for cell, contrast, answer in told), contrasts


@dataclass(frozen=True, slots=True)
class _Missing:
    """A column in one group: rows without a value and rows, of the group and then of the rest; ``sides`` of clusters."""

    column: str
    attribute: str
    group: str
    counts: tuple[int, int, int, int]
    sides: Sides | None


def _missing_cells(frame: pd.DataFrame, groups: pd.DataFrame, cluster: npt.NDArray[Any] | None) -> list[_Missing]:
    columns = [str(column) for column in frame.columns[frame.isna().any().to_numpy()]]
    missing = {column: frame[column].isna().to_numpy() for column in columns}
    shared, found = None if cluster is None else cluster_codes(cluster, len(frame)), []
    for table in groupings(groups):
        for column, gone in missing.items():
            sides = repeat(None) if shared is None else clustered_moments(table, gone.astype(np.float64), shared)
            total = int(gone.sum())
            for label, n, x, both in zip(table.labels, table.counts.tolist(), table.sums(gone), sides, strict=False):
                counts = (int(x), n, total - int(x), len(frame) - n)
                found.append(_Missing(column, table.attribute, label, counts, both))
    return found


def _check_reference(reference: Mapping[str, float]) -> None:
    total = sum(reference.values())
    if min(reference.values(), default=0.0) <= 0 or not math.isclose(total, 1, abs_tol=0.02):
        raise DataError(
            "reference shares that are no population",
            got=f"{dict(reference)} with sum {total:g}",
            allowed="shares above 0 that sum to 1",
            do="Give the share of every group in the population that the solution serves",
        )


def _share(
    attribute: str,
    name: str,
    counted: _Counted,
    reference: float | None,
    contrast: Contrast | None,
    verdict: Verdict | Literal["not declared"],
    level: float,
) -> GroupShare:
    count, total = counted.count, counted.total
    value = count / total if total else math.nan
    share = Estimate("share", value, *counted.interval(level), total, level=level)
    of = "all rows" if name == UNKNOWN else "the rows whose group is known"
    start = f"{attribute} = {name}: {count:,} of {total:,}, {value:.2%} of {of}"
    if reference is None or contrast is None:
        return GroupShare(attribute, name, count, share, None, None, verdict, f"{start}; no reference share declared.")
    ratio = contrast.estimate("share_ratio", total, level=level)
    sentence = (
        f"{start}, {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}] times its reference share of {reference:.2%} "
        f"(tolerated {contrast.lowest:.2f} to {contrast.highest:.2f}): {verdict}."
    )
    return GroupShare(attribute, name, count, share, reference, ratio, verdict, sentence)


def _missingness(cell: _Missing, contrast: Contrast, verdict: Verdict, level: float) -> MissingnessGap:
    missing, n, others, rest = cell.counts
    rest_share = others / rest if rest else math.nan
    difference = contrast.estimate("missing_share_difference", n, level=level)
    share = share_estimate("missing_share", missing, n, cell.sides[0] if cell.sides else None, level=level)
    sides = (missing / n, rest_share)
    who, what = f"{cell.attribute} = {cell.group}", f"missing share of {cell.column}"
    return MissingnessGap(
        column=cell.column,
        attribute=cell.attribute,
        group=cell.group,
        n=n,
        missing=missing,
        share=share,
        rest_share=rest_share,
        difference=difference,
        verdict=verdict,
        sentence=gap_sentence(who, what, sides, difference, contrast, verdict),
        resolvable=contrast.resolvable,
    )

"""Is a label gap still there among people who are alike in what may legitimately count?

Legitimate columns cut the rows into strata; in each stratum a group is compared with the rest, and the strata are put
together. A gap can vanish that way, reverse (Simpson's paradox), or appear where there was none.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, binary, codes, finite, same_rows
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.intervals import percentile_stretch
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.strata import Design, design_of, independent, strata_of, stratified_means, stratified_rates
from ml_assets.statistics.support import Support, supports
from ml_assets.statistics.verdicts import Contrast, Verdict, verdicts

Simpson = Literal["stays", "vanishes", "reverses", "appears", "none"]
"""``vanishes``: only the plain gap is proven. ``appears``: only the conditional one. ``none``: neither."""

_DRAWS = 400
_FEWEST = 5
"""Clusters of a side below which drawing them again says nothing of how far they may be off."""
_WORDS: Mapping[Simpson, str] = {
    "stays": "the gap stays",
    "vanishes": "the gap is no longer shown",
    "reverses": "the gap reverses (Simpson's paradox)",
    "appears": "a gap appears that the plain rates hide",
    "none": "no gap is shown either way",
}


@dataclass(frozen=True, slots=True)
class ConditionalGap:
    """The label gap of a group against the rest, plain and among comparable rows; 0 is no gap (regression: in sd).

    ``compared``: share of the group's rows in strata that hold rows of both sides; the others have nobody to be compared
    with. ``disparity`` is the demographic disparity, the group's share among unfavourable labels less its share among
    favourable ones (above 0: more of the bad than of the good), ``conditional_disparity`` its mean over the strata by
    their rows (binary only).
    """

    attribute: str
    group: str
    label: str
    n: int
    compared: float
    plain: Estimate
    conditional: Estimate
    disparity: Estimate
    conditional_disparity: Estimate
    simpson: Simpson
    verdict: Verdict
    support: Support
    sentence: str


def conditional_gaps(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    legitimate: pd.DataFrame,
    *,
    tolerance: float = 0.1,
    task: Task = "binary",
    favourable: int = 1,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[ConditionalGap, ...]:
    """Label gap of every group given the ``legitimate`` columns (n, columns), tolerated within ±``tolerance``.

    gap = Σ w (rate of the group - rate of the rest) over strata, w = n·m/(n + m) of the two sides' rows; regression: of
    means, in standard deviations of the truth; multiclass: one row per class. Numbers of more than 10 values are cut at
    their quintiles, which leaves differences within a band: a residual gap may be one of those. Not for columns that the
    outcome, or the group's treatment, has caused: they explain away what they are part of. Rows of one ``cluster`` (n,),
    such as a customer, are one draw (:func:`~ml_assets.statistics.strata.design_of`). ``DataError`` without a legitimate
    column. Source: Wachter, Mittelstadt and Russell, CLSR 41 (2021) 105567, and those of :mod:`strata`.
    """
    labels = _labels(truth, task)
    same_rows(groups=groups.index.to_numpy(), legitimate=legitimate.index.to_numpy(), truth=next(iter(labels.values())))
    place, shared = strata_of(legitimate), None if cluster is None else cluster_codes(cluster, len(groups))
    if shared is not None and int(shared.max(initial=-1)) + 1 == len(groups):
        shared = None  # every row is a draw of its own
    cells = [
        _Cell(table, code, label, y, place, shared)
        for label, y in labels.items()
        for table in groupings(groups)
        for code in range(len(table.labels))
    ]
    pairs = [_contrasts(cell, tolerance, task) for cell in cells]
    given = [conditional for _, conditional in pairs]
    answers = zip(cells, pairs, verdicts(given, level=level), supports(given), strict=True)
    strict = 1 - (1 - level) / max(len(cells), 1)
    return tuple(
        _gap(cell, *pair, answer, support, (level, strict), _disparities(cell, task, favourable, level, seed))
        for cell, pair, answer, support in answers
    )


@dataclass(frozen=True, eq=False)
class _Cell:
    """A group, the label whose rate is compared, the stratum of each row, and its cluster where rows share one."""

    table: Grouping
    code: int
    label: str
    truth: FloatArray
    place: IntArray
    cluster: IntArray | None

    @property
    def ours(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.table.codes == self.code)

    def sides(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum of ``values`` by stratum in the group and in the rest."""
        k = int(self.place.max(initial=-1)) + 1
        inside, outside = (
            np.bincount(self.place, weights=values * side, minlength=k).astype(np.float64)
            for side in (self.ours, ~self.ours)
        )
        return inside, outside

    def design(self, place: IntArray, *, least: int = 1) -> Design:
        """Of a comparison within the strata ``place``."""
        if self.cluster is None:
            return independent
        return design_of(self.truth, self.ours, place, self.cluster, least=least)


def _labels(truth: npt.ArrayLike, task: Task) -> dict[str, FloatArray]:
    if task == "regression":
        return {"": finite(truth, "truth")}
    if task == "binary":
        return {"": binary(truth)}
    classes = codes(truth)
    return {str(code): (classes == code).astype(np.float64) for code in np.unique(classes)} or {"": finite(truth)}


def _contrasts(cell: _Cell, tolerance: float, task: Task) -> tuple[Contrast, Contrast]:
    """The plain comparison (all rows are one stratum) and the conditional one."""
    together = np.zeros_like(cell.place)
    if task == "regression":
        y, ours = cell.truth, cell.ours
        scale = float(y.std(ddof=1)) if y.size > 1 else 0.0
        plain, given = (
            stratified_means(y, ours, place, scale=scale, tolerance=tolerance, design=cell.design(place, least=2))
            for place in (together, cell.place)
        )
        return plain, given
    (x, y), (n, m) = cell.sides(cell.truth), cell.sides(np.ones(cell.truth.size))
    whole = [np.array([side.sum()]) for side in (x, n, y, m)]
    plain = stratified_rates(*whole, tolerance=tolerance, design=cell.design(together))
    return plain, stratified_rates(x, n, y, m, tolerance=tolerance, design=cell.design(cell.place))


def _gap(
    cell: _Cell,
    plain: Contrast,
    given: Contrast,
    verdict: Verdict,
    support: Support,
    levels: tuple[float, float],
    disparities: tuple[Estimate, Estimate],
) -> ConditionalGap:
    inside, outside = cell.sides(np.ones(cell.truth.size))
    n = int(inside.sum())
    compared = float(inside[outside > 0].sum() / n) if n else math.nan
    level, strict = levels
    before = plain.estimate("label_gap", n, level=level)
    after = given.estimate("conditional_label_gap", round(compared * n) if n else 0, level=level)
    simpson = _simpson(_sign(plain, strict), _sign(given, strict))
    who = f"{cell.table.attribute} = {cell.table.labels[cell.code]}"
    what = f"label gap of class {cell.label}" if cell.label else "label gap"
    if not after.estimable:
        sentence = f"{who}: {what} among comparable rows not estimable, no stratum has both sides (n = {n:,})."
    else:
        sentence = (
            f"{who}: {what} {before.value:+.3f}, among comparable rows {after.value:+.3f} [{after.low:+.3f}, "
            f"{after.high:+.3f}] (n = {after.n:,}, {compared:.0%} of the group): {_WORDS[simpson]}; {verdict}."
        )
    return ConditionalGap(
        cell.table.attribute, cell.table.labels[cell.code], cell.label, n, compared, before, after, *disparities,
        simpson, verdict, support, sentence,
    )  # fmt: skip


def _sign(contrast: Contrast, level: float) -> int:
    """The proven sign of a gap, 0 for none."""
    if not math.isfinite(contrast.value):
        return 0
    low, high = contrast.interval(level)
    return int(low > 0) - int(high < 0)


def _simpson(plain: int, given: int) -> Simpson:
    if plain and given:
        return "stays" if plain == given else "reverses"
    return "vanishes" if plain else "appears" if given else "none"


def _disparities(cell: _Cell, task: Task, favourable: int, level: float, seed: int) -> tuple[Estimate, Estimate]:
    """Demographic disparity, plain and conditional, with intervals by drawing the cells of the table again.

    Of G clusters on the smallest side the ends are stretched by t/z · √(G/(G - 1)), as draws of G spread less than they do;
    not estimable below :data:`_FEWEST`.
    """
    n = int(cell.table.counts[cell.code])
    good = (cell.truth == favourable).astype(np.float64)
    clusters = _fewest(cell, good == 1)
    if task != "binary" or not cell.truth.size or clusters < _FEWEST:
        return not_estimable("disparity", n=n, level=level), not_estimable("conditional_disparity", n=n, level=level)
    wider = 1.0 if cell.cluster is None else percentile_stretch(level, clusters)
    counts = np.stack([*cell.sides(good), *cell.sides(1 - good)])
    drawn = _redrawn(cell, good, counts, np.random.default_rng(seed))
    return (
        _estimate("disparity", _disparity(counts.sum(axis=1, keepdims=True)), _disparity(drawn.sum(-1, keepdims=True)), n, level, wider),
        _estimate("conditional_disparity", _disparity(counts), _disparity(drawn), n, level, wider),
    )  # fmt: skip


def _fewest(cell: _Cell, good: npt.NDArray[np.bool_]) -> float:
    """Clusters of the smallest side: those with rows of the group, of the rest, of good labels, of bad ones; inf of rows."""
    if cell.cluster is None:
        return math.inf
    return min(len(np.unique(cell.cluster[side])) for side in (cell.ours, ~cell.ours, good, ~good))


def _redrawn(cell: _Cell, good: FloatArray, counts: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draws (draws, 4, strata) of the table of counts (4, strata): of its rows, or of whole clusters with all their rows."""
    total = counts.sum()
    if cell.cluster is None:
        plain = rng.multinomial(int(total), (counts / total).ravel(), size=_DRAWS)
        return plain.reshape(_DRAWS, *counts.shape).astype(np.float64)
    strata = counts.shape[1]
    kind = (2 * (1 - good) + ~cell.ours).astype(np.int64) * strata + cell.place
    pairs, rows = np.unique(cell.cluster * counts.size + kind, return_counts=True)
    owner, where = np.divmod(pairs, counts.size)
    clusters = int(cell.cluster.max()) + 1
    drawn = np.empty((_DRAWS, counts.size))
    for draw in drawn:  # a multinomial of as many classes is ten times as slow as counting the clusters that are drawn
        times = np.bincount(rng.integers(0, clusters, clusters), minlength=clusters)
        draw[:] = np.bincount(where, weights=rows * times[owner], minlength=counts.size)
    return drawn.reshape(_DRAWS, *counts.shape)


def _disparity(counts: FloatArray) -> FloatArray:
    """Σ rows · (share among the bad - share among the good) / Σ rows, over strata with both; counts (…, 4, strata)."""
    ours_good, other_good, ours_bad, other_bad = np.moveaxis(counts, -2, 0)
    good, bad = ours_good + other_good, ours_bad + other_bad
    both = (good > 0) & (bad > 0)
    gap = ours_bad / np.where(both, bad, 1) - ours_good / np.where(both, good, 1)
    rows = np.where(both, good + bad, 0)
    whole = rows.sum(axis=-1)
    value = np.divide((rows * gap).sum(-1), whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return np.asarray(value, dtype=np.float64)


def _estimate(name: str, value: FloatArray, drawn: FloatArray, n: int, level: float, wider: float) -> Estimate:
    """The value with the quantiles of the draws, moved so that their median is the value, ``wider`` times as far from it."""
    known = drawn[np.isfinite(drawn)]
    centre = float(value)
    if not math.isfinite(centre) or known.size * 2 < drawn.size:
        return not_estimable(name, n=n, level=level)
    low, middle, high = (float(q) for q in np.quantile(known, [0.5 - level / 2, 0.5, 0.5 + level / 2]))
    if wider == 1:
        return Estimate(name, centre, centre + low - middle, centre + high - middle, n, level=level)
    ends = centre + wider * (low - middle), centre + wider * (high - middle)
    return Estimate(name, centre, max(ends[0], -1.0), min(ends[1], 1.0), n, level=level)

"""The search for segments of rows that stand out from the others, clearest first; clusters of rows count as one draw."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.conditions import Condition, PairGaps, Rows, priced

_SEARCHED_COLUMNS = 30
_LOWEST_Z = 3.0
# Of z², what counts for the rows that are not off where those that are off can be named, and for two conditions.
_OTHER_SIDE, _TWO = 0.75, 0.9
_LARGEST = 2 / 3  # of the rows: where more are worse, it is the others that are special
_SMALLEST = 0.2  # of the rows' excess of the heaviest segment: the slivers that a cut leaves beside it are not told

_AT_ONCE = 200
_LEAN_CLUSTERS = 20.0  # clusters' worth of the variance by rows, lest the luckiest variance of thousands win
_MOST_BY_CLUSTER = (
    4_000  # pairs whose error by cluster a search works out, the clearest by rows first: some two seconds
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for and how to tell it: the options of :func:`worst_segments`."""

    depth: int
    alpha: float
    fewest: int
    most: int
    unit: str = ""
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Gap:
    """Mean inside less mean outside, its variance, and the degrees of freedom of that."""

    value: float
    variance: float
    freedom: float

    @property
    def p_value(self) -> float:
        """Two-sided, Student's t; 1 where too few rows were on one side."""
        from scipy.special import stdtr

        if not math.isfinite(self.value):
            return 1.0
        if self.variance <= 0:
            return float(self.value == 0)
        return float(2 * stdtr(self.freedom, -abs(self.value) / math.sqrt(self.variance)))


def clustered_gap(figure: FloatArray, mask: npt.NDArray[np.bool_], cluster: IntArray) -> Gap:
    """Mean of a ``figure`` (n,) inside ``mask`` less mean outside, a ``cluster`` (n,) of codes from 0 as one draw.

    Clusters may lie on both sides, so the pull of each on the difference is summed up. Freedom: the clusters of the side with
    fewer, less one; nan where a side is empty. Source: Liang and Zeger, Biometrika 73 (1986) 13.
    """
    return _gap_of(figure, np.flatnonzero(mask), cluster, _totals(figure, cluster))


_Whole = tuple[npt.NDArray[np.intp], FloatArray]


def _totals(figure: FloatArray, cluster: IntArray) -> _Whole:
    return np.bincount(cluster), np.bincount(cluster, weights=figure).astype(np.float64)


def _gap_of(figure: FloatArray, inside: npt.NDArray[np.intp], cluster: IntArray, whole: _Whole) -> Gap:
    """The gap of the rows ``inside``; ``whole``: rows and sum of the figure of every cluster, read once for many gaps."""
    here, size = cluster[inside], len(whole[0])
    rows, sums = np.bincount(here, minlength=size), np.bincount(here, weights=figure[inside], minlength=size)
    others, other_sums = whole[0] - rows, whole[1] - sums
    sizes = len(inside), len(figure) - len(inside)
    if min(sizes) == 0:
        return Gap(math.nan, math.nan, 0.0)
    means = float(sums.sum()) / sizes[0], float(other_sums.sum()) / sizes[1]
    pull = (sums - rows * means[0]) / sizes[0] - (other_sums - others * means[1]) / sizes[1]
    count = int(np.count_nonzero(whole[0]))
    freedom = min(int(np.count_nonzero(rows)), int(np.count_nonzero(others))) - 1.0
    return Gap(means[0] - means[1], float(pull @ pull) * count / max(count - 1, 1), freedom)


def draws(cluster: IntArray) -> int:
    """How many clusters there are among codes from 0."""
    return int(np.count_nonzero(np.bincount(cluster))) if cluster.size else 0


class _Errors:
    """Variances of the gaps of all pairs: by rows, or by cluster for single conditions and the pairs that come into question.

    By cluster of every pair would cost a reading of the rows each. Until it is read a pair has the variance by rows, or less
    by as much as a single condition of it has. With fewer than ``fewest`` clusters on a side it has an infinite one.
    """

    def __init__(self, rows: Rows, conditions: Sequence[Condition], by_row: FloatArray, fewest: int) -> None:
        self._rows, self._conditions, self._by_row, self._fewest = rows, conditions, by_row, fewest
        self._known, self._left = np.full(by_row.shape, rows.cluster is None), _MOST_BY_CLUSTER
        self.variance = by_row.copy()
        if rows.cluster is not None:
            self._whole = _totals(rows.figure, rows.cluster)
            alone = np.array([self._by_cluster(i, i) for i in range(len(conditions))])
            ratio = np.minimum(alone / np.diagonal(by_row), 1.0)
            self.variance *= np.minimum.outer(ratio, ratio)
            np.fill_diagonal(self.variance, alone)
            np.fill_diagonal(self._known, True)

    def clearest(self, strength: FloatArray, price: FloatArray) -> tuple[int, int]:
        """The pair with the most of ``strength`` / variance - ``price``, by cluster."""
        counted, width = strength / self.variance - price, int(price.shape[1])
        while True:
            best = divmod(int(np.argmax(counted)), width)
            if self._known[best] or not math.isfinite(counted[best]):
                return best
            for i, j in self._next(counted):
                self.variance[i, j] = self._by_cluster(i, j)
                self._known[i, j] = True
                counted[i, j] = strength[i, j] / self.variance[i, j] - price[i, j]

    def _next(self, counted: FloatArray) -> list[tuple[int, int]]:
        """The clearest pairs that are not known by cluster; once too many were, the others are given up."""
        open_pairs = np.where(self._known, -np.inf, counted).ravel()
        if self._left <= 0:
            self.variance[~self._known], counted[~self._known] = np.inf, -np.inf
            self._known[:] = True
            return []
        some = min(_AT_ONCE, open_pairs.size)
        top = np.argpartition(-open_pairs, some - 1)[:some]
        self._left -= some
        return [divmod(int(at), counted.shape[1]) for at in top if np.isfinite(open_pairs[at])]

    def _by_cluster(self, i: int, j: int) -> float:
        assert self._rows.cluster is not None
        inside = np.flatnonzero(self._rows.inside([self._conditions[at] for at in {i, j}]))
        gap = _gap_of(self._rows.figure, inside, self._rows.cluster, self._whole)
        count, by_row = gap.freedom + 1, float(self._by_row[i, j])
        if not count >= self._fewest:
            return math.inf
        return (count * gap.variance + _LEAN_CLUSTERS * max(gap.variance, by_row)) / (count + _LEAN_CLUSTERS)


def find_segments(
    sides: Sequence[Rows], conditions: list[Condition], rule: Rule, *, upward: bool = False
) -> tuple[list[list[Condition]], int]:
    """The clearest segments of searched rows, each less the excess of those before it; ``upward``: higher ones alone.

    Where the rows of the first side have clusters, the evidence for a segment counts a cluster once, and ``rule.fewest`` is
    in clusters.
    """
    conditions, price = priced(conditions, sides[0], depth=rule.depth, most_columns=_SEARCHED_COLUMNS)
    if not conditions:
        return [], 0
    tables = [PairGaps(side, conditions) for side in sides]
    allowed = np.logical_and.reduce([np.isfinite(price), *(t.filled(rule.fewest) for t in tables)])
    if upward:
        allowed &= tables[0].n <= _LARGEST * len(sides[0].figure)
    price = np.where(allowed, price, np.inf)
    error = _Errors(sides[0], conditions, np.sum([table.variance() for table in tables], axis=0), rule.fewest)
    before = tables[1].gaps(sides[1].figure) if len(tables) > 1 else (np.zeros(1), np.zeros(1))
    plain = np.where(np.eye(len(conditions), dtype=bool), 1.0, _TWO)
    residual, found, heaviest = sides[0].figure.copy(), list[list[Condition]](), 0.0
    for _ in range(rule.most if allowed.any() else 0):
        inside, gap = (now - then for now, then in zip(tables[0].gaps(residual), before, strict=True))
        squared = (np.maximum(gap, 0.0) if upward else gap) ** 2
        best = error.clearest(
            squared * np.where(np.abs(inside) < np.abs(inside - gap), _OTHER_SIDE, 1.0) * plain, price
        )
        if not squared[best] / error.variance[best] >= _LOWEST_Z**2:
            break
        chosen = [conditions[i] for i in sorted({int(i) for i in best})]
        weight = abs(float(gap[best])) * float(tables[0].n[best])
        heaviest = max(heaviest, weight)
        residual[sides[0].inside(chosen)] -= gap[best]
        if weight >= _SMALLEST * heaviest:
            found.append(chosen)
    return found, int(allowed.sum())

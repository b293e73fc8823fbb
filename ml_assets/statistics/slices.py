"""Slices of the rows, in words of their columns, in which a model does worse than elsewhere.

Found on one set of rows and tested on another that the search never saw, all tests together by Holm's correction: a
search over thousands of slices finds a bad one in any noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics import arrays
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered import cluster_codes, clustered_mean
from ml_assets.statistics.conditions import Condition, Rows, cut_columns, require_columns
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import t_quantile
from ml_assets.statistics.segment_search import Gap, Rule, clustered_gap, draws, find_segments
from ml_assets.statistics.segments import segment_gaps
from ml_assets.statistics.verdicts import holm

ALPHA = 0.05
FEWEST = 50
MOST = 5
MARGIN = 0.25
_SEARCH_ROWS = 30_000

SliceVerdict = Literal["worse", "not shown", "too few rows"]


@dataclass(frozen=True, slots=True)
class LossRows:
    """Rows with their loss (n,), and what the model itself ``promised`` it to be (n,), where it promises anything.

    ``residual`` (n,): truth less answer, where there is such a thing. ``cluster`` (n,): what rows share, such as a customer.
    """

    frame: pd.DataFrame
    loss: npt.ArrayLike
    promised: npt.ArrayLike | None = None
    residual: npt.ArrayLike | None = None
    cluster: npt.NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice on the ``n`` rows that tested it.

    ``loss``, ``rest``: mean loss here and of all other rows. ``promised``: mean loss here that the model promised (nan
    where it promises nothing). ``difference``: of loss less promise, here less elsewhere, with its own interval;
    ``p_value``: one-sided, that it is no more than the margin, after Holm (nan where it was not tested). ``residual``: mean
    of truth less answer here: away from 0 the answers are biased, else they are only less certain than elsewhere.
    """

    words: str
    columns: tuple[str, ...]
    n: int
    loss: float
    rest: float
    promised: float
    difference: Estimate
    p_value: float
    verdict: SliceVerdict
    residual: Estimate

    @property
    def why(self) -> str:
        """Whether its answers lie to one side, or only scatter; empty where no residual was given."""
        e = self.residual
        if not e.estimable:
            return ""
        if e.low <= 0 <= e.high:
            return f"noisier, no bias shown: truth less answer {e.value:+.3g} [{e.low:+.3g}, {e.high:+.3g}]"
        return f"biased: truth less answer {e.value:+.3g} [{e.low:+.3g}, {e.high:+.3g}]"


@dataclass(frozen=True, slots=True)
class WorstSlices:
    """The ``slices`` found, worst first; ``searched`` were looked at; ``margin`` is in units of the loss."""

    slices: tuple[Slice, ...]
    searched: int
    margin: float
    rows: int
    sentence: str

    @property
    def worse(self) -> tuple[Slice, ...]:
        """Those proven worse than the rest by more than the margin."""
        return tuple(one for one in self.slices if one.verdict == "worse")


def worst_slices(
    search: LossRows,
    test: LossRows,
    *,
    margin: float = MARGIN,
    depth: int = 2,
    fewest: int = FEWEST,
    most: int = MOST,
    alpha: float = ALPHA,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> WorstSlices:
    """Slices of one or two conditions that stand out on ``search`` rows, and whether ``test`` rows prove them worse.

    A slice is worse when (loss - promised) is higher in it than elsewhere by more than ``margin`` times the mean loss
    of the test rows, by a one-sided Welch test on at least ``fewest`` rows, adjusted by Holm for all slices tested: the
    chance to call any slice worse that is not is at most ``alpha``. The promise keeps apart what is hard, and known to
    be, from what is wrong: where a model honestly says 50 %, its loss is high and there is nothing to repair. Without a
    promise a noisier slice counts as worse. Up to ``most`` slices are found by loss, and as many by loss less promise,
    of two thirds of the rows at most.

    Where rows have a ``cluster``, a cluster is one draw, in the search and in the test: errors are robust to what its rows
    share (Liang and Zeger 1986), with the clusters of the smaller side less one as degrees of freedom, and ``fewest`` counts
    clusters. Each slice says whether its answers are biased (``residual``). Errors: ``DataError`` for unequal lengths, gaps in losses, columns that one side lacks, a bad option.
    Sources: Chung et al., Slice Finder (ICDE 2019); Holm, Scandinavian Journal of Statistics 6 (1979) 65.
    """
    losses = [_figures(side, name) for side, name in ((search, "search"), (test, "test"))]
    _checked(search, test, margin, fewest, most, alpha, depth)
    rule = Rule(depth, alpha, fewest, most, unit, level)
    (found, searched), sides = _found(search, test, losses, rule, seed)
    limit = margin * float(losses[1][0].mean()) if len(losses[1][0]) else math.nan
    slices = _judged(found, sides, limit, rule)
    return WorstSlices(slices, searched, limit, len(losses[1][0]), _sentence(slices, searched, limit, sides, rule))


_Losses = tuple[FloatArray, FloatArray | None]


def _figures(rows: LossRows, name: str) -> _Losses:
    loss = arrays.finite(rows.loss, f"loss of the {name} rows")
    promised = None if rows.promised is None else arrays.finite(rows.promised, f"promise of the {name} rows")
    for size in (loss.size, loss.size if promised is None else promised.size):
        if size != len(rows.frame):
            got = f"{size} for {len(rows.frame)} {name} rows"
            raise DataError("losses of other rows", got=got, allowed="one per row", do="Pass the same rows")
    return loss, promised


def _checked(search: LossRows, test: LossRows, margin: float, fewest: int, most: int, alpha: float, depth: int) -> None:
    require_columns(search.frame, test.frame)
    if margin < 0 or fewest < 10 or most < 1 or not 0 < alpha < 1 or depth not in (1, 2):
        got = f"margin {margin}, fewest {fewest}, most {most}, alpha {alpha}, depth {depth}"
        allowed = "margin from 0, fewest from 10, most from 1, alpha between 0 and 1, depth 1 or 2"
        raise DataError("a search for slices", got=got, allowed=allowed, do="Correct the option")
    if (search.promised is None) != (test.promised is None):
        raise DataError("half a promise", got="on one side alone", allowed="both or none", do="Pass both")


@dataclass(frozen=True, slots=True)
class _Tested:
    """The test rows: their cells with loss less promise, and both of these alone."""

    rows: Rows
    loss: FloatArray
    promised: FloatArray | None
    residual: FloatArray | None
    cluster: npt.NDArray[np.int64] | None

    @property
    def all_draws(self) -> int:
        """Independent draws among all of them."""
        return self.draws(np.ones(self.loss.size, dtype=bool))

    def draws(self, mask: npt.NDArray[np.bool_]) -> int:
        """Independent draws among these rows."""
        return int(mask.sum()) if self.cluster is None else draws(self.cluster[mask])

    def gap(self, conditions: list[Condition], mask: npt.NDArray[np.bool_]) -> Gap:
        """Loss less promise, inside less outside."""
        if self.cluster is None:
            return segment_gaps([self.rows], [conditions])[0]
        return clustered_gap(self.rows.figure, mask, self.cluster)


_Found = tuple[list[list[Condition]], int]


def _found(
    search: LossRows, test: LossRows, losses: Sequence[_Losses], rule: Rule, seed: int
) -> tuple[_Found, _Tested]:
    cells, conditions = cut_columns(search.frame, test.frame)
    n = len(search.frame)
    residual = None if test.residual is None else arrays.finite(test.residual, "residuals of the test rows")
    shared, clusters = (None if s.cluster is None else cluster_codes(s.cluster, len(s.frame)) for s in (search, test))
    tested = _Tested(Rows(cells[n:], _excess(losses[1])), *losses[1], residual, clusters)
    if min(n if shared is None else draws(shared), tested.all_draws) < 2 * rule.fewest:
        return ([], 0), tested
    at = np.sort(np.random.default_rng(seed).permutation(n)[:_SEARCH_ROWS])
    figures = [_excess(losses[0])] + ([losses[0][0]] if losses[0][1] is not None else [])
    found, searched = dict[str, list[Condition]](), 0
    for figure in figures:
        centred = figure[at] - figure[at].mean()
        if not np.ptp(centred):
            continue
        side = Rows(cells[:n][at], centred, None if shared is None else shared[at])
        ones, looked = find_segments([side], conditions, rule, upward=True)
        found |= {_words(one): one for one in ones}
        searched = max(searched, looked)
    return (list(found.values()), searched), tested


def _excess(losses: _Losses) -> FloatArray:
    return losses[0] if losses[1] is None else losses[0] - losses[1]


def _judged(found: Sequence[list[Condition]], tested: _Tested, limit: float, rule: Rule) -> tuple[Slice, ...]:
    """Every slice on the test rows. Which are tested is decided by their rows alone, so that Holm counts those only."""
    masks = [tested.rows.inside(one) for one in found]
    enough = [min(tested.draws(mask), tested.draws(~mask)) >= rule.fewest for mask in masks]
    gaps = [tested.gap(one, mask) for one, mask in zip(found, masks, strict=True)]
    tests = [_p_above(gap, limit) for gap, ok in zip(gaps, enough, strict=True) if ok]
    adjusted = iter(holm(tests).tolist() if tests else [])
    slices = [
        _slice(one, mask, gap, next(adjusted) if ok else math.nan, tested, rule)
        for one, mask, gap, ok in zip(found, masks, gaps, enough, strict=True)
    ]
    return tuple(sorted(slices, key=lambda one: (math.isnan(one.p_value), one.p_value, -one.difference.value)))


def _p_above(gap: Gap, limit: float) -> float:
    """One-sided p-value of a gap no larger than ``limit``, Student's t."""
    from scipy.special import stdtr

    if gap.variance <= 0:
        return float(gap.value <= limit)
    return float(stdtr(gap.freedom, (limit - gap.value) / math.sqrt(gap.variance)))


def _slice(
    conditions: Sequence[Condition], mask: npt.NDArray[np.bool_], gap: Gap, p: float, tested: _Tested, rule: Rule
) -> Slice:
    n = int(mask.sum())
    difference = not_estimable("loss here less elsewhere", n=n, unit=rule.unit, level=rule.level)
    if not math.isnan(p):
        half = t_quantile(rule.level, gap.freedom) * math.sqrt(gap.variance)
        ends = gap.value - half, gap.value + half
        difference = Estimate("loss here less elsewhere", gap.value, *ends, n, rule.unit, rule.level)
    verdict: SliceVerdict = "too few rows" if math.isnan(p) else "worse" if p < rule.alpha else "not shown"
    means = [_mean(figure, keep) for figure, keep in ((tested.loss, mask), (tested.loss, ~mask))]
    promised = math.nan if tested.promised is None else _mean(tested.promised, mask)
    columns = tuple(one.name for one in conditions)
    residual = _residual(tested, mask, rule)
    return Slice(_words(conditions), columns, n, means[0], means[1], promised, difference, p, verdict, residual)


def _residual(tested: _Tested, mask: npt.NDArray[np.bool_], rule: Rule) -> Estimate:
    name = "truth less answer"
    if tested.residual is None:
        return not_estimable(name, n=int(mask.sum()), level=rule.level)
    shared = None if tested.cluster is None else tested.cluster[mask]
    return clustered_mean(tested.residual[mask], shared).estimate(name, level=rule.level)


def _mean(figure: FloatArray, keep: npt.NDArray[np.bool_]) -> float:
    return float(figure[keep].mean()) if keep.any() else math.nan


def _words(conditions: Sequence[Condition]) -> str:
    return " and ".join(one.words for one in conditions)


def _sentence(slices: Sequence[Slice], searched: int, limit: float, tested: _Tested, rule: Rule) -> str:
    n = tested.loss.size
    if not searched:
        what = "rows" if tested.cluster is None else "clusters"
        there = f"test {what}: {tested.all_draws:,}"
        return f"too few {what} to search ({2 * rule.fewest:,} are needed on either side; {there})"
    worse = [
        f"{one.words}: loss {one.loss:.3g} against {one.rest:.3g} elsewhere"
        + ("" if math.isnan(one.promised) else f", promised {one.promised:.3g}")
        + (f", {one.why}" if one.why else "")
        + f" (n = {one.n:,}, adjusted p {one.p_value:.2g})"
        for one in slices
        if one.verdict == "worse"
    ]
    lead = "; ".join(worse) or "no slice is proven worse than the rest"
    tail = f"{len(slices)} of {searched:,} slices stood out and were tested on {n:,} other rows; margin {limit:.3g}"
    return f"{lead} ({tail})"

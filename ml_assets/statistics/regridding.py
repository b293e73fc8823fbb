"""A profile counted over another grid than its own, without reading a row again: for a stream that has outgrown its grid."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml_assets.statistics.grid import DEFAULT_BINS, Grid, closed, tail_range
from ml_assets.statistics.profile import CategoricalSummary, NumericSummary, Profile
from ml_assets.statistics.reading import Floats

OUTGROWN = 0.05
"""Share of a column's rows outside the range of the grid, or unlisted, from which the grid no longer sees what they do."""


def outgrown(profile: Profile) -> tuple[str, ...]:
    """Columns of which the grid sees too little: their rows lie outside its range, or are values it does not list.

    Of a column with more values than a grid lists, only a heavy unlisted value counts.
    """
    numbers = [c for c, s in profile.numeric.items() if s.counts[0] + s.counts[-1] > OUTGROWN * s.n]
    words = [
        c
        for c, s in profile.categorical.items()
        if sum(least for least, _ in s.heavy.heaviest(DEFAULT_BINS).values()) > OUTGROWN * max(profile.n - s.missing, 1)
        and (c not in profile.grid.truncated or _heaviest(s) > OUTGROWN * profile.n)
    ]
    return (*numbers, *words)


def _heaviest(summary: CategoricalSummary) -> int:
    return max((least for least, _ in summary.heavy.heaviest(1).values()), default=0)


def new_grid(profile: Profile, columns: Sequence[str], *, bins: int = DEFAULT_BINS) -> Grid:
    """The grid of a profile with ``columns`` cut anew from what it summed up; the others stay."""
    edges = dict(profile.grid.edges)
    categories = dict(profile.grid.categories)
    for name in columns:
        if name in edges:
            edges[name] = _edges(profile.numeric[name], edges[name], bins)
        else:
            known = profile.categorical[name]
            counts = dict(zip(categories[name], known.counts, strict=True))
            counts |= {value: least for value, (least, _) in known.heavy.heaviest(DEFAULT_BINS).items() if least}
            most = max(len(categories[name]), DEFAULT_BINS)
            categories[name] = tuple(sorted(counts, key=lambda value: (-counts[value], value))[:most])
    return Grid(edges, categories, profile.grid.truncated)


def over(profile: Profile, grid: Grid) -> Profile:
    """The profile counted over ``grid``.

    Counts within the old range are linear within old cells, at its ends and outside within the error of the sketch; both
    rounded to whole rows. Correlations are kept of the columns whose cells stay; columns that only one of the grids
    knows are dropped.
    """
    if grid.digest == profile.grid.digest:
        return profile
    numeric = {
        name: _renumbered(summary, profile.grid.edges[name], grid.edges[name])
        for name, summary in profile.numeric.items()
        if name in grid.edges
    }
    categorical = {
        name: _relisted(summary, profile.grid, grid, name)
        for name, summary in profile.categorical.items()
        if name in grid.categories
    }
    unchanged = [name for name in numeric if grid.edges[name] == profile.grid.edges[name]]
    pairs = profile.pairs.only(unchanged) if profile.pairs is not None else None
    kept = Grid(
        {name: grid.edges[name] for name in numeric},
        {name: grid.categories[name] for name in categorical},
        tuple(name for name in grid.truncated if name in categorical),
    )
    return Profile(profile.n, kept, numeric, categorical, pairs)


def _edges(summary: NumericSummary, edges: Sequence[float], bins: int) -> tuple[float, ...]:
    """Cuts at equal shares of the rows."""
    if summary.minimum is None or summary.maximum is None:
        return tuple(edges)
    low, high = min(summary.minimum, *edges[:1]), max(summary.maximum, *edges[-1:])
    fine = np.unique(np.concatenate((np.asarray(edges), np.linspace(low, high, 16 * bins), [low, high])))
    share = _below(summary, edges, fine) / max(summary.n, 1)
    cuts = np.interp(np.linspace(0, 1, bins + 1), share, fine)
    return closed(np.unique(np.concatenate(([summary.minimum], cuts[1:-1], [summary.maximum]))))


def _below(summary: NumericSummary, edges: Sequence[float], cuts: Floats) -> Floats:
    """How many values lie below each cut."""
    old = np.asarray(edges, dtype=np.float64)
    if not len(old) or summary.minimum is None or summary.maximum is None:
        return np.zeros(len(cuts))
    low, high = tail_range(edges)
    first, last = int(np.searchsorted(old, low)), int(np.searchsorted(old, high))
    left, right = sum(summary.counts[: first + 1]), sum(summary.counts[last + 1 :])
    inner = np.interp(
        cuts, old[first : last + 1], np.concatenate(([0.0], np.cumsum(summary.counts[first + 1 : last + 1])))
    )
    tails = summary.tails.below([*cuts, low])
    outside, under = np.asarray(tails[:-1]), tails[-1]
    in_left = np.where(cuts < low, np.minimum(outside, left), left)
    in_right = np.where(cuts > high, np.clip(outside - under, 0, right), 0.0)
    found = in_left + inner + in_right
    return np.where(cuts > summary.maximum, summary.n, np.where(cuts <= summary.minimum, 0, found))


def _renumbered(summary: NumericSummary, old: Sequence[float], new: Sequence[float]) -> NumericSummary:
    """The same numbers over other cells; what lies outside of the new ones keeps the old sketch."""
    below = np.round(_below(summary, old, np.asarray(new, dtype=np.float64)))
    ends = np.maximum.accumulate(np.concatenate(([0.0], below, [summary.n])))
    return replace(summary, counts=tuple(np.diff(ends).astype(np.int64).tolist()))


def _relisted(summary: CategoricalSummary, old: Grid, new: Grid, name: str) -> CategoricalSummary:
    """The same values over another list: an unlisted one counts with the least rows it is known to have."""
    known = dict(zip(old.categories[name], summary.counts, strict=True))
    unlisted = summary.other + summary.new
    heavy = {value: least for value, (least, _) in summary.heavy.heaviest(10_000).items()}
    counts = tuple(known.get(value, heavy.get(value, 0)) for value in new.categories[name])
    gained = sum(heavy.get(value, 0) for value in new.categories[name] if value not in known)
    rest = unlisted - gained + sum(count for value, count in known.items() if value not in new.categories[name])
    truncated = name in new.truncated
    return CategoricalSummary(
        counts, rest if truncated else 0, 0 if truncated else rest, summary.missing, summary.heavy
    )

"""A column given back the distribution it had before, row by row, so that what its change did can be seen.

Every row keeps its place: the highest value stays the highest, so that what the column shares with the others stays as it
is, and only as many rows change their category as must.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics.profile import CategoricalSummary, NumericSummary
from ml_assets.statistics.reading import Floats

Objects = NDArray[np.object_]
_DISTINCT = 100  # of a grid with fewer cells each edge but the last is a value itself


def restored_numbers(
    values: Floats, before: NumericSummary, edges: Sequence[float], rng: np.random.Generator
) -> Floats:
    """``values`` (n,) moved to the quantiles of ``before`` over ``edges``, ``nan`` and infinity counted as missing.

    Rows lose or gain a value, at random, until as many are missing as before. Unchanged when ``before`` holds no value.
    """
    if not before.n or before.minimum is None or before.maximum is None or not edges or not len(values):
        return values
    out = np.where(np.isfinite(values), values, np.nan)
    known = np.isfinite(out)
    lost = round(len(out) * (before.missing + before.infinite) / (before.n + before.missing + before.infinite))
    present = np.flatnonzero(known)
    absent = np.flatnonzero(~known)
    place = np.empty(len(out))
    place[present] = (np.lexsort((rng.random(len(present)), out[present])).argsort() + 0.5) / max(len(present), 1)
    filled = rng.permutation(absent)[: max(0, len(absent) - lost)]
    place[filled] = rng.random(len(filled))
    emptied = rng.permutation(present)[: max(0, lost - len(absent))]
    having = np.setdiff1d(np.concatenate((present, filled)), emptied)
    out[:] = np.nan
    out[having] = _quantiles(place[having], before, edges)
    return out


def _quantiles(place: Floats, before: NumericSummary, edges: Sequence[float]) -> Floats:
    """The values of ``before`` at places in (0, 1): linear within a cell, or the listed value itself."""
    assert before.minimum is not None
    assert before.maximum is not None
    cuts = np.asarray(edges, dtype=np.float64)
    below = np.concatenate(([0.0], np.cumsum(before.counts))) / before.n
    cell = np.clip(np.searchsorted(below, place, side="right") - 1, 0, len(before.counts) - 1)
    low = np.concatenate(([min(before.minimum, cuts[0])], cuts))[cell]
    if len(cuts) <= _DISTINCT:
        beyond = cell == len(before.counts) - 1
        return np.clip(np.where(beyond, before.maximum, low), before.minimum, before.maximum)
    high = np.concatenate((cuts, [max(before.maximum, cuts[-1])]))[cell]
    size = np.maximum(below[cell + 1] - below[cell], 1e-12)
    found = low + (high - low) * (place - below[cell]) / size
    if np.array_equal(cuts[:-1], np.round(cuts[:-1])):
        found = np.floor(found)
    return np.clip(found, before.minimum, before.maximum)


def restored_categories(
    values: Objects, before: CategoricalSummary, categories: Sequence[str], rng: np.random.Generator
) -> Objects:
    """``values`` (n,) texts or None, of which as few as possible change, at random, so that the shares are those of before.

    A share that fell among values the grid does not list cannot be given back: what they were is not known.
    """
    n, m = len(values), sum(before.counts) + before.other + before.new + before.missing
    if not n or not m:
        return values
    listed: dict[str | None, float] = dict(zip(categories, before.counts, strict=True))
    listed[None] = before.missing
    seen: dict[str | None, list[int]] = {}
    for i, value in enumerate(values):
        seen.setdefault(value, []).append(i)
    wanted = {value: count * n / m for value, count in listed.items()}
    unlisted = [i for value, at in seen.items() if value not in listed for i in at]
    too_many = max(0, len(unlisted) - round((before.other + before.new) * n / m))
    free = list(rng.permutation(np.array(unlisted, dtype=np.int64))[:too_many])
    for value, at in seen.items():
        if value in listed:
            free += list(rng.permutation(np.array(at, dtype=np.int64))[: max(0, len(at) - round(wanted[value]))])
    short = {value: max(0.0, wanted[value] - len(seen.get(value, ()))) for value in listed}
    return _given(values, np.array(free, dtype=np.int64), short, rng)


def _given(
    values: Objects, free: NDArray[np.int64], short: dict[str | None, float], rng: np.random.Generator
) -> Objects:
    """The rows at ``free`` with values drawn from those that are too rare."""
    out = values.copy()
    total = sum(short.values())
    if total <= 0 or not len(free):
        return out
    names = np.empty(len(short), dtype=object)
    names[:] = list(short)
    out[free] = names[rng.choice(len(names), size=len(free), p=np.array(list(short.values())) / total)]
    return out

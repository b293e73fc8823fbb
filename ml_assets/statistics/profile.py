"""A batch summed up by counts over a frozen grid: small, exact, and mergeable in any order.

The grid is cut once, from the reference rows. Afterwards a batch is read once and its rows are never needed again: a
week is the merge of its days, and two profiles over the same grid are compared from their counts alone.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.association import MOST_COLUMNS, MOST_ROWS, PairBlock, pair_block
from ml_assets.statistics.cells import CellCounter
from ml_assets.statistics.grid import Grid, columns_by_name, has_wide_ends, tail_range
from ml_assets.statistics.reading import Floats, as_numbers, text_counts
from ml_assets.statistics.sketches import Heavy, Tails

PROFILE_VERSION = 3
READABLE = (1, 2, 3)
"""Version 1 had no pairs, version 2 fewer moments of them and no sketches: its pairs are not compared."""
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class NumericSummary:
    """One numeric column: ``counts`` per cell and ``n``, ``mean``, ``m2`` (sum of squared deviations) of finite values.

    ``missing`` and ``infinite`` count rows outside ``n``; ``minus_infinite`` is how many of the latter are below all numbers,
    ``None`` where an older version did not tell. ``minimum`` and ``maximum`` are ``None`` without finite values. ``m2``
    ends at the largest float. ``tails`` sums up the values outside the range of the grid, should it ever have to be cut anew.
    """

    counts: tuple[int, ...]
    n: int
    missing: int
    infinite: int
    zeros: int
    mean: float
    m2: float
    minimum: float | None
    maximum: float | None
    tails: Tails = field(default=Tails(), compare=False)
    minus_infinite: int | None = 0

    @property
    def sd(self) -> float:
        """Standard deviation (denominator n); 0 without spread, ``nan`` without values."""
        return math.sqrt(max(self.m2, 0.0) / self.n) if self.n else math.nan

    def merge(self, other: "NumericSummary") -> "NumericSummary":
        """The summary of both sets of rows (Chan, Golub & LeVeque 1979 for mean and m2)."""
        n = self.n + other.n
        gap = other.mean - self.mean
        mean = self.mean * (self.n / n) + other.mean * (other.n / n) if n else 0.0
        between = gap * gap * self.n * other.n / n if self.n and other.n else 0.0
        minus = (self.minus_infinite, other.minus_infinite)
        return NumericSummary(
            counts=_sum(self.counts, other.counts),
            n=n,
            missing=self.missing + other.missing,
            infinite=self.infinite + other.infinite,
            zeros=self.zeros + other.zeros,
            mean=mean,
            m2=min(self.m2 + other.m2 + between, _LARGEST),
            minimum=min(_known(self.minimum, other.minimum), default=None),
            maximum=max(_known(self.maximum, other.maximum), default=None),
            tails=self.tails.merge(other.tails),
            minus_infinite=None if None in minus else sum(one or 0 for one in minus),
        )


@dataclass(frozen=True, slots=True)
class CategoricalSummary:
    """One categorical column: ``counts`` over the categories of the grid, and the rows that fall elsewhere.

    ``other``: unlisted values where the grid listed the heaviest only; ``new``: values the grid has never seen. ``heavy``
    names the heaviest of both.
    """

    counts: tuple[int, ...]
    other: int
    new: int
    missing: int
    heavy: Heavy = field(default=Heavy(), compare=False)

    def merge(self, more: "CategoricalSummary") -> "CategoricalSummary":
        """The summary of both sets of rows."""
        counts = _sum(self.counts, more.counts)
        return CategoricalSummary(
            counts,
            self.other + more.other,
            self.new + more.new,
            self.missing + more.missing,
            self.heavy.merge(more.heavy),
        )


@dataclass(frozen=True)
class Profile:
    """``n`` rows summed up over ``grid``. Merging may go in any order: counts agree exactly, moments to rounding, sketches
    to their stated error.
    """

    n: int
    grid: Grid
    numeric: Mapping[str, NumericSummary]
    categorical: Mapping[str, CategoricalSummary]
    pairs: PairBlock | None = None
    version: int = PROFILE_VERSION

    def merge(self, other: "Profile") -> "Profile":
        """The profile of the rows of both. Raises ``DataError`` when the grids differ."""
        require_same_grid(self, other)
        numeric = {name: summary.merge(other.numeric[name]) for name, summary in self.numeric.items()}
        categorical = {name: summary.merge(other.categorical[name]) for name, summary in self.categorical.items()}
        pairs = self.pairs.merge(other.pairs) if self.pairs is not None and other.pairs is not None else None
        return Profile(self.n + other.n, self.grid, numeric, categorical, pairs)

    def to_dict(self) -> dict[str, Any]:
        """The profile as JSON-able facts, with its version and the digest of its grid."""
        return {
            "version": self.version,
            "digest": self.grid.digest,
            "n": self.n,
            "grid": self.grid.to_dict(),
            "numeric": {name: _facts(summary) for name, summary in self.numeric.items()},
            "categorical": {name: _facts(summary) for name, summary in self.categorical.items()},
            "pairs": self.pairs.to_dict() if self.pairs is not None else None,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Profile":
        """The inverse of :meth:`to_dict`. Raises ``DataError`` for another version or an altered grid."""
        version = facts.get("version")
        if version not in READABLE:
            raise DataError("version of a profile", got=version, allowed=READABLE, do="Profile the rows again")
        grid = Grid.from_dict(facts["grid"])
        if grid.digest != facts["digest"]:
            raise DataError("digest of a profile's grid", got=grid.digest, allowed=facts["digest"], do="Profile again")
        numeric = {name: _numeric_of(summary) for name, summary in facts["numeric"].items()}
        categorical = {name: _categorical_of(summary) for name, summary in facts["categorical"].items()}
        pairs = PairBlock.from_dict(facts["pairs"]) if facts.get("pairs") and version == PROFILE_VERSION else None
        return cls(int(facts["n"]), grid, numeric, categorical, pairs)


def profile(frame: pd.DataFrame, grid: Grid, *, pair_rows: int = MOST_ROWS) -> Profile:
    """Sum the rows up over the grid, in one pass per column; pairs from ``pair_rows`` evenly spaced rows at most.

    Columns the grid does not know are ignored; a column it knows must be there (``DataError``). Scores and decisions
    are ordinary columns, by convention ``ml:score`` and ``ml:decision``.
    """
    if pair_rows < 0:
        raise DataError("rows for pairs", got=pair_rows, allowed="0 or more", do="Ask for that many")
    columns = columns_by_name(frame)
    absent = [name for name in (*grid.edges, *grid.categories) if name not in columns]
    if absent:
        raise DataError(
            "columns to profile", got=f"no {', '.join(absent)}", allowed=", ".join(sorted(columns)), do="Deliver them"
        )
    numbers = {name: as_numbers(columns[name]) for name in grid.edges}
    numeric = {name: _numeric(numbers[name], counter) for name, counter in grid.counters.items()}
    categorical = {
        name: _categorical(columns[name], kept, truncated=name in grid.truncated)
        for name, kept in grid.categories.items()
    }
    return Profile(len(frame), grid, numeric, categorical, _pairs(numbers, len(frame), grid, pair_rows))


def _pairs(numbers: Mapping[str, Floats], n: int, grid: Grid, most: int) -> PairBlock:
    """The pair block of evenly spaced rows."""
    at = np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)
    cells = {}
    for name in list(grid.edges)[:MOST_COLUMNS]:
        values = numbers[name][at]
        cell = np.searchsorted(grid.cuts[name], values, side="right").astype(np.float64)
        cell[~np.isfinite(values)] = np.nan
        cells[name] = cell
    return pair_block(cells)


def require_same_grid(one: Profile, other: Profile) -> None:
    """Raise ``DataError`` unless both profiles were counted over the same cells."""
    if one.grid.digest != other.grid.digest:
        raise DataError(
            "profiles over different grids",
            got=f"{one.grid.digest} and {other.grid.digest}",
            allowed="one grid",
            do="Profile both over the grid of the reference",
        )


def _numeric(values: Floats, counter: CellCounter) -> NumericSummary:
    known, cuts = np.isfinite(values), counter.cuts
    finite = values if known.all() else values[known]
    missing = 0 if finite is values else int(np.isnan(values).sum())
    infinite = values.size - missing - finite.size
    minus = int((values == -np.inf).sum()) if infinite else 0
    if finite.size == 0:
        none = (0,) * (len(cuts) + 1)
        return NumericSummary(none, 0, missing, infinite, 0, 0.0, 0.0, None, None, minus_infinite=minus)
    counts = counter.counts(finite).tolist()
    mean, m2 = _moments(finite)
    return NumericSummary(
        counts=tuple(counts),
        n=finite.size,
        missing=missing,
        infinite=infinite,
        zeros=finite.size - int(np.count_nonzero(finite)),
        mean=mean,
        m2=m2,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
        tails=Tails.of(_outside(finite, cuts, counts)),
        minus_infinite=minus,
    )


def _moments(finite: Floats) -> tuple[float, float]:
    """Mean and sum of squared deviations, at most the largest float."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(finite.mean())
        if not math.isfinite(mean):
            mean = float((finite / finite.size).sum())
        return mean, min(float(np.square(finite - mean).sum()), _LARGEST)


def _outside(finite: Floats, cuts: Floats, counts: Sequence[int]) -> Floats:
    """The values that need a sketch: looked for only where there are any."""
    if not len(cuts) or not (counts[0] or counts[-1] or has_wide_ends(cuts)):
        return finite[:0]
    low, high = tail_range(cuts)
    return finite[(finite < low) | (finite >= high)]


def _categorical(column: "pd.Series[Any]", kept: tuple[str, ...], *, truncated: bool) -> CategoricalSummary:
    seen, missing = text_counts(column)
    counts = tuple(seen.get(value, 0) for value in kept)
    rest = len(column) - missing - sum(counts)
    listed = set(kept)
    heavy = Heavy.of({value: count for value, count in seen.items() if value not in listed}) if rest else Heavy()
    return CategoricalSummary(counts, rest if truncated else 0, 0 if truncated else rest, missing, heavy)


def _sum(one: Iterable[int], other: Iterable[int]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _facts(summary: NumericSummary | CategoricalSummary) -> dict[str, Any]:
    facts = {name: getattr(summary, name) for name in summary.__slots__} | {"counts": list(summary.counts)}
    sketch = "tails" if isinstance(summary, NumericSummary) else "heavy"
    return facts | {sketch: facts[sketch].text}


def _numeric_of(facts: Mapping[str, Any]) -> NumericSummary:
    told = {"minus_infinite": None if facts["infinite"] else 0} | dict(facts)  # older ones did not tell the sign
    return NumericSummary(**told | {"counts": tuple(facts["counts"]), "tails": Tails(facts.get("tails", ""))})


def _categorical_of(facts: Mapping[str, Any]) -> CategoricalSummary:
    return CategoricalSummary(**{**facts, "counts": tuple(facts["counts"]), "heavy": Heavy(facts.get("heavy", ""))})

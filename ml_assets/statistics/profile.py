"""A batch summed up by counts over a frozen grid: small, exact, and mergeable in any order.

The grid is cut once, from the reference rows. Afterwards a batch is read once and its rows are never needed again: a
week is the merge of its days, and two profiles over the same grid are compared from their counts alone.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.association import MOST_COLUMNS, MOST_ROWS, PairBlock, pair_block
from ml_assets.statistics.reading import ColumnKind, Floats, as_numbers, column_kind, text_counts

PROFILE_VERSION = 2
READABLE = (1, 2)
"""Version 1 had no pairs."""
DEFAULT_BINS = 128
HEAVIEST = 200


@dataclass(frozen=True)
class Grid:
    """Where the cells of each column lie.

    ``edges`` of a numeric column cut it into ``len(edges) + 1`` cells ``[edge, next edge)``; the first and the last
    hold what lies outside the range the grid was cut from. ``categories`` are the heaviest values as text, heaviest
    first. ``truncated`` names the columns that had more values than that: there an unlisted value counts as
    ``other``, elsewhere it counts as ``new``.
    """

    edges: Mapping[str, tuple[float, ...]]
    categories: Mapping[str, tuple[str, ...]]
    truncated: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that two grids share only if they cut alike."""
        return hashlib.blake2b(json.dumps(self.to_dict(), sort_keys=True).encode(), digest_size=8).hexdigest()

    def kind(self, column: str) -> ColumnKind:
        """How the column is summed up."""
        return "numeric" if column in self.edges else "categorical"

    def to_dict(self) -> dict[str, Any]:
        """The grid as JSON-able facts."""
        return {
            "edges": {name: list(edges) for name, edges in self.edges.items()},
            "categories": {name: list(values) for name, values in self.categories.items()},
            "truncated": sorted(self.truncated),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "Grid":
        """The inverse of :meth:`to_dict`."""
        edges = {str(name): tuple(float(edge) for edge in cut) for name, cut in facts["edges"].items()}
        categories = {str(name): tuple(str(value) for value in kept) for name, kept in facts["categories"].items()}
        return cls(edges, categories, tuple(str(name) for name in facts["truncated"]))


@dataclass(frozen=True, slots=True)
class NumericSummary:
    """One numeric column: ``counts`` per cell and ``n``, ``mean``, ``m2`` (sum of squared deviations) of finite values.

    ``missing`` and ``infinite`` count rows outside ``n``; ``minimum`` and ``maximum`` are ``None`` without finite
    values.
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

    @property
    def sd(self) -> float:
        """Standard deviation (denominator n); 0 without spread, ``nan`` without values."""
        return math.sqrt(max(self.m2, 0.0) / self.n) if self.n else math.nan

    def merge(self, other: "NumericSummary") -> "NumericSummary":
        """The summary of both sets of rows (Chan, Golub & LeVeque 1979 for mean and m2)."""
        n = self.n + other.n
        gap = other.mean - self.mean
        mean = (self.n * self.mean + other.n * other.mean) / n if n else 0.0
        m2 = self.m2 + other.m2 + (gap * gap * self.n * other.n / n if n else 0.0)
        return NumericSummary(
            counts=_sum(self.counts, other.counts),
            n=n,
            missing=self.missing + other.missing,
            infinite=self.infinite + other.infinite,
            zeros=self.zeros + other.zeros,
            mean=mean,
            m2=m2,
            minimum=min(_known(self.minimum, other.minimum), default=None),
            maximum=max(_known(self.maximum, other.maximum), default=None),
        )


@dataclass(frozen=True, slots=True)
class CategoricalSummary:
    """One categorical column: ``counts`` over the categories of the grid, and the rows that fall elsewhere.

    ``other``: unlisted values where the grid listed the heaviest only; ``new``: values the grid has never seen.
    """

    counts: tuple[int, ...]
    other: int
    new: int
    missing: int

    def merge(self, more: "CategoricalSummary") -> "CategoricalSummary":
        """The summary of both sets of rows."""
        counts = _sum(self.counts, more.counts)
        return CategoricalSummary(counts, self.other + more.other, self.new + more.new, self.missing + more.missing)


@dataclass(frozen=True)
class Profile:
    """``n`` rows summed up over ``grid``. Merging may go in any order: counts agree exactly, moments to rounding."""

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
        numeric = {name: NumericSummary(**_tupled(summary)) for name, summary in facts["numeric"].items()}
        categorical = {name: CategoricalSummary(**_tupled(summary)) for name, summary in facts["categorical"].items()}
        pairs = PairBlock.from_dict(facts["pairs"]) if facts.get("pairs") else None
        return cls(int(facts["n"]), grid, numeric, categorical, pairs)


def make_grid(frame: pd.DataFrame, *, bins: int = DEFAULT_BINS) -> Grid:
    """Cut the grid from reference rows: each distinct value where there are few, else ``bins`` cells of equal weight.

    Cells follow the ranks of the reference, so that one outlier cannot swallow the rest. Not for a stream without a
    reference: every profile that is to be compared or merged must share one grid.
    """
    if bins < 2:
        raise DataError("bins of a grid", got=bins, allowed="2 or more", do="Ask for more cells")
    edges: dict[str, tuple[float, ...]] = {}
    categories: dict[str, tuple[str, ...]] = {}
    truncated: list[str] = []
    for name, column in _columns(frame).items():
        if column_kind(column) == "numeric":
            edges[name] = _edges(as_numbers(column), bins)
        else:
            counts, _ = text_counts(column)
            categories[name] = tuple(sorted(counts, key=lambda value: (-counts[value], value))[:HEAVIEST])
            truncated += [name] if len(counts) > HEAVIEST else []
    return Grid(edges, categories, tuple(truncated))


def profile(frame: pd.DataFrame, grid: Grid, *, pair_rows: int = MOST_ROWS) -> Profile:
    """Sum the rows up over the grid, in one pass per column; pairs from ``pair_rows`` evenly spaced rows at most.

    Columns the grid does not know are ignored; a column it knows must be there (``DataError``). Scores and decisions
    are ordinary columns, by convention ``ml:score`` and ``ml:decision``.
    """
    columns = _columns(frame)
    absent = [name for name in (*grid.edges, *grid.categories) if name not in columns]
    if absent:
        raise DataError(
            "columns to profile", got=f"no {', '.join(absent)}", allowed=", ".join(sorted(columns)), do="Deliver them"
        )
    numbers = {name: as_numbers(columns[name]) for name in grid.edges}
    numeric = {name: _numeric(numbers[name], edges) for name, edges in grid.edges.items()}
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
        cell = np.searchsorted(np.asarray(grid.edges[name]), values, side="right").astype(np.float64)
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


def _columns(frame: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    columns = {str(name): column for name, column in frame.items()}
    if len(columns) < frame.shape[1]:
        names = ", ".join(map(str, frame.columns))
        raise DataError("columns of one name", got=names, allowed="every name once", do="Rename or drop them")
    return columns


def _edges(values: Floats, bins: int) -> tuple[float, ...]:
    finite = np.sort(values[np.isfinite(values)])
    if finite.size == 0:
        return ()
    changes = np.flatnonzero(np.diff(finite))
    if changes.size < bins:
        chosen = finite[np.concatenate(([0], changes + 1))]
    else:
        chosen = np.unique(finite[np.arange(bins + 1) * (finite.size - 1) // bins])
    above = np.nextafter(chosen[-1], np.inf)
    return tuple(np.append(chosen, above if np.isfinite(above) else []).tolist())


def _numeric(values: Floats, edges: tuple[float, ...]) -> NumericSummary:
    missing = int(np.isnan(values).sum())
    known = np.isfinite(values)
    finite = values if known.all() else values[known]
    if finite.size == 0:
        return NumericSummary((0,) * (len(edges) + 1), 0, missing, values.size - missing, 0, 0.0, 0.0, None, None)
    counts = np.histogram(finite, np.concatenate(([-np.inf], edges, [np.inf])))[0]
    with np.errstate(over="ignore", invalid="ignore"):  # counts stay exact where moments leave float64
        mean = float(finite.mean())
        m2 = float(np.square(finite - mean).sum())
    return NumericSummary(
        counts=tuple(counts.tolist()),
        n=finite.size,
        missing=missing,
        infinite=values.size - missing - finite.size,
        zeros=finite.size - int(np.count_nonzero(finite)),
        mean=mean,
        m2=m2,
        minimum=float(finite.min()),
        maximum=float(finite.max()),
    )


def _categorical(column: "pd.Series[Any]", kept: tuple[str, ...], *, truncated: bool) -> CategoricalSummary:
    seen, missing = text_counts(column)
    counts = tuple(seen.get(value, 0) for value in kept)
    rest = len(column) - missing - sum(counts)
    return CategoricalSummary(counts, rest if truncated else 0, 0 if truncated else rest, missing)


def _sum(one: Iterable[int], other: Iterable[int]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _facts(summary: NumericSummary | CategoricalSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in summary.__slots__} | {"counts": list(summary.counts)}


def _tupled(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**facts, "counts": tuple(facts["counts"])}

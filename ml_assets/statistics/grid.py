"""Where the cells of each column lie: cut once, from the reference rows, so that all that is counted later is comparable."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.cells import CellCounter
from ml_assets.statistics.reading import ColumnKind, Floats, as_numbers, column_kind, text_counts

DEFAULT_BINS = 128
HEAVIEST = 200
_MANY_CELLS = 64
_SINGLE = 2.0**-23  # between neighbours in single precision, as a share of the number; near 0 the smallest of them
_SMALLEST_SINGLE = 2.0**-149
_LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Grid:
    """Where the cells of each column lie.

    ``edges`` of a numeric column cut it into ``len(edges) + 1`` cells ``[edge, next edge)``; the first and the last
    hold what lies outside the range the grid was cut from. Cut from rows, each edge but the last is one of their values. ``categories``
    are the heaviest values as text, heaviest first. ``truncated`` names the columns that had more values than that:
    there an unlisted value counts as ``other``, elsewhere it counts as ``new``.
    """

    edges: Mapping[str, tuple[float, ...]]
    categories: Mapping[str, tuple[str, ...]]
    truncated: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that two grids share only if they cut alike."""
        return hashlib.blake2b(json.dumps(self.to_dict(), sort_keys=True).encode(), digest_size=8).hexdigest()

    @cached_property
    def cuts(self) -> Mapping[str, Floats]:
        """Where the cells of each numeric column are counted to begin, shape (edges,).

        Below its edge, by what single precision cannot tell from it: 0.7 and the nearest single-precision number are
        one value, and so are 0.3 and 0.1 + 0.2. At most halfway to the next edge, and to the next whole number.
        """
        return {name: _cuts(np.asarray(edges, dtype=np.float64)) for name, edges in self.edges.items()}

    @cached_property
    def counters(self) -> Mapping[str, CellCounter]:
        """What counts the values of each numeric column by the cells of ``cuts``."""
        return {name: CellCounter.of(cuts) for name, cuts in self.cuts.items()}

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
    for name, column in columns_by_name(frame).items():
        if column_kind(column) == "numeric":
            edges[name] = _edges(as_numbers(column), bins)
        else:
            counts, _ = text_counts(column)
            categories[name] = tuple(sorted(counts, key=lambda value: (-counts[value], value))[:HEAVIEST])
            truncated += [name] if len(counts) > HEAVIEST else []
    return Grid(edges, categories, tuple(truncated))


def columns_by_name(frame: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """The columns by their names as text. Raises ``DataError`` when two share one."""
    columns = {str(name): column for name, column in frame.items()}
    if len(columns) < frame.shape[1]:
        names = [str(name) for name in frame.columns]
        often = Counter(names)
        doubles = ", ".join(name for name in names if often[name] > 1)
        raise DataError("columns of one name", got=doubles, allowed="every name once", do="Rename or drop them")
    return columns


def tail_range(edges: Sequence[float] | Floats) -> tuple[float, float]:
    """The range of a grid whose values need no sketch: all of it, less the outermost two of many cells, which are wide.

    The last edge of a grid is a number just above the highest value.
    """
    low, high = (edges[1], edges[-3]) if len(edges) > _MANY_CELLS else (edges[0], edges[-1])
    return float(low), float(high)


def has_wide_ends(edges: Sequence[float] | Floats) -> bool:
    """Whether the outermost cells within the range are wide enough to need a sketch."""
    return len(edges) > _MANY_CELLS


def closed(values: Floats) -> tuple[float, ...]:
    """Distinct rising values (k,) as edges: with one more just above the highest, if there is a number there."""
    top = values[-1]
    half = values[-1] / 2 - values[-2] / 2 if len(values) > 1 else np.inf
    with np.errstate(over="ignore"):
        above = max(min(top + 2 * min(_blur(values[-1:])[0], half), _LARGEST), np.nextafter(top, np.inf))
    return tuple(np.append(values, above if np.isfinite(above) else []).tolist())


def _edges(values: Floats, bins: int) -> tuple[float, ...]:
    finite = np.sort(values[np.isfinite(values)])
    if finite.size == 0:
        return ()
    changes = np.flatnonzero(finite[1:] != finite[:-1])
    if changes.size < bins:
        return closed(finite[np.concatenate(([0], changes + 1))])
    return closed(np.unique(finite[np.arange(bins + 1) * (finite.size - 1) // bins]))


def _cuts(edges: Floats) -> Floats:
    half = np.full(len(edges), np.inf)
    half[1:] = edges[1:] / 2 - edges[:-1] / 2
    half[:1] = half[1] if len(edges) > 2 else np.inf  # two edges are one value and the end
    with np.errstate(over="ignore"):
        cuts = np.maximum(edges - np.minimum(_blur(edges), half), -_LARGEST)
    return np.where(cuts > np.concatenate(([-np.inf], edges[:-1])), cuts, edges)


def _blur(values: Floats) -> Floats:
    """What single precision cannot tell from each value; whole numbers are told apart where they can be."""
    blur = np.maximum(np.abs(values) * _SINGLE, _SMALLEST_SINGLE)
    return np.where(values == np.round(values), np.minimum(blur, 0.5), blur)

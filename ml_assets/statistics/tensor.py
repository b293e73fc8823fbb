"""A fairness audit as a counting problem: rows per group, label and decision, and nothing else of them.

Every rate of every group, pair and triple of attributes is a sum over these counts, and drawing rows again with
replacement is one multinomial draw over them. Rows are read once, in batches; a month is the merge of its days. What
is stored is small and holds no row, but a cell of one row may still tell who it is: keep it where the attributes are
kept. The measures are in :mod:`ml_assets.statistics.tensor_metrics`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import IntArray, codes, same_rows
from ml_assets.statistics.groups import UNKNOWN, GroupRule, group_frame

Codes = npt.NDArray[np.integer[Any]]

TENSOR_VERSION = 1
UNLABELLED = -1
"""The label code of rows whose truth is not known (yet)."""
MOST_DRAWN = 30_000_000
"""Cells times draws held at once."""
_BATCH = 1 << 17
_DENSE = 1 << 20
_LARGEST_KEY = 1 << 62


@dataclass(frozen=True, eq=False)
class CountTensor:
    """Rows per (level of each attribute, label, decision); only cells that have rows are kept.

    ``cells`` (m, attributes + 2) holds in each line the place of a level in ``levels`` of each attribute, then the
    class code of the label (-1: not known) and of the decision; ``counts`` (m,) are its rows. Levels are sorted and
    lines too, so equal rows make equal tensors however they were batched and merged.
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    cells: IntArray
    counts: IntArray

    def __post_init__(self) -> None:
        self.cells.setflags(write=False)
        self.counts.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, CountTensor)
            and (self.attributes, self.levels) == (other.attributes, other.levels)
            and np.array_equal(self.cells, other.cells)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    @classmethod
    def of(cls, groups: pd.DataFrame, truth: npt.ArrayLike | None, decision: npt.ArrayLike) -> "CountTensor":
        """Count the rows of one batch.

        Args:
            groups: (n, attributes), labels as ``group_frame`` makes them; missing ones count as "unknown". Columns of
                type "category" are read fastest.
            truth: (n,) class codes 0, 1, …; missing where not known, ``None`` where none is.
            decision: (n,) class codes, none missing.

        ``DataError`` for codes that are none, unequal lengths, or two columns of one name.
        """
        given = class_codes(decision, "decision", gaps=False)
        known = np.full(given.size, UNLABELLED, np.int8) if truth is None else class_codes(truth, "truth", gaps=True)
        return cls.of_codes(groups, known, given)

    @classmethod
    def of_codes(cls, groups: pd.DataFrame, truth: Codes, decision: Codes) -> "CountTensor":
        """As :meth:`of`, from codes already checked (-1 where the label is not known)."""
        same_rows(groups=groups.index.to_numpy(), truth=truth, decision=decision)
        attributes = tuple(map(str, groups.columns))
        if len(set(attributes)) < len(attributes):
            raise DataError("attributes of one name", got=attributes, allowed="every name once", do="Rename one")
        coded = [_coded(groups.iloc[:, place]) for place in range(len(attributes))]
        columns = [*(column for column, _ in coded), truth, decision]
        sizes = [*(len(names) for _, names in coded), *(int(c.max()) + 2 if c.size else 1 for c in (truth, decision))]
        cells, counts = _counted(columns, sizes)
        cells[:, -2:] -= 1
        return _built(attributes, [names for _, names in coded], cells, counts)

    @property
    def n(self) -> int:
        """All rows."""
        return int(self.counts.sum())

    @property
    def labels(self) -> IntArray:
        """The label code of each cell (m,), -1 where it is not known."""
        return self.cells[:, -2]

    @property
    def decisions(self) -> IntArray:
        """The decision code of each cell (m,)."""
        return self.cells[:, -1]

    @property
    def classes(self) -> tuple[int, ...]:
        """The class codes seen, as label or as decision."""
        seen = np.unique(self.cells[:, -2:])
        return tuple(int(code) for code in seen if code != UNLABELLED)

    def merge(self, other: "CountTensor") -> "CountTensor":
        """The tensor of the rows of both; levels that only one has seen are added. ``DataError`` for other attributes."""
        if set(self.attributes) != set(other.attributes):
            raise DataError(
                "count tensors over different attributes",
                got=f"{', '.join(self.attributes)} and {', '.join(other.attributes)}",
                allowed="one set of attributes",
                do="Count an attribute that a batch lacks as a missing column (its rows are unknown), or take marginals",
            )
        more = other.marginal(self.attributes)
        names = [[*mine, *theirs] for mine, theirs in zip(self.levels, more.levels, strict=True)]
        moved = more.cells + np.array([*map(len, self.levels), 0, 0], dtype=np.int64)
        cells = np.concatenate([self.cells, moved])
        return _built(self.attributes, names, cells, np.concatenate([self.counts, more.counts]))

    def marginal(self, attributes: Sequence[str]) -> "CountTensor":
        """The tensor of some of the attributes, in this order; of none of them: all rows together."""
        wrong = [name for name in attributes if name not in self.attributes]
        if wrong or len(set(attributes)) < len(attributes):
            raise DataError(
                "attributes of a marginal",
                got=list(attributes),
                allowed=", ".join(self.attributes),
                do="Name each once",
            )
        kept = [self.attributes.index(name) for name in attributes]
        cells = self.cells[:, [*kept, -2, -1]]
        return _built(tuple(attributes), [self.levels[place] for place in kept], cells, self.counts)

    def draws(self, n: int = 1_000, *, seed: int = 0) -> IntArray:
        """``n`` resamples of the rows with replacement, as counts (n, m) in the order of ``cells``.

        Exactly the bootstrap over rows, at a cost that does not depend on their number. Not for rows that repeat a
        person: those are fewer people than rows. Source: Efron and Tibshirani (1993), section 5.2.
        """
        return multinomial(self.counts, n, np.random.default_rng(seed))

    def to_dict(self) -> dict[str, Any]:
        """The tensor as JSON-able facts, with its version."""
        return {
            "version": TENSOR_VERSION,
            "attributes": list(self.attributes),
            "levels": [list(levels) for levels in self.levels],
            "cells": self.cells.T.tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "CountTensor":
        """The inverse of :meth:`to_dict`; ``DataError`` for another version or facts that contradict each other."""
        version = facts.get("version")
        if version != TENSOR_VERSION:
            raise DataError("version of a count tensor", got=version, allowed=TENSOR_VERSION, do="Count the rows again")
        try:
            levels = [[str(name) for name in names] for names in facts["levels"]]
            cells = np.array(facts["cells"], dtype=np.int64).T.reshape(-1, len(levels) + 2)
            counts = np.array(facts["counts"], dtype=np.int64).reshape(len(cells))
            attributes = tuple(str(name) for name, _ in zip(facts["attributes"], levels, strict=True))
        except (KeyError, TypeError, ValueError) as error:
            keys = "attributes, levels, cells, counts"
            raise DataError("facts of no count tensor", got=repr(error), allowed=keys, do="Store to_dict()") from error
        _check_facts(np.array([len(names) for names in levels], dtype=np.int64), cells, counts)
        return _built(attributes, levels, cells, counts)


def class_codes(values: npt.ArrayLike, name: str, *, gaps: bool) -> Codes:
    """Class codes 0, 1, … of rows (n,), whole-number types as they are; with ``gaps`` a missing one becomes -1."""
    array = np.asarray(values)
    if array.ndim == 1 and array.dtype.kind in "bui":
        if array.size and array.min() < 0:
            codes(array, name)
        whole: Codes = array
        return whole if array.dtype.kind == "i" else array.astype(np.int8 if array.dtype.kind == "b" else np.int64)
    try:
        numbers = pd.to_numeric(pd.Series(array)).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} is not numeric", got=error, allowed="class codes (n,)", do="Encode it") from error
    found = np.full(numbers.size, UNLABELLED, dtype=np.int64)
    for rows in _batches(numbers.size, _BATCH):
        part = numbers[rows]
        known = ~np.isnan(part) if gaps else np.ones(part.size, dtype=np.bool_)
        found[rows][known] = codes(part[known], name)
    return found


def grouped(cells: IntArray) -> tuple[IntArray, IntArray]:
    """The distinct lines of ``cells`` (m, k) in rising order, and for each of the m lines its place among them."""
    if not cells.size:
        return cells[: min(1, len(cells))], np.zeros(len(cells), dtype=np.int64)
    low = cells.min(axis=0)
    sizes = [int(size) for size in cells.max(axis=0) - low + 1]
    if math.prod(sizes) > _LARGEST_KEY:
        lines, where = np.unique(cells, axis=0, return_inverse=True)
        return lines, where.ravel()
    _, first, where = np.unique(_keys((cells - low).T, sizes), return_index=True, return_inverse=True)
    return cells[first], where


def multinomial(counts: IntArray, n: int, rng: np.random.Generator) -> IntArray:
    """``n`` draws (n, m) of as many rows as ``counts`` (m,) has; ``DataError`` where they would not fit into memory."""
    if n < 1 or n * counts.size > MOST_DRAWN:
        raise DataError(
            "draws of a tensor",
            got=f"{n:,} draws of {counts.size:,} cells",
            allowed=f"1 draw or more, {MOST_DRAWN:,} cells in all",
            do="Take a marginal of fewer attributes, or fewer draws",
        )
    total = int(counts.sum())
    return rng.multinomial(total, counts / max(total, 1), size=n) if total else np.zeros((n, counts.size), np.int64)


def _built(
    attributes: tuple[str, ...], names: Sequence[Sequence[str]], cells: IntArray, counts: IntArray
) -> CountTensor:
    """A tensor in its one order, from level names in any order, repeated or unused, and cells in any order."""
    cells = cells.copy()
    levels = []
    for place, of_column in enumerate(names):
        used = sorted({of_column[code] for code in np.unique(cells[:, place])})
        where = {name: code for code, name in enumerate(used)}
        cells[:, place] = np.array([where.get(name, 0) for name in of_column], dtype=np.int64)[cells[:, place]]
        levels.append(tuple(used))
    lines, places = grouped(cells)
    # sums in float64 are exact up to 2**53 rows
    sums = np.bincount(places, weights=counts, minlength=len(lines)).astype(np.int64)
    return CountTensor(attributes, tuple(levels), lines, sums)


def _coded(column: "pd.Series[Any]") -> tuple[Codes, list[str]]:
    """Codes of a column (-1: missing), and the names of the codes -1, 0, 1, …"""
    if isinstance(column.dtype, pd.CategoricalDtype):
        found, values = column.cat.codes.to_numpy(), column.cat.categories
    else:
        found, values = pd.factorize(column)
    distinct = pd.DataFrame({"level": pd.Series(values, dtype=object)})
    return found, [UNKNOWN, *group_frame(distinct, groups={"level": GroupRule("level")})["level"]]


def _counted(columns: Sequence[Codes], sizes: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Distinct lines of the columns, every code raised by one, with their rows; ``sizes`` bound the raised codes."""
    n, size = columns[0].size, math.prod(sizes)
    if size <= _DENSE:
        dense = np.zeros(size, dtype=np.int64)
        for rows in _batches(n, max(_BATCH, size)):
            dense += np.bincount(_keys([c[rows] for c in columns], sizes, raised=1), minlength=size)
        keys = np.flatnonzero(dense)
        return _lines(keys, sizes), dense[keys]
    if size > _LARGEST_KEY:
        lines, counts = np.unique(np.column_stack(columns).astype(np.int64) + 1, axis=0, return_counts=True)
        return lines, counts
    parts = [
        np.unique(_keys([c[rows] for c in columns], sizes, raised=1), return_counts=True)
        for rows in _batches(n, _DENSE)
    ]
    keys, where = np.unique(np.concatenate([keys for keys, _ in parts]), return_inverse=True)
    weights = np.concatenate([counts for _, counts in parts])
    return _lines(keys, sizes), np.bincount(where, weights=weights).astype(np.int64)


def _keys(columns: Sequence[Codes] | IntArray, sizes: Sequence[int], *, raised: int = 0) -> IntArray:
    """One number per line, rising with it: its codes as digits."""
    key, offset = columns[0].astype(np.int64), raised
    for column, size in zip(columns[1:], sizes[1:], strict=True):
        key *= size
        key += column
        offset = offset * size + raised
    key += offset
    return key


def _lines(keys: IntArray, sizes: Sequence[int]) -> IntArray:
    return np.column_stack(np.unravel_index(keys, tuple(sizes))).astype(np.int64)


def _batches(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def _check_facts(tops: IntArray, cells: IntArray, counts: IntArray) -> None:
    """``tops``: the number of levels of each attribute."""
    own, classes = cells[:, :-2], cells[:, -2:]
    if not ((own >= 0).all() and (own < tops).all() and (classes >= UNLABELLED).all() and (counts > 0).all()):
        raise DataError(
            "facts of a count tensor contradict each other",
            got="codes outside the levels, or counts below 1",
            allowed="what to_dict() writes",
            do="Store to_dict() unchanged",
        )

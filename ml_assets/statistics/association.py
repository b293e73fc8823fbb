"""Which columns move together, summed up so that windows merge: no comparison of single columns sees that change.

Each value counts as the number of its cell in the reference's grid, which follows the ranks of the reference; the
correlation of those numbers is Spearman's where a column has many values. The sums are whole numbers, so that any
order of merging gives the same block.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.divergence import normal_tail

MOST_COLUMNS = 40
"""Numeric columns a block holds, the first ones; a block grows with their square."""
MOST_ROWS = 50_000
"""Rows a batch gives to the block, evenly spaced; a change of 0.03 in a correlation is beyond chance there."""
FEWEST_ROWS = 50
_RANKS = 1.06  # variance of Fisher's z of a rank correlation, times n - 3 (Fieller, Hartley & Pearson 1957)
_CLOSEST = 0.9999

Whole = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PairBlock:
    """Sums over the rows where both columns are present, shape (columns, columns) each.

    ``n``: rows; ``total[i][j]``: of column i where j is present; ``squares[i][j]``: of its squares; ``products``: of
    the products.
    """

    columns: tuple[str, ...]
    n: Whole
    total: Whole
    squares: Whole
    products: Whole

    def merge(self, other: "PairBlock") -> "PairBlock":
        """The block of the rows of both. Raises ``DataError`` when the columns differ."""
        if self.columns != other.columns:
            raise DataError(
                "columns of two pair blocks",
                got=f"{', '.join(self.columns)} and {', '.join(other.columns)}",
                allowed="the same columns",
                do="Profile both over the grid of the reference",
            )
        return PairBlock(
            self.columns,
            _added(self.n, other.n),
            _added(self.total, other.total),
            _added(self.squares, other.squares),
            _added(self.products, other.products),
        )

    def correlations(self) -> NDArray[np.float64]:
        """Correlation of every pair, shape (columns, columns); ``nan`` without rows or without spread."""
        n = np.array(self.n, dtype=np.float64)
        total, squares = np.array(self.total, dtype=np.float64), np.array(self.squares, dtype=np.float64)
        products = np.array(self.products, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares / n - (total / n) ** 2
            shared = products / n - (total / n) * (total / n).T
            found = shared / np.sqrt(variance * variance.T)
        known = (n >= 2) & (variance > 1e-12) & (variance.T > 1e-12)
        return np.where(known, np.clip(found, -1.0, 1.0), np.nan)

    def to_dict(self) -> dict[str, Any]:
        """The block as JSON-able facts."""
        return {name: _lists(getattr(self, name)) for name in self.__slots__}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "PairBlock":
        """The inverse of :meth:`to_dict`."""
        sums = {
            name: tuple(tuple(int(x) for x in row) for row in facts[name])
            for name in ("n", "total", "squares", "products")
        }
        return cls(tuple(map(str, facts["columns"])), **sums)


@dataclass(frozen=True, slots=True)
class PairDrift:
    """How the correlation of two columns changed: ``before`` and ``now`` in [-1, 1], ``n`` current rows with both.

    ``p_value`` is for this pair alone; ``significant`` takes all compared pairs into account (Bonferroni).
    """

    one: str
    other: str
    before: float
    now: float
    n: int
    p_value: float
    significant: bool

    @property
    def change(self) -> float:
        """``now - before``: 0 none, 2 from one extreme to the other."""
        return self.now - self.before

    @property
    def sentence(self) -> str:
        """The change in words."""
        return f"{self.one} with {self.other} {self.before:+.2f} → {self.now:+.2f}"


def pair_block(cells: Mapping[str, NDArray[np.float64]]) -> PairBlock:
    """Sum up the cells (n,) of each column; ``nan`` where a value is missing."""
    names = tuple(cells)
    x = np.column_stack([cells[name] for name in names]) if names else np.zeros((0, 0))
    present = np.isfinite(x)
    there = present.astype(np.float64)
    x = np.where(present, x, 0.0)
    return PairBlock(
        names, _whole(there.T @ there), _whole(x.T @ there), _whole((x * x).T @ there), _whole(x.T @ x)
    )  # fmt: skip


def association_drift(
    reference: PairBlock, current: PairBlock, *, alpha: float, only: Sequence[str] | None = None
) -> tuple[PairDrift, ...]:
    """Compare the correlation of every pair, the largest change first (Fisher's z of both, Bonferroni over the pairs).

    The variance of z is taken as 1.06 / ((n - 3)(1 - r²)) at the correlation of both: right for two balanced flags, more
    than columns of many values need. Not for columns that are nearly constant: see :func:`~ml_assets.statistics.drift.pair_drift`.
    Pairs with fewer than 50 rows on a side, or without spread on one, are not compared: a column that begins to vary is
    a matter of that column. ``only`` limits the columns. Raises ``DataError`` when the blocks differ in their columns.
    """
    if reference.columns != current.columns:
        reference.merge(current)  # raises
    before, now = reference.correlations(), current.correlations()
    places = [i for i, name in enumerate(current.columns) if only is None or name in only]
    found = []
    for i, j in combinations(places, 2):
        n, m = reference.n[i][j], current.n[i][j]
        if min(n, m) >= FEWEST_ROWS and np.isfinite(before[i, j]) and np.isfinite(now[i, j]):
            p = _p_value(float(before[i, j]), n, float(now[i, j]), m)
            names = current.columns[i], current.columns[j]
            found.append(PairDrift(*names, float(before[i, j]), float(now[i, j]), m, p, significant=False))
    limit = alpha / max(len(found), 1)
    judged = [PairDrift(f.one, f.other, f.before, f.now, f.n, f.p_value, significant=f.p_value <= limit) for f in found]
    return tuple(sorted(judged, key=lambda f: (-abs(f.change), f.one, f.other)))


def any_pair(pairs: Sequence[PairDrift]) -> float:
    """One p-value for "no pair has changed": the smallest one times their number, 1 for none."""
    return min(1.0, len(pairs) * min(f.p_value for f in pairs)) if pairs else 1.0


def _p_value(before: float, n: int, now: float, m: int) -> float:
    a, b = (math.atanh(min(max(r, -_CLOSEST), _CLOSEST)) for r in (before, now))
    both = min(abs((n * before + m * now) / (n + m)), _CLOSEST)
    variance = _RANKS / (1 - both * both) * (1 / (n - 3) + 1 / (m - 3))
    return normal_tail((b - a) / math.sqrt(variance))


def _whole(matrix: NDArray[np.float64]) -> Whole:
    return tuple(tuple(int(x) for x in row) for row in matrix)


def _added(one: Whole, other: Whole) -> Whole:
    return tuple(tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in zip(one, other, strict=True))


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, tuple) else value

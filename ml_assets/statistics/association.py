"""Which columns move together, summed up so that windows merge: no comparison of single columns sees that change.

Each value counts as the number of its cell in the reference's grid, which follows the ranks of the reference; the
correlation of those numbers is Spearman's where a column has many values. The sums are whole numbers, so that any
order of merging gives the same block.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_COLUMNS = 40
"""Numeric columns a block holds, the first ones; a block grows with their square."""
MOST_ROWS = 20_000
"""Rows a batch gives to the block, evenly spaced; a change of 0.05 in a correlation is beyond chance there."""
FEWEST_ROWS = 50
_CLOSEST = 0.9999
_SMALLEST = 0.25  # of the variance a normal pair would have: moments of few rows may say too little

Whole = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class PairBlock:
    """Sums over the rows where both columns are present, shape (columns, columns) each.

    ``n``: rows; ``total[i][j]``: of column i where j is present; ``squares``, ``cubes``, ``fourths``: of its powers;
    ``products[i][j]``: of i times j, ``products_21``, ``products_31`` with i squared and cubed, ``products_22`` with both
    squared. The higher ones tell how exactly the correlation is known.
    """

    columns: tuple[str, ...]
    n: Whole
    total: Whole
    squares: Whole
    cubes: Whole
    fourths: Whole
    products: Whole
    products_21: Whole
    products_22: Whole
    products_31: Whole

    def merge(self, other: "PairBlock") -> "PairBlock":
        """The block of the rows of both, of the columns that both hold."""
        one, two = alike(self, other)
        return PairBlock(one.columns, **{name: _added(getattr(one, name), getattr(two, name)) for name in SUMS})

    def only(self, columns: Collection[str]) -> "PairBlock":
        """The block of some of its columns."""
        at = [i for i, name in enumerate(self.columns) if name in columns]
        if len(at) == len(self.columns):
            return self
        sums = {name: tuple(tuple(getattr(self, name)[i][j] for j in at) for i in at) for name in SUMS}
        return PairBlock(tuple(self.columns[i] for i in at), **sums)

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
        sums = {name: tuple(tuple(int(x) for x in row) for row in facts[name]) for name in SUMS}
        return cls(tuple(map(str, facts["columns"])), **sums)


SUMS = ("n", "total", "squares", "cubes", "fourths", "products", "products_21", "products_22", "products_31")


def alike(one: PairBlock, other: PairBlock) -> tuple[PairBlock, PairBlock]:
    """Both blocks, of the columns that both hold: one that was cut anew since cannot be compared with its past."""
    return one.only(other.columns), other.only(one.columns)


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
    k = len(names)
    x = np.ascontiguousarray(np.vstack([cells[name] for name in names])) if names else np.zeros((0, 0))
    present = np.isfinite(x)
    x = np.where(present, x, 0.0)
    there, square = present.astype(np.float64), x * x
    left = np.concatenate((there, x, square, square * x, square * square))
    sums = left @ np.ascontiguousarray(np.concatenate((there, x, square)).T)

    def part(power: int, other: int) -> Whole:
        return _whole(sums[power * k : (power + 1) * k, other * k : (other + 1) * k])

    n, total, squares, cubes, fourths = (part(power, 0) for power in range(5))
    return PairBlock(
        names, n, total, squares, cubes, fourths, part(1, 1), part(2, 1), part(2, 2), part(3, 1)
    )  # fmt: skip


def association_drift(
    reference: PairBlock, current: PairBlock, *, alpha: float, only: Sequence[str] | None = None
) -> tuple[PairDrift, ...]:
    """Compare the correlation of every pair, the largest change first (Fisher's z of both, Bonferroni over the pairs).

    The variance of a correlation is the one its fourth moments give, whatever the distribution of the two columns: of a
    month and its season it is a fraction of that of a normal pair, of two rare flags a multiple. Not for columns that are nearly
    constant: see :func:`~ml_assets.statistics.drift.pair_drift`. Pairs with fewer than 50 rows on a side, or without spread on
    one, are not compared: a column that begins to vary is a matter of that column; neither are columns that only one block
    holds. ``only`` limits the columns. Source: Browne, British Journal of Mathematical and Statistical
    Psychology 37 (1984) 62; Steiger & Hakstian, ibid. 35 (1982) 208.
    """
    reference, current = alike(reference, current)
    spread = _variances(reference.merge(current))
    before, now = reference.correlations(), current.correlations()
    places = [i for i, name in enumerate(current.columns) if only is None or name in only]
    found = []
    for i, j in combinations(places, 2):
        n, m = reference.n[i][j], current.n[i][j]
        if min(n, m) >= FEWEST_ROWS and np.isfinite(before[i, j]) and np.isfinite(now[i, j]):
            p = _p_value(float(before[i, j]), n, float(now[i, j]), m, float(spread[i, j]))
            names = current.columns[i], current.columns[j]
            found.append(PairDrift(*names, float(before[i, j]), float(now[i, j]), m, p, significant=False))
    limit = alpha / max(len(found), 1)
    judged = [PairDrift(f.one, f.other, f.before, f.now, f.n, f.p_value, significant=f.p_value <= limit) for f in found]
    return tuple(sorted(judged, key=lambda f: (-abs(f.change), f.one, f.other)))


def any_pair(pairs: Sequence[PairDrift]) -> float:
    """One p-value for "no pair has changed": the smallest one times their number, 1 for none."""
    return min(1.0, len(pairs) * min(f.p_value for f in pairs)) if pairs else 1.0


def _p_value(before: float, n: int, now: float, m: int, spread: float) -> float:
    """Two-sided; Student's with a quarter of the smaller side's rows, since fourth moments of few rows are rough."""
    from scipy.special import stdtr

    a, b = (math.atanh(min(max(r, -_CLOSEST), _CLOSEST)) for r in (before, now))
    z = (b - a) / math.sqrt(spread * (1 / (n - 3) + 1 / (m - 3)))
    return float(2 * stdtr(min(n, m) / 4, -abs(z)))


def _variances(block: PairBlock) -> NDArray[np.float64]:
    """Variance of Fisher's z of each correlation, times the rows: 1 for a normal pair, shape (columns, columns)."""
    n, *sums = (np.array(getattr(block, name), dtype=np.float64) for name in SUMS)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, m2, m3, m4, m11, m21, m22, m31 = (one / n for one in sums)
        a, b = mean, mean.T
        variance = m2 - a * a
        c11 = m11 - a * b
        c40 = m4 - 4 * a * m3 + 6 * a**2 * m2 - 3 * a**4
        c22 = m22 - 2 * b * m21 - 2 * a * m21.T + b**2 * m2 + a**2 * m2.T + 4 * a * b * m11 - 3 * a**2 * b**2
        c31 = m31 - b * m3 - 3 * a * m21 + 3 * a * b * m2 + 3 * a**2 * m11 - 3 * a**3 * b
        scale = np.sqrt(variance * variance.T)
        r = np.clip(c11 / scale, -_CLOSEST, _CLOSEST)
        k22, k40, k31 = c22 / scale**2, c40 / variance**2, c31 / (variance * scale)
        of_r = k22 + r**2 / 4 * (k40 + k40.T + 2 * k22) - r * (k31 + k31.T)
        found = of_r / (1 - r**2) ** 2
    return np.maximum(np.where(np.isfinite(found), found, 1.0), _SMALLEST)


def _whole(matrix: NDArray[np.float64]) -> Whole:
    return tuple(tuple(int(x) for x in row) for row in matrix)


def _added(one: Whole, other: Whole) -> Whole:
    return tuple(tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in zip(one, other, strict=True))


def _lists(value: Any) -> Any:
    return [_lists(v) for v in value] if isinstance(value, tuple) else value

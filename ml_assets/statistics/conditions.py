"""Conditions on columns in words ("income < 34", "job = driver", "age is missing"), and the rows they hold for.

Every column is cut into cells: bands of numbers and dates, frequent categories, missing. A condition is a run of
neighbouring cells of one column, so that sums over all pairs of conditions are differences of running sums.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.columns import Column, read_column

_BANDS = 10
_WIDEST = 3  # neighbouring bands joined in the middle of a column; from its ends any number
_CATEGORIES = 12
_DAY = 86_400.0
_LEAN = 200.0  # rows' worth of the overall variance in a segment's, lest the luckiest variance of thousands win

Bools = npt.NDArray[np.bool_]
_Run = tuple[int, int, str, bool]  # first and last cell, words, and whether it is a run from the middle of its column


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on the column ``name``, at position ``column``: its cells ``first`` to ``last``.

    ``price`` is what a search over its kind costs: 2 ln of the conditions of that kind on that column.
    """

    name: str
    column: int
    first: int
    last: int
    words: str
    price: float

    def holds(self, cells: IntArray) -> Bools:
        """Which rows of ``cells`` (n, columns) meet the condition (n,)."""
        return (cells[:, self.column] >= self.first) & (cells[:, self.column] <= self.last)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by the cells they lie in, (n, columns), with one figure of each, such as a residual (n,).

    ``cluster`` (n,): codes from 0 of what rows share; None where each stands alone.
    """

    cells: IntArray
    figure: FloatArray
    cluster: IntArray | None = None

    def take(self, rows: IntArray | Bools) -> "Rows":
        """These rows alone."""
        return Rows(self.cells[rows], self.figure[rows], None if self.cluster is None else self.cluster[rows])

    def halves(self, rng: np.random.Generator, *, most: int) -> tuple["Rows", "Rows"]:
        """One half drawn at random, of ``most`` rows at most, and the others."""
        order = rng.permutation(self.figure.size)
        half = min(self.figure.size // 2, most)
        return self.take(order[:half]), self.take(order[half:])

    def inside(self, conditions: Sequence[Condition]) -> Bools:
        """Which rows meet every condition (n,); all rows where there is none."""
        held = np.ones(self.figure.size, dtype=bool)
        for condition in conditions:
            held &= condition.holds(self.cells)
        return held

    def clarity(self, column: int) -> float:
        """How far the figures of the cells of one column lie apart, in standard deviations of chance."""
        code, away = self.cells[:, column], self.figure - self.figure.mean()
        n, sums = np.bincount(code), np.bincount(code, weights=away)
        filled, spread = n > 0, float(away.var())
        freedom = int(filled.sum()) - 1
        if freedom < 1 or spread == 0:
            return -math.inf
        return (float((sums[filled] ** 2 / n[filled]).sum()) / spread - freedom) / math.sqrt(2 * freedom)


class PairGaps:
    """The figure inside and outside of every pair of conditions, (conditions, conditions); on the diagonal of one alone.

    One product of matrices over the cells, then differences of its running sums: the rows are read once and not once
    per pair. ``n`` rows meet both conditions, ``rest`` do not.
    """

    def __init__(self, rows: Rows, conditions: Sequence[Condition]) -> None:
        cells, columns = rows.cells, sorted({one.column for one in conditions})
        sizes = [max(int(cells[:, c].max()), *(one.last for one in conditions if one.column == c)) + 1 for c in columns]
        offset = dict(zip(columns, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        self._start = np.array([offset[one.column] + one.first for one in conditions])
        self._stop = np.array([offset[one.column] + one.last + 1 for one in conditions])
        # Single precision halves the cost; figures are centred, so that it loses nothing that matters.
        self._member = np.zeros((len(cells), sum(sizes)), dtype=np.float32)
        for column in columns:
            self._member[np.arange(len(cells)), offset[column] + cells[:, column]] = 1
        self._figure = rows.figure
        self.n = self._sums(np.ones(len(cells)))
        self.rest = len(cells) - self.n

    def filled(self, fewest: int) -> Bools:
        """Which pairs, and what is outside them, hold rows enough."""
        return (self.n >= fewest) & (self.rest >= fewest)

    def gaps(self, figure: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean of a ``figure`` (n,) of the same rows inside, and that less the mean outside."""
        centre = float(figure.mean())
        inside = self._sums(figure - centre) / np.maximum(self.n, 1)
        return inside + centre, inside * (1 + self.n / np.maximum(self.rest, 1))

    def variance(self) -> FloatArray:
        """Variance of these gaps for the figure of the rows; that of a small segment leans on that of all rows."""
        away = self._figure - self._figure.mean()
        overall, n = float(away.var()), np.maximum(self.n, 1)
        inside = np.maximum(self._sums(away**2) - self._sums(away) ** 2 / n, 0.0)
        variance: FloatArray = (inside + _LEAN * overall) / (n + _LEAN) / n + overall / np.maximum(self.rest, 1)
        return np.maximum(variance, 1e-300)

    def _sums(self, values: FloatArray) -> FloatArray:
        weighted = self._member * values.astype(np.float32)[:, np.newaxis]
        running = np.zeros((self._member.shape[1] + 1,) * 2)
        np.cumsum(np.cumsum(self._member.T @ weighted, axis=0, dtype=np.float64), axis=1, out=running[1:, 1:])
        rows = running[self._stop] - running[self._start]
        sums: FloatArray = rows[:, self._stop] - rows[:, self._start]
        return sums


def priced(
    conditions: Sequence[Condition], rows: Rows, *, depth: int, most_columns: int
) -> tuple[list[Condition], FloatArray]:
    """The conditions on the ``most_columns`` clearest columns, and what a search pays for each pair of them.

    The price, to be paid by the z² of a pair (i, j) or of one condition alone (i, i), counts all columns, since the
    clearest were chosen among them. It is infinite where nothing is looked at: two conditions on one column, each pair
    a second time, and pairs at ``depth`` 1.
    """
    columns = {one.column for one in conditions}
    kept = sorted(columns, key=lambda column: -rows.clarity(column))[:most_columns]
    chosen = [one for one in conditions if one.column in kept]
    column = np.array([one.column for one in chosen], dtype=np.int64)
    alone = np.array([one.price for one in chosen]) + 2 * math.log(max(len(columns), 1))
    price = alone[:, np.newaxis] + alone if depth == 2 else np.full((alone.size, alone.size), np.inf)
    price[column[:, np.newaxis] >= column] = np.inf
    np.fill_diagonal(price, alone)
    return chosen, price


def require_columns(frame: pd.DataFrame, reference: pd.DataFrame | None) -> None:
    """Raise ``DataError`` unless there are columns, each named once and held by the reference too."""
    names = [str(name) for name in frame.columns]
    lacking = [] if reference is None else [name for name in frame.columns if name not in reference.columns]
    if not names or len(set(names)) < len(names) or lacking:
        got = f"{len(names)} columns, {len(set(names))} names, {lacking[:5]} not in the reference"
        raise DataError(
            "columns to search", got=got, allowed="named once, in the reference too", do="Rename or add them"
        )


def cut_columns(frame: pd.DataFrame, reference: pd.DataFrame | None = None) -> tuple[IntArray, list[Condition]]:
    """Every column cut into cells, batch rows first: codes (n + n_ref, columns), and the conditions made of them.

    Where to cut and what is frequent say the batch rows alone. Cells that no condition speaks of (rare categories,
    missing where no batch row is) have codes all the same.
    """
    codes, conditions = [], []
    for position, name in enumerate(frame.columns):
        series = _together(frame[name], None if reference is None else reference[name])
        code, runs = _cut(read_column(series.rename(str(name))), series, len(frame))
        simple = sum(not middle for *_, middle in runs)
        conditions += [
            Condition(str(name), position, first, last, words, 2 * math.log(len(runs) if middle else simple))
            for first, last, words, middle in runs
        ]
        codes.append(code)
    return np.column_stack(codes).astype(np.int64), conditions


def known_rows(cells: IntArray, n: int) -> Bools:
    """Which of the first ``n`` rows lie in cells that later rows lie in too, column by column (n,); all without any."""
    known = np.ones(n, dtype=bool)
    if len(cells) > n:
        for code in cells.T:
            known &= np.bincount(code[n:], minlength=int(code.max()) + 1)[code[:n]] > 0
    return known


def _together(series: "pd.Series[Any]", other: "pd.Series[Any] | None") -> "pd.Series[Any]":
    if other is None:
        return series
    sides = [series, other] if series.dtype == other.dtype else [series.astype(object), other.astype(object)]
    both: pd.Series[Any] = pd.concat(sides, ignore_index=True)
    return both


def _cut(column: Column, series: "pd.Series[Any]", n: int) -> tuple[IntArray, list[_Run]]:
    code, runs = _categories(column, series, n) if column.kind == "categorical" else _bands(column, n)
    gap = int(code.max()) + 1
    if column.missing[:n].any():
        infinite = int(column.missing.sum()) > int(series.isna().sum())
        runs.append((gap, gap, f"{column.name} is {'missing or infinite' if infinite else 'missing'}", False))
    return np.where(column.missing, gap, code), runs


def _categories(column: Column, series: "pd.Series[Any]", n: int) -> tuple[IntArray, list[_Run]]:
    """The most frequent values of the batch as cells of their own, all others in the last one, of which no condition speaks."""
    codes = column.codes
    counts = np.bincount(codes[:n][codes[:n] >= 0], minlength=int(codes.max(initial=-1)) + 1)
    listed = np.argsort(-counts, kind="stable")[:_CATEGORIES]
    listed = listed[counts[listed] > 0]
    place = np.full(counts.size + 1, listed.size)
    place[listed] = np.arange(listed.size)
    first = {code: int(np.argmax(codes == code)) for code in listed.tolist()}
    texts = [str(series.iloc[first[code]])[:60] for code in listed.tolist()]
    return place[codes], [(i, i, f"{column.name} = {text}", False) for i, text in enumerate(texts)]


def _bands(column: Column, n: int) -> tuple[IntArray, list[_Run]]:
    """Bands of about equally many batch rows, or the values themselves where there are few."""
    values, counts = np.unique(column.numbers[:n][~column.missing[:n]], return_counts=True)
    few = values.size <= _BANDS
    cuts = values[1:] if few else _band_cuts(values, counts, column)
    code = np.searchsorted(cuts, column.numbers, side="right").astype(np.int64)
    ends = [_number(cut, column) for cut in cuts]
    last, runs = len(cuts), list[_Run]()
    for i in range(last + 1 if last else 0):
        for j in range(i, last + 1):
            middle = i > 0 and j < last
            if (i > 0 or j < last) and not (middle and j - i >= _WIDEST):
                value = _number(values[i], column) if few and i == j else ""
                runs.append((i, j, _words(column.name, ends, i, j, value), middle and not value))
    return code, runs


def _band_cuts(values: FloatArray, counts: npt.NDArray[np.intp], column: Column) -> FloatArray:
    """Where bands of about equally many rows begin; a pile of equal values (zeros, a cap) is a cell of its own."""
    rows = int(counts.sum())
    at = np.searchsorted(np.cumsum(counts), np.arange(1, _BANDS) / _BANDS * rows)
    piled = np.unique(at[counts[at] > rows / _BANDS])
    exact = values[np.concatenate([piled[piled > 0], piled[piled < values.size - 1] + 1])]
    plain = np.unique(at[~np.isin(at, piled)])
    return np.unique(np.concatenate([exact, _rounded(values[plain[plain > 0]], column)]))


def _words(name: str, ends: Sequence[str], i: int, j: int, value: str) -> str:
    if value:
        return f"{name} = {value}"
    if i == 0:
        return f"{name} < {ends[j]}"
    return f"{name} >= {ends[i - 1]}" if j == len(ends) else f"{ends[i - 1]} <= {name} < {ends[j]}"


def _rounded(cuts: FloatArray, column: Column) -> FloatArray:
    """Cuts with no more digits than their distances call for, so that they read well and mean what they say."""
    if cuts.size < 2:
        return cuts
    step = float(np.diff(cuts).min())
    if column.kind == "datetime":
        grain = _DAY if step >= 2 * _DAY else 1.0
        return np.unique(np.floor(cuts / grain) * grain)
    decimals = 1 - math.floor(math.log10(step))
    return np.unique(np.round(cuts, decimals)) if abs(decimals) < 15 else cuts


def _number(value: float, column: Column) -> str:
    if column.kind == "datetime":
        return str(np.datetime64(int(value), "s")).removesuffix("T00:00:00")
    return ("false", "true")[int(value)] if column.kind == "boolean" else f"{value:.12g}"

"""Who is in which group: labels from columns, and the counting of group against rest that every comparison shares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GroupRule:
    """How a column becomes groups: its own values, or bands between ``edges`` (a band holds its lower edge)."""

    column: str
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows, mean and variance (over n - 1; nan below two rows) of one side of a comparison."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """One attribute as codes: ``labels[codes[i]]`` is the group of row i, ``counts`` the rows of each group."""

    attribute: str
    labels: tuple[str, ...]
    codes: IntArray
    counts: IntArray

    def sums(self, values: npt.NDArray[np.generic]) -> FloatArray:
        """The sum of ``values`` (n,) in each group (bools count)."""
        weights = values.astype(np.float64)
        sums: FloatArray = np.bincount(self.codes, weights=weights, minlength=len(self.labels)).astype(np.float64)
        return sums

    def moments(self, values: FloatArray) -> tuple[tuple[Moments, Moments], ...]:
        """For each group the moments of ``values`` (n,) in it and in all other rows."""
        centre = float(values.mean()) if values.size else 0.0
        away = values - centre
        sums, squares = self.sums(away), self.sums(away * away)
        rest = (self.codes.size - self.counts, sums.sum() - sums, squares.sum() - squares)
        group_sides = _moments(self.counts, sums, squares, centre)
        return tuple(zip(group_sides, _moments(*rest, centre), strict=True))


def group_frame(frame: pd.DataFrame, *, groups: Mapping[str, GroupRule]) -> pd.DataFrame:
    """Group labels of every row, one text column per attribute.

    Bands of whole-number edges read "<25", "25-39", ">=60", others "<0.5", "0.5 to 1", ">=1" (the upper edge belongs to
    the next band). Missing and blank values are the group "unknown": counted, never dropped. ``DataError`` for a column
    that is not there, edges that do not rise, or bands over a column that is not numeric.
    """
    return pd.DataFrame(
        {attribute: _labels(_column(frame, rule), rule) for attribute, rule in groups.items()}, index=frame.index
    )


def intersections(groups: pd.DataFrame) -> pd.DataFrame:
    """The attributes and all their pairs: "sex" and "race" add "sex & race" with groups such as "female & black"."""
    pairs = {
        f"{first} & {second}": groups[first].astype(str) + " & " + groups[second].astype(str)
        for first, second in combinations(groups.columns, 2)
    }
    return groups.assign(**pairs)


def grouping(labels: "pd.Series[Any]") -> Grouping:
    """Codes and counts of one attribute; missing labels count as "unknown"."""
    codes, values = pd.factorize(labels)
    names = [*(str(value) for value in values), UNKNOWN]
    used = sorted({names[code] for code in np.unique(codes)})
    place = {name: code for code, name in enumerate(used)}
    wide = np.array([place.get(name, 0) for name in names], dtype=np.int64)[codes]
    return Grouping(str(labels.name), tuple(used), wide, np.bincount(wide, minlength=len(used)))


def groupings(groups: pd.DataFrame) -> Iterator[Grouping]:
    """Each attribute of a group table as codes."""
    return (grouping(groups[attribute]) for attribute in groups.columns)


def _moments(counts: IntArray, sums: FloatArray, squares: FloatArray, centre: float) -> list[Moments]:
    nan = np.full(counts.size, np.nan)
    means = np.divide(sums, counts, out=nan.copy(), where=counts > 0)
    spread = np.maximum(squares - counts * means**2, 0.0)
    variances = np.divide(spread, counts - 1, out=nan, where=counts > 1)
    return [
        Moments(int(n), centre + float(mean), float(variance))
        for n, mean, variance in zip(counts, means, variances, strict=True)
    ]


def _column(frame: pd.DataFrame, rule: GroupRule) -> "pd.Series[Any]":
    if rule.column not in frame.columns:
        raise DataError(
            "a group is made of a column that is not there",
            got=rule.column,
            allowed=", ".join(map(str, frame.columns)),
            do="Name a column of the table",
        )
    return frame[rule.column]


def _labels(column: "pd.Series[Any]", rule: GroupRule) -> npt.NDArray[np.object_]:
    if rule.edges:
        return _bands(column, rule)
    codes, values = pd.factorize(column)
    names = np.array([*(_name(value) for value in values), UNKNOWN], dtype=object)
    return names[codes]


def _name(value: object) -> str:
    # A whole-number column with gaps is read as floats: group 1 must not become group 1.0 on the day of the first gap.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip() or UNKNOWN


def _bands(column: "pd.Series[Any]", rule: GroupRule) -> npt.NDArray[np.object_]:
    edges = np.asarray(rule.edges, dtype=np.float64)
    if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise DataError("band edges do not rise", got=rule.edges, allowed="increasing numbers", do="Sort the edges")
    try:
        values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"bands over column {rule.column!r}", got=error, allowed="a numeric column", do="Leave the edges out"
        ) from error
    names = np.array([*_band_names(edges), UNKNOWN], dtype=object)
    return names[np.where(np.isnan(values), edges.size + 1, np.digitize(values, edges))]


def _band_names(edges: FloatArray) -> list[str]:
    whole = bool((edges == np.floor(edges)).all() and (edges >= 0).all())
    middle = [_whole_band(int(low), int(high)) if whole else f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"<{edges[0]:g}", *middle, f">={edges[-1]:g}"]


def _whole_band(low: int, high: int) -> str:
    return str(low) if high == low + 1 else f"{low}-{high - 1}"

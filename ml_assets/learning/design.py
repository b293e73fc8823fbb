"""The design matrix of the linear models: standardised numbers, one-hot or encoded levels, bins; JSON in and out, plain numpy."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, category_codes

RARE = 20
"""Levels with fewer training rows share one column: their own coefficient would be noise."""
MOST_COLUMNS = 200
"""Levels of a category with a column of their own, the most frequent ones; the rest share that of the rare."""


@dataclass(frozen=True, slots=True)
class ScaledColumn:
    """A number: missing becomes the median, then (x - mean) / scale; with ``indicator``, one column 0/1 for missing."""

    name: str
    median: float
    mean: float
    scale: float
    indicator: bool
    type: Literal["scaled"] = "scaled"

    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns it fills."""
        return (self.name, f"{self.name}=(missing)") if self.indicator else (self.name,)

    def fill(self, prepared: pd.DataFrame, out: NDArray[Any]) -> None:
        """Write its columns into ``out`` (rows, width)."""
        values = prepared[self.name].to_numpy(dtype=np.float64)
        missing = np.isnan(values)
        out[:, 0] = (np.where(missing, self.median, values) - self.mean) / self.scale
        if self.indicator:
            out[:, 1] = missing


@dataclass(frozen=True, slots=True)
class LevelColumn:
    """A category, one-hot: ``levels`` in order; ``cell[c]`` is the matrix column of category code c.

    The last cell is that of missing; -1 stands for no column at all: the row keeps zeros, the model its intercept.
    """

    name: str
    levels: tuple[str, ...]
    cell: tuple[int, ...]
    type: Literal["levels"] = "levels"

    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns it fills."""
        return tuple(f"{self.name}={level}" for level in self.levels)

    def fill(self, prepared: pd.DataFrame, out: NDArray[Any]) -> None:
        """Write its columns into ``out`` (rows, width)."""
        # Code -1 (missing) reads the last cell, as python indexing has it.
        _one_hot(np.asarray(self.cell)[category_codes(prepared[self.name])], out)


@dataclass(frozen=True, slots=True)
class BinnedColumn:
    """A number cut at ``edges``, one-hot: len(edges) + 1 bins, each closed on the right, and one column for missing."""

    name: str
    edges: tuple[float, ...]
    type: Literal["binned"] = "binned"

    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns it fills."""
        low = ("-inf", *(f"{edge:.6g}" for edge in self.edges))
        high = (*(f"{edge:.6g}" for edge in self.edges), "inf")
        return (*(f"{self.name}({a}, {b}]" for a, b in zip(low, high, strict=True)), f"{self.name}=(missing)")

    def fill(self, prepared: pd.DataFrame, out: NDArray[Any]) -> None:
        """Write its columns into ``out`` (rows, width)."""
        values = prepared[self.name].to_numpy(dtype=np.float64)
        found = np.searchsorted(np.asarray(self.edges), values, side="left")
        _one_hot(np.where(np.isnan(values), len(self.edges) + 1, found), out)


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A category as what the target is like at each level: one matrix column, or one for each of ``classes``.

    ``values``: level after level in the order of the spec's categories, last what missing ones get; K numbers each.
    """

    name: str
    classes: tuple[str, ...]
    values: tuple[float, ...]
    type: Literal["target"] = "target"

    @property
    def cells(self) -> int:
        """Levels, and one for missing."""
        return len(self.values) // len(self.names())

    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns it fills."""
        return tuple(f"{self.name}=(encoded, {one})" for one in self.classes) or (f"{self.name}=(encoded)",)

    def fill(self, prepared: pd.DataFrame, out: NDArray[Any]) -> None:
        """Write its columns into ``out`` (rows, width)."""
        table = np.asarray(self.values, dtype=np.float64).reshape(-1, out.shape[1])
        # Code -1 (missing) reads the last cell, as python indexing has it.
        out[:] = table[category_codes(prepared[self.name])]


DesignColumn = ScaledColumn | LevelColumn | BinnedColumn | TargetColumn
_TYPES: Mapping[str, Any] = {
    "scaled": ScaledColumn,
    "levels": LevelColumn,
    "binned": BinnedColumn,
    "target": TargetColumn,
}


@dataclass(frozen=True, slots=True)
class Design:
    """Columns side by side; the whole state of the preprocessing of a linear model."""

    columns: tuple[DesignColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the matrix columns, in order."""
        return tuple(name for column in self.columns for name in column.names())

    def matrix(self, prepared: pd.DataFrame, *, dtype: type[np.floating[Any]] = np.float64) -> NDArray[Any]:
        """Prepared rows as a matrix (rows, len(names)) without missing values."""
        widths = [len(column.names()) for column in self.columns]
        # Column by column in memory: every column is written, and read by the solvers, as one stretch.
        out = np.zeros((len(prepared), sum(widths)), dtype=dtype, order="F")
        start = 0
        for column, width in zip(self.columns, widths, strict=True):
            column.fill(prepared, out[:, start : start + width])
            start += width
        return out

    def to_dict(self) -> dict[str, Any]:
        """JSON-able state."""
        return {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Design":
        """The design of :meth:`to_dict`."""
        return cls(tuple(_column(dict(record)) for record in state["columns"]))


def linear_design(prepared: pd.DataFrame, specs: Sequence[FeatureSpec]) -> Design:
    """Numbers standardised, categories one-hot with rare levels pooled, as learned from prepared training rows."""
    return Design(
        tuple(
            _scaled(prepared[spec.name], spec.name)
            if spec.kind == "numeric"
            else _levels(prepared[spec.name], spec, rare=RARE)
            for spec in specs
        )
    )


def single_design(prepared: pd.DataFrame, spec: FeatureSpec, *, bins: int = 20) -> Design:
    """One column alone in cells: a category by its levels, a number by up to ``bins`` quantile bins."""
    if spec.kind == "categorical":
        return Design((_levels(prepared[spec.name], spec, rare=0),))
    values = prepared[spec.name].to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    # The upper edge of the last bin is infinity, so the maximum itself is no edge.
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins, method="lower"))
    return Design((BinnedColumn(spec.name, tuple(float(edge) for edge in edges[edges < values.max()])),))


def _scaled(column: "pd.Series[float]", name: str) -> ScaledColumn:
    values = column.to_numpy(dtype=np.float64)
    missing = np.isnan(values)
    median = float(np.median(values[~missing]))
    filled = np.where(missing, median, values)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(filled.mean()), float(filled.std())
    if not np.isfinite(mean) or not np.isfinite(scale):  # values near the largest float: a robust spread instead
        mean, scale = median, float(np.median(np.abs(filled / 2 - median / 2)) * 2)
    usable = np.isfinite(scale) and scale > 0
    return ScaledColumn(name, median, mean, scale if usable else 1.0, bool(missing.any()))


def _levels(column: "pd.Series[Any]", spec: FeatureSpec, *, rare: int) -> LevelColumn:
    found = category_codes(column)
    counts = np.bincount(found + 1, minlength=len(spec.categories) + 1)
    own = counts[1:] >= max(rare, 1)
    own[np.argsort(-counts[1:], kind="stable")[MOST_COLUMNS:]] = False
    levels = [level for level, kept in zip(spec.categories, own, strict=True) if kept]
    cell = np.where(own, np.cumsum(own) - 1, -1)
    if not own.all():
        cell = np.where(own, cell, len(levels))
        levels.append("(rare)")
    if counts[0] > 0:
        levels.append("(missing)")
    last = len(levels) - 1 if counts[0] > 0 else -1
    return LevelColumn(spec.name, tuple(levels), (*(int(position) for position in cell), last))


def _one_hot(cell: NDArray[np.int64], out: NDArray[Any]) -> None:
    row = np.flatnonzero(cell >= 0)
    out[row, cell[row]] = 1.0


def _column(record: dict[str, Any]) -> DesignColumn:
    kind = _TYPES[record.pop("type")]
    column: DesignColumn = kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in record.items()})
    return column


def softmax(margin: FloatArray) -> FloatArray:
    """Rows of margins (n, K) as probabilities that sum to 1."""
    exponent = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=1, keepdims=True), dtype=np.float64)


def logistic(margin: FloatArray) -> FloatArray:
    """1 / (1 + exp(-margin)) without overflow."""
    small = np.exp(-np.abs(margin))
    return np.asarray(np.where(margin >= 0, 1.0, small) / (1.0 + small), dtype=np.float64)

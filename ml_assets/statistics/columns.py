"""What kind of thing a column holds, as arrays that the screening measures share."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.dates import instants

Kind = Literal["numeric", "categorical", "datetime", "boolean"]

# Numeric columns of more distinct values than this are cut at quantiles before their levels are compared.
_LEVELS = 64
_OBJECT_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of n rows: numbers (nan where missing; seconds for dates) or codes of its texts (-1 where missing)."""

    name: str
    kind: Kind
    numbers: FloatArray
    codes: IntArray

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """Which rows have no value (n,)."""
        return self.codes < 0 if self.kind == "categorical" else np.isnan(self.numbers)

    @property
    def distinct(self) -> int:
        """How many different values there are, missing apart."""
        present = self.codes[self.codes >= 0] if self.kind == "categorical" else self.numbers[~self.missing]
        return int(np.unique(present).size)

    def take(self, rows: IntArray) -> "Column":
        """The same column in these rows."""
        return Column(
            self.name,
            self.kind,
            self.numbers[rows] if self.numbers.size else self.numbers,
            self.codes[rows] if self.codes.size else self.codes,
        )

    def levels(self, *, bins: int = 32) -> IntArray:
        """The column as level codes 0, 1, … (n,): its values, or quantile bins of many numbers; missing is a level."""
        if self.kind == "categorical":
            return _dense(self.codes)
        present = self.numbers[~self.missing]
        cuts = np.unique(present)
        if cuts.size > _LEVELS:
            cuts = np.unique(np.quantile(present, np.arange(1, bins) / bins))
        # Below, at and above a cut are three levels: a pile of equal values (zeros, a cap) keeps one of its own.
        place = np.searchsorted(cuts, self.numbers) + np.searchsorted(cuts, self.numbers, side="right")
        return _dense(np.where(self.missing, -1, place).astype(np.int64))


def read_column(series: "pd.Series[Any]") -> Column:
    """A pandas column of any type as :class:`Column`; infinite numbers count as missing, mixed objects as texts."""
    kind = _kind(series)
    name = str(series.name)
    if kind == "categorical":
        # Through text, because lists and other values that cannot be hashed occur in object columns.
        text = series.astype(object).map(str, na_action="ignore")
        return Column(name, kind, np.empty(0), pd.factorize(text)[0].astype(np.int64))
    try:
        numbers = _seconds(series) if kind == "datetime" else _numbers(series)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"column {name!r} looks {kind} and cannot be read as such", got=error, allowed="one type", do="Convert it"
        ) from error
    return Column(name, kind, np.where(np.isfinite(numbers), numbers, np.nan), np.empty(0, dtype=np.int64))


def _kind(series: "pd.Series[Any]") -> Kind:
    if pd.api.types.is_bool_dtype(series.dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return "datetime"
    if pd.api.types.is_numeric_dtype(series.dtype):
        return "numeric"
    if series.dtype != object:
        return "categorical"
    return _OBJECT_KINDS.get(pd.api.types.infer_dtype(series, skipna=True), "categorical")


def _numbers(series: "pd.Series[Any]") -> FloatArray:
    if series.dtype == object:
        series = pd.to_numeric(series.astype(object).where(series.notna(), np.nan))
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _seconds(series: "pd.Series[Any]") -> FloatArray:
    moments = instants(series)
    return np.where(moments.isna().to_numpy(), np.nan, moments.to_numpy().astype(np.int64) / 1e6)


def _dense(codes: IntArray) -> IntArray:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)

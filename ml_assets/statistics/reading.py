"""A column of any type as numbers or as counted texts, read so that a change of type alone is never a change of data.

pandas delivers one fact in many types (7, 7.0, "7", ``Decimal``, a nullable integer, a dictionary of strings), and
two batches of one source may differ in them. A profile must count them alike; it reads every row, hence codes and not
objects.
"""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_object_dtype

ColumnKind = Literal["numeric", "categorical"]
Floats = NDArray[np.float64]

_OBJECT_NUMBERS = frozenset({"decimal", "floating", "integer", "mixed-integer-float", "boolean"})
_OBJECT_TIMES = frozenset({"datetime", "datetime64", "date"})


def column_kind(column: "pd.Series[Any]") -> ColumnKind:
    """``numeric`` for numbers, booleans, decimals, dates and durations; ``categorical`` for all else.

    Objects are read by their content: a column of ``Decimal`` or of whole numbers and ``None`` is numeric.
    """
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype) or pd.api.types.is_complex_dtype(kind):
        return "categorical"
    if pd.api.types.is_numeric_dtype(kind) or _is_time(kind) or pd.api.types.is_timedelta64_dtype(kind):
        return "numeric"
    return "numeric" if _holds(column, _OBJECT_NUMBERS | _OBJECT_TIMES) else "categorical"


def as_numbers(column: "pd.Series[Any]") -> Floats:
    """The column as float64 of shape (n,): dates as seconds since 1970 (UTC), durations as seconds, missing as ``nan``.

    A value that is no number reads as missing, so that a change of type shows as a jump of the missing share.
    """
    kind = column.dtype
    if _is_time(kind) or _holds(column, _OBJECT_TIMES):
        return _seconds(column)
    if pd.api.types.is_timedelta64_dtype(kind):
        return np.asarray(column.dt.total_seconds(), dtype=np.float64)
    if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_complex_dtype(kind):
        column = pd.to_numeric(column.astype(object), errors="coerce")
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def text_counts(column: "pd.Series[Any]") -> tuple[dict[str, int], int]:
    """How often each value occurs, as text, and how many values are missing."""
    values = column.array
    distinct: Iterable[Any]
    if isinstance(values, pd.Categorical):
        codes, distinct = np.asarray(values.codes), values.categories
    elif is_object_dtype(column.dtype) and not _holds(column, {"string"}):
        # Hashing would merge 1, 1.0 and True, and refuse lists: texts first.
        codes, distinct = pd.factorize(np.array([_text(value) for value in values], dtype=object))
    else:
        codes, distinct = pd.factorize(column)
    names = list(distinct)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return _added(names, counts.tolist()), int((codes < 0).sum())


def _holds(column: "pd.Series[Any]", kinds: Iterable[str]) -> bool:
    return is_object_dtype(column.dtype) and pd.api.types.infer_dtype(column, skipna=True) in kinds


def _added(distinct: Iterable[Any], counts: Iterable[int]) -> dict[str, int]:
    """Counts by text: two values with one text are one value; values that never occur are left out."""
    by_text: dict[str, int] = {}
    for value, count in zip(distinct, counts, strict=True):
        text = _text(value)
        if count and text is not None:
            by_text[text] = by_text.get(text, 0) + count
    return by_text


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if np.isfinite(value) and value == int(value) else str(float(value))
    return str(value)


def _is_time(kind: Any) -> bool:
    return pd.api.types.is_datetime64_any_dtype(kind)


def _seconds(column: "pd.Series[Any]") -> Floats:
    times = column
    if not _is_time(column.dtype):
        times = pd.to_datetime(column, errors="coerce", utc=True)
    elif isinstance(column.dtype, pd.ArrowDtype):
        times = pd.to_datetime(column.astype(object), errors="coerce", utc=True)
    if getattr(times.dtype, "tz", None) is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    stamps = times.to_numpy(dtype="datetime64[us]")
    seconds = stamps.astype(np.int64) / 1e6
    seconds[np.isnat(stamps)] = np.nan
    return np.asarray(seconds, dtype=np.float64)

"""A column of any type as numbers or as counted texts, read so that a change of type alone is never a change of data.

pandas delivers one fact in many types (7, 7.0, "7", ``Decimal``, a nullable integer, a dictionary of strings), and
two batches of one source may differ in them. A profile must count them alike; it reads every row, hence codes and not
objects.

Limits: whole numbers beyond 2^53 are rounded, texts alike up to a null character are one, ``Decimal`` mixed with floats is text,
and a column of nothing but ``None`` and ``NaT`` is one of dates.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import infer_dtype, is_complex_dtype, is_numeric_dtype, is_object_dtype

ColumnKind = Literal["numeric", "categorical"]
Floats = NDArray[np.float64]

_OBJECT_NUMBERS = frozenset({"decimal", "floating", "integer", "mixed-integer-float", "boolean"})
_EPOCH = dt.datetime(1970, 1, 1)
_NO_OFFSET = dt.timedelta(0)


def column_kind(column: "pd.Series[Any]") -> ColumnKind:
    """``numeric`` for numbers, booleans, decimals, dates and durations; ``categorical`` for all else.

    Objects are read by their content: a column of ``Decimal`` or of whole numbers and ``None`` is numeric.
    """
    kind: Any = column.dtype
    if is_complex_dtype(kind):
        return "categorical"
    if is_object_dtype(kind):
        return "numeric" if infer_dtype(column, skipna=True) in {*_OBJECT_NUMBERS, *_OBJECT_TIMES} else "categorical"
    return "numeric" if is_numeric_dtype(kind) or kind.kind in "mM" else "categorical"


def as_numbers(column: "pd.Series[Any]") -> Floats:
    """The column as float64 of shape (n,): dates as seconds since 1970 (UTC), durations as seconds, missing as ``nan``.

    A value that is no number reads as missing, so that a change of type shows as a jump of the missing share.
    """
    kind: Any = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes)
        return np.asarray(np.append(as_numbers(pd.Series(column.cat.categories)), np.nan)[codes], dtype=np.float64)
    if kind.kind == "M":
        return _seconds(column)
    if kind.kind == "m":
        return np.asarray(column.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    if not is_numeric_dtype(kind) or is_complex_dtype(kind):
        return _of_objects(column.astype(object))
    with np.errstate(over="ignore"):  # beyond the largest float is infinite
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def text_counts(column: "pd.Series[Any]") -> tuple[dict[str, int], int]:
    """How often each value occurs, as text, and how many values are missing."""
    values = column.array
    distinct: Iterable[Any]
    if isinstance(values, pd.Categorical):
        codes, distinct = np.asarray(values.codes), values.categories
    elif is_object_dtype(column.dtype) and infer_dtype(column, skipna=True) != "string":
        # Hashing would merge 1, 1.0 and True, and refuse lists: texts first.
        codes, distinct = pd.factorize(np.array([_text(value) for value in values], dtype=object))
    else:
        codes, distinct = pd.factorize(column)
    names = list(distinct)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    found = _added(names, counts.tolist())
    return found, len(column) - sum(found.values())


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
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if np.isfinite(value) and value == int(value) else str(float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(bytes(value))
    if isinstance(value, np.ndarray | list | tuple | dict | set | frozenset):
        return _nested(value)
    return None if _is_missing(value) else str(value)


def _is_missing(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return value is None or value is pd.NA or value is pd.NaT


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return str(value)


def _nested(value: Any) -> str:
    """A list and an array of the same values have one text; so have sets and dictionaries in whatever order."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{_inner(key)}: {_inner(one)}" for key, one in value.items())) + "}"
    if isinstance(value, set | frozenset):
        inner = "{" + ", ".join(sorted(map(_inner, value))) + "}" if value else ""
        return inner if inner and isinstance(value, set) else f"{type(value).__name__}({inner})"
    if isinstance(value, np.ndarray):
        exact = {"M": "datetime64[us]", "m": "timedelta64[us]"}.get(value.dtype.kind)
        value = (value.astype(exact) if exact else value).tolist()
    if isinstance(value, tuple):
        return f"({', '.join(map(_inner, value))}{',' if len(value) == 1 else ''})"
    return f"[{', '.join(map(_inner, value))}]" if isinstance(value, list) else _inner(value)


def _inner(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        value = _decoded(bytes(value))
    return repr(str(value)) if isinstance(value, str) else str(_text(value))


def _of_objects(values: "pd.Series[Any]") -> Floats:
    """Each object by what it is: times and durations where the column holds nothing else, else numbers."""
    read = _OBJECT_TIMES.get(infer_dtype(values, skipna=True))
    if read is None:
        try:
            found = pd.to_numeric(values, errors="coerce")
        except OverflowError:
            read = _number
        else:
            if found.dtype.kind in "biuf":
                return np.asarray(found.to_numpy(dtype=np.float64), dtype=np.float64)
            read = _number
    return np.array([read(value) for value in values], dtype=np.float64)


def _number(value: Any) -> float:
    """One value at a time, where pandas cannot read them all at once."""
    if isinstance(value, int):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, Decimal):
        return math.nan if value.is_nan() else float(value)
    if isinstance(value, float | str | np.integer | np.floating | np.bool_):
        return float(pd.to_numeric(pd.Series([value], dtype=object), errors="coerce").iloc[0])
    return math.nan


def _instant(value: Any) -> float:
    """Seconds since 1970 (UTC) of a date or a time of any year; ``nan`` for a missing one."""
    if isinstance(value, pd.Timestamp):
        value = value.to_datetime64()
    if isinstance(value, np.datetime64):
        return math.nan if np.isnat(value) else float(value.astype("datetime64[us]").astype(np.int64) / 1e6)
    if value is pd.NaT or not isinstance(value, dt.date):
        return math.nan
    if not isinstance(value, dt.datetime):
        return (value.toordinal() - _EPOCH.toordinal()) * 86_400.0
    return (value.replace(tzinfo=None) - _EPOCH - (value.utcoffset() or _NO_OFFSET)).total_seconds()


def _duration(value: Any) -> float:
    """Seconds of a duration; ``nan`` for a missing one."""
    if isinstance(value, np.timedelta64):
        return math.nan if np.isnat(value) else float(value / np.timedelta64(1, "s"))
    return value.total_seconds() if isinstance(value, dt.timedelta) and value is not pd.NaT else math.nan


_OBJECT_TIMES: dict[str, Callable[[Any], float]] = {
    "datetime": _instant,
    "datetime64": _instant,
    "date": _instant,
    "timedelta": _duration,
    "timedelta64": _duration,
}


def _seconds(column: "pd.Series[Any]") -> Floats:
    if isinstance(column.dtype, pd.ArrowDtype):
        import pyarrow as pa

        stamps = np.asarray(pa.array(column.array).cast(pa.timestamp("us"), safe=False), dtype="datetime64[us]")
    else:
        zoned = isinstance(column.dtype, pd.DatetimeTZDtype)
        stamps = (column.dt.tz_convert(None) if zoned else column).to_numpy(dtype="datetime64[us]")
    seconds = stamps.astype(np.int64) / 1e6
    seconds[np.isnat(stamps)] = np.nan
    return np.asarray(seconds, dtype=np.float64)

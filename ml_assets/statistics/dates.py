"""Dates written as text: ISO 8601 alone is read as a moment, since every other way to write one can be read in two."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
"""A day, or a day with hours and minutes and what may follow; never plain numbers such as 20240131."""
FEWEST = 10
"""Values that must be there before their form alone says that a column of text holds dates."""
MOSTLY = 0.5
"""Share of dates over which a column of text is told to hold them."""
_OTHER = re.compile(r"(\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|\d{4}[./]\d{1,2}[./]\d{1,2})\b.*", re.ASCII)
_MISSING = int(np.iinfo(np.int64).min)  # what NaT is as a number


@dataclass(frozen=True, slots=True)
class DateLikeText:
    """What of a text column looks like dates: ``iso`` and ``other`` of ``present`` values, and one that is no ISO date."""

    present: int
    iso: int
    other: int
    example: str | None

    @property
    def all_iso(self) -> bool:
        """Whether every value is an ISO-8601 date, and there are enough of them to say so."""
        return FEWEST <= self.present == self.iso

    @property
    def mostly(self) -> bool:
        """Whether more values look like dates, in whatever form, than not."""
        return self.present >= FEWEST and self.iso + self.other > MOSTLY * self.present


def instants(series: "pd.Series[Any]") -> "pd.Series[Any]":
    """The column as ``datetime64[us]``, UTC without a zone; ``NaT`` where it is missing or no date.

    Read are times of any type and ISO-8601 text; a text without an offset is UTC. Numbers are no dates.
    """
    if not isinstance(series.dtype, pd.ArrowDtype) and pd.api.types.is_datetime64_any_dtype(series.dtype):
        plain: Any = series.dt.tz_convert(None) if getattr(series.dt, "tz", None) is not None else series
        return pd.Series(plain.to_numpy(dtype="datetime64[us]"), index=series.index, name=series.name)
    codes, distinct = pd.factorize(series.map(_readable).astype(object))
    found = np.array([*map(_instant, distinct), _MISSING], dtype=np.int64).view("datetime64[us]")
    return pd.Series(found[codes], index=series.index, name=series.name)


def present(series: "pd.Series[Any]") -> "pd.Series[bool]":
    """Which rows hold a value; text of nothing but blanks holds none."""
    blank = series.astype(object).map(lambda value: isinstance(value, str) and not value.strip())
    return series.notna() & ~blank.astype(bool)


def date_like(series: "pd.Series[Any]") -> DateLikeText | None:
    """How far a column of text looks like dates; None for a column of anything but text."""
    if series.dtype != object and not isinstance(series.dtype, pd.StringDtype):
        return None
    if pd.api.types.infer_dtype(series, skipna=True) != "string":
        return None
    counts = series.astype(object).value_counts()
    texts = pd.Series(counts.index, dtype=object)
    there, dated = present(texts).to_numpy(), instants(texts).notna().to_numpy()
    rest = texts[there & ~dated]
    other = texts.str.strip().str.fullmatch(_OTHER).to_numpy(dtype=np.bool_) & there & ~dated
    rows = counts.to_numpy()
    example = None if rest.empty else str(rest.iloc[0])
    return DateLikeText(int(rows[there].sum()), int(rows[dated].sum()), int(rows[other].sum()), example)


def _readable(value: object) -> object:
    """What may be a date, missing all else (lists and the like cannot even be compared)."""
    return value if isinstance(value, str | dt.date | np.datetime64) else None


def _instant(value: Any) -> int:
    """Microseconds since 1970-01-01 UTC; NaT's for text in another form, or of a day that there is not."""
    if isinstance(value, str):
        text = value.strip()
        if ISO.fullmatch(text) is None:
            return _MISSING
        try:
            value = dt.datetime.fromisoformat(text)
        except ValueError:
            return _MISSING
    offset = dt.timedelta(0)
    if isinstance(value, dt.datetime):
        # by hand, since the first and the last day of the calendar cannot be moved to another zone
        value, offset = value.replace(tzinfo=None), value.utcoffset() or offset
    return int(np.datetime64(value, "us").astype(np.int64)) - offset // dt.timedelta(microseconds=1)

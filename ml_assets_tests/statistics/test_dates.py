"""ISO-8601 text is read as the moment it spells and nothing else is; a column is taken for dates only as a whole."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.statistics.dates import FEWEST, date_like, instants, present

MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
NO_DATES = [
    "20240131", "01/02/2024", "31.01.2024", "2024-1-31", "2024-02-30", "2024-13-01", "2024-01", "2024", "2024-W05-3",
    "2024-01-31T10", "2024-01-31T24:00", "2024-01-31 10:00 PM", "2024-01-31T10:00+01", "2024-01-31x", "-2024-01-31",
    "２０２４-01-31", "today", "1706659200",
]  # fmt: skip


def micros(*moments: str) -> list[Any]:
    return list(np.array(moments, dtype="datetime64[us]"))


@given(st.lists(st.tuples(MOMENTS, OFFSETS), min_size=1, max_size=20), st.sampled_from(["T", " "]))
def test_what_python_writes_is_read_as_it_was_meant(moments: list[tuple[dt.datetime, dt.timezone]], sep: str) -> None:
    zoned = [moment.replace(tzinfo=zone) for moment, zone in moments]
    found = instants(pd.Series([moment.isoformat(sep) for moment in zoned], dtype=object))
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    wanted = [(moment - epoch) // dt.timedelta(microseconds=1) for moment in zoned]
    assert found.dtype == "datetime64[us]"
    assert found.to_numpy().astype(np.int64).tolist() == wanted


@given(st.lists(st.dates(), min_size=1, max_size=20))
def test_a_day_is_its_midnight_in_every_type(days: list[dt.date]) -> None:
    wanted = np.array(days, dtype="datetime64[us]")
    text = pd.Series([day.isoformat() for day in days])
    every = (text, text.astype("string"), text.astype("category"), pd.Series(days, dtype=object), pd.Series(wanted))
    for column in every:
        np.testing.assert_array_equal(instants(column).to_numpy(), wanted)


@pytest.mark.parametrize("text", NO_DATES)
def test_no_other_way_to_write_a_date_is_read(text: str) -> None:
    assert instants(pd.Series([text, "2024-01-31"])).isna().tolist() == [True, False]
    assert present(pd.Series([text])).all()


def test_spellings_worked_by_hand() -> None:
    spelt = [
        "2024-01-31",
        "2024-01-31 10:00",
        "2024-01-31T10:00:01.5Z",
        "2024-01-31T10:00+05:30",
        " 2024-01-31 ",
        "9999-12-31",
    ]
    found = instants(pd.Series(spelt, index=[5, 5, 1, 2, 3, 4], name="when"))
    assert list(found.to_numpy()) == micros(
        "2024-01-31", "2024-01-31T10:00", "2024-01-31T10:00:01.5", "2024-01-31T04:30", "2024-01-31", "9999-12-31"
    )
    assert (found.index.tolist(), found.name) == ([5, 5, 1, 2, 3, 4], "when")


def test_numbers_lists_and_flags_are_no_dates_and_missing_is_missing() -> None:
    odd = pd.Series([20240131, 1.5, True, [1], {"a": 1}, None, np.nan, pd.NaT, pd.NA, "", "  "], dtype=object)
    assert instants(odd).isna().all()
    assert present(odd).tolist() == [True] * 5 + [False] * 6
    assert instants(pd.Series([1.0, np.nan])).isna().all()
    assert instants(pd.Series([], dtype=object)).dtype == "datetime64[us]"


def test_times_of_any_type_keep_their_moment() -> None:
    zoned: Any = pd.Series([pd.Timestamp("2024-01-31 09:00", tz="Asia/Tokyo"), pd.NaT])
    assert list(instants(zoned).to_numpy()[:1]) == micros("2024-01-31T00:00")
    for kind in ("timestamp[us, tz=Asia/Tokyo][pyarrow]", "datetime64[s]", "datetime64[ns]"):
        source = zoned if "Tokyo" in kind else zoned.dt.tz_convert(None)
        assert list(instants(source.astype(kind)).to_numpy()[:1]) == micros("2024-01-31T00:00")
    days: Any = pd.Series([dt.date(2024, 1, 31), None], dtype=object)
    days = days.astype("date32[day][pyarrow]")
    assert list(instants(days).to_numpy()[:1]) == micros("2024-01-31")


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 5))
def test_a_column_is_counted_row_by_row(iso: int, other: int, words: int, missing: int) -> None:
    values = ["2024-01-31"] * iso + ["31.01.2024"] * other + ["soon"] * words + [None] * missing
    found = date_like(pd.Series([*values, ""], dtype=object))
    assert found is not None
    assert (found.present, found.iso, found.other) == (iso + other + words, iso, other)
    assert found.all_iso == (iso >= FEWEST and not other + words)
    assert found.mostly == (iso + other + words >= FEWEST and iso + other > words)
    assert (found.example is None) == (not other + words)


def test_other_forms_are_seen_and_what_merely_holds_digits_is_not() -> None:
    dated = ["31.01.2024", "01/02/2024", "1-2-24", "2024/01/31", "2024.01.31", "01/02/2024 10:00"]
    plain = ["192.168.0.1", "1.2.3.4", "5/7", "12-34", "A-01/02/2024", "1/2/20245", "3.14"]
    for text, seen in [(t, True) for t in dated] + [(t, False) for t in plain]:
        found = date_like(pd.Series([text] * FEWEST))
        assert found is not None
        assert (found.other == FEWEST, found.mostly, found.all_iso) == (seen, seen, False), text


@pytest.mark.parametrize(
    "column",
    [pd.Series([1.0]), pd.Series([True]), pd.Series([["a"]]), pd.Series(pd.to_datetime(["2024-01-31"])),
     pd.Series([None, None]), pd.Series(["2024-01-31"], dtype="category"), pd.Series([dt.date(2024, 1, 31)])],
)  # fmt: skip
def test_what_has_a_type_of_its_own_is_not_asked(column: "pd.Series[Any]") -> None:
    assert date_like(column) is None

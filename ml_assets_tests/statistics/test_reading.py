"""How columns of every type are read: as numbers, as texts, and of which kind they are taken to be."""

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.reading import as_numbers, column_kind, text_counts

DAY = 86_400.0
OBJECT = np.dtype(object)
pa: Any = pytest.importorskip("pyarrow")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([1, 2]), "numeric"),
        (pd.Series([True, False]), "numeric"),
        (pd.Series([True, None], dtype="boolean"), "numeric"),
        (pd.Series([Decimal("1.5"), None], dtype=OBJECT), "numeric"),
        (pd.Series([1, None], dtype=OBJECT), "numeric"),
        (pd.Series([dt.date(1970, 1, 2), None], dtype=OBJECT), "numeric"),
        (pd.Series(pd.to_datetime(["1970-01-02"])), "numeric"),
        (pd.Series(pd.to_timedelta([1], unit="s")), "numeric"),
        (pd.Series([dt.timedelta(1), None], dtype=OBJECT), "numeric"),
        (pd.Series([dt.timedelta(1), None], dtype=pd.ArrowDtype(pa.duration("us"))), "numeric"),
        (pd.Series([1, "a"], dtype=OBJECT), "categorical"),
        (pd.Series(["1", "2"]), "categorical"),
        (pd.Series([None, None], dtype=OBJECT), "categorical"),
        (pd.Series(pd.Categorical([1, 2])), "categorical"),
        (pd.Series([1j]), "categorical"),
    ],
)
def test_kinds(column: "pd.Series[Any]", kind: str) -> None:
    assert column_kind(column) == kind


DAYS: list[Any] = [
    pd.Series(pd.to_datetime(["1970-01-02", "NaT"])),
    pd.Series(pd.to_datetime(["1970-01-02", "NaT"])).astype("datetime64[s]"),
    pd.Series(pd.to_datetime(["1970-01-02", "NaT"], utc=True)),
    pd.Series([dt.date(1970, 1, 2), None], dtype=OBJECT),
    pd.Series([dt.datetime(1970, 1, 2), None], dtype=OBJECT),
    pd.Series([dt.date(1970, 1, 2), None], dtype=pd.ArrowDtype(pa.date32())),
    pd.Series([dt.datetime(1970, 1, 2), None], dtype=pd.ArrowDtype(pa.timestamp("us"))),
    pd.Series(pd.to_timedelta([1, math.nan], unit="D")),
    pd.Series([dt.timedelta(1), pd.NaT], dtype=OBJECT),
    pd.Series([np.timedelta64(1, "D"), None], dtype=OBJECT),
    pd.Series([dt.timedelta(1), None], dtype=pd.ArrowDtype(pa.duration("us"))),
    pd.Series([np.datetime64("1970-01-02"), np.datetime64("NaT")], dtype=OBJECT),
    pd.Series(pd.Categorical(pd.to_datetime(["1970-01-02", "NaT"]))),
]


@pytest.mark.parametrize("column", DAYS, ids=lambda column: str(column.dtype))
def test_times_are_seconds(column: "pd.Series[Any]") -> None:
    seconds = as_numbers(column)
    assert seconds[0] == DAY
    assert math.isnan(seconds[1])


def test_a_time_zone_is_taken_into_account() -> None:
    east = pd.Series(pd.to_datetime(["1970-01-02T00:00:00+02:00"]))
    assert as_numbers(east).tolist() == [DAY - 7_200.0]
    assert as_numbers(east.astype(object)).tolist() == [DAY - 7_200.0]


def test_the_last_and_the_first_day_are_read_in_every_type() -> None:
    west = dt.timezone(-dt.timedelta(hours=5))
    last = [dt.date(9999, 12, 31), dt.datetime(9999, 12, 31), dt.datetime(9999, 12, 30, 19, tzinfo=west)]
    for day in last:
        assert as_numbers(pd.Series([day, None], dtype=OBJECT))[0] == 253_402_214_400.0
    assert as_numbers(pd.Series([last[0]], dtype=pd.ArrowDtype(pa.date32()))).tolist() == [253_402_214_400.0]
    assert as_numbers(pd.Series([dt.date(1, 1, 1)], dtype=OBJECT)).tolist() == [-62_135_596_800.0]


def test_what_is_no_number_reads_as_missing() -> None:
    numbers = as_numbers(pd.Series(["1", "many", Decimal("2.5"), True, None], dtype=OBJECT))
    assert np.isnan(numbers).tolist() == [False, True, False, False, True]
    assert numbers[[0, 2, 3]].tolist() == [1.0, 2.5, 1.0]


def test_objects_beyond_float_are_infinite_and_what_is_no_number_is_missing() -> None:
    odd = [10**400, -(10**400), Decimal("1e400"), Decimal("sNaN"), Decimal("NaN"), 1j, "2.5", "x", True, b"x", None]
    expected = [math.inf, -math.inf, math.inf, *[math.nan] * 3, 2.5, math.nan, 1.0, math.nan, math.nan]
    assert np.array_equal(as_numbers(pd.Series(odd, dtype=OBJECT)), expected, equal_nan=True)
    assert np.isnan(as_numbers(pd.Series([1j, 2 + 0j]))).all()
    assert np.isnan(as_numbers(pd.Series([1j, complex("nan")], dtype=OBJECT))).all()


def test_decimals_of_arrow_are_numbers() -> None:
    column = pd.Series([Decimal("1.25"), None], dtype=pd.ArrowDtype(pa.decimal128(10, 2)))
    assert as_numbers(column)[0] == 1.25


def test_texts_of_equal_facts_are_counted_together() -> None:
    mixed = pd.Series([7, 7.0, "7", np.float64(7), 7.5, True, math.nan, None, pd.NA, pd.NaT], dtype=OBJECT)
    assert text_counts(mixed) == ({"7": 4, "7.5": 1, "True": 1}, 4)


def test_categories_that_never_occur_are_left_out() -> None:
    column = pd.Series(pd.Categorical(["a", "a", None], categories=["a", "b"]))
    assert text_counts(column) == ({"a": 2}, 1)


def test_dictionaries_of_arrow_and_lists_are_texts() -> None:
    column = pd.Series(["u", "v", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    assert text_counts(column) == ({"u": 1, "v": 1}, 1)
    assert text_counts(pd.Series([[1, 2], [1, 2]], dtype=OBJECT)) == ({"[1, 2]": 2}, 0)


LONG = list(range(2_000))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([[1, 2], np.array([1, 2]), np.array([1.0, 2.0])], "[1, 2]"),
        ([[1, None], np.array([1.0, math.nan]), np.array([1, None], dtype=object)], "[1, None]"),
        ([LONG, np.array(LONG)], str(LONG)),
        ([[[1], ["a"]], np.array([np.array([1]), np.array(["a"])], dtype=object)], "[[1], ['a']]"),
        ([{"b": 1, "a": [2]}, {"a": np.array([2]), "b": 1.0}], "{'a': [2], 'b': 1}"),
        ([{"x", "y", "z"}, {"z", "y", "x"}], "{'x', 'y', 'z'}"),
        ([frozenset("yx"), frozenset("xy")], "frozenset({'x', 'y'})"),
        ([set()], "set()"),
        ([{}], "{}"),
        ([(1,), (np.int64(1),)], "(1,)"),
        ([np.array(7), 7, 7.0], "7"),
        ([np.array(["2024-01-01"], dtype="datetime64[ns]")], "[2024-01-01 00:00:00]"),
        ([[b"a"], ["a"]], "['a']"),
        (["café", "café".encode(), bytearray("café".encode()), memoryview("café".encode())], "café"),
        ([b"\xff\x00"], r"b'\xff\x00'"),
    ],
)
def test_one_nested_value_in_many_types_is_one_text(values: list[Any], text: str) -> None:
    cells = np.empty(len(values) + 1, dtype=OBJECT)
    for i, value in enumerate(values):
        cells[i] = value
    assert text_counts(pd.Series(cells)) == ({text: len(values)}, 1)


def test_missing_objects_are_no_texts() -> None:
    missing = [Decimal("sNaN"), Decimal("NaN"), np.datetime64("NaT"), np.timedelta64("NaT"), None, pd.NA, "a"]
    assert text_counts(pd.Series(missing, dtype=OBJECT)) == ({"a": 1}, 6)

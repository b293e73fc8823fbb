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
]


@pytest.mark.parametrize("column", DAYS, ids=lambda column: str(column.dtype))
def test_times_are_seconds(column: "pd.Series[Any]") -> None:
    seconds = as_numbers(column)
    assert seconds[0] == DAY
    assert math.isnan(seconds[1])


def test_a_time_zone_is_taken_into_account() -> None:
    east = pd.Series(pd.to_datetime(["1970-01-02T00:00:00+02:00"]))
    assert as_numbers(east).tolist() == [DAY - 7_200.0]


def test_what_is_no_number_reads_as_missing() -> None:
    numbers = as_numbers(pd.Series(["1", "many", Decimal("2.5"), True, None], dtype=OBJECT))
    assert np.isnan(numbers).tolist() == [False, True, False, False, True]
    assert numbers[[0, 2, 3]].tolist() == [1.0, 2.5, 1.0]


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

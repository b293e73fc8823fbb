"""Columns of every pandas type become arrays without losing what they are."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.statistics.columns import Kind, read_column


@pytest.mark.parametrize(
    ("values", "kind", "distinct", "missing"),
    [
        ([1, 2, 2], "numeric", 2, 0),
        ([1.5, np.nan, np.inf], "numeric", 1, 2),
        (pd.array([1, None], dtype="Int64"), "numeric", 1, 1),
        ([Decimal("1.5"), None, Decimal("2")], "numeric", 2, 1),
        ([True, False, True], "boolean", 2, 0),
        ([True, None, False], "boolean", 2, 1),
        (pd.array([True, None], dtype="boolean"), "boolean", 1, 1),
        (["a", None, "b", "a"], "categorical", 2, 1),
        (pd.Categorical(["a", None, "a"]), "categorical", 1, 1),
        ([1, "a", None], "categorical", 2, 1),
        ([[1], [1], [2]], "categorical", 2, 0),
        ([pd.Timestamp("2024-01-01"), None], "datetime", 1, 1),
        (pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True), "datetime", 2, 0),
        ([datetime.date(2024, 1, 1), None], "datetime", 1, 1),
        ([None, None], "categorical", 0, 2),
        ([], "categorical", 0, 0),
    ],
)
def test_kinds(values: Any, kind: Kind, distinct: int, missing: int) -> None:
    column = read_column(pd.Series(values, name="x", dtype=object if isinstance(values, list) and not values else None))
    assert (column.kind, column.distinct, int(column.missing.sum())) == (kind, distinct, missing)


def test_dates_are_seconds() -> None:
    column = read_column(pd.Series(pd.to_datetime(["1970-01-02 00:00", "1970-01-01 00:01"])))
    assert list(column.numbers) == [86_400, 60]


def test_a_date_that_stands_for_never_is_read() -> None:
    (never,) = read_column(pd.Series([datetime.date(9999, 12, 31)], name="when")).numbers
    assert never == (datetime.date(9999, 12, 31) - datetime.date(1970, 1, 1)).days * 86_400


def test_levels_are_quantile_bins_with_piles_and_missing_apart() -> None:
    numbers = np.r_[np.zeros(900), np.arange(1, 101), np.nan]
    levels = read_column(pd.Series(numbers)).levels()
    assert len({int(levels[0]), int(levels[950]), int(levels[-1])}) == 3
    uniform = read_column(pd.Series(np.arange(10_000.0)))
    sizes = np.bincount(uniform.levels(bins=20))
    assert sizes.max() == pytest.approx(500, abs=2)


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=40))
def test_few_numbers_are_their_own_levels(values: list[int | None]) -> None:
    column = read_column(pd.Series(values, dtype="float64"))
    levels = column.levels()
    pairs = set(zip(levels.tolist(), [None if v is None else v for v in values], strict=True))
    assert len(pairs) == len(set(values)) == len(set(levels.tolist()))
    assert set(levels.tolist()) == set(range(len(set(values))))


def test_take_keeps_rows_of_either_kind() -> None:
    rows = np.array([2, 0])
    assert list(read_column(pd.Series([1, 2, 3])).take(rows).numbers) == [3, 1]
    text = read_column(pd.Series(["a", "b", "a"])).take(rows)
    assert text.distinct == 1

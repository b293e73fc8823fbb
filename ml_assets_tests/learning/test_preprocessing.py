import datetime
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.preprocessing import (
    FeatureSpec,
    codes,
    feature_specs,
    label_text,
    numbers,
    prepare,
    texts,
    without_empty_columns,
)

DAY = 86_400


def odd_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "count": pd.array([1, None, 3], dtype="Int64"),
            "price": [Decimal("1.5"), None, Decimal("2")],
            "day": np.array(["1970-01-02T00", "NaT", "1970-01-03T12"], dtype="datetime64[ns]"),
            "zoned": pd.DatetimeIndex([*["1970-01-02"] * 2, "NaT"]).tz_localize("Europe/Paris"),
            "date": [datetime.date(1970, 1, 11), None, datetime.date(1969, 12, 31)],
            "span": pd.to_timedelta(["1 day", None, "36 hours"]),
            "word": ["b", None, "a"],
            "mixed": [1, "x", None],
            "level": pd.Categorical(["q", "p", "q"], categories=["q", "p", "never"]),
            "endless": [1.0, np.inf, -np.inf],
            "nothing": [None, None, None],
            "nan": [np.nan, np.nan, np.nan],
        }
    )


def test_every_type_gets_its_kind_and_empty_columns_are_left_out() -> None:
    specs = {spec.name: spec for spec in feature_specs(odd_frame())}
    assert {name for name, spec in specs.items() if spec.kind == "categorical"} == {"word", "mixed", "level"}
    assert {name for name, spec in specs.items() if spec.time} == {"day", "zoned", "date"}
    assert specs["mixed"].categories == ("1", "x")
    assert specs["level"].categories == ("p", "q")
    assert "nothing" not in specs
    assert "nan" not in specs


def test_every_type_is_prepared_to_numbers_worked_by_hand() -> None:
    frame = odd_frame()
    specs = feature_specs(frame)
    prepared = prepare(frame, specs)
    expected = {
        "flag": [1.0, 0.0, 1.0],
        "maybe": [1.0, None, 0.0],
        "count": [1.0, None, 3.0],
        "price": [1.5, None, 2.0],
        "day": [1.0, None, 2.5],
        "zoned": [1.0 - 3600 / DAY, 1.0 - 3600 / DAY, None],  # Paris was one hour ahead of UTC
        "date": [10.0, None, -1.0],
        "span": [1.0, None, 1.5],
        "endless": [1.0, None, None],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(prepared[name], np.array(values, dtype=float), err_msg=name)
    assert prepared["word"].tolist()[::2] == ["b", "a"]
    assert prepared["mixed"].tolist()[:2] == ["1", "x"]
    assert [int(code) for code in prepared["level"].cat.codes] == [1, 0, 1]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_the_backend_of_a_frame_changes_nothing(backend: Literal["numpy_nullable", "pyarrow"]) -> None:
    frame = odd_frame().drop(columns=["mixed", "span", "price", "endless"])  # pandas cannot convert these
    other = frame.convert_dtypes(dtype_backend=backend)
    specs = feature_specs(frame)
    assert feature_specs(other) == specs
    pd.testing.assert_frame_equal(prepare(other, specs), prepare(frame, specs))


def test_preparing_twice_changes_nothing() -> None:
    specs = feature_specs(odd_frame())
    once = prepare(odd_frame(), specs)
    pd.testing.assert_frame_equal(prepare(once, specs), once)


def test_unseen_category_and_infinity_become_missing_and_extra_columns_are_ignored() -> None:
    train = pd.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]})
    specs = feature_specs(train)
    prepared = prepare(pd.DataFrame({"extra": [0], "c": ["new"], "x": [np.inf]}), specs)
    assert prepared.columns.tolist() == ["x", "c"]
    assert prepared.isna().all().all()
    assert prepared["c"].cat.categories.tolist() == ["a", "b"]


def test_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="no income"):
        prepare(pd.DataFrame({"age": [1]}), (FeatureSpec("age", "numeric"), FeatureSpec("income", "numeric")))


def test_words_in_a_numeric_column_are_refused_when_nothing_is_left() -> None:
    specs = (FeatureSpec("age", "numeric"),)
    assert prepare(pd.DataFrame({"age": ["41", "?"]}), specs)["age"].tolist()[0] == 41.0
    assert prepare(pd.DataFrame({"age": [None]}), specs)["age"].isna().all()
    with pytest.raises(DataError, match="'unknown'"):
        prepare(pd.DataFrame({"age": ["unknown", None]}), specs)


def test_a_date_may_arrive_as_text() -> None:
    specs = feature_specs(pd.DataFrame({"at": pd.to_datetime(["2020-01-01", "2020-01-02"])}))
    prepared = prepare(pd.DataFrame({"at": ["1970-01-03", "1970-01-04T12:00:00Z"]}), specs)
    assert prepared["at"].tolist() == [2.0, 3.5]
    for wrong in ("soon", "01/02/2024", "20240131", 20240131):  # month or day first, and what is merely a number
        with pytest.raises(DataError, match="dates such as 2024-01-31"):
            prepare(pd.DataFrame({"at": [wrong]}), specs)
    assert prepare(pd.DataFrame({"at": pd.array([None], dtype="Int64")}), specs)["at"].isna().all()
    assert prepare(prepared, specs).equals(prepared)


def test_heaviest_categories_are_kept_ties_by_name() -> None:
    column = ["d", "d", "d", "c", "c", "b", "a"]
    (spec,) = feature_specs(pd.DataFrame({"x": column}), max_categories=3)
    assert spec.categories == ("a", "c", "d")
    assert codes(prepare(pd.DataFrame({"x": column}), (spec,)), (spec,))[5:, 0].tolist()[1] == 0.0
    assert np.isnan(codes(prepare(pd.DataFrame({"x": ["b"]}), (spec,)), (spec,))[0, 0])


def test_repeated_column_names_are_refused() -> None:
    with pytest.raises(DataError, match="repeat"):
        feature_specs(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_one_spelling_per_value() -> None:
    spellings: list[object] = [7, 7.0, "7", Decimal("7.00"), np.int64(7), np.float32(7)]
    assert {label_text(value) for value in spellings} == {"7"}
    assert [label_text(v) for v in (True, np.bool_(False), 0.5, "x", float("inf"))] == [
        "True",
        "False",
        "0.5",
        "x",
        "inf",
    ]
    assert texts(pd.Series([1.0, None, 2.5])).dropna().tolist() == ["1", "2.5"]


def test_single_and_no_rows() -> None:
    specs = feature_specs(odd_frame())
    assert len(prepare(odd_frame().iloc[:0], specs)) == 0
    assert len(prepare(odd_frame().iloc[:1], specs)) == 1
    assert len(prepare(pd.DataFrame(index=range(4)), ())) == 4


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(10**20), 10**20), st.booleans()), max_size=20))
def test_numbers_are_finite_or_missing_whatever_the_content(values: list[float | None]) -> None:
    found = numbers(pd.Series(values, dtype=object))
    assert found.shape == (len(values),)
    assert not np.isinf(found).any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=4), st.integers(), st.booleans()), min_size=1, max_size=20))
def test_categories_are_exactly_those_of_the_spec(values: list[object]) -> None:
    frame = pd.DataFrame({"x": pd.Series(values, dtype=object)})
    for spec in feature_specs(frame):
        prepared = prepare(frame, (spec,))
        if spec.kind == "categorical":
            assert tuple(prepared["x"].cat.categories) == spec.categories
            assert prepared["x"].isna().tolist() == [value is None for value in values]


def test_a_column_without_any_learned_value_is_zeros_and_the_others_stay() -> None:
    x = np.array([[1.0, 2.0], [np.nan, 3.0]])
    learned = np.array([[5.0, np.nan], [np.nan, np.nan]])
    assert np.array_equal(without_empty_columns(x, learned), [[1.0, 0.0], [np.nan, 0.0]], equal_nan=True)

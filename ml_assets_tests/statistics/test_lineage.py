"""Measured lineage: functions whose dependence is known must be read correctly."""

from typing import cast

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.lineage import measured_lineage


def _frame(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, size=n),
            "income": rng.normal(3_000, 500, size=n),
            "job": rng.choice(["clerk", "smith", "nurse"], size=n),
            "member": rng.random(n) < 0.5,
            "joined": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, size=n), unit="D"),
            "country": "PL",
            "unused": rng.normal(size=n),
        }
    )


def test_without_a_function_every_column_is_its_own() -> None:
    assert measured_lineage(None, _frame()[["age", "job"]]) == {"age": ("age",), "job": ("job",)}


def test_a_date_beyond_nanoseconds_is_moved_like_any_other() -> None:
    ends = np.array(["9999-12-31", "2024-01-31", "2025-06-30", "NaT"] * 5, dtype="datetime64[us]")
    frame = pd.DataFrame({"ends": ends, "other": np.arange(20.0)})
    found = measured_lineage(lambda rows: pd.DataFrame({"year": rows["ends"].dt.year, "other": rows["other"]}), frame)
    assert found == {"year": ("ends",), "other": ("other",)}


def test_known_dependences_of_every_type_are_found() -> None:
    def features(frame: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "rate": frame["income"] / frame["age"],
                "old": frame["age"] > 60,
                "is_clerk": frame["job"] == "clerk",
                "member": frame["member"],
                "month": frame["joined"].dt.month,
                "home": frame["country"] == "PL",
                "mean_income": frame["income"].mean(),
                "no_income": frame["income"].isna(),
                "one": 1,
            }
        )

    assert measured_lineage(features, _frame()) == {
        "rate": ("age", "income"),
        "old": ("age",),
        "is_clerk": ("job",),
        "member": ("member",),
        "month": ("joined",),
        "home": ("country",),
        "mean_income": ("income",),
        "no_income": ("income",),
        "one": (),
    }


def test_a_rare_flag_is_found_through_the_whole_column() -> None:
    frame = pd.DataFrame({"code": np.arange(10_000) % 100, "other": 1.0})

    def features(table: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"flag": table["code"] == 99})

    assert measured_lineage(features, frame) == {"flag": ("code",)}


def test_a_filter_touches_every_output() -> None:
    def adults(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.loc[frame["age"] >= 50, ["job", "income"]]

    assert measured_lineage(adults, _frame()) == {"job": ("age", "job"), "income": ("age", "income")}


def test_a_function_that_refuses_missing_values_is_still_read() -> None:
    def strict(frame: pd.DataFrame) -> pd.DataFrame:
        if frame["age"].isna().any():
            raise ValueError("age is missing")
        return pd.DataFrame({"age": frame["age"].astype(int) * 2})

    assert measured_lineage(strict, _frame()) == {"age": ("age",)}


def test_the_table_given_is_not_changed_by_a_function_that_writes_into_it() -> None:
    def careless(frame: pd.DataFrame) -> pd.DataFrame:
        frame["age"] = 0
        return frame[["age", "job"]]

    frame = _frame()
    before = frame.copy()
    assert measured_lineage(careless, frame) == {"age": (), "job": ("job",)}
    pd.testing.assert_frame_equal(frame, before)


def test_nullable_and_categorical_columns_are_disturbed_too() -> None:
    frame = pd.DataFrame(
        {"a": pd.array([1, None, 3] * 20, dtype="Int64"), "b": pd.Categorical(["x", "y", "z"] * 20), "c": [None] * 60}
    )

    def features(table: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"a": table["a"].fillna(0), "b": table["b"].astype(str)})

    assert measured_lineage(features, frame) == {"a": ("a",), "b": ("b",)}


def test_an_unstable_function_is_refused() -> None:
    rng = np.random.default_rng(0)

    def dice(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[["age"]].assign(noise=rng.random(len(frame)))

    with pytest.raises(DataError, match=r"differently on the same rows: got noise"):
        measured_lineage(dice, _frame())


def test_a_function_that_returns_no_table_is_refused() -> None:
    def wrong(frame: pd.DataFrame) -> pd.DataFrame:
        return cast(pd.DataFrame, frame["age"])

    with pytest.raises(DataError, match="got Series"):
        measured_lineage(wrong, _frame())

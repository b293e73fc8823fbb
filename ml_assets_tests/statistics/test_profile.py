"""Profiles: exact counts against a brute-force count, merging in any order, every type a column may arrive in."""

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.grid import HEAVIEST, Grid, make_grid
from ml_assets.statistics.profile import CategoricalSummary, NumericSummary, Profile, profile

numbers = st.one_of(
    st.floats(-1e6, 1e6),
    st.sampled_from([0.0, -1.0, 2.5, math.nan, math.inf, -math.inf]),
    st.integers(-5, 5).map(float),
)
words = st.one_of(st.none(), st.sampled_from(["red", "green", "blue", "", "x" * 30]))
rows = st.lists(st.tuples(numbers, words), min_size=1, max_size=40)


def frame_of(values: list[tuple[float, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": np.array([number for number, _ in values], dtype=float),
            "word": np.array([word for _, word in values], dtype=object),
        }
    )


def assert_same(one: Profile, other: Profile) -> None:
    """Counts exactly; moments to 1e-9 of their size."""
    assert (one.n, one.categorical, one.grid.digest) == (other.n, other.categorical, other.grid.digest)
    for name, summary in one.numeric.items():
        twin = other.numeric[name]
        exact = ("counts", "n", "missing", "infinite", "minus_infinite", "zeros", "minimum", "maximum")
        assert all(getattr(summary, fact) == getattr(twin, fact) for fact in exact)
        assert summary.mean == pytest.approx(twin.mean, rel=1e-9, abs=1e-9 * (1 + abs(summary.maximum or 0)))
        assert summary.m2 == pytest.approx(twin.m2, rel=1e-9, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(rows, rows, rows, st.sampled_from([2, 3, 8]))
def test_merging_in_any_order_is_the_profile_of_the_whole(a: list[Any], b: list[Any], c: list[Any], bins: int) -> None:
    whole = frame_of([*a, *b, *c])
    grid = make_grid(frame_of(a), bins=bins)
    parts = [profile(frame_of(part), grid) for part in (a, b, c)]
    assert_same(parts[0].merge(parts[1]).merge(parts[2]), profile(whole, grid))
    assert_same(parts[0].merge(parts[1].merge(parts[2])), profile(whole, grid))
    assert_same(parts[2].merge(parts[0]).merge(parts[1]), profile(whole, grid))


@settings(max_examples=80, deadline=None)
@given(rows, rows)
def test_counts_agree_with_counting_one_by_one(reference: list[Any], current: list[Any]) -> None:
    grid = make_grid(frame_of(reference), bins=4)
    summary = profile(frame_of(current), grid)
    cells = [0] * (len(grid.edges["number"]) + 1)
    for number, _ in current:
        if math.isfinite(number):
            cells[sum(cut <= number for cut in grid.cuts["number"])] += 1
    assert summary.numeric["number"].counts == tuple(cells)
    told = [word for _, word in current]
    word = summary.categorical["word"]
    assert word.counts == tuple(told.count(value) for value in grid.categories["word"])
    assert word.missing == told.count(None)
    assert sum(word.counts) + word.other + word.new + word.missing == len(current)


@settings(max_examples=50, deadline=None)
@given(rows)
def test_a_profile_survives_json(values: list[Any]) -> None:
    frame = frame_of(values)
    one = profile(frame, make_grid(frame, bins=5))
    assert Profile.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one


def test_a_hand_counted_column() -> None:
    grid = Grid({"x": (0.0, 10.0)}, {})
    frame = pd.DataFrame({"x": [-1.0, 0.0, 5.0, 10.0, 12.0, math.nan, math.inf, -math.inf]})
    assert profile(frame, grid).numeric["x"] == NumericSummary(
        counts=(1, 2, 2),
        n=5,
        missing=1,
        infinite=2,
        zeros=1,
        mean=5.2,
        m2=134.8,
        minimum=-1.0,
        maximum=12.0,
        minus_infinite=1,
    )


def test_an_empty_batch_merges_as_nothing() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "w": ["a", "b"]})
    grid = make_grid(frame)
    empty, full = profile(frame[:0], grid), profile(frame, grid)
    assert empty.numeric["x"].minimum is None
    assert math.isnan(empty.numeric["x"].sd)
    assert empty.merge(full) == full.merge(empty) == full


def test_new_and_other_values_are_told_apart() -> None:
    listed = make_grid(pd.DataFrame({"w": ["b", "a", "b"]}))
    assert listed.categories["w"] == ("b", "a")
    batch = profile(pd.DataFrame({"w": ["a", "z", None]}), listed)
    assert batch.categorical["w"] == CategoricalSummary(counts=(0, 1), other=0, new=1, missing=1)
    many = make_grid(pd.DataFrame({"w": [f"v{i:04d}" for i in range(HEAVIEST + 50)] * 2 + ["v0240"]}))
    assert many.truncated == ("w",)
    assert len(many.categories["w"]) == HEAVIEST
    assert many.categories["w"][:2] == ("v0240", "v0000")
    assert profile(pd.DataFrame({"w": ["v0249", "never seen"]}), many).categorical["w"].other == 2


SAME_NUMBERS: list[Any] = [
    pd.Series([0.0, 1.0, math.nan, 1.0]),
    pd.Series([0, 1, None, 1], dtype="Int64"),
    pd.Series([False, True, None, True], dtype="boolean"),
    pd.Series([False, True, None, True], dtype=object),
    pd.Series([Decimal(0), Decimal("1.0"), None, Decimal(1)], dtype=object),
    pd.Series([0, 1, None, 1], dtype="int64[pyarrow]"),
    pd.Series(["0", "1", None, "1"], dtype=object),
    pd.Series(pd.to_datetime([0, 1, math.nan, 1], unit="s")),
    pd.Series(pd.to_datetime([0, 1, math.nan, 1], unit="s", utc=True)).dt.tz_convert("Asia/Tokyo"),
    pd.Series(pd.to_timedelta([0, 1, None, 1], unit="s")),
    pd.Series(pd.Categorical([0, 1, None, 1])),
]


@pytest.mark.parametrize("column", SAME_NUMBERS, ids=lambda column: str(column.dtype))
def test_one_fact_in_many_types_is_one_profile_of_numbers(column: "pd.Series[Any]") -> None:
    grid = Grid({"x": (0.0, 1.0)}, {})
    summary = profile(pd.DataFrame({"x": column}), grid).numeric["x"]
    assert (summary.counts, summary.missing, summary.zeros) == ((0, 1, 2), 1, 1)
    assert summary.mean == pytest.approx(2 / 3)


SAME_TEXTS: list[Any] = [
    pd.Series(["7", "8", None, "7"], dtype=object),
    pd.Series(["7", "8", None, "7"], dtype="string"),
    pd.Series(["7", "8", None, "7"], dtype="string[pyarrow]"),
    pd.Series(pd.Categorical(["7", "8", None, "7"])),
    pd.Series(pd.Categorical([7.0, 8.0, None, 7.0])),
    pd.Series([7.0, 8.0, math.nan, 7.0]),
    pd.Series([7, 8, None, 7], dtype="Int64"),
    pd.Series([7, "8", None, 7.0], dtype=object),
]


@pytest.mark.parametrize("column", SAME_TEXTS, ids=lambda column: str(column.dtype))
def test_one_fact_in_many_types_is_one_profile_of_texts(column: "pd.Series[Any]") -> None:
    grid = Grid({}, {"w": ("8", "7")})
    summary = profile(pd.DataFrame({"w": column}), grid).categorical["w"]
    assert summary == CategoricalSummary(counts=(1, 2), other=0, new=0, missing=1)


def test_mixed_objects_and_lists_are_texts() -> None:
    frame = pd.DataFrame({"w": pd.Series([1, True, "1", [1, 2], None], dtype=object)})
    grid = make_grid(frame)
    assert set(grid.categories["w"]) == {"1", "True", "[1, 2]"}
    assert profile(frame, grid).categorical["w"].missing == 1


def test_columns_are_of_the_kind_the_grid_says() -> None:
    grid = make_grid(pd.DataFrame({"x": [1, 2], "w": ["a", "b"], "d": pd.to_datetime(["2024-01-01", "2024-01-02"])}))
    assert [grid.kind(name) for name in ("x", "w", "d")] == ["numeric", "categorical", "numeric"]
    batch = profile(pd.DataFrame({"x": ["1", "many"], "w": [1, 2], "d": ["2024", None], "extra": [0, 0]}), grid)
    assert batch.numeric["x"].missing == 1
    assert batch.categorical["w"].new == 2


def test_what_cannot_be_profiled_is_refused() -> None:
    grid = make_grid(pd.DataFrame({"x": [1.0], "y": [2.0]}))
    with pytest.raises(DataError, match="no y"):
        profile(pd.DataFrame({"x": [1.0]}), grid)
    with pytest.raises(DataError, match="one name"):
        profile(pd.DataFrame([[1, 2]], columns=["x", "x"]), grid)
    with pytest.raises(DataError, match=r"rows for pairs: got -1; allowed: 0 or more"):
        profile(pd.DataFrame({"x": [1.0], "y": [2.0]}), grid, pair_rows=-1)


def test_profiles_over_different_grids_do_not_merge() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    one, other = profile(frame, Grid({"x": (1.0,)}, {})), profile(frame, Grid({"x": (2.0,)}, {}))
    with pytest.raises(DataError, match="different grids"):
        one.merge(other)


def test_a_foreign_or_altered_profile_is_refused() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    facts = profile(frame, make_grid(frame)).to_dict()
    with pytest.raises(DataError, match="version of a profile"):
        Profile.from_dict({**facts, "version": 0})
    facts["grid"]["edges"]["x"][0] = 0.5
    with pytest.raises(DataError, match="digest"):
        Profile.from_dict(facts)


@pytest.mark.parametrize(("infinite", "minus"), [(3, None), (0, 0)])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_profiles_that_did_not_tell_the_sign_of_infinity_are_read(
    version: int, infinite: int, minus: int | None
) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, *[math.inf] * infinite]})
    one = profile(frame, make_grid(frame))
    facts = one.to_dict()
    del facts["numeric"]["x"]["minus_infinite"]
    read = Profile.from_dict({**facts, "version": version, "pairs": None})
    assert (read.numeric["x"].infinite, read.numeric["x"].minus_infinite) == (infinite, minus)
    both = read.merge(one).numeric["x"]
    assert (both.infinite, both.minus_infinite) == (2 * infinite, minus)


def test_merged_moments_of_values_near_the_largest_float_are_numbers() -> None:
    frame = pd.DataFrame({"x": [1.7e308, 1.6e308, -1.7e308]})
    grid = make_grid(frame)
    parts = [profile(frame[i : i + 1], grid) for i in range(3)]
    merged = parts[0].merge(parts[1]).merge(parts[2]).numeric["x"]
    assert merged.mean == pytest.approx(1.6e308 / 3)
    assert profile(frame, grid).numeric["x"].mean == pytest.approx(1.6e308 / 3)
    assert math.isfinite(merged.m2)
    json.dumps(profile(frame, grid).to_dict(), allow_nan=False)
    nothing = profile(frame[:0], grid)
    assert nothing.merge(parts[0]).numeric == parts[0].numeric

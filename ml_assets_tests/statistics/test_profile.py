"""Profiles: exact counts against a brute-force count, merging in any order, every type a column may arrive in."""

import json
import math
import time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.profile import (
    HEAVIEST,
    CategoricalSummary,
    Grid,
    NumericSummary,
    Profile,
    make_grid,
    profile,
)

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
        exact = ("counts", "n", "missing", "infinite", "zeros", "minimum", "maximum")
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
            cells[sum(edge <= number for edge in grid.edges["number"])] += 1
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
        counts=(1, 2, 2), n=5, missing=1, infinite=2, zeros=1, mean=5.2, m2=134.8, minimum=-1.0, maximum=12.0
    )


def test_an_empty_batch_merges_as_nothing() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0], "w": ["a", "b"]})
    grid = make_grid(frame)
    empty, full = profile(frame[:0], grid), profile(frame, grid)
    assert empty.numeric["x"].minimum is None
    assert math.isnan(empty.numeric["x"].sd)
    assert empty.merge(full) == full.merge(empty) == full


def test_cells_of_a_quantile_grid_weigh_the_same_in_spite_of_an_outlier() -> None:
    values = np.append(np.random.default_rng(1).normal(size=9_999), 1e12)
    frame = pd.DataFrame({"x": values})
    counts = profile(frame, make_grid(frame, bins=10)).numeric["x"].counts
    below, *cells, greatest, above = counts
    assert (len(cells), below, greatest, above) == (10, 0, 1, 0)
    assert all(999 <= count <= 1_001 for count in cells)


def test_few_distinct_values_get_a_cell_each() -> None:
    frame = pd.DataFrame({"x": [1, 1, 1, 1, 2, 7]})
    grid = make_grid(frame, bins=4)
    assert profile(frame, grid).numeric["x"].counts == (0, 4, 1, 1, 0)
    outside = profile(pd.DataFrame({"x": [0, 8, 7]}), grid).numeric["x"].counts
    assert outside == (1, 0, 0, 1, 1)


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
        make_grid(pd.DataFrame([[1, 2]], columns=["x", "x"]))
    with pytest.raises(DataError, match="bins"):
        make_grid(pd.DataFrame({"x": [1.0]}), bins=1)


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


def test_a_hundred_thousand_rows_of_thirty_columns_take_less_than_a_cpu_second() -> None:
    rng = np.random.default_rng(0)
    n = 100_000
    data: dict[str, Any] = {f"n{i}": rng.normal(size=n) for i in range(20)}
    for size in (2, 2, 3, 4, 5, 8, 12, 30, 100, 500):
        data[f"c{size}{len(data)}"] = np.array([f"v{i}" for i in range(size)], dtype=object)[rng.integers(0, size, n)]
    frame = pd.DataFrame(data)
    grid = make_grid(frame)
    start = time.process_time()
    profile(frame, grid)
    assert time.process_time() - start < 1.0

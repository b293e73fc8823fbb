"""The grid: cells of equal weight or one for each value, and edges that no rounding of a value crosses."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.column_change import column_change
from ml_assets.statistics.grid import Grid, columns_by_name, has_wide_ends, make_grid, tail_range
from ml_assets.statistics.profile import profile


def cut(values: Any) -> Grid:
    return make_grid(pd.DataFrame({"x": values}))


def counts(values: Any, grid: Grid) -> tuple[int, ...]:
    return profile(pd.DataFrame({"x": values}), grid).numeric["x"].counts


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


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(-1e15, 1e15), min_size=1, max_size=300))
def test_neither_single_precision_nor_the_last_digit_moves_a_value(values: list[float]) -> None:
    x = np.unique(np.array(values, dtype=np.float32)).astype(np.float64) * (1 + 1e-9)  # told apart in single precision
    grid = cut(x)
    before = counts(x, grid)
    assert before[0] == before[-1] == 0
    whole = x == np.round(x)
    rounded = np.where(whole, x, x.astype(np.float32).astype(np.float64))
    assert counts(rounded, grid) == before
    for end in (-np.inf, np.inf):
        assert counts(np.nextafter(x, end), grid) == before


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9).map(float)), min_size=1))
def test_every_distinct_value_has_a_cell_and_cells_rise(values: list[float]) -> None:
    x = np.unique(np.array(values) + 0.0)
    grid = cut(x)
    cuts = grid.cuts["x"]
    assert (np.diff(cuts) > 0).all()
    assert counts(x, grid)[1 : len(x) + 1] == (1,) * len(x)
    assert Grid.from_dict(json.loads(json.dumps(grid.to_dict(), allow_nan=False))).digest == grid.digest


@pytest.mark.parametrize("value", [0.1, 0.7, -0.7, 1 / 3, 1e-50, 123456.789])
def test_a_constant_in_single_precision_is_the_same_constant(value: float) -> None:
    before = pd.DataFrame({"x": np.full(500, value)})
    grid = make_grid(before)
    now = pd.DataFrame({"x": np.full(500, value, dtype=np.float32)})
    found = column_change("x", profile(before, grid), profile(now, grid))
    assert (found.total_variation, found.new_share, found.wasserstein_sd) == (0.0, 0.0, 0.0)


def test_a_heavy_value_among_many_is_not_moved_by_single_precision() -> None:
    """Half of the rows are 0.7, which single precision makes a little less."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(20_000) < 0.5, 0.7, rng.random(20_000))
    grid = cut(x)
    here, there = counts(x, grid), counts(x.astype(np.float32), grid)
    assert max(abs(a - b) for a, b in zip(here, there, strict=True)) <= 5


def test_whole_numbers_and_near_neighbours_stay_apart() -> None:
    assert counts([20240101.0, 20240102.0, 20240100.0], cut([20240101.0])) == (1, 1, 1)
    assert counts([2.0**60, 2.0**60 + 256], cut([2.0**60])) == (0, 1, 1)
    assert counts([1.5, 1.5 + 1e-12], cut([1.5, 1.5 + 1e-12])) == (0, 1, 1, 0)
    assert counts([0.3, 0.1 + 0.2], cut([0.3])) == (0, 2, 0)


def test_a_stored_grid_cut_otherwise_is_counted_by_its_own_edges() -> None:
    """Formerly the last edge was the number next to the highest value."""
    old = Grid({"x": (1.0, 2.0, math.nextafter(2.0, 3.0))}, {})
    assert counts([0.0, 1.0, 1.5, 2.0, 3.0], old) == (1, 2, 1, 1)


def test_the_range_that_needs_no_sketch() -> None:
    few, many = tuple(float(i) for i in range(10)), tuple(float(i) for i in range(100))
    assert (tail_range(few), has_wide_ends(few)) == ((0.0, 9.0), False)
    assert (tail_range(many), has_wide_ends(many)) == ((1.0, 97.0), True)


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(DataError, match="bins"):
        make_grid(pd.DataFrame({"x": [1.0]}), bins=1)
    with pytest.raises(DataError, match=r"^columns of one name: got x, x; allowed: every name once"):
        columns_by_name(pd.DataFrame([[1, 2, 3, 4]], columns=["x", "y", "x", "z"]))

"""A column given back its old distribution: the shares are the old ones, the order of the rows is kept."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.column_change import column_change
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets.statistics.restoration import restored_categories, restored_numbers


def summed(values: Any) -> Profile:
    frame = pd.DataFrame({"x": values})
    return profile(frame, make_grid(frame))


def back(values: Any, reference: Profile, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if "x" in reference.numeric:
        return restored_numbers(np.asarray(values, float), reference.numeric["x"], reference.grid.edges["x"], rng)
    return restored_categories(
        np.array(values, dtype=object), reference.categorical["x"], reference.grid.categories["x"], rng
    )


@given(st.floats(-5, 5), st.floats(0.2, 4), st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_a_moved_and_stretched_column_is_no_longer_drifted(shift: float, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = summed(rng.normal(0, 1, 3_000))
    moved = rng.normal(shift, scale, 2_000)
    found = back(moved, reference)
    again = profile(pd.DataFrame({"x": found}), reference.grid)
    assert column_change("x", reference, again).effect < 0.01
    assert abs(again.numeric["x"].mean - reference.numeric["x"].mean) < 0.05
    order = np.argsort(moved, kind="stable")
    assert (np.diff(found[order]) >= 0).all()  # who was highest is highest


def test_listed_values_stay_listed_and_whole_numbers_whole() -> None:
    rng = np.random.default_rng(0)
    reference = summed(rng.integers(1, 6, 1_000).astype(float))
    found = back(rng.integers(3, 9, 500).astype(float), reference)
    assert set(found) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    many = summed(rng.integers(0, 5_000, 20_000).astype(float))
    whole = back(rng.normal(0, 1, 500), many)
    assert np.array_equal(whole, np.round(whole))


def test_values_beyond_a_short_list_come_back_as_the_highest_of_them() -> None:
    """A reference of several batches: the grid lists 1.5 to 5.5, and a tenth of the rows since is 9.5."""
    first = summed(np.array([1.5, 2.5, 3.5, 4.5, 5.5] * 20))
    later = profile(pd.DataFrame({"x": [9.5] * 10 + [1.5] * 90}), first.grid)
    reference = first.merge(later)
    found = back(np.linspace(0, 1, 400), reference)
    assert set(found) == {1.5, 2.5, 3.5, 4.5, 5.5, 9.5}
    assert (found == 9.5).mean() == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(("before", "now"), [(0.0, 0.3), (0.3, 0.0), (0.2, 0.5)])
def test_missing_values_come_and_go_with_their_share(before: float, now: float) -> None:
    rng = np.random.default_rng(4)

    def column(share: float, n: int) -> Any:
        return np.where(rng.random(n) < share, np.nan, rng.normal(size=n))

    reference = summed(column(before, 4_000))
    found = back(column(now, 1_000), reference)
    assert np.isnan(found).mean() == pytest.approx(reference.numeric["x"].missing / 4_000, abs=0.002)


def test_categories_by_hand() -> None:
    """Before 2 : 1 : 1 of a, b, missing; now 4 a, 3 c, 1 b of eight: both more than enough c go, a stays, b and missing grow."""
    reference = summed(["a", "a", "b", None])
    now = ["a", "a", "a", "a", "c", "c", "c", "b"]
    found = list(back(now, reference))
    assert found[:4] == ["a"] * 4
    assert "c" not in found
    assert found[7] == "b"
    assert set(found[4:7]) <= {"b", None}


def test_the_fewest_rows_change() -> None:
    rng = np.random.default_rng(1)
    reference = summed(rng.choice(["a", "b"], 10_000, p=[0.5, 0.5]))
    now = rng.choice(["a", "b"], 4_000, p=[0.7, 0.3])
    found = back(now, reference)
    assert (found != now).mean() == pytest.approx(0.2, abs=0.03)
    assert (found == "a").mean() == pytest.approx(0.5, abs=0.02)


def test_unlisted_values_of_before_are_left_alone() -> None:
    names = [f"v{i:04d}" for i in range(1_000)]
    reference = summed(names * 3)
    assert reference.grid.truncated == ("x",)
    now = np.array(names, dtype=object)
    found = back(now, reference)
    assert (found == now).mean() > 0.99


def test_without_a_value_on_either_side_nothing_changes() -> None:
    empty = summed(np.array([np.nan, np.nan]))
    assert np.array_equal(back([1.0, 2.0], empty), [1.0, 2.0])
    known = summed(np.array([1.0, 2.0]))
    assert back(np.array([]), known).size == 0
    assert np.isin(back([np.nan, np.inf], known), [1.0, 2.0]).all()
    assert back(np.array([], dtype=object), summed(["a"])).size == 0

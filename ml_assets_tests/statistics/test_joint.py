"""Many small shifts together: calibrated without drift, far sharper than any column alone, honest about too few rows."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from ml_assets.statistics.association import pair_block
from ml_assets.statistics.drift import column_drift, judge_drift, many_moved, nothing_changed
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.joint import joint_shift
from ml_assets.statistics.profile import Profile, profile

COLUMNS = 12


def rows(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> pd.DataFrame:
    """Correlated columns; six of them shifted by so many standard deviations."""
    common = rng.normal(size=(n, 1))
    x = 0.5 * common + math.sqrt(0.75) * rng.normal(size=(n, COLUMNS))
    x[:, :6] += shift
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(COLUMNS)])


def sides(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> tuple[Profile, Profile]:
    reference, current = rows(rng, n), rows(rng, n, shift=shift)
    grid = make_grid(reference)
    return profile(reference, grid), profile(current, grid)


@pytest.mark.parametrize("n", [150, 600])
def test_without_drift_it_rejects_at_its_level(n: int) -> None:
    rng = np.random.default_rng(n)
    joint = whole = 0
    for _ in range(300):
        one, two = sides(rng, n)
        columns = column_drift(one, two)
        found = many_moved(one, two, columns)
        assert found is not None
        joint += found.p_value <= 0.05
        whole += nothing_changed(columns, (), found) <= 0.05
    assert joint / 300 <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 300)
    assert joint / 300 >= 0.01  # a test that never rejects would pass the line above
    assert whole / 300 <= 0.05 + 2.6 * math.sqrt(0.05 * 0.95 / 300)


def test_small_shifts_of_many_columns_are_seen_together_and_not_one_by_one() -> None:
    rng = np.random.default_rng(3)
    joint = single = 0
    distances = []
    for _ in range(60):
        one, two = sides(rng, 600, shift=0.12)
        columns = column_drift(one, two)
        found = many_moved(one, two, columns)
        assert found is not None
        joint += nothing_changed(columns, (), found) <= 0.05
        single += nothing_changed(columns) <= 0.05
        distances.append(found.distance)
    assert joint > single + 10
    # half of the equicorrelated columns shifted by 0.12: d' R^-1 d with R = 0.75 I + 0.25 J
    d = np.where(np.arange(COLUMNS) < 6, 0.12, 0.0)
    expected = math.sqrt(d @ np.linalg.inv(0.75 * np.eye(COLUMNS) + 0.25) @ d)
    assert np.mean(distances) == pytest.approx(expected, rel=0.2)


def test_the_joint_shift_spends_a_fifth_of_the_rate() -> None:
    one, two = sides(np.random.default_rng(5), 600, shift=0.12)
    found = many_moved(one, two, column_drift(one, two))
    assert found is not None
    for alone, shift in ((0.008, 0.5), (0.5, 0.002), (0.9, 0.9)):
        columns = [replace(column_drift(one, two)[0], p_value=alone)]
        expected = min(1.0, alone / 0.8, shift / 0.2)
        assert nothing_changed(columns, (), replace(found, p_value=shift)) == pytest.approx(expected)


def test_two_uncorrelated_columns_by_hand() -> None:
    """z = (3, -4), R = I: 9 + 16 = 25 on 2 degrees of freedom; 100 rows a side: distance √(23 · 2/100)."""
    cells = {"a": np.tile([0.0, 0.0, 1.0, 1.0], 25), "b": np.tile([0.0, 1.0, 0.0, 1.0], 25)}
    block = pair_block(cells)
    found = joint_shift({"a": 3.0, "b": -4.0}, block, block, n=100, m=100)
    assert found.p_value == pytest.approx(chi2.sf(25, 2))
    assert found.distance == pytest.approx(math.sqrt(23 * 2 / 100))
    assert found.columns == ("b", "a")
    assert "0.68 sd (most: b, a; n = 100)" in found.sentence


def test_too_few_rows_or_columns_are_not_tested() -> None:
    block = pair_block({"a": np.arange(10.0), "b": np.arange(10.0)[::-1]})
    for location, n in (({"a": 9.0, "b": 9.0}, 10), ({"a": 9.0}, 1_000), ({"a": 9.0, "b": math.nan}, 1_000)):
        found = joint_shift(location, block, block, n=n, m=1_000)
        assert (found.p_value, found.columns, found.distance) == (1.0, (), 0.0)


@given(st.lists(st.floats(-6, 6), min_size=4, max_size=4))
@settings(max_examples=40, deadline=None)
def test_columns_that_repeat_each_other_do_not_multiply_the_evidence(z: list[float]) -> None:
    """A column and its copy move alike: the copy adds nothing."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 8, (200, 4)).astype(float)
    names = ["a", "b", "c", "d"]
    once = pair_block({n: x[:, i] for i, n in enumerate(names)})
    twice = pair_block({**{n: x[:, i] for i, n in enumerate(names)}, "copy": x[:, 0]})
    location = dict(zip(names, z, strict=True))
    alone = joint_shift(location, once, once, n=200, m=200)
    copied = joint_shift({**location, "copy": z[0]}, twice, twice, n=200, m=200)
    assert copied.p_value == pytest.approx(alone.p_value, rel=1e-3, abs=1e-12)


def test_the_verdict_tells_it_and_decides_nothing_by_it() -> None:
    one, two = sides(np.random.default_rng(8), 4_000, shift=0.1)
    columns = column_drift(one, two)
    verdict = judge_drift(columns, importance={}, together=many_moved(one, two, columns))
    assert not verdict.drifted
    assert "together moved by" in verdict.sentence


def test_without_pairs_there_is_nothing_to_say() -> None:
    one, two = sides(np.random.default_rng(1), 200)
    bare = Profile(two.n, two.grid, two.numeric, two.categorical, None)
    assert many_moved(one, bare, column_drift(one, bare)) is None

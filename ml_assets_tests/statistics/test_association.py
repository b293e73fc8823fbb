"""Columns that move together: hand-worked sums, the peer's coefficient, any order of merging, planted changes."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from ml_assets.statistics.association import MOST_COLUMNS, PairBlock, any_pair, association_drift, pair_block
from ml_assets.statistics.drift import column_drift, judge_drift, pair_drift
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import Profile, profile

Cells = dict[str, "np.ndarray[tuple[int], np.dtype[np.float64]]"]


def _together(rng: np.random.Generator, n: int, rho: float) -> pd.DataFrame:
    x, noise = rng.standard_normal(n), rng.standard_normal(n)
    return pd.DataFrame({"a": x, "b": rho * x + np.sqrt(1 - rho**2) * noise, "c": rng.exponential(size=n)})


def test_sums_by_hand() -> None:
    block = pair_block({"x": np.array([1.0, 2.0, np.nan]), "y": np.array([3.0, 5.0, 7.0])})
    assert block.n == ((2, 2), (2, 3))
    assert block.total == ((3, 3), (8, 15))  # y where x is present: 3 + 5
    assert block.squares == ((5, 5), (34, 83))
    assert block.products == ((5, 13), (13, 83))
    assert block.cubes == ((9, 9), (152, 495))
    assert block.fourths == ((17, 17), (706, 3107))
    assert block.products_21[0][1] == 1 * 3 + 4 * 5
    assert block.products_21[1][0] == 9 * 1 + 25 * 2
    assert block.products_22[0][1] == 9 + 4 * 25
    assert block.products_31[1][0] == 27 * 1 + 125 * 2
    assert block.correlations()[0, 1] == pytest.approx(1.0)


def test_of_continuous_columns_it_is_spearmans_coefficient() -> None:
    rng = np.random.default_rng(3)
    frame = _together(rng, 4_000, 0.6)
    found = profile(frame, make_grid(frame)).pairs
    assert found is not None
    expected = spearmanr(frame["a"], frame["b"]).statistic
    assert found.correlations()[0, 1] == pytest.approx(expected, abs=0.005)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(0, 60))
def test_any_split_of_the_rows_gives_the_same_block(seed: int, n: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    cells: Cells = {k: np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 9, n)).astype(float) for k in "abc"}
    first = pair_block({k: v[:cut] for k, v in cells.items()})
    second = pair_block({k: v[cut:] for k, v in cells.items()})
    assert first.merge(second) == pair_block(cells) == second.merge(first)


def test_it_is_stored_and_read_again() -> None:
    frame = _together(np.random.default_rng(1), 500, 0.3)
    made = profile(frame, make_grid(frame))
    assert Profile.from_dict(json.loads(json.dumps(made.to_dict()))) == made
    old = made.to_dict() | {"version": 1}
    del old["pairs"]
    assert Profile.from_dict(old).pairs is None


def _season_of_month(rng: np.random.Generator, n: int) -> Cells:
    month = rng.integers(0, 12, n).astype(float)
    return {"month": month, "season": (month + 1) % 12 // 3}


def _rare_flags(rng: np.random.Generator, n: int) -> Cells:
    u = rng.random(n)
    return {"a": (u < 0.1).astype(float), "b": ((u < 0.05) | (rng.random(n) < 0.05)).astype(float)}


def _normal_pair(rng: np.random.Generator, n: int) -> Cells:
    x, noise = rng.normal(size=n), rng.normal(size=n)
    return {"x": np.round(20 * x + 100), "y": np.round(20 * (0.6 * x + 0.8 * noise) + 100)}


@pytest.mark.parametrize("make", [_season_of_month, _rare_flags, _normal_pair])
def test_without_a_change_it_errs_at_its_rate_whatever_the_columns_are(
    make: Callable[[np.random.Generator, int], Cells],
) -> None:
    """A variance of normal pairs errs seventeen times too often on a month and its season at 0.0005."""
    rng = np.random.default_rng(11)
    found = [
        any_pair(association_drift(pair_block(make(rng, 1_300)), pair_block(make(rng, 200)), alpha=0.05))
        for _ in range(600)
    ]
    for level in (0.05, 0.01):
        rate = float(np.mean(np.array(found) <= level))
        assert rate <= level + 3 * np.sqrt(level * (1 - level) / 600)
    assert np.mean(np.array(found) <= 0.5) > 0.3  # and is no test that never errs


def test_a_lost_correlation_is_found_though_no_column_moved() -> None:
    rng = np.random.default_rng(5)
    before, now = _together(rng, 3_000, 0.6), _together(rng, 3_000, 0.0)
    grid = make_grid(before)
    reference, current = profile(before, grid), profile(now, grid)
    columns = column_drift(reference, current)
    assert not any(c.significant for c in columns)
    assert reference.pairs is not None
    assert current.pairs is not None
    pairs = pair_drift(reference, current, alpha=0.01)
    assert [(p.one, p.other) for p in pairs if p.significant] == [("a", "b")]
    assert pairs[0].change == pytest.approx(-0.58, abs=0.06)
    verdict = judge_drift(columns, importance={"a": 1.0, "c": 1.0}, pairs=pairs)
    assert verdict.drifted
    assert verdict.matter == ("a",)
    assert "no longer move together as they did: a with b +0.5" in verdict.sentence
    unimportant = judge_drift(columns, importance={"c": 1.0}, pairs=pairs)
    assert not unimportant.drifted
    assert unimportant.apart


def test_without_a_change_alarms_stay_within_alpha() -> None:
    """500 windows; 5 % plus three standard errors; one pair is strongly dependent and two columns have few values."""
    alarms = 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        frames = [_together(rng, 400, 0.6) for _ in range(2)]
        for f in frames:
            f["few"], f["flag"] = rng.poisson(1, len(f)), (f["a"] > 1.3).astype(int)
        grid = make_grid(frames[0])
        reference, current = (profile(f, grid).pairs for f in frames)
        assert reference is not None
        assert current is not None
        alarms += any_pair(association_drift(reference, current, alpha=0.05)) <= 0.05
    assert alarms / 500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)


@pytest.mark.parametrize("kind", ["zero-inflated", "rare flags", "balanced flags"])
def test_columns_of_few_values_do_not_alarm_by_themselves(kind: str) -> None:
    """200 batches at the rate of one look in a month of daily ones; 5 % over the month is 0.2 % each."""
    rng = np.random.default_rng(21)

    def rows(n: int) -> pd.DataFrame:
        base = rng.standard_normal(n)
        if kind == "zero-inflated":
            return pd.DataFrame({c: np.where(rng.random(n) < 0.02, rng.exponential(size=n), 0.0) for c in "abcde"})
        cut = 1.9 if kind == "rare flags" else 0.0
        return pd.DataFrame({c: (base + 0.6 * rng.standard_normal(n) > cut).astype(float) for c in "abc"})

    before = rows(20_000)
    grid = make_grid(before)
    reference = profile(before, grid)
    found = [any_pair(pair_drift(reference, profile(rows(500), grid), alpha=0.0017)) <= 0.0017 for _ in range(200)]
    assert sum(found) <= 3


def test_what_cannot_be_compared_is_left_out() -> None:
    rng = np.random.default_rng(8)
    cells: Cells = {"x": rng.integers(0, 9, 100).astype(float), "constant": np.zeros(100), "gone": np.full(100, np.nan)}
    block = pair_block(cells)
    assert association_drift(block, block, alpha=0.05) == ()
    assert any_pair(()) == 1.0
    small = pair_block({"x": cells["x"][:40], "y": cells["x"][::-1][:40]})
    assert association_drift(small, small, alpha=0.05) == ()
    assert association_drift(block, small, alpha=0.05) == ()  # they share one column
    assert block.merge(small).columns == ("x",)
    assert block.merge(small).n == ((140,),)
    assert block.only(["gone", "x"]).columns == ("x", "gone")
    empty = pair_block({})
    assert association_drift(empty, empty, alpha=0.05) == ()
    assert PairBlock.from_dict(empty.to_dict()) == empty


def test_a_wide_table_gives_its_first_columns() -> None:
    frame = pd.DataFrame(np.random.default_rng(2).standard_normal((60, MOST_COLUMNS + 3)))
    found = profile(frame, make_grid(frame)).pairs
    assert found is not None
    assert len(found.columns) == MOST_COLUMNS

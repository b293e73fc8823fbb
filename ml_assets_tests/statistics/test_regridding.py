"""A grid cut anew from summaries alone sees again what the old one had lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.column_change import column_change
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets.statistics.regridding import new_grid, outgrown, over


def rows(rng: np.random.Generator, n: int, *, factor: float = 1.0, word: str = "a") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "price": factor * rng.lognormal(0, 0.5, n),
            "kind": rng.choice(["a", "b", word], n),
            "rest": rng.normal(size=n),
        }
    )


def outgrew(seed: int = 0) -> tuple[Profile, pd.DataFrame]:
    """A stream whose prices rose tenfold and whose most frequent kind is a new one, in four batches."""
    rng = np.random.default_rng(seed)
    grid = make_grid(rows(rng, 3_000))
    batches = [rows(rng, 1_000, factor=10.0, word="c") for _ in range(4)]
    merged = profile(batches[0], grid)
    for batch in batches[1:]:
        merged = merged.merge(profile(batch, grid))
    return merged, pd.concat(batches, ignore_index=True)


def test_a_column_outgrows_its_grid_and_a_stable_one_does_not() -> None:
    merged, _ = outgrew()
    assert outgrown(merged) == ("price", "kind")
    rng = np.random.default_rng(1)
    first = rows(rng, 2_000)
    assert outgrown(profile(rows(rng, 2_000), make_grid(first))) == ()


def test_the_new_grid_is_nearly_the_one_cut_from_the_rows() -> None:
    merged, frame = outgrew()
    fresh = new_grid(merged, outgrown(merged))
    assert fresh.edges["rest"] == merged.grid.edges["rest"]
    assert set(fresh.categories["kind"]) == {"a", "b", "c"}
    again = profile(frame, fresh).numeric["price"]
    assert max(again.counts) < 0.05 * again.n  # before: nearly all in one cell
    assert max(merged.numeric["price"].counts) > 0.9 * merged.n


@given(st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_a_summary_over_the_new_grid_is_nearly_the_profile_of_its_rows(seed: int) -> None:
    merged, frame = outgrew(seed)
    fresh = new_grid(merged, outgrown(merged))
    found, exact = over(merged, fresh), profile(frame, fresh)
    for name in ("price", "rest"):
        cumulated = np.cumsum(found.numeric[name].counts) - np.cumsum(exact.numeric[name].counts)
        assert np.abs(cumulated).max() <= 0.02 * merged.n
        assert sum(found.numeric[name].counts) == merged.n
        assert found.numeric[name].mean == pytest.approx(exact.numeric[name].mean)
    assert found.categorical["kind"] == exact.categorical["kind"]
    assert found.pairs is not None
    assert found.pairs.columns == ("rest",)  # the cells of the prices are others now


def test_drift_is_seen_again_after_the_grid_was_cut_anew() -> None:
    """Twofold prices after a tenfold rise: over the old grid both are one full cell."""
    merged, _ = outgrew()
    later = rows(np.random.default_rng(9), 2_000, factor=20.0, word="c")
    blind = column_change("price", merged, profile(later, merged.grid))
    fresh = new_grid(merged, outgrown(merged))
    seen = column_change("price", over(merged, fresh), profile(later, fresh))
    assert blind.effect < 0.3 < 1.0 < seen.effect
    same = rows(np.random.default_rng(10), 2_000, factor=10.0, word="c")
    assert column_change("price", over(merged, fresh), profile(same, fresh)).effect < 0.02


def test_the_same_grid_changes_nothing_and_lost_columns_are_dropped() -> None:
    merged, _ = outgrew()
    assert over(merged, merged.grid) is merged
    fewer = make_grid(rows(np.random.default_rng(2), 500)[["rest"]])
    found = over(merged, fewer)
    assert (list(found.numeric), list(found.categorical)) == (["rest"], [])
    assert found.grid.digest == fewer.digest


def test_a_value_the_new_list_leaves_out_is_counted_and_none_is_lost() -> None:
    words = [f"w{i:03d}" for i in range(300)]
    frame = pd.DataFrame({"x": words * 4})
    summed = profile(frame, make_grid(frame))
    late = pd.DataFrame({"x": ["hot"] * 900 + words * 4})
    grown = profile(late, summed.grid)
    assert outgrown(summed) == ()
    assert outgrown(grown) == ("x",)
    found = over(grown, new_grid(grown, ["x"])).categorical["x"]
    assert sum(found.counts) + found.other + found.new == len(late)
    assert found.counts[0] == 900


def test_an_empty_column_keeps_its_grid() -> None:
    frame = pd.DataFrame({"x": [np.nan, np.nan]})
    summed = profile(frame, make_grid(frame))
    assert new_grid(summed, ["x"]).edges["x"] == ()


def test_the_new_grid_holds_what_single_precision_makes_of_its_ends() -> None:
    merged, _ = outgrew()
    fresh = new_grid(merged, ["price"])
    known = merged.numeric["price"]
    assert known.minimum is not None
    assert known.maximum is not None
    ends = pd.DataFrame({"price": np.array([known.minimum, known.maximum], dtype=np.float32), "kind": "a", "rest": 0.0})
    found = profile(ends, fresh).numeric["price"]
    assert (found.counts[0], found.counts[-1]) == (0, 0)


def test_infinite_rows_keep_their_sign_over_another_grid() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, np.inf, -np.inf, -np.inf]})
    other = make_grid(pd.DataFrame({"x": [1.0, 3.0]}))
    found = over(profile(frame, make_grid(frame)), other).numeric["x"]
    assert (found.infinite, found.minus_infinite) == (3, 2)

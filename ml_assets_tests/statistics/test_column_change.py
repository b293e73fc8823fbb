"""One column before and now: cases worked by hand, words for what changed, and nothing where nothing did."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.column_change import ColumnDrift, column_change
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import profile


def change(before: Any, now: Any) -> ColumnDrift:
    reference, current = pd.DataFrame({"c": before}), pd.DataFrame({"c": now})
    grid = make_grid(reference)
    return column_change("c", profile(reference, grid), profile(current, grid))


def index(a: list[float], b: list[float]) -> float:
    """The stability index by its formula, half a row added to each cell."""
    n, m = sum(a) + len(a) / 2, sum(b) + len(b) / 2
    shares = [((x + 0.5) / n, (y + 0.5) / m) for x, y in zip(a, b, strict=True)]
    return sum((q - p) * math.log(q / p) for p, q in shares)


def test_categories_by_hand() -> None:
    found = change(["a"] * 600 + ["b"] * 400, ["a"] * 400 + ["b"] * 600)
    assert found.kind == "categorical"
    assert found.n == 1_000
    assert found.total_variation == pytest.approx(0.2)
    assert found.psi == pytest.approx(index([600, 400], [400, 600]))
    assert found.effect == pytest.approx(found.psi - 2 / 1_000)  # its noise: one free cell, 1 / n + 1 / m
    assert found.low < found.effect < found.high
    assert found.p_value < 0.001
    assert (found.new_share, found.missing_change) == (0.0, 0.0)
    assert math.isnan(found.location)
    assert math.isnan(found.wasserstein_sd)
    assert found.sentence.startswith("c: shares differ by 20.0%, effect 0.1")
    assert found.sentence.endswith("p < 0.001 (n = 1,000 against 1,000)")


def test_numbers_by_hand() -> None:
    found = change([0.0] * 500 + [1.0] * 500, [0.0] * 450 + [1.0] * 550)
    assert found.kind == "numeric"
    assert found.total_variation == pytest.approx(0.05)
    assert found.psi == pytest.approx(index([500, 500], [450, 550]))
    assert found.effect == pytest.approx(found.psi - 2 / 1_000)
    # the rank test of two values is the test of two shares; a thousandth for n - 1 or n
    assert found.location == pytest.approx(0.05 / math.sqrt(0.525 * 0.475 * 2 / 1_000), rel=1e-3)
    assert "mean 0.5 → 0.55" in found.sentence
    down = change([0.0] * 450 + [1.0] * 550, [0.0] * 500 + [1.0] * 500)
    assert down.location == pytest.approx(-found.location)


def test_a_shift_is_told_in_standard_deviations() -> None:
    values = np.arange(10_000.0)
    found = change(values, values + 500)
    assert found.wasserstein_sd == pytest.approx(500 / values.std(), rel=0.02)
    assert found.new_share == pytest.approx(0.05)  # above every reference number
    assert found.location > 0


def test_a_share_of_missing_values_is_a_cell() -> None:
    before = np.tile([0.0, 1.0], 500)
    found = change(before, np.where(np.arange(1_000) < 100, np.nan, before))
    assert found.missing_change == pytest.approx(0.1)
    assert found.total_variation == pytest.approx(0.1)
    assert found.psi == pytest.approx(index([500, 500, 0], [450, 450, 100]))
    assert found.location == pytest.approx(0.0, abs=1e-9)  # the values that are there did not change
    assert "missing 0.0% → 10.0%" in found.sentence
    assert found.p_value < 0.001
    words = change(["a", "b"] * 500, ["a", "b"] * 450 + [None] * 100)
    assert words.kind == "categorical"
    assert words.missing_change == pytest.approx(0.1)
    assert words.p_value < 0.001


def test_infinite_numbers_are_a_cell_and_not_missing() -> None:
    before = np.tile([0.0, 1.0], 500)
    found = change(before, np.where(np.arange(1_000) < 100, np.inf, before))
    assert found.missing_change == 0.0
    assert found.total_variation == pytest.approx(0.1)
    assert found.p_value < 0.001


def test_a_constant_that_begins_to_vary_and_the_reverse_are_told_in_words() -> None:
    varied = np.arange(100.0)
    begins = change(np.full(100, 3.0), varied)
    assert begins.sentence.startswith("c: was always 3, now varies from 0 to 99")
    ends = change(varied, np.full(100, 3.0))
    assert ends.sentence.startswith("c: varied from 0 to 99, now always 3")
    assert max(begins.p_value, ends.p_value) < 0.001
    other = change(np.full(100, 3.0), np.full(100, 4.0))
    assert "was always 3, now always 4" in other.sentence
    assert (other.total_variation, other.wasserstein_sd) == (1.0, math.inf)


def test_a_new_category_is_counted_as_unseen() -> None:
    found = change(["a"] * 500 + ["b"] * 500, ["a"] * 475 + ["b"] * 475 + ["c"] * 50)
    assert found.new_share == pytest.approx(0.05)
    assert found.total_variation == pytest.approx(0.05)
    assert "unseen values 5.0%" in found.sentence
    assert found.p_value < 0.001


def test_a_newcomer_among_thousands_is_named() -> None:
    names = [f"v{i}" for i in range(4_000)]
    now = names[:3_800] + ["ring"] * 200
    found = change(names, now)
    assert "'ring' came from" in found.sentence
    assert found.p_value < 0.001
    assert found.total_variation == pytest.approx(0.05, abs=0.01)
    same = change(names, names[::-1])
    assert "came from" not in same.sentence
    assert same.p_value > 0.05


def test_numbers_beyond_the_grid_are_new() -> None:
    values = np.tile(np.arange(10.0), 100)
    found = change(values, np.where(np.arange(1_000) < 50, -999.0, values))
    assert found.new_share == pytest.approx(0.05)
    assert found.p_value < 0.001


def test_too_few_rows_have_an_effect_and_no_verdict() -> None:
    found = change([0.0, 1.0] * 50, [1.0] * 29)
    assert found.p_value == 1.0
    assert found.total_variation == pytest.approx(0.5)
    assert found.sentence.endswith("(n = 29 against 100); too few rows to tell")
    assert change([0.0, 1.0] * 50, [1.0] * 30).p_value < 0.001


@pytest.mark.parametrize(("values", "words"), [([0.0, 1.0] * 50, "no numbers"), (["a", "b"] * 50, "no values")])
def test_an_empty_side_is_said_to_be_one(values: list[Any], words: str) -> None:
    reference = pd.DataFrame({"c": values})
    grid = make_grid(reference)
    full, empty = profile(reference, grid), profile(reference[:0], grid)
    for before, now in ((full, empty), (empty, full), (empty, empty)):
        found = column_change("c", before, now)
        assert (found.p_value, found.effect, found.missing_change, found.new_share) == (1.0, 0.0, 0.0, 0.0)
        assert math.isnan(found.low)
        assert math.isnan(found.total_variation)
        assert f"{words} to compare" in found.sentence
        assert "too few rows to tell" in found.sentence


COLUMNS = st.one_of(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=80),
    st.lists(st.sampled_from([0.0, 1.0, 7.5, math.nan]), max_size=80),
    st.lists(st.sampled_from(["a", "b", "ccc", None]), max_size=80),
    st.lists(st.text(max_size=3), max_size=80),
)


@settings(max_examples=80, deadline=None)
@given(COLUMNS)
def test_a_column_against_itself_has_not_changed(values: list[Any]) -> None:
    found = change(pd.Series(values, dtype=object if not values else None), pd.Series(values, dtype=object))
    assert (found.effect, found.psi, found.verdict, found.significant) == (0.0, 0.0, "stable", False)
    assert found.missing_change == 0.0
    assert found.p_value >= 0.5
    assert found.total_variation == 0.0 or not values
    assert not found.low > 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 300), st.integers(30, 300))
def test_known_categories_are_as_far_the_other_way_round(seed: int, n: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.array(["a", "b", "c", None], dtype=object)
    frames = [pd.DataFrame({"c": values[rng.integers(0, 4, rows)]}) for rows in (n, m)]
    grid = make_grid(pd.DataFrame({"c": ["a", "b", "c"]}))
    one, other = (profile(frame, grid) for frame in frames)
    there, back = column_change("c", one, other), column_change("c", other, one)
    assert there.p_value == pytest.approx(back.p_value)
    assert there.psi == pytest.approx(back.psi)
    assert there.total_variation == pytest.approx(back.total_variation)
    assert there.missing_change == pytest.approx(-back.missing_change)

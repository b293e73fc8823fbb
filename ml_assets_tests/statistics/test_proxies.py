"""Association with a protected attribute: worked tables, no signal from noise, missing groups left out."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.statistics.columns import read_column
from ml_assets.statistics.groups import grouping
from ml_assets.statistics.proxies import cramers_v, repeats, strongest_proxy


def test_bias_corrected_v_by_hand() -> None:
    # 2×2 table 40/10/10/40: phi² = 0.36; corrected 0.36 - 1/99; levels 2 - 1/99 each.
    a = np.repeat([0, 0, 1, 1], [40, 10, 10, 40])
    b = np.repeat([0, 1, 0, 1], [40, 10, 10, 40])
    assert cramers_v(a, b) == pytest.approx(math.sqrt((0.36 - 1 / 99) / (1 - 1 / 99)))


def test_equal_codings_are_one_and_a_single_level_has_no_answer() -> None:
    a = np.arange(300) % 3
    assert cramers_v(a, a) == pytest.approx(1.0)
    assert math.isnan(cramers_v(np.zeros(10, dtype=np.int64), np.arange(10) % 2))
    assert math.isnan(cramers_v(a[:0], a[:0]))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=60))
def test_symmetric_and_between_zero_and_one(pairs: list[tuple[int, int]]) -> None:
    a = np.array([first for first, _ in pairs], dtype=np.int64)
    b = np.array([second for _, second in pairs], dtype=np.int64)
    there, back = cramers_v(a, b), cramers_v(b, a)
    assert (math.isnan(there) and math.isnan(back)) or there == pytest.approx(back, abs=1e-6)
    assert math.isnan(there) or 0 <= there <= 1


def test_noise_of_many_levels_is_no_proxy() -> None:
    rng = np.random.default_rng(0)
    groups = grouping(pd.Series(rng.choice(["f", "m"], size=5_000), name="sex"))
    for noise in (rng.normal(size=5_000), rng.integers(0, 3_000, size=5_000).astype(str)):
        assert not strongest_proxy(read_column(pd.Series(noise)), [groups]).strength > 0.1


def test_the_strongest_attribute_is_named() -> None:
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], size=2_000)
    race = rng.choice(["a", "b", "c"], size=2_000)
    height = np.where(sex == "f", 165.0, 180.0) + rng.normal(0, 3, size=2_000)
    attributes = [grouping(pd.Series(race, name="race")), grouping(pd.Series(sex, name="sex"))]
    proxy = strongest_proxy(read_column(pd.Series(height)), attributes)
    assert proxy.attribute == "sex"
    assert proxy.strength > 0.9
    nothing = strongest_proxy(read_column(pd.Series(height)), [])
    assert nothing.attribute is None
    assert math.isnan(nothing.strength)


def test_rows_of_unknown_group_do_not_count() -> None:
    sex = np.array(["f", "m", "unknown"] * 500)
    code = np.where(sex == "unknown", "z", "y")
    proxy = strongest_proxy(read_column(pd.Series(code)), [grouping(pd.Series(sex, name="sex"))])
    assert proxy.attribute is None


@pytest.mark.parametrize(
    ("feature", "column", "answer"),
    [
        ([1, 2, 1, 2, 1, 2], ["f", "m", "f", "m", "f", "m"], True),
        ([1, 2, 1, 2, 1, 1], ["f", "m", "f", "m", "f", "m"], False),
        ([1, 2, 3, 2, 1, 2], ["f", "m", "f", "m", "f", "m"], False),
        ([1, 1, 1, 1, 1, 1], ["f", "f", "f", "f", "f", "f"], False),
        ([1, None, 1, None, 1, None], ["f", "m", "f", "m", "f", "m"], True),
        ([1, None, 1, None, 1, None], [None, "m", None, "m", None, "m"], True),
        ([1, 2, 3, 4, 5, 6], list("abcdef"), False),
        ([], [], False),
    ],
)
def test_a_column_under_other_values(feature: list[object], column: list[object], answer: bool) -> None:
    """The last but one: every row differs, so any two columns map to each other and nothing is shown."""
    assert repeats(pd.Series(feature, dtype=object), pd.Series(column, dtype=object)) == answer
    assert repeats(pd.Series(column, dtype=object), pd.Series(feature, dtype=object)) == answer

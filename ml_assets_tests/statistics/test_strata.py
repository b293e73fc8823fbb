"""Comparisons put together over strata: one stratum is the plain comparison, weights by hand, coverage."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import newcombe_difference
from ml_assets.statistics.strata import strata_of, stratified_means, stratified_rates


def arrays(*counts: list[int]) -> "list[np.ndarray[Any, Any]]":
    return [np.array(c, dtype=np.float64) for c in counts]


def test_one_stratum_is_newcombes_interval() -> None:
    found = stratified_rates(*arrays([56], [70], [48], [80]), tolerance=0.1)
    assert found.value == pytest.approx(56 / 70 - 48 / 80)
    # Newcombe 1998, table II, example (a), method 10: 0.0524 to 0.3339
    assert found.interval(0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.interval(0.95) == pytest.approx(newcombe_difference(56, 70, 48, 80))


def test_weights_by_hand() -> None:
    # weights 10·30/40 = 7.5 and 20·20/40 = 10; gaps 0.2 - 0.1 and 0.5 - 0.7
    found = stratified_rates(*arrays([2, 10], [10, 20], [3, 14], [30, 20]), tolerance=0.1)
    assert found.value == pytest.approx((7.5 * 0.1 + 10 * -0.2) / 17.5)


def test_strata_of_one_side_count_for_nothing() -> None:
    alone = stratified_rates(*arrays([2, 5], [10, 9], [3, 0], [30, 0]), tolerance=0.1)
    assert alone.value == pytest.approx(0.1)
    assert math.isnan(stratified_rates(*arrays([2], [10], [0], [0]), tolerance=0.1).value)


@given(st.lists(st.tuples(*[st.integers(0, 20)] * 4), min_size=1, max_size=6))
def test_the_interval_holds_its_value_and_exchanging_sides_turns_it(cells: list[tuple[int, ...]]) -> None:
    x, y = (np.array([min(c[i], c[i + 1]) for c in cells], dtype=np.float64) for i in (0, 2))
    n, m = (np.array([c[i] for c in cells], dtype=np.float64) for i in (1, 3))
    there, back = stratified_rates(x, n, y, m, tolerance=0.1), stratified_rates(y, m, x, n, tolerance=0.1)
    if math.isnan(there.value):
        assert math.isnan(back.value)
        return
    low, high = there.interval(0.95)
    assert -1 <= low <= there.value + 1e-12
    assert there.value - 1e-12 <= high <= 1
    assert back.value == pytest.approx(-there.value)
    assert back.interval(0.95) == pytest.approx((-high, -low), abs=1e-9)


def test_coverage_over_unequal_strata() -> None:
    rng = np.random.default_rng(1)
    n, m, base = np.array([15.0, 60, 200]), np.array([40.0, 50, 30]), np.array([0.1, 0.4, 0.7])
    inside = 0
    for _ in range(400):
        x, y = rng.binomial(n.astype(int), base + 0.1), rng.binomial(m.astype(int), base)
        low, high = stratified_rates(x.astype(float), n, y.astype(float), m, tolerance=0.1).interval(0.95)
        inside += low <= 0.1 <= high
    assert inside / 400 > 0.92


def test_means_by_stratum() -> None:
    place = np.repeat([0, 1], 100).astype(np.int64)
    ours = np.tile([True, False], 100)
    values = np.where(place == 1, 50.0, 0.0) + np.where(ours, 2.0, 0.0) + np.random.default_rng(0).normal(size=200)
    found = stratified_means(values, ours, place, scale=2.0, tolerance=0.1)
    assert found.value == pytest.approx(1.0, abs=0.2)
    low, high = found.interval(0.95)
    assert low < 1 < high
    assert high - low < 0.5
    assert math.isnan(stratified_means(values, ours, place, scale=0.0, tolerance=0.1).value)


def test_strata_are_combinations_with_numbers_in_bands() -> None:
    frame = pd.DataFrame({"kind": ["a", "b"] * 50, "years": np.arange(100.0)})
    assert np.unique(strata_of(frame[["kind"]])).size == 2
    assert np.unique(strata_of(frame[["years"]])).size == 5
    assert np.unique(strata_of(frame)).size == 10
    assert np.unique(strata_of(frame.assign(years=frame["years"].where(frame.index > 50)))).size > 10
    with pytest.raises(DataError, match="nothing to compare like with like by"):
        strata_of(frame[[]])

"""Comparisons put together over strata: one stratum is the plain comparison, weights by hand, coverage."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import newcombe_difference
from ml_assets.statistics.strata import design_of, strata_of, stratified_means, stratified_rates


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


def test_the_design_effect_by_hand() -> None:
    """One stratum, two women and two men with two rows each: labels 1 1 | 0 0 against 1 0 | 1 0.

    The weight is 2, so every row pulls by ±1/4, and squares sum to 1/2. Women pull by +1/2 and -1/2, men not at all: 1/2
    again, times 4/3 for the number of persons.
    """
    values, ours = np.array([1.0, 1, 0, 0, 1, 0, 1, 0]), np.arange(8) < 4
    together, owner = np.zeros(8, dtype=np.int64), np.repeat(np.arange(4), 2)
    student = (stdtrit(1, 0.975) / 1.959964) ** 2  # two persons on either side: one degree of freedom
    assert design_of(values, ours, together, owner)(0.95) == pytest.approx(4 / 3 * student, rel=1e-6)
    assert design_of(values, ours, together, np.arange(8))(0.95) == 1.0
    assert design_of(values, ours, together, np.where(ours, 0, owner))(0.95) == math.inf  # one woman
    assert design_of(np.ones(8), ours, together, owner)(0.95) == pytest.approx(
        2 * student
    )  # nobody differs: 8 rows of 4


def test_a_person_on_both_sides_who_answers_either_way_makes_the_gap_less_sure_than_rows() -> None:
    """Twenty persons with a row in each group, one of which holds: the gap is ±1 for each, not a difference of two coins."""
    first = np.tile([1.0, 0.0], 10)
    values, ours = np.concatenate([first, 1 - first]), np.arange(40) < 20
    found = design_of(values, ours, np.zeros(40, dtype=np.int64), np.tile(np.arange(20), 2))
    assert found(0.95) > 2.0
    alike = design_of(np.tile(first, 2), ours, np.zeros(40, dtype=np.int64), np.tile(np.arange(20), 2))
    assert alike(0.95) == pytest.approx((stdtrit(19, 0.975) / 1.959964) ** 2, rel=1e-6)  # at least one row per draw


def test_a_design_widens_rates_and_means() -> None:
    rng, copies = np.random.default_rng(4), np.repeat(np.arange(200), 10)
    place, ours, values = rng.integers(0, 3, 200), rng.random(200) < 0.4, rng.normal(size=200)
    design = design_of(values[copies], ours[copies], place[copies], copies)
    once = stratified_means(values, ours, place, scale=1.0, tolerance=0.5)
    many = stratified_means(values[copies], ours[copies], place[copies], scale=1.0, tolerance=0.5, design=design)
    assert many.value == pytest.approx(once.value)
    assert many.detectable == pytest.approx(once.detectable, rel=0.05)
    assert np.subtract(*many.interval(0.95)) == pytest.approx(np.subtract(*once.interval(0.95)), rel=0.05)
    n, m = np.bincount(place[ours]).astype(float), np.bincount(place[~ours]).astype(float)
    single = stratified_rates(n // 2, n, m // 2, m, tolerance=0.2)
    tenfold = stratified_rates(10 * (n // 2), 10 * n, 10 * (m // 2), 10 * m, tolerance=0.2, design=lambda _level: 10.0)
    assert tenfold.interval(0.9) == pytest.approx(single.interval(0.9))
    assert (tenfold.p_value, tenfold.detectable) == pytest.approx((single.p_value, single.detectable))


def test_one_cluster_on_a_side_shows_nothing() -> None:
    none = math.inf
    rates = stratified_rates(
        np.ones(1), np.full(1, 4.0), np.ones(1), np.full(1, 4.0), tolerance=0.1, design=lambda _: none
    )
    assert (rates.interval(0.9), rates.p_value, rates.resolvable) == ((-1.0, 1.0), 1.0, False)
    ours, together = np.arange(8) < 4, np.zeros(8, dtype=np.int64)
    means = stratified_means(np.arange(8.0), ours, together, scale=1.0, tolerance=0.1, design=lambda _: none)
    assert (means.interval(0.9), means.p_value, means.resolvable) == ((-none, none), 1.0, False)

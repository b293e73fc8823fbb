"""Lower limits of a mean that count losses nobody saw."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincinv

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import mean_interval
from ml_assets.statistics.rare_losses import least_mean, low_with_rare_losses
from ml_assets.statistics.skewness import skewed_interval


@given(st.integers(2, 2_000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_of_zeros_and_ones_it_is_clopper_and_pearson(n: int, share: float, level: float) -> None:
    ones = round(share * n)
    found = least_mean(np.repeat([1.0, 0.0], [ones, n - ones]), lowest=0.0, level=level)
    exact = betaincinv(ones, n - ones + 1, 1 - level) if ones else 0.0
    assert found == pytest.approx(exact, rel=0.06, abs=1e-12)


def test_the_rule_of_three_by_hand() -> None:
    found = least_mean(np.zeros(300), lowest=-100.0)
    assert found == pytest.approx(-100 * (1 - 0.05 ** (1 / 300)), rel=0.005)
    assert found == pytest.approx(-1.0, rel=0.01)


def test_clopper_and_pearson_as_published() -> None:
    # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 5: 15 of 148 has [0.0578, 0.1617] at 95 %.
    rows = np.repeat([1.0, 0.0], [15, 133])
    assert least_mean(rows, lowest=0.0, level=0.975) == pytest.approx(0.0578, abs=2e-4)
    assert -least_mean(-rows, lowest=-1.0, level=0.975) == pytest.approx(0.1617, abs=2e-4)


@pytest.mark.parametrize("n", [10, 60])
def test_it_is_the_quantile_of_weights_drawn_evenly(n: int) -> None:
    rng = np.random.default_rng(n)
    values = -np.minimum(rng.exponential(size=n), 6.0)
    weights = rng.exponential(size=(40_000, n + 1))
    drawn = weights @ np.append(values, -8.0) / weights.sum(axis=1)
    below = float((drawn < least_mean(values, lowest=-8.0)).mean())
    assert below == pytest.approx(0.05, abs=0.005)


def test_drawn_weights_of_clusters_have_one_more_as_large_as_the_largest() -> None:
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(12), np.arange(1, 13))
    values = rng.uniform(-1, 1, cluster.size)
    sums = np.append(np.bincount(cluster, weights=values), -5.0 * 12)
    weights = rng.exponential(size=(40_000, 13))
    drawn = weights @ sums / (weights @ np.append(np.arange(1, 13), 12))
    below = float((drawn < least_mean(values, lowest=-5.0, cluster=cluster)).mean())
    assert below == pytest.approx(0.05, abs=0.005)


@given(st.integers(0, 10_000), st.floats(0.1, 50), st.floats(-20, 20), st.integers(2, 60))
def test_it_moves_with_the_unit_falls_with_the_lowest_and_stays_between(
    seed: int, unit: float, shift: float, n: int
) -> None:
    values = np.random.default_rng(seed).normal(size=n)
    lowest = float(values.min()) - 1
    found = least_mean(values, lowest=lowest)
    assert lowest <= found <= values.mean()
    assert least_mean(values, lowest=lowest - 5) < found
    assert least_mean(values, lowest=lowest, level=0.99) < found
    assert least_mean(unit * values + shift, lowest=unit * lowest + shift) == pytest.approx(
        unit * found + shift, abs=1e-6
    )


def test_with_many_rows_of_many_sizes_it_is_close_to_student() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 20_000)
    one_sided = mean_interval(values, level=0.9)[0]
    assert least_mean(values, lowest=-1.0) == pytest.approx(one_sided, abs=2e-4)


def test_rare_losses_are_held_where_the_interval_of_the_rows_fails() -> None:
    rng = np.random.default_rng(5)
    held = [0, 0]
    for _ in range(1_000):
        rows = np.where(rng.random(60) < 0.03, -10.0, rng.uniform(-0.1, 0.1, 60))
        held[0] += mean_interval(rows)[0] <= -0.3
        held[1] += low_with_rare_losses(rows, lowest=-10.0) <= -0.3
    assert held[0] < 850
    assert held[1] >= 950 - 14


def test_clusters_of_one_row_are_rows_and_copies_tell_nothing() -> None:
    values = -np.random.default_rng(2).exponential(size=80)
    same = np.arange(80)
    assert skewed_interval(values, cluster=same)[0] == pytest.approx(skewed_interval(values)[0])
    assert skewed_interval(np.repeat(values, 10), cluster=np.repeat(same, 10))[0] == pytest.approx(
        skewed_interval(values)[0]
    )
    tenfold = least_mean(np.repeat(values, 10), lowest=-9.0, cluster=np.repeat(same, 10))
    assert tenfold == pytest.approx(least_mean(values, lowest=-9.0))


def test_a_worst_row_that_weighs_little_asks_no_limit_of_its_own() -> None:
    rich = np.random.default_rng(4).normal(size=400)
    assert low_with_rare_losses(rich, lowest=-9.0) == skewed_interval(rich)[0]
    assert low_with_rare_losses(rich, lowest=-11.0) == least_mean(rich, lowest=-11.0) < skewed_interval(rich)[0]
    assert low_with_rare_losses(rich, lowest=None) == skewed_interval(rich)[0]
    # The same rows as one customer each ten: one more customer weighs as ten rows.
    ten = np.repeat(np.arange(40), 10)
    assert low_with_rare_losses(rich, lowest=-9.0, cluster=ten) == least_mean(rich, lowest=-9.0, cluster=ten)


def test_few_rows_and_equal_rows() -> None:
    assert math.isnan(least_mean([], lowest=0.0))
    assert math.isnan(low_with_rare_losses([], lowest=0.0))
    assert low_with_rare_losses([1.0], lowest=0.0) == -math.inf
    assert skewed_interval([2.0, 2.0, 2.0])[0] == 2
    assert least_mean([-3.0, -3.0], lowest=-3.0) == -3


def test_a_value_below_the_lowest_is_refused() -> None:
    with pytest.raises(DataError, match="below the lowest"):
        least_mean([-2.0, 1.0], lowest=-1.0)

"""Intervals of means with long tails and of ratios of means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.statistics.intervals import mean_interval, t_quantile
from ml_assets.statistics.skewness import ratio_of_means, skewed_interval, squares_interval


@pytest.mark.parametrize("n", [20, 50, 200])
def test_the_interval_of_a_mean_square_covers_it_where_students_does_not(n: int) -> None:
    """Squares of Laplace errors, whose mean is 2: two thousand samples."""
    rng = np.random.default_rng(n)
    held = {squares_interval: 0, mean_interval: 0}
    for _ in range(2_000):
        squares = rng.laplace(size=n) ** 2
        for kind in held:
            low, high = kind(squares)
            held[kind] += low <= 2 <= high
    assert held[squares_interval] / 2_000 >= 0.915
    assert held[squares_interval] > held[mean_interval]


def test_without_skewness_it_is_students_interval() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert squares_interval(values) == pytest.approx(mean_interval(values))
    assert squares_interval([2.0, 2.0, 2.0]) == mean_interval([2.0, 2.0, 2.0])
    assert squares_interval([2.0]) == (-math.inf, math.inf)
    # by hand: 1 1 1 5 has mean 2, sd 2, skewness 2/sqrt(3); t(0.975, 3) = 3.182446
    g = 2 / math.sqrt(3) / 2
    ends = [
        2 - 3 / g * ((1 + g * (t - g / 6)) ** (1 / 3) - 1)
        if 1 + g * (t - g / 6) > 0
        else 2 + 3 / g * ((-(1 + g * (t - g / 6))) ** (1 / 3) + 1)
        for t in (3.182446, -3.182446)
    ]
    assert squares_interval([1.0, 1.0, 1.0, 5.0]) == pytest.approx(ends, abs=1e-5)


@given(st.integers(0, 10_000), st.integers(3, 60), st.floats(0.1, 30), st.floats(-20, 20))
def test_the_wider_end_of_student_and_hall_on_either_side(seed: int, n: int, unit: float, shift: float) -> None:
    values = np.random.default_rng(seed).exponential(size=n)
    student, hall, found = mean_interval(values), squares_interval(values), skewed_interval(values)
    assert found == pytest.approx((min(student[0], hall[0]), max(student[1], hall[1])))
    low, high = skewed_interval(shift - unit * values)
    assert (low, high) == pytest.approx((shift - unit * found[1], shift - unit * found[0]), abs=1e-6)


def test_skewness_moves_the_end_on_the_side_of_the_tail_alone() -> None:
    losses = -np.random.default_rng(1).exponential(size=100)
    assert skewed_interval(losses)[0] < mean_interval(losses)[0]
    assert skewed_interval(losses)[1] == pytest.approx(mean_interval(losses)[1])


@pytest.mark.parametrize("kind", ["losses", "both tails"])
def test_fifty_rows_of_money_hold_the_mean(kind: str) -> None:
    rng = np.random.default_rng(7)
    held = {skewed_interval: 0, mean_interval: 0, squares_interval: 0}
    for _ in range(2_000):
        amount = rng.lognormal(0.0, 1.0, 50)
        sign = -np.abs(rng.normal(size=50)) if kind == "losses" else np.where(rng.random(50) < 0.7, 1.0, -3.0)
        truth = math.exp(0.5) * (-math.sqrt(2 / math.pi) if kind == "losses" else -0.2)
        for interval in held:
            low, high = interval(amount * sign)
            held[interval] += low <= truth <= high
    assert held[skewed_interval] / 2_000 >= 0.93 - 0.011
    assert held[skewed_interval] > max(held[mean_interval], held[squares_interval])


def test_clusters_of_one_row_are_rows_and_copies_of_rows_tell_nothing() -> None:
    values, same = -np.random.default_rng(2).exponential(size=80), np.arange(80)
    assert skewed_interval(values, cluster=same) == pytest.approx(skewed_interval(values))
    assert skewed_interval(np.repeat(values, 10), cluster=np.repeat(same, 10)) == pytest.approx(skewed_interval(values))


def test_few_and_equal_rows() -> None:
    assert skewed_interval([3.0]) == squares_interval([3.0]) == (-math.inf, math.inf)
    assert skewed_interval([3.0, 4.0], cluster=np.array(["a", "a"])) == (-math.inf, math.inf)
    assert all(math.isnan(end) for end in (*skewed_interval([]), *squares_interval([])))
    assert skewed_interval([2.0, 2.0, 2.0]) == (2, 2)


def test_fieller_by_hand() -> None:
    # above 1 3, below 4 6: means 2 and 5, variances 2 and 2, covariance 2, so above - r·below has mean 2 - 5r and variance
    # 2(1 - r)². With q = t(0.75, 1)²·2/2 = 1: (2 - 5r)² <= (1 - r)², 24r² - 18r + 3 <= 0, r from 1/4 to 1/2.
    assert ratio_of_means(np.array([1.0, 3.0]), np.array([4.0, 6.0]), level=0.5) == pytest.approx((0.25, 0.5))


@given(st.integers(0, 10_000), st.integers(2, 50), st.sampled_from([0.8, 0.95, 0.99]))
def test_at_its_ends_the_interval_of_the_difference_touches_zero(seed: int, n: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    above, below = rng.exponential(size=n), rng.exponential(size=n) + 0.1
    low, high = ratio_of_means(above, below, level=level)
    assert 0 <= low <= above.mean() / below.mean() <= high
    for end in (low, high):
        if 0 < end < math.inf:
            gap = above - end * below
            assert abs(gap.mean()) == pytest.approx(t_quantile(level, n - 1) * gap.std(ddof=1) / math.sqrt(n))
    if math.isinf(high):  # a ratio however large is not ruled out
        far = above - 1e9 * below
        assert mean_interval(far, level=level)[1] >= 0


def test_ratios_of_nothing() -> None:
    nothing, some = np.zeros(5), np.arange(1.0, 6.0)
    assert ratio_of_means(nothing, some) == (0, 0)
    assert ratio_of_means(some, nothing) == (0, math.inf)
    assert ratio_of_means(some[:1], some[:1]) == (0, math.inf)
    assert all(math.isnan(end) for end in ratio_of_means(np.array([]), np.array([])))


def test_the_ratio_of_two_means_is_held_as_often_as_stated() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(2_000):
        scale = rng.lognormal(0, 0.5, 50)
        low, high = ratio_of_means(scale * rng.exponential(0.3, 50), scale * rng.exponential(1.0, 50))
        held += low <= 0.3 <= high
    assert 0.93 <= held / 2_000 <= 0.97


def test_copies_of_a_row_are_one_draw_of_squares_and_of_ratios() -> None:
    rng = np.random.default_rng(20)
    above, below, who = rng.normal(size=40) ** 2, rng.normal(size=40) ** 2, np.repeat(np.arange(40), 7)
    ten_above, ten_below = np.repeat(above, 7), np.repeat(below, 7)
    assert squares_interval(ten_above, cluster=who) == pytest.approx(squares_interval(above))
    assert ratio_of_means(ten_above, ten_below, cluster=who) == pytest.approx(ratio_of_means(above, below))
    assert squares_interval(ten_above)[0] > squares_interval(above)[0]
    one = np.zeros(280)
    assert squares_interval(ten_above, cluster=one) == (-math.inf, math.inf)
    assert ratio_of_means(ten_above, ten_below, cluster=one) == (0.0, math.inf)

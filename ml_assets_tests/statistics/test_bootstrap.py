"""Drawing rows again: against closed forms, by hand, and where nothing can be drawn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.bootstrap import Statistic, bootstrap_interval, share_interval
from ml_assets.statistics.intervals import mean_interval, normal_quantile, t_quantile, wilson


@pytest.mark.parametrize("n", [400, 60_000])
def test_the_bootstrap_of_a_mean_agrees_with_the_t_interval(n: int) -> None:
    values = np.random.default_rng(1).exponential(size=n)

    def mean(index: IntArray) -> FloatArray:
        means: FloatArray = values[index].mean(axis=1)
        return means

    low, high = bootstrap_interval(mean, n, draws=400, seed=3)
    expected = mean_interval(values)
    width = expected[1] - expected[0]
    assert (low, high) == pytest.approx(expected, abs=0.15 * width)
    assert bootstrap_interval(mean, n, draws=400, seed=3) == (low, high)
    assert bootstrap_interval(mean, n, draws=400, seed=4) != (low, high)


def test_a_bootstrap_without_values_is_nan() -> None:
    def nothing(index: IntArray) -> FloatArray:
        return np.full(index.shape[0], np.nan)

    assert all(math.isnan(end) for end in bootstrap_interval(nothing, 10))
    assert all(math.isnan(end) for end in bootstrap_interval(nothing, 0))


def rate(values: FloatArray) -> Statistic:
    def statistic(index: IntArray) -> FloatArray:
        means: FloatArray = values[index].mean(axis=1)
        return means

    return statistic


@given(st.integers(0, 1_000), st.sampled_from([3.0, 10.0, 40.0]), st.sampled_from([0.8, 0.95]))
def test_a_share_is_the_resampled_logit_stretched_about_its_value(seed: int, positives: float, level: float) -> None:
    values = np.random.default_rng(seed).uniform(0.05, 0.95, 60)
    low, high = share_interval(rate(values), 60, positives=positives, draws=200, level=level, seed=seed)
    centre = logit(values.mean())
    plain = bootstrap_interval(lambda at: logit(values[at].mean(axis=1)), 60, draws=200, level=level, seed=seed)
    stretch = t_quantile(level, positives - 1) / normal_quantile(level) * math.sqrt(positives / (positives - 1))
    assert stretch > 1
    assert (low, high) == pytest.approx(tuple(expit(centre + stretch * (np.array(plain) - centre))))
    assert 0 < low < values.mean() < high < 1


def test_many_rows_need_no_stretch() -> None:
    values = np.random.default_rng(0).uniform(size=5_000)
    found = share_interval(rate(values), 5_000, positives=5_000, draws=1_000)
    assert found == pytest.approx(mean_interval(values), abs=1e-3)


def test_a_share_of_one_has_the_low_end_of_its_positives() -> None:
    assert share_interval(rate(np.ones(30)), 30, positives=4) == (wilson(4, 4)[0], 1.0)


def test_one_positive_tells_next_to_nothing() -> None:
    low, high = share_interval(rate(np.tile([0.0, 1.0], 15)), 30, positives=1, level=0.999, draws=50)
    assert 0 <= low < 0.01
    assert 0.99 < high <= 1

"""Tests and distances on counts: against scipy, against closed forms, and against their own null distribution."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ml_assets.statistics import divergence as div

Counts = npt.NDArray[np.float64]
counts = st.lists(st.integers(0, 60), min_size=2, max_size=8)


def array(*values: float) -> Counts:
    return np.array(values, dtype=np.float64)


def test_tails_at_published_points() -> None:
    assert div.normal_tail(1.959964) == pytest.approx(0.05, abs=1e-7)
    assert div.normal_tail(0.0) == 1.0
    assert div.kolmogorov_tail(1.3581) == pytest.approx(0.05, abs=1e-4)  # Smirnov (1948)
    assert div.kolmogorov_tail(1.6276) == pytest.approx(0.01, abs=1e-4)
    assert div.kolmogorov_tail(0.0) == 1.0


@pytest.mark.parametrize("x", [0.19, 0.21, 0.5, 0.9, 1.5, 3.0])
def test_the_kolmogorov_tail_agrees_with_scipy(x: float) -> None:
    from scipy.special import kolmogorov

    assert div.kolmogorov_tail(x) == pytest.approx(float(kolmogorov(x)), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 12), st.integers(1, 40), st.integers(0, 12), st.integers(1, 40))
def test_rare_rates_are_tested_exactly(x: int, n: int, y: int, m: int) -> None:
    from scipy.stats import hypergeom

    x, y = min(x, n), min(y, m)
    found = div.rate_p_value(x, n, y, m)
    if 0 < x + y < n + m:
        tail = hypergeom(n + m, x + y, m)
        assert found == pytest.approx(min(1.0, 2 * min(tail.cdf(y), tail.sf(y - 1))), rel=1e-6)
    else:
        assert found == 1.0
    assert found == pytest.approx(div.rate_p_value(y, m, x, n), rel=1e-6)
    assert found == pytest.approx(div.rate_p_value(n - x, n, m - y, m), rel=1e-6)


def test_one_missing_value_against_a_clean_reference_is_no_alarm() -> None:
    # one of 500 where the pooled rate is 1/100,500: P(it falls among the 500) = 500/100,500, doubled
    assert div.rate_p_value(0, 100_000, 1, 500) == pytest.approx(2 * 500 / 100_500)


def test_frequent_rates_agree_with_the_pooled_z_test() -> None:
    rate = 300 / 2_000
    z = (180 / 1_000 - 120 / 1_000) / math.sqrt(rate * (1 - rate) * 2 / 1_000)
    assert div.rate_p_value(120, 1_000, 180, 1_000) == pytest.approx(math.erfc(z / math.sqrt(2)))


@settings(max_examples=60, deadline=None)
@given(counts, st.integers(0, 1_000))
def test_homogeneity_is_the_chi_square_test_of_the_table(a: list[int], seed: int) -> None:
    from scipy.stats import chi2_contingency

    b = np.random.default_rng(seed).integers(0, 40, len(a))
    table = np.array([a, b])[:, (np.array(a) + b) > 0]
    if table.shape[1] > 1 and (table.sum(axis=1) > 0).all():
        expected = chi2_contingency(table, correction=False).pvalue
        assert div.homogeneity_p_value(array(*a), b.astype(float)) == pytest.approx(expected, abs=1e-12)
    else:
        assert div.homogeneity_p_value(array(*a), b.astype(float)) == 1.0


def test_location_agrees_with_the_rank_sum_test() -> None:
    from scipy.stats import ranksums

    edges = np.concatenate(([-np.inf], np.linspace(-3, 3, 200), [np.inf]))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(0, 1, 2_000), rng.normal(0.1, 1, 2_000)
        a, b = (np.histogram(values, edges)[0].astype(float) for values in (x, y))
        assert math.log(div.rank_tests(a, b).p_values[0]) == pytest.approx(
            math.log(ranksums(x, y).pvalue), rel=0.3, abs=1.0
        )


def test_location_spread_and_shape_are_told_apart() -> None:
    edges = np.concatenate(([-np.inf], np.linspace(-3, 3, 200), [np.inf]))
    a = 2_000 * np.diff(norm.cdf(edges))
    location, spread, shape = div.rank_tests(a, 2_000 * np.diff(norm.cdf(edges / 1.2))).p_values
    assert location == pytest.approx(1.0)
    assert spread < 1e-9
    assert shape > 0.01
    location, spread, shape = div.rank_tests(a, 2_000 * np.diff(norm.cdf(edges - 0.15))).p_values
    assert location < 1e-4 < 0.1 < spread
    assert shape < 0.01
    assert div.rank_tests(a, a) == div.RankTests(0.0, (1.0, 1.0, 1.0))


def test_nothing_to_rank_gives_no_p_values() -> None:
    assert div.rank_tests(array(0, 5), array(0, 0)).p_values == ()
    assert div.rank_tests(array(0, 5), array(0, 9)).p_values == ()


def test_combined_p_values() -> None:
    assert div.combined([]) == 1.0
    assert div.combined([0.03]) == pytest.approx(0.03)
    assert div.combined([0.01, 0.01, 0.01]) == pytest.approx(0.01)
    # one strong test among three: about three times its p-value, as Bonferroni would say
    assert div.combined([1e-6, 0.5, 0.5]) == pytest.approx(3e-6, rel=1e-3)
    assert div.combined([1e-6, 1.0, 1.0]) == pytest.approx(3e-6, rel=1e-3)  # a p-value of 1 does not silence it
    assert div.combined([0.0, 1.0]) <= 2e-300
    assert div.combined([1e-20, 0.5]) == pytest.approx(2e-20)


def test_independent_tests_combine_at_their_level() -> None:
    p_values = np.random.default_rng(4).random((4_000, 4))
    small = np.mean([div.combined(row) <= 0.05 for row in p_values.tolist()])
    assert 0.04 < small < 0.06  # standard error 0.0034


def test_the_stability_index_by_hand() -> None:
    a, b = array(999.5, 1999.5), array(1499.5, 1499.5)  # plus half a row: shares 1/3, 2/3 and 1/2, 1/2
    expected = (1 / 2 - 1 / 3) * math.log(3 / 2) + (1 / 2 - 2 / 3) * math.log(3 / 4)
    index, effect = div.stability_index(a, b)
    assert index == pytest.approx(expected)
    assert effect == pytest.approx(expected - 2 / 2_999)
    assert div.stability_index(a, a) == (0.0, 0.0)
    assert div.stability_index(array(0, 7), array(0, 3)) == (0.0, 0.0)


def test_its_noise_is_taken_off() -> None:
    rng = np.random.default_rng(6)
    draws = rng.multinomial(500, [0.05] * 20, size=(400, 2)).astype(float)
    raw = [div.stability_index(a, b)[0] for a, b in draws]
    assert np.mean(raw) == pytest.approx(19 * 2 / 500, rel=0.1)


def test_a_normal_shift_has_its_square_as_effect() -> None:
    edges = norm.ppf(np.arange(21) / 20)
    a, b = (1e6 * np.diff(norm.cdf(edges, shift)) for shift in (0.0, 0.25))
    assert div.stability_index(a, b)[1] == pytest.approx(0.0625, rel=0.05)


def test_total_variation_by_hand() -> None:
    assert div.total_variation(array(1, 1), array(2, 2)) == 0.0
    assert div.total_variation(array(4, 0), array(0, 9)) == 1.0
    assert div.total_variation(array(50, 50), array(60, 40)) == pytest.approx(0.1)
    assert math.isnan(div.total_variation(array(0, 0), array(1, 1)))


def test_earth_movers_by_hand() -> None:
    knots = array(0, 1, 2, 3)
    assert div.earth_movers(array(5, 0, 0), array(0, 0, 5), knots) == pytest.approx(2.0)
    assert div.earth_movers(array(1, 1, 2), array(1, 1, 2), knots) == 0.0
    assert math.isnan(div.earth_movers(array(0, 0, 0), array(1, 0, 0), knots))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=140), st.integers(0, 1_000))
def test_merged_cells_lose_no_rows(a: list[int], seed: int) -> None:
    b = np.random.default_rng(seed).integers(0, 50, len(a)).astype(float)
    merged = div.even_cells(array(*a), b)
    assert (merged[0].sum(), merged[1].sum()) == (sum(a), b.sum())
    assert len(merged[0]) == len(merged[1]) <= max(20, len(a) if not sum(a) else 0)


def test_equal_cells_merge_into_equal_cells() -> None:
    a, _ = div.even_cells(np.full(120, 100.0), np.full(120, 100.0))
    assert a.tolist() == [600.0] * 20
    small, _ = div.even_cells(np.full(120, 100.0), np.full(120, 0.5))
    assert len(small) == 6  # ten of the sixty current rows in each


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("n", "m"), [(500, 500), (20_000, 2_000)])
def test_the_interval_of_the_index_covers_its_value(shift: float, n: int, m: int) -> None:
    """At no, small and large drift alike, of a normal column cut into twenty cells."""
    rng = np.random.default_rng(n)
    cuts = norm.ppf(np.arange(1, 20) / 20)
    p = np.full(20, 1 / 20)
    q = np.diff(np.concatenate(([0.0], norm.cdf(cuts - shift), [1.0])))
    true = float(((q - p) * np.log(q / p)).sum())
    covered = 0
    for _ in range(400):
        low, high = div.stability_interval(rng.multinomial(n, p).astype(float), rng.multinomial(m, q).astype(float))
        covered += low - 1e-12 <= true <= high + 1e-12
    assert 0.925 <= covered / 400 <= 1.0


def test_the_interval_of_the_index_at_the_edges() -> None:
    assert div.stability_interval(array(5, 5), array(0, 0)) == pytest.approx((math.nan, math.nan), nan_ok=True)
    assert div.stability_interval(array(5, 0), array(9, 0)) == (0.0, 0.0)
    low, high = div.stability_interval(array(1e6, 1e6), array(1.5e6, 0.5e6))
    assert low < div.stability_index(array(1e6, 1e6), array(1.5e6, 0.5e6))[1] < high
    assert high - low < 0.01


def test_of_two_values_and_of_rare_ones_the_share_is_tested_exactly() -> None:
    found = div.rank_tests(array(500, 500), array(250, 750))
    assert found.p_values == (div.rate_p_value(500, 1_000, 750, 1_000),)
    assert found.location == pytest.approx(11.5, abs=0.3)
    assert div.rank_tests(array(250, 750), array(500, 500)).location == -found.location
    rare = div.rank_tests(array(2_990, 5, 5), array(490, 2, 8))
    assert rare.p_values == (div.rate_p_value(10, 3_000, 10, 500),)
    certain = div.rank_tests(array(10**6, 1), array(1, 10**6)).location
    assert 30 < certain < math.inf

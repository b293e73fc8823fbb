import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.intervals import (
    delong,
    delong_difference,
    hanley_mcneil_variance,
    mean_interval,
    midranks,
    newcombe_difference,
    normal_quantile,
    percentile_stretch,
    quantile_interval,
    ratio_interval,
    t_over_z,
    t_quantile,
    wilson,
)

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))

# Hanley and McNeil (1982), table I: 58 normal and 51 abnormal images by rating 1..5.
RATINGS = np.repeat([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
ABNORMAL = np.repeat([0, 1], [58, 51])


# Newcombe (1998), Statistics in Medicine 17, 857, table I, method 3.
@pytest.mark.parametrize(
    ("x", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(x: int, n: int, low: float, high: float) -> None:
    assert wilson(x, n) == pytest.approx((low, high), abs=5e-5)


@given(counts)
def test_wilson_stays_inside_mirrors_and_holds_the_rate(count: tuple[int, int]) -> None:
    x, n = count
    low, high = wilson(x, n)
    assert 0 <= low <= x / n <= high <= 1
    assert low < high
    assert wilson(n - x, n) == pytest.approx((1 - high, 1 - low))
    wide = wilson(x, n, level=0.99)
    assert wide[0] <= low
    assert wide[1] >= high


def test_an_empty_denominator_is_nan_not_zero() -> None:
    for nothing in (wilson(0, 0), newcombe_difference(0, 0, 1, 2), ratio_interval(1, 2, 0, 0), mean_interval([])):
        assert all(math.isnan(end) for end in nothing)


@pytest.mark.parametrize("count", [(-1, 10), (11, 10), (float("nan"), 10)])
def test_counts_outside_their_denominator_are_refused(count: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="denominator"):
        wilson(*count)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, float("nan")])
def test_levels_outside_their_range_are_refused(level: float) -> None:
    with pytest.raises(DataError, match="confidence level"):
        wilson(1, 2, level=level)


def test_normal_and_t_quantiles_are_the_tabulated_ones() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert t_quantile(0.95, 9) == pytest.approx(2.262, abs=5e-4)
    assert t_quantile(0.90, 1) == pytest.approx(6.314, abs=5e-4)


# Newcombe (1998), Statistics in Medicine 17, 873, table II, method 10.
@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_gives_the_published_intervals(table: tuple[int, int, int, int], low: float, high: float) -> None:
    assert newcombe_difference(*table) == pytest.approx((low, high), abs=5e-5)


@given(counts, counts)
def test_newcombe_holds_the_difference_and_turns_with_the_groups(a: tuple[int, int], b: tuple[int, int]) -> None:
    low, high = newcombe_difference(*a, *b)
    assert -1 <= low <= a[0] / a[1] - b[0] / b[1] <= high <= 1
    assert newcombe_difference(*b, *a) == pytest.approx((-high, -low))


def test_the_ratio_of_the_aspirin_trial_is_the_published_one() -> None:
    # Agresti, Categorical Data Analysis: 189 of 11,034 (placebo) to 104 of 11,037 (aspirin), 1.82 [1.43, 2.30].
    assert ratio_interval(189, 11_034, 104, 11_037) == pytest.approx((1.43, 2.30), abs=0.01)


@given(counts, counts)
def test_ratio_intervals_hold_the_ratio_and_turn_with_the_groups(a: tuple[int, int], b: tuple[int, int]) -> None:
    low, high = ratio_interval(*a, *b)
    assert 0 <= low < high
    if b[0]:
        assert low <= (a[0] / a[1]) / (b[0] / b[1]) * (1 + 1e-9)
        assert high >= (a[0] / a[1]) / (b[0] / b[1]) * (1 - 1e-9)
    if a[0] and b[0]:
        assert ratio_interval(*b, *a) == pytest.approx((1 / high, 1 / low))


def test_a_ratio_without_successes_stays_open() -> None:
    assert ratio_interval(0, 10, 3, 10)[0] == 0
    assert ratio_interval(3, 10, 0, 10)[1] == math.inf
    low, high = ratio_interval(5, 5, 7, 7)
    assert low < 1 < high


def test_a_side_of_successes_alone_proves_little_with_few_rows() -> None:
    """One row that was chosen has no spread by Katz: 1 of 1 against 106 of 235 gave [1.93, 2.55]."""
    low, high = ratio_interval(1, 1, 106, 235)
    assert low == pytest.approx(wilson(1, 1)[0] / (106 / 235), rel=0.1)
    assert low < 0.8 < 1.25 < high
    few, many = ratio_interval(5, 5, 106, 235), ratio_interval(500, 500, 106, 235)
    assert low < few[0] < many[0]
    rest = wilson(106, 235)
    assert many == pytest.approx((1 / rest[1], 1 / rest[0]), rel=0.02)


@pytest.mark.parametrize("rows", [1, 2, 5, 10])
def test_a_small_group_is_covered_where_it_may_be_full(rows: int) -> None:
    """Share of samples whose interval holds the true ratio of 0.9 to 0.5, exact over the group, the rest as expected."""
    chance = [math.comb(rows, x) * 0.9**x * 0.1 ** (rows - x) for x in range(rows + 1)]
    held = [low <= 1.8 <= high for low, high in (ratio_interval(x, rows, 500, 1000) for x in range(rows + 1))]
    assert sum(p for p, inside in zip(chance, held, strict=True) if inside) >= 0.92


def test_the_mean_of_students_sleep_data_has_the_published_interval() -> None:
    # Student (1908): additional hours of sleep, ten patients; 95 % interval as in the manual of R's t.test.
    extra = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert mean_interval(extra) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_one_row_says_nothing_about_its_spread() -> None:
    assert mean_interval([3.0]) == (-math.inf, math.inf)


def test_delong_gives_the_published_interval_of_the_ct_images() -> None:
    # Stata base reference manual, roctab on these ratings: 0.8932, standard error 0.0307, [0.83295, 0.95339].
    area = delong(ABNORMAL, RATINGS)
    assert area.value == pytest.approx(0.8932, abs=5e-5)
    assert (area.low, area.high) == pytest.approx((0.83295, 0.95339), abs=1e-5)
    assert area.n == 109


def test_hanley_and_mcneil_give_their_published_standard_error() -> None:
    assert math.sqrt(hanley_mcneil_variance(0.893, 51, 58)) == pytest.approx(0.032, abs=1e-3)


def test_delong_on_four_rows_by_hand() -> None:
    # Positives at 3 and 2 beat 1 and 2.5 in 2 and 1 of 2 pairs; negatives are beaten in 2 and 1 of 2.
    area = delong([1, 1, 0, 0], [3.0, 2.0, 1.0, 2.5])
    half = normal_quantile(0.95) * math.sqrt(0.125 / 2 + 0.125 / 2)
    assert area.value == 0.75
    assert (area.low, area.high) == pytest.approx((0.75 - half, 1.0))


def _by_pairs(truth: FloatArray, score: FloatArray) -> tuple[FloatArray, FloatArray]:
    gap = score[truth == 1][:, np.newaxis] - score[truth == 0]
    wins = (gap > 0) + 0.5 * (gap == 0)
    return wins.mean(axis=1), wins.mean(axis=0)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 40))
def test_delong_equals_the_definition_pair_by_pair(seed: int, levels: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[0, 0, 1, 1], rng.integers(0, 2, n)]).astype(float)
    a, b = rng.integers(0, levels, n + 4).astype(float), rng.integers(0, levels, n + 4).astype(float)
    z = normal_quantile(0.9)
    (pos_a, neg_a), (pos_b, neg_b) = _by_pairs(truth, a), _by_pairs(truth, b)
    area, gap = delong(truth, a, level=0.9), delong_difference(truth, a, b, level=0.9)
    assert area.value == pytest.approx(pos_a.mean())
    if area.value not in (0, 1):
        error = math.sqrt(pos_a.var(ddof=1) / len(pos_a) + neg_a.var(ddof=1) / len(neg_a))
        assert area.low == pytest.approx(max(0, pos_a.mean() - z * error))
    pos, neg = pos_a - pos_b, neg_a - neg_b
    error = math.sqrt(pos.var(ddof=1) / len(pos) + neg.var(ddof=1) / len(neg))
    assert gap.value == pytest.approx(pos.mean())
    assert gap.high == pytest.approx(min(1, pos.mean() + z * error))


def test_delong_at_the_edges() -> None:
    assert not delong([1, 1], [0.1, 0.2]).estimable
    assert not delong([], []).estimable
    assert not delong_difference([1, 0, 0], [1, 2, 3], [3, 2, 1]).estimable
    perfect = delong([0, 0, 0, 1, 1], [1, 2, 3, 4, 5])
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(wilson(2, 2)[0])
    lone = delong([1, 0, 0, 0], [2.5, 1, 2, 3])
    assert lone.low < lone.value < lone.high


def test_a_better_ranking_is_seen_on_the_same_rows() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 800)
    good, bad = truth + rng.normal(0, 1, 800), truth + rng.normal(0, 3, 800)
    assert delong_difference(truth, good, bad).low > 0
    assert delong_difference(truth, bad, good).high < 0
    same = delong_difference(truth, good, good * 2 + 1)
    assert (same.low, same.value, same.high) == (0, 0, 0)


def test_delong_refuses_what_it_cannot_rank() -> None:
    with pytest.raises(DataError, match="different length"):
        delong([0, 1], [0.1])
    with pytest.raises(DataError, match="gaps"):
        delong([0, 1], [0.1, np.nan])


def test_equal_values_share_their_rank() -> None:
    assert midranks(np.array([10.0, 20.0, 10.0, 5.0])).tolist() == [2.5, 4.0, 2.5, 1.0]


def test_a_quantile_lies_between_the_ranks_of_the_binomial() -> None:
    # Conover, Practical Nonparametric Statistics (1999), section 3.2: the median of 10 lies between the 2nd and the 9th
    assert quantile_interval(np.arange(1.0, 11.0), 0.5) == (2.0, 9.0)
    assert quantile_interval(np.arange(1.0, 11.0), 0.9) == (7.0, math.inf)
    assert quantile_interval([], 0.5)[0] != quantile_interval([], 0.5)[0]
    assert quantile_interval([3.0], 0.5) == (-math.inf, math.inf)
    with pytest.raises(DataError, match="share of a quantile"):
        quantile_interval([1.0, 2.0], 1.0)


@pytest.mark.parametrize(("n", "share"), [(40, 0.9), (400, 0.1), (5_000, 0.5)])
def test_the_interval_of_a_quantile_covers_it(n: int, share: float) -> None:
    rng = np.random.default_rng(n)
    ends = [quantile_interval(np.sort(rng.random(n)), share) for _ in range(600)]
    assert np.mean([low <= share <= high for low, high in ends]) >= 0.93


def test_students_interval_against_the_normal_one() -> None:
    """t = 2.262 with 9 degrees of freedom, z = 1.960; and of ten draws √(10 / 9) more."""
    assert t_over_z(0.95, 9) == pytest.approx(2.2622 / 1.95996, abs=1e-4)
    assert percentile_stretch(0.95, 10) == pytest.approx(2.2622 / 1.95996 * math.sqrt(10 / 9), abs=1e-4)
    assert t_over_z(0.95, 1e7) == pytest.approx(1, abs=1e-6)
    assert percentile_stretch(0.95, 1e7) == pytest.approx(1, abs=1e-6)

"""Gaps by cluster: copies add nothing, moments by hand, and intervals that hold what they promise."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.clustered import clustered_mean, clustered_share
from ml_assets.statistics.clustered_gaps import (
    OwnedMoments,
    clustered_moments,
    effective,
    rate_gap,
    ratio_gap,
    share_estimate,
    side_mean,
    with_covariance,
)
from ml_assets.statistics.groups import grouping
from ml_assets.statistics.intervals import newcombe_difference, wilson
from ml_assets.statistics.verdicts import rate_difference


def test_moments_are_those_of_the_clustered_means_of_both_sides() -> None:
    rng = np.random.default_rng(0)
    table = grouping(pd.Series(rng.choice(list("abc"), 500), name="g"))  # clusters lie in several groups
    values, cluster = rng.normal(5, 2, 500), rng.integers(0, 60, 500)
    for code, sides in enumerate(clustered_moments(table, values, cluster)):
        for side, mask in zip(sides, (table.codes == code, table.codes != code), strict=True):
            mean = clustered_mean(values[mask], cluster[mask])
            assert side.n == mean.freedom + 1
            assert side.mean == pytest.approx(mean.value)
            assert isinstance(side, OwnedMoments)
            assert math.sqrt(side.alone / side.n) == pytest.approx(mean.error)
            assert side.variance >= side.alone


def test_one_group_alone_has_no_rest_and_one_cluster_no_spread() -> None:
    table = grouping(pd.Series(["a"] * 4, name="g"))
    ((own, rest),) = clustered_moments(table, np.array([0.0, 1.0, 1.0, 0.0]), np.zeros(4, dtype=np.int64))
    assert (own.n, rest.n) == (1, 0)
    assert math.isnan(own.variance)
    assert not math.isfinite(rate_gap((2, 4, 0, 0), (own, rest), tolerance=0.1).value)


def test_without_clusters_it_is_the_difference_of_rates() -> None:
    assert effective((3, 10, 40, 90), None) == (3, 10, 40, 90)
    one, other = rate_gap((3, 10, 40, 90), None, tolerance=0.1), rate_difference(3, 10, 40, 90, tolerance=0.1)
    assert (one.value, one.p_value, one.interval(0.9)) == (other.value, other.p_value, other.interval(0.9))


def test_ten_rows_of_a_customer_tell_no_more_than_one() -> None:
    good, table = np.arange(300) % 3 == 0, grouping(pd.Series(np.repeat(["a", "b"], [100, 200]), name="g"))
    copies = np.repeat(np.arange(300), 10)
    many = grouping(pd.Series(np.repeat(["a", "b"], [1000, 2000]), name="g"))
    x, total = int(good[:100].sum()), int(good.sum())
    sides = clustered_moments(many, good[copies].astype(float), copies)[0]
    found = rate_gap((10 * x, 1000, 10 * (total - x), 2000), sides, tolerance=0.1)
    single = newcombe_difference(x, 100, total - x, 200)
    naive = newcombe_difference(10 * x, 1000, 10 * (total - x), 2000)
    low, high = found.interval(0.95)
    assert high - low == pytest.approx(single[1] - single[0], rel=0.03)
    assert high - low > 2.5 * (naive[1] - naive[0])
    assert found.detectable > 2.5 * rate_difference(10 * x, 1000, 10 * (total - x), 2000, tolerance=0.1).detectable
    assert len(table.labels) == 2


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_intervals_of_a_gap_hold_it_as_often_as_they_say_and_those_of_rows_do_not(level: float) -> None:
    """Forty customers of ten rows in either group; customers' own shares are beta with mean 0.3, half of the variance shared."""
    rng, cluster = np.random.default_rng(2), np.repeat(np.arange(80), 10)
    table, held = grouping(pd.Series(np.repeat(["a", "b"], 400), name="g")), {"clusters": 0, "rows": 0}
    for _ in range(500):
        good = (rng.random(800) < rng.beta(0.3, 0.7, 80)[cluster]).astype(float)
        counts = (good[:400].sum(), 400, good[400:].sum(), 400)
        for name, sides in (("clusters", clustered_moments(table, good, cluster)[0]), ("rows", None)):
            low, high = rate_gap(counts, sides, tolerance=0.1).interval(level)
            held[name] += low <= 0 <= high
    noise = 3 * math.sqrt(500 * level * (1 - level))
    assert abs(held["clusters"] - 500 * level) <= noise + 500 * (1 - level) / 3
    assert held["rows"] < 500 * level - 2 * noise


def test_owners_who_give_to_one_group_what_they_take_from_the_other_make_a_gap_less_sure() -> None:
    """Twenty owners with a row in each group: +1 here is -1 there for ten, the other way for ten; by hand.

    Either side: mean 0, squares 20, error 20/19 · 20/400 = 1/19 squared. The gap of an owner is ±2: 20/19 · 80/400 = 4/19
    squared, twice the sum of both sides. Owners with the same on both sides are left as if they were two.
    """
    luck, owner = np.tile([1.0, -1.0], 10), np.tile(np.arange(20), 2)
    table = grouping(pd.Series(np.repeat(["a", "b"], 20), name="g"))
    for values, wider in ((np.concatenate([luck, -luck]), 2.0), (np.tile(luck, 2), 1.0)):
        for side in clustered_moments(table, values, owner)[0]:
            assert isinstance(side, OwnedMoments)
            assert side.alone / side.n == pytest.approx(1 / 19)
            assert side.variance / side.n == pytest.approx(wider / 19)
            told = side_mean("m", side, 20, unit="", level=0.95)
            assert told.high == pytest.approx(2.093 / math.sqrt(19), abs=1e-3)  # the side itself is no less sure


def test_a_gap_between_groups_that_share_opposed_owners_is_held() -> None:
    """Sixty owners of ten rows in each group; what an owner refuses the one it grants the other."""
    rng, owner, held = np.random.default_rng(3), np.tile(np.repeat(np.arange(60), 10), 2), {"owners": 0, "rows": 0}
    table = grouping(pd.Series(np.repeat(["a", "b"], 600), name="g"))
    for _ in range(300):
        own = rng.beta(1, 1, 60)
        good = (rng.random(1200) < np.concatenate([np.repeat(own, 10), np.repeat(1 - own, 10)])).astype(float)
        counts = (good[:600].sum(), 600, good[600:].sum(), 600)
        for name, sides in (("owners", clustered_moments(table, good, owner)[0]), ("rows", None)):
            low, high = rate_gap(counts, sides, tolerance=0.1).interval(0.95)
            held[name] += low <= 0 <= high
    assert 0.92 <= held["owners"] / 300 <= 0.98
    assert held["rows"] / 300 < 0.75


def test_a_gap_within_couples_of_opposed_answers_is_held_though_either_side_has_a_row_of_each() -> None:
    """Two hundred couples, one of each group: what the one has the other has not, so the gap has twice the noise squared."""
    rng, owner, held = np.random.default_rng(4), np.tile(np.arange(200), 2), {"difference": 0, "ratio": 0}
    table = grouping(pd.Series(np.repeat(["a", "b"], 200), name="g"))
    for _ in range(300):
        own = rng.random(200) < 0.5
        good = np.concatenate([own, ~own]).astype(float)
        counts, sides = (own.sum(), 200, 200 - own.sum(), 200), clustered_moments(table, good, owner)[0]
        for name, gap, even in (
            ("difference", rate_gap(counts, sides, tolerance=0.1), 0),
            ("ratio", ratio_gap(counts, sides, limit=0.8), 1),
        ):
            low, high = gap.interval(0.95)
            held[name] += low <= even <= high
        alone = share_estimate("s", float(own.sum()), 200, sides[0], level=0.95)
        assert (alone.low, alone.high) == pytest.approx(wilson(own.sum(), 200))  # the side itself is no less sure
    assert 0.92 <= held["difference"] / 300 <= 0.985, held  # 0.80 as of rows
    assert 0.92 <= held["ratio"] / 300 <= 0.985, held


def test_a_share_of_one_side_is_that_of_its_owners() -> None:
    good, owner = np.tile(np.repeat([1.0, 0.0, 1.0], 10), 20), np.arange(600) // 10
    table = grouping(pd.Series(["a"] * 600, name="g"))
    ((own, _),) = clustered_moments(table, good, owner)
    found, shared = share_estimate("s", 400, 600, own, level=0.95), clustered_share("s", good == 1, owner)
    assert (found.value, found.n) == (shared.value, shared.n)
    assert (found.low, found.high) == pytest.approx((shared.low, shared.high))
    assert not share_estimate("s", 0, 0, own, level=0.95).estimable


def test_only_sides_that_draw_apart_widen_a_gap() -> None:
    """Variances 3 and 1, covariance -1: 4 + 2 instead of 4."""
    assert with_covariance(4.0, -1.0) == 1.5
    assert with_covariance(4.0, 1.0) == with_covariance(0.0, -1.0) == with_covariance(math.nan, -1.0) == 1.0

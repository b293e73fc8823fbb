"""Means whose rows share a cause: by hand, and against draws of whole clusters."""

import math

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.clustered import (
    ClusteredMean,
    cluster_codes,
    cluster_sums,
    clustered_mean,
    clustered_share,
    covariance_of_means,
    worth,
)
from ml_assets.statistics.intervals import mean_interval, wilson


def test_without_clusters_it_is_student() -> None:
    values = np.random.default_rng(0).normal(3, 2, 40)
    found = clustered_mean(values).estimate("mean", unit="EUR")
    assert (found.low, found.high) == pytest.approx(mean_interval(values))
    assert (found.n, found.unit) == (40, "EUR")


def test_two_customers_by_hand() -> None:
    # means 2; sums of (row - 2): customer a -1 - 1 = -2, b +2; 2/(2-1)·(4 + 4)/4² = 1
    values, cluster = np.array([1.0, 1.0, 3.0, 3.0]), np.array(["a", "a", "b", "b"])
    found = clustered_mean(values, cluster)
    assert (found.value, found.error, found.n, found.freedom) == (2.0, 1.0, 4, 1.0)


def test_ten_copies_of_each_row_tell_no_more_than_the_rows() -> None:
    values = np.random.default_rng(1).normal(size=50)
    copied = clustered_mean(np.repeat(values, 10), np.repeat(np.arange(50), 10))
    assert copied.error == pytest.approx(clustered_mean(values).error)
    assert copied.n == 500


def test_the_interval_of_clustered_rows_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(40), 5)
    held = plain = 0
    for _ in range(400):
        values = np.repeat(rng.normal(size=40), 5) + 0.5 * rng.normal(size=200)
        found, naive = clustered_mean(values, cluster).estimate("m"), clustered_mean(values).estimate("m")
        held += found.low <= 0 <= found.high
        plain += naive.low <= 0 <= naive.high
    assert 0.92 <= held / 400 <= 0.98
    assert plain / 400 < 0.75


def test_the_covariance_is_that_of_numpy_over_n() -> None:
    values = np.random.default_rng(3).normal(size=(30, 3))
    assert covariance_of_means(values) == pytest.approx(np.cov(values.T) / 30)


def test_p_values_of_both_sides_and_their_ends() -> None:
    mean = ClusteredMean(1.0, 0.5, 100, 99)
    assert mean.p_value(1.0, shown="less") == pytest.approx(0.5)
    assert mean.p_value(2.0, shown="less") == pytest.approx(0.0241, abs=1e-4)  # t of -2 at 99 degrees of freedom
    assert mean.p_value(2.0, shown="less") + mean.p_value(2.0, shown="more") == pytest.approx(1)
    sure = ClusteredMean(0.0, 0.0, 100, 99)
    assert (sure.p_value(1.0, shown="less"), sure.p_value(0.0, shown="less"), sure.p_value(0.0, shown="more")) == (
        0,
        1,
        1,
    )
    alone = ClusteredMean(5.0, math.nan, 3, 0)
    assert alone.p_value(9.0, shown="less") == alone.p_value(9.0, shown="more") == 1


def test_one_cluster_is_unbounded_and_none_is_not_estimable() -> None:
    found = clustered_mean(np.array([1.0, 2.0]), np.array([7, 7])).estimate("m")
    assert (found.value, found.low, found.high) == (1.5, -math.inf, math.inf)
    assert not clustered_mean(np.empty(0)).estimate("m").estimable


def test_clusters_must_match_the_rows() -> None:
    with pytest.raises(DataError, match="Clusters do not match"):
        clustered_mean(np.ones(3), np.ones(2))


def test_another_noise_adds_as_squares_with_the_freedom_of_both() -> None:
    found = ClusteredMean(1.0, 3.0, 100, 99).with_noise(4.0, 6)
    assert found.error == pytest.approx(5.0)
    assert found.freedom == pytest.approx(25**2 / (9**2 / 99 + 16**2 / 6))
    assert ClusteredMean(1.0, 3.0, 100, 99).with_noise(4.0, math.inf).freedom == pytest.approx(625 / (81 / 99))
    assert ClusteredMean(1.0, 3.0, 100, 99).with_noise(0.0, 6) == ClusteredMean(1.0, 3.0, 100, 99)
    assert ClusteredMean(1.0, math.nan, 1, 0).with_noise(4.0, 6).freedom == 0


def test_sums_of_clusters_by_hand_and_rows_without_any() -> None:
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    assert cluster_sums(rows, np.array(["b", "a", "b"])).tolist() == [[2, 20], [5, 50]]
    assert cluster_sums(rows).tolist() == rows.tolist()


def test_a_share_of_rows_is_wilsons_and_of_copied_rows_that_of_one_copy() -> None:
    held = np.arange(60) < 20
    own = clustered_share("s", held)
    assert (own.value, own.low, own.high, own.n) == (1 / 3, *wilson(20, 60), 60)
    copied = clustered_share("s", np.repeat(held, 10), np.repeat(np.arange(60), 10))
    assert copied.n == 600
    assert copied.high - copied.low == pytest.approx(own.high - own.low, rel=0.05)
    assert copied.low < own.low  # its variance is estimated: a hair wider
    none = clustered_share("s", np.zeros(600, dtype=bool), np.repeat(np.arange(60), 10))
    assert (none.low, none.high) == pytest.approx(wilson(0, 60))
    assert not clustered_share("s", np.zeros(0, dtype=bool)).estimable


@pytest.mark.parametrize(("share", "clusters"), [(0.1, 60), (0.4, 30)])
def test_intervals_of_a_clustered_share_hold_it_in_95_of_100_and_those_of_rows_do_not(
    share: float, clusters: int
) -> None:
    """Customers of 10 rows whose own shares differ (beta, half of the variance shared)."""
    rng, found = np.random.default_rng(4), {"clusters": 0, "rows": 0}
    who = np.repeat(np.arange(clusters), 10)
    for _ in range(400):
        held = rng.random(len(who)) < rng.beta(share, 1 - share, clusters)[who]
        for name, cluster in (("clusters", who), ("rows", None)):
            one = clustered_share("s", held, cluster)
            found[name] += one.low <= share <= one.high
    assert found["clusters"] >= 365  # 380 expected, three standard deviations
    assert found["rows"] < 300


@pytest.mark.parametrize(
    ("share", "error", "clusters", "draws"),
    [
        (0.0, 0.0, 40, 40),  # nobody has it: as many as there are customers
        (0.5, 0.0, 40, 40 * (1.959964 / 2.022691) ** 2),  # all of them half the time
        (0.5, math.sqrt(0.25 / 40), 40, 40 * (1.959964 / 2.022691) ** 2),  # copies: one each
        (0.5, 1e-6, 40, 400),  # never more than rows
        (0.5, math.nan, 1, 1),
        (math.nan, math.nan, 0, 0),
    ],
)
def test_what_clusters_are_worth(share: float, error: float, clusters: int, draws: float) -> None:
    assert worth(share, error, clusters=clusters, rows=400) == pytest.approx(draws, rel=1e-5)


def test_codes_of_clusters_of_any_type() -> None:
    assert cluster_codes(np.array(["b", "a", "b"], dtype=object), 3).tolist() == [1, 0, 1]
    assert cluster_codes(np.array([7, 7, 9]), 3).tolist() == [0, 0, 1]
    with pytest.raises(DataError, match="Clusters do not match the rows"):
        cluster_codes(np.array([1]), 3)


def test_clusters_of_one_row_are_worth_their_rows() -> None:
    assert worth(0.3, 0.09, clusters=50, rows=50) == 50
    # 0.21 / 0.09² = 25.9 where rows elsewhere make the error what it is, less (1.96 / 2.01)²
    assert worth(0.3, 0.09, clusters=50, rows=50, apart=False) == pytest.approx(24.66, abs=0.01)
    held = np.arange(50) % 3 == 0
    assert clustered_share("s", held, np.arange(50)[::-1]) == clustered_share("s", held)

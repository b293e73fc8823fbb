import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.calibration_noise import chance_limit, shared_draws, shared_noise
from ml_assets.statistics.metrics import evaluate


@pytest.mark.parametrize(
    ("n", "off", "most"), [(200, 0.0, 0.05), (200, 0.05, 0.11), (2_000, 0.05, 0.11), (200, -0.05, 0.11)]
)
def test_a_model_inside_the_tolerance_passes_as_often_as_is_said(n: int, off: float, most: float) -> None:
    rng = np.random.default_rng(n)
    failed = 0
    for seed in range(100):
        score = rng.beta(2, 3, n) * 0.8 + 0.1
        truth = (rng.random(n) < score + off).astype(float)
        found = evaluate("expected_calibration_error", truth, score=score).value
        failed += found > chance_limit(score, tolerance=0.05, seed=seed, draws=100)
    assert failed / 100 <= most


def test_a_model_off_by_more_fails() -> None:
    rng = np.random.default_rng(1)
    score = rng.uniform(0.1, 0.9, 2_000)
    truth = (rng.random(2_000) < np.clip(score + 0.12, 0, 1)).astype(float)
    assert evaluate("expected_calibration_error", truth, score=score).value > chance_limit(score, tolerance=0.05)


def test_chance_alone_at_200_rows_and_at_many() -> None:
    rng = np.random.default_rng(2)
    few, many = rng.uniform(size=200), rng.uniform(size=200_000)
    assert chance_limit(few, tolerance=0.0) > 0.08  # the plain limit of 0.05 fails a perfect model there
    assert chance_limit(many, tolerance=0.05, draws=50) == pytest.approx(0.05, abs=0.005)
    assert chance_limit(many, tolerance=0.0, draws=50) < 0.006


def test_of_classes_the_highest_counts() -> None:
    score = np.random.default_rng(3).dirichlet([1, 1, 1], 500)
    assert chance_limit(score, tolerance=0.02) == chance_limit(score.max(axis=1), tolerance=0.02)


@pytest.mark.parametrize("score", [[], [1.2], [-0.1]])
def test_no_probabilities_are_refused(score: list[float]) -> None:
    with pytest.raises(DataError, match="no calibration error to expect"):
        chance_limit(np.array(score), tolerance=0.05)


@pytest.mark.parametrize(("n", "off"), [(50, 0.0), (50, 0.06), (400, 0.0), (400, 0.06)])
def test_the_interval_holds_the_error_where_resampling_repeats_the_bias(n: int, off: float) -> None:
    """Scores off by a constant: the population's error is that constant."""
    rng = np.random.default_rng(n)
    held = below = 0
    for seed in range(200):
        score = rng.uniform(0.15, 0.8, n)
        truth = (rng.random(n) < score + off).astype(float)
        found = evaluate("expected_calibration_error", truth, score=score, seed=seed, draws=200)
        held += found.low <= off <= found.high
        below += found.value <= off
        assert found.low <= found.value <= found.high
    assert held / 200 >= 0.92
    assert below / 200 < 0.5  # the measured error itself is too large most of the time


def test_noise_of_bands_shared_by_clusters() -> None:
    rng = np.random.default_rng(6)
    promised = rng.uniform(size=400)
    band, gap = (promised * 15).astype(int), (rng.random(400) < promised) - promised
    alone = np.diag(np.bincount(band, weights=promised * (1 - promised), minlength=15))
    assert shared_noise(gap, promised, band, np.arange(400)) == pytest.approx(alone)
    by_chance = shared_noise(gap, promised, band, rng.integers(0, 40, 400))
    assert by_chance.trace() == pytest.approx(alone.trace(), rel=0.2)
    ten = [np.repeat(x, 10) for x in (gap, promised, band, np.arange(400))]
    assert shared_noise(*ten) == pytest.approx(
        100 * alone
    )  # sums of ten copies: ten times each, so a hundredfold variance
    assert shared_noise(np.zeros(4), np.ones(4), np.full(4, 14), np.zeros(4, dtype=int)).max() == 0


def test_noise_is_shared_between_the_bands_of_a_cluster() -> None:
    """Every cluster has a row in each of two bands, whose gaps are the same: as many draws as clusters."""
    promised, gap = np.repeat([0.5, 0.6], 100), np.tile(np.repeat([0.5, -0.5], 50), 2)
    found = shared_noise(gap, promised, (promised * 15).astype(int), np.tile(np.arange(100), 2))
    assert found[7, 9] == pytest.approx(100 * np.sqrt(0.25 * 0.24))
    assert (found[7, 7], found[9, 9]) == pytest.approx((25, 24))


def test_clusters_of_one_row_change_no_digit_of_the_limit_and_one_cluster_alone_proves_nothing() -> None:
    rng = np.random.default_rng(8)
    score = rng.uniform(size=300)
    truth, plain = (rng.random(300) < score).astype(float), chance_limit(score, tolerance=0.05, draws=50)
    assert chance_limit(score, tolerance=0.05, draws=50, truth=truth, cluster=rng.permutation(300)) == plain
    assert chance_limit(score, tolerance=0.05, draws=50, truth=truth, cluster=np.zeros(300, dtype=int)) == 1.0
    with pytest.raises(DataError, match="How alike"):
        chance_limit(score, tolerance=0.05, cluster=np.zeros(300, dtype=int) + np.arange(300) // 2)


@pytest.mark.parametrize(("clusters", "told"), [(2, False), (3, False), (60, True)])
def test_the_limit_of_few_clusters_is_at_most_one_and_one_where_no_error_could_reach_it(
    clusters: int, told: bool
) -> None:
    """Every other cluster comes true as a whole; the stretch by Student's t takes the limit of two beyond any error."""
    rng = np.random.default_rng(0)
    score, cluster = rng.uniform(0.2, 0.8, 300), np.arange(300) % clusters
    found = chance_limit(score, tolerance=0.05, truth=(cluster % 2 == 0).astype(float), cluster=cluster, draws=100)
    by_hand = sum(max(p.sum(), (1 - p).sum()) for k in range(15) if (p := score[(score * 15).astype(int) == k]).size)
    assert (found < by_hand / 300) == told
    assert (found == 1.0) != told


def test_ten_copies_of_a_row_are_one_draw() -> None:
    """All rows of a cluster alike: the limit is that of the clusters once, and classes are read like one promise."""
    rng = np.random.default_rng(9)
    score = rng.uniform(0.1, 0.9, 200)
    truth, copies = (rng.random(200) < score).astype(float), np.repeat(np.arange(200), 10)
    found = chance_limit(score[copies], tolerance=0.05, truth=truth[copies], cluster=copies)
    assert found == pytest.approx(chance_limit(score, tolerance=0.05), rel=0.06)
    assert found > 1.3 * chance_limit(score[copies], tolerance=0.05)
    classes = np.column_stack([1 - score, score])[copies]
    sure = np.maximum(score, 1 - score)[copies]
    right = ((score > 0.5) == truth)[copies].astype(float)
    of_two = chance_limit(classes, tolerance=0.05, truth=truth[copies], cluster=copies, draws=50)
    assert of_two == chance_limit(sure, tolerance=0.05, truth=right, cluster=copies, draws=50)


def test_the_share_of_common_draws_by_hand() -> None:
    """Two clusters of two rows, promises 0.2 and 0.6 each; one cluster comes true, one does not, in bands 3 and 9.

    Less the mean of the band the gaps are ±0.5: products of pairs 4 · 0.25 = 1 against squares 1; a pair of one draw has
    the covariance 0.2 - 0.12 = 0.08, four times 0.32, and the rows 2 · (0.16 + 0.24) = 0.8: 2.5, at most 1.
    """
    promised, cluster = np.array([0.2, 0.6, 0.2, 0.6]), np.array([0, 0, 1, 1])
    gap = np.array([1.0, 1.0, 0.0, 0.0]) - promised
    assert shared_draws(gap, promised, np.array([3, 9, 3, 9]), cluster) == 1.0
    assert shared_draws(gap, promised, np.array([3, 9, 3, 9]), np.arange(4)) == 0.0
    crossed = np.array([1.0, 0.0, 0.0, 1.0]) - promised  # one of each comes true: unlike, not alike
    assert shared_draws(crossed, promised, np.array([3, 9, 3, 9]), cluster) == 0.0


def test_the_share_of_common_draws_is_found_again() -> None:
    rng, cluster = np.random.default_rng(10), np.repeat(np.arange(2_000), 5)
    promised = rng.uniform(0.1, 0.9, 10_000)
    common = rng.random(10_000) < np.sqrt(0.4)
    truth = np.where(common, rng.random(2_000)[cluster], rng.random(10_000)) < promised
    found = shared_draws(truth - promised, promised, (promised * 15).astype(int), cluster)
    assert found == pytest.approx(0.4, abs=0.04)


def test_a_model_within_tolerance_fails_by_chance_as_often_as_is_said_and_by_rows_far_more_often() -> None:
    """Sixty customers of ten rows, alike by a normal share of their luck (not by the draws of the limit)."""
    from scipy.stats import norm

    rng, cluster, failed = np.random.default_rng(1), np.repeat(np.arange(60), 10), {"rows": 0, "clusters": 0}
    for seed in range(200):
        score = np.clip(0.6 * rng.beta(2, 3, 60)[cluster] + 0.2 * rng.random(600) + 0.08, 0.06, 0.94)
        luck = np.sqrt(0.4) * rng.normal(size=60)[cluster] + np.sqrt(0.6) * rng.normal(size=600)
        truth = (norm.cdf(luck) < score + 0.05).astype(float)
        found = evaluate("expected_calibration_error", truth, score=score, draws=10).value
        failed["rows"] += found > chance_limit(score, tolerance=0.05, seed=seed, draws=60)
        limit = chance_limit(score, tolerance=0.05, seed=seed, draws=60, truth=truth, cluster=cluster)
        failed["clusters"] += found > limit
    assert failed["clusters"] / 200 <= 0.09
    assert failed["rows"] / 200 > 0.18

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.calibration_noise import chance_limit, shared_noise
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

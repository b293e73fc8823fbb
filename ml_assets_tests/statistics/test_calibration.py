import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.calibration import (
    Calibration,
    Kind,
    choose_calibration,
    fit_calibration,
    reliability,
)
from ml_assets.statistics.intervals import wilson


def _rows(seed: int, n: int, *, slope: float = 1.0, intercept: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Scores whose true chance is sigmoid(slope · logit(score) + intercept)."""
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.02, 0.98, n)
    chance = 1 / (1 + np.exp(-(slope * np.log(score / (1 - score)) + intercept)))
    return (rng.random(n) < chance).astype(float), score


@given(st.integers(0, 10_000), st.sampled_from(["none", "sigmoid", "isotonic"]), st.integers(2, 60))
def test_a_map_never_leaves_zero_to_one_and_never_turns_the_order(seed: int, kind: Kind, n: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], rng.integers(0, 2, n)])
    calibration = fit_calibration(truth, rng.integers(0, 11, n + 2) / 10, kind=kind)
    grid = calibration.apply(np.linspace(0, 1, 201))
    assert grid.min() >= 0
    assert grid.max() <= 1
    assert (np.diff(grid) >= 0).all()
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration


def test_none_is_the_identity() -> None:
    score = np.array([0.0, 0.3, 1.0])
    assert fit_calibration([0, 1, 0], score, kind="none").apply(score).tolist() == [0.0, 0.3, 1.0]
    assert Calibration("sigmoid").apply(score) == pytest.approx(score, abs=1e-6)


def test_the_sigmoid_finds_the_map_the_rows_were_drawn_from() -> None:
    truth, score = _rows(0, 40_000, slope=2.0, intercept=-1.0)
    found = fit_calibration(truth, score, kind="sigmoid")
    assert found.slope == pytest.approx(2.0, abs=0.1)
    assert found.intercept == pytest.approx(-1.0, abs=0.1)


def test_the_sigmoid_solves_its_equations() -> None:
    # At the best fit the residuals against Platt's targets sum to zero, alone and weighed by the logit.
    truth, score = _rows(1, 300, slope=0.7)
    fitted = fit_calibration(truth, score, kind="sigmoid").apply(score)
    positives = truth.sum()
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (300 - positives + 2))
    assert (fitted - target).sum() == pytest.approx(0, abs=1e-3)
    assert ((fitted - target) * np.log(score / (1 - score))).sum() == pytest.approx(0, abs=1e-3)


def test_a_separating_or_inverted_score_gives_a_finite_rising_map() -> None:
    truth = np.repeat([0, 1], 20)
    separating = fit_calibration(truth, truth.astype(float), kind="sigmoid")
    # Platt's targets: (20 + 1) / (20 + 2) of the positives, 1 / 22 of the negatives.
    assert separating.apply([0.0, 1.0]) == pytest.approx([1 / 22, 21 / 22], abs=1e-3)
    inverted = fit_calibration(truth, 1 - truth * 0.8, kind="sigmoid")
    assert inverted.slope == 0
    assert inverted.apply([0.1, 0.9]) == pytest.approx([0.5, 0.5])


def test_pool_adjacent_violators_by_hand() -> None:
    # Rates 0, 1, 0, 1, 1 over rising scores: the violating pair pools to a half; ends kept 1/7 from certainty.
    found = fit_calibration([0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5], kind="isotonic")
    assert found.apply([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx([1 / 7, 0.5, 0.5, 6 / 7, 6 / 7])
    assert found.apply([0.0, 0.15, 1.0]) == pytest.approx([1 / 7, (1 / 7 + 0.5) / 2, 6 / 7])


@given(st.integers(0, 10_000))
def test_the_isotonic_map_equals_the_peer_away_from_certainty(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, score = np.append(rng.integers(0, 2, 80), [0, 1]).astype(float), rng.integers(0, 31, 82) / 30
    peer = IsotonicRegression(out_of_bounds="clip").fit(score, truth)
    expected = np.clip(peer.predict(score), 1 / 84, 83 / 84)
    assert fit_calibration(truth, score, kind="isotonic").apply(score) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_one_class_teaches_nothing(kind: Kind) -> None:
    for truth in ([1, 1], [0, 0], []):
        with pytest.raises(DataError, match="one class"):
            fit_calibration(truth, [0.5] * len(truth), kind=kind)


def test_what_is_no_calibration_is_refused() -> None:
    facts = Calibration().to_dict()
    spoiled: list[dict[str, object]] = [
        {},
        facts | {"kind": "beta"},
        facts | {"slope": -1.0},
        facts | {"slope": "a"},
        facts | {"slope": math.nan},
        facts | {"kind": "isotonic"},
        facts | {"kind": "isotonic", "x": [0.1, 0.2], "y": [0.3]},
        facts | {"kind": "isotonic", "x": [0.1, 0.2], "y": [0.3, 0.1]},
        facts | {"kind": "isotonic", "x": 3},
    ]
    for wrong in spoiled:
        with pytest.raises(DataError):
            Calibration.from_dict(wrong)
    with pytest.raises(DataError, match="not a probability"):
        Calibration().apply([1.5])


def test_a_distorted_score_is_mended_and_says_by_how_much() -> None:
    truth, score = _rows(2, 3000, slope=3.0, intercept=1.0)
    choice = choose_calibration(truth, score)
    assert choice.kept
    assert choice.calibration.kind == "sigmoid"
    assert choice.after.value < choice.before.value
    assert choice.before.value == pytest.approx(((score - truth) ** 2).mean())
    assert choice.reason.startswith("Calibrated (sigmoid): Brier score ")
    assert choose_calibration(truth, score, seed=0) == choice


def test_a_step_needs_the_isotonic_map() -> None:
    rng = np.random.default_rng(3)
    score = rng.uniform(0.01, 0.99, 8000)
    chance = np.where(score < 0.3, 0.05, np.where(score < 0.7, 0.5, 0.55))
    assert choose_calibration(rng.random(8000) < chance, score).calibration.kind == "isotonic"


def test_a_calibrated_score_is_left_alone() -> None:
    """The gain must exceed its standard error: of twenty calibrated scores few may be touched."""
    touched = sum(choose_calibration(*_rows(seed, 800)).kept for seed in range(20))
    assert touched <= 4


def test_left_alone_means_the_identity() -> None:
    choice = next(c for c in (choose_calibration(*_rows(seed, 800)) for seed in range(20)) if not c.kept)
    assert choice.calibration == Calibration()
    assert choice.reason.startswith("Not calibrated")


def test_too_few_rows_of_a_class_leave_the_score_alone() -> None:
    truth, score = np.repeat([0, 1], [500, 9]), np.linspace(0, 1, 509)
    choice = choose_calibration(truth, score)
    assert not choice.kept
    assert choice.reason == "Not calibrated: 9 rows of the rarer class, 10 are needed."
    assert not choose_calibration([], []).kept


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 200), st.integers(1, 12))
def test_bands_hold_every_row_once_in_rising_order(seed: int, n: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    truth, score = rng.integers(0, 2, n), rng.integers(0, 8, n) / 7
    bands = reliability(truth, score, bins=bins)
    assert 1 <= len(bands) <= bins
    assert sum(band.rate.n for band in bands) == n
    assert sum(band.rate.value * band.rate.n for band in bands) == pytest.approx(truth.sum())
    assert all(band.low <= band.mean_score <= band.high for band in bands)
    assert all(a.high < b.low for a, b in pairwise(bands))


def test_reliability_by_hand() -> None:
    low, high = reliability([0, 0, 1, 1, 1, 0], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], bins=2)
    assert (low.low, low.high, low.mean_score) == pytest.approx((0.1, 0.3, 0.2))
    assert (low.rate.value, low.rate.low, low.rate.high, low.rate.n) == (1 / 3, *wilson(1, 3), 3)
    assert (high.low, high.high, high.mean_score) == pytest.approx((0.7, 0.9, 0.8))
    assert reliability([], []) == ()
    with pytest.raises(DataError, match="too few bands"):
        reliability([0, 1], [0.1, 0.9], bins=0)


def test_a_planted_distortion_shows_in_the_bands_and_is_gone_after_the_map() -> None:
    truth, score = _rows(4, 6000, slope=3.0, intercept=1.0)

    def missed(s: FloatArray) -> int:
        return sum(not band.rate.low <= band.mean_score <= band.rate.high for band in reliability(truth, s))

    assert missed(score) >= 6
    assert missed(fit_calibration(truth, score, kind="sigmoid").apply(score)) <= 2

"""Ranking and calibration per group: scikit-learn and DeLong from the rows as oracle, planted faults, few rows."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.disparity import disparities
from ml_assets.statistics.intervals import delong
from ml_assets.statistics.score_gaps import ranking, score_figures, score_gaps
from ml_assets.statistics.score_tensor import BINS, ScoreTensor
from ml_assets.statistics.verdicts import verdicts


def rows(n: int, seed: int = 0) -> tuple[pd.DataFrame, FloatArray, FloatArray]:
    """Calibrated scores."""
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n, p=[0.7, 0.2, 0.1])})
    score = rng.beta(2, 3, n)
    return groups, (rng.random(n) < score).astype(float), score


def histogram(truth: FloatArray, score: FloatArray) -> FloatArray:
    edges = np.append(np.arange(BINS + 1) / BINS, 2)
    return np.stack([np.histogram(score[truth == side], edges)[0] for side in (0, 1)]).astype(np.float64)


def test_areas_are_those_of_scikit_learn_within_the_stated_error() -> None:
    groups, truth, score = rows(6_000)
    for figures in score_figures(ScoreTensor.of(groups, truth, score), draws=50):
        here = (groups[list(figures.attributes)] == list(figures.group)).all(axis=1).to_numpy()
        exact = delong(truth[here], score[here])
        assert abs(figures.roc_auc.value - roc_auc_score(truth[here], score[here])) <= figures.error + 1e-12
        assert figures.error < 0.001
        assert (figures.roc_auc.low, figures.roc_auc.high) == pytest.approx((exact.low, exact.high), abs=0.001)
        assert figures.roc_auc.n == min(truth[here].sum(), here.sum() - truth[here].sum())


def test_scores_on_the_grid_rank_exactly() -> None:
    rng = np.random.default_rng(1)
    score, truth = rng.integers(0, 10, 300) / 16, rng.integers(0, 2, 300).astype(float)
    assert ranking(histogram(truth, score)).value == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    one_positive = np.zeros(300)
    one_positive[7] = 1
    expected = delong(one_positive, score)
    found = ranking(histogram(one_positive, score)).estimate()
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


def test_calibration_figures_against_the_rows() -> None:
    groups, truth, score = rows(8_000, seed=2)
    score = score**1.5
    for figures in score_figures(ScoreTensor.of(groups, truth, score), depth=1, draws=200):
        here = (groups[figures.attributes[0]] == figures.group[0]).to_numpy()
        y, s = truth[here], score[here]
        assert figures.calibration.value == pytest.approx((s - y).mean(), abs=1 / 2048)
        band = np.minimum((s * 16).astype(int), 15)
        exact = np.abs(np.bincount(band, weights=s - y, minlength=16)).sum() / y.size
        assert figures.calibration_error.value == pytest.approx(exact, abs=1 / 2048)
        assert figures.calibration_error.value > 2 * figures.calibration_error_floor
        logit = np.log(s / (1 - s)).reshape(-1, 1)
        slope = LogisticRegression(C=1e9, tol=1e-10).fit(logit, y).coef_[0, 0]
        assert figures.slope.value == pytest.approx(slope, abs=0.01)


def test_a_calibrated_score_stays_near_the_floor_and_slope_one_is_covered() -> None:
    covered, errors, floors = 0, [], []
    for seed in range(80):
        _, truth, score = rows(500, seed=seed)
        groups = pd.DataFrame({"g": ["a"] * 500})
        (figures,) = score_figures(ScoreTensor.of(groups, truth, score), draws=20)
        covered += figures.slope.low <= 1 <= figures.slope.high
        errors.append(figures.calibration_error.value)
        floors.append(figures.calibration_error_floor)
    assert covered >= 71
    assert np.mean(errors) == pytest.approx(np.mean(floors), rel=0.1)


def test_intervals_of_the_gap_of_areas_cover_what_they_promise() -> None:
    covered = 0
    for seed in range(150):
        _, truth, score = rows(800, seed=seed)
        groups = pd.DataFrame({"g": np.where(np.arange(800) < 100, "small", "rest")})
        (gap, _) = score_gaps(ScoreTensor.of(groups, truth, score), {"roc_auc": 0.05})
        covered += gap.gap.low <= 0 <= gap.gap.high
    assert covered >= 135  # 142.5 are expected


def test_gaps_of_calibration_are_those_of_the_rows() -> None:
    groups, truth, score = rows(20_000, seed=3)
    score = np.where(groups.race == "c", score * 0.5, score)
    found = score_gaps(ScoreTensor.of(groups, truth, score), {"calibration": 0.05, "roc_auc": 0.05}, depth=1)
    twins = disparities(groups, truth, score > 0.5, score=score, metrics={"calibration_difference": 0.05})
    mean = [gap for gap in found if gap.metric == "calibration"]
    for gap, twin in zip(mean, twins, strict=True):
        assert (gap.label, gap.value.n) == (twin.group, twin.n)
        assert gap.gap.value == pytest.approx(twin.value.value, abs=1 / 1024)
    answers = dict(zip([gap.label for gap in mean], verdicts([gap.contrast for gap in mean]), strict=True))
    assert answers["c"] == "fail"
    assert answers["f"] == "pass"


def test_one_class_or_one_row_is_not_estimable_and_accuses_nobody() -> None:
    groups = pd.DataFrame({"g": ["a", *["b"] * 40, *["c"] * 4]})
    rng = np.random.default_rng(4)
    truth = np.array([0.0, *[0, 1] * 20, 0, 0, 1, 1])
    score = np.array([0.5, *(rng.random(40) * 0.6 + np.tile([0.0, 0.3], 20)), 0.1, 0.2, 0.8, 0.9])
    tensor = ScoreTensor.of(groups, truth, score)
    figures = {one.group[0]: one for one in score_figures(tensor, draws=50)}
    lonely = figures["a"]
    assert (lonely.roc_auc.estimable, lonely.roc_auc.n, lonely.slope.estimable) == (False, 0, False)
    assert lonely.calibration.value == pytest.approx(0.5, abs=0.001)
    assert lonely.calibration.low == -math.inf
    assert figures["c"].roc_auc.value == 1.0
    assert figures["c"].roc_auc.low < 0.5
    assert not figures["c"].slope.estimable  # separated classes have no slope
    found = score_gaps(tensor, {"roc_auc": 0.1})
    answers = dict(zip([gap.label for gap in found], verdicts([gap.contrast for gap in found]), strict=True))
    assert answers["a"] == "not_estimable"
    assert answers["c"] == "inconclusive"


def test_a_tensor_without_labels_and_unknown_names() -> None:
    tensor = ScoreTensor.of(pd.DataFrame({"g": ["a", "b"]}), None, [0.1, 0.2])
    assert score_figures(tensor) == ()
    with pytest.raises(DataError, match="roc_auc, calibration"):
        score_gaps(tensor, {"auc": 0.1})
    with pytest.raises(DataError, match="above 0"):
        score_gaps(ScoreTensor.of(pd.DataFrame({"g": ["a", "b"]}), [0, 1], [0.1, 0.2]), {"calibration": 0.0})

"""Scores recalibrated for a batch: right where plain ones are not, covered by their interval, blind where they must be."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.calibration import fit_calibration
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.estimation import estimate_coverage, expected_metrics
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.recalibration import recalibrate, recalibrated_metrics
from ml_assets.statistics.value import BinaryValue, MulticlassValue

Array = npt.NDArray[np.float64]
MONEY = BinaryValue(true_positive=10.0, false_positive=-2.0, false_negative=-5.0, true_negative=1.0)


def two_kinds(n: int, share: float, rng: np.random.Generator) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Truth, score and kind: the score is right over an even mix, too high by 0.2 for one kind, too low for the other."""
    kind, score = rng.random(n) < share, rng.uniform(0.2, 0.8, n)
    chance = score + np.where(kind, -0.2, 0.2)
    return (rng.random(n) < chance).astype(float), score, kind


def by_name(estimates: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {e.name: e for e in estimates}


def test_a_weighted_reference_is_right_where_plain_scores_are_not() -> None:
    rng = np.random.default_rng(1)
    y, s, kind = two_kinds(4_000, 0.5, rng)
    truth, score, _ = two_kinds(2_000, 0.9, rng)
    decision, weight = (score >= 0.5).astype(float), np.where(kind, 1.8, 0.2)
    plain = by_name(expected_metrics(score, decision, MONEY))
    ours = by_name(recalibrated_metrics(y, s, score, decision, MONEY, weight=weight, draws=60))
    realised = {
        "accuracy": float((truth == decision).mean()),
        "precision": float(truth[decision == 1].mean()),
        "value_per_decision": float(MONEY.money(truth, decision).mean()),
    }
    for name, value in realised.items():
        assert ours[name].low <= value <= ours[name].high
    error = {k: abs(f["precision"].value - realised["precision"]) for k, f in (("ours", ours), ("plain", plain))}
    assert error["ours"] < 0.3 * error["plain"]
    assert not plain["precision"].low <= realised["precision"] <= plain["precision"].high
    assert list(ours) == ["accuracy", "precision", "recall", "roc_auc", "value_per_decision"]
    assert ours["value_per_decision"].unit == "money"


def test_the_map_is_the_weighted_rate_of_a_hand_worked_case() -> None:
    # scores .3 with truths 1, 0 of weights 1, 3; scores .6 with truths 1, 1, 0 of weights 1, 1, 2
    p = recalibrate([1, 0, 1, 1, 0], [0.3, 0.3, 0.6, 0.6, 0.6], [0.3, 0.6, 0.45], weight=[1, 3, 1, 1, 2])
    assert p == pytest.approx([0.25, 0.5, 0.375])
    assert recalibrate([1, 0, 1, 1], [0.3, 0.3, 0.6, 0.6], [0.3])[0] == pytest.approx(0.5)


def test_doubling_a_weight_is_repeating_a_row() -> None:
    rng = np.random.default_rng(2)
    y, s = (rng.random(60) < 0.4).astype(float), rng.random(60).round(1)
    times = rng.integers(0, 3, 60)
    for kind in ("isotonic", "sigmoid"):
        weighted = fit_calibration(y, s, kind=kind, weight=times).apply([0.2, 0.5, 0.9])
        repeated = fit_calibration(np.repeat(y, times), np.repeat(s, times), kind=kind).apply([0.2, 0.5, 0.9])
        assert weighted == pytest.approx(repeated, abs=0.02)  # certainty is kept away from by the effective rows


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 5.0))
def test_the_map_rises_and_only_the_proportions_of_weights_count(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    y, s, w = (rng.random(40) < 0.5).astype(float), rng.random(40), rng.uniform(0.1, 2, 40)
    y[:2] = (0, 1)
    p = recalibrate(y, s, np.linspace(0, 1, 21), weight=w)
    assert (np.diff(p) >= 0).all()
    assert ((p >= 0) & (p <= 1)).all()
    assert p == pytest.approx(recalibrate(y, s, np.linspace(0, 1, 21), weight=factor * w))


def test_intervals_hold_the_realised_figures_and_label_noise_alone_would_not() -> None:
    """Few reference rows, a large batch: nearly all of the doubt is in the map."""
    rng = np.random.default_rng(3)
    estimates: dict[str, list[Estimate]] = {"ours": [], "labels alone": []}
    realised = []
    for _ in range(60):
        s, score = rng.uniform(0.1, 0.9, 500), rng.uniform(0.1, 0.9, 3_000)
        y, truth = ((rng.random(len(x)) < x**1.5).astype(float) for x in (s, score))
        decision = (score >= 0.5).astype(float)
        estimates["ours"].append(by_name(recalibrated_metrics(y, s, score, decision, draws=40))["accuracy"])
        estimates["labels alone"].append(by_name(expected_metrics(recalibrate(y, s, score), decision))["accuracy"])
        realised.append(evaluate("accuracy", truth, decision=decision).value)
    coverage = {k: estimate_coverage(v, realised).value for k, v in estimates.items()}
    assert coverage["ours"] >= 0.88  # 95 % less two and a half standard deviations of 60
    assert coverage["labels alone"] < 0.8


def test_the_interval_holds_more_than_the_noise_of_labels() -> None:
    rng = np.random.default_rng(4)
    y, s, kind = two_kinds(500, 0.5, rng)
    score = rng.uniform(0.2, 0.8, 400)
    decision = (score >= 0.5).astype(float)
    labels = by_name(expected_metrics(recalibrate(y, s, score), decision, ranking=score))
    widths = []
    for weight in (None, np.where(kind, 1.5, 0.5)):
        found = by_name(recalibrated_metrics(y, s, score, decision, weight=weight, draws=60))
        widths.append(found["accuracy"].high - found["accuracy"].low)
        for name, e in found.items():
            assert 0 <= e.low <= e.value <= e.high <= 1
            assert e.n == labels[name].n or name in ("precision", "recall")
    assert labels["accuracy"].high - labels["accuracy"].low < min(widths)


def test_it_is_blind_to_a_change_of_the_concept() -> None:
    rng = np.random.default_rng(5)
    y, s, _ = two_kinds(3_000, 0.5, rng)
    truth, score, _ = two_kinds(1_000, 0.5, rng)
    decision = (score >= 0.5).astype(float)
    found = by_name(recalibrated_metrics(y, s, score, decision, draws=40))["accuracy"]
    assert found.low <= float((truth == decision).mean()) <= found.high
    assert float((1 - truth == decision).mean()) < found.low


def test_classes_are_recalibrated_one_by_one() -> None:
    rng = np.random.default_rng(6)
    chance = rng.dirichlet((2.0, 2.0, 2.0), 5_000)
    truth = (rng.random(5_000)[:, None] > chance.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    sharp = chance**3 / (chance**3).sum(axis=1, keepdims=True)  # overconfident
    known, new = slice(0, 3_000), slice(3_000, 5_000)
    decision = sharp.argmax(axis=1)
    value = MulticlassValue(matrix=((1.0, 0.0, -4.0), (0.0, 2.0, 0.0), (-1.0, 0.0, 3.0)))
    plain = by_name(expected_metrics(sharp[new], decision[new], value))
    ours = by_name(recalibrated_metrics(truth[known], sharp[known], sharp[new], decision[new], value))
    realised = {
        "accuracy": float((truth[new] == decision[new]).mean()),
        "value_per_decision": float(value.money(truth[new], decision[new]).mean()),
    }
    for name, is_now in realised.items():
        assert ours[name].low <= is_now <= ours[name].high
        assert not plain[name].low <= is_now <= plain[name].high
    p = recalibrate(truth[known], sharp[known], sharp[new])
    assert p.sum(axis=1) == pytest.approx(np.ones(2_000))


def test_a_class_that_was_never_seen_keeps_its_score() -> None:
    p = recalibrate([0, 1, 0, 1], [[0.6, 0.3, 0.1]] * 4, [[0.5, 0.3, 0.2]])
    assert p[0] == pytest.approx(np.array([0.5, 0.5, 0.2]) / 1.2)


def test_rows_without_a_score_are_left_out_and_none_is_not_estimable() -> None:
    y, s, _ = two_kinds(200, 0.5, np.random.default_rng(7))
    found = by_name(recalibrated_metrics(y, s, [0.3, math.nan], [0, 0], draws=5))
    assert found["accuracy"].n == 1
    assert not any(e.estimable for e in recalibrated_metrics(y, s, [], [], draws=5))


@pytest.mark.parametrize(
    ("truth", "known", "score", "decision", "weight"),
    [
        ([0, 1], [0.2, 0.8], [[0.2, 0.8]], [1], None),
        ([0, 1], [0.2, 0.8], [0.2], [1, 0], None),
        ([0, 0], [0.2, 0.8], [0.2], [1], None),
        ([0, 1, 1], [0.2, 0.8], [0.2], [1], None),
        ([0, 1], [0.2, 1.8], [0.2], [1], None),
        ([0, 1], [0.2, 0.8], [1.2], [1], None),
        ([0, 1], [0.2, 0.8], [0.2], [1], [-1, 2]),
        ([0, 1], [0.2, 0.8], [0.2], [1], [0, 0]),
        ([0, 2], [[0.2, 0.8]] * 2, [[0.2, 0.8]], [1], None),
        ([], [], [0.2], [1], None),
    ],
)
def test_what_cannot_be_read_is_refused(truth: Any, known: Any, score: Any, decision: Any, weight: Any) -> None:
    with pytest.raises(DataError):
        recalibrated_metrics(truth, known, score, decision, weight=weight, draws=3)

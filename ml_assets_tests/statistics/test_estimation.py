"""Estimates without labels: against all labellings, against simulated labels, and blind where they must be."""

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.estimation import BLIND_SPOT, REGRESSION_REASON, estimate_coverage, expected_metrics
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.value import BinaryValue, MulticlassValue, RegressionValue

MONEY = BinaryValue(true_positive=10.0, false_positive=-2.0, false_negative=-5.0, true_negative=1.0)
BINARY_NAMES = ["accuracy", "precision", "recall", "roc_auc"]


def by_name(estimates: tuple[Estimate, ...]) -> dict[str, Estimate]:
    return {estimate.name: estimate for estimate in estimates}


def labels_with_chances(p: list[float]) -> list[tuple[npt.NDArray[np.float64], float]]:
    """Every labelling of the rows and its probability."""
    every = []
    for labels in itertools.product((0.0, 1.0), repeat=len(p)):
        y = np.array(labels)
        every.append((y, float(np.prod(np.where(y == 1, p, 1 - np.array(p))))))
    return every


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(0, 1)), min_size=1, max_size=7))
def test_accuracy_and_money_are_the_mean_over_all_labellings(rows: list[tuple[float, int]]) -> None:
    p, d = [score for score, _ in rows], np.array([decision for _, decision in rows])
    found = by_name(expected_metrics(p, d, MONEY))
    chances = labels_with_chances(p)
    accuracy = sum(chance * float((y == d).mean()) for y, chance in chances)
    money = sum(chance * float(MONEY.money(y, d).mean()) for y, chance in chances)
    assert found["accuracy"].value == pytest.approx(accuracy)
    assert found["value_per_decision"].value == pytest.approx(money)
    spread = sum(chance * (float(MONEY.money(y, d).mean()) - money) ** 2 for y, chance in chances)
    half = (found["value_per_decision"].high - found["value_per_decision"].low) / 2
    assert half == pytest.approx(1.959964 * math.sqrt(max(spread, 0.0)), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.4, 0.4, 0.7, 1.0]), min_size=2, max_size=6))
def test_roc_auc_is_expected_ordered_pairs_over_expected_pairs(p: list[float]) -> None:
    ordered = pairs = 0.0
    for y, chance in labels_with_chances(p):
        for i, j in itertools.permutations(range(len(p)), 2):
            if y[i] == 1 and y[j] == 0:
                pairs += chance
                ordered += chance * (1.0 if p[i] > p[j] else 0.5 if p[i] == p[j] else 0.0)
    found = by_name(expected_metrics(p, np.zeros(len(p))))["roc_auc"]
    if pairs > 1e-9:
        assert found.value == pytest.approx(ordered / pairs)
    else:
        assert not found.estimable


def test_a_hand_worked_batch() -> None:
    found = by_name(expected_metrics([0.9, 0.6, 0.2], [1, 1, 0], MONEY))
    assert found["accuracy"].value == pytest.approx((0.9 + 0.6 + 0.8) / 3)
    assert found["precision"].value == pytest.approx(1.5 / 2)
    assert found["recall"].value == pytest.approx(1.5 / 1.7)
    assert found["value_per_decision"].value == pytest.approx((8.8 + 5.2 - 0.2) / 3)
    assert (found["accuracy"].n, found["precision"].n, found["recall"].n) == (3, 2, 2)


def test_intervals_hold_the_realised_figures_of_calibrated_scores() -> None:
    rng = np.random.default_rng(7)
    inside = dict.fromkeys([*BINARY_NAMES, "value_per_decision"], 0)
    for _ in range(200):
        p = rng.beta(1.0, 2.0, 300)
        y, d = (rng.random(300) < p).astype(float), (p >= 0.4).astype(float)
        for name, estimate in by_name(expected_metrics(p, d, MONEY)).items():
            given_as: dict[str, Any] = {"roc_auc": {"score": p}, "value_per_decision": {"money": MONEY.money(y, d)}}
            realised = evaluate(name, y, **given_as.get(name, {"decision": d})).value
            inside[name] += estimate.low <= realised <= estimate.high
    # 95 % of 200: 190, standard deviation 3.1; 12 sd above would be 200 of 200
    assert all(178 <= count <= 199 for count in inside.values()), inside


def test_multiclass_is_the_probability_of_what_was_decided() -> None:
    value = MulticlassValue(matrix=((1.0, 0.0, -4.0), (0.0, 2.0, 0.0), (-1.0, 0.0, 3.0)))
    found = by_name(expected_metrics([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], [0, 2], value))
    assert found["accuracy"].value == pytest.approx(0.75)
    # row 1 decided 0: .7·1 + .2·0 - .1·1 = .6; row 2 decided 2: -.4 + 0 + 2.4 = 2.0
    assert found["value_per_decision"].value == pytest.approx(1.3)
    variance = (0.7 + 0.1 - 0.36) + (0.1 * 16 + 0.8 * 9 - 4.0)
    half = found["value_per_decision"].high - found["value_per_decision"].value
    assert half == pytest.approx(1.959964 * math.sqrt(variance) / 2, rel=1e-5)


def test_it_sees_harder_rows_and_is_blind_to_other_labels() -> None:
    rng = np.random.default_rng(3)
    easy, hard = rng.choice([0.05, 0.95], 4_000), rng.choice([0.4, 0.6], 4_000)
    for p, truth in ((easy, 0.95), (hard, 0.6)):
        found = by_name(expected_metrics(p, p >= 0.5))["accuracy"]
        assert found.low <= truth <= found.high or found.value == pytest.approx(truth)
    flipped = (rng.random(4_000) >= easy).astype(float)  # the same rows, the opposite labels
    realised = float((flipped == (easy >= 0.5)).mean())
    found = by_name(expected_metrics(easy, easy >= 0.5))["accuracy"]
    assert realised < 0.1 < 0.9 < found.low
    assert "labels" in BLIND_SPOT


def test_a_ranking_of_its_own_orders_the_rows() -> None:
    tied = [0.5, 0.5, 0.5]
    by_value = by_name(expected_metrics(tied, [1, 1, 0]))["roc_auc"]
    assert by_value.value == pytest.approx(0.5)
    p, order = [0.9, 0.9, 0.1], [0.7, 0.8, 0.2]
    found = by_name(expected_metrics(p, [1, 1, 0], ranking=order))["roc_auc"]
    # expected ordered pairs (i above j, i positive, j negative): .9·.1 + .9·.9 + .9·.9, of all expected pairs
    pairs = sum(p[i] * (1 - p[j]) for i, j in itertools.permutations(range(3), 2))
    assert found.value == pytest.approx((0.9 * 0.1 + 0.9 * 0.9 + 0.9 * 0.9) / pairs)
    with pytest.raises(DataError):
        expected_metrics(p, [1, 1, 0], ranking=[0.1])


def test_regression_has_nothing_to_read() -> None:
    assert expected_metrics([3.2, 4.1], [3.2, 4.1], RegressionValue(-1.0, -2.0)) == ()
    assert "regression" in REGRESSION_REASON


def test_without_rows_or_denominators_nothing_is_estimable() -> None:
    assert not any(estimate.estimable for estimate in expected_metrics([], [], MONEY))
    assert not any(estimate.estimable for estimate in expected_metrics(np.empty((0, 3)), []))
    found = by_name(expected_metrics([0.3, math.nan], [0, 0]))
    assert not found["precision"].estimable
    assert found["accuracy"].n == 1
    assert not found["roc_auc"].estimable  # one row makes no pair


@pytest.mark.parametrize(
    ("score", "decision", "value"),
    [
        ([0.2], [0, 1], None),
        ([1.7], [1], None),
        ([0.2], [2], None),
        ([0.2], [math.nan], None),
        ([0.2], [1], MulticlassValue(matrix=((1.0, 0.0), (0.0, 1.0)))),
        ([[0.2, 0.3, 0.5]], [1], MONEY),
        ([[0.2, 0.3, 0.5]], [1], MulticlassValue(matrix=((1.0, 0.0), (0.0, 1.0)))),
    ],
)
def test_what_cannot_be_read_is_refused(score: Any, decision: Any, value: Any) -> None:
    with pytest.raises(DataError):
        expected_metrics(score, decision, value)


def test_coverage_counts_the_hits_of_the_past() -> None:
    past = [Estimate("accuracy", 0.8, 0.75, 0.85, 100)] * 10
    coverage = estimate_coverage(past, [0.8] * 7 + [0.6] * 2 + [math.nan])
    assert coverage.value == pytest.approx(7 / 9)
    assert coverage.n == 9
    assert not estimate_coverage([], []).estimable
    with pytest.raises(DataError):
        estimate_coverage(past, [0.8])

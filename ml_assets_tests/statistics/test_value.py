import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.skewness import skewed_interval
from ml_assets.statistics.value import (
    ALWAYS,
    NEVER,
    BinaryValue,
    MulticlassValue,
    RegressionValue,
    Value,
    best_threshold,
    break_even,
    default_value,
    expected_decision,
    policies,
)

CREDIT = BinaryValue(true_positive=0, false_positive=-1, false_negative=-5, true_negative=0)
gains = st.floats(0.125, 50)


def test_money_follows_the_outcome() -> None:
    value = BinaryValue(5, -1, -7, 2)
    assert value.money([1, 0, 1, 0], [1, 1, 0, 0]).tolist() == [5, -1, -7, 2]
    assert RegressionValue(-1, -3).money([10, 10, 10], [12, 10, 9.5]).tolist() == [-2, 0, -1.5]
    assert MulticlassValue(((1, 2), (3, 4))).money([0, 0, 1, 1], [0, 1, 0, 1]).tolist() == [1, 2, 3, 4]


def test_money_of_no_rows_is_no_rows() -> None:
    for value in (CREDIT, RegressionValue(-1, -1), MulticlassValue(((1, 0), (0, 1)))):
        assert value.money([], []).shape == (0,)


def test_money_of_unknown_outcomes_is_refused() -> None:
    with pytest.raises(DataError, match="not binary"):
        CREDIT.money([0, 2], [0, 1])
    with pytest.raises(DataError, match="without a value"):
        MulticlassValue(((1, 0), (0, 1))).money([0, 2], [0, 1])
    with pytest.raises(DataError, match="different length"):
        CREDIT.money([0, 1], [0])
    for matrix in (((1.0,),), ((1.0, 0.0),), ((1.0, 0.0), (1.0,))):
        with pytest.raises(DataError, match="not square"):
            MulticlassValue(matrix)


def test_the_default_value_is_the_accuracy_or_minus_the_mean_absolute_error() -> None:
    y, d = [0, 1, 1, 0], [0, 1, 0, 0]
    assert default_value("binary").money(y, d).mean() == 0.75
    assert default_value("multiclass", 3).money([0, 1, 2, 2], [0, 1, 2, 0]).mean() == 0.75
    assert default_value("regression").money([1.0, 2.0], [2.0, 0.0]).mean() == -1.5


def test_break_even_of_the_german_credit_costs_is_one_sixth() -> None:
    # Missing a bad credit costs five times a refused good one: act from 1/6 on (Statlog's cost matrix).
    assert break_even(CREDIT) == pytest.approx(1 / 6)
    assert break_even(BinaryValue(1, 0, 0, 1)) == 0.5


def test_break_even_has_constants_where_one_decision_always_wins() -> None:
    assert break_even(BinaryValue(5, 1, 0, 0)) == ALWAYS
    assert break_even(BinaryValue(-1, -1, 0, 0)) == NEVER
    assert break_even(BinaryValue(0, 0, 1, 0)) == NEVER
    assert break_even(BinaryValue(0, 0, 0, 1)) == NEVER
    assert break_even(BinaryValue(1, 0, 0, 0)) == ALWAYS
    assert break_even(BinaryValue(0, 1, 0, 0)) == ALWAYS
    assert break_even(BinaryValue(3, 2, 3, 2)) == 0.5
    assert np.array([1.0]) < NEVER
    with pytest.raises(DataError, match="rewards wrong decisions"):
        break_even(BinaryValue(0, 1, 1, 0))


@given(gains, gains, gains, gains, st.floats(0, 1))
def test_break_even_is_where_both_decisions_earn_the_same(tp: float, fp: float, fn: float, tn: float, p: float) -> None:
    value = BinaryValue(tp, -fp, -fn, tn)
    act, wait = p * tp - (1 - p) * fp, -p * fn + (1 - p) * tn
    if abs(act - wait) > 1e-9:
        assert (p >= break_even(value)) == (act > wait)


def test_the_best_threshold_stands_in_the_middle_between_two_scores() -> None:
    choice = best_threshold([0, 0, 1, 1], [0.1, 0.4, 0.6, 0.9], BinaryValue(1, -1, -1, 1))
    assert choice.threshold == 0.5
    assert choice.money_per_decision == 1.0
    assert [point[0] for point in choice.curve] == pytest.approx([0.0, 0.25, 0.5, 0.75, NEVER])
    # By hand: 2 wrong, 1 wrong, none, 1 wrong, 2 wrong of 4, at ±1 each.
    assert [point[1] for point in choice.curve] == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])


def test_constant_policies_can_be_the_best() -> None:
    y, s = [0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4]
    assert best_threshold(y, s, BinaryValue(1, 0, 0, 0)).threshold <= 0.2
    assert best_threshold(y, s, BinaryValue(1, 1, 0, 0)).threshold == ALWAYS
    assert best_threshold(y, s, BinaryValue(-1, -1, 0, 0)).threshold == NEVER
    assert best_threshold([1, 1], [1.0, 1.0], BinaryValue(-9, -9, 0, 0)).threshold > 1.0


@given(st.integers(0, 100_000), st.booleans())
def test_no_threshold_earns_more_than_the_best_one(seed: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    y, s, w = rng.integers(0, 2, n), rng.integers(0, 11, n) / 10, rng.random(n) + 0.01
    value = BinaryValue(*rng.normal(0, 3, 4))
    weight = w if weighted else np.ones(n)
    choice = best_threshold(y, s, value, weight=weight if weighted else None)

    def earned(threshold: float) -> float:
        return float(np.average(value.money(y, s >= threshold), weights=weight))

    assert earned(choice.threshold) == pytest.approx(choice.money_per_decision)
    assert choice.money_per_decision == pytest.approx(max(earned(t) for t in [*np.linspace(0, 1, 21), NEVER]))
    assert all(money == pytest.approx(earned(t)) for t, money in choice.curve)
    assert choice.threshold in [t for t, _ in choice.curve]


def test_the_curve_of_many_scores_has_at_most_101_points_in_rising_order() -> None:
    rng = np.random.default_rng(0)
    s = rng.random(5000)
    choice = best_threshold(rng.random(5000) < s, s, CREDIT)
    thresholds = [t for t, _ in choice.curve]
    assert len(thresholds) <= 101
    assert thresholds == sorted(thresholds)
    assert choice.threshold == pytest.approx(break_even(CREDIT), abs=0.06)


def test_a_threshold_separates_even_neighbouring_floats() -> None:
    below = 0.3
    for _ in range(4):  # The middle of two neighbours rounds down for one pair and up for the next.
        above = math.nextafter(below, 1)
        threshold = best_threshold([0, 1], [below, above], BinaryValue(1, -1, -1, 1)).threshold
        assert below < threshold <= above
        below = above


def test_a_threshold_needs_rows_and_weights() -> None:
    for weight in ([0.0, 0.0], [-1.0, 2.0]):
        with pytest.raises(DataError, match="nothing to choose"):
            best_threshold([0, 1], [0.1, 0.2], CREDIT, weight=weight)
    with pytest.raises(DataError, match="nothing to choose"):
        best_threshold([], [], CREDIT)
    with pytest.raises(DataError, match="not a probability"):
        best_threshold([0, 1], [0.1, 7], CREDIT)


def test_expected_decisions_weigh_probability_by_money() -> None:
    p = [[0.8, 0.2], [0.95, 0.05]]
    assert expected_decision(p, MulticlassValue(((1, 0), (0, 1)))).tolist() == [0, 0]
    # A missed second class costs ten: deciding it earns 0.2·0 - 0.8·1 = -0.8 against -0.2·10 = -2, then -0.95 to -0.5.
    assert expected_decision(p, MulticlassValue(((0, -1), (-10, 0)))).tolist() == [1, 0]
    with pytest.raises(DataError, match="disagree"):
        expected_decision([[0.5, 0.3, 0.2]], MulticlassValue(((1, 0), (0, 1))))


def test_policies_without_a_model_by_hand() -> None:
    y = [1, 1, 0, 0, 0]
    found = {p.name: p for p in policies(y, CREDIT, rule=[1, 0, 0, 0, 1])}
    totals = {"all_negative": -10, "all_positive": -3, "simple_rule": -6, "perfect": 0}
    assert {name: p.total for name, p in found.items()} == totals
    rule = found["simple_rule"].per_decision
    assert (rule.value, rule.low, rule.high) == (-1.2, *skewed_interval([0, -5, 0, 0, -1]))
    assert (rule.n, rule.unit, rule.name) == (5, "money", "value_per_decision")


def test_policies_of_classes_and_numbers() -> None:
    classes = policies([0, 1, 2, 2], MulticlassValue(((1, 0, 0), (0, 1, 0), (0, 0, 1))))
    assert [(p.name, p.total) for p in classes] == [("class_0", 1), ("class_1", 1), ("class_2", 2), ("perfect", 4)]
    numbers = policies([1.0, 2.0, 9.0], RegressionValue(-1, -1))
    assert [(p.name, p.total) for p in numbers] == [("mean", -10.0), ("median", -8.0), ("perfect", 0.0)]


@given(st.integers(0, 10_000))
def test_nothing_earns_more_than_perfect_decisions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 20)
    found = policies(y, BinaryValue(*rng.normal(0, 3, 4)), rule=rng.integers(0, 2, 20))
    assert found[-1].name == "perfect"
    assert found[-1].total >= max(p.total for p in found) - 1e-9


def test_policies_of_no_rows_are_not_estimable() -> None:
    for value in (CREDIT, RegressionValue(-1, -1)):
        assert not any(p.per_decision.estimable for p in policies([], value))


def test_the_least_difference_by_hand() -> None:
    assert BinaryValue(0, -120, -800, 130).least_difference([0], [1]) == -800
    assert BinaryValue(10, -300, -5, 0).least_difference([0], [1]) == -300
    assert MulticlassValue(((5, -1, 0), (0, 2, 0), (1, 1, 1))).least_difference([0], [1]) == -6
    assert RegressionValue(-1, -2).least_difference([1.0, 5.0], [2.0, 1.0]) == -8
    assert RegressionValue(-1, -2).least_difference([], []) == 0
    assert (BinaryValue.bounded, MulticlassValue.bounded, RegressionValue.bounded) == (True, True, False)


@given(st.integers(0, 10_000), st.sampled_from(["binary", "multiclass", "regression"]))
def test_no_row_loses_more_than_the_least_difference(
    seed: int, task: Literal["binary", "multiclass", "regression"]
) -> None:
    rng = np.random.default_rng(seed)
    value: Value
    if task == "regression":
        value, (truth, one, other) = RegressionValue(*rng.normal(size=2)), rng.normal(size=(3, 30)) * 10
    else:
        size = 2 if task == "binary" else 4
        money = rng.normal(size=(size, size))
        value = BinaryValue(*money.ravel()) if task == "binary" else MulticlassValue(tuple(map(tuple, money)))
        truth, one, other = rng.integers(0, size, (3, 200)).astype(float)
    gap = value.money(truth, one) - value.money(truth, other)
    assert gap.min() >= value.least_difference(one, other) - 1e-9
    if task == "binary":
        pairs = np.array([(t, a, b) for t in (0, 1) for a in (0, 1) for b in (0, 1)], dtype=float).T
        reached = value.money(pairs[0], pairs[1]) - value.money(pairs[0], pairs[2])
        assert reached.min() == pytest.approx(value.least_difference(one, other))

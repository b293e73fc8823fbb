"""Each group against the rest: the same contrasts as from rows, verdicts of planted and absent gaps, money."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import IntArray
from ml_assets.statistics.disparity import disparities
from ml_assets.statistics.groups import intersections
from ml_assets.statistics.intervals import mean_interval
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_gaps import Gap, gaps, money_gaps
from ml_assets.statistics.value import BinaryValue, MulticlassValue
from ml_assets.statistics.verdicts import verdicts


def rows(n: int, seed: int = 0) -> tuple[pd.DataFrame, IntArray, IntArray]:
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n, p=[0.7, 0.2, 0.1])})
    return groups, rng.integers(0, 2, n), rng.integers(0, 2, n)


def one(found: tuple[Gap, ...], metric: str, *group: str) -> Gap:
    return next(gap for gap in found if gap.metric == metric and gap.group == group)


def test_contrasts_and_verdicts_are_those_of_the_rows() -> None:
    groups, truth, decision = rows(4_000)
    pairs = {
        "selection_rate": "selection_rate_difference",
        "true_positive_rate": "equal_opportunity_difference",
        "false_positive_rate": "false_positive_rate_difference",
        "positive_predictive_value": "predictive_parity_difference",
        "accuracy": "accuracy_difference",
    }
    found = gaps(
        CountTensor.of(groups, truth, decision), dict.fromkeys(pairs, 0.05), ratios={"selection_rate": 0.8}, depth=2
    )
    limits = {**dict.fromkeys(pairs.values(), 0.05), "selection_rate_ratio": 0.8}
    by_rows = disparities(intersections(groups), truth, decision, metrics=limits)
    expected = {(d.metric, d.attribute, d.group): d for d in by_rows}
    answers = verdicts([gap.contrast for gap in found])
    assert len(found) == len(by_rows) == (2 + 3 + 6) * 6
    for gap, answer in zip(found, answers, strict=True):
        ratio = gap.contrast.lowest > 0
        name = "selection_rate_ratio" if ratio else pairs[gap.metric]
        twin = expected[name, gap.attribute, gap.label]
        assert (gap.gap.value, gap.gap.low, gap.gap.high) == (twin.value.value, twin.value.low, twin.value.high)
        assert (gap.gap.n, answer, gap.contrast.resolvable) == (twin.n, twin.verdict, twin.resolvable)


def test_both_sides_of_a_gap_are_told_with_their_own_rows() -> None:
    groups = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 6})
    tensor = CountTensor.of(groups, [1, 1, 0, 0, 1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 1, 1, 1, 1, 0, 0])
    gap = one(gaps(tensor, {"true_positive_rate": 0.1}), "true_positive_rate", "f")
    assert (gap.value.value, gap.value.n, gap.rest.value, gap.rest.n) == (0.5, 2, 1.0, 3)
    assert (gap.attribute, gap.label, gap.denominator) == ("sex", "f", "rows with positive label")
    assert gap.gap.value == pytest.approx(-0.5)
    assert gap.gap.low < -0.5 < gap.gap.high


def test_a_planted_gap_of_one_pair_is_found_and_a_fair_model_is_not_accused() -> None:
    groups, truth, _ = rows(20_000, seed=1)
    rng = np.random.default_rng(2)
    harmed = (groups.sex == "f") & (groups.race == "c")
    fair, unfair = (rng.random(20_000) < chance for chance in (0.5, np.where(harmed, 0.2, 0.5)))
    for decision, expected in ((fair, False), (unfair, True)):
        found = gaps(CountTensor.of(groups, truth, decision), {"selection_rate": 0.1})
        failed = [gap.group for gap, v in zip(found, verdicts([g.contrast for g in found]), strict=True) if v == "fail"]
        assert (("f", "c") in failed) == expected
        assert expected or not failed


def test_groups_of_one_row_and_without_positives_are_listed_and_never_zero() -> None:
    groups = pd.DataFrame({"g": ["a", *["b"] * 50]})
    tensor = CountTensor.of(groups, [0] + [0, 1] * 25, [0] + [0, 1] * 25)
    found = gaps(tensor, {"true_positive_rate": 0.1, "f1": 0.1, "accuracy": 0.1})
    lonely = one(found, "true_positive_rate", "a")
    assert (lonely.value.estimable, lonely.value.n, math.isnan(lonely.gap.value)) == (False, 0, True)
    assert not one(found, "f1", "a").value.estimable
    assert one(found, "accuracy", "a").value.n == 1
    assert not one(found, "accuracy", "a").contrast.resolvable
    assert verdicts([lonely.contrast]) == ("not_estimable",)


def test_one_group_alone_has_no_rest() -> None:
    tensor = CountTensor.of(pd.DataFrame({"g": ["a", "a"]}), [0, 1], [1, 1])
    (gap,) = gaps(tensor, {"selection_rate": 0.1})
    assert not gap.gap.estimable


def test_a_ratio_is_taken_of_plain_rates_only() -> None:
    tensor = CountTensor.of(pd.DataFrame({"g": ["a", "b"]}), [0, 1], [1, 1])
    with pytest.raises(DataError, match="difference"):
        gaps(tensor, {}, ratios={"f1": 0.8})


def test_money_per_decision_is_that_of_the_rows() -> None:
    groups, truth, decision = rows(500, seed=3)
    value = BinaryValue(100.0, -20.0, -50.0, 0.0)
    money = value.money(truth, decision)
    found = money_gaps(CountTensor.of(groups, truth, decision), value, tolerance=10.0, depth=1, unit="EUR")
    assert len(found) == 5
    for gap in found:
        here = (groups[gap.attribute] == gap.label).to_numpy()
        assert gap.value.value == pytest.approx(money[here].mean())
        assert (gap.value.n, gap.value.unit) == (here.sum(), "EUR")
        assert (gap.value.low, gap.value.high) == pytest.approx(mean_interval(money[here]))
        assert gap.gap.value == pytest.approx(money[here].mean() - money[~here].mean())


def test_money_of_several_classes_leaves_rows_without_label_out() -> None:
    tensor = CountTensor.of(pd.DataFrame({"g": list("aabb")}), np.array([2, math.nan, 0, 1]), [2, 0, 0, 2])
    found = money_gaps(tensor, MulticlassValue(((1, 0, 0), (0, 1, -5), (0, 0, 7))), tolerance=1.0)
    a, b = (one(found, "value_per_decision", name) for name in "ab")
    assert (a.value.value, a.value.n, a.value.low) == (7.0, 1, -math.inf)
    assert (b.value.value, b.value.n) == (-2.0, 2)
    assert not a.gap.estimable

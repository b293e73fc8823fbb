"""Disparities of decisions: worked confusion tables, an independent library-free oracle, planted and absent bias."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import IntArray
from ml_assets.statistics.disparity import (
    FAIRNESS_METRICS,
    Disparity,
    disparities,
    fairness_metric,
    judged,
    overall_verdict,
)
from ml_assets.statistics.groups import intersections
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.verdicts import rate_difference, rate_ratio, verdicts


def _table(**cells: tuple[int, int, int, int]) -> tuple[pd.DataFrame, list[int], list[int]]:
    """Groups with their true positives, false positives, false negatives and true negatives."""
    groups, truth, decision = [], [], []
    for group, counts in cells.items():
        for count, (t, d) in zip(counts, [(1, 1), (0, 1), (1, 0), (0, 0)], strict=True):
            groups += [group] * count
            truth += [t] * count
            decision += [d] * count
    return pd.DataFrame({"sex": groups}), truth, decision


def _one(found: tuple[Disparity, ...], metric: str, group: str) -> Disparity:
    return next(one for one in found if (one.metric, one.group) == (metric, group))


_LIMITS = {
    name: 0.8 if metric.form == "ratio" else 0.1
    for name, metric in FAIRNESS_METRICS.items()
    if "multiclass" in metric.tasks
}


def test_every_rate_metric_on_one_worked_table() -> None:
    found = disparities(*_table(f=(20, 10, 20, 50), m=(60, 20, 10, 10)), metrics=_LIMITS)
    expected = {
        "selection_rate_ratio": (30 / 100) / (80 / 100),
        "selection_rate_difference": 0.3 - 0.8,
        "equal_opportunity_difference": 20 / 40 - 60 / 70,
        "false_positive_rate_difference": 10 / 60 - 20 / 30,
        "predictive_parity_difference": 20 / 30 - 60 / 80,
        "accuracy_difference": 0.7 - 0.7,
    }
    assert {one.metric: one.value.value for one in found if one.group == "f"} == pytest.approx(expected)
    denominators = {one.metric: one.n for one in found if one.group == "f"}
    assert denominators["equal_opportunity_difference"] == 40
    assert denominators["false_positive_rate_difference"] == 60
    assert denominators["predictive_parity_difference"] == 30
    assert _one(found, "equal_opportunity_difference", "f").denominator == "rows with favourable truth"


def test_favourable_zero_swaps_the_roles() -> None:
    groups, truth, decision = _table(f=(20, 10, 20, 50), m=(60, 20, 10, 10))
    found = disparities(groups, truth, decision, favourable=0, metrics={"equal_opportunity_difference": 0.1})
    # Among truth = 0: f gets decision 0 in 50 of 60 rows, m in 10 of 30.
    assert _one(found, "equal_opportunity_difference", "f").value.value == pytest.approx(50 / 60 - 10 / 30)


def test_planted_bias_fails_and_its_absence_passes() -> None:
    unfair = disparities(*_table(f=(100, 50, 300, 550), m=(300, 150, 100, 450)), metrics=_LIMITS)
    assert _one(unfair, "selection_rate_ratio", "f").verdict == "fail"
    assert _one(unfair, "equal_opportunity_difference", "f").verdict == "fail"
    assert overall_verdict(unfair) == "fail"
    # Every denominator must carry the ratio and the 0.1: thousands of rows.
    cell = (3_000, 1_500, 1_000, 4_500)
    fair = disparities(*_table(f=cell, m=cell), metrics=_LIMITS)
    assert {one.verdict for one in fair} == {"pass"}
    assert overall_verdict(fair) == "pass"


def test_a_tiny_group_is_inconclusive_and_does_not_block_the_others() -> None:
    cell = (3_000, 1_500, 1_000, 4_500)
    found = disparities(*_table(f=cell, m=cell, x=(2, 1, 1, 3)), metrics={"selection_rate_difference": 0.1})
    tiny = _one(found, "selection_rate_difference", "x")
    assert (tiny.verdict, tiny.resolvable) == ("inconclusive", False)
    assert "Too few rows" in tiny.sentence
    assert overall_verdict(found) == "pass"
    assert overall_verdict([tiny]) == "inconclusive"


def test_the_smallest_gap_that_rows_could_rule_out_decides_on_resolvable() -> None:
    groups, truth, decision = _table(tiny=(4, 1, 2, 3), large=(400, 100, 100, 400), other=(400, 100, 100, 400))
    found = disparities(groups, truth, decision, metrics={"accuracy_difference": 0.1, "selection_rate_ratio": 0.8})
    for one in found:
        limit = one.limit if one.metric == "accuracy_difference" else -math.log(one.limit)
        assert one.resolvable == (one.detectable <= limit)
    assert (
        _one(found, "accuracy_difference", "tiny").detectable > _one(found, "accuracy_difference", "large").detectable
    )


def test_a_group_without_positives_has_no_true_positive_rate() -> None:
    found = disparities(*_table(f=(0, 10, 0, 50), m=(60, 20, 10, 10)), metrics={"equal_opportunity_difference": 0.1})
    women = _one(found, "equal_opportunity_difference", "f")
    assert women.verdict == "not_estimable"
    assert women.n == 0
    assert math.isnan(women.value.value)
    assert overall_verdict(found) == "not_estimable"
    assert overall_verdict([]) == "not_estimable"


def test_everybody_in_one_group_has_no_rest() -> None:
    found = disparities(*_table(f=(5, 5, 5, 5)), metrics=_LIMITS)
    assert {one.verdict for one in found} == {"not_estimable"}


def test_regression_residual_in_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 10, size=4_000)
    groups = pd.DataFrame({"g": np.repeat(["a", "b"], 2_000)})
    decision = truth + rng.normal(0, 1, size=4_000) + np.where(groups["g"] == "a", 5.0, 0.0)
    found = disparities(groups, truth, decision, task="regression", metrics={"mean_residual_difference": 0.1})
    over = _one(found, "mean_residual_difference", "a")
    assert over.value.value == pytest.approx(0.5, abs=0.02)
    assert over.value.unit == "sd"
    assert over.verdict == "fail"
    honest = disparities(groups, truth, truth, task="regression", metrics={"mean_residual_difference": 0.1})
    assert {one.verdict for one in honest} == {"pass"}


def test_a_constant_truth_has_no_scale() -> None:
    groups = pd.DataFrame({"g": ["a", "a", "b", "b"]})
    found = disparities(groups, [1.0] * 4, [1.0] * 4, task="regression", metrics={"mean_residual_difference": 0.1})
    assert {one.verdict for one in found} == {"not_estimable"}


def test_calibration_difference_reads_the_score() -> None:
    groups, truth, decision = _table(f=(250, 250, 250, 250), m=(250, 250, 250, 250))
    score = np.where(groups["sex"] == "f", 0.8, 0.5)
    found = disparities(groups, truth, decision, metrics={"calibration_difference": 0.1}, score=score)
    assert _one(found, "calibration_difference", "f").value.value == pytest.approx(0.3)
    assert _one(found, "calibration_difference", "f").verdict == "fail"
    with pytest.raises(DataError, match="without a score"):
        disparities(groups, truth, decision, metrics={"calibration_difference": 0.1})


def test_multiclass_takes_the_favourable_class_against_the_others() -> None:
    groups = pd.DataFrame({"g": ["a"] * 4 + ["b"] * 4})
    found = disparities(
        groups, [0, 1, 2, 2, 0, 1, 2, 2], [2, 2, 2, 1, 0, 1, 2, 2], task="multiclass", favourable=2,
        metrics={"selection_rate_difference": 0.1, "accuracy_difference": 0.1},
    )  # fmt: skip
    assert _one(found, "selection_rate_difference", "a").value.value == pytest.approx(0.75 - 0.5)
    assert _one(found, "accuracy_difference", "a").value.value == pytest.approx(0.25 - 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 60))
def test_rates_agree_with_masks_and_the_order_of_rows_is_nothing(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame({"g": rng.choice(list("abc"), size=n)})
    truth, decision = rng.integers(0, 2, size=(2, n))
    found = disparities(groups, truth, decision, metrics=_LIMITS)
    shuffle = rng.permutation(n)
    again = disparities(groups.iloc[shuffle], truth[shuffle], decision[shuffle], metrics=_LIMITS)
    assert [one.sentence for one in again] == [one.sentence for one in found]
    for one in found:
        if one.metric == "equal_opportunity_difference":
            inside = (groups["g"] == one.group).to_numpy()
            here, there = decision[inside & (truth == 1)], decision[~inside & (truth == 1)]
            assert one.n == here.size
            if here.size and there.size:
                assert one.value.value == pytest.approx(here.mean() - there.mean())
            else:
                assert one.verdict == "not_estimable"


_Masks = Callable[[IntArray, IntArray, int], tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]
_ROWS: dict[str, _Masks] = {
    "selection_rate_ratio": lambda t, d, f: (d == f, np.ones(len(t), dtype=bool)),
    "selection_rate_difference": lambda t, d, f: (d == f, np.ones(len(t), dtype=bool)),
    "equal_opportunity_difference": lambda t, d, f: (d == f, t == f),
    "false_positive_rate_difference": lambda t, d, f: (d == f, t != f),
    "predictive_parity_difference": lambda t, d, f: (t == f, d == f),
    "accuracy_difference": lambda t, d, _: (t == d, np.ones(len(t), dtype=bool)),
}
"""Event and denominator of each rate, row by row: the counting without a tensor."""


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(2, 4), st.integers(0, 3))
def test_counts_of_the_tensor_are_those_of_the_rows(seed: int, n: int, classes: int, favourable: int) -> None:
    """Every figure, interval and verdict, of groups, crossings and missing groups, as counted by masks."""
    rng = np.random.default_rng(seed)
    drawn = {"g": rng.choice(["a", "b", "unknown"], size=n, p=[0.6, 0.3, 0.1]), "h": rng.choice(list("xyz"), size=n)}
    groups = intersections(pd.DataFrame(drawn))
    truth, decision = rng.integers(0, classes, size=(2, n))
    found = judged(groups, truth, decision, metrics=_LIMITS, task="multiclass", favourable=favourable)
    contrasts = []
    for one in (j.disparity for j in found):
        event, among = _ROWS[one.metric](truth, decision, favourable)
        inside = (groups[one.attribute] == one.group).to_numpy()
        counts = [int(part.sum()) for own in (inside, ~inside) for part in (event & among & own, among & own)]
        ratio = FAIRNESS_METRICS[one.metric].form == "ratio"
        contrasts.append(rate_ratio(*counts, limit=0.8) if ratio else rate_difference(*counts, tolerance=0.1))
    expected = verdicts(contrasts)
    for here, contrast, verdict in zip(found, contrasts, expected, strict=True):
        mine, theirs = here.contrast, contrast
        assert (here.disparity.verdict, mine.resolvable, mine.detectable) == (
            verdict,
            theirs.resolvable,
            theirs.detectable,
        )
        assert math.isnan(mine.value) == math.isnan(theirs.value)
        if not math.isnan(mine.value):
            assert (mine.value, mine.interval(0.9), mine.p_value) == (
                theirs.value,
                theirs.interval(0.9),
                theirs.p_value,
            )
    wanted = [(m, a, g) for a in groups for m in _LIMITS for g in sorted(groups[a].unique())]
    assert [(j.disparity.metric, j.disparity.attribute, j.disparity.group) for j in found] == wanted


def test_a_tensor_that_is_there_already_is_not_counted_again_and_one_of_other_rows_is_refused() -> None:
    groups, truth, decision = _table(f=(20, 10, 20, 50), m=(60, 20, 10, 10))
    made = CountTensor.of(groups, truth, decision)
    found = judged(groups, truth, decision, metrics=_LIMITS, counts=made)
    assert tuple(one.disparity for one in found) == disparities(groups, truth, decision, metrics=_LIMITS)
    turned = CountTensor.of(groups, truth, [1 - d for d in decision])
    other = judged(groups, truth, decision, metrics={"selection_rate_difference": 0.1}, counts=turned)
    assert other[0].disparity.value.value == pytest.approx(0.7 - 0.2), "the figures are those of the tensor"
    for wrong in (CountTensor.of(groups[:-1], truth[:-1], decision[:-1]), made.marginal(())):
        with pytest.raises(DataError, match="of other rows"):
            judged(groups, truth, decision, metrics=_LIMITS, counts=wrong)


def test_errors_list_what_exists() -> None:
    groups, truth, decision = _table(f=(1, 1, 1, 1), m=(1, 1, 1, 1))
    with pytest.raises(DataError, match="selection_rate_ratio, selection_rate_difference"):
        disparities(groups, truth, decision, metrics={"demographic_parity": 0.1})
    with pytest.raises(DataError, match="no such fairness metric for regression"):
        fairness_metric("selection_rate_ratio", task="regression")
    with pytest.raises(DataError, match="different length"):
        disparities(groups[:3], truth, decision, metrics=_LIMITS)
    with pytest.raises(DataError, match="different length"):
        disparities(groups, truth[:3], decision, metrics=_LIMITS)

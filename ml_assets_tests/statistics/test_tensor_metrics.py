"""Figures from counts: one worked table, scikit-learn as oracle per group, several classes, empty denominators."""

import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import newcombe_difference, wilson
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_metrics import (
    COUNT_METRICS,
    count_metric,
    difference,
    estimate,
    plain_metric,
    tables,
    values,
)

# true negatives (of the same class, of another), false positives, false negatives, true positives, unlabelled no, yes
WORKED = (50, 0, 10, 20, 20, 3, 7)


def test_every_metric_on_one_worked_table() -> None:
    expected = {
        "selection_rate": (37 / 110, 110),
        "prevalence": (40 / 100, 100),
        "accuracy": (70 / 100, 100),
        "true_positive_rate": (20 / 40, 40),
        "false_negative_rate": (20 / 40, 40),
        "true_negative_rate": (50 / 60, 60),
        "false_positive_rate": (10 / 60, 60),
        "positive_predictive_value": (20 / 30, 30),
        "false_discovery_rate": (10 / 30, 30),
        "false_omission_rate": (20 / 70, 70),
        "negative_predictive_value": (50 / 70, 70),
        "balanced_accuracy": ((20 / 40 + 50 / 60) / 2, 40),
        "f1": (40 / (40 + 10 + 20), 50),
        "treatment_equality": (20 / 10, 10),
    }
    found = {name: estimate(metric, WORKED) for name, metric in COUNT_METRICS.items()}
    assert {name: one.value for name, one in found.items()} == pytest.approx({k: v for k, (v, _) in expected.items()})
    assert {name: one.n for name, one in found.items()} == {name: n for name, (_, n) in expected.items()}
    assert all(one.low < one.value < one.high for one in found.values())
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx(wilson(70, 100))


def test_a_figure_of_one_group_and_of_many_at_once_agree() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (200, 7)) * rng.integers(0, 2, (200, 7))
    at_once = values(counts, list(COUNT_METRICS))
    one_by_one = [[estimate(metric, line).value for metric in COUNT_METRICS.values()] for line in counts.tolist()]
    assert at_once == pytest.approx(np.array(one_by_one), nan_ok=True)


def test_every_metric_of_every_group_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    n = 3_000
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n, p=[0.7, 0.25, 0.05])})
    truth = rng.integers(0, 2, n)
    decision = np.where(rng.random(n) < 0.3, 1 - truth, truth)
    functions: dict[str, Any] = {
        "accuracy": oracle.accuracy_score,
        "true_positive_rate": oracle.recall_score,
        "true_negative_rate": lambda t, d: oracle.recall_score(t, d, pos_label=0),
        "positive_predictive_value": oracle.precision_score,
        "negative_predictive_value": lambda t, d: oracle.precision_score(t, d, pos_label=0),
        "balanced_accuracy": oracle.balanced_accuracy_score,
        "f1": oracle.f1_score,
        "selection_rate": lambda _, d: d.mean(),
        "prevalence": lambda t, _: t.mean(),
    }
    seen = 0
    for table in tables(CountTensor.of(groups, truth, decision)):
        for group, line in zip(table.groups, values(table.counts, list(functions)), strict=True):
            here = (groups[list(table.attributes)] == list(group)).all(axis=1).to_numpy()
            assert line == pytest.approx([f(truth[here], decision[here]) for f in functions.values()])
            seen += 1
    assert seen == 2 + 3 + 6


def test_every_gap_is_that_of_fairlearn() -> None:
    rng = np.random.default_rng(11)
    n = 4_000
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], n), "race": rng.choice(list("abc"), n, p=[0.6, 0.3, 0.1])})
    truth = rng.integers(0, 2, n)
    decision = np.where(rng.random(n) < 0.2 + 0.2 * (groups["sex"] == "f"), 1 - truth, truth)
    functions: dict[str, Any] = {
        "selection_rate": fairlearn.selection_rate,
        "true_positive_rate": fairlearn.true_positive_rate,
        "false_positive_rate": fairlearn.false_positive_rate,
        "true_negative_rate": fairlearn.true_negative_rate,
        "false_negative_rate": fairlearn.false_negative_rate,
    }
    seen = 0
    for table in tables(CountTensor.of(groups, truth, decision)):
        frame = fairlearn.MetricFrame(
            metrics=functions, y_true=truth, y_pred=decision, sensitive_features=groups[list(table.attributes)]
        )
        found = pd.DataFrame(values(table.counts, list(functions)), columns=list(functions))
        key = [g if len(g) > 1 else g[0] for g in table.groups]
        np.testing.assert_allclose(found, frame.by_group.loc[key, list(functions)].to_numpy(dtype=float))
        np.testing.assert_allclose(found.max() - found.min(), frame.difference().to_numpy(dtype=float))
        seen += len(key)
    assert seen == 2 + 3 + 6


def test_several_classes_are_each_read_against_the_others() -> None:
    rng = np.random.default_rng(2)
    truth, decision = rng.integers(0, 3, 500), rng.integers(0, 3, 500)
    tensor = CountTensor.of(pd.DataFrame({"all": ["x"] * 500}), truth, decision)
    for positive in tensor.classes:
        (table,) = tables(tensor, positive=positive)
        names = ["true_positive_rate", "positive_predictive_value", "f1", "false_positive_rate", "accuracy"]
        t, d = truth == positive, decision == positive
        expected = [oracle.recall_score(t, d), oracle.precision_score(t, d), oracle.f1_score(t, d), d[~t].mean()]
        assert values(table.counts, names)[0] == pytest.approx([*expected, (truth == decision).mean()])


def test_rows_without_label_count_for_the_selection_rate_only() -> None:
    tensor = CountTensor.of(pd.DataFrame({"sex": ["f"] * 4}), np.array([1, *[math.nan] * 3]), [1, 1, 1, 0])
    (table,) = tables(tensor)
    (line,) = table.counts.tolist()
    assert estimate(count_metric("selection_rate"), line).value == 0.75
    assert estimate(count_metric("accuracy"), line).n == 1
    none = tables(CountTensor.of(pd.DataFrame({"sex": ["f"]}), None, [1]))
    assert math.isnan(values(next(none).counts, ["accuracy"])[0, 0])


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 3)] * 7), st.sampled_from(sorted(COUNT_METRICS)))
def test_without_denominator_not_estimable_and_never_zero(counts: tuple[int, ...], name: str) -> None:
    metric = count_metric(name)
    tn, wrong, fp, fn, tp, _, _ = counts
    denominators = {
        "selection_rate": sum(counts),
        "true_positive_rate": fn + tp,
        "false_negative_rate": fn + tp,
        "f1": fn + tp,
        "treatment_equality": fp,
        "true_negative_rate": tn + wrong + fp,
        "false_positive_rate": tn + wrong + fp,
        "positive_predictive_value": fp + tp,
        "false_discovery_rate": fp + tp,
        "false_omission_rate": tn + wrong + fn,
        "negative_predictive_value": tn + wrong + fn,
        "balanced_accuracy": min(fn + tp, tn + wrong + fp),
    }
    found = estimate(metric, counts)
    assert found.estimable == (denominators.get(name, sum(counts[:5])) > 0)
    assert found.estimable or found.n == 0
    if found.estimable:
        assert found.low <= found.value <= found.high
    gap = difference(metric, counts, (9, 0, 9, 9, 9, 0, 0), tolerance=0.1)
    assert math.isfinite(gap.value) == found.estimable


def test_a_difference_of_a_plain_rate_is_newcombes_and_the_joined_one_agrees() -> None:
    other = (40, 0, 20, 5, 35, 0, 0)
    plain = difference(count_metric("true_positive_rate"), WORKED, other, tolerance=0.1)
    assert plain.interval(0.95) == pytest.approx(newcombe_difference(20, 40, 35, 40))
    f1 = difference(count_metric("f1"), WORKED, other, tolerance=0.1)
    assert f1.value == pytest.approx(40 / 70 - 70 / 95)
    same = difference(count_metric("f1"), WORKED, WORKED, tolerance=0.1)
    assert (same.value, same.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("name", ["true_positive_rate", "f1", "balanced_accuracy", "treatment_equality"])
def test_intervals_cover_what_they_promise(name: str) -> None:
    rng = np.random.default_rng(3)
    metric = count_metric(name)
    chances = {60: [0.4, 0, 0.1, 0.15, 0.35, 0, 0], 2_000: [0.5, 0, 0.1, 0.1, 0.3, 0, 0]}
    true = [float(values(np.array(chance) * 1e6, [name])[0]) for chance in chances.values()]
    covered, known = 0, 0
    for _ in range(600):
        group, rest = (rng.multinomial(n, chance).tolist() for n, chance in chances.items())
        contrast = difference(metric, group, rest, tolerance=0.1)
        if math.isfinite(contrast.value):
            low, high = contrast.interval(0.95)
            covered, known = covered + (low <= true[0] - true[1] <= high), known + 1
    assert covered / known > 0.925


def test_a_large_equal_group_is_resolvable_and_a_small_one_is_not() -> None:
    big = (4_000, 0, 1_000, 1_000, 4_000, 0, 0)
    for name in ("f1", "balanced_accuracy", "treatment_equality"):
        assert difference(count_metric(name), big, big, tolerance=0.25).resolvable
        assert not difference(count_metric(name), (4, 0, 1, 1, 4, 0, 0), big, tolerance=0.2).resolvable


def test_names_and_depths_that_do_not_exist_are_refused() -> None:
    with pytest.raises(DataError, match="selection_rate"):
        count_metric("tpr")
    with pytest.raises(DataError, match="difference"):
        plain_metric("f1")
    with pytest.raises(DataError, match="above 0"):
        difference(count_metric("f1"), WORKED, WORKED, tolerance=0.0)
    tensor = CountTensor.of(pd.DataFrame({"sex": ["f"]}), [1], [1])
    with pytest.raises(DataError, match="depth"):
        list(tables(tensor, depth=0))


def test_no_warning_where_nothing_is_known() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(values(np.zeros((2, 7)), list(COUNT_METRICS))).all()

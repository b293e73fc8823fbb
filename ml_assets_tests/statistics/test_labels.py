"""Label gaps: worked cases for the three tasks and planted faults."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.labels import label_gaps
from ml_assets.statistics.metrics import Task


def test_binary_gap_by_hand() -> None:
    groups = pd.DataFrame({"sex": ["f"] * 1_000 + ["m"] * 1_000})
    truth = np.array([1] * 100 + [0] * 900 + [1] * 300 + [0] * 700)
    women, men = label_gaps(groups, truth, tolerance=0.1)
    assert (women.group, women.n, women.positives, women.rest_rate) == ("f", 1_000, 100, 0.3)
    assert women.rate.value == 0.1
    assert women.difference.value == pytest.approx(-0.2)
    assert women.ratio.value == pytest.approx(1 / 3)
    assert men.difference.value == pytest.approx(0.2)
    assert (women.verdict, men.verdict) == ("fail", "fail")
    assert "sex = f: label rate 0.1 against 0.3" in women.sentence


def test_equal_labels_pass_and_few_are_inconclusive() -> None:
    groups = pd.DataFrame({"g": ["a", "b"] * 2_000})
    truth = np.repeat([0, 1], 2_000)
    assert {gap.verdict for gap in label_gaps(groups, truth)} == {"pass"}
    few = label_gaps(groups[:8], [0, 0, 1, 1, 0, 0, 1, 1])
    assert {gap.verdict for gap in few} == {"inconclusive"}
    assert not any(gap.resolvable for gap in few)


def test_a_group_of_everyone_has_no_rest() -> None:
    (gap,) = label_gaps(pd.DataFrame({"g": ["a"] * 5}), [0, 1, 0, 1, 0])
    assert gap.verdict == "not_estimable"
    assert not gap.difference.estimable


def test_multiclass_compares_each_class() -> None:
    groups = pd.DataFrame({"g": ["a"] * 600 + ["b"] * 600})
    truth = np.array([0, 1, 2] * 200 + [0, 1, 1] * 200)
    found = {(gap.label, gap.group): gap for gap in label_gaps(groups, truth, task="multiclass")}
    assert len(found) == 6
    assert found["0", "a"].verdict == "pass"
    assert found["2", "a"].difference.value == pytest.approx(1 / 3)
    assert found["2", "b"].verdict == "fail"


def test_regression_gap_is_in_standard_deviations() -> None:
    groups = pd.DataFrame({"g": ["a"] * 500 + ["b"] * 500})
    noise = np.tile([-1.0, 1.0], 500)
    truth = noise + np.repeat([0.0, 2.0], 500)
    low, high = label_gaps(groups, truth, task="regression")
    assert high.difference.value == pytest.approx(2 / truth.std(ddof=1))
    assert low.difference.value == pytest.approx(-high.difference.value)
    assert high.difference.unit == "sd"
    assert high.verdict == "fail"
    assert not high.ratio.estimable


def test_labels_must_be_binary_when_the_task_is() -> None:
    with pytest.raises(DataError, match="not binary"):
        label_gaps(pd.DataFrame({"g": ["a", "b"]}), [0, 2])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_ten_rows_of_a_customer_tell_no_more_than_one(task: Task) -> None:
    rng = np.random.default_rng(3)
    groups = pd.DataFrame({"g": np.repeat(["a", "b"], [60, 90])})
    truth = rng.normal(size=150) if task == "regression" else rng.integers(0, 2 if task == "binary" else 3, 150)
    copies = np.repeat(np.arange(150), 10)
    many = groups.iloc[copies].reset_index(drop=True)
    one = label_gaps(groups, truth, task=task)
    shared = label_gaps(many, truth[copies], task=task, cluster=copies)
    naive = label_gaps(many, truth[copies], task=task)
    for single, clustered, rows in zip(one, shared, naive, strict=True):
        assert clustered.n == 10 * single.n
        for name in ("rate", "difference"):
            widths = [getattr(gap, name).high - getattr(gap, name).low for gap in (single, clustered, rows)]
            assert widths[1] == pytest.approx(widths[0], rel=0.05)
            assert widths[1] > 2.5 * widths[2]

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.intervals import delong
from ml_assets.statistics.metrics import METRICS, Metric, better, evaluate, metric, names_for
from ml_assets.statistics.skewness import skewed_interval

TRUTH = np.array([0, 0, 0, 1, 1, 1, 0, 1])
SCORE = np.array([0.1, 0.4, 0.2, 0.9, 0.3, 0.8, 0.6, 0.7])
DECISION = (SCORE >= 0.5).astype(int)
NAMES = (
    "roc_auc average_precision log_loss brier_score expected_calibration_error accuracy balanced_accuracy precision "
    "recall specificity f1 selection_rate value_per_decision macro_f1 mean_absolute_error root_mean_squared_error r2 "
    "mean_error"
)


def test_the_table_holds_the_promised_names_each_with_its_facts() -> None:
    assert set(METRICS) == set(NAMES.split())
    for name, row in METRICS.items():
        assert row.name == name
        assert row.tasks
        assert row.lowest < row.highest
        assert row.summary.endswith(".")


def test_each_task_has_its_names() -> None:
    assert "roc_auc" in names_for("binary")
    assert "roc_auc" not in names_for("multiclass")
    assert set(names_for("multiclass")) < set(names_for("binary"))
    assert set(names_for("regression")) == {
        "value_per_decision",
        "mean_absolute_error",
        "root_mean_squared_error",
        "r2",
        "mean_error",
    }


def test_an_unknown_name_is_answered_with_the_allowed_ones() -> None:
    with pytest.raises(DataError, match=r"got 'auc'; allowed: roc_auc, average_precision, .*mean_error") as caught:
        evaluate("auc", TRUTH, score=SCORE)
    assert "Use one of these names" in str(caught.value)


def test_better_follows_the_direction() -> None:
    assert better("roc_auc", 0.8, 0.7)
    assert not better("roc_auc", 0.7, 0.7)
    assert better("log_loss", 0.2, 0.3)
    assert better("mean_error", -0.1, 2.0)
    assert better("mean_error", 0.1, -2.0)
    assert better(metric("r2"), 0.1, math.nan)
    assert not better("r2", math.nan, 0.1)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_value_interval_rows_and_unit(name: str) -> None:
    found = evaluate(name, TRUTH, score=SCORE, decision=DECISION, money=TRUTH * 2.0 - DECISION, draws=50, level=0.9)
    assert found.name == name
    assert found.estimable
    assert METRICS[name].lowest <= found.low <= found.value <= found.high <= METRICS[name].highest
    assert 0 < found.n <= 8
    assert (found.level, found.unit) == (0.9, METRICS[name].unit)


@pytest.mark.parametrize("name", list(METRICS))
def test_no_rows_are_not_estimable(name: str) -> None:
    found = evaluate(name, [], score=[], decision=[], money=[])
    assert not found.estimable
    assert found.n == 0


@pytest.mark.parametrize("name", list(METRICS))
def test_a_missing_array_is_named(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} without {METRICS[name].needs}"):
        evaluate(name, TRUTH)


@pytest.mark.parametrize("row", [row for row in METRICS.values() if row.rows], ids=lambda row: row.name)
def test_the_mean_of_the_rows_is_the_metric(row: Metric) -> None:
    given = {"score": SCORE, "decision": DECISION.astype(float), "money": SCORE * 10}[row.needs]
    assert row.rows is not None
    rows: FloatArray = row.rows(TRUTH.astype(float), given)
    assert rows.shape == (8,)
    found = evaluate(row.name, TRUTH, score=given, decision=DECISION, money=given)
    assert found.value == pytest.approx(rows.mean())


def test_the_intervals_are_the_named_ones() -> None:
    assert evaluate("roc_auc", TRUTH, score=SCORE) == delong(TRUTH, SCORE)
    low, high = skewed_interval([3.0, -1.0, 2.0])
    money = evaluate("value_per_decision", [0, 1, 1], money=[3.0, -1.0, 2.0])
    assert money.value == pytest.approx(4 / 3)
    assert (money.low, money.high, money.unit) == (low, high, "money")


def test_one_class_is_not_estimable_where_a_class_is_missing_and_estimable_elsewhere() -> None:
    ones = np.ones(8, dtype=int)
    for name in ("roc_auc", "specificity", "balanced_accuracy", "macro_f1"):
        assert not evaluate(name, ones, score=SCORE, decision=DECISION).estimable
    for name in ("recall", "accuracy", "log_loss"):
        assert evaluate(name, ones, score=SCORE, decision=DECISION).estimable
    assert not evaluate("recall", 1 - ones, decision=DECISION).estimable


def test_resampled_intervals_depend_on_the_seed_alone() -> None:
    first, again, other = (evaluate("average_precision", TRUTH, score=SCORE, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)


@pytest.mark.parametrize(
    ("name", "truth", "score"),
    [
        ("roc_auc", [0, 1, 2], [0.1, 0.2, 0.3]),
        ("roc_auc", [0, 1], [0.1, np.nan]),
        ("roc_auc", [0, 1], [0.1, 0.2, 0.3]),
        ("log_loss", [0, 1], [0.1, 1.7]),
        ("log_loss", [0, 2], [[0.1, 0.9], [0.5, 0.5]]),
        ("r2", [0.5, np.inf], [0.1, 1.7]),
    ],
)
def test_arrays_outside_the_encoding_are_refused(name: str, truth: list[float], score: list[float]) -> None:
    with pytest.raises(DataError):
        evaluate(name, truth, score=score)


@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(8)
    for name in ("roc_auc", "average_precision", "expected_calibration_error", "f1", "macro_f1", "r2"):
        a = evaluate(name, TRUTH, score=SCORE, decision=DECISION, draws=5)
        b = evaluate(name, TRUTH[shuffled], score=SCORE[shuffled], decision=DECISION[shuffled], draws=5)
        assert a.value == pytest.approx(b.value)


def test_a_worse_model_is_seen() -> None:
    """A planted fault: labels mixed up in half of the rows lower every figure of quality."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 600)
    score = np.clip(0.5 + (truth - 0.5) * 0.5 + rng.normal(0, 0.15, 600), 0, 1)
    spoiled = np.where(rng.random(600) < 0.5, rng.permutation(score), score)
    for name in names_for("binary"):
        if name in ("selection_rate", "value_per_decision", "expected_calibration_error"):
            continue
        good = evaluate(name, truth, score=score, decision=score >= 0.5, draws=50)
        bad = evaluate(name, truth, score=spoiled, decision=spoiled >= 0.5, draws=50)
        assert better(name, good.value, bad.value)


def test_measuring_loads_neither_scikit_learn_nor_scipy() -> None:
    code = (
        "import sys; from ml_assets.statistics.metrics import evaluate; "
        "evaluate('roc_auc', [0, 1, 1], score=[0.1, 0.2, 0.3]); "
        "sys.exit(any(name in sys.modules for name in ('sklearn', 'scipy', 'dagster', 'mlflow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

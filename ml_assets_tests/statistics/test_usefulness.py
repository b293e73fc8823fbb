"""What one column tells: known strengths, honesty out of fold, agreement with scikit-learn and scipy."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.columns import read_column
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.usefulness import out_of_fold_mean, rank_correlation, usefulness


def _of(values: object, truth: FloatArray, task: Task = "binary") -> Estimate:
    return usefulness(read_column(pd.Series(values)), truth, task=task)


_RNG = np.random.default_rng(0)
_TRUTH = (_RNG.random(4_000) < 0.3).astype(np.float64)


def test_a_monotone_number_has_its_own_roc_auc_in_either_direction() -> None:
    number = _TRUTH + _RNG.normal(size=4_000)
    expected = roc_auc_score(_TRUTH, number)
    assert _of(number, _TRUTH).value == pytest.approx(expected, abs=0.01)
    assert _of(-number, _TRUTH).value == pytest.approx(expected, abs=0.01)
    assert _of(number, _TRUTH).name == "roc_auc"


def test_a_number_that_matters_at_both_ends_is_seen_by_its_bins() -> None:
    number = np.where(_TRUTH == 1, _RNG.choice([-2.0, 2.0], size=4_000), 0.0) + _RNG.normal(0, 0.1, size=4_000)
    assert _of(number, _TRUTH).value > 0.95


def test_a_category_of_noise_earns_nothing_even_with_many_levels() -> None:
    noise = _RNG.integers(0, 1_500, size=4_000).astype(str)
    assert 0.45 < _of(noise, _TRUTH).value < 0.55


def test_missing_values_that_betray_the_truth_are_seen() -> None:
    assert _of(np.where(_TRUTH == 1, np.nan, 1.0), _TRUTH).value > 0.99
    assert _of([None if positive else "x" for positive in _TRUTH], _TRUTH).value > 0.99


def test_one_class_or_no_rows_is_not_estimable() -> None:
    assert not _of(["a", "b"], np.ones(2)).estimable
    assert not _of(["a", "b"], np.ones(2), "multiclass").estimable
    assert not _of([1.0, 2.0], np.ones(2), "regression").estimable


def test_a_column_without_values_is_useless() -> None:
    assert _of([None] * 4_000, _TRUTH).value == pytest.approx(0.5, abs=0.03)
    assert _of(np.full(4_000, np.nan), _TRUTH).value == pytest.approx(0.5, abs=0.03)


def test_regression_is_a_rank_correlation() -> None:
    x = _RNG.normal(size=2_000)
    y = np.exp(x) + 0.1 * _RNG.normal(size=2_000)
    found = _of(-x, y, "regression")
    assert found.name == "rank_correlation"
    assert found.value == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)
    assert _of(np.abs(x), x, "regression").value < 0.2
    assert _of(x, x * x, "regression").value > 0.95


def test_multiclass_is_the_weighted_mean_of_one_against_the_rest() -> None:
    classes = _RNG.integers(0, 3, size=3_000).astype(np.float64)
    assert _of(classes.astype(int).astype(str), classes, "multiclass").value > 0.99
    assert _of(_RNG.normal(size=3_000), classes, "multiclass").value == pytest.approx(0.5, abs=0.03)


def test_out_of_fold_means_by_hand_do_not_hold_the_row_itself() -> None:
    # A level of one row has no other rows: it gets the overall mean exactly.
    truth = np.array([1.0, 0, 0, 1, 1, 0, 1, 0])
    assert out_of_fold_mean(np.arange(8), truth) == pytest.approx(np.full(8, 0.5))
    # One level, as many folds as rows: (sum - own + 10·0.5) / (7 + 10).
    expected = (4 - truth + 5) / 17
    assert out_of_fold_mean(np.zeros(8, dtype=np.int64), truth, folds=8) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=5, max_size=60))
def test_rank_correlation_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side, dtype=np.float64) for side in zip(*pairs, strict=True))
    found = rank_correlation(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert not found.estimable
        return
    assert found.value == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_rank_correlation_interval_covers_at_its_level() -> None:
    rng = np.random.default_rng(5)
    # Normal pairs of correlation 0.6 have the rank correlation 6/pi · asin(0.3).
    true = 6 / np.pi * np.arcsin(0.3)
    hits = 0
    for _ in range(300):
        x, noise = rng.normal(size=(2, 80))
        found = rank_correlation(x, 0.6 * x + 0.8 * noise)
        hits += found.low <= true <= found.high
    assert 0.91 <= hits / 300 <= 0.985

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.table import TrainingTable, encode_target
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


def test_take_keeps_rows_aligned_and_in_order(make_table: MakeTable) -> None:
    table = make_table()
    taken = table.take("validation")
    assert taken.ids.tolist() == [i for i in range(900) if i % 5 == 3]
    assert taken.features.index.tolist() == list(range(180))
    assert taken.features["signal"].tolist() == table.features["signal"].iloc[taken.ids].tolist()
    assert taken.truth.tolist() == table.truth[taken.ids].tolist()
    assert len(table.take("nowhere")) == 0


def test_weighted_changes_nothing_else(make_table: MakeTable) -> None:
    table = make_table()
    other = table.weighted(np.full(900, 2.0))
    assert other.weight.sum() == 1800.0
    assert other.truth is table.truth


def test_unaligned_rows_and_negative_weights_are_refused(make_table: MakeTable) -> None:
    table = make_table()
    with pytest.raises(DataError, match="not aligned"):
        TrainingTable(table.features, table.truth[1:], table.part, table.weight, table.ids, "binary", table.classes)
    with pytest.raises(DataError, match="weights"):
        table.weighted(np.full(900, -1.0))


def test_binary_target_with_a_declared_positive() -> None:
    target = encode_target(pd.Series(["good", "bad", None, "good"]), task="binary", positive="bad")
    assert target.classes == ("good", "bad")
    assert target.missing.tolist() == [False, False, True, False]
    assert target.truth[[0, 1, 3]].tolist() == [0.0, 1.0, 0.0]
    assert np.isnan(target.truth[2])


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([0, 1, 1]),
        pd.Series([0.0, 1.0, 1.0]),
        pd.Series([False, True, True]),
        pd.Series([0, 1, 1], dtype="Int64"),
        pd.Series(["0", "1", "1"], dtype="category"),
    ],
)
def test_zero_one_and_booleans_need_no_declaration(labels: "pd.Series[float]") -> None:
    assert encode_target(labels, task="binary").truth.tolist() == [0.0, 1.0, 1.0]


def test_a_missing_label_does_not_rename_the_others() -> None:
    whole = encode_target(pd.Series([1, 2, 1]), task="binary", positive=2)
    with_gap = encode_target(pd.Series([1, 2, None]), task="binary", positive=2)  # pandas makes these floats
    assert whole.classes == with_gap.classes == ("1", "2")


def test_multiclass_codes_follow_numbers_then_names() -> None:
    target = encode_target(pd.Series([10, 9, None, 2]), task="multiclass")
    assert target.classes == ("2", "9", "10")
    assert target.truth.tolist() == [2, 1, -1, 0]


def test_classes_of_a_model_fix_the_codes_of_a_quiet_day() -> None:
    target = encode_target(pd.Series(["yes", "yes"]), task="binary", classes=("no", "yes"))
    assert target.truth.tolist() == [1.0, 1.0]
    with pytest.raises(DataError, match="maybe"):
        encode_target(pd.Series(["maybe"]), task="binary", classes=("no", "yes"))


def test_regression_target_counts_infinity_as_missing() -> None:
    target = encode_target(pd.Series([1.5, np.inf, None, 3.0]), task="regression")
    assert target.missing.tolist() == [False, True, True, False]
    assert target.truth[[0, 3]].tolist() == [1.5, 3.0]
    assert target.classes == ()


@pytest.mark.parametrize(
    ("labels", "task", "positive", "words"),
    [
        ([None, None], "binary", None, "No row is labelled"),
        (["a", "a"], "binary", "a", "one class"),
        (["a", "b", "c"], "binary", "a", "two labels"),
        (["a", "b"], "binary", None, "Positive label"),
        (["a", "b"], "binary", "yes", "Positive label"),
        (["a", "a"], "multiclass", None, "one class"),
        ([f"c{i}" for i in range(201)], "multiclass", None, "too many classes"),
        ([2.0, 2.0], "regression", None, "one value"),
        ([None], "regression", None, "No row is labelled"),
        (["1", "two"], "regression", None, "'two'"),
    ],
)
def test_targets_that_cannot_be_learned_say_why(labels: list[object], task: Task, positive: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        encode_target(pd.Series(labels, dtype=object), task=task, positive=positive)


def test_clusters_go_with_their_rows_and_stay_whole_in_a_fold(make_table: MakeTable) -> None:
    table = make_table(n=300)
    owner = np.array([f"c{i % 40}" for i in range(300)], dtype=object)
    shared = replace(table, cluster=owner)
    assert shared.rows(np.array([5, 2, 45])).cluster.tolist() == ["c5", "c2", "c5"]  # type: ignore[union-attr]
    assert shared.joined().cluster.tolist() == owner[table.part != "test"].tolist()  # type: ignore[union-attr]
    fold = shared.folds(5, seed=0)
    assert {len(set(fold[owner == name])) for name in set(owner)} == {1}
    assert set(fold) == {0, 1, 2, 3, 4}
    assert fold.tolist() == shared.folds(5, seed=0).tolist() != shared.folds(5, seed=1).tolist()
    assert np.bincount(table.folds(5, seed=0)).tolist() == [60] * 5
    alone = replace(table, cluster=np.zeros(300)).folds(5, seed=0)
    assert alone.tolist() == table.folds(5, seed=0).tolist()
    with pytest.raises(DataError, match="not aligned"):
        replace(table, cluster=owner[:5])

"""Folds hold out every row once, keep clusters together and classes spread, and never let the past see the future."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.artifact import Prediction
from ml_assets.learning.resampling import Fold, cross_validation, fold_table, mixed, out_of_fold, rolling_origin
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


@given(
    st.sampled_from(["binary", "multiclass", "regression"]), st.integers(30, 200), st.integers(2, 6), st.integers(0, 9)
)
def test_every_row_is_held_out_once_and_never_teaches_its_own_fold(task: Task, n: int, count: int, seed: int) -> None:
    truth = np.arange(n) % 3 if task == "multiclass" else (np.arange(n) % 2).astype(float)
    folds = cross_validation(truth, task=task, count=count, seed=seed)
    assert len(folds) == count
    assert sorted(np.concatenate([f.held for f in folds])) == list(range(n))
    for fold in folds:
        assert sorted(np.concatenate([fold.learn, fold.stop, fold.held])) == list(range(n))


@given(st.integers(0, 50))
def test_rows_of_a_cluster_stay_in_one_fold(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 40, 300).astype(str)
    truth = rng.integers(0, 2, 300).astype(float)
    for fold in cross_validation(truth, task="binary", cluster=cluster, seed=seed):
        teaching = set(cluster[fold.learn]) | set(cluster[fold.stop])
        assert not teaching & set(cluster[fold.held])
        assert not set(cluster[fold.learn]) & set(cluster[fold.stop])


def test_classes_keep_their_shares() -> None:
    truth = (np.arange(1_000) % 10 == 0).astype(float)
    for fold in cross_validation(truth, task="binary"):
        assert truth[fold.held].mean() == pytest.approx(0.1)
        assert truth[fold.learn].mean() == pytest.approx(0.1, abs=0.01)


def test_a_rare_class_makes_fewer_folds_and_a_single_row_of_it_is_refused() -> None:
    truth = np.zeros(100)
    truth[:3] = 1
    folds = cross_validation(truth, task="binary", count=5)
    assert len(folds) == 3
    assert all(truth[f.learn].sum() == 2 and truth[f.held].sum() == 1 and not len(f.stop) for f in folds)
    truth[1:3] = 0
    with pytest.raises(DataError, match="rarest class"):
        cross_validation(truth, task="binary")


@given(st.integers(3, 40), st.integers(1, 8))
def test_a_stream_is_judged_on_what_came_later(batches: int, count: int) -> None:
    order = np.repeat(np.arange(batches) * 2, 3)
    folds = rolling_origin(order, count=count)
    assert 1 <= len(folds) <= count
    assert order[folds[-1].held].max() == order.max()
    for fold in folds:
        assert len(fold.learn)
        assert order[fold.learn].max() < order[fold.stop].min() <= order[fold.stop].max() < order[fold.held].min()
    for older, newer in itertools.pairwise(folds):
        assert order[older.held].max() < order[newer.held].min()


def test_two_batches_are_no_stream() -> None:
    with pytest.raises(DataError, match="at least 3"):
        rolling_origin(np.array([0, 0, 1]))


def _ids(rows: TrainingTable, fold: Fold) -> Prediction:
    """The ids of the held-out rows as their answers."""
    held = rows.take("test")
    assert len(held) == len(fold.held)
    score = np.repeat(held.ids[:, None].astype(float), 3, axis=1)
    return Prediction(score, held.ids)


def test_answers_out_of_fold_stand_at_their_rows(make_table: MakeTable) -> None:
    table = make_table("multiclass", n=300)
    folds = cross_validation(table.truth, task="multiclass", count=4)
    found = out_of_fold(table, folds, _ids)
    assert (found.at == np.arange(300)).all()
    assert (found.answer.score == np.arange(300)[:, None]).all()
    assert (found.answer.decision == np.arange(300)).all()
    assert found.fits == 4
    assert set(fold_table(table, folds[0]).part) == {"train", "validation", "test"}


def test_rows_that_no_fold_holds_out_are_left_out(make_table: MakeTable) -> None:
    table = make_table("multiclass", n=300)
    order = np.arange(300) // 30
    found = out_of_fold(table, rolling_origin(order, count=3), _ids)
    assert found.at.min() > 0
    assert (table.ids[found.at] == found.answer.decision).all()
    assert set(order[found.at]) == set(range(int(order[found.at].min()), 10))


def test_a_fold_that_teaches_with_what_it_holds_out_is_refused(make_table: MakeTable) -> None:
    table = make_table("multiclass", n=300)
    (one, *others) = cross_validation(table.truth, task="multiclass", count=4)
    for wrong in ((replace(one, learn=np.append(one.learn, one.held[0])), *others), (one, one), ()):
        with pytest.raises(DataError, match="out of fold"):
            out_of_fold(table, wrong, _ids)


def test_a_seventh_drawn_at_random_says_when_to_stop(make_table: MakeTable) -> None:
    table = make_table(n=700)
    drawn, again, other = (mixed(table, seed=seed) for seed in (1, 1, 2))
    assert drawn is not None
    assert again is not None
    assert other is not None
    assert set(drawn.ids) == set(table.ids[table.part != "test"])
    stopping = drawn.take("validation")
    assert len(stopping) == pytest.approx(len(drawn) / 7, abs=2)
    assert stopping.truth.mean() == pytest.approx(drawn.truth.mean(), abs=0.01)
    assert {"train", "validation"} == set(table.part[np.isin(table.ids, stopping.ids)])
    assert set(again.take("validation").ids) == set(stopping.ids) != set(other.take("validation").ids)
    clustered = mixed(replace(table, cluster=np.arange(len(table)) // 10), seed=1)
    assert clustered is not None
    assert clustered.cluster is not None
    torn = set(clustered.cluster[clustered.part == "train"]) & set(clustered.cluster[clustered.part == "validation"])
    assert torn == set()


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_drawn_where_a_seventh_would_be_most_or_would_take_a_class(make_table: MakeTable, seed: int) -> None:
    table = make_table(n=700)
    assert mixed(replace(table, cluster=np.where(np.arange(700) < 650, "big", "small")), seed=seed) is None
    assert mixed(table.take("train").rows(np.arange(12)), seed=seed) is None
    owned = replace(
        table, cluster=np.where(table.truth == 1, -1, np.arange(700))
    )  # one customer has every positive row
    found = mixed(owned, seed=seed)
    assert found is None or set(found.take("train").truth) == {0.0, 1.0}

"""Labels and folds of a bad day: one class where there should be two, one row in 10,000, days without rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError, DeclarationError
from ml_assets.learning.artifact import load, save
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.finishing import finish, train
from ml_assets.learning.job import Recipe
from ml_assets.learning.resampling import Fold, cross_validation, fold_table, rolling_origin
from ml_assets.learning.search import Budget, search
from ml_assets.learning.table import TrainingTable, encode_target
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import BinaryValue, default_value
from ml_assets_tests.learning.conftest import MakeTable
from ml_assets_tests.learning.test_bad_input import EVERY, SMALL, fitted

OF_CLASSES = [(name, task) for name, task in EVERY if task != "regression"]
VALUE = BinaryValue(true_positive=50.0, false_positive=-1.0, false_negative=-50.0, true_negative=0.0)


@pytest.mark.parametrize(("name", "task"), OF_CLASSES)
def test_labels_as_words_travel_to_the_artifact_and_back(
    make_table: MakeTable, name: str, task: Task, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = make_table(task, n=300)
    words = pd.Series(np.array(["müde", "wach", "x y"])[table.truth.astype(int)], dtype="string")
    target = encode_target(words, task=task, positive="wach" if task == "binary" else None)
    value = default_value(task, len(target.classes))
    spoken = replace(table, truth=target.truth, classes=target.classes)
    one = train(name, spoken, solution="s", value=value, recipe=Recipe(SMALL.get(name, {}))).artifact
    folder = tmp_path_factory.mktemp("artifact") / "a"
    save(one, folder)
    again = load(folder)
    assert again.classes == (("müde", "wach") if task == "binary" else ("müde", "wach", "x y"))
    np.testing.assert_array_equal(again.predict(table.features).decision, one.predict(table.features).decision)
    answers = fitted(name, table)(table.features)
    np.testing.assert_array_equal(again.predict(table.features).score, answers)  # words are names, nothing more


@pytest.mark.parametrize(("name", "task"), OF_CLASSES)
def test_a_validation_part_of_one_class_still_finishes(make_table: MakeTable, name: str, task: Task) -> None:
    table = make_table(task, n=300)
    lonely = table.rows(np.flatnonzero((table.part != "validation") | (table.truth == 1)))
    assert len(fitted(name, lonely)(table.features)) == 300


@pytest.mark.parametrize("name", [name for name, known in FAMILIES.items() if "multiclass" in known.tasks])
@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_class_that_only_later_parts_show_gets_next_to_no_probability(
    make_table: MakeTable, name: str, absent: int
) -> None:
    table = make_table("multiclass", n=300)
    later = table.rows(np.flatnonzero((table.part != "train") | (table.truth != absent)))
    answers = fitted(name, later)(table.features)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)
    assert answers[:, absent].max() < 0.35
    assert answers[:, absent].mean() < answers.mean(axis=0).max() / 2


def test_a_stopping_part_of_unlearned_classes_alone_stops_nothing(make_table: MakeTable) -> None:
    table = make_table("multiclass", n=300)
    keep = np.where(table.part == "validation", table.truth == 2, table.truth != 2)
    predictor = fit_candidate(
        "hist_gradient_boosting", table.rows(np.flatnonzero(keep)), recipe=Recipe({"max_iter": 8})
    )
    assert predictor.predict(table.features)[:, 2].max() == 0.0


def test_a_fold_that_teaches_one_class_is_refused_and_the_search_says_so(make_table: MakeTable) -> None:
    table = make_table(n=200)
    one, both = np.flatnonzero(table.truth == 1), np.arange(200)
    lonely, sound = (Fold(rows[:60], rows[:0], np.arange(100, 200)) for rows in (one, both))
    with pytest.raises(DataError, match="one class in the training part"):
        fit_candidate("logistic_regression", fold_table(table, lonely))
    with pytest.raises(DeclarationError, match="one class in the training part"):
        search({"logistic_regression": Recipe()}, table, [lonely], budget=Budget(trials=2))
    found = search({"logistic_regression": Recipe()}, table, [sound], budget=Budget(trials=2))
    assert [trial.state for trial in found.trials] == ["complete", "complete"]


def test_clusters_of_one_class_make_folds_that_the_fit_refuses(make_table: MakeTable) -> None:
    table = make_table(n=200)
    folds = cross_validation(table.truth, task="binary", cluster=table.truth)
    assert len(folds) == 2
    for fold in folds:
        with pytest.raises(DataError, match="one class in the training part"):
            fit_candidate("xgboost", fold_table(table, fold))


@pytest.mark.parametrize(
    ("name", "task"), [pair for pair in OF_CLASSES if pair[0] in ("logistic_regression", "xgboost")]
)
def test_a_fold_that_holds_out_one_class_is_still_judged(make_table: MakeTable, name: str, task: Task) -> None:
    table = make_table(task, n=300)
    ones = np.flatnonzero(table.truth == 1)
    rest = np.setdiff1d(np.arange(300), ones[:30])
    fold = Fold(rest, rest[:0], ones[:30])
    found = search({name: Recipe(SMALL.get(name, {}))}, table, [fold], budget=Budget(trials=2))
    assert all(np.isfinite(trial.loss) for trial in found.trials)


def rare(n: int = 30_000, positives: int = 3) -> TrainingTable:
    """One positive in 10,000, one in each part; ``x`` tells them apart but for noise."""
    rng = np.random.default_rng(6)
    truth = np.zeros(n)
    truth[:positives] = 1.0
    part = np.array(["train", "validation", "test"])[np.arange(n) % 3]
    features = pd.DataFrame({"x": rng.normal(size=n) + 6 * truth, "word": rng.choice(["a", "b"], n)})
    return TrainingTable(features, truth, part, np.ones(n), np.arange(n), "binary", ("no", "yes"))


@pytest.mark.parametrize("name", [name for name, known in FAMILIES.items() if "binary" in known.tasks])
def test_one_positive_in_ten_thousand_is_learned_or_left_at_its_rate(name: str) -> None:
    table = rare()
    predictor = fit_candidate(name, table, recipe=Recipe(SMALL.get(name, {})))
    done = finish(predictor, table, solution="s", value=VALUE)
    assert done.calibration is not None
    assert "1 rows of the rarer class" in done.calibration.reason
    score = done.artifact.predict(table.features).score
    assert score.mean() < 0.01
    if name == "logistic_regression":  # trees and bins rightly see nothing in one row
        assert score[:3].mean() > 2 * score.mean()


def test_folds_of_a_rare_class_hold_one_each_or_are_refused() -> None:
    truth = rare(n=60_000, positives=6).truth
    folds = cross_validation(truth, task="binary", count=5)
    assert [int(truth[fold.held].sum()) for fold in folds] in (
        [2, 1, 1, 1, 1],
        sorted([2, 1, 1, 1, 1]),
        [1, 1, 1, 1, 2],
    )
    assert all(truth[fold.learn].sum() >= 4 for fold in folds)
    assert len(cross_validation(rare().truth, task="binary", count=5)) == 3
    with pytest.raises(DataError, match="1 rows of the rarest class"):
        cross_validation(rare(positives=1).truth, task="binary")
    found = search(
        {"logistic_regression": Recipe()},
        rare(),
        cross_validation(rare().truth, task="binary"),
        budget=Budget(trials=2),
    )
    assert all(trial.state == "complete" for trial in found.trials)


def test_a_time_column_with_ties_and_gaps_orders_a_stream() -> None:
    """Days of 1 to 40 rows, weeks without any: the rank of the day counts, rows of one day stay together."""
    rng = np.random.default_rng(2)
    days = np.cumsum(rng.choice([1, 1, 1, 2, 30], 40))
    rows = np.repeat(days, rng.integers(1, 40, 40))
    order = rng.permutation(rows)
    for fold in rolling_origin(order, count=4):
        learn, stop, held = (set(order[rows].tolist()) for rows in (fold.learn, fold.stop, fold.held))
        assert min(map(len, (learn, stop, held))) > 0
        assert max(learn) < min(stop) <= max(stop) < min(held)
    gapless = np.unique(order, return_inverse=True)[1]
    for one, other in zip(rolling_origin(order), rolling_origin(gapless), strict=True):
        np.testing.assert_array_equal(one.held, other.held)
        np.testing.assert_array_equal(one.learn, other.learn)


def test_a_stream_of_two_moments_says_that_it_is_too_short() -> None:
    with pytest.raises(DataError, match="Too few batches"):
        rolling_origin(np.repeat([0, 900], 500))

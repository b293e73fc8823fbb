"""Data as it arrives on a bad day: every family works on it, or says what is wrong. All warnings are errors."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError, DeclarationError
from ml_assets.learning.artifact import load, save
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.ensembles import BINNED_ROWS
from ml_assets.learning.finishing import finish, train
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.resampling import Fold, cross_validation, fold_table, rolling_origin
from ml_assets.learning.search import Budget, search
from ml_assets.learning.table import TrainingTable, encode_target
from ml_assets.statistics.metrics import Task, evaluate
from ml_assets.statistics.value import BinaryValue, default_value
from ml_assets_tests.learning.conftest import MakeTable

SMALL: dict[str, Parameters] = {
    "xgboost": {"rounds": 15},
    "hist_gradient_boosting": {"max_iter": 8, "min_samples_leaf": 4},
    "random_forest": {"n_estimators": 8, "min_samples_leaf": 2},
}
EVERY = [(name, task) for name, known in FAMILIES.items() for task in sorted(known.tasks)]
OF_CLASSES = [(name, task) for name, task in EVERY if task != "regression"]
LEARNERS = [(name, task) for name, task in EVERY if name != "dummy"]
VALUE = BinaryValue(true_positive=50.0, false_positive=-1.0, false_negative=-50.0, true_negative=0.0)


def fitted(name: str, table: TrainingTable, seed: int = 0) -> Callable[[pd.DataFrame], np.ndarray]:
    """Train, calibrate and set the threshold; the scores of raw rows, all of them finite (or ``DataError``)."""
    recipe = Recipe(SMALL.get(name, {}), seed=seed)
    value = default_value(table.task, max(len(table.classes), 2))
    artifact = train(name, table, solution="s", value=value, recipe=recipe).artifact
    return lambda frame: np.asarray(artifact.predict(frame).score)


def but(gone: Iterable[object], values: Iterable[object]) -> "pd.Series[Any]":
    """The values, None where gone."""
    rows = [None if missing else value for missing, value in zip(gone, values, strict=True)]
    return pd.Series(rows, dtype=object)


def constant(table: TrainingTable) -> TrainingTable:
    """Nothing varies."""
    same = pd.DataFrame({"number": 3.0, "word": "x", "flag": True}, index=range(len(table)))
    return replace(table, features=same)


def ten_thousand_levels(table: TrainingTable) -> TrainingTable:
    """A category of 10,000 levels, about as many as rows."""
    place = np.random.default_rng(0).integers(0, 10_000, len(table))
    return replace(table, features=table.features.assign(place=[f"place {i}" for i in place]))


def wide(table: TrainingTable) -> TrainingTable:
    """80 features, fewer rows."""
    noise = np.random.default_rng(0).normal(size=(len(table), 80))
    return replace(table, features=table.features.join(pd.DataFrame(noise, columns=[f"x{i}" for i in range(80)])))


def weightless_values(table: TrainingTable) -> TrainingTable:
    """A number and a word that only rows of weight zero have."""
    some = np.arange(len(table)) < 5
    late = table.features.assign(
        late=np.where(some, np.arange(len(table)), np.nan), word=but(~some, ["a"] * len(table))
    )
    return replace(table, features=late, weight=np.where(some, 0.0, 1.0))


def values_after_training(table: TrainingTable) -> TrainingTable:
    """A number and a word that the validation part alone has."""
    some = table.part == "validation"
    late = table.features.assign(late=np.where(some, 1.0, np.nan), word=but(~some, ["a"] * len(table)))
    return replace(table, features=late)


def enormous(table: TrainingTable) -> TrainingTable:
    """Finite numbers beyond what float32 holds."""
    sign = np.where(np.arange(len(table)) % 2, 1.0, -1.0)
    return replace(
        table, features=table.features.assign(large=1e300 * sign, float32_ends_before=np.where(sign > 0, 1e39, 0))
    )


FAULTS: list[tuple[Callable[[TrainingTable], TrainingTable], int]] = [
    (constant, 300),
    (ten_thousand_levels, 12_000),
    (wide, 60),
    (weightless_values, 300),
    (values_after_training, 300),
    (enormous, 300),
]


@pytest.mark.parametrize(("name", "task"), EVERY)
@pytest.mark.parametrize(("spoil", "n"), FAULTS, ids=[spoil.__name__ for spoil, _ in FAULTS])
def test_every_family_learns_from_and_answers_on(
    make_table: MakeTable, spoil: Callable[[TrainingTable], TrainingTable], n: int, name: str, task: Task
) -> None:
    table = spoil(make_table(task, n=n))
    answers = fitted(name, table)(table.features)
    assert len(answers) == n
    if spoil is constant:
        np.testing.assert_allclose(answers, np.broadcast_to(answers[:1], answers.shape), rtol=1e-9)
    elif name != "dummy":  # what it had to learn is still learned
        assert len(np.unique(answers.reshape(n, -1)[:, 0])) > 1


@pytest.mark.parametrize(("name", "task"), EVERY)
@pytest.mark.parametrize("missing", [np.nan, None, pd.NA], ids=["nan", "None", "NA"])
def test_columns_all_missing_at_scoring_get_one_finite_answer(
    make_table: MakeTable, name: str, task: Task, missing: object
) -> None:
    table = make_table(task, n=300)
    predict = fitted(name, table)
    gone = pd.DataFrame({column: pd.Series([missing] * 7, dtype=object) for column in table.features})
    answers = predict(gone)
    np.testing.assert_array_equal(answers, np.broadcast_to(answers[:1], answers.shape))
    some = table.features.head(20).assign(colour=pd.Series([missing] * 20, dtype=object))
    assert len(predict(some)) == 20


@pytest.mark.parametrize(("name", "task"), LEARNERS)
def test_a_category_never_seen_is_answered_as_a_missing_one(make_table: MakeTable, name: str, task: Task) -> None:
    table = make_table(task, n=300)
    predict = fitted(name, table)
    seen = table.features.head(30)
    np.testing.assert_array_equal(predict(seen.assign(colour="ultraviolet")), predict(seen.assign(colour=None)))


@pytest.mark.parametrize(("name", "task"), EVERY)
def test_an_index_that_repeats_changes_no_answer(make_table: MakeTable, name: str, task: Task) -> None:
    table = make_table(task, n=300)
    repeated = table.features.set_index(np.arange(300) % 4)
    np.testing.assert_array_equal(
        fitted(name, table)(repeated), fitted(name, replace(table, features=repeated))(repeated)
    )
    np.testing.assert_array_equal(fitted(name, table)(repeated), fitted(name, table)(table.features))


def every_type(signal: np.ndarray) -> dict[str, object]:
    """One number as each of the types that hold one."""
    rounded, gone = np.round(signal * 10), np.arange(len(signal)) % 9 == 0
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(rounded, unit="h")
    return {
        "bool": signal > 0,
        "nullable bool": but(gone, signal > 0).astype("boolean"),
        "nullable integer": but(gone, rounded).astype("Int64"),
        "nullable float": pd.array(np.where(gone, np.nan, signal), dtype="Float64"),
        "small integer": np.clip(rounded, -100, 100).astype(np.int8),
        "float32": signal.astype(np.float32),
        "decimal": but(gone, (Decimal(f"{v:.3f}") for v in signal)),
        "datetime": moments,
        "zoned datetime": moments.tz_localize("Asia/Tokyo"),
        "date": [datetime.date(2024, 6, 1) + datetime.timedelta(days=int(v)) for v in rounded],
        "timedelta": pd.to_timedelta(rounded, unit="h"),
        "categorical": pd.Categorical(but(gone, np.where(signal > 0, "up", "down")), ["up", "down", "never"]),
        "ordered categorical": pd.Categorical(np.digitize(signal, [-1.0, 0.0, 1.0]), ordered=True),
        "interval": pd.cut(signal, [-9, -1, 0, 1, 9]),
        "period": pd.PeriodIndex(moments, freq="D"),
        "string": pd.array(np.where(signal > 0, "up", "down"), dtype="string"),
    }


SIGNAL = np.random.default_rng(3).normal(size=600)


@pytest.mark.parametrize("kind", sorted(every_type(SIGNAL)))
@pytest.mark.parametrize(
    "name", ["single_feature", "logistic_regression", "xgboost", "hist_gradient_boosting", "random_forest"]
)
def test_every_type_of_column_teaches_and_is_scored(kind: str, name: str) -> None:
    part = np.array(["train", "train", "validation", "test"])[np.arange(600) % 4]
    features = pd.DataFrame({kind: every_type(SIGNAL)[kind]})
    truth = (SIGNAL + 0.3 * np.random.default_rng(4).normal(size=600) > 0).astype(float)
    table = TrainingTable(features, truth, part, np.ones(600), np.arange(600), "binary", ("no", "yes"))
    predict = fitted(name, table)
    held = table.take("test")
    known = evaluate("roc_auc", held.truth, score=predict(held.features)).value
    assert known > (0.6 if kind == "period" else 0.8)  # most periods are one day: few levels to tell apart
    assert predict(held.features.head(1)).tolist() == predict(held.features)[:1].tolist()


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


def test_a_column_that_the_binned_sample_misses_does_not_stop_the_boosting() -> None:
    """scikit-learn bins a sample of 200,000 rows, and fails on a column without any value in it."""
    n = BINNED_ROWS + 50_000
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    few = np.where(np.arange(n) < 2, 1.0, np.nan)
    table = TrainingTable(
        pd.DataFrame({"x": x, "few": few}), 3 * x, np.repeat("train", n), np.ones(n), np.arange(n), "regression", ()
    )
    for seed in range(3):
        predictor = fit_candidate(
            "hist_gradient_boosting", table, recipe=Recipe({"max_iter": 2, "max_leaf_nodes": 3}, seed=seed)
        )
        assert np.ptp(predictor.predict(table.features.head(50))) > 0


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

"""Columns as they arrive on a bad day: every family works on them, or says what is wrong. All warnings are errors."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.ensembles import BINNED_ROWS
from ml_assets.learning.finishing import train
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task, evaluate
from ml_assets.statistics.value import default_value
from ml_assets_tests.learning.conftest import MakeTable

SMALL: dict[str, Parameters] = {
    "xgboost": {"rounds": 15},
    "hist_gradient_boosting": {"max_iter": 8, "min_samples_leaf": 4},
    "random_forest": {"n_estimators": 8, "min_samples_leaf": 2},
}
EVERY = [(name, task) for name, known in FAMILIES.items() for task in sorted(known.tasks)]
LEARNERS = [(name, task) for name, task in EVERY if name != "dummy"]


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
@pytest.mark.parametrize("rows", [2, 3, 5])
def test_a_handful_of_rows_is_enough_to_answer(make_table: MakeTable, rows: int, name: str, task: Task) -> None:
    table = make_table(task, n=200)
    train_part = np.flatnonzero(table.part == "train")
    order = np.argsort(table.truth[train_part], kind="stable")
    spread = train_part[order[np.linspace(0, len(order) - 1, rows).astype(int)]]  # the lowest and the highest are there
    few = table.rows(np.concatenate([spread, np.flatnonzero(table.part == "validation")[:2]]))
    assert np.isfinite(fit_candidate(name, few, recipe=Recipe(SMALL.get(name, {}))).predict(table.features)).all()


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

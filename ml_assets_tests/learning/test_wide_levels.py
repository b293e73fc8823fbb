"""Categories wider than trees take: the commonest stay levels, all have a number, and a model with them is stored whole."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning import candidates
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.contributions import contributions
from ml_assets.learning.design import TargetColumn
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import row_loss
from ml_assets.learning.predictors import SkopsPredictor, XGBoostPredictor
from ml_assets.learning.preprocessing import codes, feature_specs, prepare
from ml_assets.learning.reading import load_predictor
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.target_encoding import tree_inputs
from ml_assets.learning.wide_levels import NARROW, NATIVE_LEVELS, WideColumn, WideLevels
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import Task

TREES: dict[str, dict[str, Any]] = {
    "xgboost": {"rounds": 60},
    "hist_gradient_boosting": {"max_iter": 60},
    "random_forest": {"n_estimators": 40},
}
SMALL = WideLevels((WideColumn((0, 2), TargetColumn("c", (), (0.1, 0.2, 0.3, 0.4, 0.5))),))


def world(task: Task, *, n: int = 9000, levels: int = 900, effect: float = 1.5) -> TrainingTable:
    """``z`` matters, and every one of many places, by ``effect``; a fifth each to stop on and to test on."""
    rng = np.random.default_rng(0)
    z, place = rng.normal(size=n), rng.integers(0, levels, n)
    latent = z + effect * rng.normal(size=levels)[place] + rng.logistic(size=n)
    truth = {"binary": (latent > 0) * 1.0, "multiclass": np.digitize(latent, [-1, 1]), "regression": latent}[task]
    classes = {"binary": ("no", "yes"), "multiclass": ("low", "mid", "high"), "regression": ()}[task]
    features = pd.DataFrame({"z": z, "place": [f"p{i:05d}" for i in place]})
    features.loc[rng.random(n) < 0.02, "place"] = None
    part = np.array(["test", "validation", "train", "train", "train"])[np.arange(n) % 5]
    return TrainingTable(features, truth, part, np.ones(n), np.arange(n), task, classes)


def gain(table: TrainingTable, name: str, monkeypatch: pytest.MonkeyPatch) -> Estimate:
    """How much lower the loss of test rows is than with the native levels alone, relative to the latter."""
    test, loss = table.take("test"), {}
    for levels in (NATIVE_LEVELS, candidates.ENCODED_LEVELS):
        monkeypatch.setitem(candidates.FAMILIES, name, replace(FAMILIES[name], levels=levels))
        fitted = fit_candidate(name, table, recipe=Recipe(TREES[name]))
        loss[levels] = row_loss(test.truth, fitted.predict(test.features), task=table.task)
    native = loss[NATIVE_LEVELS]
    return clustered_mean((native - loss[candidates.ENCODED_LEVELS]) / native.mean()).estimate("gain")


def test_worked_by_hand() -> None:
    prepared = pd.DataFrame({"x": [7.0, 8.0, 9.0, 1.0], "c": pd.Categorical(["d", "b", "a", None], list("abcd"))})
    specs = feature_specs(pd.DataFrame({"x": [1.0], "c": ["a"]}))
    expected = [[7.0, np.nan, 0.4], [8.0, np.nan, 0.2], [9.0, 0.0, 0.1], [1.0, np.nan, 0.5]]
    np.testing.assert_array_equal(SMALL.matrix(prepared, specs), expected)
    assert SMALL.owners(specs).tolist() == [0, 1, 1]
    assert SMALL.width == 1
    assert WideLevels.from_list(json.loads(json.dumps(SMALL.to_list()))) == SMALL
    np.testing.assert_array_equal(NARROW.matrix(prepared[["x"]], specs[:1]), prepared[["x"]])


def test_the_levels_that_trees_split_on_are_those_of_a_spec_that_keeps_as_many() -> None:
    table = world("binary").take("train")
    table = table.rows(np.flatnonzero(np.random.default_rng(1).random(len(table)) < 0.5))
    wide, narrow = (feature_specs(table.features, max_categories=most) for most in (10_000, NATIVE_LEVELS))
    found, matrix = tree_inputs(prepare(table.features, wide), wide, table, seed=0)
    np.testing.assert_array_equal(matrix[:, :2], codes(prepare(table.features, narrow), narrow))
    assert matrix.shape[1] == 2 + found.width == 3
    assert np.abs(matrix[:, 2] - found.matrix(prepare(table.features, wide), wide)[:, 2]).max() > 0.1


def test_200_levels_are_left_as_they_are() -> None:
    table = world("binary", levels=NATIVE_LEVELS).take("train")
    specs = feature_specs(table.features, max_categories=10_000)
    prepared = prepare(table.features, specs)
    found, matrix = tree_inputs(prepared, specs, table, seed=0)
    assert found is NARROW
    np.testing.assert_array_equal(matrix, codes(prepared, specs))


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_levels_that_matter_beyond_200_are_used(task: Task, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gain(world(task), name, monkeypatch).low > 0.03


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("levels", [900, 9000])
def test_levels_that_say_nothing_cost_nothing(name: str, levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gain(world("binary", levels=levels, effect=0.0), name, monkeypatch).low > -0.02


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_stored_model_scores_the_same(task: Task, name: str, tmp_path: Path) -> None:
    table = world(task, n=3000)
    fitted = fit_candidate(name, table, recipe=Recipe(TREES[name]))
    assert isinstance(fitted, XGBoostPredictor | SkopsPredictor)
    assert fitted.wide.width == (3 if task == "multiclass" else 1)
    copy = load_predictor({file: (tmp_path / file).read_bytes() for file in fitted.save(tmp_path)})
    rows = pd.concat([table.features, pd.DataFrame({"z": [0.0, 0.0], "place": ["nowhere", None]})])
    np.testing.assert_array_equal(copy.predict(rows), fitted.predict(rows))
    np.testing.assert_array_equal(copy.predict(prepare(rows, copy.specs)), fitted.predict(rows))


@pytest.mark.parametrize("name", TREES)
def test_a_model_without_wide_categories_is_stored_as_it_always_was(name: str, tmp_path: Path) -> None:
    fitted = fit_candidate(name, world("binary", n=600, levels=5), recipe=Recipe(TREES[name]))
    files = {file: (tmp_path / file).read_bytes() for file in fitted.save(tmp_path)}
    assert "wide" not in json.loads(files["model.json"])
    copy = load_predictor(files)
    assert isinstance(copy, XGBoostPredictor | SkopsPredictor)
    assert copy.wide == NARROW


@pytest.mark.parametrize(
    "name", ["xgboost", "hist_gradient_boosting"]
)  # a forest takes no direction beside missing values
def test_a_direction_still_holds_beside_an_encoded_column(name: str) -> None:
    table = world("regression", n=3000)
    table.features["place"] = table.features["place"].fillna("none")
    fitted = fit_candidate(name, table, recipe=Recipe(TREES[name], monotone={"z": -1}))
    line = pd.DataFrame({"z": np.linspace(-3, 3, 50), "place": "p00001"})
    assert (np.diff(fitted.predict(line)) <= 1e-9).all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_contributions_of_a_wide_category_are_those_of_its_number_too_and_add_up(task: Task) -> None:
    table = world(task, n=3000)
    fitted = fit_candidate("xgboost", table, recipe=Recipe(TREES["xgboost"]))
    artifact = SolutionArtifact("s", task, table.classes, fitted)
    found = contributions(artifact, table.features.head(200), background=table.features)
    assert found is not None
    assert found.features == ("z", "place")
    assert found.values.shape[1] == 2
    np.testing.assert_allclose(found.values.sum(axis=1) + found.base, found.margin, atol=1e-4)
    assert np.abs(found.values[:, 1]).mean() > 0.1

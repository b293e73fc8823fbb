"""The last fit of a stored solution: what it learned from is told, it can be declined, and its remedy is remembered."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from ml_assets.history import BATCH, GROUP, ID, PART, TRUTH, WEIGHT, training_rows
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.finishing import train
from ml_assets.learning.remedies.repeating import UNTREATED, Reweighed, stored
from ml_assets.refits import last_fit, remedy_of_last_fit, situation_of_last_fit
from ml_assets.resources import SolutionStore
from ml_assets.statistics.representation import reweighing
from ml_assets_tests.stages.declarations import STREAM, declared

N = 600


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    """Six hundred rows in three parts, older ones weighing less."""
    made = SolutionStore(UPath(tmp_path) / "stream")
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    part = np.repeat(["train", "validation", "test"], [360, 120, 120])
    frame = pd.DataFrame({"x": x, "z": rng.normal(size=N), ID: [f"r{i}" for i in range(N)], PART: part, BATCH: "a"})
    truth = (rng.random(N) < 1 / (1 + np.exp(-2 * x))).astype(int)
    frame = frame.assign(**{TRUTH: truth, WEIGHT: np.linspace(0.5, 1, N), f"{GROUP}sex": np.where(x > 0, "m", "f")})
    made.write_frame("training_set", frame)
    made.write_facts("training_set", {"classes": ["no", "yes"], "features": ["x", "z"], "digest": "d"})
    return made


def fitted(store: SolutionStore, family: str, **model: Any) -> tuple[Any, SolutionArtifact]:
    solution = declared(STREAM, model=model)
    table = training_rows(solution, store, weights=False).table
    value = solution.business_case.money(table.classes)
    return solution, train(family, table, solution="stream", value=value).artifact


def test_training_and_validation_rows_teach_with_their_recency(store: SolutionStore) -> None:
    solution, chosen = fitted(store, "xgboost")
    final, told = last_fit(solution, store, chosen, None)
    rounds = told["stopped"]["rounds"]
    assert (told["made"], told["rows"], told["before"]) == (True, 480, 360)
    assert told["sentence"].startswith(f"learned in the end from 480 rows instead of 360, rounds {rounds}; ")
    assert f"{told['changed']:.1%} of the validation rows are decided otherwise" in told["sentence"]
    situation = situation_of_last_fit(solution, store, chosen)
    expected = fit_candidate("xgboost", situation.rows.joined(), recipe=situation.recipe.given({"rounds": rounds}))
    assert situation.rows.weight[:3].tolist() == np.linspace(0.5, 1, N)[:3].tolist()
    features = training_rows(solution, store, weights=False).table.features
    np.testing.assert_array_equal(final.predictor.predict(features), expected.predict(features))


def test_test_rows_do_not_reach_the_last_fit(store: SolutionStore) -> None:
    solution, chosen = fitted(store, "logistic_regression")
    features = training_rows(solution, store, weights=False).table.features
    before = last_fit(solution, store, chosen, None)[0].predictor.predict(features)
    frame = store.read_frame("training_set")
    frame.loc[frame[PART] == "test", TRUTH] = 1 - frame.loc[frame[PART] == "test", TRUTH]
    store.write_frame("training_set", frame)
    np.testing.assert_array_equal(last_fit(solution, store, chosen, None)[0].predictor.predict(features), before)


def test_it_can_be_declined(store: SolutionStore) -> None:
    solution, chosen = fitted(store, "xgboost", refit=False)
    final, told = last_fit(solution, store, chosen, None)
    assert final is chosen
    assert told == {"made": False, "sentence": "model.refit is false: 360 training rows were learned from"}


def test_a_remedy_goes_with_the_last_fit_and_is_remembered(store: SolutionStore) -> None:
    solution, chosen = fitted(store, "logistic_regression")
    remedy = Reweighed(("sex",), plain=True)
    final, _ = last_fit(solution, store, chosen, remedy)
    situation = situation_of_last_fit(solution, store, chosen)
    table = situation.rows.joined()
    weight = table.weight * reweighing(situation.groups["sex"], table.truth)
    expected = fit_candidate("logistic_regression", table.weighted(weight), recipe=situation.recipe)
    np.testing.assert_array_equal(final.predictor.predict(table.features), expected.predict(table.features))
    assert remedy_of_last_fit({"remedy": stored(remedy)}) == remedy
    assert remedy_of_last_fit({"remedy": None}) is UNTREATED

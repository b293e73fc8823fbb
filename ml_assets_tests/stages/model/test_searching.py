"""The declared search runs on training rows, begins with the live model, is shown, and what it finds is what is trained."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.history import training_rows
from ml_assets.learning.artifact import load
from ml_assets.learning.blending import MEMBERS, of_member
from ml_assets.recipes import declared_recipe, recipe_of
from ml_assets.releases import challenger
from ml_assets.resources import REGISTRY
from ml_assets.resources.store import plain
from ml_assets.running import TRAINING_ASSETS
from ml_assets.stages.model.searching import look_for_parameters, search_facts, search_folds, shown_search
from ml_assets_tests.stages.lab import Lab

SEARCH = {"candidates": ["logistic_regression", "xgboost", "blend"], "search": {"trials": 9}, "folds": 3}


@pytest.mark.slow
def test_what_the_search_finds_is_what_every_later_fit_uses(fork: Lab) -> None:
    lab = fork.but(model=SEARCH)
    lab.ok(*TRAINING_ASSETS)
    facts = lab.store.read_facts("candidates")
    trials = facts["search"]["trials"]
    assert {t["family"] for t in trials[:3]} == {"logistic_regression", "xgboost", "hist_gradient_boosting"}
    # the live model is a logistic line with C = 1, which is also where the search begins anyway
    assert {t["state"] for t in trials} <= {"complete", "pruned"}
    for name in ("logistic_regression", "xgboost"):
        done = [t for t in trials if t["family"] == name and t["state"] == "complete"]
        best = min(done, key=lambda t: t["loss"])
        assert facts["models"][name]["given"] == best["parameters"]
        artifact = load(lab.store.folder("candidates", name), digest=facts["models"][name]["digest"])
        assert {k: artifact.predictor.parameters[k] for k in best["parameters"]} == best["parameters"]
        assert recipe_of(lab.solution, lab.store, name).parameters == best["parameters"]
    blend = facts["models"]["blend"]["given"]
    for m in MEMBERS:
        done = [t for t in trials if t["family"] == m and t["state"] == "complete"]
        assert of_member(blend, m) == min(done, key=lambda t: t["loss"])["parameters"]
    assert recipe_of(lab.solution, lab.store, "blend").parameters == blend
    assert set(facts["search"]["curves"]) == {"logistic_regression", *MEMBERS}
    assert lab.store.read_facts("evaluation")["reproduced"]["equal"]


@pytest.mark.slow
def test_a_blend_is_released_and_scores_as_it_was_judged(fork: Lab) -> None:
    """Trained, remedied, fitted for the last time, explained, released and loaded again: the whole way of a family."""
    lab = fork.but(model={"candidates": ["blend"]}, success_criteria=[{"metric": "roc_auc", "at_least": 0.55}])
    lab.ok(*TRAINING_ASSETS)
    facts = lab.store.read_facts("candidates")["models"]
    assert set(facts) == {"blend"}
    assert lab.store.read_facts("evaluation")["reproduced"]["equal"]
    assert lab.store.read_facts("model")["selection"]["chosen"] == "blend"
    final, rows = challenger(lab.store), training_rows(lab.solution, lab.store).table
    assert final.predictor.family == "blend"
    assert set(final.facts["refit"]["stopped"]) == {"xgboost.rounds", "hist_gradient_boosting.max_iter"}
    run = REGISTRY.for_instance(lab.instance).client.get_run(lab.store.read_facts("champion")["mlflow_run"])
    assert run.data.params["family"] == '"blend"'
    assert "blend.xgboost.max_depth" in run.data.params
    assert np.isfinite(final.predict(rows.features).score).all()


def test_without_a_search_the_recipe_is_the_declared_one(stream: Lab) -> None:
    assert stream.store.read_facts("candidates")["search"] is None
    assert recipe_of(stream.solution, stream.store, "logistic_regression") == declared_recipe(
        stream.solution, "logistic_regression"
    )
    declared = declared_recipe(stream.solution, "xgboost")
    assert declared.monotone == {"income": -1, "debt": 1}
    assert shown_search(None) == {}


def test_a_number_is_trained_on_its_money(table: Lab) -> None:
    recipe = declared_recipe(table.solution, "linear_regression")
    assert recipe.loss.name == "quantile 0.667"  # too little hurts twice as much as too much
    rows = training_rows(table.solution, table.store).part("train").table
    facts = table.store.read_facts("candidates")["models"]["linear_regression"]
    answer = load(table.store.folder("candidates", "linear_regression"), digest=facts["digest"]).score(rows.features)
    assert np.average(rows.truth <= answer, weights=rows.weight) == pytest.approx(2 / 3, abs=0.02)


def test_folds_a_stream_roll_and_those_of_a_table_do_not(stream: Lab, table: Lab) -> None:
    rows = training_rows(stream.solution, stream.store).part("train")
    for fold in search_folds(stream.solution, rows):
        assert max(rows.batch[fold.learn]) < min(rows.batch[fold.held])
    flat = training_rows(table.solution, table.store).part("train")
    held = np.concatenate([fold.held for fold in search_folds(table.solution, flat)])
    assert sorted(held) == list(range(len(flat.table)))


def test_a_search_on_too_short_a_stream_says_what_to_do(stream: Lab) -> None:
    rows = training_rows(stream.solution, stream.store).part("train")
    short = rows.rows(np.flatnonzero(np.isin(rows.batch, sorted(set(rows.batch))[:2])))
    with pytest.raises(DataError, match=r"leave model\.search out"):
        search_folds(stream.solution, short)


def test_the_search_sees_training_rows_alone_and_is_shown(stream: Lab) -> None:
    solution = stream.but(model=SEARCH).solution
    rows = training_rows(solution, stream.store)
    told: list[str] = []
    warm = {"xgboost": {"max_depth": 2, "learning_rate": 0.2}}
    found = look_for_parameters(solution, rows, ("logistic_regression", "xgboost"), warm=warm, log=told.append)
    assert found is not None
    begun = [t for t in found.trials if t.family == "xgboost"][1]
    assert begun.parameters["max_depth"] == 2
    assert len(told) == len(found.trials) == 9
    other = rows.table.truth.copy()
    other[rows.table.part != "train"] = 1 - other[rows.table.part != "train"]
    spoiled = replace(rows, table=replace(rows.table, truth=other))
    again = look_for_parameters(solution, spoiled, ("logistic_regression", "xgboost"), warm=warm, log=told.append)
    assert again is not None
    assert [t.loss for t in again.trials] == [t.loss for t in found.trials]
    shown = shown_search(json.loads(json.dumps(plain(search_facts(found)))))
    assert shown["search"] == found.sentence
    assert "data:image/svg+xml" in shown["search_xgboost"].value
    assert "learning_rate" in shown["best_trials"].value

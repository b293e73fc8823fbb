"""Fit, compare, choose: the simplest model within one standard error, from training and validation rows alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml_assets.history import training_rows
from ml_assets.learning.artifact import load
from ml_assets.learning.held_out import ENOUGH
from ml_assets.stages.model.fitting import candidate_names, choose, figures
from ml_assets_tests.stages.lab import Lab


def test_the_chosen_model_is_one_that_was_fitted_and_within_one_error_of_the_best(stream: Lab) -> None:
    selection = stream.store.read_facts("model")["selection"]
    rows = {r["name"]: r for r in selection["table"]}
    assert set(rows) == {"dummy", "single_feature", "logistic_regression"}
    assert selection["chosen"] == "logistic_regression"
    assert not rows["dummy"]["eligible"]


def test_baselines_hold_the_simple_rule_which_has_no_score(stream: Lab) -> None:
    models = stream.store.read_facts("baselines")["models"]
    assert set(models) == {"dummy", "single_feature", "simple_rule"}
    names = {m["name"] for m in models["simple_rule"]["metrics"]}
    assert "value_per_decision" in names
    assert "roc_auc" not in names


def test_default_candidates_never_repeat_the_baselines(table: Lab) -> None:
    found = candidate_names(table.but(model={"candidates": ["dummy", "linear_regression"]}).solution)
    assert found == ("linear_regression",)


def test_the_stored_model_is_the_one_whose_hash_is_recorded(stream: Lab) -> None:
    digest = stream.store.read_facts("model")["digest"]
    artifact = load(stream.store.folder("model", "current"), digest=digest)
    assert artifact.excluded_groups == ("defaulted", "row", "sex")
    test = training_rows(stream.solution, stream.store).part("test").table
    score = np.asarray(artifact.score(test.features))
    assert ((score >= 0) & (score <= 1)).all()


@pytest.mark.slow
def test_the_same_rows_and_seed_give_the_same_model(fork: Lab) -> None:
    before = fork.store.read_facts("model")
    fork.ok("baselines", "candidates", "model")
    after = fork.store.read_facts("model")
    assert after["selection"] == before["selection"]
    assert after["threshold"] == before["threshold"]


def test_folds_have_a_say_where_validation_rows_of_a_table_are_few(table: Lab, tmp_path: Path) -> None:
    """Only with a search, and never of a stream: its newest rows are the ones to ask."""
    alone = table.store.read_facts("model")["selection"]["table"][0]["loss"]
    validation, train = (len(training_rows(table.solution, table.store).part(p).table) for p in ("validation", "train"))
    assert validation < ENOUGH
    assert (alone["name"], alone["n"]) == ("validation loss", validation)
    lab = table.fork(tmp_path / "fork").but(model={"search": {"trials": 1}, "folds": 3})
    _, selection, _ = choose(lab.solution, lab.store)
    assert {r.loss.n for r in selection.table} == {validation + train}
    assert "loss on validation rows and held-out folds" in selection.sentence
    lab.instance.dispose()


def test_newest_rows_of_a_stream_choose_alone(fork: Lab) -> None:
    lab = fork.but(model={"search": {"trials": 1}, "folds": 3})
    _, selection, _ = choose(lab.solution, lab.store)
    validation = len(training_rows(lab.solution, lab.store).part("validation").table)
    assert validation < ENOUGH
    assert {(r.loss.name, r.loss.n) for r in selection.table} == {("validation loss", validation)}


def test_metrics_count_a_customer_once(stream: Lab) -> None:
    test = training_rows(stream.solution, stream.store).part("test")
    artifact = load(stream.store.folder("model", "current"))
    copied = test.rows(np.repeat(np.arange(60), 10))
    shared = replace(copied, table=replace(copied.table, cluster=np.repeat(np.arange(60), 10)))
    one, by_row, by_customer = (
        figures(stream.solution, artifact, side) for side in (test.rows(np.arange(60)), copied, shared)
    )
    for alone, rows, customers in zip(one, by_row, by_customer, strict=True):
        widths = [e.high - e.low for e in (alone, rows, customers)]
        assert widths[2] > 2 * widths[1], customers.name
        assert widths[2] == pytest.approx(widths[0], rel=0.35), customers.name

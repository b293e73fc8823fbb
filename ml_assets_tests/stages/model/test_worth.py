"""What more rows and what each column would bring: from the assets of a stream, a number and three classes."""

from dataclasses import replace

import numpy as np

from ml_assets.history import training_rows
from ml_assets.stages.model.worth import _thinned, measure_worth, worth_their_cost
from ml_assets_tests.stages.lab import Lab


def test_the_curve_is_that_of_the_chosen_family_and_says_whether_twice_the_rows_help(stream: Lab) -> None:
    facts = stream.store.read_facts("data_worth")
    assert facts["family"] == "logistic_regression"
    points = facts["curve"]["points"]
    assert [p["rows"] for p in points] == [210, 420, 840, 1_470, 2_100]
    assert [p["draws"] for p in points] == [3, 3, 3, 3, 1]
    assert all(p["loss"]["low"] < p["loss"]["value"] < p["loss"]["high"] for p in points)
    assert {p["loss"]["n"] for p in points} == {900}
    assert points[0]["loss"]["value"] > points[-1]["loss"]["value"]
    lead = {
        "yes": "Twice the rows would help",
        "no": "Twice the rows would not",
        "undecided": "Undecided whether twice",
    }
    assert facts["sentence"].startswith(lead[facts["curve"]["answer"]])
    assert "4,200 rows instead of 2,100" in facts["sentence"]
    assert "EUR per decision [" in facts["sentence"]


def test_columns_are_those_the_world_is_made_of(stream: Lab, table: Lab) -> None:
    found = {c["column"]: c for c in stream.store.read_facts("data_worth")["columns"]}
    assert list(found)[:2] == ["income", "debt"]
    assert found["income"]["verdict"] == "needed"
    assert found["income"]["money"]["low"] > 0
    assert found["income"]["money"]["unit"] == "EUR"
    found = {c["column"]: c for c in table.store.read_facts("data_worth")["columns"]}
    assert {c: one["verdict"] for c, one in found.items()} == {
        "size": "needed",
        "weekday": "needed",
        "noise": "not shown to be needed",
    }


def test_it_is_shown_with_band_and_intervals(stream: Lab, classes: Lab) -> None:
    shown = stream.metadata("data_worth")
    assert shown["curve_picture"].startswith("![validation loss by rows learned from]")
    assert shown["columns_picture"].startswith("![rise of the loss without the column]")
    assert shown["train_rows"] == "2,100 of 2,100"
    assert shown["would_twice_the_rows_help"] in ("yes", "no", "undecided")
    assert "income" in shown["columns"]
    # the only column the class model has: what is left is a model that knows nothing
    (only,) = classes.store.read_facts("data_worth")["columns"]
    assert only["verdict"] == "needed"


def test_without_declared_costs_or_value_the_check_says_so(stream: Lab, fork: Lab) -> None:
    assert "costs nothing declared" in worth_their_cost(stream.solution, stream.store).sentence
    lab = fork.but(**{"data_selection": {"columns": {"income": {"cost": 1}}}})
    fork.store.write_facts("data_worth", fork.store.read_facts("data_worth") | {"value_declared": False})
    assert "no value of a decision is declared" in worth_their_cost(lab.solution, lab.store).sentence


def test_a_needed_column_that_costs_little_passes_with_its_figures(fork: Lab) -> None:
    lab = fork.but(data_selection={"columns": {"income": {"cost": 1}}})
    measure_worth(lab.solution, lab.store)
    found = worth_their_cost(lab.solution, lab.store)
    assert found.passed
    assert found.sentence.startswith("none of 1 column with a declared cost is shown to earn less: income costs 1 EUR")
    assert "(n = 900)" in found.sentence


def test_more_rows_than_the_ceiling_are_thinned_and_said(fork: Lab) -> None:
    facts = measure_worth(fork.solution, fork.store, most=600)
    assert facts["rows"] == {"train": [600, 2_100], "validation": [600, 900]}
    assert facts["curve"]["points"][-1]["rows"] == 600
    assert facts["curve"]["gain"]["n"] == 600
    assert facts["sentence"].endswith("measured on 600 of 2,100 training rows.")


def test_thinning_does_not_lose_a_rare_class(stream: Lab) -> None:
    rows = training_rows(stream.solution, stream.store)
    truth = (np.arange(len(rows.table)) % 250 == 0).astype(float)
    rare = replace(rows, table=replace(rows.table, truth=truth))
    everything = np.arange(len(truth))
    kept = _thinned(rare, everything, 100, 0)
    assert 5 <= truth[kept].sum() < truth.sum()
    assert 100 < len(kept) < len(truth)
    assert len(_thinned(rows, everything, 100, 0)) == 100
    alone = replace(rows, table=replace(rows.table, truth=(everything == 7).astype(float)))
    assert len(_thinned(alone, everything, 100, 0)) == len(truth)

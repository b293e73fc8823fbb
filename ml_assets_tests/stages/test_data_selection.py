"""Part 3: leaks, protected columns, copies across the split, rows enough."""

from pathlib import Path

import dagster as dg
import pytest

from ml_assets.running import ROW_ASSETS
from ml_assets.stages import data_selection
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, days, said

CHOOSING = ("column_screening", "selected_columns")


HINTED = ("raw_data", "valid_data", "quarantined_data", "features")


def _hinted(lab: Lab) -> None:
    lab.plant(rows=dict.fromkeys(days(10, 15), "hints"), features="with_hints")
    lab.ok(*HINTED, batches=days(10, 15))


def _on_declared_word(lab: Lab) -> dg.AssetCheckEvaluation:
    """A column that tells the outcome almost by itself, which the declaration says is known in time."""
    _hinted(lab)
    columns = {"hint": {"available": "at_prediction"}}
    lab = lab.but(data_selection={"columns": columns}, model={"window": "6 days"})
    lab.ok(*CHOOSING)
    return lab.verdict("selected_columns", "no_leak")


def _named_like_protected(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(features="names_protected")
    lab.run("features", batches=days(15, 15))
    lab.run(*CHOOSING)
    return lab.verdict("selected_columns", "no_protected")


def _copies(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(rows={"2026-01-01": "copies", "2026-01-15": "copies"})
    lab.ok(*ROW_ASSETS, batches=days(15, 15))
    lab.ok("training_set")
    return lab.verdict("training_set", "no_duplicates_across_split")


def _few(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(model={"test_span": "1 day"})
    lab.plant(rows={"2026-01-15": "few"})
    lab.ok(*ROW_ASSETS, batches=days(15, 15))
    lab.ok("training_set")
    return lab.verdict("training_set", "enough_rows")


PLANTED: Planted = {
    ("selected_columns", "no_leak"): _on_declared_word,
    ("selected_columns", "no_protected"): _named_like_protected,
    ("training_set", "no_duplicates_across_split"): _copies,
    ("training_set", "enough_rows"): _few,
}
FIGURES = {
    "no_leak": "hint used on the declaration's word alone",
    "no_protected": "sex made from protected columns",
    "no_duplicates_across_split": "300 of 900 test rows",
    "enough_rows": "test has 20 rows, needs 30",
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(data_selection)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert FIGURES[check] in said(found)


def test_a_feature_named_like_a_protected_column_stops_the_training(fork: Lab) -> None:
    fork.plant(features="names_protected")
    fork.run("features", batches=days(15, 15))
    run = fork.run(*CHOOSING, "training_set")
    assert not run.success
    assert "stream__training_set" not in {s.step_key for s in fork.instance.get_run_step_stats(run.run_id) if s.status}


def test_a_leak_is_dropped_a_suspect_held_back_and_a_column_of_nulls_left_out(fork: Lab) -> None:
    _hinted(fork)
    lab = fork.but(model={"window": "6 days"})
    lab.ok(*CHOOSING)
    chosen = lab.store.read_facts("selected_columns")
    assert chosen["features"] == ["income", "job"]
    assert "Too good to be true alone" in chosen["dropped"]["hint"]
    assert "no value" in chosen["dropped"]["debt"]
    assert "leak" in chosen["dropped"]
    assert lab.verdict("selected_columns", "no_leak").passed


def test_lineage_names_the_columns_a_feature_is_made_from(stream: Lab) -> None:
    lineage = stream.store.read_facts("selected_columns")["lineage"]
    assert lineage == {"income": ["income"], "debt": ["debt"], "job": ["job"]}


def test_a_feature_function_that_asks_for_a_late_column_is_told_so(fork: Lab) -> None:
    lab = fork.but(data_selection={"columns": {"debt": {"available": "after_outcome", "reason": "known later"}}})
    for asset, batches in (("features", days(15, 15)), ("selected_columns", [])):
        run = lab.run(asset, batches=batches)
        assert not run.success
        assert "asks for a column it may not see" in run.error


def test_a_column_declared_late_is_never_chosen(table: Lab, tmp_path: Path) -> None:
    lab = table.fork(tmp_path / "fork").but(
        data_selection={"columns": {"noise": {"available": "after_outcome", "reason": "known later"}}}
    )
    lab.ok("features", *CHOOSING)
    chosen = lab.store.read_facts("selected_columns")
    assert chosen["features"] == ["size", "weekday"]
    assert "noise" not in chosen["raw"]

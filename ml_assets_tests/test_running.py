"""Solutions run from Python: ranges, files one by one, what failed and why."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ml_assets.graph import REASON_TAG, SOLUTION_TAG, TRIGGER_TAG
from ml_assets.running import LIVE_ASSETS, REPLAY_ASSETS, ROW_ASSETS, TRAINING_ASSETS, run_assets, run_history
from ml_assets.stages.retraining.sensors import TRAINING_ASSETS as ASKED_FOR
from ml_assets_tests.stages import world
from ml_assets_tests.stages.declarations import STREAM, TABLE, declared
from ml_assets_tests.stages.lab import Lab, days, open_instance


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv(world.VARIABLE, "")
    made = Lab(declared(STREAM), open_instance(tmp_path), tmp_path)
    made.plan()
    return made


def test_the_lists_together_are_every_asset_once(lab: Lab) -> None:
    lists = [*ROW_ASSETS, *TRAINING_ASSETS, *LIVE_ASSETS, *REPLAY_ASSETS]
    assert len(lists) == len(set(lists))
    assert {k.path[-1] for k in lab.defs.resolve_asset_graph().get_all_asset_keys()} == set(lists)
    assert set(TRAINING_ASSETS) == set(ASKED_FOR)


def test_a_range_is_one_run_with_reason_and_trigger(lab: Lab) -> None:
    found = run_assets(
        lab.defs, lab.instance, lab.solution, ["raw_data"], batches=days(1, 3), reason="try", trigger="me"
    )
    assert found.success
    assert found.error == ""
    assert lab.loaded("raw_data") == set(days(1, 3))
    run = lab.instance.get_run_by_id(found.run_id)
    assert run is not None
    assert {SOLUTION_TAG: "stream", TRIGGER_TAG: "me", REASON_TAG: "try"}.items() <= run.tags.items()


def test_history_of_a_stream_is_one_run(lab: Lab) -> None:
    found = run_history(lab.defs, lab.instance, lab.solution, days(1, 2))
    assert found.success
    assert lab.loaded("profile") == set(days(1, 2))
    assert len(lab.instance.get_run_records()) == 1


def test_what_failed_is_named_by_the_sentence_of_the_error_and_not_by_its_cause(lab: Lab) -> None:
    found = run_assets(lab.defs, lab.instance, lab.solution, ["features"], batches=days(1, 1))
    assert found.success  # nothing was captured: an absent batch is a blocked one
    found = run_assets(lab.defs, lab.instance, lab.solution, ["valid_data", "quarantined_data"], batches=days(1, 1))
    assert not found.success
    assert found.error.startswith("ml_assets.errors.StoreError: raw_data has not been materialized")
    lab.plan(rows={"2026-01-01": "down"})
    found = run_assets(lab.defs, lab.instance, lab.solution, ["raw_data"], batches=days(1, 1))
    assert found.error == "ConnectionError: the source is down on 2026-01-01 with 300 rows"


def test_failed_checks_come_with_their_sentence(lab: Lab) -> None:
    lab.plan(rows={"2026-01-01": "extra_column", "2026-01-02": "empty"})
    found = run_assets(lab.defs, lab.instance, lab.solution, ["raw_data"], batches=days(2, 2))
    assert ("raw_data:not_empty", "the batch is empty: the feed delivered nothing") in found.failed_checks


def test_history_of_files_is_one_run_each(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        frame = pd.DataFrame({"shop": [f"{name}{i}" for i in range(5)], "size": range(5), "sold": range(5)})
        frame.to_csv(tmp_path / name, index=False)
    source = {"source!": {"type": "files", "path": str(tmp_path / "*.csv")}, "arrival": {"every": "file"}}
    lab = Lab(declared(TABLE, name="files", data_pipeline=source), open_instance(tmp_path / "home"), tmp_path)
    found = run_history(lab.defs, lab.instance, lab.solution, ["a.csv", "b.csv"])
    assert found.success, found.error
    assert set(lab.instance.get_dynamic_partitions("files__files")) == {"a.csv", "b.csv"}
    assert len(lab.instance.get_run_records()) == 2
    assert lab.store.batches("labels") == ["a.csv", "b.csv"]


def test_history_of_a_table_has_no_batches(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Lab(declared(TABLE), instance, tmp_path)
        assert run_history(made.defs, instance, made.solution, ()).success
        assert len(made.store.read_frame("features")) == 600

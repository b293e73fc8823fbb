"""The arrival sensor: batches that are due, labels that are mature, one run at a time, failures asked for again and counted."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ml_assets.declaration import Solution
from ml_assets.stages.data_pipeline.sensors import (
    JUDGED_ASSETS,
    LABEL_ASSETS,
    LIVE_ASSETS,
    MOST_TRIES,
    RANGE_END,
    RANGE_START,
    ROW_ASSETS,
    build_sensors,
    look,
)
from ml_assets_tests.stages import world
from ml_assets_tests.stages.declarations import HERE, STREAM, TABLE, declared
from ml_assets_tests.stages.lab import Lab, days
from ml_assets_tests.stages.recorded import evaluated, materialized, ran

S = declared(STREAM)
FAILED, STARTED = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    world.plan(tmp_path / "world.json")
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _at(now: str) -> None:
    world.plan(Path(os.environ[world.VARIABLE]), now=now)


def _loaded(instance: dg.DagsterInstance, solution: Solution, *batches: str) -> None:
    for asset in ROW_ASSETS:
        materialized(instance, solution, asset, *batches)


def _done(instance: dg.DagsterInstance, *batches: str) -> None:
    _loaded(instance, S, *batches)
    materialized(instance, S, "labels", *batches)


def _assets(request: dg.RunRequest) -> set[str]:
    return {k.path[-1] for k in request.asset_selection or ()}


def _batches(request: dg.RunRequest) -> list[str]:
    if request.partition_key:
        return [request.partition_key]
    keys = days(1, 31)
    return keys[keys.index(request.tags[RANGE_START]) : keys.index(request.tags[RANGE_END]) + 1]


def _requests(found: dg.SensorResult) -> Sequence[dg.RunRequest]:
    assert (found.skip_reason is None) is bool(found.run_requests)
    return found.run_requests or ()


def test_before_the_first_window_closes_nothing_is_due(instance: dg.DagsterInstance) -> None:
    _at("2026-01-01T23:00:00")
    assert "no batch is due" in str(look(S, instance, None).skip_reason)


def test_every_batch_that_is_due_comes_in_one_run_over_the_range(instance: dg.DagsterInstance) -> None:
    (request,) = _requests(look(S, instance, None))
    assert _batches(request) == days(1, 14)
    assert _assets(request) == set(ROW_ASSETS)
    assert request.partition_key is None


def test_the_real_sensor_says_the_same_and_keeps_its_cursor(instance: dg.DagsterInstance) -> None:
    (sensor,) = build_sensors(S)
    context = dg.build_sensor_context(instance=instance)
    found = sensor(context)
    assert isinstance(found, dg.SensorResult)
    (request,) = _requests(found)
    (again,) = _requests(look(S, instance, None))
    assert request.run_key == again.run_key
    assert json.loads(found.cursor or "")["labelled"] == ""
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_single_batch_is_a_partition_of_its_own(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(1, 13))
    rows, labels = _requests(look(S, instance, None))
    assert rows.partition_key == "2026-01-14"
    assert _assets(labels) == set(LABEL_ASSETS)


def test_a_hole_ends_the_range(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(4, 5))
    rows = _requests(look(S, instance, None))[0]
    assert _batches(rows) == days(1, 3)


def test_none_while_the_last_one_works(instance: dg.DagsterInstance) -> None:
    run = ran(instance, S, "arrival", STARTED)
    assert run.run_id in str(look(S, instance, None).skip_reason)


def test_labels_are_asked_for_when_they_are_mature_and_once(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(1, 14))
    found = look(S, instance, None)
    (labels,) = _requests(found)
    assert _batches(labels) == days(1, 13)
    materialized(instance, S, "labels", *days(1, 13))
    quiet = look(S, instance, found.cursor)
    assert "all 14 batches due are loaded" in str(quiet.skip_reason)
    _at("2026-01-16T00:30:00")
    _loaded(instance, S, "2026-01-15")
    (labels,) = _requests(look(S, instance, quiet.cursor))
    assert _batches(labels) == days(14, 14)


def test_with_a_live_model_batches_are_scored_and_judged(instance: dg.DagsterInstance) -> None:
    materialized(instance, S, "champion", live_version=1)
    _loaded(instance, S, *days(1, 13))
    rows, labels = _requests(look(S, instance, None))
    assert _assets(rows) == {*ROW_ASSETS, *LIVE_ASSETS}
    assert _assets(labels) == {*LABEL_ASSETS, *JUDGED_ASSETS}


def test_a_refused_first_model_is_not_live(instance: dg.DagsterInstance) -> None:
    materialized(instance, S, "champion", live_version=0)
    (rows,) = _requests(look(S, instance, None))
    assert _assets(rows) == set(ROW_ASSETS)


def test_a_failed_run_is_asked_for_again_a_bounded_number_of_times(instance: dg.DagsterInstance) -> None:
    _done(instance, *days(1, 13))
    cursor: str | None = json.dumps({"labelled": "2026-01-13"})
    keys = []
    for _ in range(MOST_TRIES):
        found = look(S, instance, cursor)
        cursor = found.cursor
        (request,) = _requests(found)
        keys.append(request.run_key)
        ran(instance, S, "arrival", FAILED, tags=dict(request.tags))
    assert len(set(keys)) == MOST_TRIES
    found = look(S, instance, cursor)
    assert "wait for a person: 2026-01-14" in str(found.skip_reason)


def test_one_bad_batch_in_a_range_holds_up_no_other(instance: dg.DagsterInstance) -> None:
    """The source of the 7th is down: the other thirteen are loaded within a bounded number of runs."""
    materialized(instance, S, "labels", *days(1, 14))
    cursor: str | None = json.dumps({"labelled": "2026-01-31"})
    done: set[str] = set()
    for _ in range(25):
        found = look(S, instance, cursor)
        cursor = found.cursor
        if not found.run_requests:
            break
        (request,) = found.run_requests
        batches = _batches(request)
        if "2026-01-07" in batches:
            ran(instance, S, "arrival", FAILED, tags=dict(request.tags))
        else:
            _loaded(instance, S, *batches)
            done |= set(batches)
    assert done == set(days(1, 14)) - {"2026-01-07"}
    assert "2026-01-07" in str(look(S, instance, cursor).skip_reason)


def test_a_batch_whose_features_failed_is_asked_for_again(instance: dg.DagsterInstance) -> None:
    """Rows were captured, but the run died later: the batch is not done."""
    _loaded(instance, S, *days(1, 13))
    materialized(instance, S, "raw_data", "2026-01-14")
    ran(instance, S, "arrival", FAILED, tags={"ml/part": "rows", "ml/batches": "2026-01-14 … 2026-01-14"})
    rows = _requests(look(S, instance, json.dumps({"labelled": "2026-01-13"})))[0]
    assert _batches(rows) == ["2026-01-14"]


def test_a_blocked_batch_is_not_asked_for_again(instance: dg.DagsterInstance) -> None:
    _done(instance, *days(1, 13))
    materialized(instance, S, "raw_data", "2026-01-14")
    evaluated(instance, S, "valid_data", "contract", "2026-01-14", passed=False)
    found = look(S, instance, json.dumps({"labelled": "2026-01-13"}))
    assert "all 14 batches due are loaded" in str(found.skip_reason)


def test_failed_labels_are_asked_for_again_a_bounded_number_of_times(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(1, 14))
    materialized(instance, S, "labels", *days(1, 12))
    cursor: str | None = json.dumps({"labelled": "2026-01-12"})
    asked = 0
    for _ in range(MOST_TRIES + 3):
        found = look(S, instance, cursor)
        cursor = found.cursor
        for request in found.run_requests or ():
            asked += 1
            assert _batches(request) == days(13, 13)
            ran(instance, S, "arrival", FAILED, tags=dict(request.tags))
    assert asked == MOST_TRIES


def test_labels_of_a_range_survive_a_source_that_was_down(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(1, 14))
    found = look(S, instance, None)
    (request,) = _requests(found)
    ran(instance, S, "arrival", FAILED, tags=dict(request.tags))
    cursor, done = found.cursor, []
    for _ in range(5):
        found = look(S, instance, cursor)
        cursor = found.cursor
        for request in found.run_requests or ():
            materialized(instance, S, "labels", *_batches(request))
            done += _batches(request)
    assert done == days(1, 13)


def test_a_batch_that_a_person_repaired_gets_its_labels(instance: dg.DagsterInstance) -> None:
    _loaded(instance, S, *days(1, 14))
    materialized(instance, S, "labels", *days(1, 4), *days(6, 13))
    (request,) = _requests(look(S, instance, json.dumps({"labelled": "2026-01-13", "stopped": ["2026-01-05"]})))
    assert _batches(request) == days(5, 5)
    assert _assets(request) == set(LABEL_ASSETS)


def test_a_batch_whose_scoring_failed_is_scored_by_the_next_run(instance: dg.DagsterInstance) -> None:
    """Features were made, but the registry was away: the batch is asked for again, predictions and all."""
    materialized(instance, S, "champion", live_version=1)
    _loaded(instance, S, *days(1, 14))
    ran(instance, S, "arrival", FAILED, tags={"ml/part": "rows", "ml/batches": "2026-01-14 … 2026-01-14"})
    found = look(S, instance, json.dumps({"labelled": "2026-01-13"}))
    rows = _requests(found)[0]
    assert _batches(rows) == ["2026-01-14"]
    assert set(LIVE_ASSETS) <= _assets(rows)


def test_a_table_has_no_arrival_sensor() -> None:
    assert build_sensors(declared(TABLE)) == []


@pytest.fixture
def files(tmp_path: Path) -> Solution:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.csv", "c.csv"):
        pd.DataFrame({"row": [1, 2], "income": [1.0, 2.0], "defaulted": [0, 1]}).to_csv(folder / name, index=False)
    pipeline = {
        "source!": {"type": "files", "path": str(folder / "*.csv")},
        "arrival!": {"every": "file"},
        "labels!": None,
        "features!": None,
    }
    model = {"test_span!": "1 batch", "validation_span!": "1 batch", "monotone!": {}}
    case = {"target": {"delay": None}, "simple_rule": f"{HERE}.world.rule"}
    bias: dict[str, object] = {"protected": [], "groups!": {}, "reference_population!": {}, "plan": []}
    return declared(STREAM, name="files", data_pipeline=pipeline, model=model, business_case=case, data_bias=bias)


def test_new_files_become_partitions_and_go_one_by_one(instance: dg.DagsterInstance, files: Solution) -> None:
    found = look(files, instance, None)
    (request,) = _requests(found)
    assert request.partition_key == "b.csv"
    (added,) = found.dynamic_partitions_requests or ()
    assert list(added.partition_keys) == ["b.csv", "c.csv"]
    instance.add_dynamic_partitions("files__files", ["b.csv", "c.csv"])
    _loaded(instance, files, "b.csv")
    again = look(files, instance, found.cursor)
    rows, labels = _requests(again)
    assert (rows.partition_key, labels.partition_key) == ("c.csv", "b.csv")
    assert not again.dynamic_partitions_requests


def test_a_file_that_sorts_before_those_already_seen_gets_its_labels_too(
    instance: dg.DagsterInstance, files: Solution
) -> None:
    instance.add_dynamic_partitions("files__files", ["a.csv", "b.csv", "c.csv"])
    _loaded(instance, files, "b.csv", "c.csv")
    materialized(instance, files, "labels", "b.csv", "c.csv")
    cursor = look(files, instance, json.dumps({"labelled": "c.csv"})).cursor
    _loaded(instance, files, "a.csv")
    (labels,) = _requests(look(files, instance, cursor))
    assert labels.partition_key == "a.csv"
    assert _assets(labels) == set(LABEL_ASSETS)


@pytest.mark.slow
def test_what_it_asks_for_runs(fork: Lab) -> None:
    fork.plant()
    found = look(fork.solution, fork.instance, json.dumps({"labelled": "2026-01-14"}))
    for request in _requests(found):
        assert fork.serve(request).success
    assert len(fork.store.read_frame("predictions", "2026-01-16")) == 300
    assert "all 16 batches due are loaded" in str(look(fork.solution, fork.instance, found.cursor).skip_reason)

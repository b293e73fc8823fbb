"""Names, batches and versions of assets; one body for a batch and for a range of batches."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from ml_assets.components import definitions_of
from ml_assets.declaration import SECTIONS, Solution
from ml_assets.evidence import Verdict
from ml_assets.graph import (
    SOLUTION_TAG,
    STAGE_TAG,
    Stage,
    batch_check,
    each_batch,
    group_name,
    key,
    partitions,
    solution_check,
)
from ml_assets.resources import RESOURCES
from ml_assets.running import RANGE_END, RANGE_START
from ml_assets_tests.declaration.minimal import solution, stream
from ml_assets_tests.declaration.test_solution import ONE_CHANGE

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def rhythm(every: str, start: str = "2026-01-01", end: str | None = None) -> Solution:
    return solution(data_pipeline__arrival={"every": every, "event_time": "at", "start": start, "end": end})


def test_names() -> None:
    assert key(solution(), "champion") == dg.AssetKey(["churn", "champion"])
    assert group_name(solution(), "model") == "churn__model"


def test_a_table_has_no_batches_and_files_come_as_they_come() -> None:
    assert partitions(solution()) is None
    files = partitions(solution(data_pipeline__arrival={"every": "file"}))
    assert isinstance(files, dg.DynamicPartitionsDefinition)
    assert files.name == "churn__files"


@pytest.mark.parametrize(
    ("every", "start", "now", "keys"),
    [
        ("hour", "2026-01-01", datetime(2026, 1, 1, 2, 30), ["2026-01-01-00:00", "2026-01-01-01:00"]),
        ("day", "2026-01-01", datetime(2026, 1, 3), ["2026-01-01", "2026-01-02"]),
        ("week", "2026-01-07", datetime(2026, 1, 22), ["2026-01-07", "2026-01-14"]),
        ("week", "2026-01-04", datetime(2026, 1, 12), ["2026-01-04"]),
        ("month", "2026-01-15", datetime(2026, 4, 1), ["2026-02-01", "2026-03-01"]),
    ],
)
def test_a_batch_is_there_when_its_window_has_closed(every: str, start: str, now: datetime, keys: list[str]) -> None:
    found = rhythm(every, start)
    batches = partitions(found)
    assert batches is not None
    assert list(batches.get_partition_keys(current_time=now.replace(tzinfo=UTC))) == keys
    for name in keys:  # Dagster and the declaration mean the same window
        window = (
            batches.time_window_for_partition_key(name)
            if isinstance(batches, dg.TimeWindowPartitionsDefinition)
            else None
        )
        assert window is not None
        batch = found.data_pipeline.batch(name)
        assert (batch.start, batch.end) == (window.start.replace(tzinfo=None), window.end.replace(tzinfo=None))


def test_a_stream_that_is_over_gets_no_more_batches() -> None:
    batches = partitions(rhythm("day", end="2026-01-03"))
    assert batches is not None
    assert list(batches.get_partition_keys(current_time=datetime(2030, 1, 1, tzinfo=UTC))) == DAYS[:2]


def test_an_asset_carries_what_the_declaration_says() -> None:
    spec = Stage(stream(), "model").spec("candidates", "Those that compete.", kinds=["xgboost"], deps=["training_set"])
    assert spec.key == dg.AssetKey(["churn", "candidates"])
    assert (spec.group_name, list(spec.owners), spec.description) == (
        "churn__model",
        ["team:crm"],
        "Those that compete.",
    )
    assert (spec.tags[SOLUTION_TAG], spec.tags[STAGE_TAG]) == ("churn", "model")
    assert [d.asset_key for d in spec.deps] == [dg.AssetKey(["churn", "training_set"])]


def versions(found: Solution) -> dict[tuple[str, str], str | None]:
    """(stage, asset) → code version."""
    specs = definitions_of(found).resolve_all_asset_specs()
    return {(s.tags[STAGE_TAG], s.key.path[-1]): s.code_version for s in specs}


def test_every_asset_has_a_stage_an_owner_and_a_version() -> None:
    for spec in definitions_of(solution()).resolve_all_asset_specs():
        assert spec.tags[STAGE_TAG] in SECTIONS
        assert spec.code_version
        assert list(spec.owners) == ["team:crm"]
        assert spec.description


@pytest.mark.parametrize("section", SECTIONS)
def test_a_changed_section_changes_every_asset_of_its_stage(section: str) -> None:
    before, after = versions(solution()), versions(solution(**ONE_CHANGE[section]))
    changed = {a for a in before if before[a] != after[a]}
    own = {a for a in before if a[0] == section}
    assert own <= changed


@pytest.mark.parametrize("section", ["deployment", "retraining"])
def test_a_section_nobody_else_reads_changes_its_own_stage_only(section: str) -> None:
    before, after = versions(solution()), versions(solution(**ONE_CHANGE[section]))
    assert {stage for stage, _ in before if any(before[a] != after[a] for a in before if a[0] == stage)} == {section}


@pytest.mark.parametrize("section", ["data_selection", "model", "data_bias"])
def test_an_asset_built_from_another_section_changes_with_it(section: str) -> None:
    before, after = versions(solution()), versions(solution(**ONE_CHANGE[section]))
    assert ("data_pipeline", "training_set") in {a for a in before if before[a] != after[a]}
    assert before[("data_pipeline", "raw_data")] == after[("data_pipeline", "raw_data")]


def per_batch(found: Solution) -> list[Any]:
    """One asset that says which batch it was, and a check that fails on the second day."""

    @Stage(found, "data_pipeline").asset("thing", "Test.", per_batch=True)
    def thing(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata=each_batch(context, found, lambda b: {"batch": b.key}))

    check = batch_check(
        found, "thing", "not_the_second", lambda _, b: Verdict(b.key != DAYS[1], f"this is {b.key}"), description="Test.",
        blocking=True,
    )  # fmt: skip
    return [thing, check]


def run(found: Solution, instance: dg.DagsterInstance, days: list[str]) -> dg.ExecuteInProcessResult:
    thing, check = per_batch(found)
    defs = dg.Definitions([thing], asset_checks=[check], resources=RESOURCES)
    tags = {RANGE_START: days[0], RANGE_END: days[-1]} if len(days) > 1 else {}
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, partition_key=days[0] if len(days) == 1 else None, tags=tags, raise_on_error=False
    )


def test_one_batch(instance: dg.DagsterInstance) -> None:
    result = run(stream(), instance, DAYS[:1])
    assert result.success
    event = instance.get_latest_materialization_event(dg.AssetKey(["churn", "thing"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert (event.asset_materialization.partition, event.asset_materialization.metadata["batch"].value) == (
        DAYS[0],
        DAYS[0],
    )
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.passed, evaluation.description, evaluation.metadata["batch"].value) == (
        True,
        f"this is {DAYS[0]}",
        DAYS[0],
    )


def test_a_failing_batch_alone_stops_what_follows(instance: dg.DagsterInstance) -> None:
    result = run(stream(), instance, [DAYS[1]])
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.passed, evaluation.blocking, evaluation.severity) == (False, True, dg.AssetCheckSeverity.ERROR)


def test_a_range_is_one_run_and_every_batch_is_on_record(instance: dg.DagsterInstance) -> None:
    result = run(stream(), instance, DAYS)
    assert result.success, "one bad day of a history stops nothing"
    records = instance.fetch_materializations(dg.AssetKey(["churn", "thing"]), limit=10).records
    shown = {
        r.partition_key: r.asset_materialization.metadata["batch"].value for r in records if r.asset_materialization
    }
    assert shown == {d: d for d in DAYS}
    (summary,) = [e for e in result.get_asset_check_evaluations() if "batches" in e.metadata]
    assert summary.description == f"2 of 3 batches pass; failed: {DAYS[1]} (this is {DAYS[1]})"
    history = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(["churn", "thing"]), "not_the_second"), limit=20
    )
    single = {}
    for record in history:
        evaluation = record.evaluation
        if isinstance(evaluation, dg.AssetCheckEvaluation) and "batch" in evaluation.metadata:
            single[evaluation.metadata["batch"].value] = evaluation.passed
    assert single == {DAYS[0]: True, DAYS[1]: False, DAYS[2]: True}


def test_a_table_is_one_batch(instance: dg.DagsterInstance) -> None:
    thing, check = per_batch(solution())
    defs = dg.Definitions([thing], asset_checks=[check], resources=RESOURCES)
    assert defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance).success
    event = instance.get_latest_materialization_event(dg.AssetKey(["churn", "thing"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["batch"].value == "all"


@pytest.mark.parametrize("passed", [True, False])
def test_a_check_on_the_whole(instance: dg.DagsterInstance, passed: bool) -> None:
    found = solution()

    @Stage(found, "model").asset("thing", "Test.")
    def thing() -> None: ...

    check = solution_check(found, "thing", "judged", lambda _: Verdict(passed, "said so"), description="Test.")
    result = dg.materialize([thing, check], instance=instance, resources=RESOURCES)
    (evaluation,) = result.get_asset_check_evaluations()
    assert (evaluation.passed, evaluation.description) == (passed, "said so")

"""Contract with the parts of Dagster that are not public: every function of ``ml_assets.automation`` on a real instance.

A Dagster release that moves one of them must fail here first.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.test_utils import create_run_for_test

from ml_assets.automation import (
    crashed_checks,
    evaluations,
    failed_runs,
    latest_numbers,
    runs_in_progress,
    stale_since,
)

DAYS = dg.DailyPartitionsDefinition("2026-01-01", end_date="2026-01-06")
KEY = dg.AssetKey(["one", "rows"])
CHECK = dg.AssetCheckKey(KEY, "good")


@dg.asset(key=KEY, partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def rows() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"count": 3, "share": 0.5, "word": "x"})


@dg.asset_check(asset=KEY, name="good", partitions_def=DAYS)
def good(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    mode = context.run.tags.get("mode", "pass")
    if mode == "crash":
        raise RuntimeError("the check itself is broken")
    batches = context.op_execution_context.partition_keys
    if len(batches) == 1:
        severity = dg.AssetCheckSeverity.WARN if mode == "warn" else dg.AssetCheckSeverity.ERROR
        return dg.AssetCheckResult(passed=mode == "pass", severity=severity, description=f"it is {mode}")
    for batch in batches:
        evaluation: Any = dg.AssetCheckEvaluation(
            asset_key=KEY, check_name="good", passed=True, metadata={}, description=batch, partition=batch
        )
        context.op_execution_context.log_event(evaluation)
    return dg.AssetCheckResult(passed=True, metadata={"batches": len(batches)}, description="the sum")


@dg.asset(key=["one", "whole"], deps=[KEY])
def whole() -> None:
    return None


@dg.asset_check(asset=["one", "whole"], name="after")
def after() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


DEFS = dg.Definitions(assets=[rows, whole], asset_checks=[good, after], executor=dg.in_process_executor)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _run(instance: dg.DagsterInstance, batch: str | None, *, mode: str = "pass", **tags: str) -> str:
    result = DEFS.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[KEY], partition_key=batch, tags={"mode": mode, **tags}, raise_on_error=False
    )
    return result.run_id


def test_evaluations_are_newest_first_with_batch_verdict_severity_and_run(instance: dg.DagsterInstance) -> None:
    first = _run(instance, "2026-01-01")
    second = _run(instance, "2026-01-02", mode="fail")
    third = _run(instance, "2026-01-03", mode="warn")
    found = evaluations(instance, CHECK, limit=10)
    assert [(e.batch, e.passed, e.act, e.sentence, e.run_id) for e in found] == [
        ("2026-01-03", False, False, "it is warn", third),
        ("2026-01-02", False, True, "it is fail", second),
        ("2026-01-01", True, True, "it is pass", first),
    ]
    assert [e.record for e in found] == sorted((e.record for e in found), reverse=True)
    assert all(e.time > 0 for e in found)
    assert len(evaluations(instance, CHECK, limit=2)) == 2


def test_a_planned_evaluation_is_not_read_as_a_result(instance: dg.DagsterInstance) -> None:
    crashed = _run(instance, "2026-01-01", mode="crash")
    records = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=5)
    assert [r.status for r in records] == [AssetCheckExecutionRecordStatus.PLANNED]
    assert evaluations(instance, CHECK, limit=5) == []
    assert [run for _, run in crashed_checks(instance, CHECK, limit=5)] == [crashed]


def test_a_run_that_still_works_has_not_crashed(instance: dg.DagsterInstance) -> None:
    job = DEFS.resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(job, asset_selection=frozenset({KEY}), tags={"dagster/partition": "2026-01-01"})
    assert evaluations(instance, CHECK, limit=5) == []
    assert crashed_checks(instance, CHECK, limit=5) == []


def test_a_check_whose_turn_never_came_has_not_crashed(instance: dg.DagsterInstance) -> None:
    _run(instance, "2026-01-01", mode="crash")
    assert crashed_checks(instance, dg.AssetCheckKey(dg.AssetKey(["one", "whole"]), "after"), limit=5) == []


def test_a_range_gives_every_batch_its_record_and_the_summary_is_left_out_also_the_second_time(
    instance: dg.DagsterInstance,
) -> None:
    ends = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-03"}
    for _ in range(2):
        _run(instance, None, **ends)
    found = evaluations(instance, CHECK, limit=20)
    assert [e.batch for e in found].count("2026-01-02") == 2
    assert {e.batch for e in found} == {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert "the sum" not in {e.sentence for e in found}
    assert crashed_checks(instance, CHECK, limit=20) == []


def test_stale_since_follows_the_recorded_state(instance: dg.DagsterInstance) -> None:
    assert stale_since(instance, KEY) is None
    before = FreshnessState.UNKNOWN
    for state in (FreshnessState.FAIL, FreshnessState.PASS):
        instance.report_runless_asset_event(
            FreshnessStateChange(
                key=KEY, previous_state=before, new_state=state, state_change_timestamp=datetime.now().timestamp()
            )
        )
        before = state
        since = stale_since(instance, KEY)
        assert (since is not None) is (state == FreshnessState.FAIL)
        assert since is None or abs(since - datetime.now().timestamp()) < 60


def test_runs_in_progress_are_those_with_the_tags_that_have_not_ended(instance: dg.DagsterInstance) -> None:
    status = dg.DagsterRunStatus
    wanted = [
        create_run_for_test(instance, job_name="j", status=s, tags={"a": "1"}).run_id
        for s in (status.NOT_STARTED, status.STARTING, status.STARTED, status.CANCELING)
    ]
    for s in (status.SUCCESS, status.FAILURE, status.CANCELED):
        create_run_for_test(instance, job_name="j", status=s, tags={"a": "1"})
    create_run_for_test(instance, job_name="j", status=status.STARTED, tags={"a": "2"})
    assert set(runs_in_progress(instance, {"a": "1"})) == set(wanted)


def test_failed_runs_are_newest_first_and_bounded(instance: dg.DagsterInstance) -> None:
    status = dg.DagsterRunStatus
    made = [
        create_run_for_test(instance, job_name="j", status=s, tags={"a": "1"}).run_id
        for s in (status.FAILURE, status.SUCCESS, status.CANCELED)
    ]
    assert [r.run_id for r in failed_runs(instance, {"a": "1"}, limit=5)] == [made[2], made[0]]
    assert len(failed_runs(instance, {"a": "1"}, limit=1)) == 1
    assert failed_runs(instance, {"a": "2"}, limit=5) == []


def test_latest_numbers_are_of_the_newest_materialization(instance: dg.DagsterInstance) -> None:
    assert latest_numbers(instance, KEY, ["count"]) == {}
    _run(instance, "2026-01-01")
    assert latest_numbers(instance, KEY, ["count", "share", "absent"]) == {"count": 3, "share": 0.5}

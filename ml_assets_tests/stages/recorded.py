"""Events written straight into an instance: what sensors read, without the runs that would make it."""

from typing import Any

import dagster as dg
from dagster._core.test_utils import create_run_for_test

from ml_assets.declaration import Solution
from ml_assets.graph import SOLUTION_TAG, TRIGGER_TAG, key


def materialized(instance: dg.DagsterInstance, solution: Solution, asset: str, *batches: str, **metadata: Any) -> None:
    """Materializations of an asset, by batch or as a whole."""
    for batch in batches or (None,):
        event = dg.AssetMaterialization(key(solution, asset), partition=batch, metadata=metadata)
        instance.report_runless_asset_event(event)


def evaluated(
    instance: dg.DagsterInstance,
    solution: Solution,
    asset: str,
    check: str,
    batch: str,
    *,
    passed: bool,
    sentence: str = "planted",
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    run_id: str | None = None,
) -> None:
    """One evaluation of a check, of a run of its own."""
    evaluation = dg.AssetCheckEvaluation(
        asset_key=key(solution, asset),
        check_name=check,
        passed=passed,
        metadata={"batch": batch, "sentence": sentence},
        severity=severity,
        description=sentence,
        partition=batch or None,
        blocking=False,
    )
    made = create_run_for_test(instance, job_name="made", run_id=run_id, status=dg.DagsterRunStatus.SUCCESS)
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name="made",
        event_specific_data=evaluation,
    )
    instance.report_dagster_event(event, run_id=made.run_id)


def ran(
    instance: dg.DagsterInstance,
    solution: Solution,
    trigger: str,
    status: dg.DagsterRunStatus,
    *,
    tags: dict[str, str] | None = None,
) -> dg.DagsterRun:
    """A run that a sensor asked for, in some state."""
    own = {SOLUTION_TAG: solution.name, TRIGGER_TAG: trigger}
    made: dg.DagsterRun = create_run_for_test(instance, job_name="made", status=status, tags=own | dict(tags or {}))
    return made

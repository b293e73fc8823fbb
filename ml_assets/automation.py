"""The only place that reads parts of Dagster which are not public: check evaluations and freshness states, for sensors.

A contract test runs every function here against a real instance, so that a Dagster release that moves one of them fails
loudly. Everything is a bounded, indexed query: sensors read, they never compute.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._grpc.types import ExecuteRunArgs

# PLANNED rows stand for evaluations that have not happened; reading them as results is what crashed early sensors.
DONE = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
# EXECUTION_FAILED exists only as a status resolved for display; a crashed check leaves its PLANNED row behind.
PLANNED = {AssetCheckExecutionRecordStatus.PLANNED}
IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
BATCH_KEY, VERSION_KEY = "batch", "model_version"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One recorded evaluation of a check. ``record`` grows with time; ``act`` is False for warnings; ``version`` is the
    model it speaks about, where it speaks about one.
    """

    record: int
    batch: str
    passed: bool
    act: bool
    sentence: str
    time: float
    run_id: str
    version: int | None = None


def evaluations(instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, limit: int) -> list[Evaluation]:
    """The newest evaluations of a check, newest first; those that sum up a range of batches are left out."""
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=limit, status=DONE)
    found = []
    for record in records:
        evaluation = record.evaluation
        if not isinstance(evaluation, dg.AssetCheckEvaluation) or "batches" in evaluation.metadata:
            continue
        batch = record.partition or str(_text(evaluation.metadata.get(BATCH_KEY)) or "")
        found.append(
            Evaluation(
                record.id,
                batch,
                evaluation.passed,
                evaluation.severity == dg.AssetCheckSeverity.ERROR,
                evaluation.description or "",
                record.create_timestamp,
                record.run_id,
                _whole(_text(evaluation.metadata.get(VERSION_KEY))),
            )
        )
    return found


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _text(value: object) -> object:
    return getattr(value, "value", value)


def crashed_checks(instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, limit: int) -> list[tuple[int, str]]:
    """Planned evaluations of a check whose run ended without a result: (record, run id), newest first.

    A run that stopped before the check's turn leaves such a row as well; only a step that failed is a crash.
    """
    found = []
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=limit, status=PLANNED):
        run = instance.get_run_by_id(record.run_id)
        if run is None or not run.is_finished:
            continue
        failed = {
            s.step_key
            for s in instance.get_run_step_stats(record.run_id)
            if s.status is not None and s.status.value == "FAILURE"
        }
        step = f"{'__'.join(key.asset_key.path)}_{key.name}"
        if step in failed:
            found.append((record.id, record.run_id))
    return found


def stale_since(instance: dg.DagsterInstance, key: dg.AssetKey) -> float | None:
    """When an asset's freshness policy began to fail, or None while it does not."""
    record = instance.get_freshness_state_records([key]).get(key)
    if record is None or record.freshness_state != FreshnessState.FAIL:
        return None
    return float(record.updated_at.timestamp())


def runs_in_progress(instance: dg.DagsterInstance, tags: dict[str, str]) -> list[str]:
    """Ids of runs with these tags that have not ended."""
    return [
        r.dagster_run.run_id for r in instance.get_run_records(dg.RunsFilter(tags=tags, statuses=IN_PROGRESS), limit=5)
    ]


def failed_runs(instance: dg.DagsterInstance, tags: dict[str, str], *, limit: int) -> list[dg.DagsterRun]:
    """The newest failed or canceled runs with these tags, newest first."""
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    return [r.dagster_run for r in instance.get_run_records(dg.RunsFilter(tags=tags, statuses=statuses), limit=limit)]


def latest_numbers(instance: dg.DagsterInstance, key: dg.AssetKey, names: Sequence[str]) -> dict[str, object]:
    """Named metadata of an asset's newest materialization."""
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        return {}
    metadata = event.asset_materialization.metadata
    return {n: metadata[n].value for n in names if n in metadata}


def run_command(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, list[str]]:
    """What executes a run in a process of its own: the interpreter, and the arguments for its ``dagster`` command."""
    origin = run.job_code_origin
    if origin is None:
        raise ValueError(f"run {run.run_id} has no code to execute: it was not created from a code location")
    command = list(ExecuteRunArgs(origin, run.run_id, instance.get_ref()).get_command_args())
    return origin.executable_path, command[command.index("api") :]

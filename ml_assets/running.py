"""A solution run from Python: its history in one stretch, its training, one batch; the same assets the UI runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.sources import FilesSource
from ml_assets.graph import REASON_TAG, SOLUTION_TAG, TRIGGER_TAG, key, partitions

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
ROW_ASSETS = ("raw_data", "valid_data", "quarantined_data", "features", "labels", "profile")
TRAINING_ASSETS = (
    "business_case", "column_screening", "selected_columns", "training_set", "baseline_value", "success_criteria", "data_bias_report",
    "bias_remediation_plan", "sample_weights", "baselines", "candidates", "model", "mitigation", "evaluation", "explanation", "model_bias_report",
    "champion", "retraining_log",
)  # fmt: skip
LIVE_ASSETS = (
    "predictions",
    "drift_report",
    "performance_estimate",
    "performance_report",
    "fairness_report",
    "value_report",
)
REPLAY_ASSETS = ("policy_backtest", "data_worth")


@dataclass(frozen=True)
class Finished:
    """How a run ended: its id, whether it succeeded, and the checks that failed, each with its sentence."""

    run_id: str
    success: bool
    failed_checks: tuple[tuple[str, str], ...]
    error: str


def run_assets(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    solution: Solution,
    assets: Sequence[str],
    *,
    batches: Sequence[str] = (),
    reason: str = "by hand",
    trigger: str = "by hand",
) -> Finished:
    """Materialize assets and their checks in this process, for one batch or an unbroken range of batches."""
    tags = {SOLUTION_TAG: solution.name, TRIGGER_TAG: trigger, REASON_TAG: reason}
    if len(batches) > 1:
        tags |= {RANGE_START: batches[0], RANGE_END: batches[-1]}
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[key(solution, a) for a in assets],
        partition_key=batches[0] if len(batches) == 1 else None,
        tags=tags,
        raise_on_error=False,
    )
    checks = tuple(
        (f"{e.asset_key.path[-1]}:{e.check_name}", e.description or "")
        for e in result.get_asset_check_evaluations()
        if not e.passed
    )
    return Finished(result.run_id, result.success, checks, _first_error(result))


def _first_error(result: dg.ExecuteInProcessResult) -> str:
    """What the first step that failed said: the error the step raised, which Dagster wraps once; not the cause it names."""
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            if error is not None and error.cause is not None:
                error = error.cause
            return error.message.strip() if error is not None else "no message"
    return ""


def run_history(
    defs: dg.Definitions, instance: dg.DagsterInstance, solution: Solution, batches: Sequence[str]
) -> Finished:
    """Rows, features, labels and profiles of all batches: streams in one run over the range, files one run each."""
    if partitions(solution) is None:
        return run_assets(defs, instance, solution, ROW_ASSETS, reason="history")
    if solution.data_pipeline.period is not None:
        return run_assets(defs, instance, solution, ROW_ASSETS, batches=batches, reason="history")
    instance.add_dynamic_partitions(f"{solution.name}__files", list(batches))
    done = [run_assets(defs, instance, solution, ROW_ASSETS, batches=[b], reason="history") for b in batches]
    return Finished(
        done[-1].run_id,
        all(d.success for d in done),
        tuple(c for d in done for c in d.failed_checks),
        next((d.error for d in done if d.error), ""),
    )


def run_training(
    defs: dg.Definitions, instance: dg.DagsterInstance, solution: Solution, *, reason: str = "first model"
) -> Finished:
    """Screening to release decision."""
    return run_assets(defs, instance, solution, TRAINING_ASSETS, reason=reason)


def due(solution: Solution) -> list[str]:
    """Batches whose window has closed, oldest first; the files there are; nothing for a single table."""
    arrival, batches = solution.data_pipeline.arrival, partitions(solution)
    if arrival is None or batches is None:
        return []
    if isinstance(solution.data_pipeline.source, FilesSource) and arrival.period is None:
        return list(solution.data_pipeline.source.files())
    return list(batches.get_partition_keys(current_time=arrival.now().replace(tzinfo=UTC)))


def run_everything(
    defs: dg.Definitions, instance: dg.DagsterInstance, solution: Solution
) -> Iterator[tuple[str, Finished]]:
    """History, training, what no decision waits for, and the newest batch under the live model; stops where a part fails."""
    batches = due(solution)
    steps: list[tuple[str, Callable[[], Finished]]] = [
        ("history", lambda: run_history(defs, instance, solution, batches)),
        ("training", lambda: run_training(defs, instance, solution)),
        ("replay of the policy, worth of the data", lambda: run_assets(defs, instance, solution, REPLAY_ASSETS)),
        ("newest batch", lambda: run_assets(defs, instance, solution, LIVE_ASSETS, batches=batches[-1:])),
    ]
    for label, step in steps:
        done = step()
        yield label, done
        if not done.success:
            return

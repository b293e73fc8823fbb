"""How a solution's assets are named, grouped, partitioned and versioned, and how one body serves a batch or a range of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import WHOLE_TABLE, Batch
from ml_assets.evidence import Verdict, check_result, summary_result
from ml_assets.mutes import acknowledged
from ml_assets.resources.store import SolutionStore, Store

PREFIX = "ml"
STAGE_TAG, SOLUTION_TAG, TRIGGER_TAG, REASON_TAG = "ml/stage", "ml/solution", "ml/trigger", "ml/reason"
EVIDENCE_TAG = "ml/evidence"
MUTABLE = "ml/mutable"
"""Mark of the checks a person may acknowledge."""


def key(solution: Solution, asset: str) -> dg.AssetKey:
    """``[solution, asset]``: where stages meet."""
    return dg.AssetKey([solution.name, asset])


def group_name(solution: Solution, stage: str) -> str:
    """One group per solution and stage."""
    return f"{solution.name}__{stage}"


def partitions(solution: Solution) -> dg.PartitionsDefinition[str] | None:
    """The batches of a solution as Dagster partitions; None for a single table."""
    arrival = solution.data_pipeline.arrival
    if arrival is None:
        return None
    if arrival.every == "file":
        return dg.DynamicPartitionsDefinition(name=f"{solution.name}__files")
    start = _as_datetime(arrival.start)
    end = _as_datetime(arrival.end) if arrival.end is not None else None
    match arrival.every:
        case "hour":
            return dg.HourlyPartitionsDefinition(start_date=start, end_date=end)
        case "day":
            return dg.DailyPartitionsDefinition(start_date=start, end_date=end)
        case "week":  # a week begins on the weekday of the first one; Dagster counts from Sunday
            return dg.WeeklyPartitionsDefinition(start_date=start, end_date=end, day_offset=(start.weekday() + 1) % 7)
        case "month":
            return dg.MonthlyPartitionsDefinition(start_date=start, end_date=end)


def _as_datetime(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


@dataclass(frozen=True)
class Stage:
    """One stage of one solution, while its assets are built."""

    solution: Solution
    name: str

    def asset(
        self,
        asset: str,
        description: str,
        *,
        kinds: Iterable[str] = (),
        deps: Sequence[str] = (),
        sections: Sequence[str] = (),
        per_batch: bool = False,
        freshness: timedelta | None = None,
        metadata: Mapping[str, Any] | None = None,
        pool: str | None = None,
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """``dg.asset`` with name, owner, group, kinds, version and batches filled in from the declaration."""
        spec = self.spec(
            asset, description, kinds=kinds, deps=deps, sections=sections, freshness=freshness, metadata=metadata
        )
        batches = partitions(self.solution) if per_batch else None
        arguments: dict[str, Any] = {
            "key": spec.key,
            "group_name": spec.group_name,
            "owners": list(spec.owners),
            "tags": spec.tags,
            "kinds": spec.kinds,
            "description": spec.description,
            "code_version": spec.code_version,
            "deps": spec.deps,
            "metadata": spec.metadata,
            "partitions_def": batches,
            "backfill_policy": dg.BackfillPolicy.single_run() if batches is not None else None,
            "pool": pool,
        }
        if freshness is not None:
            arguments["freshness_policy"] = dg.FreshnessPolicy.time_window(fail_window=freshness)
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(**arguments)
        return decorator

    def spec(
        self,
        asset: str,
        description: str,
        *,
        kinds: Iterable[str] = (),
        deps: Sequence[str] = (),
        sections: Sequence[str] = (),
        freshness: timedelta | None = None,
        metadata: Mapping[str, Any] | None = None,
        partitioned: bool = False,
    ) -> dg.AssetSpec:
        """The same facts as a spec, for functions that make several assets."""
        return dg.AssetSpec(
            key=key(self.solution, asset),
            deps=[key(self.solution, d) for d in deps],
            group_name=group_name(self.solution, self.name),
            owners=[self.solution.business_case.owner],
            tags={SOLUTION_TAG: self.solution.name, STAGE_TAG: self.name},
            kinds=set(kinds) or {"python"},
            description=description,
            code_version=self.solution.version(self.name, *sections),
            metadata={**(metadata or {}), **_reference(self.solution, self.name)},
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=freshness) if freshness else None,
            partitions_def=partitions(self.solution) if partitioned else None,
        )


def _reference(solution: Solution, section: str) -> dict[str, Any]:
    """The line of the declaration that an asset is built from, as the UI links it."""
    found = solution.line_of(section)
    if found is None:
        return {}
    reference = dg.LocalFileCodeReference(file_path=found[0], line_number=found[1], label="declaration")
    return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[reference])}


def run_batches(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, solution: Solution) -> list[Batch]:
    """The batches this run is about."""
    if not solution.data_pipeline.is_stream:
        return [Batch(WHOLE_TABLE)]
    op = context.op_execution_context
    return [solution.data_pipeline.batch(k) for k in op.partition_keys]


def each_batch(
    context: dg.AssetExecutionContext,
    solution: Solution,
    body: Callable[[Batch], Mapping[str, Any]],
    *,
    asset: str | None = None,
) -> dict[str, Any]:
    """Run a body for every batch of the run; metadata goes to each batch's own materialization.

    Returns the metadata to attach to the result itself: that of the batch when there is one, nothing for a range.
    """
    batches = run_batches(context, solution)
    if len(batches) == 1:
        return dict(body(batches[0]))
    asset_key = key(solution, asset) if asset else context.asset_key
    for batch in batches:
        context.add_asset_metadata(dict(body(batch)), asset_key=asset_key, partition_key=batch.key)
    return {}


def batch_check(
    solution: Solution,
    asset: str,
    name: str,
    judge: Callable[[SolutionStore, Batch], Verdict],
    *,
    description: str,
    blocking: bool = False,
) -> dg.AssetChecksDefinition:
    """A check that judges each batch by itself.

    In a run over a range each batch gets an evaluation of its own, and the run's evaluation sums them up; there a failing
    batch does not stop the others, because everything downstream passes over blocked batches by itself.
    """
    asset_key = key(solution, asset)

    def _verdict(store: SolutionStore, batch: Batch) -> Verdict:
        found = judge(store, batch)
        return found if blocking else acknowledged(store, name, batch, found)

    @dg.asset_check(
        asset=asset_key,
        name=name,
        description=description,
        blocking=blocking,
        partitions_def=partitions(solution),
        metadata={MUTABLE: not blocking},
    )
    def check(context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
        batches = run_batches(context, solution)
        verdicts = {b.key: _verdict(store.of(solution.name), b) for b in batches}
        if len(verdicts) == 1:
            return check_result(next(iter(verdicts.values())), batch=batches[0].key)
        for batch, verdict in _worth_recording(verdicts, solution.retraining.k_of_n[1]).items():
            result = check_result(verdict, batch=batch)
            # as an event of this run: a second range over the same batch would clash with evaluations that have no run;
            # log_event takes check evaluations, its annotation does not say so
            evaluation: Any = dg.AssetCheckEvaluation(
                asset_key=asset_key,
                check_name=name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
                partition=batch,
                blocking=False,
            )
            context.op_execution_context.log_event(evaluation)
        return summary_result(verdicts)

    return check


def _worth_recording(verdicts: Mapping[str, Verdict], n: int) -> dict[str, Verdict]:
    """Of a range: every batch that failed, and the newest ones, as far back as k of n looks; the summary holds the rest."""
    newest = set(list(verdicts)[-max(n, 7) :])
    return {b: v for b, v in verdicts.items() if b in newest or not v.passed}


def solution_check(
    solution: Solution,
    asset: str,
    name: str,
    judge: Callable[[SolutionStore], Verdict],
    *,
    description: str,
    blocking: bool = False,
) -> dg.AssetChecksDefinition:
    """A check on an asset that is not cut into batches."""

    @dg.asset_check(asset=key(solution, asset), name=name, description=description, blocking=blocking)
    def check(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
        return check_result(judge(store.of(solution.name)))

    return check

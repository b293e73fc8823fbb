"""The arrival sensor: requests the stages of a batch when it is due, and those of its labels when they have matured."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from ml_assets.automation import failed_runs, latest_numbers, runs_in_progress
from ml_assets.declaration import Solution
from ml_assets.declaration.sources import FilesSource
from ml_assets.graph import SOLUTION_TAG, TRIGGER_TAG, key, partitions

ROW_ASSETS = ("raw_data", "valid_data", "quarantined_data", "features", "profile")
LIVE_ASSETS = ("predictions", "drift_report", "performance_estimate")
LABEL_ASSETS = ("labels",)
JUDGED_ASSETS = ("performance_report", "fairness_report", "value_report")
MOST_BATCHES = 120
MOST_TRIES = 3
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@dataclass
class Seen:
    """What the sensor remembers: the newest batch whose mature labels were asked for, and failures it has counted."""

    labelled: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, cursor: str | None) -> "Seen":
        """From the sensor's cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def write(self) -> str:
        """To the sensor's cursor."""
        return json.dumps({"labelled": self.labelled, "tries": self.tries, "failures": self.failures[-20:]})


def build_sensors(solution: Solution) -> list[dg.SensorDefinition]:
    """Streams get an arrival sensor; a single table is materialized by hand, by schedule or by the retraining sensor."""
    arrival = solution.data_pipeline.arrival
    if arrival is None:
        return []
    everything = [key(solution, a) for a in (*ROW_ASSETS, *LIVE_ASSETS, *LABEL_ASSETS, *JUDGED_ASSETS)]

    @dg.sensor(
        name=f"{solution.name}_arrival",
        target=dg.AssetSelection.assets(*everything),
        minimum_interval_seconds=int(solution.retraining.poll.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Requests each batch when it is due, and its labels and what is judged by them once they are mature.",
    )
    def arrival_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(solution, context.instance, context.cursor)

    return [arrival_sensor]


def look(solution: Solution, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """One look: at most one run for new batches and one for matured labels, and none while the last one works."""
    seen = Seen.read(cursor)
    busy = runs_in_progress(instance, {SOLUTION_TAG: solution.name, TRIGGER_TAG: "arrival"})
    if busy:
        return dg.SensorResult(
            skip_reason=f"the run of the last arrival is still working: {busy[0]}", cursor=seen.write()
        )
    _count_failures(solution, instance, seen)
    now = _now(solution)
    added, batches = due_batches(solution, instance, now)
    loaded = instance.get_materialized_partitions(key(solution, "raw_data"))
    fresh = [b for b in batches if b not in loaded and seen.tries.get(b, 0) < MOST_TRIES]
    mature = [b for b in batches if b in loaded and b > seen.labelled and _mature(solution, b, now)]
    live = bool(latest_numbers(instance, key(solution, "champion"), ["live_version"]).get("live_version"))
    timed = solution.data_pipeline.period is not None
    requests = []
    if fresh:
        requests.append(
            _request(
                solution,
                _stretch(batches, fresh, one_run=timed),
                [*ROW_ASSETS, *(LIVE_ASSETS if live else ())],
                "rows",
                seen,
            )
        )
    if mature:
        chosen = _stretch(batches, mature, one_run=timed)
        requests.append(_request(solution, chosen, [*LABEL_ASSETS, *(JUDGED_ASSETS if live else ())], "labels", seen))
        seen.labelled = chosen[-1]
    skip = None if requests else _nothing(batches, loaded, seen)
    dynamic = (
        [partitions_def.build_add_request(added)]
        if added and isinstance(partitions_def := partitions(solution), dg.DynamicPartitionsDefinition)
        else []
    )
    return dg.SensorResult(
        run_requests=requests or None, skip_reason=skip, cursor=seen.write(), dynamic_partitions_requests=dynamic
    )


def _now(solution: Solution) -> datetime:
    arrival = solution.data_pipeline.arrival
    assert arrival is not None
    return arrival.now()


def due_batches(solution: Solution, instance: dg.DagsterInstance, now: datetime) -> tuple[list[str], list[str]]:
    """Batches to add as partitions (new files), and every batch whose window has closed, oldest first."""
    batches = partitions(solution)
    if isinstance(batches, dg.DynamicPartitionsDefinition):
        source = solution.data_pipeline.source
        known = list(instance.get_dynamic_partitions(str(batches.name)))
        files = list(source.files()) if isinstance(source, FilesSource) else []
        return [f for f in files if f not in known], sorted({*known, *files})
    assert batches is not None
    return [], list(batches.get_partition_keys(current_time=now.replace(tzinfo=UTC)))


def _mature(solution: Solution, batch: str, now: datetime) -> bool:
    end = solution.data_pipeline.batch(batch).end
    return end is None or end + solution.business_case.target.delay_or_zero <= now


def _stretch(all_batches: Sequence[str], fresh: Sequence[str], *, one_run: bool) -> list[str]:
    """The oldest unbroken stretch: a run covers a range, and ranges have no holes; files go one by one."""
    wanted = set(fresh)
    start = all_batches.index(fresh[0])
    most = MOST_BATCHES if one_run else 1
    out: list[str] = []
    for batch in all_batches[start : start + most]:
        if batch not in wanted:
            break
        out.append(batch)
    return out


def _request(solution: Solution, batches: Sequence[str], assets: Sequence[str], part: str, seen: Seen) -> dg.RunRequest:
    tags = {
        SOLUTION_TAG: solution.name,
        TRIGGER_TAG: "arrival",
        "ml/part": part,
        "ml/batches": f"{batches[0]} … {batches[-1]}",
    }
    many = len(batches) > 1
    if many:
        tags |= {RANGE_START: batches[0], RANGE_END: batches[-1]}
    attempt = sum(seen.tries.get(b, 0) for b in batches)
    return dg.RunRequest(
        run_key=f"{part}:{batches[0]}:{batches[-1] if many else batches[0]}:{attempt}",
        partition_key=None if many else batches[0],
        asset_selection=[key(solution, a) for a in assets],
        tags=tags,
    )


def _count_failures(solution: Solution, instance: dg.DagsterInstance, seen: Seen) -> None:
    """A failed arrival may be asked for again, a bounded number of times."""
    for run in failed_runs(instance, {SOLUTION_TAG: solution.name, TRIGGER_TAG: "arrival"}, limit=5):
        if run.run_id in seen.failures:
            continue
        seen.failures.append(run.run_id)
        first = run.tags.get("ml/batches", "").split(" … ")[0]
        seen.tries[first] = seen.tries.get(first, 0) + 1
        if run.tags.get("ml/part") == "labels" and seen.tries[first] < MOST_TRIES and first <= seen.labelled:
            seen.labelled = _before(first)


def _before(batch: str) -> str:
    """A key that sorts just before a batch, so that the batch itself is next."""
    return batch[:-1] + chr(ord(batch[-1]) - 1)


def _nothing(batches: Sequence[str], loaded: "set[str]", seen: Seen) -> str:
    if not batches:
        return "no batch is due yet"
    missing = [b for b in batches if b not in loaded]
    if missing:
        return f"{len(missing)} batches failed {MOST_TRIES} times and wait for a person: {', '.join(missing[:5])}"
    return f"all {len(batches)} batches due are loaded; labels asked for up to {seen.labelled or 'none yet'}"

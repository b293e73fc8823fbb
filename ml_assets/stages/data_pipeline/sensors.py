"""The arrival sensor: requests the stages of a batch when it is due, and those of its labels when they have matured."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from ml_assets.automation import evaluations, failed_runs, latest_numbers, runs_in_progress
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
    """What the sensor remembers: the newest batch whose mature labels were asked for, batches that stopped at a blocking
    check (asking again would not change them), failures it has counted, and batches whose run failed part of the way."""

    labelled: str = ""
    tries: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, cursor: str | None) -> "Seen":
        """From the sensor's cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def write(self) -> str:
        """To the sensor's cursor."""
        facts = {
            "labelled": self.labelled,
            "tries": self.tries,
            "failures": self.failures[-20:],
            "stopped": self.stopped,
            "again": self.again,
        }
        return json.dumps(facts)


def build_sensors(solution: Solution) -> list[dg.SensorDefinition]:
    """Streams get an arrival sensor; a single table is materialized by hand, by schedule or by the retraining sensor."""
    arrival = solution.data_pipeline.arrival
    if arrival is None:
        return []
    everything = [key(solution, a) for a in (*ROW_ASSETS, *LIVE_ASSETS, *LABEL_ASSETS, *JUDGED_ASSETS)]

    @dg.sensor(
        name=f"{solution.name}_arrival",
        asset_selection=dg.AssetSelection.assets(*everything),
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
    now = _now(solution)
    added, batches = due_batches(solution, instance, now)
    _count_failures(solution, instance, seen, batches)
    _note_stopped(solution, instance, seen)
    made = instance.get_materialized_partitions(key(solution, "features"))
    loaded = made | set(seen.stopped)
    fresh = [b for b in batches if _is_fresh(b, made, seen)]
    labelled = instance.get_materialized_partitions(key(solution, "labels"))
    mature = [
        b for b in batches if b in made and _mature(solution, b, now) and _awaits_labels(solution, b, labelled, seen)
    ]
    live = bool(latest_numbers(instance, key(solution, "champion"), ["live_version"]).get("live_version"))
    requests = []
    if fresh:
        chosen = _stretch(solution, batches, fresh, seen.tries.get(fresh[0], 0))
        seen.again = [b for b in seen.again if b not in chosen]
        requests.append(_request(solution, chosen, [*ROW_ASSETS, *(LIVE_ASSETS if live else ())], "rows", seen))
    if mature:
        chosen = _stretch(solution, batches, mature, seen.tries.get(_label_mark(mature[0]), 0))
        requests.append(_request(solution, chosen, [*LABEL_ASSETS, *(JUDGED_ASSETS if live else ())], "labels", seen))
        seen.labelled = max(seen.labelled, chosen[-1])
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


def _is_fresh(batch: str, made: "set[str]", seen: Seen) -> bool:
    """Whether a batch is to be loaded: not there yet, or its run failed part of the way; nothing a person must look at."""
    waits = batch not in made or batch in seen.again
    return waits and batch not in seen.stopped and seen.tries.get(batch, 0) < MOST_TRIES


def _awaits_labels(solution: Solution, batch: str, labelled: "set[str]", seen: Seen) -> bool:
    """Whether mature labels are to be read: the batch is newer than the last that was asked for, or was loaded late."""
    if seen.tries.get(_label_mark(batch), 0) >= MOST_TRIES:
        return False
    return batch not in labelled or (solution.data_pipeline.period is not None and batch > seen.labelled)


def _label_mark(batch: str) -> str:
    return f"labels:{batch}"


def _stretch(solution: Solution, all_batches: Sequence[str], wanted: Sequence[str], tries: int) -> list[str]:
    """The oldest unbroken stretch: a run covers a range, and ranges have no holes.

    Files go one by one, and so does a batch whose last run failed: it must not take others down with it.
    """
    start = all_batches.index(wanted[0])
    most = 1 if tries or solution.data_pipeline.period is None else MOST_BATCHES
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
    attempt = sum(seen.tries.get(b if part == "rows" else _label_mark(b), 0) for b in batches)
    return dg.RunRequest(
        run_key=f"{part}:{batches[0]}:{batches[-1] if many else batches[0]}:{attempt}",
        partition_key=None if many else batches[0],
        asset_selection=[key(solution, a) for a in assets],
        tags=tags,
    )


def _note_stopped(solution: Solution, instance: dg.DagsterInstance, seen: Seen) -> None:
    """Batches that are empty or broke their contract are dealt with: a person may materialize them again."""
    for asset, check in (("raw_data", "not_empty"), ("valid_data", "contract")):
        for e in evaluations(instance, dg.AssetCheckKey(key(solution, asset), check), limit=30):
            if not e.passed and e.batch not in seen.stopped:
                seen.stopped.append(e.batch)


def _count_failures(solution: Solution, instance: dg.DagsterInstance, seen: Seen, batches: Sequence[str]) -> None:
    """A failed arrival may be asked for again, a bounded number of times."""
    for run in failed_runs(instance, {SOLUTION_TAG: solution.name, TRIGGER_TAG: "arrival"}, limit=5):
        if run.run_id in seen.failures:
            continue
        seen.failures.append(run.run_id)
        first, _, last = run.tags.get("ml/batches", "").partition(" … ")
        if run.tags.get("ml/part") == "labels":
            seen.tries[_label_mark(first)] = seen.tries.get(_label_mark(first), 0) + 1
            seen.labelled = min(seen.labelled, _before(first)) if first else seen.labelled
        else:
            seen.tries[first] = seen.tries.get(first, 0) + 1
            seen.again += [b for b in batches if first <= b <= last and b not in seen.again]


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

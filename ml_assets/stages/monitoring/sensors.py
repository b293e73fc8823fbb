"""The notifier: failed checks, crashed checks, failed runs and refused releases, each told once."""

import json
from dataclasses import dataclass

import dagster as dg

from ml_assets.automation import crashed_checks, evaluations, failed_runs, latest_numbers
from ml_assets.declaration import Solution
from ml_assets.graph import SOLUTION_TAG, key
from ml_assets.resources import Alerts

WATCHED: tuple[tuple[str, str], ...] = (
    ("raw_data", "not_empty"),
    ("raw_data", "data_time_freshness"),
    ("valid_data", "contract"),
    ("drift_report", "drift"),
    ("drift_report", "freshness"),
    ("performance_report", "performance"),
    ("fairness_report", "fairness"),
    ("champion", "released_model_intact"),
)
NEWEST = 5


@dataclass(frozen=True)
class Alarm:
    """One thing to tell."""

    mark: str
    title: str
    body: str


def build_sensors(solution: Solution) -> list[dg.SensorDefinition]:
    """The notifier of one solution."""

    @dg.sensor(
        name=f"{solution.name}_alerts",
        minimum_interval_seconds=max(30, int(solution.retraining.poll.total_seconds())),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells failed and crashed checks, failed runs and refused releases, each once: in the log, and to every address in ML_ASSETS_ALERTS.",
    )
    def alerts_sensor(context: dg.SensorEvaluationContext, alerts: dg.ResourceParam[Alerts]) -> dg.SkipReason:
        told: list[str] = json.loads(context.cursor) if context.cursor else []
        fresh = [a for a in alarms(solution, context.instance) if a.mark not in told]
        for alarm in fresh:
            context.log.warning(f"{alarm.title}: {alarm.body}")
            alerts.send(alarm.title, alarm.body)
            told.append(alarm.mark)
        context.update_cursor(json.dumps(told[-300:]))
        return dg.SkipReason("; ".join(f"{a.title}: {a.body}" for a in fresh)[:900] if fresh else "nothing new to tell")

    return [alerts_sensor]


def alarms(solution: Solution, instance: dg.DagsterInstance) -> list[Alarm]:
    """Everything there is to tell now, whether or not it was told before."""
    found = []
    for asset, check in WATCHED:
        check_key = dg.AssetCheckKey(key(solution, asset), check)
        for e in evaluations(instance, check_key, limit=NEWEST):
            if not e.passed and e.act:
                found.append(
                    Alarm(
                        f"check:{e.record}",
                        f"{solution.name}: {check} failed" + (f" for {e.batch}" if e.batch else ""),
                        e.sentence,
                    )
                )
        for record, run_id in crashed_checks(instance, check_key, limit=NEWEST):
            found.append(
                Alarm(
                    f"crash:{record}",
                    f"{solution.name}: check {check} crashed",
                    f"it gave no verdict in run {run_id}; nothing is known of that batch",
                )
            )
    for run in failed_runs(instance, {SOLUTION_TAG: solution.name}, limit=NEWEST):
        found.append(
            Alarm(
                f"run:{run.run_id}",
                f"{solution.name}: a run failed",
                f"run {run.run_id} ({run.tags.get('ml/reason') or run.tags.get('ml/batches', 'by hand')})",
            )
        )
    decision = latest_numbers(instance, key(solution, "champion"), ["decision", "why", "live_version"])
    if decision and decision["decision"] != "released":
        event = instance.get_latest_materialization_event(key(solution, "champion"))
        found.append(
            Alarm(
                f"release:{event.timestamp if event else ''}",  # the same words about another training are news
                f"{solution.name}: release {decision['decision']}",
                str(decision["why"]),
            )
        )
    return found

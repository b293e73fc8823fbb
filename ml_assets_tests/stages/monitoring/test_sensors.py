"""The notifier: each alarm told once."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from ml_assets.resources import Alerts
from ml_assets.stages.monitoring.sensors import alarms, build_sensors
from ml_assets_tests.stages.declarations import STREAM, declared
from ml_assets_tests.stages.lab import NEXT, Lab
from ml_assets_tests.stages.recorded import evaluated, materialized, ran

S = declared(STREAM)


HEARD: list[str] = []


class Heard(Alerts):
    """Alerts that keep what they were told."""

    def send(self, title: str, body: str) -> int:
        assert body
        HEARD.append(title)
        return 1


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def _tell(instance: dg.DagsterInstance, cursor: str | None = None) -> tuple[list[str], str, str]:
    """Titles that were sent, the reason that is shown, and the cursor."""
    HEARD.clear()
    (sensor,) = build_sensors(S)
    context: Any = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"alerts": Heard()})
    found = sensor(context)
    assert isinstance(found, dg.SkipReason)
    return list(HEARD), str(found.skip_message), context.cursor


def test_quiet_when_nothing_happened(instance: dg.DagsterInstance) -> None:
    evaluated(instance, S, "drift_report", "drift", NEXT, passed=True)
    assert _tell(instance)[:2] == ([], "nothing new to tell")


@pytest.mark.parametrize(
    ("asset", "check"),
    [("raw_data", "not_empty"), ("valid_data", "contract"), ("drift_report", "drift"), ("performance_report", "performance"),
     ("fairness_report", "fairness"), ("champion", "released_model_intact")],
)  # fmt: skip
def test_a_failed_check_is_told_once_with_its_sentence(instance: dg.DagsterInstance, asset: str, check: str) -> None:
    evaluated(instance, S, asset, check, NEXT, passed=False, sentence="by a mile")
    told, shown, cursor = _tell(instance)
    assert told == [f"stream: {check} failed for {NEXT}"]
    assert "by a mile" in shown
    assert _tell(instance, cursor)[0] == []


def test_a_warning_is_not_an_alarm(instance: dg.DagsterInstance) -> None:
    evaluated(instance, S, "drift_report", "drift", NEXT, passed=False, severity=dg.AssetCheckSeverity.WARN)
    assert alarms(S, instance) == []


def test_a_failed_run_is_told_once_with_its_reason(instance: dg.DagsterInstance) -> None:
    run = ran(instance, S, "retraining", dg.DagsterRunStatus.FAILURE, tags={"ml/reason": "drift of income"})
    (alarm,) = alarms(S, instance)
    assert run.run_id in alarm.body
    assert "drift of income" in alarm.body
    _, _, cursor = _tell(instance)
    assert _tell(instance, cursor)[0] == []


def test_a_run_of_another_solution_is_not_ours(instance: dg.DagsterInstance) -> None:
    create_run_for_test(instance, job_name="made", status=dg.DagsterRunStatus.FAILURE, tags={"ml/solution": "other"})
    assert alarms(S, instance) == []


def test_a_refused_release_is_told_once_and_a_second_one_again(instance: dg.DagsterInstance) -> None:
    materialized(instance, S, "champion", decision="refused", why="refused by 1 gate: recall", live_version=1)
    told, shown, cursor = _tell(instance)
    assert told == ["stream: release refused"]
    assert "recall" in shown
    assert _tell(instance, cursor)[0] == []
    materialized(instance, S, "champion", decision="refused", why="refused by 1 gate: roc_auc", live_version=1)
    assert _tell(instance, cursor)[0] == ["stream: release refused"]
    materialized(instance, S, "champion", decision="released", why="every gate passed", live_version=2)
    assert _tell(instance, cursor)[0] == []


def test_the_same_refusal_of_another_training_is_news(instance: dg.DagsterInstance) -> None:
    facts = {"decision": "refused", "why": "refused by 1 gate: recall", "live_version": 1}
    materialized(instance, S, "champion", **facts)
    _, _, cursor = _tell(instance)
    materialized(instance, S, "champion", **facts)
    assert _tell(instance, cursor)[0] == ["stream: release refused"]


def test_a_real_blocked_batch_is_told(fork: Lab) -> None:
    before = {a.mark for a in alarms(fork.solution, fork.instance)}
    assert before == set()
    fork.plant(rows={NEXT: "words"})
    fork.run("raw_data", "valid_data", "quarantined_data", "features", batches=[NEXT])
    told = alarms(fork.solution, fork.instance)
    assert {a.title for a in told} == {f"stream: contract failed for {NEXT}", "stream: a run failed"}


def test_a_check_that_crashed_is_told_once(fork: Lab) -> None:
    """The facts a check reads are gone: it gives no verdict, and that is news too."""
    fork.store.path("drift_report", "2026-01-15", ".json").unlink()
    wanted = dg.AssetCheckKey(fork.key("drift_report"), "drift")
    job = fork.defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={wanted}
    )
    result = job.execute_in_process(instance=fork.instance, partition_key="2026-01-15", raise_on_error=False)
    assert not result.success
    (alarm,) = alarms(fork.solution, fork.instance)
    assert alarm.title == "stream: check drift crashed"
    assert result.run_id in alarm.body
    told, _, cursor = _tell(fork.instance)
    assert told == ["stream: check drift crashed"]
    assert _tell(fork.instance, cursor)[0] == []

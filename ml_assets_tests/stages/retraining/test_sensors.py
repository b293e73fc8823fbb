"""The retraining sensor: what asks for a training, what holds it back, and that it says why every time."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from ml_assets.declaration import Solution
from ml_assets.graph import EVIDENCE_TAG, REASON_TAG, TRIGGER_TAG, key
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS
from ml_assets.stages.retraining.sensors import TRAINING_ASSETS, build_sensors, look
from ml_assets_tests.stages import world
from ml_assets_tests.stages.declarations import STREAM, TABLE, declared
from ml_assets_tests.stages.lab import NEXT, SERVED, Lab, days
from ml_assets_tests.stages.recorded import evaluated, materialized, ran

S = declared(STREAM)
AGED = declared(STREAM, retraining={"on": ["drift", "age"]})
CHECKS = {"drift": "drift_report", "performance": "performance_report", "fairness": "fairness_report", "freshness": "drift_report"}  # fmt: skip


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A served solution: a champion, trained up to the 13th; labels up to the 15th."""
    world.plan(tmp_path / "world.json", now=SERVED)
    with dg.DagsterInstance.ephemeral() as made:
        materialized(made, S, "champion", live_version=1, decision="released", why="every gate passed")
        materialized(made, S, "training_set", last_batch="2026-01-13")
        materialized(made, S, "labels", *days(1, 15))
        materialized(made, S, "policy_backtest", renewal="no age asks for a retraining")
        yield made


def _fails(instance: dg.DagsterInstance, check: str, *batches: str, solution: Solution = S) -> None:
    for batch in batches:
        evaluated(instance, solution, CHECKS[check], check, batch, passed=False, sentence=f"{check} is bad on {batch}")


def _holds(instance: dg.DagsterInstance, check: str, *batches: str) -> None:
    for batch in batches:
        evaluated(instance, S, CHECKS[check], check, batch, passed=True)


def _one(found: dg.SensorResult) -> dg.RunRequest:
    assert found.skip_reason is None, found.skip_reason
    (request,) = found.run_requests or ()
    return request


def _skips(found: dg.SensorResult) -> str:
    assert not found.run_requests
    assert isinstance(found.skip_reason, dg.SkipReason)
    return str(found.skip_reason.skip_message)


def _later(**delta: float) -> None:
    now = datetime.fromisoformat(SERVED) + timedelta(**delta)
    world.plan(Path(os.environ[world.VARIABLE]), now=now.isoformat())


def test_nothing_failing_is_nothing_to_do(instance: dg.DagsterInstance) -> None:
    _holds(instance, "drift", *days(14, 15))
    assert _skips(look(S, instance, None)) == "all watched checks pass"


@pytest.mark.parametrize("check", ["drift", "performance"])
def test_a_check_that_persists_asks_for_exactly_one_training(instance: dg.DagsterInstance, check: str) -> None:
    _fails(instance, check, *days(14, 15))
    found = look(S, instance, None)
    request = _one(found)
    assert {k.path[-1] for k in request.asset_selection or ()} == set(TRAINING_ASSETS)
    assert request.tags[TRIGGER_TAG] == "retraining"
    assert f"{check} is bad on 2026-01-15" in request.tags[REASON_TAG]
    assert [k for k, _ in json.loads(request.tags[EVIDENCE_TAG])] == [f"{check}:{check}"] * 2
    _later(days=30)
    assert "already handled" in _skips(look(S, instance, found.cursor))


def test_freshness_asks_at_the_first_failure(instance: dg.DagsterInstance) -> None:
    _fails(instance, "freshness", "2026-01-15")
    assert "freshness is bad" in _one(look(S, instance, None)).tags[REASON_TAG]


def test_a_champion_whose_freshness_policy_fails_asks_once(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(
        FreshnessStateChange(
            key=key(S, "champion"),
            previous_state=FreshnessState.PASS,
            new_state=FreshnessState.FAIL,
            state_change_timestamp=datetime.fromisoformat(SERVED).timestamp(),
        )
    )
    found = look(S, instance, None)
    assert "longer ago than its freshness policy allows" in _one(found).tags[REASON_TAG]
    _later(days=30)
    assert "already handled" in _skips(look(S, instance, found.cursor))


def test_fairness_asks_only_when_it_is_declared(instance: dg.DagsterInstance) -> None:
    _fails(instance, "fairness", *days(14, 15))
    assert _skips(look(S, instance, None)) == "all watched checks pass"
    fair = declared(STREAM, retraining={"on": ["fairness"]})
    assert "fairness is bad" in _one(look(fair, instance, None)).tags[REASON_TAG]


def test_k_of_n(instance: dg.DagsterInstance) -> None:
    _fails(instance, "drift", "2026-01-12")
    _holds(instance, "drift", "2026-01-13", "2026-01-14")
    _fails(instance, "drift", "2026-01-15")
    assert "not persistent yet: 1 of the 2 failures in 3 batches" in _skips(look(S, instance, None))
    _fails(instance, "drift", NEXT)
    assert _one(look(S, instance, None))


def test_a_warning_is_no_evidence(instance: dg.DagsterInstance) -> None:
    for batch in days(13, 15):
        evaluated(instance, S, "performance_report", "performance", batch, passed=False, severity=dg.AssetCheckSeverity.WARN)  # fmt: skip
    assert _skips(look(S, instance, None)) == "all watched checks pass"


def test_new_evidence_waits_for_the_cool_down_and_says_how_long(instance: dg.DagsterInstance) -> None:
    _fails(instance, "drift", *days(13, 14))
    found = look(S, instance, None)
    _one(found)
    _fails(instance, "drift", "2026-01-15", NEXT)
    _later(hours=6)
    waiting = look(S, instance, found.cursor)
    assert "cool-down: 64,800 s left" in _skips(waiting)
    assert "drift is bad" in _skips(waiting)
    _later(hours=25)
    assert _one(look(S, instance, waiting.cursor)).run_key != _one(found).run_key


def test_never_two_at_once(instance: dg.DagsterInstance) -> None:
    _fails(instance, "drift", *days(14, 15))
    run = ran(instance, S, "retraining", dg.DagsterRunStatus.STARTED)
    assert run.run_id in _skips(look(S, instance, None))


@pytest.mark.parametrize(("asset", "check"), [("valid_data", "contract"), ("raw_data", "not_empty")])
def test_broken_data_never_retrains_and_a_good_batch_after_it_does(
    instance: dg.DagsterInstance, asset: str, check: str
) -> None:
    _fails(instance, "drift", *days(14, 15))
    evaluated(instance, S, asset, check, NEXT, passed=False, sentence="half of the rows are broken")
    reason = _skips(look(S, instance, None))
    assert f"broken data never retrains: batch {NEXT}: half of the rows are broken" in reason
    evaluated(instance, S, asset, check, "2026-01-17", passed=True)
    assert _one(look(S, instance, None))


def test_evidence_on_a_broken_batch_does_not_count(instance: dg.DagsterInstance) -> None:
    _fails(instance, "drift", *days(14, 15))
    evaluated(instance, S, "valid_data", "contract", "2026-01-15", passed=False)
    evaluated(instance, S, "valid_data", "contract", NEXT, passed=True)
    assert "not persistent yet" in _skips(look(S, instance, None))


def test_evidence_on_a_batch_that_was_repaired_counts_again(instance: dg.DagsterInstance) -> None:
    evaluated(instance, S, "valid_data", "contract", "2026-01-15", passed=False)
    evaluated(instance, S, "valid_data", "contract", "2026-01-15", passed=True)
    _fails(instance, "drift", *days(14, 15))
    assert _one(look(S, instance, None))


def test_nothing_new_to_learn_from(instance: dg.DagsterInstance) -> None:
    materialized(instance, S, "training_set", last_batch="2026-01-15")
    _fails(instance, "drift", *days(14, 15))
    assert "the newest labelled batch, 2026-01-15, was in the last training" in _skips(look(S, instance, None))


def test_a_failed_training_is_asked_for_again_a_bounded_number_of_times(instance: dg.DagsterInstance) -> None:
    _fails(instance, "drift", *days(14, 15))
    cursor: str | None = None
    keys = []
    for attempt in range(6):
        _later(days=2 * attempt)
        found = look(S, instance, cursor)
        cursor = found.cursor
        if not found.run_requests:
            break
        request = _one(found)
        keys.append(request.run_key)
        ran(instance, S, "retraining", dg.DagsterRunStatus.FAILURE, tags=dict(request.tags))
    assert len(keys) == len(set(keys)) == 3
    assert "already handled" in _skips(look(S, instance, cursor))


def test_the_budget_holds(instance: dg.DagsterInstance) -> None:
    tight = declared(STREAM, retraining={"at_most": "1 per month", "k_of_n": [1, 1]})
    _fails(instance, "drift", "2026-01-14", solution=tight)
    found = look(tight, instance, None)
    _one(found)
    _fails(instance, "drift", "2026-01-15", solution=tight)
    _later(days=3)
    assert "budget used up: 1 of 1" in _skips(look(tight, instance, found.cursor))


def test_it_survives_a_restart(instance: dg.DagsterInstance) -> None:
    """The cursor is all it remembers; another process with the same cursor says the same, and without it asks again."""
    _fails(instance, "drift", *days(14, 15))
    first = look(S, instance, None)
    request = _one(first)
    state = json.loads(first.cursor or "")
    assert state["requests"] == [datetime.fromisoformat(SERVED + "+00:00").timestamp()]
    (sensor,) = build_sensors(S)
    context = dg.build_sensor_context(instance=instance, cursor=first.cursor)
    again = sensor(context)
    assert isinstance(again, dg.SensorResult)
    assert "already handled" in _skips(again)
    assert json.loads(again.cursor or "") == state
    assert _one(look(S, instance, None)).run_key == request.run_key


def test_the_real_sensor_asks_for_the_same(instance: dg.DagsterInstance) -> None:
    _fails(instance, "performance", *days(14, 15))
    (sensor,) = build_sensors(S)
    found = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(found, dg.SensorResult)
    assert _one(found).run_key == _one(look(S, instance, None)).run_key
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


class TestFirstModel:
    """Before anything is live."""

    @pytest.fixture
    def instance(self, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
        world.plan(tmp_path / "world.json", now=SERVED)
        with dg.DagsterInstance.ephemeral() as made:
            yield made

    def test_waits_for_enough_labelled_batches(self, instance: dg.DagsterInstance) -> None:
        materialized(instance, S, "labels", *days(1, 4))
        assert "4 labelled batches, 5 are needed" in _skips(look(S, instance, None))
        materialized(instance, S, "labels", *days(5, 5))
        found = look(S, instance, None)
        assert _one(found).tags[REASON_TAG] == "first model: 5 labelled batches, none is live"
        assert "cool-down" in _skips(look(S, instance, found.cursor))

    def test_never_two_at_once(self, instance: dg.DagsterInstance) -> None:
        materialized(instance, S, "labels", *days(1, 6))
        run = ran(instance, S, "retraining", dg.DagsterRunStatus.STARTING)
        assert run.run_id in _skips(look(S, instance, None))

    def test_after_a_refusal_waits_for_more_to_learn_from(self, instance: dg.DagsterInstance) -> None:
        materialized(instance, S, "labels", *days(1, 6))
        materialized(instance, S, "champion", live_version=0, decision="refused", why="no gate passed")
        materialized(instance, S, "training_set", last_batch="2026-01-06")
        assert "nothing new to learn from" in _skips(look(S, instance, None))
        materialized(instance, S, "labels", *days(7, 7))
        assert _one(look(S, instance, None))

    def test_a_table_waits_for_a_person(self, instance: dg.DagsterInstance) -> None:
        assert "a single table" in _skips(look(declared(TABLE), instance, None))


@pytest.mark.slow
def test_drift_in_the_data_becomes_a_decision_with_its_reason(fork: Lab) -> None:
    """The whole loop on real runs: two drifted days, one request, one decision, and quiet after it."""
    lab = fork.but(deployment={"non_inferiority": 5.0})
    lab.plan(now="2026-01-19T06:00:00", rows=dict.fromkeys(days(16, 17), "drift"))
    lab.ok(*ROW_ASSETS, batches=days(16, 17))
    lab.ok(*LIVE_ASSETS, batches=days(16, 17))
    found = look(lab.solution, lab.instance, None)
    request = _one(found)
    result = lab.serve(request)
    assert result.success
    log = lab.store.read_facts("retraining_log")["rows"]
    assert [r["trigger"] for r in log] == ["by hand", "retraining"]
    assert log[-1]["reason"] == request.tags[REASON_TAG]
    assert log[-1]["reason"].startswith("drift (2 batches, last 2026-01-17): drift that matters")
    assert lab.verdict("retraining_log", "every_retraining_explained").passed
    quiet = look(lab.solution, lab.instance, found.cursor)
    assert "all watched checks pass" in _skips(quiet)  # what drifted spoke about the model that has been replaced


@pytest.mark.slow
def test_age_that_was_measured_to_cost_asks_for_a_training_and_is_counted_anew(fork: Lab) -> None:
    """On real runs: from the 7th on labels are the other way round, so that a model of four blocks (8 days) loses beyond chance."""
    lab = fork.but(retraining={"on": ["age"], "cost": 100.0}, deployment={"non_inferiority": 5.0})
    lab.plan(now="2026-01-26T06:00:00", labels=dict.fromkeys(days(7, 23), "inverted"))
    lab.ok("labels", batches=days(7, 15))
    lab.ok("training_set", "policy_backtest")
    after = lab.metadata("policy_backtest")["renew_after_batches"]
    last = lab.metadata("training_set")["last_batch"]
    assert (after, last) == (8, "2026-01-15")
    lab.ok(*ROW_ASSETS, batches=days(16, 22))
    lab.ok(*LIVE_ASSETS, batches=days(16, 22))
    assert "all watched checks pass" in _skips(look(lab.solution, lab.instance, None))
    lab.ok(*ROW_ASSETS, batches=days(23, 23))
    lab.ok(*LIVE_ASSETS, batches=days(23, 23))
    found = look(lab.solution, lab.instance, None)
    request = _one(found)
    assert "8 labelled batches since the last training, 8 are worth another" in request.tags[REASON_TAG]
    assert lab.serve(request).success
    log = lab.store.read_facts("retraining_log")["rows"]
    assert log[-1]["reason"] == request.tags[REASON_TAG]
    again = look(lab.solution, lab.instance, found.cursor)
    assert [k.path[-1] for k in _one(again).asset_selection or ()] == [
        "policy_backtest"
    ]  # what age costs, measured anew


def _aged(instance: dg.DagsterInstance, after: int) -> None:
    sentence = f"a model should be replaced after {after} blocks"
    materialized(instance, S, "policy_backtest", renewal=sentence, renew_after_batches=after)


def test_an_age_that_is_worth_a_retraining_asks_once_with_its_figures(instance: dg.DagsterInstance) -> None:
    """Labels reach to the 15th, the last training to the 13th."""
    _aged(instance, 3)
    assert _skips(look(AGED, instance, None)) == "all watched checks pass"
    _aged(instance, 2)
    found = look(AGED, instance, None)
    reason = _one(found).tags[REASON_TAG]
    assert (
        "2 labelled batches since the last training, 2 are worth another: a model should be replaced after 2" in reason
    )
    assert reason.startswith("age policy_backtest (batch 2026-01-15)")
    _later(days=30)
    assert "already handled" in _skips(look(AGED, instance, found.cursor))
    materialized(instance, S, "training_set", last_batch="2026-01-15")
    assert _skips(look(AGED, instance, found.cursor)) == "all watched checks pass"


def test_age_is_held_back_as_every_other_reason_is(instance: dg.DagsterInstance) -> None:
    _aged(instance, 2)
    assert _skips(look(S, instance, None)) == "all watched checks pass"
    found = look(AGED, instance, None)
    materialized(instance, S, "training_set", last_batch="2026-01-13")
    materialized(instance, S, "labels", "2026-01-16")
    assert "cool-down" in _skips(look(AGED, instance, found.cursor))
    evaluated(instance, S, "valid_data", "contract", "2026-01-15", passed=False, sentence="40 of 300 rows broke it")
    assert "broken data never retrains" in _skips(look(AGED, instance, None))


def test_what_age_costs_is_measured_anew_after_a_release_decision_and_once(instance: dg.DagsterInstance) -> None:
    assert _skips(look(AGED, instance, None)) == "all watched checks pass"
    materialized(instance, S, "champion", live_version=2, decision="released", why="every gate passed")
    request = _one(look(AGED, instance, None))
    assert [k.path[-1] for k in request.asset_selection or ()] == ["policy_backtest"]
    assert request.tags[TRIGGER_TAG] == "replay"
    assert _one(look(AGED, instance, None)).run_key == request.run_key
    assert _skips(look(S, instance, None)) == "all watched checks pass"
    _fails(instance, "drift", *days(14, 15))
    assert _one(look(AGED, instance, None)).tags[TRIGGER_TAG] == "retraining"  # evidence goes first
    materialized(instance, S, "policy_backtest", renewal="no age asks for a retraining")
    _holds(instance, "drift", *days(14, 15))
    assert _skips(look(AGED, instance, None)) == "all watched checks pass"

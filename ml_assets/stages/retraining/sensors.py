"""The retraining sensor: reads recorded evaluations and freshness states, applies the declared policy, requests or says why not."""

import json
from datetime import UTC, datetime

import dagster as dg

from ml_assets.automation import Evaluation, evaluations, failed_runs, latest_numbers, runs_in_progress, stale_since
from ml_assets.declaration import Solution
from ml_assets.graph import EVIDENCE_TAG, REASON_TAG, SOLUTION_TAG, TRIGGER_TAG, key
from ml_assets.stages.retraining.assets import RENEW_AFTER
from ml_assets.statistics.policy import Decision, Evidence, Kind, PolicyState, RetrainingRule, decide, reopen

TRAINING_ASSETS = (
    "business_case",
    "column_screening",
    "selected_columns",
    "training_set",
    "baseline_value",
    "success_criteria",
    "data_bias_report",
    "bias_remediation_plan",
    "sample_weights",
    "baselines",
    "candidates",
    "model",
    "mitigation",
    "evaluation",
    "explanation",
    "model_bias_report",
    "champion",
    "retraining_log",
)
WATCHED: tuple[tuple[Kind, str, str], ...] = (
    ("drift", "drift_report", "drift"),
    ("performance", "performance_report", "performance"),
    ("fairness", "fairness_report", "fairness"),
    ("freshness", "drift_report", "freshness"),
)
REPLAY = "replay"
"""Trigger of the runs that measure anew what age costs, after a release decision."""
FIRST_BATCHES = 5
"""Labelled batches from which a stream's first model is trained: enough to divide by time."""


def build_sensors(solution: Solution) -> list[dg.SensorDefinition]:
    """The sensor of one solution; it runs from the start."""

    @dg.sensor(
        name=f"{solution.name}_retraining",
        asset_selection=dg.AssetSelection.assets(*(key(solution, a) for a in (*TRAINING_ASSETS, "policy_backtest"))),
        minimum_interval_seconds=int(solution.retraining.poll.total_seconds()),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests a training when {' or '.join(solution.retraining.on)} fails {solution.retraining.k_of_n[0]} of {solution.retraining.k_of_n[1]} times; "
        "the same gates as for the first model decide about its release.",
    )
    def retraining_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return look(solution, context.instance, context.cursor)

    return [retraining_sensor]


def rule_of(solution: Solution) -> RetrainingRule:
    """The declared policy as the decision function takes it."""
    policy = solution.retraining
    return RetrainingRule(
        on=policy.on,
        k=policy.k_of_n[0],
        n=policy.k_of_n[1],
        cool_down_seconds=policy.cool_down.total_seconds(),
        at_most=(policy.at_most[0], policy.at_most[1].total_seconds()),
    )


def look(solution: Solution, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """One look: everything is read from what was recorded; nothing is computed from data here."""
    state = PolicyState.from_json(cursor or None)
    tags = {SOLUTION_TAG: solution.name, TRIGGER_TAG: "retraining"}
    for run in reversed(failed_runs(instance, tags, limit=5)):
        state = reopen(state, _marks(run.tags.get(EVIDENCE_TAG, "")), failure=run.run_id)
    busy = runs_in_progress(instance, tags)
    now = _now(solution)
    champion = latest_numbers(instance, key(solution, "champion"), ["live_version"])
    if not champion.get("live_version"):
        return _first_model(solution, instance, state, now, busy, tried=bool(champion))
    broken, left_out = _broken_data(solution, instance), _broken_batches(solution, instance)
    decision = decide(
        _evidence(solution, instance),
        state,
        rule_of(solution),
        now=now,
        in_flight=f"run {busy[0]}" if busy else None,
        broken_data=broken,
        nothing_new=_nothing_new(solution, instance),
        broken_batches=left_out,
    )
    if decision.action == "skip":
        reason = decision.reason if broken is None or broken in decision.reason else f"{broken}; {decision.reason}"
        if left_out and broken is None:
            reason += f"; broken data never retrains: nothing that {', '.join(left_out)} shows is counted"
        if replay := _replay(solution, instance, busy):
            return dg.SensorResult(run_requests=[replay], cursor=decision.state.to_json())
        return dg.SensorResult(skip_reason=reason, cursor=decision.state.to_json())
    return dg.SensorResult(run_requests=[_request(solution, decision)], cursor=decision.state.to_json())


def _now(solution: Solution) -> float:
    arrival = solution.data_pipeline.arrival
    now = arrival.now() if arrival else datetime.now(UTC).replace(tzinfo=None)
    return now.replace(tzinfo=UTC).timestamp()


def _evidence(solution: Solution, instance: dg.DagsterInstance) -> list[Evidence]:
    """What the watched checks said of the newest batches, oldest first; warnings ask for a look, not for a retraining."""
    wanted = 4 * solution.retraining.k_of_n[1]
    live = latest_numbers(instance, key(solution, "champion"), ["live_version"]).get("live_version")
    found: list[tuple[int, Evidence]] = []
    for kind, asset, check in WATCHED:
        if kind in solution.retraining.on:
            for e in evaluations(instance, dg.AssetCheckKey(key(solution, asset), check), limit=wanted):
                if e.version is None or e.version == live:  # what a model did that is no longer live asks for nothing
                    found.append((e.record, _as_evidence(kind, check, e)))
    if "freshness" in solution.retraining.on:
        since = stale_since(instance, key(solution, "champion"))
        if since is not None:
            sentence = "the champion was released longer ago than its freshness policy allows"
            found.append(
                (10**15, Evidence("freshness", "freshness_policy", "", since, passed=False, sentence=sentence))
            )
    if "age" in solution.retraining.on and (old := _age(solution, instance)):
        found.append((10**15, old))
    return [e for _, e in sorted(found, key=lambda item: item[0])]


def _age(solution: Solution, instance: dg.DagsterInstance) -> Evidence | None:
    """That the last training is as old as the back-test found worth another; nothing where it found no such age.

    Age is counted in labelled batches since the newest that the last training saw, released or not: a refused one is
    not asked for again before as many have come. The mark is the number of labelled batches there are.
    """
    recorded = latest_numbers(instance, key(solution, "policy_backtest"), [RENEW_AFTER, "renewal"])
    last = latest_numbers(instance, key(solution, "training_set"), ["last_batch"]).get("last_batch")
    limit = recorded.get(RENEW_AFTER)
    if not isinstance(limit, int | float) or last is None:
        return None
    labelled = instance.get_materialized_partitions(key(solution, "labels"))
    newer = sorted(batch for batch in labelled if batch > str(last))
    if len(newer) < limit:
        return None
    sentence = (
        f"{len(newer)} labelled batches since the last training, {int(limit)} are worth another: {recorded['renewal']}"
    )
    return Evidence("age", "policy_backtest", newer[-1], float(len(labelled)), passed=False, sentence=sentence)


def _replay(solution: Solution, instance: dg.DagsterInstance, busy: list[str]) -> dg.RunRequest | None:
    """The back-test once more where a release decision has come since the last one: the trigger ``age`` reads it."""
    if "age" not in solution.retraining.on or not solution.data_pipeline.is_stream or busy:
        return None
    decided, replayed = (
        instance.get_latest_materialization_event(key(solution, asset)) for asset in ("champion", "policy_backtest")
    )
    if decided is None or (replayed is not None and replayed.timestamp >= decided.timestamp):
        return None
    tags = {SOLUTION_TAG: solution.name, TRIGGER_TAG: REPLAY, REASON_TAG: "what age costs, after a release decision"}
    asset = key(solution, "policy_backtest")
    return dg.RunRequest(run_key=f"{REPLAY}:{decided.timestamp}", asset_selection=[asset], tags=tags)


def _as_evidence(kind: Kind, check: str, e: Evaluation) -> Evidence:
    return Evidence(kind, check, e.batch, float(e.record), e.passed or not e.act, e.sentence)


def _broken_batches(solution: Solution, instance: dg.DagsterInstance) -> list[str]:
    """Batches whose newest judgement says that they broke their contract; a repaired one counts again."""
    contract = evaluations(
        instance, dg.AssetCheckKey(key(solution, "valid_data"), "contract"), limit=4 * solution.retraining.k_of_n[1]
    )
    newest = {e.batch: e for e in reversed(contract)}
    return [batch for batch, e in newest.items() if not e.passed]


def _broken_data(solution: Solution, instance: dg.DagsterInstance) -> str | None:
    """Why the newest rows are not to be trusted: broken data is never a reason to train, nor a thing to train on."""
    for asset, check in (("valid_data", "contract"), ("raw_data", "not_empty")):
        newest = evaluations(instance, dg.AssetCheckKey(key(solution, asset), check), limit=12)
        last = max(newest, key=lambda e: (e.batch, e.record), default=None)
        if last is not None and not last.passed:
            return f"broken data never retrains: batch {last.batch or 'all'}: {last.sentence}"
    return None


def _nothing_new(solution: Solution, instance: dg.DagsterInstance) -> str | None:
    """Whether any labelled batch is newer than the newest the last training saw."""
    if not solution.data_pipeline.is_stream:
        return None
    last = latest_numbers(instance, key(solution, "training_set"), ["last_batch"]).get("last_batch")
    newest = max(instance.get_materialized_partitions(key(solution, "labels")), default=None)
    if last is not None and newest is not None and newest <= str(last):
        return f"nothing new to learn from: the newest labelled batch, {newest}, was in the last training"
    return None


def _request(solution: Solution, decision: Decision) -> dg.RunRequest:
    marks = json.dumps([[k, m] for k, m in decision.marks])
    return _training(
        solution, run_key=f"{len(decision.state.requests)}:{marks}", reason=decision.reason, evidence=marks
    )


def _training(solution: Solution, *, run_key: str, reason: str, evidence: str) -> dg.RunRequest:
    tags = {SOLUTION_TAG: solution.name, TRIGGER_TAG: "retraining", REASON_TAG: reason[:800], EVIDENCE_TAG: evidence}
    return dg.RunRequest(run_key=run_key, asset_selection=[key(solution, a) for a in TRAINING_ASSETS], tags=tags)


def _marks(text: str) -> list[tuple[str, float]]:
    return [(str(k), float(m)) for k, m in json.loads(text)] if text else []


def _first_model(
    solution: Solution, instance: dg.DagsterInstance, state: PolicyState, now: float, busy: list[str], *, tried: bool
) -> dg.SensorResult:
    """Before the first release: train once enough batches are labelled, and after a refusal again when there is more to learn from."""
    labelled = (
        instance.get_materialized_partitions(key(solution, "labels")) if solution.data_pipeline.is_stream else set()
    )
    reason = None
    if busy:
        reason = f"the first training is in flight: run {busy[0]}"
    elif not solution.data_pipeline.is_stream:
        reason = "a single table is trained on when it is materialized; no model is live yet"
    elif len(labelled) < FIRST_BATCHES:
        reason = (
            f"no model is live yet: {len(labelled)} labelled batches, {FIRST_BATCHES} are needed to divide them by time"
        )
    elif tried and (waiting := _nothing_new(solution, instance)):
        reason = f"no model is live yet, and {waiting}"
    elif state.last_request is not None and now - state.last_request < solution.retraining.cool_down.total_seconds():
        reason = "no model is live yet; the cool-down after the last attempt has not passed"
    if reason is not None:
        return dg.SensorResult(skip_reason=reason, cursor=state.to_json())
    from dataclasses import replace

    state = replace(state, last_request=now, requests=(*state.requests, now))
    request = _training(
        solution,
        run_key=f"first:{len(state.requests)}:{max(labelled)}",
        reason=f"first model: {len(labelled)} labelled batches, none is live",
        evidence="[]",
    )
    return dg.SensorResult(run_requests=[request], cursor=state.to_json())

"""Checks of part 9: what the retraining sensor reads. ERROR asks for action, WARN for a look."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import Verdict, counted
from ml_assets.graph import batch_check
from ml_assets.history import is_blocked
from ml_assets.resources import SolutionStore
from ml_assets.stages.monitoring.showing import drift_picture, drift_rows, segment_rows


def build_checks(solution: Solution) -> list[dg.AssetChecksDefinition]:
    """drift, performance, fairness, value, freshness, skew."""
    checks = [
        batch_check(
            solution,
            "drift_report",
            "drift",
            _drift,
            description="What moved carries too little of the model's dependence to matter, and the scores did not move.",
        ),
        batch_check(
            solution,
            "performance_report",
            "performance",
            lambda s, b: _performance(solution, s, b),
            description="The live model holds on matured labels what it showed at its release.",
        ),
        batch_check(
            solution,
            "performance_report",
            "concept",
            lambda s, b: _concept(solution, s, b),
            description="Rows of one score turn out as they did when the model was released.",
        ),
        batch_check(
            solution,
            "value_report",
            "value",
            lambda s, b: _value(solution, s, b),
            description="Decisions earn more than the best constant decision would have.",
        ),
        batch_check(
            solution,
            "predictions",
            "skew",
            _skew,
            description="The features a row was scored with are the features stored for it now.",
        ),
    ]
    if solution.data_bias.protected:
        checks.append(
            batch_check(
                solution,
                "fairness_report",
                "fairness",
                _fairness,
                description="No gap between groups is proven beyond its tolerance in the decisions made.",
            )
        )
    if solution.stale_after is not None and solution.data_pipeline.period is not None:
        checks.append(
            batch_check(
                solution,
                "drift_report",
                "freshness",
                lambda s, b: _freshness(solution, s, b),
                description="Age, in data time, of the newest row the live model learned from.",
            )
        )
    return checks


def _unjudged(facts: dict[str, str]) -> Verdict:
    return Verdict(False, facts["sentence"], act=False)


def _drift(store: SolutionStore, batch: Batch) -> Verdict:
    facts = store.read_facts("drift_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    found = facts["verdict"]
    if not found.get("told", True):  # reports made before it was told have no word on it
        return _unjudged(facts)
    figures = {
        "importance_drifted": found["share"],
        "limit": found["limit"],
        "prediction_effect": found["prediction_effect"],
        "prediction_limit": found["prediction_limit"],
        "rows": found["n"],
        "model_version": facts["version"],
    }
    comparable = facts.get("like", True)  # else what is no drift but a season unseen would call for action
    sentence = facts["sentence"] if comparable else f"{facts['sentence']}; {facts['against']}"
    return Verdict(not found["drifted"], sentence, figures, drift_rows(facts)[:12], drift_picture(facts), comparable)


def _performance(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    from ml_assets.stages.monitoring.judging import performance_verdict

    facts = store.read_facts("performance_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    if facts["rows"] < solution.monitoring.performance.minimum_rows:
        return Verdict(
            False,
            f"{counted(facts['rows'], 'labelled row')}; at least {solution.monitoring.performance.minimum_rows} are needed to judge",
            act=False,
        )
    passed, sentence, figures = performance_verdict(solution, facts)
    rows = [
        {"metric": m["name"], "value": m["value"], "low": m["low"], "high": m["high"], "n": m["n"]}
        for m in facts["metrics"]
    ]
    return Verdict(passed, sentence, figures | {"model_version": facts["version"]}, rows)


def _concept(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    """Asks for a look: what it costs is the business of performance and value."""
    facts = store.read_facts("performance_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    causes = facts.get("causes")
    if causes is None or not causes["judged"]:
        return Verdict(False, causes["sentence"] if causes else "causes were not looked for", act=False)
    concept = causes["concept"]
    figures = {
        "excess": concept["mean_excess"]["value"],
        "low": concept["mean_excess"]["low"],
        "high": concept["mean_excess"]["high"],
        "p_value": concept["p_value"],
        "limit": solution.alarm_error,
        "rows": facts["rows"],
        "model_version": facts["version"],
    }
    return Verdict(not concept["changed"], causes["sentence"], figures, segment_rows(causes), act=False)


def _fairness(store: SolutionStore, batch: Batch) -> Verdict:
    facts = store.read_facts("fairness_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    bad = [d for d in facts["disparities"] if d["verdict"] == "fail"]
    rows = [
        {
            "metric": d["metric"],
            "group": f"{d['attribute']}={d['group']}",
            "value": d["value"]["value"],
            "limit": d["limit"],
            "verdict": d["verdict"],
            "n": d["value"]["n"],
        }
        for d in facts["disparities"]
    ]
    return Verdict(
        not bad,
        "; ".join(d["sentence"] for d in bad[:3]) or facts["sentence"],
        {"proven_gaps": len(bad), "model_version": facts["version"]},
        rows,
    )


def _value(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    from ml_assets.statistics.alarms import worse_than
    from ml_assets.statistics.estimate import Estimate

    facts = store.read_facts("value_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    earned, best = Estimate.from_row(facts["earned"]), facts["best_constant"]
    found = worse_than(earned, best, error=solution.alarm_error)
    sentence = f"{earned.value:.4g} {facts['currency']} per decision [{earned.low:.4g}, {earned.high:.4g}] against {best:.4g} of the best constant decision; n = {earned.n:,}"
    figures = {"earned_per_decision": earned.value, "best_constant": best}
    return Verdict(not found.alarm, "; ".join(filter(None, (sentence, found.words))), figures, act=False)


def _skew(store: SolutionStore, batch: Batch) -> Verdict:
    if is_blocked(store, batch.key):
        return Verdict(False, "not scored: the batch is blocked", act=False)
    log = store.read_frame("predictions", batch.key, ["ml:data_digest"])["ml:data_digest"]
    now = store.read_facts("features", batch.key)["digest"]
    other = int((log != now).sum())
    sentence = (
        f"{other:,} of {len(log):,} rows were scored with features that differ from those stored now"
        if other
        else f"all {len(log):,} rows were scored with the stored features"
    )
    return Verdict(other == 0, sentence, {"rows_scored_with_other_features": other}, act=False)


def _freshness(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    from ml_assets.stages.monitoring.drifting import age_of_learning

    facts = store.read_facts("drift_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    age = age_of_learning(facts)
    limit = solution.stale_after
    assert limit is not None
    if age is None:
        return Verdict(False, "the model's newest training row has no time", act=False)
    sentence = f"version {facts['version']} last learned from a row {age / 86400:.1f} days older than this batch; allowed {limit.total_seconds() / 86400:.1f} days"
    return Verdict(
        age <= limit.total_seconds(),
        sentence,
        {"age_days": age / 86400, "limit_days": limit.total_seconds() / 86400, "model_version": facts["version"]},
    )

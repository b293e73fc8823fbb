"""Checks of part 9: what the retraining sensor reads. ERROR asks for action, WARN for a look."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import Verdict, counted
from ml_assets.graph import batch_check
from ml_assets.history import is_blocked
from ml_assets.resources import SolutionStore
from ml_assets.stages.monitoring.assets import drift_picture, drift_rows


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
            "value_report",
            "value",
            _value,
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
    figures = {
        "importance_drifted": found["share"],
        "limit": found["limit"],
        "prediction_effect": found["prediction_effect"],
        "prediction_limit": found["prediction_limit"],
        "rows": found["n"],
        "model_version": facts["version"],
    }
    return Verdict(not found["drifted"], facts["sentence"], figures, drift_rows(facts)[:12], drift_picture(facts))


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


def _value(store: SolutionStore, batch: Batch) -> Verdict:
    facts = store.read_facts("value_report", batch.key)
    if not facts["judged"]:
        return _unjudged(facts)
    earned, best = facts["earned"], facts["best_constant"]
    sentence = f"{earned['value']:.4g} {facts['currency']} per decision [{earned['low']:.4g}, {earned['high']:.4g}] against {best:.4g} of the best constant decision; n = {earned['n']:,}"
    return Verdict(
        earned["value"] > best, sentence, {"earned_per_decision": earned["value"], "best_constant": best}, act=False
    )


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

"""Assets of part 9, one per question, made per batch."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import bars, numbers, table
from ml_assets.graph import Stage, each_batch
from ml_assets.resources import Registry, Store
from ml_assets.resources.store import Facts

STAGE = "monitoring"
Body = Callable[[Any, Batch], Facts]


def build_assets(solution: Solution) -> list[dg.AssetsDefinition]:
    """drift_report, performance_estimate, performance_report, fairness_report, value_report."""
    stage = Stage(solution, STAGE)
    return [
        _report(
            stage,
            "drift_report",
            "Inputs and scores against the reference of the model that scored them; what moved, and whether it matters to the model.",
            ["profile", "predictions"],
            _drift,
            _show_drift,
        ),
        _report(
            stage,
            "performance_estimate",
            "What the scores themselves promise before labels come; blind to a change of the concept.",
            ["predictions"],
            _estimate,
            _show_estimate,
        ),
        _report(
            stage,
            "performance_report",
            "The model that was live, on matured labels, against what it showed at its release.",
            ["predictions", "labels"],
            _performance,
            _show_performance,
        ),
        _report(
            stage,
            "fairness_report",
            "Gaps between groups in the decisions that were made, by the rule that gated the release.",
            ["predictions", "labels"],
            lambda judge, batch: _fairness(solution, judge, batch),
            _show_fairness,
        ),
        _report(
            stage,
            "value_report",
            "Money the decisions earned, against the best constant decision and what the case promised.",
            ["predictions", "labels"],
            _value,
            _show_value,
        ),
    ]


def _report(
    stage: Stage, asset: str, description: str, deps: list[str], body: Body, show: Callable[[Facts], dict[str, Any]]
) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        asset,
        description,
        kinds=["report"],
        deps=deps,
        sections=["business_case", "model_bias", "data_bias"],
        per_batch=True,
    )
    def report(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], registry: dg.ResourceParam[Registry]
    ) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.monitoring.judging import Judge

        judge = Judge(solution, store.of(solution.name), registry.models)
        return dg.MaterializeResult(metadata=each_batch(context, solution, lambda b: show(body(judge, b))))

    return report


def _drift(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.drifting import judge_drift_of

    return judge_drift_of(judge, batch)


def _estimate(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import estimate_performance

    return estimate_performance(judge, batch)


def _performance(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_performance

    return judge_performance(judge, batch)


def _fairness(solution: Solution, judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_fairness

    return judge_fairness(judge, batch, solution.fairness_limits, solution.favourable_code)


def _value(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_value

    return judge_value(judge, batch)


def drift_rows(facts: Facts) -> list[dict[str, object]]:
    """Columns by effect, largest first."""
    columns = sorted(facts["columns"], key=lambda c: -(c["effect"] or 0))
    return [
        {
            "column": c["column"],
            "verdict": c["verdict"],
            "effect": c["effect"],
            "p": c["p_value"],
            "importance": facts["importance"].get(c["column"]),
            "missing": c["missing_change"],
            "new values": c["new_share"],
            "n": c["n"],
        }
        for c in columns
    ]


def drift_picture(facts: Facts) -> str:
    """The column that moved most, before and now."""
    shown = facts["picture"]
    return bars(f"{shown['column']}: reference and now", shown["before"], shown["now"])


def _show_drift(facts: Facts) -> dict[str, Any]:
    if not facts["judged"]:
        return {"state": facts["sentence"]}
    verdict = facts["verdict"]
    figures = {
        "importance_drifted": verdict["share"],
        "prediction_effect": verdict["prediction_effect"],
        "largest_effect": max((c["effect"] or 0.0) for c in facts["columns"]),
    }
    return {
        "state": "judged",
        "sentence": facts["sentence"],
        "drifted": bool(verdict["drifted"]),
        "columns": table(drift_rows(facts)),
        "pairs": table(facts["pairs"])
        if facts["pairs_compared"]
        else "not compared: the model's reference was summed up before pairs were",
        "model_version": facts["version"],
        "picture": dg.MetadataValue.md(drift_picture(facts)),
        **numbers(figures),
    }


def _show_estimate(facts: Facts) -> dict[str, Any]:
    rows = [
        {"metric": e["name"], "expected": e["value"], "low": e["low"], "high": e["high"], "n": e["n"]}
        for e in facts["estimated"]
    ]
    return {
        "sentence": facts["sentence"],
        "estimated": table(rows),
        **numbers({f"expected_{e['name']}": e["value"] for e in facts["estimated"]}),
    }


def _show_performance(facts: Facts) -> dict[str, Any]:
    if not facts["judged"]:
        return {"state": facts["sentence"]}
    released = {m["name"]: m["value"] for m in facts["released"]}
    rows = [
        {
            "metric": m["name"],
            "value": m["value"],
            "low": m["low"],
            "high": m["high"],
            "n": m["n"],
            "at release": released.get(m["name"]),
        }
        for m in facts["metrics"]
    ]
    return {
        "state": "judged",
        "metrics": table(rows),
        "model_version": facts["version"],
        "rows": facts["rows"],
        **numbers({m["name"]: m["value"] for m in facts["metrics"]}),
    }


def _show_fairness(facts: Facts) -> dict[str, Any]:
    rows = [
        {
            "metric": d["metric"],
            "group": f"{d['attribute']}={d['group']}",
            "value": d["value"]["value"],
            "low": d["value"]["low"],
            "high": d["value"]["high"],
            "n": d["value"]["n"],
            "limit": d["limit"],
            "verdict": d["verdict"],
        }
        for d in facts["disparities"]
    ]
    return {"sentence": facts["sentence"], "verdict": facts["verdict"], "gaps": table(rows)}


def _show_value(facts: Facts) -> dict[str, Any]:
    if not facts["judged"]:
        return {"state": facts["sentence"]}
    figures = {
        "earned_per_decision": facts["earned"]["value"],
        "earned": facts["total"],
        "best_constant_per_decision": facts["best_constant"],
        "promised_per_decision": facts["promised"],
    }
    rows = [
        {
            "policy": "this model",
            "per decision": facts["earned"]["value"],
            "low": facts["earned"]["low"],
            "high": facts["earned"]["high"],
        }
    ]
    if facts["previous_total"] is not None:
        figures["gain_over_previous_model"] = facts["total"] - facts["previous_total"]
    rows += [{"policy": n, "per decision": v} for n, v in facts["others"].items()]
    return {
        "state": "judged",
        "sentence": facts["sentence"],
        "policies": table(rows),
        "model_version": facts["version"],
        **numbers(figures),
    }

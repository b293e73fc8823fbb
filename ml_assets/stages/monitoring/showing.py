"""What the reports of part 9 show in the UI: tables, pictures, and figures that plot themselves over batches."""

from typing import Any

import dagster as dg

from ml_assets.evidence import bars, numbers, show, table
from ml_assets.resources.store import Facts


def drift_rows(facts: Facts) -> list[dict[str, object]]:
    """Columns by what their change did to money and decisions, then by its size."""
    did = {c["column"]: c for c in facts.get("consequences", ())}
    columns = sorted(facts["columns"], key=lambda c: (-_weight(did.get(c["column"])), -(c["effect"] or 0)))
    return [
        {
            "column": c["column"],
            "verdict": c["verdict"],
            "effect": c["effect"],
            "95 %": interval(c),
            "p": c["p_value"],
            "importance": facts["importance"].get(c["column"]),
            "decisions changed": _value_of(did.get(c["column"]), "changed"),
            "money per decision": _value_of(did.get(c["column"]), "money"),
            "missing": c["missing_change"],
            "new values": c["new_share"],
            "n": c["n"],
        }
        for c in columns
    ]


def _value_of(consequence: Facts | None, figure: str) -> float | None:
    return consequence[figure]["value"] if consequence else None


def _weight(consequence: Facts | None) -> float:
    """What puts a column first: the size of its change in money, else in decisions."""
    money, changed = _value_of(consequence, "money"), _value_of(consequence, "changed")
    return abs(money) if money is not None else changed or 0.0


def drift_picture(facts: Facts) -> str:
    """The column that moved most, before and now."""
    shown = facts["picture"]
    return bars(f"{shown['column']}: reference and now", shown["before"], shown["now"])


def show_drift(facts: Facts) -> dict[str, Any]:
    if not facts["judged"]:
        return {"state": facts["sentence"]}
    verdict = facts["verdict"]
    figures = {
        "importance_drifted": verdict["share"],
        "prediction_effect": verdict["prediction_effect"],
        "largest_effect": max((c["effect"] or 0.0) for c in facts["columns"]),
        "attribution_moved": sum(abs(a["share"] - a["at_release"]) for a in facts["attribution"]) / 2,
    }
    return {
        "state": "judged",
        "sentence": facts["sentence"],
        "drifted": bool(verdict["drifted"]),
        "against": facts["against"],
        "columns": table(drift_rows(facts)),
        "consequences": table(_consequence_rows(facts)),
        "attribution": table(facts["attribution"]),
        "pairs": table(facts["pairs"])
        if facts["pairs_compared"]
        else "not compared: the model's reference was summed up before pairs were",
        "model_version": facts["version"],
        "picture": dg.MetadataValue.md(drift_picture(facts)),
        **numbers(figures),
    }


def interval(figure: Facts) -> str:
    """Both ends of an interval in one cell; a dash without one."""
    low, high = figure.get("low"), figure.get("high")
    return "–" if low is None or high is None else f"{show(low)} to {show(high)}"


def _consequence_rows(facts: Facts) -> list[dict[str, object]]:
    """What the answers would be with the columns as they were before."""
    return [
        {"column": c["column"]}
        | {
            name if end == "value" else f"{name}, 95 %": c[name]["value"] if end == "value" else interval(c[name])
            for name in ("changed", "decided", "money")
            for end in ("value", "interval")
            if c[name]["value"] is not None
        }
        | {"n": c["changed"]["n"]}
        for c in facts["consequences"]
    ]


def show_estimate(facts: Facts) -> dict[str, Any]:
    from ml_assets.statistics.estimation import BLIND_SPOT

    rows = [
        {"metric": e["name"], "expected": e["value"], "low": e["low"], "high": e["high"], "n": e["n"]}
        for e in facts["estimated"]
    ]
    record, weights = facts.get("record") or {}, facts.get("weights") or {}
    held = [
        {
            "metric": m["metric"],
            "inside the interval": m["coverage"]["value"],
            "low": m["coverage"]["low"],
            "high": m["coverage"]["high"],
            "mean absolute error": m["error"]["value"],
            "batches": m["coverage"]["n"],
        }
        for m in record.get("metrics", ())
    ]
    auc = (weights.get("domain_auc") or {}).get("value")
    figures = {
        "effective_share": weights.get("effective_share"),
        "domain_auc": auc,
        "known_batches": record.get("batches"),
    }
    return {
        "sentence": facts["sentence"],
        "blind_spot": BLIND_SPOT,
        "trusted": facts.get("trusted", "too few to say"),
        "relied": facts.get("relied", True),
        "estimated": table(rows),
        "record": table(held),
        "rule": record.get("rule", "no record"),
        **numbers({f"expected_{e['name']}": e["value"] for e in facts["estimated"]} | figures),
    }


def show_performance(facts: Facts) -> dict[str, Any]:
    if not facts["judged"]:
        return {"state": facts["sentence"]}
    released = {m["name"]: m["value"] for m in facts["released"]}
    rows = [
        {
            "metric": m["name"],
            "value": m["value"],
            "95 %": interval(m),
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
        **_show_causes(facts.get("causes")),
        **numbers({m["name"]: m["value"] for m in facts["metrics"]}),
    }


def _show_causes(facts: Facts | None) -> dict[str, Any]:
    """Whether the same rows turn out differently, how much that did, and where."""
    if facts is None or not facts["judged"]:
        return {"causes": facts["sentence"]} if facts else {}
    concept = facts["concept"]
    parts = [
        {"of": split["change"]["name"], "part": part}
        | {"value": split[part]["value"], "95 %": interval(split[part]), "n": split[part]["n"]}
        | {"unit": split["change"]["unit"]}
        for split in facts["splits"]
        for part in ("change", "covariate", "concept")
    ]
    shown: dict[str, Any] = {
        "causes": facts["sentence"],
        "parts": table(parts),
        "segments": table(segment_rows(facts)),
        "concept_changed": bool(concept["changed"]),
    }
    return shown | numbers({"concept_excess": concept["mean_excess"]["value"]})


def segment_rows(facts: Facts) -> list[dict[str, object]]:
    """Where outcomes differ from what the scores said."""
    return [
        {
            "segment": s["words"],
            "observed": s["observed"],
            "expected": s["expected"],
            "difference": s["difference"]["value"],
            "95 %": interval(s["difference"]),
            "share of the change": s["share"]["value"],
            "n": s["n"],
        }
        for s in facts["segments"]["segments"]
    ]


def show_fairness(facts: Facts) -> dict[str, Any]:
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


def show_value(facts: Facts) -> dict[str, Any]:
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

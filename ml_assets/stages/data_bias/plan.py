"""Finding → action → expected effect: drafted from the findings, approved only in the declaration."""

from datetime import date
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import PlanEntry
from ml_assets.evidence import Verdict, table
from ml_assets.graph import Stage
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts


def build_plan(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "bias_remediation_plan",
        "Finding → action → expected effect; drafted from the findings, approved only in the declaration.",
        kinds=["json", "report"],
        deps=["data_bias_report"],
    )
    def bias_remediation_plan(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = draft_plan(solution, store.of(solution.name), today=date.today())
        rows = [
            {k: e[k] for k in ("finding", "evidence", "action", "expected_effect", "status", "approved_by", "expires")}
            for e in facts["entries"]
        ]
        return dg.MaterializeResult(metadata={"plan": table(rows), "entries": len(rows), "open": facts["open"]})

    return bias_remediation_plan


def draft_plan(solution: Solution, store: SolutionStore, *, today: date) -> Facts:
    """One entry per finding, matched with what the declaration decided about it."""
    report = store.read_facts("data_bias_report")
    found = [(f, "representation") for f in report["shares"] if f["verdict"] in ("fail", "suspect")]
    found += [(f, "label gap") for f in report["gaps"] if f["verdict"] in ("fail", "suspect")]
    found += [(f, f"missing values of {f['column']}") for f in report["missing"] if f["verdict"] in ("fail", "suspect")]
    entries = [_entry(solution, finding, kind, today) for finding, kind in found]
    return store.write_facts(
        "bias_remediation_plan",
        {"entries": entries, "open": sum(e["status"] != "approved" for e in entries), "as_of": today},
    )


def _entry(solution: Solution, finding: Facts, kind: str, today: date) -> Facts:
    name = f"{finding['attribute']}={finding['group']}"
    decided = next((p for p in solution.data_bias.plan if p.finding in (name, finding["attribute"])), None)
    action, effect = _remedy(solution, finding, kind, decided)
    status = "open" if decided is None else "expired" if decided.expires < today else "approved"
    return {
        "finding": name,
        "kind": kind,
        "evidence": finding["sentence"],
        "verdict": finding["verdict"],
        "action": action,
        "expected_effect": effect,
        "status": status,
        "approved_by": decided.approved_by if decided else None,
        "expires": decided.expires if decided else None,
        "reason": decided.reason if decided else None,
    }


def _remedy(solution: Solution, finding: Facts, kind: str, decided: PlanEntry | None) -> tuple[str, str]:
    """The action (declared, or the one this finding suggests) and the effect it is expected to have."""
    weighs = solution.data_bias.mitigation == "reweigh"
    action = decided.action if decided else "reweigh" if weighs and kind == "label gap" else "collect_data"
    if action == "reweigh":
        gap = finding.get("difference", {}).get("value")
        return (
            action,
            f"weighted label gap in training falls from {gap:+.3f} to 0; the gap of the decisions is not larger than without"
            if gap is not None
            else "weighted gap 0",
        )
    if action == "collect_data":
        reference, n = finding.get("reference"), finding["n"]
        if reference and finding["share"]["value"]:
            total = n / finding["share"]["value"]
            return (
                action,
                f"about {max(0, int((reference * total - n) / max(1 - reference, 1e-9))):,} more rows of this group bring it to its share",
            )
        return action, "the interval narrows until the gap is proven or gone"
    return action, {
        "accept": "none: the risk is accepted",
        "drop_column": "the column no longer tells the group apart",
        "group_thresholds": "the gap of the decisions falls inside its tolerance",
    }[action]


def covered(store: SolutionStore) -> Verdict:
    entries = store.read_facts("bias_remediation_plan")["entries"]
    opened = [e for e in entries if e["status"] != "approved"]
    proven = [e for e in opened if e["verdict"] == "fail"]
    if not entries:
        return Verdict(
            True, "no finding: label gaps and shares are inside their tolerances", {"findings": 0, "open": 0}
        )
    sentence = f"{len(entries) - len(opened)} of {len(entries)} findings have an approved plan"
    if opened:
        sentence += "; open: " + ", ".join(f"{e['finding']} ({e['kind']}, {e['status']})" for e in opened[:5])
    rows = [{k: e[k] for k in ("finding", "kind", "verdict", "action", "status")} for e in entries]
    return Verdict(
        not opened,
        sentence,
        {"findings": len(entries), "open": len(opened), "proven_open": len(proven)},
        rows,
        act=bool(proven),
    )

"""Finding → options → decision → expected effect: drafted from the findings, completed and approved only in the declaration."""

import hashlib
import json
from datetime import date
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import PlanEntry
from ml_assets.evidence import Verdict, table
from ml_assets.graph import Stage
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.stages.data_bias.document import (
    Decision,
    Effect,
    Evidence,
    PlanFinding,
    RemediationPlan,
    Risk,
    Signature,
    Status,
    Verification,
)
from ml_assets.stages.data_bias.drafting import draft_yaml
from ml_assets.stages.data_bias.effects import binding, effects_of, last_said
from ml_assets.stages.data_bias.findings import Finding, findings
from ml_assets.stages.data_bias.options import options, suggested
from ml_assets.statistics.promises import Answer, Promise


def build_plan(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "bias_remediation_plan",
        "Finding → options → decision → expected effect → residual risk; drafted from the findings, approved only in the declaration.",
        kinds=["json", "report"],
        deps=["data_bias_report"],
    )
    def bias_remediation_plan(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = draft_plan(solution, store.of(solution.name), today=date.today())
        metadata: dict[str, Any] = {
            "plan": table([_row(f) for f in facts["findings"]]),
            "options": table([{"finding": f["id"], **_option_row(o)} for f in facts["findings"] for o in f["options"]]),
            "entries": len(facts["findings"]),
            "open": facts["open"],
            "blocking": len(facts["blocking"]),
        }
        if facts["draft"]:
            metadata["to_complete"] = dg.MetadataValue.md(f"```yaml\n{facts['draft']}```")
        return dg.MaterializeResult(metadata=metadata)

    return bias_remediation_plan


def _row(finding: Facts) -> dict[str, object]:
    decision, risk = finding["decision"], finding["residual_risk"]
    return {
        "finding": finding["id"],
        "evidence": finding["evidence"]["sentence"],
        "action": decision["chosen"],
        "expected effect": finding["expectation"],
        "status": finding["status"],
        "approved by": decision["approved_by"],
        "expires": decision["expires"],
        "residual risk": f"{risk['severity']}, accepted by {risk['accepted_by']}" if risk else None,
        "effect": finding["verification"]["status"],
        "blocks": finding["blocks"],
    }


def _option_row(option: Facts) -> dict[str, object]:
    return {
        "action": option["action"],
        "tried": option["tried"],
        "effect": option["effect"],
        "gap after": option["gap_after"],
        "low": option["gap_low"],
        "high": option["gap_high"],
        "of": option["gap_of"],
        "lost share": option["lost_share"],
        "side effects": "; ".join(option["side_effects"]),
        "need": option["need"],
    }


def draft_plan(solution: Solution, store: SolutionStore, *, today: date) -> Facts:
    """The document: one entry per finding, with what the declaration decided about it and what was tried so far."""
    report = store.read_facts("data_bias_report")
    found = findings(solution, report)
    promised = binding(solution, found, today)
    last = last_said(store)
    mitigation = store.find_facts("mitigation")
    entries = tuple(_entry(solution, f, today, mitigation, last.get(f.id)) for f in found)
    digest = hashlib.sha256(json.dumps(report, sort_keys=True).encode()).hexdigest()[:8]
    plan = RemediationPlan(
        plan_id=f"{today}-{solution.name}-{digest}",
        solution=solution.name,
        declaration=solution.version(),
        as_of=today,
        rows=report["rows"],
        group_at_decision=solution.model_bias.group_at_decision,
        findings=entries,
        open=sum(e.status != "approved" for e in entries),
        blocking=tuple(e.id for e in entries if e.blocks),
        promises=tuple(_stored(p) for p in promised),
        draft=draft_yaml(solution, entries, today=today),
    )
    return store.write_facts("bias_remediation_plan", plan.model_dump(mode="json"))


def _stored(promise: Promise) -> dict[str, str | float | None]:
    return {
        "finding": promise.finding,
        "metric": promise.metric,
        "group": promise.group,
        "at_most": promise.at_most,
        "at_least": promise.at_least,
    }


def _entry(
    solution: Solution, finding: Finding, today: date, mitigation: Facts | None, last: tuple[Answer, str] | None
) -> PlanFinding:
    decided = finding.answered_by(solution.data_bias.plan)
    status: Status = decided.state(today) if decided else "open"
    action = decided.action if decided else suggested(solution, finding)
    effects = effects_of(solution, finding, decided, action)
    return PlanFinding(
        id=finding.id,
        kind=finding.kind,
        groups=(finding.group,),
        column=finding.column,
        evidence=_evidence(finding),
        suspected_cause=decided.suspected_cause if decided else "",
        options=options(finding, mitigation),
        decision=_decision(decided, action),
        expected_effect=tuple(
            Effect(metric=e.metric, group=e.group, at_most=e.at_most, at_least=e.at_least, binding=status == "approved")
            for e in effects
        ),
        expectation="; ".join(map(_words, effects)) or _EXPECTED[action],
        residual_risk=Risk(**decided.residual_risk.model_dump()) if decided and decided.residual_risk else None,
        verification=Verification(
            asset_check="sample_weights:plan_effect_met, model_bias_report:plan_effect_met",
            status=last[0] if last else "open",
            sentence=last[1] if last else "",
        ),
        signoff=tuple(Signature(role=s.role, by=s.by, on=s.date) for s in decided.signoff) if decided else (),
        status=status,
        covered_until=decided.ends if decided and status in ("approved", "expired") else None,
        blocks=status == "expired" or (finding.verdict == "fail" and status != "approved"),
    )


_EXPECTED = {
    "reweigh": "the weighted label gap is inside its tolerance",
    "collect_data": "the interval narrows until the gap is proven or gone",
    "accept": "none: the risk is accepted",
    "drop_column": "the column no longer tells the group apart",
    "group_thresholds": "the gap of the decisions falls inside its tolerance",
}


def _words(promise: Promise) -> str:
    bound = f"at most {promise.at_most:g}" if promise.at_most is not None else f"at least {promise.at_least:g}"
    return f"{promise.metric} of {promise.group} {bound}"


def _evidence(finding: Finding) -> Evidence:
    estimate = finding.estimate or {}
    return Evidence(
        metric=finding.metric,
        estimate=estimate.get("value"),
        low=estimate.get("low"),
        high=estimate.get("high"),
        level=estimate.get("level", 0.95),
        n=finding.n,
        minimum_detectable_gap=finding.detectable,
        verdict=finding.verdict,
        q=finding.q,
        sentence=finding.sentence,
    )


def _decision(decided: PlanEntry | None, action: str) -> Decision:
    if decided is None:
        return Decision(chosen=action, reason=None, decided_by=None, approved_by=None, expires=None)
    return Decision(
        chosen=action,
        reason=decided.reason,
        rejected_because=decided.rejected_because,
        decided_by=decided.decided_by or decided.approved_by,
        decided_on=decided.decided_on,
        approved_by=decided.approved_by,
        expires=decided.expires,
    )


def covered(store: SolutionStore) -> Verdict:
    found = store.read_facts("bias_remediation_plan")["findings"]
    opened = [f for f in found if f["status"] != "approved"]
    blocking = [f for f in opened if f["blocks"]]
    if not found:
        return Verdict(
            True, "no finding: label gaps and shares are inside their tolerances", {"findings": 0, "open": 0}
        )
    sentence = f"{len(found) - len(opened)} of {len(found)} findings have an approved plan"
    if opened:
        sentence += "; open: " + ", ".join(f"{f['id']} ({f['evidence']['verdict']}, {f['status']})" for f in opened[:5])
    if blocking:
        sentence += f"; {len(blocking)} of them block a release"
    figures = {"findings": len(found), "open": len(opened), "proven_open": len(blocking)}
    return Verdict(not opened, sentence, figures, [_row(f) for f in found], act=bool(blocking))

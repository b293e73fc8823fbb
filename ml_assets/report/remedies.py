"""The remediation plan, the reweighing it led to, and the remedies that were tried: what each costs, which one is used."""

from ml_assets.pictures import before_and_after, frontier
from ml_assets.report.disclosure import shown
from ml_assets.report.groups import mark, name_of, suppressed_note
from ml_assets.report.markup import (
    Html,
    badge,
    estimate_cells,
    estimate_text,
    figure,
    heading,
    join,
    missing,
    note,
    pairs,
    table,
)
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts


def build(recorded: Recorded) -> Html:
    """The part of the section on bias."""
    return join([_plan(recorded), _weights(recorded), _tried(recorded)])


def _plan(recorded: Recorded) -> Html:
    plan = recorded.facts("bias_remediation_plan")
    if plan is None:
        return join([heading("Remediation plan"), missing("bias_remediation_plan")])
    rows = [_finding(f) for f in plan["findings"]] if "findings" in plan else [_entry(e) for e in plan["entries"]]
    if not rows:
        return join(
            [heading("Remediation plan"), note("No finding: label gaps and shares are inside their tolerances.")]
        )
    state = note(plan["open"], " of ", len(rows), " findings are open. Status as of ", plan["as_of"], ".")
    return join([heading("Remediation plan"), state, table(rows, caption="Finding, action, expected effect, sign-off")])


def _finding(found: Facts) -> dict[str, object]:
    """An entry of the plan."""
    decided, risk, signed = found["decision"], found["residual_risk"], found["signoff"]
    accepted = (
        f"{risk['severity']}: {risk['text']} (accepted by {risk['accepted_by']} until {risk['expires']})"
        if risk
        else "none"
    )
    return {
        "finding": ", ".join(found["groups"]),
        "kind": found["kind"],
        "verdict": badge(found["evidence"]["verdict"]),
        "action": decided["chosen"],
        "expected effect": found["expectation"],
        "kept": found["verification"]["status"],
        "status": badge(found["status"]),
        "stops a release": found["blocks"],
        "approved by": decided["approved_by"] or "nobody",
        "signed by": "; ".join(f"{s['by']} ({s['role']}, {s['on']})" for s in signed) or "nobody",
        "expires": decided["expires"],
        "residual risk": accepted,
        "reason": decided["reason"] or "",
        "evidence": found["evidence"]["sentence"],
    }


def _entry(entry: Facts) -> dict[str, object]:
    """An entry of a plan recorded before plans had findings."""
    return {
        "finding": entry["finding"],
        "kind": entry["kind"],
        "verdict": badge(entry["verdict"]),
        "action": entry["action"],
        "expected effect": entry["expected_effect"],
        "status": badge(entry["status"]),
        "approved by": entry["approved_by"] or "nobody",
        "expires": entry["expires"],
        "reason": entry["reason"] or "",
        "evidence": entry["evidence"],
    }


def _weights(recorded: Recorded) -> Html:
    weights = recorded.facts("sample_weights")
    if weights is None:
        return missing("sample_weights")
    if not weights["attribute"]:
        return note("No reweighing: no finding asks for it, or the declaration does not.")
    figures = weights["figures"]
    found = {
        "rows weighed by": weights["attribute"],
        "largest gap of label rates in training before": figures["gap_before"],
        "after": figures["gap_after"],
        "effective rows": figures["effective_rows"],
    }
    return pairs(found)


def _tried(recorded: Recorded) -> Html:
    facts = recorded.facts("mitigation")
    if facts is None:
        return join([heading("Remedies tried"), missing("mitigation")])
    unit = recorded.solution.business_case.currency
    rows = [_remedy(r, facts, unit) for r in facts["rows"]]
    skipped = [{"not tried": k, "why": v} for k, v in facts.get("skipped", {}).items()]
    return join(
        [
            heading("Remedies tried"),
            note(facts["sentence"]),
            table(rows, caption="Every remedy with its price, on the validation part") if rows else Html(""),
            table(skipped, caption="Not tried") if skipped else Html(""),
            _frontier(facts, unit),
            _changes(recorded, facts),
            note(f"Last fit: {facts['refit']['sentence']}.") if "refit" in facts else Html(""),
        ]
    )


def _remedy(row: Facts, facts: Facts, unit: str) -> dict[str, object]:
    worst = row["worst"]
    hidden = worst.get("suppressed")
    return {
        "remedy": row["name"],
        "verdict": badge(row["verdict"]),
        "worst gap": f"{worst['metric']}, " + ("suppressed" if hidden else name_of(worst)),
        "its value": "suppressed" if hidden else estimate_text(worst["value"]),
        f"{unit} per decision": estimate_text(row["money_per_decision"]),
        "share of money lost": row["lost_share"],
        "decisions changed": row["changed"]["value"],
        "takes away only": row["levels_down"],
        "reads the group": row["needs_group"],
        "chosen": row["name"] == facts["chosen"],
        "why": row["reason"],
    }


def _frontier(facts: Facts, unit: str) -> Html:
    points = [
        (mark(r["name"], r["money_per_decision"], strong=r["name"] == facts["chosen"]), r["distance"])
        for r in facts["rows"]
        if r["money_per_decision"]["value"] is not None and r.get("distance") is not None
    ]
    spans = {r["name"]: tuple(r["span"]) for r in facts["rows"] if None not in r.get("span", [None])}
    if len(points) < 2:
        return note("No frontier to draw: nothing beside the solution as it is was tried.")
    best = facts.get("frontier")
    words = note("Not beaten in both money and distance: ", ", ".join(best), ".") if best else Html("")
    picture = frontier("remedies by price and distance from equal treatment", points, across="worst gap, in multiples of its limit", up=f"{unit} per decision", start="none", limit=1.0, spans=spans)  # fmt: skip
    return join([figure(picture), words])


def _changes(recorded: Recorded, facts: Facts) -> Html:
    """What the chosen remedy did to the rates of every group."""
    chosen = next((r for r in facts["rows"] if r["name"] == facts["chosen"]), None)
    if chosen is None or chosen["name"] == "none":
        return note("No remedy is used, so no decision was changed by one.")
    effects = shown(chosen["effects"])
    rows = [
        {
            "group": name_of(e),
            "rate": e["rate"],
            "before": e["before"]["value"],
            **estimate_cells(e["after"], name="after"),
        }
        for e in effects
    ]
    pictures = [
        figure(
            before_and_after(
                f"{rate}: before and after {chosen['name']}",
                [
                    (name_of(e), e["before"]["value"], e["after"]["value"])
                    for e in effects
                    if e["rate"] == rate and None not in (e["before"]["value"], e["after"]["value"])
                ],
                names=("before", "after"),
            )
        )
        for rate in dict.fromkeys(e["rate"] for e in effects)
    ]
    return join([table(rows, caption="What the chosen remedy does to every group, validation part"), *pictures, suppressed_note(chosen["effects"], recorded.least)])  # fmt: skip

"""Every training with its reason and outcome, and the trigger policy replayed on history, in money."""

from ml_assets.report.markup import Html, badge, estimate_cells, heading, join, missing, note, table, tag
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts


def build(recorded: Recorded) -> Html:
    """The section."""
    return join([_log(recorded), _policy(recorded)])


def _log(recorded: Recorded) -> Html:
    log = recorded.facts("retraining_log")
    if log is None:
        return join([heading("Retraining log"), missing("retraining_log")])
    rows = [
        {
            "decided": r["decided"].replace("T", " "),
            "asked for by": r["trigger"],
            "because": r["reason"],
            "outcome": badge(r["outcome"]),
            "version": r["version"],
            "gain per decision": r["gain per decision"],
            "decision": r["decision"],
            "run": tag("code", str(r["run"])[:8]),
        }
        for r in reversed(log["rows"])
    ]
    return join([heading("Retraining log"), table(rows, caption="Newest first")])


def _policy(recorded: Recorded) -> Html:
    facts = recorded.facts("policy_backtest")
    head = heading("The policy replayed on history")
    if facts is None:
        return join([head, missing("policy_backtest")])
    unit = recorded.solution.business_case.currency
    rows = [
        {"policy": o["name"], "retrainings": o["retrains"], f"money, {unit}": o["money"], f"cost, {unit}": o["cost"], f"regret, {unit}": o["regret"]}
        for o in facts["outcomes"]
    ]  # fmt: skip
    caption = f"Over {facts['blocks']} blocks of history"
    return join(
        [
            head,
            note(facts["sentence"]),
            table(rows, caption=caption) if rows else Html(""),
            _age(facts, unit),
            _renewal(facts),
        ]
    )


def _age(policy: Facts, unit: str) -> Html:
    """What a model loses by its age; nothing where there is no past, or it was recorded before this was measured."""
    facts = policy.get("staleness", {"ages": []})
    if not facts["ages"]:
        return Html("")
    rows = [
        {"blocks older than the freshest": a["age"]} | estimate_cells(a["loss"], name=f"{unit} lost per decision")
        for a in facts["ages"]
    ]
    return join([heading("What age costs"), note(facts["sentence"]), table(rows, caption="n counts blocks")])


def _renewal(policy: Facts) -> Html:
    """When age alone asks for a retraining, in the words it was recorded with; nothing where it was not."""
    facts = policy.get("renewal")
    return Html("") if facts is None else note(f"{facts['sentence'][:1].upper()}{facts['sentence'][1:]}.")

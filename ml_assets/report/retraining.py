"""Every training with its reason and outcome, and the trigger policy replayed on history, in money."""

from ml_assets.report.markup import Html, badge, heading, join, missing, note, table, tag
from ml_assets.report.recorded import Recorded


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
    return join([head, note(facts["sentence"]), table(rows, caption=f"Over {facts['blocks']} blocks of history") if rows else Html("")])  # fmt: skip

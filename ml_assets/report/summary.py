"""What was decided, why, on what evidence, and what is wrong now."""

from ml_assets.report.markup import (
    Html,
    badge,
    bullets,
    heading,
    html,
    join,
    missing,
    note,
    pairs,
    paragraph,
    table,
    tag,
)
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts

MOST_PROBLEMS = 12


def build(recorded: Recorded) -> Html:
    """The section."""
    decision = recorded.facts("champion")
    parts = [_case(recorded)]
    if decision is None:
        return join([*parts, missing("champion", "no release was decided yet"), _problems(recorded)])
    return join(
        [*parts, _decision(recorded, decision), _gates(decision), _release(recorded, decision), _problems(recorded)]
    )


def _case(recorded: Recorded) -> Html:
    case = recorded.facts("business_case")
    if case is None:
        return missing("business_case")
    return paragraph("Decides: ", tag("strong", case["decision"]), ". Owner: ", case["owner"], ". Area: ", case["area"], ", declared risk: ", case["risk"], ".")  # fmt: skip


def _decision(recorded: Recorded, decision: Facts) -> Html:
    live = recorded.live_version
    shown: dict[str, object] = {
        "live version": live if live is not None else "none: no model was released",
        "last decision": badge(decision["outcome"]),
        "decided": decision["decided_at"][:19].replace("T", " ") + " UTC",
        "asked for by": decision["trigger"],
        "because": decision["reason"],
    }
    value = recorded.newest("value_report")
    shown["money, newest judged batch"] = f"{value[0]}: {value[1]['sentence']}" if value else missing("value_report")
    return join([pairs(shown), paragraph(tag("strong", "Why: "), decision["sentence"]), _disagreement(recorded)])


def _disagreement(recorded: Recorded) -> Html:
    """The registry's alias beside the recorded decision, where they differ or the registry could not be asked."""
    known = recorded.registered
    if known.problem:
        return note(known.problem)
    if known.version != recorded.live_version:
        said = f"version {known.version}" if known.version else "no live version"
        return note(f"The registry names {said}; the newest decision names {recorded.live_version or 'none'}.")
    return Html("")


def _gates(decision: Facts) -> Html:
    if not decision["gates"]:
        return note("No gates are recorded with this decision.")
    rows = [
        {"gate": g["name"], "result": badge("pass" if g["passed"] else "fail"), "evidence": g["sentence"]}
        for g in decision["gates"]
    ]
    return join([heading("Gates of the last decision"), table(rows, caption="Every gate with its evidence")])


def _release(recorded: Recorded, decision: Facts) -> Html:
    """How the live version came to be, where the last decision did not release it."""
    if recorded.live_version in (None, decision["version"]):
        return Html("")
    found = [recorded.facts("decisions", b) for b in recorded.batches("decisions")]
    own = [
        d for d in found if d and d["version"] == recorded.live_version and d["live_version"] == recorded.live_version
    ]
    if not own:
        return note(f"The decision that released version {recorded.live_version} is not recorded.")
    last = max(own, key=lambda d: str(d["decided_at"]))
    return paragraph(tag("strong", f"Version {recorded.live_version} went live "), last["decided_at"][:10], ": ", last["sentence"])  # fmt: skip


def _problems(recorded: Recorded) -> Html:
    failed = [c for c in recorded.checks.values() if c.failed]
    never = sum(c.found is None for c in recorded.checks.values())
    ran = len(recorded.checks) - never
    head = heading("Checks that fail now")
    state = paragraph(html(ran - len(failed)), " of ", html(ran), " checks that ran pass; ", html(never), " never ran.")
    items = [
        join([tag("code", f"{c.asset}:{c.name}"), ": ", recorded.said(c)])
        for c in sorted(failed, key=lambda c: (not (c.found and c.found.act), c.asset))
    ]
    more = note(f"and {len(items) - MOST_PROBLEMS} more") if len(items) > MOST_PROBLEMS else Html("")
    return join([head, state, bullets(items[:MOST_PROBLEMS]) if items else Html(""), more])

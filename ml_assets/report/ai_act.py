"""Outline of the EU AI Act's Article 10 and Annex IV: each item with the recorded evidence, or open. No legal advice."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ml_assets.report.markup import Html, badge, heading, html, join, note, table, tag
from ml_assets.report.recorded import Recorded

SOURCE = "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"
Told = Callable[[Recorded], str | None]


@dataclass(frozen=True, slots=True)
class Item:
    """One point of the law in our words, the section of this report with the evidence, and what is recorded of it.

    ``told`` answers None where nothing is recorded; without ``told`` the point is for people to write.
    """

    point: str
    words: str
    anchor: str = ""
    told: Told | None = None


def _of(asset: str, say: Callable[[dict[str, object]], object]) -> Told:
    """What one document says; None where it is not there or says nothing."""

    def told(recorded: Recorded) -> str | None:
        facts = recorded.facts(asset)
        said = say(facts) if facts is not None else None
        return str(said) if said else None

    return told


def _newest(asset: str) -> Told:
    def told(recorded: Recorded) -> str | None:
        found = recorded.newest(asset)
        return f"{found[0]}: {found[1]['sentence']}" if found else None

    return told


def _check(asset: str, name: str) -> Told:
    def told(recorded: Recorded) -> str | None:
        check = recorded.checks.get((asset, name))
        return f"{asset}:{name}: {recorded.said(check)}" if check and check.found else None

    return told


def _counted(facts: dict[str, object], key: str, words: str) -> str:
    found = facts[key]
    return f"{len(found) if isinstance(found, list | dict) else 0} {words}"


def _group_verdicts(facts: dict[str, Any]) -> str:
    audit = facts.get("audit") or {"decided": 0}
    larger = f" and {audit['rows']:,} rows out of fold" if audit["decided"] else ""
    return f"verdict {facts['verdict']} on {facts['rows']:,} test rows{larger}"


def _signed(recorded: Recorded) -> str | None:
    case = recorded.facts("business_case")
    if case is None or not case["signed_by"]:
        return None
    same = "the version that runs" if case["signed_version"] == case["version"] else "another version than runs now"
    return f"signed by {case['signed_by']}: {same}"


def _protected(recorded: Recorded) -> str | None:
    named = recorded.solution.data_bias.protected
    return f"audited, not inputs unless a reason is declared: {', '.join(named)}" if named else None


ARTICLE_10 = (
    Item("10(2)(a)", "Design choices that matter for the data", "model_card", _of("model", lambda f: f["calibration"])),
    Item("10(2)(b)", "How data was collected, its origin and first purpose", "datasheet", _of("training_set", lambda f: f"{f['rows']:,} labelled rows, digest {f['digest']}")),
    Item("10(2)(c)", "Preparation: labelling, cleaning, updating", "datasheet", _of("selected_columns", lambda f: f"{_counted(f, 'features', 'inputs made')}, {_counted(f, 'dropped', 'columns kept out')}")),
    Item("10(2)(d)", "Assumptions about what the data stands for"),
    Item("10(2)(e)", "Availability, quantity and suitability of data", "datasheet", _check("success_criteria", "decidable")),
    Item("10(2)(f)", "Examination for possible biases", "bias", _of("data_bias_report", lambda f: f"{_counted(f, 'gaps', 'label gaps')} and {_counted(f, 'shares', 'group shares')} examined on {f['rows']:,} rows")),
    Item("10(2)(g)", "Measures that find, prevent and lessen biases", "bias", _of("mitigation", lambda f: f["sentence"])),
    Item("10(2)(h)", "Gaps and shortcomings of the data, and what is done about them", "bias", _of("bias_remediation_plan", lambda f: f"{_counted(f, 'findings' if 'findings' in f else 'entries', 'findings')}, {f['open']} open, as of {f['as_of']}")),
    Item("10(3)", "Training, validation and test data are representative and as free of errors as possible", "datasheet", _check("data_bias_report", "groups_represented")),
    Item("10(4)", "Geographical, contextual and behavioural setting of use"),
    Item("10(5)", "Special categories of personal data are used for bias detection only where strictly necessary, with safeguards and deletion", "datasheet", _protected),
)  # fmt: skip
ANNEX_IV = (
    Item("1(a)", "Purpose, provider, version", "summary", _of("business_case", lambda f: f"{f['decision']}; owner {f['owner']}; intended use: {f['intended_use'] or 'not declared'}")),
    Item("1(b)–(f)", "Interaction with other systems, versions, forms, hardware, product"),
    Item("1(g), (h)", "User interface and instructions for use"),
    Item("2(a)", "Methods and steps of development", "model_card", _of("candidates", lambda f: _counted(f, "models", "candidates fitted beside the baselines"))),
    Item("2(b)", "Design, logic, key choices and trade-offs", "model_card", _of("model", lambda f: f["selection"]["sentence"] if isinstance(f["selection"], dict) else None)),
    Item("2(c)", "Architecture and computing resources"),
    Item("2(d)", "Data requirements and datasheets", "datasheet", _of("training_set", lambda f: f"{_counted(f, 'features', 'inputs')}, {f['rows']:,} rows")),
    Item("2(e)", "Assessment of human oversight (Article 14)"),
    Item("2(f)", "Changes determined beforehand", "retraining", _of("policy_backtest", lambda f: f["sentence"])),
    Item("2(g)", "Validation and testing: data, metrics, discriminatory impact, signed logs", "model_card", _of("model_bias_report", _group_verdicts)),
    Item("2(g)", "Test logs signed by the persons responsible", "summary", _signed),
    Item("2(h)", "Cybersecurity", "provenance", _check("champion", "released_model_intact")),
    Item("3", "Abilities and limits, accuracy for groups of persons, unintended outcomes, oversight", "model_card", _check("evaluation", "slices")),
    Item("4", "Why the performance metrics are appropriate", "model_card", _of("evaluation", lambda f: _counted(f, "criteria", "declared criteria judged on the test part"))),
    Item("5", "Risk management system (Article 9)"),
    Item("6", "Changes through the lifecycle", "retraining", _of("retraining_log", lambda f: _counted(f, "rows", "decisions recorded"))),
    Item("7", "Harmonised standards applied"),
    Item("8", "EU declaration of conformity"),
    Item("9", "Monitoring after release (Article 72)", "monitoring", _newest("performance_report")),
)  # fmt: skip


def build(recorded: Recorded) -> Html:
    """The section."""
    case = recorded.facts("business_case")
    risk = f"Declared area: {case['area']}; declared risk: {case['risk']}." if case else "Area and risk: not recorded."
    law = tag("a", "Regulation (EU) 2024/1689", href=SOURCE)
    intro = note(tag("strong", "No legal advice."), " An outline of ", law, " in our words: recorded evidence is linked, everything else is open. ", risk)  # fmt: skip
    return join(
        [
            intro,
            heading("Article 10: data and data governance"),
            table([_row(i, recorded) for i in ARTICLE_10], caption="Article 10"),
            heading("Annex IV: technical documentation"),
            table([_row(i, recorded) for i in ANNEX_IV], caption="Annex IV"),
        ]
    )


def _row(item: Item, recorded: Recorded) -> dict[str, object]:
    found = item.told(recorded) if item.told else None
    if found is None:
        why = "nothing is recorded yet" if item.told else "to be written by people: no fact of the system answers it"
        return {"point": item.point, "asks for": item.words, "state": badge("open"), "evidence": why}
    link = tag("a", "see there", href=f"#{item.anchor}")
    return {"point": item.point, "asks for": item.words, "state": "evidence", "evidence": join([html(found), " (", link, ")"])}  # fmt: skip

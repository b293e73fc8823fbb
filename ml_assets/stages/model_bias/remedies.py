"""What may be seen of the remedies: the frontier with the chosen point, the price of each, and what they do to every group."""

from typing import Any

import dagster as dg

from ml_assets import pictures
from ml_assets.evidence import images, table
from ml_assets.resources.store import Facts
from ml_assets.stages.model_bias.showing import hidden, mark, name_of, visible

START = "none"
DISTANCE = "worst gap, in multiples of its limit"


def remedies_metadata(facts: Facts, currency: str) -> dict[str, Any]:
    """Everything the UI shows of the remedies."""
    effects = [(row["name"], e) for row in facts["rows"] for e in visible(facts, row["effects"])]
    found: dict[str, Any] = {
        "remedies": table([remedy_row(r, facts, currency) for r in facts["rows"]]),
        "outcome": facts["outcome"],
        "chosen": facts["chosen"],
        "sentence": facts["sentence"],
        "fits": facts["fits"],
        "last fit": facts["refit"]["sentence"],
        "digest": facts["digest"],
    }
    if len(facts["rows"]) > 1:
        found["what it does to every group"] = table([effect_row(name, e) for name, e in effects], most=200)
    if facts["skipped"]:
        found["not tried"] = table([{"remedy": name, "why": why} for name, why in facts["skipped"].items()])
    drawn = {"frontier": frontiers(facts, currency), "before and after": before_and_after(facts)}
    return found | {name: dg.MetadataValue.md(drawing) for name, drawing in drawn.items() if drawing}


def frontiers(facts: Facts, currency: str) -> str:
    """Money, and accuracy, against disparity: every remedy, the chosen one marked, the solution as it was ringed."""
    if len(facts["rows"]) < 2:
        return ""
    spans = {row["name"]: tuple(row["span"]) for row in facts["rows"] if None not in row["span"]}
    kinds = {"money_per_decision": f"{currency} per decision", "accuracy": "accuracy"}
    drawn = []
    for kind, up in kinds.items():
        points = [
            (mark(row["name"], row[kind], strong=row["name"] == facts["chosen"]), row["distance"])
            for row in facts["rows"]
            if row[kind]["value"] is not None and row["distance"] is not None and row["distance"] >= 0
        ]
        name = "mean absolute error" if any(row[kind]["name"] == "mean_absolute_error" for row in facts["rows"]) else up
        title = f"{name} against disparity, validation part"
        drawn.append(pictures.frontier(title, points, across=DISTANCE, up=name, start=START, limit=1.0, spans=spans))
    return images(drawn)


def before_and_after(facts: Facts) -> str:
    """The rates of every group under the solution as it was and under the chosen remedy; nothing where none is used."""
    chosen = next((row for row in facts["rows"] if row["name"] == facts["chosen"]), None)
    if chosen is None or chosen["name"] == START:
        return ""
    known = [
        e
        for e in chosen["effects"]
        if hidden(facts, e) is None and None not in (e["before"]["value"], e["after"]["value"])
    ]
    names = (START, chosen["name"])
    drawn = [
        pictures.before_and_after(
            f"{rate} by group",
            [(name_of(e), e["before"]["value"], e["after"]["value"]) for e in known if e["rate"] == rate],
            names=names,
        )
        for rate in dict.fromkeys(e["rate"] for e in known)
    ]
    return images(drawn)


def remedy_row(row: Facts, facts: Facts, currency: str) -> dict[str, object]:
    """One point of the frontier as a table row."""
    gap, lost = row["worst"], row["money_lost"]
    return {
        "remedy": row["name"],
        "verdict": row["verdict"],
        "worst gap": f"{gap['metric']} {gap['attribute']}={gap['group']}",
        "value": gap["value"]["value"],
        "low": gap["value"]["low"],
        "high": gap["value"]["high"],
        f"{currency} per decision": row["money_per_decision"]["value"],
        f"{currency} lost": f"{lost['value']:.3g} [{lost['low']:.3g}, {lost['high']:.3g}]"
        if lost["low"] is not None
        else "",
        "lost share": row["lost_share"],
        "decisions changed": row["changed"]["value"],
        "levels down": row["levels_down"],
        "reads the group": row["needs_group"],
        "chosen": row["name"] == facts["chosen"],
        "why": row["reason"],
    }


def effect_row(remedy: str, effect: Facts) -> dict[str, object]:
    """What a remedy does to one rate of one group, as a table row."""
    before, after = effect["before"], effect["after"]
    return {
        "remedy": remedy,
        "group": f"{effect['attribute']}={effect['group']}",
        "rate": effect["rate"],
        "before": before["value"],
        "after": after["value"],
        "low": after["low"],
        "high": after["high"],
        "n": after["n"],
    }

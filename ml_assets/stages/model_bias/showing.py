"""What may be seen of the report: figures of small groups not shown, small evidence told as such, tables and pictures."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from ml_assets.evidence import images, markdown_table, table
from ml_assets.pictures import Mark, curves, forest
from ml_assets.resources.store import Facts
from ml_assets.statistics.fairness_metrics import allowed_band

MOST_MARKS = 30
"""Groups in a picture of gaps; the table beside it has them all."""
WHY = {
    "small": "fewer than {} rows",
    "complementary": "count not shown and figures rounded, so that a smaller group's cannot be worked out",
}


NONE_READ = (
    "no protected attribute and no column declared to stand for one is an input, and no threshold differs by group"
)


def name_of(found: Facts) -> str:
    """``attribute=group``."""
    return f"{found['attribute']}={found['group']}"


def hidden(facts: Facts, found: Facts) -> str | None:
    """Why the count of a row's group is not shown: ``small`` or ``complementary``; None where it is."""
    why = facts["masked"].get(found["attribute"], {}).get(found["group"])
    return None if why is None else str(why)


def visible(facts: Facts, rows: Iterable[Facts]) -> list[Facts]:
    """The rows whose groups are not small; of those a count may still not be shown, and figures then have two digits."""
    return [_rounded(row) if hidden(facts, row) else row for row in rows if hidden(facts, row) != "small"]


def _rounded(found: Facts) -> Facts:
    """A row without its counts, its figures with two digits."""
    kept = found | {"n": None}
    for name in (
        "value",
        "rest",
        "gap",
        "mean",
        "error",
        "slope",
        "changed",
        "gained",
        "lost",
        "score",
        "before",
        "after",
        "out_of_fold",
    ):
        if found.get(name) is not None:
            kept[name] = {k: round(v, 2) if isinstance(v, float) else v for k, v in found[name].items()} | {"n": None}
    return kept


def disparity_row(found: Facts) -> dict[str, object]:
    """One gated comparison as a table row."""
    value = found["value"]
    return {
        "metric": found["metric"],
        "group": name_of(found),
        "value": value["value"],
        "low": value["low"],
        "high": value["high"],
        "n": value["n"],
        "limit": found["limit"],
        "smallest gap that could be ruled out": found["detectable"],
        "on the test part": found["test_verdict"],
        **_larger(found),
        "verdict": found["verdict"],
        "rests on": found["basis"] + (", contradicts out of fold" if found["contradicted"] else ""),
    }


def _larger(found: Facts) -> dict[str, object]:
    """The same gap in the larger audit; nothing where there was none."""
    gap = found["out_of_fold"] or dict.fromkeys(("value", "low", "high", "n"))
    return {
        "out of fold": gap["value"],
        "out of fold low": gap["low"],
        "out of fold high": gap["high"],
        "out of fold n": gap["n"],
        "out of fold verdict": found["out_of_fold_verdict"] or "",
    }


def audit_sentence(facts: Facts) -> str:
    """How many gated comparisons rest on which audit, and on how many rows."""
    audit, gaps = facts["audit"], len(facts["disparities"])
    on_test = f"the test part ({facts['rows']:,} rows)"
    if not audit["made"]:
        return f"{gaps} comparisons rest on {on_test}; no audit out of fold: {audit['why']}"
    larger = f"{audit['rows']:,} rows out of fold ({audit['folds']}, {audit['fits']} fits)"
    told = f"{gaps - audit['decided']} of {gaps} comparisons rest on {on_test}, {audit['decided']} on {larger}"
    told += f", {audit['contradicted']} of them contradicted by the test part" if audit["contradicted"] else ""
    return f"{told}; {audit['why']}" if audit["why"] else told


def figure_row(found: Facts) -> dict[str, object]:
    """One figure of one group as a table row."""
    value, gap = found["value"], found["gap"]
    return {
        "group": name_of(found),
        "figure": f"{found['metric']} {found['label']}".strip()
        + (", gap as ratio" if found["form"] == "ratio" else ""),
        "value": found["answer"] if value["value"] is None else value["value"],
        "low": value["low"],
        "high": value["high"],
        "n": value["n"],
        "n counts": found["denominator"],
        "rest": found["rest"]["value"],
        "gap": "" if gap["value"] is None else f"{gap['value']:.3g}",
        "gap low": gap["low"],
        "gap high": gap["high"],
        "limit": found["limit"],
        "answer": found["answer"],
    }


def calibration_row(found: Facts) -> dict[str, object]:
    """What the score means in one group, as a table row."""
    mean, error, slope = found["mean"], found["error"], found["slope"]
    return {
        "group": f"{name_of(found)} {found['label']}".strip(),
        "n": found["n"],
        "mean score - label": mean["value"],
        "low": mean["low"],
        "high": mean["high"],
        "error": error["value"],
        "error low": error["low"],
        "error high": error["high"],
        "error by chance alone": found["floor"],
        "slope": slope["value"],
        "slope low": slope["low"],
        "slope high": slope["high"],
    }


def flip_row(found: Facts) -> dict[str, object]:
    """Decisions with an attribute exchanged, as a table row."""
    changed, score = found["changed"], found["score"]
    return {
        "set to": name_of(found),
        "column": found["column"] if found["set_to"] is None else f"{found['column']} = {found['set_to']}",
        "n others": found["n"],
        "decisions changed": changed["value"],
        "low": changed["low"],
        "high": changed["high"],
        "get it": found["gained"]["value"],
        "lose it": found["lost"]["value"],
        "mean change of score": score["value"],
        "score low": score["low"],
        "score high": score["high"],
    }


def cannot_hold(facts: Facts) -> str:
    """One sentence per attribute, of the group where it weighs most, and the figures of all; none of masked groups."""
    shown = [f for f in facts["cannot_hold"] if hidden(facts, f) is None]
    if not shown:
        return "nothing that these rows show: no base rate of a group differs from that of the rest beyond noise"
    kinds = dict.fromkeys((f["attribute"], f["label"]) for f in shown)
    widest = [
        max((f for f in shown if (f["attribute"], f["label"]) == kind), key=lambda f: abs(f["implied_gap"]["value"]))
        for kind in kinds
    ]
    return "\n\n".join([*(str(f["sentence"]) for f in widest), markdown_table([_forced_row(f) for f in shown])])


def _forced_row(found: Facts) -> dict[str, object]:
    gap, measured = found["implied_gap"], found["measured_gap"]
    return {
        "group": f"{name_of(found)} {found['label']}".strip(),
        "n": found["n"],
        "base rate": found["base_rate"]["value"],
        "rest": found["rest_base_rate"]["value"],
        "forced gap of false positive rates": gap["value"],
        "low": gap["low"],
        "high": gap["high"],
        "measured gap": measured["value"],
        "measured low": measured["low"],
        "measured high": measured["high"],
    }


def report_metadata(facts: Facts) -> dict[str, Any]:
    """Everything the UI shows of the report."""
    gated = [disparity_row(d) for d in visible(facts, facts["disparities"])]
    found: dict[str, Any] = {"gaps": table(gated), "verdict": facts["verdict"], "test_rows": facts["rows"]}
    found["audit"] = audit_sentence(facts)
    if not facts["figures"]:
        return found
    found["figures of every group"] = table([figure_row(f) for f in visible(facts, facts["figures"])], most=200)
    if facts["crossings"]:
        found["worst crossings"] = table([figure_row(f) for f in visible(facts, facts["crossings"])])
        found["figures of crossings compared"] = facts["crossed_figures"]
    if facts["calibration"]:
        found["calibration by group"] = table([calibration_row(c) for c in visible(facts, facts["calibration"])])
    found["what cannot hold at once"] = dg.MetadataValue.md(cannot_hold(facts))
    found["attribute exchanged"] = (
        table([flip_row(f) for f in visible(facts, facts["flips"])]) if facts["flips"] else NONE_READ
    )
    if withheld := _withheld(facts):
        found["not shown"] = table(withheld)
    return found | _pictures(facts)


def _withheld(facts: Facts) -> list[dict[str, object]]:
    """The groups that are there, and whose counts are not shown."""
    return [
        {"group": f"{attribute}={group}", "why": WHY[why].format(facts["threshold"])}
        for attribute, groups in facts["masked"].items()
        for group, why in groups.items()
    ]


SHOWN_RATES = {
    "selection_rate": "rate of favourable decisions", "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate", "positive_predictive_value": "precision (PPV)",
    "false_omission_rate": "false omission rate (FOR)", "accuracy": "accuracy", "roc_auc": "area under the ROC curve",
    "value_per_decision": "money per decision", "mean_residual": "mean residual",
    "mean_absolute_error": "mean absolute error",
}  # fmt: skip
"""The figures that are drawn, and what they are called there."""


def _pictures(facts: Facts) -> dict[str, Any]:
    drawn = {
        "picture": gap_pictures(facts),
        "rates of every group": rate_pictures(facts),
        "calibration of every group": calibration_pictures(facts),
    }
    return {name: dg.MetadataValue.md(drawing) for name, drawing in drawn.items() if drawing}


def gap_pictures(facts: Facts) -> str:
    """Each gated metric on an axis of its own, every group against the rest, with the limits it is held to."""
    known = [d for d in visible(facts, facts["disparities"]) if d["value"]["value"] is not None]
    drawn = []
    for metric in dict.fromkeys(d["metric"] for d in known):
        own = [d for d in known if d["metric"] == metric]
        drawn.append(
            forest(
                f"{metric}: group against the rest, with its limits",
                [mark(name_of(d), d["value"]) for d in own][:MOST_MARKS],
                limits=allowed_band(metric, float(own[0]["limit"])),
            )
        )
    return images(drawn)


def rate_pictures(facts: Facts) -> str:
    """Each figure of every group with its interval, the figures one under the other."""
    known = [f for f in visible(facts, facts["figures"]) if f["value"]["value"] is not None]
    drawn = []
    for metric, label in dict.fromkeys((f["metric"], f["label"]) for f in known if f["metric"] in SHOWN_RATES):
        own = [f for f in known if (f["metric"], f["label"]) == (metric, label)]
        title = f"{SHOWN_RATES[metric]}{f' of {label}' if label else ''}, by group"
        drawn.append(forest(title, [mark(name_of(f), f["value"]) for f in own]))
    return images(drawn)


def calibration_pictures(facts: Facts) -> str:
    """For each attribute a line per group: the share of positive labels against the score that promised it."""
    shown = [c for c in facts["calibration"] if hidden(facts, c) is None and c["points"]]
    drawn = []
    for attribute, label in dict.fromkeys((c["attribute"], c["label"]) for c in shown):
        lines = {
            c["group"]: [(p["promised"], p["observed"]["value"]) for p in c["points"]]
            for c in shown
            if (c["attribute"], c["label"]) == (attribute, label)
        }
        title = f"calibration by {attribute}{f', {label}' if label else ''}"
        drawn.append(curves(title, lines, across="score", up="share of positive labels", diagonal=True))
    return images(drawn)


def mark(label: str, estimate: Facts, *, strong: bool = False) -> Mark:
    """A recorded figure on an axis."""
    return Mark(label, estimate["value"], estimate["low"], estimate["high"], strong)

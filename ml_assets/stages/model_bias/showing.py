"""What may be seen of the report: figures of small groups not shown, small evidence told as such, tables and pictures."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg

from ml_assets.evidence import intervals, table
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate

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
    for name in ("value", "rest", "gap", "mean", "error", "slope", "changed", "gained", "lost", "score"):
        if name in found:
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
        "verdict": found["verdict"],
    }


def figure_row(found: Facts) -> dict[str, object]:
    """One figure of one group as a table row."""
    value, gap = found["value"], found["gap"]
    return {
        "group": name_of(found),
        "figure": f"{found['metric']} {found['label']}".strip(),
        "value": found["answer"] if value["value"] is None else value["value"],
        "low": value["low"],
        "high": value["high"],
        "n": value["n"],
        "n counts": found["denominator"],
        "rest": found["rest"]["value"],
        "gap": "" if gap["value"] is None else f"{'× ' if found['form'] == 'ratio' else ''}{gap['value']:.3g}",
        "gap low": gap["low"],
        "gap high": gap["high"],
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
    """One sentence per group whose base rate differs; of groups whose counts are not shown none."""
    shown = [f["sentence"] for f in facts["cannot_hold"] if hidden(facts, f) is None]
    if shown:
        return " ".join(shown)
    return "nothing that these rows show: no base rate of a group differs from that of the rest beyond noise"


def report_metadata(facts: Facts) -> dict[str, Any]:
    """Everything the UI shows of the report."""
    gated = [disparity_row(d) for d in visible(facts, facts["disparities"])]
    found: dict[str, Any] = {"gaps": table(gated), "verdict": facts["verdict"], "test_rows": facts["rows"]}
    if not facts["figures"]:
        return found
    found["figures of every group"] = table([figure_row(f) for f in visible(facts, facts["figures"])], most=200)
    if facts["crossings"]:
        found["worst crossings"] = table([figure_row(f) for f in visible(facts, facts["crossings"])])
        found["figures of crossings compared"] = facts["crossed_figures"]
    if facts["calibration"]:
        found["calibration by group"] = table([calibration_row(c) for c in visible(facts, facts["calibration"])])
    found["what cannot hold at once"] = cannot_hold(facts)
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


def _pictures(facts: Facts) -> dict[str, Any]:
    named = [
        Estimate.from_row(d["value"] | {"name": f"{d['metric'][:14]} {name_of(d)}", "n": d["value"]["n"] or 0})
        for d in visible(facts, facts["disparities"])
        if None not in (d["value"]["value"], d["value"]["low"], d["value"]["high"])
    ]
    return _picture("picture", "gap: group against the rest", named)


def _picture(key: str, title: str, estimates: Sequence[Estimate]) -> dict[str, Any]:
    return {key: dg.MetadataValue.md(intervals(title, estimates))} if estimates else {}

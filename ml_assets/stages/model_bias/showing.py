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
    for name in ("value", "rest", "gap"):
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

"""What monitoring found: the newest batch of every report, how far estimates held, what is muted, and lines over batches."""

from collections.abc import Mapping
from typing import Any

from ml_assets.evidence import bars
from ml_assets.mutes import mutes
from ml_assets.pictures import Mark, trend
from ml_assets.report.disclosure import shown
from ml_assets.report.groups import name_of, suppressed_note
from ml_assets.report.markup import (
    Html,
    badge,
    bullets,
    estimate_cells,
    estimate_text,
    figure,
    heading,
    join,
    missing,
    note,
    pairs,
    reused,
    table,
    tag,
)
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.table import monitoring_table

MOST_BATCHES, MOST_COLUMNS = 60, 12


def build(recorded: Recorded) -> Html:
    """The section."""
    parts = [
        _trends(recorded), _drift(recorded), _performance(recorded), _value(recorded), _fairness(recorded),
        _estimate(recorded), _muted(recorded),
    ]  # fmt: skip
    return join(parts)


def _newest(recorded: Recorded, asset: str, title: str) -> tuple[Html, Facts | None]:
    """The head of a report and its newest document, None where there is nothing to go on with."""
    found = recorded.newest(asset)
    if found is None:
        return join([heading(title), missing(asset)]), None
    batch, facts = found
    head = join([heading(title), note("Batch ", tag("strong", batch), ": ", facts["sentence"])])
    return head, facts if facts.get("judged", True) else None


def _drift(recorded: Recorded) -> Html:
    head, facts = _newest(recorded, "drift_report", "Drift")
    if facts is None:
        return head
    verdict = facts["verdict"]
    moved = sorted((c for c in facts["columns"] if c["effect"] is not None), key=lambda c: -c["effect"])
    rows = [
        {"column": c["column"], "effect": c["effect"], "interval": _ends(c), "n": c["n"], "verdict": c["verdict"], "finding": c["sentence"]}
        for c in moved[:MOST_COLUMNS]
    ]  # fmt: skip
    found = {
        "drifted": badge("drifted" if verdict["drifted"] else "stable"),
        "importance that drifted": verdict["share"],
        "limit": verdict["limit"],
        "change of the scores": verdict["prediction_effect"],
        "its limit": verdict["prediction_limit"],
        "compared": facts.get("against", "with what the live model learned from"),
    }
    picture = facts.get("picture")
    strongest = reused(bars(str(picture["column"])[:20], picture["before"], picture["now"])) if picture else ""
    more = note(f"{len(moved) - MOST_COLUMNS} further columns moved less.") if len(moved) > MOST_COLUMNS else Html("")
    return join(
        [head, pairs(found), table(rows, caption="Columns that moved most"), more, _consequences(facts), strongest]
    )


def _ends(column: Facts) -> str:
    low, high = column.get("low"), column.get("high")
    return "" if low is None or high is None else f"[{low:.4g}, {high:.4g}]"


def _consequences(facts: Facts) -> Html:
    rows = [
        {"column": c["column"], "what": words, **estimate_cells(c[key]), "unit": c[key]["unit"]}
        for c in facts.get("consequences", ())
        for key, words in (("changed", "share of decisions changed"), ("money", "expected money per decision"))
        if c[key]["value"] is not None
    ]
    return table(rows, caption="What the change did, by the model's own scores") if rows else Html("")


def _performance(recorded: Recorded) -> Html:
    head, facts = _newest(recorded, "performance_report", "Performance on matured labels")
    if facts is None:
        return head
    released = {m["name"]: m["value"] for m in facts["released"]}
    rows = [{"metric": m["name"], **estimate_cells(m), "at release": released.get(m["name"])} for m in facts["metrics"]]
    causes = facts.get("causes") or {}
    said: list[object] = [causes["concept"]["sentence"], *(s["sentence"] for s in causes["splits"])] if causes.get("judged") else []  # fmt: skip
    if said and causes["segments"]["segments"]:
        said.append(causes["segments"]["sentence"])
    concept = join([heading("Concept: the same rows turning out otherwise"), bullets(said)]) if said else Html("")
    return join([head, table(rows, caption="The model that was live, against its release"), concept])


def _value(recorded: Recorded) -> Html:
    head, facts = _newest(recorded, "value_report", "Money")
    if facts is None:
        return head
    found = {
        f"{facts['currency']} per decision": estimate_text(facts["earned"]),
        "best constant decision": facts["best_constant"],
        "promised by the case": facts.get("promised"),
        "total of the batch": facts["total"],
        "the version before would have earned": facts.get("previous_total"),
    }
    return join([head, pairs(found)])


def _fairness(recorded: Recorded) -> Html:
    head, facts = _newest(recorded, "fairness_report", "Gaps between groups")
    if facts is None:
        return head
    rows = [
        {"metric": d["metric"], "group": name_of(d), **estimate_cells(d["value"]), "limit": d["limit"], "verdict": badge(d["verdict"])}
        for d in shown(facts["disparities"])
    ]  # fmt: skip
    shown_gaps = table(rows, caption="Each group against the rest, in the decisions made")
    return join([head, shown_gaps, suppressed_note(facts["disparities"], recorded.least)])


def _estimate(recorded: Recorded) -> Html:
    head, facts = _newest(recorded, "performance_estimate", "Estimated before labels come")
    if facts is None:
        return head
    rows = [{"metric": e["name"], **estimate_cells(e)} for e in facts["estimated"]]
    record = facts.get("record") or {}
    held = [
        {"metric": m["metric"], "share of batches inside": m["coverage"]["value"], "interval": _ends(m["coverage"]), "batches": m["coverage"]["n"], "mean absolute error": m["error"]["value"]}
        for m in record.get("metrics", ())
    ]  # fmt: skip
    track = table(held, caption="Track record: how often earlier estimates held") if held else note("Track record: no earlier batch of this version to compare with.")  # fmt: skip
    trusted = pairs({"trusted": facts.get("trusted", "too few to say"), "rule": record.get("rule", "none recorded")})
    return join([head, table(rows, caption="Expected figures"), trusted, track])


def _muted(recorded: Recorded) -> Html:
    standing = mutes(recorded.store)
    rows = [{"check": m.check, "column": m.column or "all", "until": m.until, "reason": m.reason, "by": m.by, "given": m.given} for m in standing]  # fmt: skip
    return join([heading("Muted alarms"), table(rows, caption="Acknowledged until a date") if rows else note("Nothing is muted.")])  # fmt: skip


def _trends(recorded: Recorded) -> Html:
    """A small line for every main figure, from the table of all that monitoring found."""
    frame = monitoring_table(recorded.solution, recorded.store)
    main = recorded.solution.main_metric
    figures = (
        ("drift_report", "importance_drifted", "importance that drifted"),
        ("drift_report", "prediction_effect", "change of the scores"),
        ("performance_report", main, main),
        ("performance_report", "concept_excess", "outcomes beyond the scores"),
        ("performance_estimate", f"expected_{main}", f"{main}, estimated"),
        ("value_report", "value_per_decision", "money per decision"),
    )
    pictures = []
    for report, metric, title in dict.fromkeys(figures):
        rows = frame[(frame["report"] == report) & (frame["metric"] == metric) & frame["group"].isna()]
        marks = [_point(r) for r in rows.dropna(subset=["value"]).tail(MOST_BATCHES).to_dict("records")]
        limits = rows["limit"].dropna()
        limit = float(limits.iloc[-1]) if len(limits) else None
        pictures.append(figure(trend(title, marks, limit=limit), small=True))
    drawn = [p for p in pictures if p]
    if not drawn:
        return note("Lines over batches need at least two judged batches.")
    return join([heading("Over batches"), tag("div", *drawn, class_="grid"), note(f"Up to {MOST_BATCHES} newest batches; red points failed, dashed lines are the newest limits.")])  # fmt: skip


def _point(row: Mapping[Any, Any]) -> Mark:
    low, high = (None if row[k] is None or row[k] != row[k] else float(row[k]) for k in ("low", "high"))
    return Mark(str(row["batch"]), float(row["value"]), low, high, row["verdict"] == "fail")

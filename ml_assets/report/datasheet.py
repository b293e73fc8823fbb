"""Datasheet of the data: what is in it, who is in it, what is missing, how it was cleaned, labelled and divided (Gebru and others 2021)."""

from collections import Counter

from ml_assets.declaration._types import spell
from ml_assets.report.disclosure import shown
from ml_assets.report.groups import name_of, suppressed_note
from ml_assets.report.markup import Html, badge, estimate_cells, heading, join, missing, note, pairs, table, tag
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts
from ml_assets.statistics.groups import UNKNOWN

SOURCE = "https://arxiv.org/abs/1803.09010"


def build(recorded: Recorded) -> Html:
    """The section."""
    return join(
        [
            note("After ", tag("a", "Gebru and others (2021)", href=SOURCE), "."),
            _origin(recorded),
            _composition(recorded),
            _columns(recorded),
            _groups(recorded),
            _missing_by_group(recorded),
            _quarantine(recorded),
            _labels(recorded),
            _splits(recorded),
        ]
    )


def _origin(recorded: Recorded) -> Html:
    pipeline, bias = recorded.solution.data_pipeline, recorded.solution.data_bias
    arrival = pipeline.arrival
    found = {
        "kind of source": pipeline.source.type,
        "arrives": f"every {arrival.every}" if arrival else "once, as a single table",
        "contract declared": pipeline.contract is not None,
        "protected attributes, for audit": list(bias.protected) or "none declared",
        "declared proxies": "; ".join(f"{c} for {a}" for c, a in bias.proxies.items()) or "none declared",
        "protected columns and proxies a model may see": "; ".join(f"{k}: {v}" for k, v in bias.as_input.items())
        or "none",
    }
    return join([heading("Motivation and collection"), pairs(found)])


def _composition(recorded: Recorded) -> Html:
    training = recorded.facts("training_set")
    if training is None:
        return join([heading("Composition"), missing("training_set")])
    batches = training["batches"]
    found = {
        "labelled rows in the training window": training["rows"],
        "batches": f"{batches[0]} to {batches[-1]} ({len(batches)})" if batches else "none",
        "newest event": training["newest_event"] or "no event time",
        "classes": training["classes"] or "a number",
        "inputs": len(training["features"]),
        "rows left out for an unknown label": training["unlabelled"],
        "digest": tag("code", training["digest"]),
    }
    return join([heading("Composition"), pairs(found)])


def _columns(recorded: Recorded) -> Html:
    screening, selected = recorded.facts("column_screening"), recorded.facts("selected_columns")
    if screening is None:
        return join([heading("Columns"), missing("column_screening")])
    rows = [
        {"column": c["column"], "kind": c["kind"], "missing share": c["missing_share"], "distinct": c["distinct"], "verdict": c["verdict"], "why": "; ".join(c["reasons"])}
        for c in screening["columns"]
    ]  # fmt: skip
    parts = [heading("Columns"), table(rows, caption="Every raw column as screened")]
    if selected is None:
        return join([*parts, missing("selected_columns")])
    dropped = [{"column": k, "kept out because": v} for k, v in selected["dropped"].items()]
    return join([*parts, table(dropped, caption="Columns no model sees")])


def _groups(recorded: Recorded) -> Html:
    report = recorded.facts("data_bias_report")
    parts = [heading("People by group")]
    if report is None:
        return join([*parts, missing("data_bias_report")])
    if not report["shares"]:
        return join([*parts, note("No attribute is protected, so no group was counted.")])
    rows = [
        {"group": name_of(s), **estimate_cells(s["share"], name="share"), "n": s["n"], "reference share": s["reference"], "verdict": badge(s["verdict"])}
        for s in shown(report["shares"])
    ]  # fmt: skip
    unknown = [f"{s['attribute']}: {s['n']:,}" for s in shown(report["shares"]) if s["group"] == UNKNOWN]
    known = note("Unknown group: ", "; ".join(unknown) or "nobody listed", ".")
    counted = table(rows, caption=f"Labelled window, {report['rows']:,} rows")
    return join([*parts, counted, known, suppressed_note(report["shares"], recorded.least)])


def _missing_by_group(recorded: Recorded) -> Html:
    report = recorded.facts("data_bias_report")
    if report is None or not report["missing"]:
        return Html("")
    rows = [
        {"column": m["column"], "group": name_of(m), "missing share": m["share"]["value"], **estimate_cells(m["difference"], name="less the rest"), "verdict": badge(m["verdict"])}
        for m in shown(report["missing"])
    ]  # fmt: skip
    return join([heading("Missing values by group"), table(rows, caption="Columns with missing values"), _few(report["missing"], recorded.least)])  # fmt: skip


def _few(rows: list[Facts], least: int) -> Html:
    hidden = sum(1 for r in rows if r.get("suppressed"))
    return note(f"{hidden} comparisons are suppressed: they rest on counts below {least}, or would give one away.") if hidden else Html("")  # fmt: skip


def _quarantine(recorded: Recorded) -> Html:
    batches = recorded.batches("valid_data")
    if not batches:
        return join([heading("Cleaning"), missing("valid_data")])
    found = {b: facts for b in batches if (facts := recorded.facts("valid_data", b))}
    rules: Counter[str] = Counter()
    for facts in found.values():
        rules.update(facts["rules"])
    blocked = [b for b, f in found.items() if f["blocked"]]
    total = sum(f["rows"] + f["quarantined"] for f in found.values())
    shown_facts = {
        "batches": len(found),
        "rows that came": total,
        "rows in quarantine": sum(f["quarantined"] for f in found.values()),
        "batches over their limit, not used at all": ", ".join(blocked[:20]) or "none",
    }
    rows = [{"rule broken": r, "rows": n if n >= recorded.least else f"fewer than {recorded.least}"} for r, n in rules.most_common()]  # fmt: skip
    return join([heading("Cleaning"), pairs(shown_facts), table(rows, caption="Rules of the contract that rows broke")])


def _labels(recorded: Recorded) -> Html:
    batches = recorded.batches("labels")
    delay = recorded.solution.business_case.target.delay
    if not batches:
        return join([heading("Labels"), missing("labels")])
    found = [f for b in batches if (f := recorded.facts("labels", b))]
    labelled, rows = sum(f["labelled"] for f in found), sum(f["rows"] for f in found)
    shown_facts = {
        "label column": recorded.solution.target,
        "known after": spell(delay) if delay else "at once",
        "rows with a label": labelled,
        "share of all rows": labelled / rows if rows else None,
        "batches with all labels due": sum(f["mature"] for f in found),
        "batches still maturing": sum(not f["mature"] for f in found),
    }
    return join([heading("Labels"), pairs(shown_facts)])


def _splits(recorded: Recorded) -> Html:
    training = recorded.facts("training_set")
    if training is None:
        return join([heading("Splits"), missing("training_set")])
    kind = "by time: train, then validation, then test" if recorded.solution.time_split else "by a hash of the id"
    order = {"train": 0, "validation": 1, "test": 2}
    parts = sorted(training["parts"].items(), key=lambda item: order.get(item[0], 3))
    rows = [{"part": name, "rows": n, "share": n / max(training["rows"], 1)} for name, n in parts]
    return join([heading("Splits"), note("Divided ", kind, "."), table(rows, caption="Parts of the training set")])

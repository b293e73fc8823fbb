"""Bias in the data and in the decisions: what was found, what was planned, what was tried, what was chosen, what is left."""

from ml_assets.pictures import Mark, forest
from ml_assets.report import decisions, remedies
from ml_assets.report.disclosure import WITHHELD, shown
from ml_assets.report.groups import mark, name_of, suppressed_note
from ml_assets.report.markup import (
    Html,
    badge,
    estimate_cells,
    estimate_text,
    figure,
    heading,
    join,
    missing,
    note,
    table,
    warning,
)
from ml_assets.report.rates import SELECTION, read_rates
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts
from ml_assets.statistics.fairness_metrics import allowed_band

SMALLEST = "smallest gap these rows could rule out"
FURTHER = {
    "conditional": "label gap among people alike", "divergences": "distribution of labels",
    "missing_by_label": "missing values and the label", "unknown": "people whose group is not known",
    "proxies": "inputs that tell a group apart", "stress": "conclusions under wrong labels",
}  # fmt: skip
"""What the data report may say besides shares, gaps and missing values."""


def build(recorded: Recorded) -> Html:
    """The section."""
    if not recorded.solution.data_bias.protected:
        return note("No attribute is declared protected (data_bias.protected), so no group was compared.")
    return join(
        [
            warning(recorded.subject),
            _data(recorded),
            remedies.build(recorded),
            _model(recorded),
            _rates(recorded),
            decisions.build(recorded),
        ]
    )


def _data(recorded: Recorded) -> Html:
    report = recorded.facts("data_bias_report")
    if report is None:
        return join([heading("In the data"), missing("data_bias_report")])
    gaps = shown(report["gaps"])
    tolerance = recorded.solution.data_bias.tolerance.label_rate_difference
    marks = [mark(name_of(g), g["difference"]) for g in gaps if g["difference"]["value"] is not None]
    title = "label rate: group less the rest, with the declared tolerance"
    return join(
        [
            heading("In the data"),
            table([_gap(g) for g in gaps], caption="Label gaps, each group against the rest"),
            figure(forest(title, marks, limits=[-tolerance, tolerance])),
            suppressed_note(report["gaps"], recorded.least),
            _further(report),
        ]
    )


def _gap(gap: Facts) -> dict[str, object]:
    return {
        "group": name_of(gap) + (f", {gap['label']}" if gap["label"] else ""),
        "people": gap["n"],
        "label rate": gap["rate"]["value"],
        "the rest": gap["rest_rate"],
        **estimate_cells(gap["difference"], name="difference"),
        "verdict": badge(gap["verdict"]),
        "rows suffice to pass": gap["resolvable"],
    } | ({SMALLEST: gap["detectable"]} if "detectable" in gap else {})


def _further(report: Facts) -> Html:
    """What else was examined, in its own sentences, where the report has it."""
    rows = [
        {"about": words, "finding": f["sentence"], "verdict": badge(f["verdict"]) if "verdict" in f else ""}
        for key, words in FURTHER.items()
        for f in shown(report.get(key, ()))
        if f.get("sentence") and f.get("verdict") not in ("pass", "not_estimable")
    ]
    return table(rows, caption="Also examined, where it did not pass") if rows else Html("")


def _model(recorded: Recorded) -> Html:
    report = recorded.facts("model_bias_report")
    if report is None:
        return join([heading("In the final decisions"), missing("model_bias_report")])
    found = shown(report["disparities"])
    rows = [
        {
            "metric": d["metric"],
            "group": name_of(d),
            **estimate_cells(d["value"]),
            "n counts": d["denominator"],
            "limit": d["limit"],
            **_larger(d, recorded.least),
            "verdict": badge(d["verdict"]),
            "rows suffice to pass": d["resolvable"],
        }
        | ({SMALLEST: d["detectable"]} if "detectable" in d else {})
        for d in found
    ]
    pictures = []
    for metric in dict.fromkeys(d["metric"] for d in found):
        own = [d for d in found if d["metric"] == metric and d["value"]["value"] is not None]
        limit = float(own[0]["limit"]) if own else 0.0
        marks, held = [mark(name_of(d), d["value"]) for d in own], allowed_band(metric, limit)
        pictures.append(figure(forest(f"{metric}: group against the rest, with its limits", marks, limits=held)))
    on_rows = f" on the test part, {report['rows']:,} rows{_audited(report)}."
    head = note("Overall verdict: ", badge(report["verdict"]), on_rows)
    return join([heading("In the final decisions"), head, table(rows, caption="Each group against the rest"), _detectable(found), *pictures, suppressed_note(report["disparities"], recorded.least)])  # fmt: skip


def _larger(gap: Facts, least: int) -> dict[str, object]:
    """The same gap out of fold, and which of both the verdict rests on; nothing for a report recorded before it had both."""
    if "basis" not in gap:
        return {}
    larger = gap["out_of_fold"]
    few = larger is not None and 0 < larger["n"] < least
    return {
        "out of fold": "" if larger is None else WITHHELD if few else estimate_text(larger),
        "verdict rests on": gap["basis"] + (", which contradicts out of fold" if gap["contradicted"] else ""),
    }


def _audited(report: Facts) -> str:
    """How much of the verdict rests on the larger audit."""
    audit = report.get("audit")
    if not audit or not audit["made"]:
        return ""
    rest = f"; {audit['decided']} of {len(report['disparities'])} comparisons rest on {audit['rows']:,} training and validation"
    told = f"{rest} rows, each decided by a model that did not learn from it ({audit['fits']} fits, {audit['folds']})"
    return f"{told}; {audit['why']}" if audit["why"] else told


def _detectable(found: list[Facts]) -> Html:
    """Said once where the figure is not in the facts; the intervals and the column beside it speak to the same question."""
    if not found or "detectable" in found[0]:
        return Html("")
    return missing("model_bias_report", "its fact detectable: the smallest gap these rows could rule out")


def _rates(recorded: Recorded) -> Html:
    rates = read_rates(recorded)
    if rates is None:
        return Html("")
    hidden = rates.hidden(recorded.least)
    cells = [c for c in rates.cells if len(c.groups) == 1 and c not in hidden]
    found = [(c.name, c.figure(SELECTION)) for c in cells]
    marks = [Mark(name, e.value, e.low, e.high) for name, e in found if e.estimable]
    return figure(forest(f"rate of favourable decisions, {rates.part}", marks))

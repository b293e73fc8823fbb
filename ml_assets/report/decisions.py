"""The final decisions by group beyond the gates: figures, calibration, what cannot hold at once, the attribute exchanged."""

from ml_assets.pictures import curves, forest
from ml_assets.report.disclosure import shown
from ml_assets.report.groups import mark, name_of
from ml_assets.report.markup import Html, bullets, estimate_cells, estimate_text, figure, heading, join, note, table
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts


def build(recorded: Recorded) -> Html:
    """The part of the section on bias; nothing for a report recorded before it had these figures."""
    report = recorded.facts("model_bias_report")
    if report is None or not report.get("figures"):
        return Html("")
    return join(
        [heading("Every figure by group"), _figures(report), _calibration(report), _limits(report), _flips(report)]
    )


def _figures(report: Facts) -> Html:
    rows = shown(report["figures"])
    worst = shown(report["crossings"])
    pictures = []
    for metric, label in dict.fromkeys((f["metric"], f["label"]) for f in rows):
        own = [f for f in rows if (f["metric"], f["label"]) == (metric, label) and f["value"]["value"] is not None]
        marks = [mark(name_of(f), f["value"]) for f in own]
        pictures.append(figure(forest(f"{metric} {label}".strip() + " by group", marks)))
    caption = f"The worst of {report['crossed_figures']} figures of crossed groups"
    crossed = table([_row(f) for f in worst], caption=caption) if worst else Html("")
    return join([table([_row(f) for f in rows], caption="Each group beside all others"), *pictures, crossed])


def _row(found: Facts) -> dict[str, object]:
    return {
        "figure": f"{found['metric']} {found['label']}".strip(),
        "group": name_of(found),
        **estimate_cells(found["value"]),
        "n counts": found["denominator"],
        found["form"]: estimate_text(found["gap"]),
        "answer": found["answer"],
    }


def _calibration(report: Facts) -> Html:
    known = [c for c in shown(report["calibration"]) if c["points"]]
    drawn = []
    for attribute, label in dict.fromkeys((c["attribute"], c["label"]) for c in known):
        lines = {
            c["group"]: [(p["promised"], p["observed"]["value"]) for p in c["points"]]
            for c in known
            if (c["attribute"], c["label"]) == (attribute, label)
        }
        title = f"calibration by {attribute} {label}".strip()
        drawn.append(figure(curves(title, lines, across="score", up="share of positive labels", diagonal=True)))
    return join(drawn)


def _limits(report: Facts) -> Html:
    said = [f["sentence"] for f in shown(report["cannot_hold"])]
    if not said:
        return Html("")
    return join([note("What cannot hold at once, by Chouldechova's identity, with these rows:"), bullets(said)])


def _flips(report: Facts) -> Html:
    if not report["flips"]:
        return note("No protected attribute, and no column declared to stand for one, is an input of the model.")
    rows = [
        {
            "set to": name_of(f),
            "through": f["column"],
            **estimate_cells(f["changed"], name="share of decisions changed"),
            "mean change of score": estimate_text(f["score"]),
        }
        for f in shown(report["flips"])
    ]
    return table(rows, caption="Everyone else decided again as if they were of this group, all else kept")

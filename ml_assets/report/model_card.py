"""Model card: what the model is for, how good it is, for whom, and what to beware of (Mitchell and others 2019)."""

from ml_assets.evidence import curve
from ml_assets.pictures import Mark, forest
from ml_assets.report.disclosure import shown
from ml_assets.report.groups import hidden_note, mark, name_of, suppressed_note
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
    warning,
)
from ml_assets.report.rates import read_rates
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts, plain

SOURCE = "https://arxiv.org/abs/1810.03993"
CROSSED = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
CAVEATS = ("evaluation", "model_bias_report", "mitigation", "champion", "success_criteria", "selected_columns")


def build(recorded: Recorded) -> Html:
    """The section."""
    return join(
        [
            note("After ", tag("a", "Mitchell and others (2019)", href=SOURCE), "."),
            _details(recorded),
            _use(recorded),
            _metrics(recorded),
            _groups(recorded),
            _crossed(recorded),
            _thresholds(recorded),
            _training(recorded),
            _candidates(recorded),
            _explanation(recorded),
            _worth(recorded),
            _caveats(recorded),
        ]
    )


def _details(recorded: Recorded) -> Html:
    release, model, case = recorded.release, recorded.facts("model"), recorded.facts("business_case")
    found: dict[str, object] = {"solution": recorded.solution.name, "owner": case["owner"] if case else missing("business_case")}  # fmt: skip
    if release is None:
        found["live version"] = "none: no model was released"
    else:
        found |= {
            "live version": recorded.live_version,
            "kind of model": release["family"],
            "remedy against gaps": release["remedy"],
            "inputs": len(release["features"]),
            "classes": release["classes"] or "a number",
            "verdict on gaps at release": badge(release["fairness"]),
            "sha256": tag("code", release["digest"]),
        }
    if model:
        found |= {
            "why this kind (newest training)": model["selection"]["sentence"],
            "calibration": model["calibration"],
        }
    return join([heading("Model details"), pairs(found), Html("") if model else missing("model")])


def _use(recorded: Recorded) -> Html:
    case = recorded.facts("business_case")
    if case is None:
        return join([heading("Intended use"), missing("business_case")])
    return join(
        [
            heading("Intended use"),
            pairs(
                {
                    "decision": case["decision"],
                    "prediction": case["prediction"],
                    "intended use": case["intended_use"] or "not declared: business_case.intended_use",
                    "out of scope": case["out_of_scope"] or "not declared: business_case.out_of_scope",
                    "favourable decision": case["favourable"],
                    "objections to the use": case["prohibited"] or "none recorded",
                }
            ),
        ]
    )


def _metrics(recorded: Recorded) -> Html:
    evaluation, release = recorded.facts("evaluation"), recorded.release
    parts = [heading("Metrics")]
    if release is not None:
        rows = [{"metric": m["name"], **estimate_cells(m), "unit": m["unit"]} for m in release["metrics"]]
        parts.append(table(rows, caption=f"Released figures of version {recorded.live_version}, on its test part"))
    if evaluation is None:
        return join([*parts, missing("evaluation")])
    if not recorded.judged_is_live:
        rows = [{"metric": m["name"], **estimate_cells(m), "unit": m["unit"]} for m in evaluation["metrics"]]
        parts.append(table(rows, caption="The model judged last, on its test part"))
    criteria = [
        {
            "criterion": c["criterion"],
            "result": badge("met" if c["met"] else "missed"),
            "beyond doubt": c["sure"],
            "evidence": c["sentence"],
        }
        for c in evaluation["criteria"]
    ]
    reads = note("The test part of these rows was read ", evaluation["reads"], " time(s) for a release decision; ", evaluation["rows"], " rows.")  # fmt: skip
    parts += [
        table(criteria, caption="Success criteria"),
        reads,
        _baselines(recorded, evaluation),
        _reliability(evaluation),
    ]
    return join(parts)


def _baselines(recorded: Recorded, evaluation: Facts) -> Html:
    named = {"value_per_decision", recorded.solution.main_metric}
    sides = {"the model": evaluation["metrics"], **evaluation["baselines"]}
    rows = [
        {"model": name, "metric": _metric(m), **estimate_cells(m)}
        for name, metrics in sides.items()
        for m in metrics
        if m["name"] in named
    ]
    return table(rows, caption="Beside models that know less, on the same test rows")


def _metric(estimate: Facts) -> str:
    return f"{estimate['name']}, {estimate['unit']}" if estimate["unit"] else str(estimate["name"])


def _reliability(evaluation: Facts) -> Html:
    points = [
        (b["mean_score"], b["rate"]["value"]) for b in evaluation["reliability"] if b["rate"]["value"] is not None
    ]
    return (
        reused(curve("promised (across) and observed (up) probability", points, diagonal=True)) if points else Html("")
    )


def _groups(recorded: Recorded) -> Html:
    evaluation = recorded.facts("evaluation")
    parts = [heading("By group"), warning(recorded.subject)]
    if evaluation is None:
        return join([*parts, missing("evaluation")])
    if not evaluation["slices"]:
        return join([*parts, note("No attribute is declared by which figures are broken down.")])
    rows = shown(evaluation["slices"])
    parts.append(table([_slice_row(s) for s in rows], caption="Test part, by group"))
    for metric in dict.fromkeys(s["metric"] for s in rows):
        marks = [
            mark(name_of(s), s["estimate"])
            for s in rows
            if s["metric"] == metric and s["estimate"]["value"] is not None
        ]
        parts.append(figure(forest(f"{metric} by group", marks)))
    return join([*parts, suppressed_note(evaluation["slices"], recorded.least)])


def _slice_row(found: Facts) -> dict[str, object]:
    few = "" if found["enough"] else "few rows"
    return {"group": name_of(found), "metric": _metric(found["estimate"]), **estimate_cells(found["estimate"]), "note": few}  # fmt: skip


def _crossed(recorded: Recorded) -> Html:
    rates = read_rates(recorded)
    if recorded.solution.task != "binary" or len(recorded.solution.data_bias.protected) < 2:
        return Html("")
    parts = [heading("Intersections of groups")]
    if rates is None or not rates.crossed:
        return join([*parts, missing("model_bias_report", "its fact counts: people per group, label and decision")])
    hidden = rates.hidden(recorded.least)
    pairs_of = [c for c in rates.cells if len(c.groups) > 1]
    rows = [
        {"groups": c.name, "rate (of favourable decisions)": m, **estimate_cells(plain(c.figure(m)))}
        for c in pairs_of
        if c not in hidden
        for m in CROSSED
    ]
    return join([*parts, table(rows, caption=f"Pairs of groups, {rates.part}"), hidden_note([c.name for c in pairs_of if c in hidden], recorded.least)])  # fmt: skip


def _thresholds(recorded: Recorded) -> Html:
    model, case, rules = recorded.facts("model"), recorded.facts("business_case"), recorded.facts("mitigation")
    if model is None:
        return join([heading("Thresholds"), missing("model")])
    chosen = next((r for r in rules["rows"] if r["name"] == rules["chosen"]), None) if rules else None
    by_group: object = missing("mitigation") if rules is None else bool(chosen and chosen["needs_group"])
    found = {
        "score from which the decision is positive": model["threshold"],
        "break-even probability of the money declared": case["break_even"] if case else missing("business_case"),
        "thresholds by group": by_group,
    }
    return join([heading("Thresholds"), pairs(found)])


def _training(recorded: Recorded) -> Html:
    release = recorded.release
    if release is None:
        return join([heading("Training data"), missing("champion", "no version was released")])
    batches = release["batches"]
    found = {
        "batches": f"{batches[0]} to {batches[-1]} ({len(batches)})" if batches else "none",
        "of which learned from": len(release["learned_batches"]),
        "newest event": release["newest_event"] or "no event time",
        "rows": release["reference"]["n"],
        "digest of the training set": tag("code", release["training_digest"]),
    }
    return join([heading(f"Training data of version {recorded.live_version}"), pairs(found)])


def _candidates(recorded: Recorded) -> Html:
    model = recorded.facts("model")
    if model is None:
        return join([heading("Candidates tried"), missing("model")])
    rows = [
        {"candidate": r["name"], **estimate_cells(r["loss"], name=r["loss"]["name"]), "within one standard error": r["eligible"], "chosen": r["chosen"]}
        for r in model["selection"]["table"]
    ]  # fmt: skip
    return join(
        [
            heading("Candidates tried"),
            table(rows, caption="The same rows for all, each answered by a fit that had not learned from it"),
        ]
    )


def _explanation(recorded: Recorded) -> Html:
    found = recorded.facts("explanation")
    if found is None:
        return join([heading("What the model goes by"), missing("explanation")])
    rows = [
        {"input": f["feature"], **estimate_cells(f["importance"], name="rise of the loss when shuffled"), "share": f["share"]}
        for f in found["importance"]
    ]  # fmt: skip
    marks = [
        Mark(f["feature"], f["importance"]["value"], f["importance"]["low"], f["importance"]["high"])
        for f in found["importance"][:12]
        if f["importance"]["value"] is not None
    ]
    return join([heading("What the model goes by"), figure(forest("rise of the loss when an input is shuffled", marks, limits=[0.0])), table(rows, caption="All inputs")])  # fmt: skip


def _worth(recorded: Recorded) -> Html:
    """What more rows would bring, and what the model loses without each column."""
    found, unit = recorded.facts("data_worth"), recorded.solution.business_case.currency
    if found is None:
        return join([heading("What the data are worth"), missing("data_worth")])
    rows = [
        {"column": c["column"], **estimate_cells(c["loss"], name="rise of the loss without it"), f"{unit} per decision": estimate_text(c["money"]), "cost": c["cost"], "verdict": c["verdict"]}
        for c in found["columns"]
    ]  # fmt: skip
    return join([heading("What the data are worth"), note(found["sentence"]), table(rows, caption=f"{found['family']} fitted without each column, on the validation part")])  # fmt: skip


def _caveats(recorded: Recorded) -> Html:
    failed = [c for c in recorded.checks.values() if c.asset in CAVEATS and c.failed]
    items = [join([tag("code", c.name), ": ", recorded.said(c)]) for c in failed]
    ran = any(c.found is not None for c in recorded.checks.values() if c.asset in CAVEATS)
    none = note("No recorded check of the model fails.") if ran else missing("evaluation", "no check of the model ran")
    return join([heading("Caveats, from recorded checks"), bullets(items) if items else none])

"""Checks of part 6: on what was recorded of the test part, and on what columns are worth."""

from collections.abc import Callable
from functools import partial

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict
from ml_assets.graph import solution_check
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.stages.model.suspicion import TOO_GOOD, in_use, too_good
from ml_assets.statistics.metrics import METRICS


def build_checks(solution: Solution) -> list[dg.AssetChecksDefinition]:
    """Every check of this stage."""
    on_evaluation = [
        solution_check(solution, "evaluation", name, partial(judge, solution), description=description)
        for name, judge, description in CHECKS
        if WHERE.get(name, _anywhere)(solution)
    ]
    worth = solution_check(
        solution,
        "data_worth",
        "columns_worth_their_cost",
        partial(_worth_their_cost, solution),
        description="No column is shown to earn less per decision than it is declared to cost.",
    )
    return [*on_evaluation, worth]


def _worth_their_cost(solution: Solution, store: SolutionStore) -> Verdict:
    from ml_assets.stages.model.worth import worth_their_cost

    return worth_their_cost(solution, store)


def _anywhere(_: Solution) -> bool:
    return True


def _criteria(_: Solution, store: SolutionStore) -> Verdict:
    criteria = store.read_facts("evaluation")["criteria"]
    missed = [c for c in criteria if not c["met"]]
    rows = [
        {"criterion": c["criterion"], "met": c["met"], "beyond doubt": c["sure"], "evidence": c["sentence"]}
        for c in criteria
    ]
    sentence = (
        "; ".join(f"{c['criterion']}: {c['sentence']}" for c in missed) or f"all {len(criteria)} criteria are met"
    )
    return Verdict(not missed, sentence, {"missed": len(missed), "criteria": len(criteria)}, rows)


def _values(metrics: list[Facts], name: str) -> Facts | None:
    return next((m for m in metrics if m["name"] == name and m["value"] is not None), None)


def _beats(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("evaluation")
    metric = "value_per_decision"
    own = _values(facts["metrics"], metric)
    assert own is not None
    rivals = {
        n: found
        for n, m in facts["baselines"].items()
        if not n.startswith("simpler_model") and (found := _values(m, metric)) is not None
    }
    lost: list[str] = facts["lost_to"]
    unit = solution.business_case.currency
    rows = [
        {"baseline": n, f"{unit} per decision": r["value"], "low": r["low"], "high": r["high"]}
        for n, r in rivals.items()
    ]
    best = max(rivals.items(), key=lambda item: item[1]["value"])
    bounds = f"[{own['low']:.4g}, {own['high']:.4g}]" if own["low"] is not None else "without bounds"
    sentence = f"{own['value']:.4g} {unit} per decision {bounds} against {best[0]} {best[1]['value']:.4g}; n = {facts['rows']:,}"
    return Verdict(
        not lost,
        sentence + (f"; not better than {', '.join(lost)}" if lost else ""),
        {"own": own["value"], "best_baseline": best[1]["value"]},
        rows,
    )


def _too_good(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("evaluation")
    declared = {} if solution.model.too_good is None else {solution.main_metric: solution.model.too_good}
    inputs = store.read_facts("baselines")["models"]["single_feature"].get("inputs") or [None]
    screened, raw = store.read_facts("column_screening")["columns"], store.read_facts("selected_columns")["raw"]
    return too_good(
        facts["metrics"],
        facts["baselines"],
        {**TOO_GOOD, **declared},
        feature=inputs[0],
        columns=in_use(screened, raw),
        task=solution.task,
    )


def _stable(_: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("evaluation")
    constant = bool(facts["constant_scores"])
    return Verdict(
        not constant,
        "every row gets the same score" if constant else f"scores of {facts['rows']:,} test rows are finite and differ",
        {"rows": facts["rows"]},
    )


def _reproducible(_: Solution, store: SolutionStore) -> Verdict:
    found = store.read_facts("evaluation")["reproduced"]
    fits = "the first and the last fit" if found["fits"] > 1 else "the first fit"
    sentence = f"{fits} made again in a second process: {found['rows']:,} scores of each are " + (
        "equal bit by bit" if found["equal"] else f"different by up to {found['largest_difference']:.3g}"
    )
    return Verdict(found["equal"], sentence, {"largest_difference": found["largest_difference"]}, act=False)


def _slices(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("evaluation")
    metric = solution.main_metric
    whole = _values(facts["metrics"], metric)
    slices = [
        s for s in facts["slices"] if s["metric"] == metric and s["enough"] and s["estimate"]["value"] is not None
    ]
    if whole is None or not slices:
        return Verdict(True, f"no group with enough rows to compare {metric} in", {"slices": len(slices)})
    higher = METRICS[metric].direction == "higher"
    spread = 0.1 if METRICS[metric].highest == 1 else 0.5 * abs(whole["value"])
    limit = whole["value"] - spread if higher else whole["value"] + spread
    # the whole interval must lie beyond the limit: a small slice alone proves nothing
    ends = [s["estimate"]["high" if higher else "low"] for s in slices]  # none for the rows of one cluster alone
    bad = [
        s for s, end in zip(slices, ends, strict=True) if end is not None and (end < limit if higher else end > limit)
    ]
    rows = [
        {
            "slice": f"{s['attribute']}={s['group']}",
            metric: s["estimate"]["value"],
            "low": s["estimate"]["low"],
            "high": s["estimate"]["high"],
            "n": s["estimate"]["n"],
        }
        for s in slices
    ]
    sentence = f"{len(slices)} slices, {metric} of the whole {whole['value']:.4g}, limit {limit:.4g}"
    if bad:
        sentence += "; beyond it: " + ", ".join(
            f"{s['attribute']}={s['group']} ({s['estimate']['value']:.4g})" for s in bad
        )
    return Verdict(not bad, sentence, {"slices": len(slices), "beyond": len(bad)}, rows, act=False)


def worst_slice_rows(facts: Facts) -> list[dict[str, object]]:
    """The slices found and tested, as rows of a table."""
    return [
        {
            "slice": s["words"],
            "n": s["n"],
            "loss here": s["loss"],
            "elsewhere": s["rest"],
            "promised here": s["promised"],
            "difference": s["difference"]["value"],
            "low": s["difference"]["low"],
            "high": s["difference"]["high"],
            "adjusted p": s["p_value"],
            "truth less answer": s["residual"]["value"],
            "verdict": s["verdict"],
        }
        for s in facts["slices"]
    ]


def _worst_slices(_: Solution, store: SolutionStore) -> Verdict:
    found = store.read_facts("evaluation")["worst_slices"]
    worse = [s for s in found["slices"] if s["verdict"] == "worse"]
    figures = {"found": len(found["slices"]), "worse": len(worse), "searched": found["searched"]}
    return Verdict(not worse, found["sentence"], figures, worst_slice_rows(found), act=False)


def _calibration(_: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("evaluation")
    error = _values(facts["metrics"], "expected_calibration_error")
    assert error is not None
    limit = facts["calibration_limit"]
    allowed = (
        f"a model off by 0.05, which is allowed, shows up to {limit:.4f} there by chance"
        if limit < 1
        else "inconclusive: of too few rows or clusters to tell any error from chance"
    )
    sentence = f"expected calibration error {error['value']:.4f} on {facts['rows']:,} rows; {allowed}"
    rows = [
        {
            "scores from": b["low"],
            "to": b["high"],
            "promised": b["mean_score"],
            "observed": b["rate"]["value"],
            "n": b["rate"]["n"],
        }
        for b in facts["reliability"]
    ]
    figures = {"expected_calibration_error": error["value"], "limit": limit}
    return Verdict(error["value"] <= limit, sentence, figures, rows, act=False)


def _behaviour(_: Solution, store: SolutionStore) -> Verdict:
    found = store.read_facts("evaluation")["behaviour"]
    broken = [f for f in found if not f["holds"]]
    rows = [
        {
            "kind": f["kind"],
            "of": f["name"],
            "holds": f["holds"],
            "broken share": f["broken_share"],
            "largest": f["largest"],
            "rows": f["rows"],
            "evidence": f["sentence"],
        }
        for f in found
    ]
    figures = {f"{f['kind']} {f['name']}": f["broken_share"] for f in found}
    return Verdict(not broken, "; ".join(f["sentence"] for f in (broken or found)), figures, rows)


Judged = Callable[[Solution, SolutionStore], Verdict]
CHECKS: tuple[tuple[str, Judged, str], ...] = (
    ("success_criteria", _criteria, "Every declared criterion is met on the test part."),
    (
        "beats_baselines",
        _beats,
        "The solution is better than knowing nothing, than one feature, and than the simple rule.",
    ),
    (
        "not_too_good",
        _too_good,
        "The figures, the solution's and its best column's, are not so good that a leak is the likelier reason.",
    ),
    ("numerically_stable", _stable, "Scores are finite and differ between rows."),
    ("reproducible", _reproducible, "The same rows, recipe and seed give the same scores in a second process."),
    ("slices", _slices, "No slice with enough rows is far worse than the whole."),
    ("worst_slices", _worst_slices, "No slice that a search finds is proven worse than the rest by the margin."),
    ("calibration", _calibration, "Promised probabilities are kept: no calibration error beyond 0.05 and chance."),
    (
        "behaviour",
        _behaviour,
        "The score follows declared directions, ignores what it must ignore, and gets known cases right.",
    ),
)
"""Name, judgement and description of each check on the evaluation."""
WHERE: dict[str, Callable[[Solution], bool]] = {
    "calibration": lambda s: s.task == "binary",
    "behaviour": lambda s: bool(s.model.monotone or s.model.invariant or s.model.cases),
}
"""Checks that make sense for some solutions only."""

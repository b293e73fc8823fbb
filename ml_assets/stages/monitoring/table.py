"""Everything monitoring found as one tidy table: a row per batch, metric and group, for pandas, DuckDB or a spreadsheet."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.judging import performance_limit, performance_verdict

COLUMNS = (
    "solution", "batch", "report", "metric", "group", "value", "low", "high", "n", "limit", "verdict", "model_version",
)  # fmt: skip
Row = dict[str, Any]


def monitoring_table(solution: Solution, store: SolutionStore) -> pd.DataFrame:
    """One row per report, batch, metric and group, in the order of the batches; columns ``COLUMNS``.

    ``value`` with its interval ``low`` to ``high`` from ``n`` rows (missing where there is none), ``limit`` it is held
    against, ``verdict`` where one was given. Batches that could not be judged have no rows.
    """
    rows = [
        {"solution": solution.name, "batch": batch, "report": report, **row}
        for report, tell in REPORTS.items()
        for batch in store.batches(report, ".json")
        for row in tell(solution, store.read_facts(report, batch))
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values(["batch", "report"], kind="stable").reset_index(drop=True)


def _drift(solution: Solution, facts: Facts) -> Iterator[Row]:
    if not facts["judged"]:
        return
    version, rule = facts["version"], solution.monitoring.drift
    for c in facts["columns"]:
        yield {
            "metric": "drift_effect", "group": c["column"], "value": c["effect"], "low": c.get("low"),
            "high": c.get("high"), "n": c["n"], "limit": rule.effect, "verdict": c["verdict"], "model_version": version,
        }  # fmt: skip
    for c in facts.get("consequences", ()):
        for figure in ("changed", "decided", "money"):
            if c[figure]["value"] is not None:
                yield _estimate(c[figure], version) | {"metric": f"drift_{figure}", "group": c["column"]}
    for p in facts.get("pairs", ()):  # reports made before pairs were compared have none
        yield {
            "metric": "rank_correlation_change", "group": p["columns"], "value": p["now"] - p["before"], "n": p["n"],
            "limit": rule.association, "model_version": version,
        }  # fmt: skip
    found = facts["verdict"]
    for metric, value, limit in (
        ("importance_drifted", found["share"], found["limit"]),
        ("prediction_effect", found["prediction_effect"], found["prediction_limit"]),
    ):
        verdict = "fail" if value >= limit else "pass"
        yield {
            "metric": metric, "value": value, "n": found["n"], "limit": limit, "verdict": verdict,
            "model_version": version,
        }  # fmt: skip


def _performance(solution: Solution, facts: Facts) -> Iterator[Row]:
    if not facts["judged"]:
        return
    enough = facts["rows"] >= solution.monitoring.performance.minimum_rows
    for m in facts["metrics"]:
        row = _estimate(m, facts["version"])
        if m["name"] == solution.main_metric and enough:
            passed, _, figures = performance_verdict(solution, facts)
            released, _ = performance_limit(solution, facts["released"])
            row |= {"verdict": "pass" if passed else "fail"} | ({"limit": figures["limit"]} if released else {})
        yield row
    yield from _causes(facts)


def _causes(facts: Facts) -> Iterator[Row]:
    """The concept test, the parts of each change, and the segments."""
    causes, version = facts.get("causes"), facts["version"]
    if causes is None or not causes["judged"]:
        return
    concept = causes["concept"]
    yield _estimate(concept["mean_excess"], version) | {
        "metric": "concept_excess", "verdict": "fail" if concept["changed"] else "pass",
    }  # fmt: skip
    for split in causes["splits"]:
        for part in ("change", "covariate", "concept"):
            yield _estimate(split[part], version) | {"metric": f"{split['change']['name']}: {part}"}
    for s in causes["segments"]["segments"]:
        yield _estimate(s["difference"], version) | {"metric": "segment_excess", "group": s["words"]}


def _expected(_: Solution, facts: Facts) -> Iterator[Row]:
    for e in facts["estimated"]:
        yield _estimate(e, facts["version"]) | {"metric": f"expected_{e['name']}"}


def _fairness(_: Solution, facts: Facts) -> Iterator[Row]:
    for d in facts["disparities"]:
        group = f"{d['attribute']}={d['group']}"
        yield _estimate(d["value"], facts["version"]) | {
            "metric": d["metric"], "group": group, "limit": d["limit"], "verdict": d["verdict"],
        }  # fmt: skip


def _value(_: Solution, facts: Facts) -> Iterator[Row]:
    if facts["judged"]:
        yield _estimate(facts["earned"], facts["version"]) | {"limit": facts["best_constant"]}


def _estimate(facts: Facts, version: int) -> Row:
    return {"metric": facts["name"], "model_version": version} | {k: facts[k] for k in ("value", "low", "high", "n")}


REPORTS: dict[str, Callable[[Solution, Facts], Iterator[Row]]] = {
    "drift_report": _drift,
    "performance_report": _performance,
    "performance_estimate": _expected,
    "fairness_report": _fairness,
    "value_report": _value,
}

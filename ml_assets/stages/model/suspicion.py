"""Figures too good to be true, and the columns that alone reach one: a leak mostly sits in one column."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ml_assets.evidence import Verdict
from ml_assets.resources.store import Facts
from ml_assets.statistics.leakage import STRONG
from ml_assets.statistics.metrics import METRICS, Task

# Above these a figure on real data is more often a leak than a success; a declaration may say otherwise (model.too_good).
TOO_GOOD: Mapping[str, float] = {"roc_auc": 0.985, "accuracy": 0.995, "r2": 0.98, "average_precision": 0.985}
SHOWN = 10
ALONE: Mapping[Task, str] = {"binary": "roc_auc", "multiclass": "roc_auc", "regression": "rank correlation"}


def too_good(
    metrics: Sequence[Facts],
    baselines: Mapping[str, Sequence[Facts]],
    limits: Mapping[str, float],
    *,
    feature: str | None,
    columns: Sequence[Facts],
    task: Task,
) -> Verdict:
    """Fails where the solution, or its best single feature, is beyond a limit on the test part; names the columns to look at.

    ``metrics`` of the solution and of each of ``baselines`` on the same rows; a metric in which the baseline that knows
    nothing is beyond its limit (accuracy where one class is rare) says nothing and is left out. ``feature``: the one of the
    single-feature baseline. ``columns``: recorded screening of the columns in use; those that alone order the truth
    suspiciously well are named, which by itself fails nothing: the check of the selected columns is about them.
    """
    usual = beyond(baselines.get("dummy", ()), limits)
    held = {name: limit for name, limit in limits.items() if name not in usual}
    own, alone = beyond(metrics, held), beyond(baselines.get("single_feature", ()), held)
    named = suspects(columns, task=task, limit=held.get("roc_auc", STRONG))
    said = [f"{n} {v:.4g} is beyond {held[n]:g}: look for a leak before believing it" for n, v in own.items()]
    said += [f"{feature or 'one feature'} alone reaches {n} {v:.4g} on the test part" for n, v in alone.items()]
    said += [_sentence(column, task) for column in named]
    known = {m["name"]: m["value"] for m in metrics if m["name"] in held and m["value"] is not None}
    within = ", ".join(f"{n} {v:.4g} (limit {held[n]:g})" for n, v in known.items() if n not in own)
    sentence = "; ".join([*said, *([within] if within and not own else [])]) or "no limit applies"
    figures = {**known, "suspicious_columns": len(named)}
    return Verdict(not own and not alone, sentence, figures, _rows(columns, named, task))


def beyond(metrics: Sequence[Facts], limits: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are better than their limit."""
    found = {m["name"]: float(m["value"]) for m in metrics if m["name"] in limits and m["value"] is not None}
    return {n: v for n, v in found.items() if (v > limits[n] if METRICS[n].direction == "higher" else v < limits[n])}


def suspects(columns: Sequence[Facts], *, task: Task, limit: float) -> list[Facts]:
    """Screened columns, best first, whose usefulness alone reaches what screening calls strong, or the limit if that is lower.

    The limit is one of ROC AUC; it does not speak of the rank correlation by which columns of a number are measured.
    """
    least = STRONG if task == "regression" else min(STRONG, limit)
    return [column for column in _ranked(columns) if column["usefulness"]["value"] >= least]


def in_use(screened: Sequence[Facts], raw: Collection[str]) -> list[Facts]:
    """The screening of the raw columns that features are made from."""
    return [column for column in screened if column["column"] in raw]


def _ranked(columns: Sequence[Facts]) -> list[Facts]:
    measured = [column for column in columns if column["usefulness"]["value"] is not None]
    return sorted(measured, key=lambda column: (-column["usefulness"]["value"], column["column"]))


def _sentence(column: Facts, task: Task) -> str:
    alone = column["usefulness"]
    return (
        f"column {column['column']} alone has {ALONE[task]} {alone['value']:.3g} "
        f"[{alone['low']:.3g}, {alone['high']:.3g}] in screening (n = {alone['n']:,})"
    )


def _rows(columns: Sequence[Facts], named: Sequence[Facts], task: Task) -> list[dict[str, Any]]:
    suspicious = {column["column"] for column in named}
    return [
        {
            "column": column["column"],
            f"{ALONE[task]} alone": column["usefulness"]["value"],
            "low": column["usefulness"]["low"],
            "high": column["usefulness"]["high"],
            "n": column["usefulness"]["n"],
            "suspicious": column["column"] in suspicious,
        }
        for column in _ranked(columns)[:SHOWN]
    ]

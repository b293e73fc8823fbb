"""What is said of a batch that was scored: by its rows at once, by its labels when they have come."""

from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import counted
from ml_assets.history import DECISION, ID, groups_of
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.causes import find_causes
from ml_assets.stages.monitoring.judge import UNLABELLED, Judge, scores_of
from ml_assets.statistics.alarms import fallen
from ml_assets.statistics.disparity import disparities, overall_verdict
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import METRICS, evaluate, names_for
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.value import policies


def judge_performance(judge: Judge, batch: Batch) -> Facts:
    """Every metric of the task on matured labels, and the main one against what the model showed at its release."""
    skipped = judge.reason_to_pass(batch, labels=True)
    if skipped:
        return judge.write("performance_report", batch, {"judged": False, "sentence": skipped})
    rows, truth, version, released = judge.judged_rows(batch)
    solution = judge.solution
    score, shared = scores_of(rows, released), judge.clusters(batch, rows)
    found = (
        [
            evaluate(
                n,
                truth,
                score=score,
                decision=rows[DECISION].to_numpy(),
                money=judge.money(rows, truth, released),
                seed=solution.model.seed,
                draws=200,
                currency=solution.business_case.currency,
                cluster=shared,
            )
            for n in names_for(solution.task)
        ]
        if len(rows)
        else []
    )
    return judge.write(
        "performance_report",
        batch,
        {
            "judged": bool(found),
            "version": version,
            "rows": len(rows),
            "metrics": found,
            "released": released["metrics"],
            "causes": find_causes(judge, batch, rows, truth, version, released) if found else None,
            "sentence": f"{counted(len(rows), 'labelled row')} of version {version}",
        },
    )


def judge_fairness(judge: Judge, batch: Batch, metrics: dict[str, float], favourable: int) -> Facts:
    """Gaps between groups in the batch's decisions, by the rule that gated the release."""
    skipped = judge.reason_to_pass(batch, labels=True)
    attributes = list(judge.solution.data_bias.protected)
    if skipped or not attributes:
        return judge.write(
            "fairness_report",
            batch,
            {
                "judged": False,
                "sentence": skipped or "no attribute is protected",
                "disparities": [],
                "verdict": "inconclusive",
            },
        )
    rows, truth, version, _ = judge.judged_rows(batch)
    valid = judge.store.read_frame("valid_data", batch.key).set_index(ID).loc[rows[ID]].reset_index()
    groups = groups_of(judge.solution, valid)[attributes]
    found = disparities(
        groups,
        truth,
        rows[DECISION].to_numpy(),
        metrics=metrics,
        task=judge.solution.task,
        favourable=favourable,
        cluster=judge.clusters(batch, rows),
        level=1 - judge.solution.alarm_error,
    )
    verdict = overall_verdict(found)
    counts = None
    if judge.solution.task != "regression":  # group × label × decision; the counts of batches add up
        counts = CountTensor.of(groups, truth, rows[DECISION].to_numpy()).to_dict()
    return judge.write(
        "fairness_report",
        batch,
        {
            "judged": True,
            "counts": counts,
            "disparities": list(found),
            "verdict": verdict,
            "version": version,
            "rows": len(rows),
            "sentence": f"verdict {verdict} on {len(rows):,} rows of version {version}",
        },
    )


def judge_value(judge: Judge, batch: Batch) -> Facts:
    """Money the decisions earned, against the best constant decision, what the case promised, and the model before."""
    skipped = judge.reason_to_pass(batch, labels=True)
    if skipped:
        return judge.write("value_report", batch, {"judged": False, "sentence": skipped})
    rows, truth, version, released = judge.judged_rows(batch)
    if not len(rows):
        return judge.write("value_report", batch, {"judged": False, "sentence": UNLABELLED})
    money = judge.money(rows, truth, released)
    unit = judge.solution.business_case.currency
    earned = evaluate("value_per_decision", truth, money=money, currency=unit, cluster=judge.clusters(batch, rows))
    value = judge.solution.business_case.money(tuple(released["classes"]))
    others = {p.name: p.per_decision.value for p in policies(truth, value)}
    promised = next((m["value"] for m in released["metrics"] if m["name"] == "value_per_decision"), None)
    before = previous_money(judge, batch, rows, truth, released)
    facts = {
        "judged": True,
        "earned": earned,
        "total": float(money.sum()),
        "others": others,
        "best_constant": max(v for n, v in others.items() if n != "perfect"),
        "promised": promised,
        "version": version,
        "previous_version": released.get("champion_before"),
        "previous_total": before,
        "currency": unit,
        "sentence": f"{money.sum():,.0f} {unit} earned by version {version}"
        + (f"; version {released['champion_before']} would have earned {before:,.0f}" if before is not None else ""),
    }
    return judge.write("value_report", batch, facts)


def previous_money(
    judge: Judge, batch: Batch, rows: pd.DataFrame, truth: np.ndarray[Any, Any], released: Facts
) -> float | None:
    """What the model that was live before would have earned on the same rows; None for the first model."""
    before = released.get("champion_before")
    if before is None:
        return None
    old = judge.artifact(int(before))
    features = judge.store.read_frame("features", batch.key).set_index(ID).loc[rows[ID]].reset_index(drop=True)
    groups = None
    if old.group_thresholds is not None:
        valid = judge.store.read_frame("valid_data", batch.key).set_index(ID, drop=False).loc[rows[ID]]
        groups = groups_of(judge.solution, valid.reset_index(drop=True))
    decision = old.predict(features, groups=groups).decision
    return float(judge.solution.business_case.money(tuple(released["classes"])).money(truth, decision).sum())


def performance_limit(solution: Solution, released: list[Facts]) -> tuple[Facts | None, float]:
    """The released figure of the main metric, and how far below it a batch may fall."""
    found = next((m for m in released if m["name"] == solution.main_metric and m["value"] is not None), None)
    drop = solution.monitoring.performance.drop
    if found is not None and drop is None:
        drop = 0.05 * max(abs(found["value"]), 1e-9)
    return found, float(drop or 0.0)


def performance_verdict(solution: Solution, facts: Facts) -> tuple[bool, str, dict[str, float]]:
    """Whether a batch holds what the release promised: it fails when the loss is larger than allowed and beyond chance."""
    metric = METRICS[solution.main_metric]
    now = Estimate.from_row(next(m for m in facts["metrics"] if m["name"] == metric.name))
    released, drop = performance_limit(solution, facts["released"])
    if not now.estimable or released is None:
        return True, f"{metric.name} cannot be estimated on {facts['rows']:,} rows", {"rows": facts["rows"]}
    found = fallen(now, Estimate.from_row(released), drop=drop, better=metric.direction, error=solution.alarm_error)
    sentence = f"{now}; released with {released['value']:.4g}, limit {found.limit:.4g}"
    figures = {
        metric.name: now.value,
        "low": now.low,
        "high": now.high,
        "limit": found.limit,
        "released": released["value"],
        "rows": facts["rows"],
    }
    return not found.alarm, "; ".join(filter(None, (sentence, found.words))), figures

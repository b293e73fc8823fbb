"""What is said of a batch that was scored: by its rows at once, by its labels when they have come."""

from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import counted
from ml_assets.history import DECISION, ID, LABEL, SCORE, VERSION, groups_of, is_blocked
from ml_assets.learning.table import encode_target
from ml_assets.releases import open_version, version_facts
from ml_assets.resources import SolutionStore
from ml_assets.resources.registry import ModelRegistry
from ml_assets.resources.store import Facts
from ml_assets.statistics.disparity import disparities, overall_verdict
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.estimation import BLIND_SPOT, REGRESSION_REASON, expected_metrics
from ml_assets.statistics.metrics import METRICS, evaluate, names_for
from ml_assets.statistics.value import policies

BLOCKED = "blocked: the batch broke its contract, so it was not scored"
UNSCORED = "not scored: no model was live when this batch came"
UNLABELLED = "no label of this batch is known yet"


class Judge:
    """Reads what a batch left behind; opens the registry only when a version is seen for the first time."""

    def __init__(self, solution: Solution, store: SolutionStore, models: ModelRegistry) -> None:
        self.solution, self.store, self.models = solution, store, models

    def reason_to_pass(self, batch: Batch, *, labels: bool) -> str | None:
        """Why nothing can be said of a batch, or None."""
        if is_blocked(self.store, batch.key):
            return BLOCKED
        if not self.store.has_frame("predictions", batch.key):
            return UNSCORED
        if labels and not (self.store.find_facts("labels", batch.key) or {}).get("labelled"):
            return UNLABELLED
        return None

    def write(self, asset: str, batch: Batch, facts: Facts) -> Facts:
        """Store what was found for a batch."""
        return self.store.write_facts(asset, facts, batch.key)

    def answers(self, batch: Batch) -> pd.DataFrame:
        """One answer per id of a batch."""
        log = self.store.read_frame("predictions", batch.key)
        return log.sort_values(VERSION, kind="stable").drop_duplicates(ID, keep="last").reset_index(drop=True)

    def released(self, answers: pd.DataFrame) -> tuple[int, Facts]:
        """Version and released facts of the model that answered (the newest, when several did)."""
        version = int(answers[VERSION].max())
        return version, version_facts(self.models, self.store, self.solution.name, version)

    def judged_rows(self, batch: Batch) -> tuple[pd.DataFrame, np.ndarray[Any, Any], int, Facts]:
        """Answers joined with their labels, the encoded truth, and the model that gave them.

        Of a single table only rows outside of training and validation count: the rest was learned from.
        """
        answers = self.answers(batch)
        version, released = self.released(answers)
        rows = answers.merge(self.store.read_frame("labels", batch.key)[[ID, LABEL]], on=ID, how="inner")
        if not self.solution.time_split:
            rows = rows[rows[ID].isin(self._test_ids())].reset_index(drop=True)
        encoded = encode_target(
            rows[LABEL],
            task=self.solution.task,
            positive=self.solution.business_case.target.positive,
            classes=tuple(released["classes"]),
        )
        known = ~encoded.missing
        return rows.loc[known].reset_index(drop=True), encoded.truth[known], version, released

    def _test_ids(self) -> set[str]:
        from ml_assets.history import PART

        frame = self.store.read_frame("training_set", columns=[ID, PART])
        learned = set(frame.loc[frame[PART] != "test", ID])
        return {
            i for b in self.store.batches("features") for i in self.store.read_frame("features", b, [ID])[ID]
        } - learned

    def money(self, rows: pd.DataFrame, truth: np.ndarray[Any, Any], released: Facts) -> np.ndarray[Any, Any]:
        """Money of every decision."""
        decision = rows[DECISION].to_numpy()
        return self.solution.business_case.money(tuple(released["classes"])).money(truth, decision)


def judge_performance(judge: Judge, batch: Batch) -> Facts:
    """Every metric of the task on matured labels, and the main one against what the model showed at its release."""
    skipped = judge.reason_to_pass(batch, labels=True)
    if skipped:
        return judge.write("performance_report", batch, {"judged": False, "sentence": skipped})
    rows, truth, version, released = judge.judged_rows(batch)
    solution = judge.solution
    score = _scores(rows, released)
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
            "sentence": f"{counted(len(rows), 'labelled row')} of version {version}",
        },
    )


def _scores(rows: pd.DataFrame, released: Facts) -> np.ndarray[Any, Any]:
    columns = [f"ml:score:{c}" for c in released["classes"]]
    if len(columns) > 2 and all(c in rows.columns for c in columns):
        return rows[columns].to_numpy(float)
    return rows[SCORE].to_numpy(float)


def estimate_performance(judge: Judge, batch: Batch) -> Facts:
    """What the scores themselves promise, before any label has come."""
    skipped = judge.reason_to_pass(batch, labels=False)
    if skipped:
        return judge.write("performance_estimate", batch, {"estimated": [], "sentence": skipped})
    if judge.solution.task == "regression":
        return judge.write("performance_estimate", batch, {"estimated": [], "sentence": REGRESSION_REASON})
    answers = judge.answers(batch)
    version, released = judge.released(answers)
    classes = tuple(released["classes"])
    found = expected_metrics(
        _scores(answers, released), answers[DECISION].to_numpy(), judge.solution.business_case.money(classes)
    )
    return judge.write(
        "performance_estimate", batch, {"estimated": list(found), "sentence": BLIND_SPOT, "version": version}
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
        groups, truth, rows[DECISION].to_numpy(), metrics=metrics, task=judge.solution.task, favourable=favourable
    )
    verdict = overall_verdict(found)
    return judge.write(
        "fairness_report",
        batch,
        {
            "judged": True,
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
    earned = evaluate("value_per_decision", truth, decision=rows[DECISION].to_numpy(), money=money, currency=unit)
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
    old = open_version(judge.models, judge.models.version(judge.solution.name, int(before)))
    features = judge.store.read_frame("features", batch.key).set_index(ID).loc[rows[ID]].reset_index(drop=True)
    decision = old.artifact().predict(features).decision
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
    now = next(m for m in facts["metrics"] if m["name"] == metric.name)
    released, drop = performance_limit(solution, facts["released"])
    if now["value"] is None or released is None:
        return True, f"{metric.name} cannot be estimated on {facts['rows']:,} rows", {"rows": facts["rows"]}
    higher = metric.direction == "higher"
    limit = released["value"] - drop if higher else released["value"] + drop
    beyond = now["value"] < limit if higher else now["value"] > limit
    certain = now["high"] < released["value"] if higher else now["low"] > released["value"]
    estimate = Estimate(**now)
    sentence = f"{estimate}; released with {released['value']:.4g}, limit {limit:.4g}"
    if beyond and not certain:
        sentence += "; beyond the limit, but within chance"
    figures = {
        metric.name: now["value"],
        "low": now["low"],
        "high": now["high"],
        "limit": limit,
        "released": released["value"],
        "rows": facts["rows"],
    }
    return not (beyond and certain), sentence, figures

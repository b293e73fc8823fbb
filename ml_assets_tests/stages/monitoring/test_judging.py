"""What is said of a scored batch: by hand-worked figures of the rows themselves."""

from pathlib import Path

import numpy as np
import pytest

from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, ID, LABEL, SCORE
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.judge import Judge
from ml_assets.stages.monitoring.judging import judge_fairness, judge_performance, judge_value, performance_verdict
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.tensor import CountTensor
from ml_assets_tests.stages.lab import Lab

DAY = "2026-01-15"


def test_money_and_metrics_are_those_of_the_logged_decisions(stream: Lab) -> None:
    log = stream.store.read_frame("predictions", DAY).merge(stream.store.read_frame("labels", DAY), on=ID)
    truth, decision = log[LABEL].to_numpy(int), log[DECISION].to_numpy(int)
    money = np.select(
        [(truth == 1) & (decision == 1), (truth == 0) & (decision == 1), (truth == 1) & (decision == 0)],
        [0.0, -40.0, -100.0],
        20.0,
    )
    facts = stream.store.read_facts("value_report", DAY)
    assert facts["total"] == pytest.approx(money.sum())
    metrics = {m["name"]: m for m in stream.store.read_facts("performance_report", DAY)["metrics"]}
    assert metrics["accuracy"]["value"] == pytest.approx((truth == decision).mean())
    assert metrics["roc_auc"]["value"] == pytest.approx(evaluate("roc_auc", truth, score=log[SCORE].to_numpy()).value)
    assert metrics["value_per_decision"]["value"] == pytest.approx(money.mean())


@pytest.mark.parametrize(
    ("value", "half", "passed"), [(0.80, 0.02, True), (0.76, 0.02, True), (0.70, 0.02, False), (0.70, 0.15, True)]
)
def test_a_loss_fails_only_beyond_the_limit_and_beyond_chance(
    stream: Lab, value: float, half: float, passed: bool
) -> None:
    now = {
        "name": "roc_auc",
        "value": value,
        "low": value - half,
        "high": value + half,
        "n": 300,
        "unit": "",
        "level": 0.95,
    }
    released = now | {"value": 0.8, "low": 0.79, "high": 0.81, "n": 2_000}
    facts = {"metrics": [now], "released": [released], "rows": 300}
    found, sentence, figures = performance_verdict(stream.solution, facts)
    assert found is passed
    assert figures["limit"] == pytest.approx(0.75)
    assert ("within chance" in sentence) is (half > 0.1)


def test_the_estimate_says_that_it_is_blind(stream: Lab) -> None:
    facts = stream.store.read_facts("performance_estimate", DAY)
    assert {e["name"] for e in facts["estimated"]} >= {"accuracy", "value_per_decision"}
    assert "only matured labels see that" in facts["sentence"]


def test_of_a_table_only_rows_outside_of_training_are_judged(table: Lab, classes: Lab) -> None:
    for lab in (table, classes):
        parts = lab.store.read_frame("training_set", columns=["ml:part"])["ml:part"]
        assert lab.store.read_facts("performance_report")["rows"] == int((parts == "test").sum())


def test_the_counts_of_batches_add_up_to_those_of_all_their_rows(stream: Lab) -> None:
    facts = stream.store.read_facts("fairness_report", DAY)
    counts = CountTensor.from_dict(facts["counts"])
    assert counts.attributes == ("sex",)
    assert counts.n == 300
    both = counts.merge(counts)
    assert both.n == 600
    assert both.marginal([]).counts.sum() == 600


def test_rows_of_a_declared_cluster_are_one_draw_of_the_figures_of_a_batch(table: Lab, tmp_path: Path) -> None:
    """Ten shops whose sales were missed by nearly the same amount have one owner."""
    fork = table.fork(tmp_path / "fork")
    batch = fork.solution.data_pipeline.batch("all")
    before = _figures(Judge(fork.solution, fork.store, fork.models), batch)
    assert before["earned"] == table.store.read_facts("value_report", "all")["earned"]
    rows, truth, _, _ = Judge(fork.solution, fork.store, fork.models).judged_rows(batch)
    order = rows[ID].iloc[np.argsort(rows[SCORE].to_numpy(float) - truth)]
    owner = dict(zip(order, np.arange(len(order)) // 10, strict=True))
    valid = fork.store.read_frame("valid_data", "all")
    fork.store.write_frame("valid_data", valid.assign(owner=valid[ID].map(owner)), "all")
    after = _figures(Judge(fork.but(model={"cluster": "owner"}).solution, fork.store, fork.models), batch)
    fork.instance.dispose()
    for name in ("mean_error", "root_mean_squared_error", "value_per_decision", "earned"):
        assert (after[name]["value"], after[name]["n"]) == (before[name]["value"], before[name]["n"])
        assert after[name]["high"] - after[name]["low"] > 1.5 * (before[name]["high"] - before[name]["low"])


def test_gaps_of_a_batch_count_a_declared_cluster_once(stream: Lab, tmp_path: Path) -> None:
    """Ten rows of one sex, label and decision have one owner."""
    fork = stream.fork(tmp_path / "fork")
    batch, judge = fork.solution.data_pipeline.batch(DAY), Judge(fork.solution, fork.store, fork.models)
    metrics = {"selection_rate_difference": 0.1}
    before = judge_fairness(judge, batch, metrics, fork.solution.favourable_code)
    rows, truth, _, _ = judge.judged_rows(batch)
    valid = fork.store.read_frame("valid_data", DAY)
    sex = valid.set_index(ID)["sex"].loc[rows[ID]].to_numpy()
    order = rows[ID].iloc[np.lexsort([truth, rows[DECISION].to_numpy(), sex])]
    owner = dict(zip(order, np.arange(len(order)) // 10, strict=True))
    fork.store.write_frame("valid_data", valid.assign(owner=valid[ID].map(owner)), DAY)
    owned = Judge(fork.but(model={"cluster": "owner", "split": "hash"}).solution, fork.store, fork.models)
    after = judge_fairness(owned, batch, metrics, fork.solution.favourable_code)
    fork.instance.dispose()
    for one, other in zip(before["disparities"], after["disparities"], strict=True):
        assert (other["n"], other["value"]["value"]) == pytest.approx((one["n"], one["value"]["value"]))
        assert other["detectable"] > 1.5 * one["detectable"]


def _figures(judge: Judge, batch: Batch) -> dict[str, Facts]:
    """Every figure of a batch, judged anew."""
    performance, earned = judge_performance(judge, batch)["metrics"], judge_value(judge, batch)["earned"]
    return {m["name"]: m for m in performance} | {"earned": earned}

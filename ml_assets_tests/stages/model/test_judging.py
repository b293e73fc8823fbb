"""The test part: read for a decision, counted, and the criteria decided on it."""

import numpy as np
import pytest

from ml_assets.declaration.success_criteria import Criterion
from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.stages.model.judging import decide, evaluate_final, lost_to
from ml_assets.statistics.estimate import Estimate
from ml_assets_tests.stages.lab import Lab


def _estimate(name: str, value: float, half: float = 0.02) -> Estimate:
    return Estimate(name, value, value - half, value + half, 500)


@pytest.mark.parametrize(
    ("criterion", "value", "met", "sure"),
    [
        (Criterion(metric="roc_auc", at_least=0.7), 0.75, True, True),
        (Criterion(metric="roc_auc", at_least=0.7), 0.71, True, False),
        (Criterion(metric="roc_auc", at_least=0.7), 0.69, False, False),
        (Criterion(metric="log_loss", at_most=0.5), 0.45, True, True),
        (Criterion(metric="log_loss", at_most=0.5), 0.55, False, False),
    ],
)
def test_a_floor_and_a_ceiling(criterion: Criterion, value: float, met: bool, sure: bool) -> None:
    found = decide(criterion, [_estimate(criterion.metric, value)], {}, [])
    assert (found["met"], found["sure"]) == (met, sure)


@pytest.mark.parametrize(("value", "met"), [(0.85, True), (0.79, False)])
def test_a_distance_to_a_baseline_is_kept(value: float, met: bool) -> None:
    criterion = Criterion(metric="roc_auc", better_than="single_feature", by=0.1)
    found = decide(criterion, [_estimate("roc_auc", value)], {"single_feature": [_estimate("roc_auc", 0.7)]}, [])
    assert found["met"] is met


def test_in_each_group_the_worst_large_one_decides() -> None:
    criterion = Criterion(metric="recall", at_least=0.5, in_each="sex")
    rows = [
        {"attribute": "sex", "group": g, "metric": "recall", "estimate": _estimate("recall", v), "enough": enough}
        for g, v, enough in (("f", 0.6, True), ("m", 0.4, True), ("x", 0.1, False))
    ]
    found = decide(criterion, [], {}, rows)
    assert not found["met"]
    assert found["sentence"].startswith("m:")
    assert "too few rows to say: x" in found["sentence"]
    assert decide(criterion, [], {}, [rows[0]])["met"]
    assert not decide(criterion, [], {}, [rows[2]])["met"]


def test_every_reading_of_the_test_part_is_counted(fork: Lab) -> None:
    first = fork.metadata("evaluation")["reads_of_the_test_part"]
    fork.ok("evaluation")
    assert (first, fork.metadata("evaluation")["reads_of_the_test_part"]) == (1, 2)


def test_the_evaluation_names_the_remedied_artifact_and_the_test_rows(stream: Lab) -> None:
    facts = stream.store.read_facts("evaluation")
    assert facts["rows"] == 900
    assert facts["digest"] == stream.store.read_facts("mitigation")["digest"]
    assert facts["reproduced"]["equal"]


def test_one_feature_alone_wins_only_where_it_is_shown_to_earn_more(stream: Lab) -> None:
    facts = stream.store.read_facts("evaluation")
    lead = facts["single_feature_lead"]
    assert (lead["draws"], lead["margin"]) == (900, 0)
    assert lead["least"] <= lead["difference"]["low"]
    assert lost_to(facts | {"single_feature_lead": lead | {"verdict": "better"}}) == ["single_feature"]
    for verdict in ("worse", "undecided", "not_worse"):
        assert lost_to(facts | {"single_feature_lead": lead | {"verdict": verdict}}) == []


@pytest.mark.parametrize("name", ["table", "classes"])
def test_other_tasks_are_judged_by_their_own_metrics(name: str, request: pytest.FixtureRequest) -> None:
    lab: Lab = request.getfixturevalue(name)
    metrics = {m["name"] for m in lab.store.read_facts("evaluation")["metrics"]}
    own = {"table": {"r2", "root_mean_squared_error"}, "classes": {"accuracy", "macro_f1"}}[name]
    assert own <= metrics
    assert "roc_auc" not in metrics


def test_an_evaluation_counts_a_declared_cluster_as_one_draw(fork: Lab) -> None:
    """Ten rows of the same label and nearly the same score are one customer's: they tell little more than one of them."""
    before = fork.store.read_facts("evaluation")
    learned, frame = training_rows(fork.solution, fork.store), fork.store.read_frame("training_set")
    score = challenger(fork.store).predict(learned.table.features, groups=learned.groups).score
    owner = np.empty(len(frame), dtype=np.int64)
    owner[np.lexsort([score, learned.table.truth, learned.table.part])] = np.arange(len(frame)) // 10
    fork.store.write_frame("training_set", frame.assign(**{"ml:cluster": owner.astype(str)}))
    after = evaluate_final(fork.solution, fork.store)
    pairs = {m["name"]: (m, n) for m, n in zip(before["metrics"], after["metrics"], strict=True)}
    assert all((m["value"], m["n"]) == (n["value"], n["n"]) for m, n in pairs.values())
    wider = {name: (n["high"] - n["low"]) / (m["high"] - m["low"]) for name, (m, n) in pairs.items()}
    assert min(wider[name] for name in ("roc_auc", "log_loss", "accuracy", "recall", "value_per_decision")) > 1.5
    assert after["calibration_limit"] > 1.3 * before["calibration_limit"]
    rule = [{m["name"]: m for m in facts["baselines"]["simple_rule"]}["accuracy"] for facts in (before, after)]
    assert rule[1]["high"] - rule[1]["low"] > rule[0]["high"] - rule[0]["low"]
    assert [c["met"] for c in after["criteria"]] == [c["met"] for c in before["criteria"]]

"""Champion and challenger are compared on rows that neither was trained or tuned on."""

from typing import Any

import numpy as np
import pytest

from ml_assets.history import PART
from ml_assets.releases import live_model
from ml_assets.stages.deployment.gates import ABSENT, PLANNED, PROMISED, Gate, compare, gates, unseen_rows
from ml_assets_tests.stages.lab import Lab, days

ENTRY = {"finding": "sex", "action": "reweigh", "reason": "-", "approved_by": "tests", "expires": "2099-01-01"}
EAGER = {"non_inferiority": 5.0}
EASY = {"metric": "accuracy_difference", "at_most": 0.5}
HARD = {"metric": "accuracy_difference", "at_most": 0.000001}
NOBODY = {"metric": "accuracy_difference", "group": "sex=x", "at_most": 0.5}


def test_batches_the_champion_learned_from_are_left_out(fork: Lab) -> None:
    lab = fork.but(model={"test_span": "7 days"})
    lab.ok("training_set")
    live = live_model(lab.models, "stream")
    assert live is not None
    test = lab.store.read_frame("training_set", columns=[PART, "ml:batch"])
    assert set(test.loc[test[PART] == "test", "ml:batch"]) == set(days(9, 15))
    assert set(live.facts["learned_batches"]) & set(days(9, 15)) == set(days(9, 10))
    found = unseen_rows(lab.solution, lab.store, live)
    assert set(found.batch) == set(days(11, 15))
    assert len(found.table) == 1500


def test_a_model_compared_with_itself_is_not_worse_and_gains_nothing(stream: Lab) -> None:
    live = live_model(stream.models, "stream")
    assert live is not None
    found = compare(stream.solution, stream.store, live)
    assert found is not None
    assert found.difference.value == 0
    assert found.verdict == "not_worse"


def test_rows_of_one_customer_are_one_draw(fork: Lab) -> None:
    live = live_model(fork.models, "stream")
    assert live is not None
    plain = compare(fork.solution, fork.store, live)
    rows = fork.store.read_frame("training_set")
    fork.store.write_frame("training_set", rows.assign(**{"ml:cluster": np.arange(len(rows)) // 10}))
    shared = compare(fork.solution, fork.store, live)
    assert plain is not None
    assert shared is not None
    assert plain.draws == plain.difference.n == shared.difference.n
    assert shared.draws < plain.draws / 5
    fork.store.write_frame("training_set", rows.assign(**{"ml:cluster": "one"}))
    one = compare(fork.solution, fork.store, live)
    assert one is not None
    assert (one.draws, one.verdict) == (1, "undecided")


def test_a_table_is_compared_on_its_test_part_alone(table: Lab) -> None:
    live = live_model(table.models, "table")
    assert live is not None
    frame = table.store.read_frame("training_set", columns=[PART, "ml:id"])
    found = unseen_rows(table.solution, table.store, live)
    assert set(found.table.ids) == set(frame.loc[frame[PART] == "test", "ml:id"])
    assert np.all(found.table.part == "test")


def promising(lab: Lab, *effects: dict[str, Any], **changes: Any) -> Lab:
    """The plan of an approved entry that promises this, and the decisions judged by it."""
    found = lab.but(deployment=EAGER, data_bias={"plan": [ENTRY | {"expected_effect": list(effects)}]}, **changes)
    found.ok("bias_remediation_plan", "model_bias_report")
    return found


def gate(lab: Lab, name: str) -> Gate:
    """The gate as it stands on what is stored."""
    (found,) = (g for g in gates(lab.solution, lab.store, None)[0] if g.name == name)
    return found


@pytest.mark.parametrize(
    ("effects", "outcome", "sentence"),
    [
        ([EASY], "released", "2 of 2 promises met"),
        ([EASY, HARD], "refused", "promised at most 1e-06, is"),
        ([NOBODY], "released", "1 of 1 promises not measured (no success"),
    ],
)
def test_what_was_promised_of_the_decisions_decides_a_release(
    fork: Lab, effects: list[dict[str, Any]], outcome: str, sentence: str
) -> None:
    lab = promising(fork, *effects)
    lab.ok("champion")
    facts = lab.store.read_facts("champion")
    assert facts["outcome"] == outcome, facts["sentence"]
    assert [g["name"] for g in facts["gates"] if not g["passed"]] == ([PROMISED] if outcome == "refused" else [])
    (found,) = (g for g in facts["gates"] if g["name"] == PROMISED)
    assert sentence in found["sentence"]


def test_a_promise_that_nobody_measured_blocks_a_high_risk_case_alone(fork: Lab) -> None:
    lab = promising(fork, EASY, NOBODY)
    assert gate(lab, PROMISED).passed
    strict = lab.but(business_case={"risk": "high"})
    found = gate(strict, PROMISED)
    assert not found.passed
    assert "1 of 3 promises not measured (a high-risk case must show it)" in found.sentence
    assert "accuracy_difference of sex=x promised at most 0.5, not measured" in found.sentence
    assert gate(promising(strict, EASY), PROMISED).passed


def test_a_promise_counts_only_when_it_was_approved(fork: Lab) -> None:
    lab = promising(fork, HARD)
    assert not gate(lab, PROMISED).passed
    proposed = ENTRY | {"expected_effect": [HARD], "approved_by": None}
    lab = fork.but(data_bias={"plan": [proposed]})
    lab.ok("bias_remediation_plan")
    found = gate(lab, PROMISED)
    assert found.passed
    assert found.sentence == "no approved entry promises an effect on decisions"


def test_a_promise_that_was_approved_after_the_report_is_held_by_it(fork: Lab) -> None:
    late = {"metric": "selection_rate_ratio", "group": "sex", "at_least": 0.9999}
    lab = fork.but(data_bias={"plan": [ENTRY | {"expected_effect": [late]}]})
    lab.ok("bias_remediation_plan")
    found = gate(lab, PROMISED)
    assert not found.passed
    assert "selection_rate_ratio of sex promised at least 0.9999" in found.sentence


def test_a_figure_without_an_answer_is_not_met(fork: Lab) -> None:
    """Planted in the stored report: the promised figure is gone, then it is far off."""
    lab = promising(fork, EASY, business_case={"risk": "high"})
    report = lab.store.read_facts("model_bias_report")
    assert gate(lab, PROMISED).passed
    empty = [d | {"value": d["value"] | {"value": None}} for d in report["promised"]]
    lab.store.write_facts("model_bias_report", report | {"promised": empty})
    assert "not measured" in gate(lab, PROMISED).sentence
    far = [d | {"value": d["value"] | {"value": 0.7}} for d in report["promised"]]
    lab.store.write_facts("model_bias_report", report | {"promised": far})
    found = gate(lab, PROMISED)
    assert not found.passed
    assert "is 0.700" in found.sentence
    old = {k: v for k, v in report.items() if k != "promised"}
    lab.store.write_facts("model_bias_report", old)
    assert not gate(lab, PROMISED).passed


def test_a_promise_about_the_data_that_was_not_measured_is_told_and_blocks_high_risk(fork: Lab) -> None:
    unseen = {"metric": "missing_share_difference", "column": "nothing", "at_most": 0.5}
    lab = fork.but(data_bias={"plan": [ENTRY | {"expected_effect": [unseen]}]})
    lab.ok("bias_remediation_plan", "sample_weights")
    found = gate(lab, PLANNED)
    assert found.passed
    assert "2 of 2 promises not measured" in found.sentence
    assert not gate(lab.but(business_case={"risk": "high"}), PLANNED).passed


def test_a_model_that_takes_a_declared_proxy_is_not_released(fork: Lab) -> None:
    drop = ENTRY | {"finding": "D-proxy-sex", "action": "drop_column", "columns": ["job"]}
    assert gate(fork, ABSENT).passed
    for bias, why in (({"proxies": {"job": "sex"}}, "declared proxy of sex"), ({"plan": [ENTRY, drop]}, "D-proxy-sex")):
        lab = fork.but(deployment=EAGER, data_bias=bias)
        lab.ok("champion")
        facts = lab.store.read_facts("champion")
        assert [g["name"] for g in facts["gates"] if not g["passed"]] == [ABSENT]
        assert facts["outcome"] == "refused"
        assert why in facts["sentence"]
    lab = fork.but(deployment=EAGER, data_bias={"proxies": {"job": "sex"}, "as_input": {"job": "the work is the risk"}})
    assert gate(lab, ABSENT).passed


def test_declared_behaviour_is_a_gate_where_any_is_declared(stream: Lab, table: Lab, fork: Lab) -> None:
    def behaviour_gate(lab: Lab) -> list[Gate]:
        return [g for g in gates(lab.solution, lab.store, None)[0] if g.name == "declared behaviour is kept"]

    (kept,) = behaviour_gate(stream)
    assert (kept.passed, kept.sentence) == (True, "all 2 declared behaviours are kept")
    assert behaviour_gate(table) == []
    case = {"name": "rich", "row": {"income": 90}, "decision": "1"}
    lab = fork.but(model={"cases": [case]})
    lab.ok("evaluation")
    (broken,) = behaviour_gate(lab)
    assert not broken.passed
    assert broken.sentence.startswith("case rich: score")
    assert "decision 0 instead of 1" in broken.sentence

"""Part 8: gaps of the final decisions, remedies, and what the plan of part 4 came to."""

import dagster as dg
import numpy as np
import pytest

from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.stages import model_bias
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, said


def _by_job(lab: Lab) -> dg.AssetCheckEvaluation:
    """The job is an input here, and drivers default more: as a protected attribute it shows a gap."""
    lab = lab.but(data_bias={"protected": ["sex", "job_group"], "as_input": {"job": "planted"}})
    lab.ok("model_bias_report")
    return lab.verdict("model_bias_report", "disparity")


def _weights_that_harm(lab: Lab) -> dg.AssetCheckEvaluation:
    """Weights that teach the opposite of their purpose: that drivers default, more than they do."""
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    fair = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.3}}
    lab = lab.but(data_bias=bias, model_bias=fair)
    rows = training_rows(lab.solution, lab.store)
    driver = (rows.groups["job_group"] == "driver").to_numpy()
    weight = np.where(driver, np.where(rows.table.truth == 1, 1.6, 0.6), 1.0)
    lab.store.write_frame("sample_weights", lab.store.read_frame("sample_weights").assign(weight=weight))
    lab.store.write_facts("sample_weights", lab.store.read_facts("sample_weights") | {"attribute": "job_group"})
    lab.ok("candidates", "model", "mitigation")
    return lab.verdict("mitigation", "plan_kept")


def _trained_before_it_was_a_proxy(lab: Lab) -> dg.AssetCheckEvaluation:
    """The declaration changes, the artifact does not: it takes the job still."""
    return lab.but(data_bias={"proxies": {"job": "sex"}}).check("mitigation", "protected_absent")


PLANTED: Planted = {
    ("mitigation", "protected_absent"): _trained_before_it_was_a_proxy,
    ("model_bias_report", "disparity"): _by_job,
    ("mitigation", "plan_kept"): _weights_that_harm,
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(model_bias)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert "driver" in said(found) or "job" in said(found)


def test_the_inputs_of_the_final_model_are_looked_at(fork: Lab) -> None:
    found = fork.but(data_bias={"proxies": {"age": "sex"}}).check("mitigation", "protected_absent")
    assert found.passed
    assert said(found) == "none of age, sex among 3 inputs of the model"
    lab = fork.but(data_bias={"proxies": {"job": "sex"}})
    assert "job is an input (declared proxy of sex)" in said(lab.check("mitigation", "protected_absent"))
    reason = lab.but(data_bias={"as_input": {"job": "the work is the risk"}}).check("mitigation", "protected_absent")
    assert reason.passed
    assert "let in by declaration: job (the work is the risk)" in said(reason)


def test_every_gap_has_n_interval_limit_and_verdict(stream: Lab) -> None:
    found = stream.store.read_facts("model_bias_report")["disparities"]
    assert {d["group"] for d in found} == {"f", "m"}
    assert {d["metric"] for d in found} == {"selection_rate_ratio", "equal_opportunity_difference"}
    for d in found:
        assert d["value"]["n"] > 0
        assert d["value"]["low"] <= d["value"]["value"] <= d["value"]["high"]


def test_remedies_are_compared_with_doing_nothing(stream: Lab) -> None:
    facts = stream.store.read_facts("mitigation")
    assert facts["tried"] == ["none", "reweigh"]
    assert {r["name"] for r in facts["rows"]} == {"none", "reweigh"}
    assert sum(r["chosen"] for r in facts["rows"]) == 1
    assert facts["planned"] == "sex"


def test_a_finding_is_met_by_the_ladder_and_every_candidate_says_what_it_does(fork: Lab) -> None:
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.9}}
    lab = fork.but(data_bias=bias, model_bias=gates | {"accuracy_budget": 1.0})
    lab.ok("mitigation")
    facts = lab.store.read_facts("mitigation")
    assert "adaptive 1" in facts["tried"]
    assert facts["outcome"] in ("remedied", "narrowed", "infeasible")
    assert facts["skipped"].get("group thresholds") in (
        "group_at_decision is forbidden",
        f"{facts['chosen']} already passes",
    )
    adaptive = next(r for r in facts["rows"] if r["name"] == "adaptive 1")
    assert {e["group"] for e in adaptive["effects"]} >= {"f", "m", "driver"}
    assert {"remedies", "what it does to every group", "outcome"} <= set(lab.metadata("mitigation"))
    assert all(e["n"] > 0 for e in facts["evidence"])


def test_planned_alone_tries_nothing_else(fork: Lab) -> None:
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.9}, "remedies": "planned"}
    lab = fork.but(data_bias=bias, model_bias=gates)
    lab.ok("mitigation")
    assert lab.store.read_facts("mitigation")["tried"] == ["none", "reweigh"]


def test_without_protected_attributes_there_is_nothing_to_judge(table: Lab) -> None:
    found = table.verdict("model_bias_report", "disparity")
    assert found.passed
    assert "no attribute is protected" in said(found)


def test_what_the_plan_promised_is_measured_though_no_gate_asks_for_it(fork: Lab) -> None:
    """Another metric, and a crossing: with the figures of the same rows, and neither changes the verdict of the gates."""
    promised = [
        {"metric": "accuracy_difference", "group": "sex=f", "at_most": 0.5},
        {"metric": "calibration_difference", "group": "sex", "at_most": 0.5},
        {"metric": "selection_rate_ratio", "group": "sex & job_group", "at_least": 0.01},
        {"metric": "selection_rate_ratio", "group": "sex", "at_least": 0.01},
    ]
    entry = {"finding": "sex", "action": "accept", "reason": "-", "approved_by": "tests", "expires": "2099-01-01"}
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    fork.but(data_bias=bias).ok("model_bias_report")
    before = fork.store.read_facts("model_bias_report")
    assert before["promised"] == []
    lab = fork.but(data_bias=bias | {"plan": [entry | {"expected_effect": promised}]})
    lab.ok("bias_remediation_plan", "model_bias_report")
    facts = lab.store.read_facts("model_bias_report")
    assert facts["disparities"] == before["disparities"]
    assert facts["verdict"] == before["verdict"]
    found = {(d["metric"], d["attribute"], d["group"]): d["value"]["value"] for d in facts["promised"]}
    assert {(m, a) for m, a, _ in found} == {
        ("accuracy_difference", "sex"),
        ("calibration_difference", "sex"),
        ("selection_rate_ratio", "sex & job_group"),
    }
    rows = training_rows(lab.solution, lab.store).part("test")
    answer = challenger(lab.store).predict(rows.table.features, groups=rows.groups)
    right, women = answer.decision == rows.table.truth, (rows.groups["sex"] == "f").to_numpy()
    gap = right[women].mean() - right[~women].mean()
    assert found["accuracy_difference", "sex", "f"] == pytest.approx(gap)
    away = answer.score - rows.table.truth
    assert found["calibration_difference", "sex", "f"] == pytest.approx(away[women].mean() - away[~women].mean())
    assert lab.verdict("model_bias_report", "plan_effect_met").passed


def test_a_remedy_that_nobody_planned_is_not_called_planned(fork: Lab) -> None:
    """The ladder tries a reweighing of its own under the same name."""
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}, "mitigation": "none"}
    gates = {"metrics": ["selection_rate_ratio"], "tolerance": {"selection_rate_ratio": 0.97}}
    lab = fork.but(data_bias=bias, model_bias=gates | {"accuracy_budget": 0.02})
    lab.ok("data_bias_report", "bias_remediation_plan", "sample_weights", "candidates", "model", "mitigation")
    facts = lab.store.read_facts("mitigation")
    assert facts["planned"] is None
    assert next(r for r in facts["rows"] if r["name"] == "reweigh")["within_budget"]
    assert (facts["chosen"], facts["outcome"]) == ("none", "infeasible")
    assert "planned" not in facts["sentence"]

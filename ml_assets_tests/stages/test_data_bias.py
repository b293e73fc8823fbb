"""Part 4: who is missing, whose labels differ, what is done about it, and the weights that do it."""

import dagster as dg
import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.history import GROUP, PART, TRUTH, training_rows
from ml_assets.stages import data_bias
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, said

SEX = f"{GROUP}sex"
PLAN = {"finding": "sex", "action": "reweigh", "reason": "-", "approved_by": "tests", "expires": "2099-01-01"}


def _absent(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(data_bias={"reference_population": {"sex": {"f": 0.8, "m": 0.2}}})
    lab.ok("data_bias_report")
    return lab.verdict("data_bias_report", "groups_represented")


def _unplanned(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(data_bias={"plan": []})
    lab.ok("data_bias_report", "bias_remediation_plan")
    return lab.verdict("bias_remediation_plan", "findings_covered")


def _not_reweighed(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(data_bias={"mitigation": "none"})
    lab.ok("data_bias_report", "bias_remediation_plan", "sample_weights")
    return lab.verdict("sample_weights", "plan_effect_met")


def _promised_too_much(lab: Lab) -> dg.AssetCheckEvaluation:
    effect = {"metric": "accuracy_difference", "group": "sex", "at_most": 0.000001}
    fair = {"metrics": ["accuracy_difference"], "tolerance": {"accuracy_difference": 0.5}}
    lab = lab.but(data_bias={"plan": [PLAN | {"expected_effect": [effect]}]}, model_bias=fair)
    lab.ok("bias_remediation_plan", "model_bias_report")
    return lab.verdict("model_bias_report", "plan_effect_met")


def _no_men_in_the_test_part(lab: Lab) -> dg.AssetCheckEvaluation:
    frame = lab.store.read_frame("training_set")
    lab.store.write_frame("training_set", frame.assign(**{SEX: frame[SEX].where(frame[PART] != "test", "f")}))
    lab.ok("sample_weights")
    return lab.verdict("sample_weights", "groups_in_every_part")


PLANTED: Planted = {
    ("data_bias_report", "groups_represented"): _absent,
    ("bias_remediation_plan", "findings_covered"): _unplanned,
    ("sample_weights", "plan_effect_met"): _not_reweighed,
    ("model_bias_report", "plan_effect_met"): _promised_too_much,
    ("sample_weights", "groups_in_every_part"): _no_men_in_the_test_part,
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(data_bias)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert "sex" in said(found)


def test_the_label_gap_is_the_gap_of_the_data(stream: Lab) -> None:
    gaps = {g["group"]: g for g in stream.store.read_facts("data_bias_report")["gaps"]}
    assert set(gaps) == {"f", "m"}
    assert gaps["m"]["difference"]["value"] == pytest.approx(-gaps["f"]["difference"]["value"])
    assert gaps["m"]["difference"]["value"] > 0.04


def test_an_expired_plan_does_not_cover(fork: Lab) -> None:
    plan = [{"finding": "sex", "action": "reweigh", "reason": "-", "approved_by": "tests", "expires": "2020-01-01"}]
    lab = fork.but(data_bias={"plan": plan})
    lab.ok("data_bias_report", "bias_remediation_plan")
    found = lab.verdict("bias_remediation_plan", "findings_covered")
    assert not found.passed
    assert "expired" in said(found)


def test_weights_make_group_and_label_independent_in_training(stream: Lab) -> None:
    rows = training_rows(stream.solution, stream.store)
    train = rows.table.part == "train"
    truth, weight = rows.table.truth[train], rows.table.weight[train]
    sex = rows.groups["sex"].to_numpy()[train]
    rates = {g: np.average(truth[sex == g], weights=weight[sex == g]) for g in ("f", "m")}
    plain = {g: truth[sex == g].mean() for g in ("f", "m")}
    assert rates["f"] == pytest.approx(rates["m"], abs=1e-9)
    assert plain["m"] - plain["f"] > 0.04
    assert np.average(truth, weights=weight) == pytest.approx(truth.mean(), abs=1e-9)
    frame = stream.store.read_frame("training_set", columns=[PART, TRUTH])
    assert (rows.table.weight[(frame[PART] != "train").to_numpy()] == 1).all()


def test_weights_of_another_training_set_are_refused_even_when_it_is_as_long(fork: Lab) -> None:
    lab = fork.but(model={"window": "13 days"})
    lab.ok("training_set")
    with pytest.raises(DataError, match="another training set: got 3900 weights for 3900 rows"):
        training_rows(lab.solution, lab.store)
    lab.ok("sample_weights")
    assert len(training_rows(lab.solution, lab.store).table) == 3900


def test_without_mitigation_every_row_weighs_the_same(fork: Lab) -> None:
    lab = fork.but(data_bias={"mitigation": "none"})
    lab.ok("data_bias_report", "bias_remediation_plan", "sample_weights")
    assert (lab.store.read_frame("sample_weights")["weight"] == 1).all()


def test_a_group_without_reference_cannot_be_missed(fork: Lab) -> None:
    lab = fork.but(data_bias={"reference_population!": {}})
    lab.ok("data_bias_report")
    found = lab.verdict("data_bias_report", "groups_represented")
    assert not found.passed
    assert "no reference population" in said(found)


def test_a_proven_finding_without_an_approved_entry_stops_the_release(fork: Lab) -> None:
    name, strict = "proven findings in the data have a plan", {"tolerance": {"label_rate_difference": 0.02}}
    for plan, passed in (([], False), ([PLAN | {"approved_by": None}], False), ([PLAN], True)):
        lab = fork.but(data_bias=strict | {"plan": plan})
        lab.ok("data_bias_report", "bias_remediation_plan", "champion")
        (gate,) = (g for g in lab.store.read_facts("champion")["gates"] if g["name"] == name)
        assert gate["passed"] == passed, gate
        assert passed or "D-label-sex=" in gate["sentence"]


def test_the_ui_shows_the_plan_and_a_draft_to_complete(fork: Lab) -> None:
    lab = fork.but(data_bias={"plan": []})
    lab.ok("data_bias_report", "bias_remediation_plan", "sample_weights")
    shown = lab.metadata("bias_remediation_plan")
    assert "approved_by: null" in shown["to_complete"]
    assert "D-label-sex=m" in shown["plan"]
    assert {"picture", "shares_picture", "proxies", "stress"} <= set(lab.metadata("data_bias_report"))
    assert "sex=f" in lab.metadata("sample_weights")["mix"]
    tried = [o for f in lab.store.read_facts("bias_remediation_plan")["findings"] for o in f["options"] if o["tried"]]
    assert {o["action"] for o in tried} >= {"reweigh"}


def test_the_plan_tells_what_became_of_its_promises_about_decisions(fork: Lab) -> None:
    """The worst answer stands: what was promised of the data came, what was promised of the decisions did not."""
    hard = {"metric": "accuracy_difference", "group": "sex", "at_most": 0.000001}
    easy = {"metric": "label_rate_difference", "group": "sex", "at_most": 0.9}
    lab = fork.but(data_bias={"plan": [PLAN | {"expected_effect": [easy, hard]}]})
    lab.ok("bias_remediation_plan", "sample_weights", "model_bias_report")
    lab.ok("bias_remediation_plan")
    found = [f["verification"] for f in lab.store.read_facts("bias_remediation_plan")["findings"]]
    assert "not met" in {v["status"] for v in found}
    assert any("accuracy_difference of sex promised" in v["sentence"] for v in found)

"""Part 1: prohibited use stops everything; signatures hold one version; there must be something to gain."""

import dagster as dg
import pytest

from ml_assets.stages import business_case
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, said


def _use(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(business_case={"area": "credit"})
    lab.run("business_case")
    return lab.verdict("business_case", "use_is_allowed")


def _changed_after_signing(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(business_case={"decision": "lend to anyone"})
    lab.ok("business_case")
    return lab.verdict("business_case", "signed_off")


def _nothing_to_gain(lab: Lab) -> dg.AssetCheckEvaluation:
    same = {"true_positive": 5, "false_positive": 5, "false_negative": 5, "true_negative": 5}
    lab = lab.but(business_case={"value": same})
    lab.ok("business_case", "baseline_value")
    return lab.verdict("baseline_value", "ml_can_pay")


PLANTED: Planted = {
    ("business_case", "use_is_allowed"): _use,
    ("business_case", "signed_off"): _changed_after_signing,
    ("baseline_value", "ml_can_pay"): _nothing_to_gain,
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(business_case)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    assert not PLANTED[asset, check](fork).passed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"area": "social_scoring"}, "prohibited"),
        ({"area": "credit"}, "high-risk"),
        ({"decision": "who is likely to commit a crime"}, "predicting offences"),
    ],
)
def test_a_use_that_is_not_allowed_stops_the_run_before_anything_is_computed(
    fork: Lab, changes: dict[str, str], sentence: str
) -> None:
    lab = fork.but(business_case=changes)
    run = lab.run("business_case", "baseline_value", "success_criteria")
    assert not run.success
    found = lab.verdict("business_case", "use_is_allowed")
    assert sentence in said(found)
    assert found.blocking
    assert lab.instance.get_latest_materialization_event(lab.key("baseline_value")) is not None  # the old one
    steps = {s.step_key: s.status for s in lab.instance.get_run_step_stats(run.run_id) if s.status is not None}
    assert "stream__baseline_value" not in steps


def test_nobody_signed_is_a_warning(table: Lab) -> None:
    found = table.verdict("business_case", "signed_off")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nobody" in said(found)


def test_policies_are_worth_what_the_matrix_says(stream: Lab) -> None:
    figures = stream.store.read_facts("baseline_value")["figures"]
    truth = stream.store.read_frame("training_set", columns=["ml:truth", "ml:part"])
    positive = float(truth.loc[truth["ml:part"] != "test", "ml:truth"].mean())
    assert figures["all_positive_per_decision"] == pytest.approx(-40 * (1 - positive))
    assert figures["all_negative_per_decision"] == pytest.approx(-100 * positive + 20 * (1 - positive))
    assert figures["perfect_per_decision"] == pytest.approx(20 * (1 - positive))

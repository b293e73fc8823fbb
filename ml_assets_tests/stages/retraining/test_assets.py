"""The log of retrainings, and the two checks of part 10."""

import dagster as dg
import pytest

from ml_assets.stages import retraining
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, days, said


def _without_reason(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.ok("champion", "retraining_log", reason="")
    return lab.verdict("retraining_log", "every_retraining_explained")


def _ruinous(lab: Lab) -> dg.AssetCheckEvaluation:
    """The world turns half way, so the policy retrains, and every retraining costs a fortune."""
    lab = lab.but(retraining={"cost": 1_000_000})
    lab.plant(labels=dict.fromkeys(days(9, 15), "inverted"))
    lab.ok("labels", batches=days(9, 15))
    lab.ok("training_set", "policy_backtest")
    return lab.verdict("policy_backtest", "policy_pays")


PLANTED: Planted = {
    ("retraining_log", "every_retraining_explained"): _without_reason,
    ("policy_backtest", "policy_pays"): _ruinous,
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(retraining)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert "without a reason" in said(found) or "declared policy nets" in said(found)


def test_every_decision_is_a_row_with_run_reason_and_outcome(fork: Lab) -> None:
    first = fork.store.read_facts("retraining_log")["rows"]
    assert [(r["trigger"], r["reason"], r["outcome"], r["version"]) for r in first] == [
        ("by hand", "first model", "released", 1)
    ]
    run = fork.ok("champion", "retraining_log", reason="a second look")
    rows = fork.store.read_facts("retraining_log")["rows"]
    assert rows[0] == first[0]
    assert rows[1]["run"] == run.run_id
    assert rows[1]["reason"] == "a second look"
    assert rows[1]["champion before"] == 1
    assert fork.metadata("retraining_log")["trainings"] == 2


def test_a_refusal_is_logged_too(fork: Lab) -> None:
    lab = fork.but(success_criteria=[{"metric": "roc_auc", "at_least": 0.97}])
    lab.ok("evaluation", "champion", "retraining_log")
    last = lab.store.read_facts("retraining_log")["rows"][-1]
    assert (last["outcome"], last["version"]) == ("refused", None)
    assert "roc_auc" in last["decision"]

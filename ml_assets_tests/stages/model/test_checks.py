"""Every check of part 6 passes on good data and fails on a planted fault."""

import dagster as dg
import pytest

from ml_assets.stages import model
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, days, said

EVALUATED = "evaluation"


def _judged(check: str, lab: Lab) -> dg.AssetCheckEvaluation:
    lab.ok(EVALUATED)
    return lab.verdict(EVALUATED, check)


RETRAINED = ("training_set", "sample_weights", "baselines", "candidates", "model", "mitigation")


def _unreachable(lab: Lab) -> dg.AssetCheckEvaluation:
    return _judged("success_criteria", lab.but(success_criteria=[{"metric": "roc_auc", "at_least": 0.97}]))


def _rule_that_knows(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(business_case={"simple_rule": "ml_assets_tests.stages.world.oracle"})
    lab.ok(*RETRAINED)
    return _judged("beats_baselines", lab)


def _suspicious(lab: Lab) -> dg.AssetCheckEvaluation:
    return _judged("not_too_good", lab.but(model={"too_good": 0.6}))


def _other_seed(lab: Lab) -> dg.AssetCheckEvaluation:
    """A model that cannot be made again, because its parameters are no longer those it was made with."""
    return _judged("reproducible", lab.but(model={"parameters": {"logistic_regression": {"C": 0.001}}}))


def _wrong_way(lab: Lab) -> dg.AssetCheckEvaluation:
    return _judged("behaviour", lab.but(model={"monotone": {"income": 1}}))


def _test_labels(fault: str, check: str, lab: Lab) -> dg.AssetCheckEvaluation:
    """The truth of the test days is not what the model learned."""
    lab.plant(labels=dict.fromkeys(days(13, 15), fault))
    lab.ok("labels", batches=days(13, 15))
    lab.ok(*RETRAINED)
    return _judged(check, lab)


def _cooks_toss_a_coin(lab: Lab) -> dg.AssetCheckEvaluation:
    """From the first validation day on, a coin decides how cooks turn out: found there, confirmed on the test days."""
    lab.plant(labels=dict.fromkeys(days(10, 15), "coin_for_cooks"))
    lab.ok("labels", batches=days(10, 15))
    lab.ok(*RETRAINED)
    return _judged("worst_slices", lab)


def _knows_nothing(lab: Lab) -> dg.AssetCheckEvaluation:
    """Labels thrown by a coin: the simplest model wins, and it gives every row the same score."""
    lab.plant(labels=dict.fromkeys(days(1, 15), "coin"))
    lab.ok("labels", batches=days(1, 15))
    lab.ok(*RETRAINED)
    return _judged("numerically_stable", lab)


def _dear_age(lab: Lab) -> dg.AssetCheckEvaluation:
    """Age has nothing to do with who defaults, and is bought for 5 a row; income costs as much and pays."""
    lab = lab.but(data_selection={"columns": {"age": {"cost": 5}, "income": {"cost": 5}}})
    lab.plant(features="with_age")
    lab.ok("features", batches=days(1, 15))
    lab.ok("column_screening", "selected_columns", *RETRAINED, "data_worth")
    return lab.verdict("data_worth", "columns_worth_their_cost")


PLANTED: Planted = {
    (EVALUATED, "success_criteria"): _unreachable,
    (EVALUATED, "beats_baselines"): _rule_that_knows,
    (EVALUATED, "not_too_good"): _suspicious,
    (EVALUATED, "numerically_stable"): _knows_nothing,
    (EVALUATED, "reproducible"): _other_seed,
    (EVALUATED, "slices"): lambda lab: _test_labels("inverted_for_men", "slices", lab),
    (EVALUATED, "worst_slices"): _cooks_toss_a_coin,
    (EVALUATED, "calibration"): lambda lab: _test_labels("inverted", "calibration", lab),
    (EVALUATED, "behaviour"): _wrong_way,
    ("data_worth", "columns_worth_their_cost"): _dear_age,
}
FIGURES = {
    "success_criteria": "against 0.97",
    "beats_baselines": "not better than simple_rule",
    "not_too_good": "is beyond 0.6",
    "numerically_stable": "every row gets the same score",
    "reproducible": "different by up to",
    "slices": "sex=m",
    "worst_slices": "job = cook: loss",
    "calibration": "which is allowed",
    "behaviour": "raising income by one spread moves the score the wrong way in 100.0%",
    "columns_worth_their_cost": "age costs 5 EUR per decision and earns",
}


def test_every_check_has_a_planted_fault(stream: Lab) -> None:
    assert set(PLANTED) == checks_of(model) | checks_of(model, [stream.solution])


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert FIGURES[check] in said(found)


def test_an_evaluation_on_one_customer_has_no_bounds_and_its_checks_say_so(fork: Lab) -> None:
    rows = fork.store.read_frame("training_set")
    fork.store.write_frame("training_set", rows.assign(**{"ml:cluster": "one"}))
    lab = fork.but(monitoring={"performance!": {"metric": "value_per_decision", "drop": 5}})  # the main metric: money
    lab.ok(EVALUATED)
    money = next(m for m in lab.store.read_facts(EVALUATED)["metrics"] if m["name"] == "value_per_decision")
    assert (money["low"], money["high"]) == (None, None)
    assert "EUR per decision without bounds against" in said(lab.verdict(EVALUATED, "beats_baselines"))
    assert lab.verdict(EVALUATED, "slices").passed  # what has no bounds is not beyond a limit
    assert "inconclusive: of too few rows or clusters" in said(lab.verdict(EVALUATED, "calibration"))

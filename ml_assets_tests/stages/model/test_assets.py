"""What part 6 shows: numbers that plot themselves, the reason of the choice, what the model depends on."""

import pytest

from ml_assets.learning.devices import device_told
from ml_assets_tests.stages.lab import Lab


def test_the_choice_says_why(stream: Lab) -> None:
    shown = stream.metadata("model")
    assert shown["chosen"] == "logistic_regression"
    assert "logistic_regression" in shown["why"]
    assert 0 < shown["threshold"] < 1


def test_metrics_are_plain_numbers(stream: Lab) -> None:
    shown = stream.metadata("evaluation")
    assert 0.7 < shown["roc_auc"] < 0.95
    assert shown["test_rows"] == 900


def test_importance_shares_sum_to_one_and_follow_the_world(stream: Lab) -> None:
    found = {f["feature"]: f["share"] for f in stream.store.read_facts("explanation")["importance"]}
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=lambda f: found[f]) == "income"


def test_a_number_target_has_no_threshold(table: Lab) -> None:
    assert "threshold" not in table.metadata("model")
    assert table.store.read_facts("explanation")["importance"][0]["feature"] == "size"


def test_contributions_are_shown_largest_first_with_how_they_were_made(stream: Lab, classes: Lab) -> None:
    shown = stream.metadata("evaluation")
    sizes = stream.store.read_facts("evaluation")["contributions"]["sizes"]
    assert [s["name"] for s in sizes] == ["income", "debt", "job"]
    assert sizes[0]["low"] < sizes[0]["value"] < sizes[0]["high"]
    assert sizes[0]["n"] == 500
    assert shown["contributions_picture"].startswith("![mean size of the contribution")
    assert shown["contributions_how"].startswith("exact for a linear model")
    assert "income" in shown["contributions"]
    assert classes.store.read_facts("evaluation")["contributions"]["available"]


def test_a_family_without_contributions_says_so(fork: Lab) -> None:
    lab = fork.but(model={"candidates": ["hist_gradient_boosting"]})
    lab.ok("training_set", "sample_weights", "baselines", "candidates", "model", "mitigation", "evaluation")
    assert "not available for this family (hist_gradient_boosting)" in lab.metadata("evaluation")["contributions"]


def test_the_score_is_drawn_along_the_strongest_features(stream: Lab, classes: Lab) -> None:
    shown = stream.metadata("explanation")
    assert shown["follows_income"].startswith("![mean score by income; band: 80 % of the rows]")
    assert shown["follows_job"].startswith("![mean score by job; band: 80 % of the rows]")
    for point in stream.store.read_facts("explanation")["dependence"][0]["points"]:
        assert point["rows_low"] < point["score"]["value"] < point["rows_high"]
    several = [v for k, v in classes.metadata("explanation").items() if k.startswith("follows_")]
    assert several
    assert all("mean score of small by" in picture for picture in several)


def test_slices_found_are_in_the_table(stream: Lab) -> None:
    shown = stream.metadata("evaluation")
    assert shown["worst_slices_searched"] > 100
    found = stream.store.read_facts("evaluation")["worst_slices"]
    assert all(s["words"] in shown["worst_slices"] for s in found["slices"])


@pytest.mark.filterwarnings("ignore:.*GPU")
def test_a_declared_gpu_is_shown_with_what_is_really_used(fork: Lab) -> None:
    assert "device" not in fork.metadata("candidates")
    asked = fork.but(model={"candidates": ["xgboost"], "device": "cuda", "parameters": {"xgboost": {"rounds": 2}}})
    asked.ok("candidates")
    assert asked.metadata("candidates")["device"] == device_told("cuda")

"""What part 6 shows: numbers that plot themselves, the reason of the choice, what the model depends on."""

import pytest

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

"""Every rule that spans the sections of a solution, broken and kept."""

from typing import Any

import pytest

from ml_assets.declaration import Solution
from ml_assets.declaration.spanning import SPANNING_RULES
from ml_assets_tests.declaration.minimal import ARRIVAL, HERE, changed, refusal, solution

REGRESSION = {"business_case__target": {"column": "spend", "task": "regression"}}
ID = {"data_pipeline__id": "customer"}
BINARY_METRICS = (
    "accuracy, average_precision, balanced_accuracy, brier_score, expected_calibration_error, f1, log_loss, macro_f1, precision, "
    "recall, roc_auc, selection_rate, specificity, value_per_decision"
)
CLASSIFIERS = "dummy, single_feature, logistic_regression, xgboost, hist_gradient_boosting, random_forest, blend"
REGRESSION_METRICS = "mean_absolute_error, mean_error, r2, root_mean_squared_error, value_per_decision"

BROKEN: dict[str, list[tuple[dict[str, Any], str]]] = {
    "_metrics_fit_task": [
        ({"success_criteria": [{"metric": "r2", "at_least": 0.1}]}, f"success_criteria: got metric 'r2' for a binary target; allowed: {BINARY_METRICS}"),
        (REGRESSION | {"monitoring__performance": {"metric": "roc_auc"}}, f"monitoring.performance: got metric 'roc_auc' for a regression target; allowed: {REGRESSION_METRICS}"),
        ({"monitoring__performance": {"metric": "luck"}}, f"monitoring.performance: got metric 'luck' for a binary target; allowed: {BINARY_METRICS}"),
    ],
    "_groups_are_declared": [
        ({"success_criteria": [{"metric": "recall", "at_least": 0.1, "in_each": "sex"}]}, "success_criteria: got in_each 'sex'; allowed: no group is declared in data_bias"),
        ({"success_criteria": [{"metric": "recall", "at_least": 0.1, "in_each": "sexe"}], "data_bias__protected": ["sex"]}, "success_criteria: got in_each 'sexe'; allowed: sex"),
    ],
    "_protected_is_not_target": [
        ({"data_bias__protected": ["left"]}, "data_bias.protected: got 'left', which is the target; allowed: any other column"),
        ({"data_bias": {"groups": {"gone": {"column": "left"}}, "protected": ["gone"]}}, "data_bias.protected: got 'gone', which is the target; allowed: any other column"),
    ],
    "_columns_do_not_collide": [
        ({"data_pipeline__id": "left"}, "data_pipeline.id: got 'left', which is the target; allowed: a column that names the row"),
        ({"data_bias__groups": {"left": {"column": "age"}}}, "data_bias.groups: got a group named 'left' like the target; allowed: another name"),
    ],
    "_baseline_exists": [
        ({"success_criteria": [{"metric": "recall", "better_than": "simple_rule"}]}, "success_criteria: got better_than simple_rule, but business_case.simple_rule is not declared; allowed: dummy, single_feature, simpler_model, or declare the rule"),
    ],
    "_window_outlasts_delay": [
        (ID | {"data_pipeline__arrival": ARRIVAL, "model__window": "3 days", "business_case__target": {"column": "left", "delay": "3 days"}}, "business_case.target.delay: got 3 days, 0:00:00, not shorter than model.window (3 days); allowed: a delay shorter than the window, else no training row has a label"),
    ],
    "_time_needs_a_stream": [
        ({"model__split": "time"}, "model.split: got time for a single table; allowed: hash, or declare data_pipeline.arrival"),
        ({"model": {"window": "3 days", "half_life": "2 batches"}}, "model: got window, half_life for a single table; allowed: none of them, or declare data_pipeline.arrival"),
        ({"data_pipeline__arrival": {"every": "file"}, "model__window": "3 days"}, "model: got a duration for window, but batches of files have no period; allowed: a number of batches, such as '20 batches'"),
    ],
    "_model_fits_task": [
        ({"model__loss": "absolute"}, "model.loss: got 'absolute' for a binary target; allowed: nothing, classes are learned by their likelihood"),
        (REGRESSION | {"model__loss": "money"}, "model.loss: got money, but business_case.value is not declared; allowed: squared, absolute, quantile, or declare the value"),
        (REGRESSION | {"model__cases": [{"name": "old", "row": {"age": 90}, "decision": "yes"}]}, "model.cases: got a decision in 'old' for a regression target; allowed: at_least, at_most"),
        ({"model__cases": [{"name": "old", "row": {"age": 90}, "at_most": 60}]}, "model.cases: got 60 in 'old' for a probability; allowed: 0 to 1"),
        ({"business_case__target": {"column": "left", "task": "multiclass"}, "model__monotone": {"age": 1}}, "model.monotone: got it for a multiclass target, which has no single score; allowed: nothing"),
    ],
    "_candidates_fit_task": [
        ({"model__candidates": ["linear_regression"]}, f"model.candidates: got 'linear_regression' for a binary target; allowed: {CLASSIFIERS}, or a dotted path"),
        ({"model__candidates": ["xgbost", "sklearn.ensemble.ExtraTreesClassifier"]}, f"model.candidates: got 'xgbost' for a binary target; allowed: {CLASSIFIERS}, or a dotted path"),
        (REGRESSION | {"model": {"candidates": ["random_forest"], "loss": "absolute"}}, "model.candidates: got 'random_forest' for a regression target and absolute loss; allowed: dummy, single_feature, linear_regression, xgboost, hist_gradient_boosting, blend, or a dotted path"),
        ({"model__parameters": {"xgbost": {"max_depth": 3}}}, f"model.parameters: got 'xgbost'; allowed: {CLASSIFIERS}, or a dotted path"),
        ({"model__parameters": {"logistic_regression": {"c": 1.0}, "my.forest": {"any": 1}}}, "model.parameters.logistic_regression: got c; allowed: C, max_iter"),
        ({"model__parameters": {"blend": {"members": "xgboost, forest"}}}, "model.parameters.blend: Members of a blend cannot be read: got 'xgboost, forest'; allowed: xgboost and hist_gradient_boosting, each also with _2, separated by commas, each once. Correct it, or leave it out for one of each."),
        ({"model__parameters": {"blend": {"members": "xgboost, xgboost_2"}}}, "model.parameters.blend.members: got xgboost twice with the same parameters; allowed: others for the second, or model.search, which finds them"),
    ],
    "_cluster_is_not_target": [
        ({"model__cluster": "left"}, "model.cluster: got 'left', which is the target; allowed: a column that several rows share"),
        (ID | {"data_pipeline__arrival": ARRIVAL, "model__cluster": "household"}, "model.cluster: got it for a split by time; allowed: split: hash, or no cluster"),
    ],
    "_seasons_need_a_clock": [
        ({"monitoring__drift": {"season": "weekday"}}, "monitoring.drift: got a season or against: trailing, but batches without a period have no time; allowed: season: none and against: release, or declare data_pipeline.arrival by hour, day, week or month"),
        ({"data_pipeline__arrival": {"every": "file"}, "monitoring__drift": {"against": "trailing"}}, "monitoring.drift: got a season or against: trailing, but batches without a period have no time; allowed: season: none and against: release, or declare data_pipeline.arrival by hour, day, week or month"),
        (ID | {"data_pipeline__arrival": ARRIVAL | {"every": "week"}, "monitoring__drift": {"season": "weekday"}}, "monitoring.drift.season: got weekday, but a batch spans several; allowed: none, month"),
    ],
    "_files_fit_arrival": [
        ({"data_pipeline": {"source": {"type": "sql", "url": "sqlite://", "query": "q"}, "arrival": {"every": "file"}}}, "data_pipeline.arrival: got every: file for an sql source; allowed: hour, day, week, month"),
    ],
    "_labels_need_ids": [
        ({"data_pipeline__labels": {"source": {"type": "function", "load": f"{HERE}.rows"}, "id": "customer"}}, "data_pipeline.labels: got a source of labels without data_pipeline.id; allowed: an id to join them by"),
    ],
    "_binary_options": [
        ({"business_case__target": {"column": "spend", "task": "regression", "positive": 1}}, "business_case.target.positive: got 1 for a regression target; allowed: nothing"),
    ],
    "_fairness_fits_task": [
        (REGRESSION | {"model_bias__metrics": ["selection_rate_ratio"]}, "model_bias.metrics: got 'selection_rate_ratio' for a regression target; allowed: mean_residual_difference"),
    ],
}  # fmt: skip
KEPT: dict[str, dict[str, Any]] = {
    "_metrics_fit_task": REGRESSION | {"success_criteria": [{"metric": "r2", "at_least": 0.1}]},
    "_groups_are_declared": {"success_criteria": [{"metric": "recall", "at_least": 0.1, "in_each": "sex"}], "data_bias__protected": ["sex"]},
    "_protected_is_not_target": {"data_bias__protected": ["sex"]},
    "_columns_do_not_collide": {"data_pipeline__id": "customer", "data_bias__groups": {"band": {"column": "age"}}},
    "_baseline_exists": {"success_criteria": [{"metric": "recall", "better_than": "simple_rule"}], "business_case__simple_rule": f"{HERE}.rows"},
    "_window_outlasts_delay": ID | {"data_pipeline__arrival": ARRIVAL, "model__window": "4 days", "business_case__target": {"column": "left", "delay": "3 days"}},
    "_time_needs_a_stream": {"data_pipeline__arrival": {"every": "file"}, "model": {"split": "time", "window": "3 batches"}},
    "_model_fits_task": REGRESSION | {"model": {"loss": {"quantile": 0.9}, "cases": [{"name": "old", "row": {"age": 90}, "at_least": 1}]}},
    "_candidates_fit_task": REGRESSION | {"model": {"candidates": ["linear_regression", "blend", "my.forest"], "parameters": {"xgboost": {"max_depth": 3}, "blend": {"members": "xgboost, xgboost_2", "xgboost_2.max_depth": 2}, "my.forest": {"any": 1}}, "loss": "absolute"}},
    "_cluster_is_not_target": {"model__cluster": "household"},
    "_seasons_need_a_clock": ID | {"data_pipeline__arrival": ARRIVAL, "monitoring__drift": {"season": "weekday", "against": "trailing", "trailing": "14 days"}},
    "_files_fit_arrival": ID | {"data_pipeline__arrival": ARRIVAL, "data_pipeline__source": {"type": "sql", "url": "sqlite://", "query": ":start :end"}},
    "_labels_need_ids": ID | {"data_pipeline__labels": {"source": {"type": "function", "load": f"{HERE}.rows"}, "id": "customer"}},
    "_binary_options": {"business_case__target": {"column": "left", "positive": "yes"}},
    "_fairness_fits_task": REGRESSION | {"model_bias__metrics": ["mean_residual_difference"]},
}  # fmt: skip


def test_every_rule_is_tried_both_ways() -> None:
    assert {r.__name__ for r in SPANNING_RULES} == set(BROKEN) == set(KEPT)


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_broken_rule_is_refused_in_its_own_words(rule: str) -> None:
    for changes, sentence in BROKEN[rule]:
        assert refusal(Solution, changed(**changes)) == [sentence]


@pytest.mark.parametrize("rule", sorted(KEPT))
def test_a_kept_rule_is_silent(rule: str) -> None:
    assert solution(**KEPT[rule])


def test_several_broken_rules_are_told_at_once() -> None:
    (sentence,) = refusal(Solution, changed(data_pipeline__id="left", model__split="time"))
    assert sentence.startswith("data_pipeline.id: got 'left'")
    assert "; model.split: got time for a single table" in sentence

"""The ten sections together: every rule that spans them, defaults that depend on them, versions."""

from datetime import timedelta
from typing import Any

import pytest

from ml_assets.declaration import SECTIONS, Solution
from ml_assets.declaration.solution import SPANNING_RULES
from ml_assets.learning.losses import Loss
from ml_assets_tests.declaration.minimal import ARRIVAL, CASE, HERE, MINIMAL, changed, refusal, solution, stream

REGRESSION = {"business_case__target": {"column": "spend", "task": "regression"}}
ID = {"data_pipeline__id": "customer"}
BINARY_METRICS = (
    "accuracy, average_precision, balanced_accuracy, brier_score, expected_calibration_error, f1, log_loss, macro_f1, precision, "
    "recall, roc_auc, selection_rate, specificity, value_per_decision"
)
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


@pytest.mark.parametrize("name", ["../x", "Churn", "1churn", "churn-eu", "", "a" * 64, "a/b", "churn\n"])
def test_a_name_is_one_plain_word(name: str) -> None:
    (sentence,) = refusal(Solution, MINIMAL | {"name": name})
    assert sentence == "name: String should match pattern '^[a-z][a-z0-9_]{0,62}$'"


@pytest.mark.parametrize("key", ["name", "business_case", "data_pipeline"])
def test_what_must_be_declared(key: str) -> None:
    assert refusal(Solution, {k: v for k, v in MINIMAL.items() if k != key}) == [f"{key}: Field required"]


def test_without_criteria_the_model_must_beat_ignorance() -> None:
    assert [c.name for c in solution().criteria] == ["roc_auc better_than_dummy"]
    assert [c.name for c in solution(**REGRESSION).criteria] == ["root_mean_squared_error better_than_dummy"]
    assert solution().main_metric == "roc_auc"
    assert solution(monitoring__performance={"metric": "recall"}).main_metric == "recall"
    assert solution(success_criteria=[{"metric": "f1", "at_least": 0.3}]).main_metric == "f1"


def test_fairness_is_gated_by_default() -> None:
    assert solution().fairness_limits == {"selection_rate_ratio": 0.8, "equal_opportunity_difference": 0.1}
    assert solution(**REGRESSION).fairness_limits == {"mean_residual_difference": 0.2}
    declared = solution(model_bias={"metrics": ["accuracy_difference"], "tolerance": {"accuracy_difference": 0.05}})
    assert declared.fairness_limits == {"accuracy_difference": 0.05}


def test_streams_are_split_by_time_and_tables_by_hash() -> None:
    assert not solution().time_split
    assert stream().time_split
    assert not stream(model__split="hash").time_split


def test_staleness_follows_the_window() -> None:
    assert solution().stale_after is None
    assert stream(model__window="10 days").stale_after == timedelta(days=60)
    assert stream().stale_after == timedelta(days=180)
    assert stream(monitoring__freshness="5 days").stale_after == timedelta(days=5)
    assert (stream(model__window="10 days").window_batches, stream().window_batches) == (10, None)


def test_what_a_model_may_never_see() -> None:
    declared = solution(
        data_pipeline__id="customer",
        data_selection={"exclude": ["note"], "columns": {"calls": {"available": "after_outcome"}, "age": {"cost": 1}}},
        data_bias={"groups": {"band": {"column": "age"}}, "protected": ["sex", "band"]},
    )
    assert declared.never_inputs == {"left", "customer", "note", "calls", "sex", "age"}
    assert declared.group_names == ("sex", "band")


def test_the_good_decision_for_the_person() -> None:
    assert solution().favourable_code == 1
    assert solution(business_case__favourable="negative").favourable_code == 0


ONE_CHANGE: dict[str, dict[str, Any]] = {
    "business_case": {"business_case__area": "marketing"},
    "success_criteria": {"success_criteria": [{"metric": "recall", "at_least": 0.1}]},
    "data_selection": {"data_selection__minimum_rows": 300},
    "data_bias": {"data_bias__mitigation": "none"},
    "data_pipeline": {"data_pipeline__quarantine_at_most": 0.03},
    "model": {"model__seed": 1},
    "deployment": {"deployment__approval": "manual"},
    "model_bias": {"model_bias__accuracy_budget": 0.01},
    "monitoring": {"monitoring__freshness": "3 days"},
    "retraining": {"retraining__cost": 10},
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_version_changes_with_its_section_only(section: str) -> None:
    before, after = solution(), solution(**ONE_CHANGE[section])
    assert {s for s in SECTIONS if before.version(s) != after.version(s)} == {section}
    assert before.version() != after.version()


def test_versions_do_not_depend_on_how_it_was_written() -> None:
    assert stream(model__window="1 week").version() == stream(model__window="7 days").version()
    assert solution(model__test="20 %").version() == solution().version()


def test_a_signature_does_not_change_what_was_signed() -> None:
    signed = solution(business_case=CASE | {"signed_off": {"by": "Ann", "date": "2026-01-01", "version": "x"}})
    assert signed.case_version == solution().case_version
    assert solution(**ONE_CHANGE["business_case"]).case_version != solution().case_version
    assert solution(**ONE_CHANGE["success_criteria"]).case_version != solution().case_version
    assert solution(**ONE_CHANGE["model"]).case_version == solution().case_version


def test_what_is_dumped_is_loaded_again() -> None:
    first = stream(
        **ID, model={"window": "21 days", "half_life": "3 batches"}, retraining={"at_most": "3 per 2 weeks"},
        data_pipeline__source={"type": "function", "load": f"{HERE}.window"},
    )  # fmt: skip
    again = Solution.model_validate(first.model_dump(mode="json", by_alias=True))
    assert again == first
    assert again.version() == first.version()


def test_the_alarms_of_a_month_are_paid_for_look_by_look() -> None:
    daily = {"every": "day", "event_time": "at", "start": "2026-01-01"}
    assert solution().alarm_error == pytest.approx(0.05)
    for arrival, looks in ((daily, 30), (daily | {"every": "week"}, 30 / 7), ({"every": "file"}, 30)):
        found = solution(data_pipeline__arrival=arrival).alarm_error
        assert found == pytest.approx(1 - 0.95 ** (1 / looks))


def test_a_regression_learns_what_its_errors_cost() -> None:
    value = {"per_unit_over": -1, "per_unit_under": -3}
    assert solution(**REGRESSION).training_loss == Loss("squared")
    assert solution(**REGRESSION, business_case__value=value).training_loss == Loss("quantile", 0.75)
    assert solution(**REGRESSION, business_case__value=value, model__loss="squared").training_loss == Loss("squared")
    assert solution(**REGRESSION, model__loss="absolute").training_loss == Loss("absolute", 0.5)
    assert solution(**REGRESSION, model__loss={"quantile": 0.9}).training_loss == Loss("quantile", 0.9)

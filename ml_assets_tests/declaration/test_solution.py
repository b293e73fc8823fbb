"""The ten sections together: names, defaults that depend on them, versions."""

from datetime import timedelta
from typing import Any

import pytest

from ml_assets.declaration import SECTIONS, Solution
from ml_assets.learning.losses import Loss
from ml_assets_tests.declaration.minimal import CASE, HERE, MINIMAL, refusal, solution, stream

REGRESSION = {"business_case__target": {"column": "spend", "task": "regression"}}
ID = {"data_pipeline__id": "customer"}


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

"""Every shipped solution: the snapshot of its graph, asset keys before check keys, and its declaration's promises."""

import warnings
from pathlib import Path

import dagster as dg
import pytest

import ml_assets
from ml_assets.components import find_solution
from ml_assets.declaration import SECTIONS
from ml_assets.graph import STAGE_TAG

ASSETS = {
    "business_case": {"business_case", "baseline_value"},
    "success_criteria": {"success_criteria"},
    "data_selection": {"column_screening", "selected_columns"},
    "data_bias": {"data_bias_report", "bias_remediation_plan", "sample_weights"},
    "data_pipeline": {"raw_data", "valid_data", "quarantined_data", "features", "labels", "profile", "training_set"},
    "model": {"baselines", "candidates", "model", "evaluation", "explanation", "data_worth"},
    "deployment": {"champion", "predictions"},
    "model_bias": {"model_bias_report", "mitigation"},
    "monitoring": {"drift_report", "performance_report", "performance_estimate", "fairness_report", "value_report"},
    "retraining": {"policy_backtest", "retraining_log"},
}
TABLE_CHECKS = {
    "baseline_value:ml_can_pay", "bias_remediation_plan:findings_covered", "business_case:signed_off", "business_case:use_is_allowed",
    "champion:release_gates", "champion:released_model_intact", "data_worth:columns_worth_their_cost", "data_bias_report:groups_represented", "drift_report:drift",
    "evaluation:beats_baselines", "evaluation:not_too_good", "evaluation:numerically_stable", "evaluation:reproducible", "evaluation:slices",
    "evaluation:success_criteria", "evaluation:worst_slices", "fairness_report:fairness", "features:protected_absent", "labels:label_arrival", "mitigation:plan_kept", "mitigation:protected_absent",
    "model_bias_report:disparity", "model_bias_report:plan_effect_met", "performance_report:concept", "performance_report:performance", "predictions:complete", "predictions:scores_are_sound", "predictions:skew",
    "raw_data:not_empty", "retraining_log:every_retraining_explained", "sample_weights:groups_in_every_part",
    "sample_weights:plan_effect_met", "selected_columns:no_leak", "selected_columns:no_protected",
    "success_criteria:decidable", "training_set:enough_rows", "training_set:no_duplicates_across_split", "valid_data:contract",
    "valid_data:no_new_columns", "valid_data:unique_ids", "value_report:value",
}  # fmt: skip
STREAM_CHECKS = {
    "raw_data:volume",
    "raw_data:data_time_freshness",
    "drift_report:freshness",
    "policy_backtest:policy_pays",
    "evaluation:calibration",
}


@pytest.fixture(scope="module")
def defs() -> dg.Definitions:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return find_solution("credit_default")[1]


@pytest.mark.parametrize("name", ["credit_default", "disease_progression"])
def test_asset_keys_by_part(defs: dg.Definitions, name: str) -> None:
    found: dict[str, set[str]] = {s: set() for s in SECTIONS}
    for spec in defs.resolve_all_asset_specs():
        if spec.key.path[0] == name:
            found[spec.tags[STAGE_TAG]].add(spec.key.path[1])
    assert found == ASSETS


@pytest.mark.parametrize(
    ("name", "checks"), [("credit_default", TABLE_CHECKS | STREAM_CHECKS), ("disease_progression", TABLE_CHECKS)]
)
def test_check_keys(defs: dg.Definitions, name: str, checks: set[str]) -> None:
    keys = defs.get_repository_def().asset_graph.asset_check_keys
    assert {f"{k.asset_key.path[1]}:{k.name}" for k in keys if k.asset_key.path[0] == name} == checks


def test_sensors_run_from_the_start(defs: dg.Definitions) -> None:
    sensors = {s.name: s.default_status for s in defs.get_repository_def().sensor_defs}
    assert set(sensors) == {
        "credit_default_alerts", "credit_default_arrival", "credit_default_retraining", "disease_progression_alerts", "disease_progression_retraining",
    }  # fmt: skip
    assert set(sensors.values()) == {dg.DefaultSensorStatus.RUNNING}


def test_every_asset_has_an_owner_a_description_a_kind_and_a_line(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners, spec.key
        assert spec.description, spec.key
        assert spec.kinds, spec.key
        references = spec.metadata["dagster/code_references"].code_references
        assert any(
            getattr(r, "line_number", 0) > 1 and str(getattr(r, "file_path", "")).endswith("defs.yaml")
            for r in references
        ), spec.key


@pytest.mark.parametrize("name", ["credit_default", "disease_progression"])
def test_the_case_is_signed_in_the_version_that_runs(name: str) -> None:
    solution = find_solution(name)[0]
    assert solution.business_case.signed_off is not None
    assert solution.business_case.signed_off.version == solution.case_version


def test_declarations_travel_with_the_package() -> None:
    folder = Path(ml_assets.__file__).parent
    assert (folder / "dg.toml").exists()
    assert {p.parent.name for p in folder.glob("defs/*/defs.yaml")} == {"credit_default", "disease_progression"}

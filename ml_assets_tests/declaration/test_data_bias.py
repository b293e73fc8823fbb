"""Groups, expectations and remedies."""

import pytest

from ml_assets.declaration.data_bias import DataBias, GroupRule, PlanEntry, Tolerance
from ml_assets_tests.declaration.minimal import refusal

BANDS = {"age_band": {"column": "age", "edges": [25, 40]}}


def bias(**raw: object) -> DataBias:
    return DataBias.model_validate(raw)


@pytest.mark.parametrize("edges", [[40, 25], [25, 25]])
def test_edges_rise(edges: list[int]) -> None:
    got = [float(e) for e in edges]
    assert refusal(GroupRule, {"column": "age", "edges": edges}) == [
        f"edges: got {got}; allowed: numbers that rise, each once"
    ]


def test_a_protected_attribute_hides_the_column_it_is_made_from() -> None:
    found = bias(groups=BANDS, protected=["sex", "age_band"])
    assert (found.columns_of("age_band"), found.columns_of("sex")) == ("age", "sex")
    assert found.hidden_columns == {"age", "sex"}


@pytest.mark.parametrize("name", ["age", "age_band"])
def test_a_reason_lets_the_model_see_it(name: str) -> None:
    assert bias(groups=BANDS, protected=["sex", "age_band"], as_input={name: "law asks for it"}).hidden_columns == {
        "sex"
    }


def test_a_group_that_is_not_protected_hides_nothing() -> None:
    assert bias(groups=BANDS).hidden_columns == frozenset()


def test_reasons_are_for_protected_columns() -> None:
    assert refusal(DataBias, {"protected": ["sex"], "as_input": {"job": "because"}}) == [
        "as_input: got job; allowed: protected attributes and their columns"
    ]


def test_reference_shares_sum_to_one() -> None:
    assert bias(protected=["sex"], reference_population={"sex": {"f": 0.51, "m": 0.49}})
    raw = {"protected": ["sex"], "reference_population": {"sex": {"f": 0.6, "m": 0.5}}}
    assert refusal(DataBias, raw) == ["reference_population.sex: shares sum to 1.1; allowed: 1"]


@pytest.mark.parametrize(("protected", "allowed"), [(["sex"], "sex"), ([], "no attribute is protected")])
def test_reference_shares_are_for_protected_attributes(protected: list[str], allowed: str) -> None:
    raw = {"protected": protected, "reference_population": {"origin": {"a": 1}}}
    assert refusal(DataBias, raw) == [f"reference_population: got 'origin'; allowed: {allowed}"]


def test_tolerances_have_bounds() -> None:
    assert refusal(Tolerance, {"representation_ratio": 0, "label_rate_difference": 1.5}) == [
        "representation_ratio: Input should be greater than 0",
        "label_rate_difference: Input should be less than or equal to 1",
    ]


def test_a_plan_names_a_known_action_and_an_end() -> None:
    raw = {"finding": "sex=f", "action": "hope", "reason": "r", "approved_by": "Ann"}
    assert refusal(PlanEntry, raw) == [
        "action: Input should be 'reweigh', 'collect_data', 'accept', 'drop_column' or 'group_thresholds'",
        "expires: Field required",
    ]

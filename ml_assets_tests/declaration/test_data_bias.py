"""Groups, expectations and remedies."""

import math
from datetime import date, timedelta

import pytest

from ml_assets.declaration.data_bias import DataBias, ExpectedEffect, GroupRule, PlanEntry, Tolerance
from ml_assets_tests.declaration.minimal import refusal

DROP = {"finding": "D-proxy-sex", "action": "drop_column", "columns": ["job"], "reason": "r", "approved_by": "Ann",
        "expires": "2020-01-01"}  # fmt: skip
BANDS = {"age_band": {"column": "age", "edges": [25, 40]}}


def bias(**raw: object) -> DataBias:
    return DataBias.model_validate(raw)


@pytest.mark.parametrize("edges", [[40, 25], [25, 25], [25, math.inf], [math.nan]])
def test_edges_rise(edges: list[float]) -> None:
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
        "as_input: got job; allowed: protected attributes, their columns, and proxies"
    ]


def test_a_declared_proxy_is_hidden_unless_a_reason_lets_it_in() -> None:
    raw: dict[str, object] = {"protected": ["sex"], "proxies": {"job": "sex", "title": "sex"}}
    assert bias(**raw).hidden == {"job": "declared proxy of sex", "title": "declared proxy of sex", "sex": "protected"}
    assert bias(**raw, as_input={"job": "the work is the risk"}).hidden_columns == {"title", "sex"}


def test_a_column_with_two_protected_attributes_needs_a_reason_for_both() -> None:
    groups = BANDS | {"is_old": {"column": "age", "edges": [60]}}
    raw: dict[str, object] = {"groups": groups, "protected": ["age_band", "is_old"]}
    assert bias(**raw, as_input={"is_old": "r"}).hidden == {"age": "protected as age_band"}
    assert bias(**raw, as_input={"is_old": "r", "age_band": "r"}).hidden == {}
    assert bias(**raw, as_input={"age": "r"}).hidden == {}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"proxies": {"job": "origin"}}, "proxies.job: got 'origin'; allowed: sex"),
        ({"as_input": {"sex": " "}}, "as_input: got no reason for sex; allowed: a reason in words"),
        (
            {"plan": [DROP], "proxies": {"job": "sex"}, "as_input": {"job": "r"}},
            "as_input: got job, which the plan drops; allowed: one of the two",
        ),
    ],
)
def test_proxies_and_reasons_that_contradict(raw: dict[str, object], sentence: str) -> None:
    assert refusal(DataBias, {"protected": ["sex"]} | raw) == [sentence]


def test_columns_that_the_plan_drops_stay_dropped_and_proposals_drop_nothing() -> None:
    proposed = {**DROP, "approved_by": " "}
    assert bias(protected=["sex"], plan=[proposed]).hidden_columns == {"sex"}
    assert bias(protected=["sex"], plan=[DROP]).hidden["job"] == "dropped by the plan about D-proxy-sex"
    assert refusal(PlanEntry, {**DROP, "action": "accept"}) == [
        "columns: got job for accept; allowed: with drop_column alone"
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


TODAY = date(2026, 3, 1)
ENTRY = {"finding": "sex", "action": "accept", "reason": "r", "approved_by": "Ann", "expires": "2026-06-01"}
RISK = {"text": "t", "severity": "low", "accepted_by": "Bob", "expires": "2026-04-01"}


def entry(**raw: object) -> PlanEntry:
    return PlanEntry.model_validate(ENTRY | raw)


@pytest.mark.parametrize("name", [None, "", "  "])
def test_an_entry_nobody_approved_is_a_proposal(name: str | None) -> None:
    assert entry(approved_by=name).state(TODAY) == "proposed"


def test_an_approval_ends_with_its_day_or_with_the_risk_that_was_accepted() -> None:
    assert entry().state(date(2026, 6, 1)) == "approved"
    assert entry().state(date(2026, 6, 2)) == "expired"
    risky = entry(residual_risk=RISK)
    assert risky.ends == date(2026, 4, 1)
    assert [risky.state(date(2026, 4, 1) + timedelta(days=d)) for d in (0, 1)] == ["approved", "expired"]


@pytest.mark.parametrize("decided", [{}, {"decided_by": "bob "}])
def test_the_risk_is_accepted_by_someone_other_than_who_decided(decided: dict[str, str]) -> None:
    who = "bob " if decided else "Ann"
    raw = ENTRY | decided | {"residual_risk": RISK | {"accepted_by": who.strip().title()}}
    assert refusal(PlanEntry, raw) == [
        f"residual_risk.accepted_by: got '{who.strip().title()}', who decided; allowed: someone other than the decider"
    ]
    assert entry(decided_by="Cleo", residual_risk=RISK)


def test_an_expected_effect_can_be_measured() -> None:
    assert ExpectedEffect(metric="label_rate_difference", at_most=0.05)
    assert ExpectedEffect(metric="equal_opportunity_difference", group="sex=f", at_most=0.05)
    assert refusal(ExpectedEffect, {"metric": "hope", "at_most": 1})[0].startswith(
        "metric: got 'hope'; allowed: label_rate_difference, representation_ratio, missing_share_difference, proxy_auc, "
    )
    assert refusal(ExpectedEffect, {"metric": "proxy_auc"}) == [
        "expected_effect: got no bound or two; allowed: at_most or at_least"
    ]
    assert refusal(ExpectedEffect, {"metric": "missing_share_difference", "at_most": 0.1}) == [
        "column: got None for missing_share_difference; allowed: a column for missing_share_difference alone"
    ]


def test_pairs_are_crossed_where_several_are_protected() -> None:
    assert bias(protected=["sex"]).crossing_depth == 1
    assert bias(protected=["sex", "origin"]).crossing_depth == 2
    assert bias(protected=["sex", "origin"], depth=1).crossing_depth == 1


@pytest.mark.parametrize("parts", [["sex"], ["sex", "sex"], ["sex", "job"]])
def test_crossings_are_of_protected_attributes(parts: list[str]) -> None:
    raw = {"protected": ["sex", "origin"], "intersections": [parts]}
    assert refusal(DataBias, raw) == [f"intersections: got {parts}; allowed: two or more of sex, origin"]


@pytest.mark.parametrize("name", ["age", "age_band"])
def test_a_protected_column_is_no_good_reason(name: str) -> None:
    raw = {"groups": BANDS, "protected": ["age_band"], "legitimate": [name, "income"]}
    assert refusal(DataBias, raw) == [f"legitimate: got {name}; allowed: columns that are not protected"]

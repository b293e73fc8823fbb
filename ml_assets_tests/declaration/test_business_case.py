"""The case: its money, its owner, and uses that may not be built."""

import pytest

from ml_assets.declaration.business_case import HIGH_RISK, PROHIBITED, BusinessCase, SignOff
from ml_assets.statistics.value import BinaryValue, MulticlassValue, RegressionValue
from ml_assets_tests.declaration.minimal import CASE, refusal

MONEY = {"false_positive": -1, "false_negative": -5}


def case(**changes: object) -> BusinessCase:
    return BusinessCase.model_validate(CASE | changes)


@pytest.mark.parametrize("owner", ["team:crm", "team:data/ml-1", "ann.b@example.org"])
def test_owners(owner: str) -> None:
    assert case(owner=owner).owner == owner


@pytest.mark.parametrize("owner", ["crm", "team:", "ann@", "ann b@example.org x", ""])
def test_owners_nobody_can_reach_are_refused(owner: str) -> None:
    (found,) = refusal(BusinessCase, CASE | {"owner": owner})
    assert found.startswith("owner: String should match pattern")


@pytest.mark.parametrize("key", ["decision", "owner", "prediction", "target"])
def test_what_must_be_said(key: str) -> None:
    assert refusal(BusinessCase, {k: v for k, v in CASE.items() if k != key}) == [f"{key}: Field required"]


@pytest.mark.parametrize("positive", [True, 1, "yes", 1.5])
def test_a_label_keeps_the_type_it_has_in_the_data(positive: object) -> None:
    found = case(target={"column": "left", "positive": positive}).target.positive
    assert (found, type(found)) == (positive, type(positive))


def test_money_of_each_task() -> None:
    assert case(value=MONEY).money(("0", "1")) == BinaryValue(0.0, -1.0, -5.0, 0.0)
    number = case(target={"column": "y", "task": "regression"}, value={"per_unit_over": -1, "per_unit_under": -2})
    assert number.money(()) == RegressionValue(-1.0, -2.0)
    kinds = case(
        target={"column": "y", "task": "multiclass"}, value={"matrix": {"a": {"a": 2}, "b": {"a": -1, "b": 3}}}
    )
    assert kinds.money(("a", "b")) == MulticlassValue(((2.0, 0.0), (-1.0, 3.0)))


def test_without_money_a_right_decision_is_worth_a_point() -> None:
    assert case().money(("0", "1")) == BinaryValue(1.0, 0.0, 0.0, 1.0)
    assert case().currency == "points"
    assert case(value=MONEY).currency == "EUR"


@pytest.mark.parametrize(
    ("task", "value", "got", "allowed"),
    [
        ("regression", MONEY, "true_positive, false_positive, false_negative, true_negative, currency", "per_unit_over, per_unit_under, currency"),
        ("binary", {"per_unit_over": -1, "per_unit_under": -1}, "per_unit_over, per_unit_under, currency", "true_positive, false_positive, false_negative, true_negative, currency"),
        ("binary", {"matrix": {}}, "matrix, currency", "true_positive, false_positive, false_negative, true_negative, currency"),
    ],
)  # fmt: skip
def test_money_must_fit_the_task(task: str, value: object, got: str, allowed: str) -> None:
    raw = CASE | {"target": {"column": "y", "task": task}, "value": value}
    assert refusal(BusinessCase, raw) == [f"value: got {got} for a {task} target; allowed: {allowed}"]


def test_an_error_cannot_earn_money_in_regression() -> None:
    raw = CASE | {"target": {"column": "y", "task": "regression"}, "value": {"per_unit_over": 1, "per_unit_under": -1}}
    assert "value.RegressionValue.per_unit_over: Input should be less than or equal to 0" in refusal(BusinessCase, raw)


@pytest.mark.parametrize("area", sorted(PROHIBITED))
def test_prohibited_areas(area: str) -> None:
    assert case(area=area).prohibited_reasons() == (
        f"area {area!r} is a prohibited practice (Regulation (EU) 2024/1689, Article 5)",
    )


@pytest.mark.parametrize(
    ("words", "article"),
    [
        ("social scoring of tenants", "5(1)(c)"),
        ("manipulate the customer into buying", "5(1)(a)"),
        ("read emotions of employees in meetings", "5(1)(f)"),
        ("infer religion from biometric templates", "5(1)(g)"),
        ("likelihood to commit a crime", "5(1)(d)"),
    ],
)
def test_prohibited_words(words: str, article: str) -> None:
    for field in ("decision", "prediction", "intended_use"):
        (reason,) = case(**{field: words}).prohibited_reasons()
        assert reason.endswith(f"Article {article}")


def test_an_ordinary_case_is_not_prohibited() -> None:
    assert case().prohibited_reasons() == ()
    assert case(decision="whether a customer's credit line is raised").prohibited_reasons() == ()


@pytest.mark.parametrize("area", sorted(HIGH_RISK))
def test_risk_may_not_be_declared_below_its_area(area: str) -> None:
    assert case(area=area, risk="high").understated_risk() is None
    assert case(area=area, risk="limited").understated_risk() == (
        f"area {area!r} is listed in Annex III as high-risk, but the case declares risk 'limited'"
    )


def test_a_signature_needs_a_person_a_day_and_a_version() -> None:
    assert refusal(SignOff, {"by": "Ann"}) == ["date: Field required", "version: Field required"]

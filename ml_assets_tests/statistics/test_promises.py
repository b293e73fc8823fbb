"""A promise beside the figure: met, not met, not measured."""

import math

import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.promises import Measured, Promise, about_decisions, decision_outcomes, figures, outcomes

FIGURES = figures(
    [
        ("gap", "sex=f", {"value": -0.06, "low": -0.09, "high": -0.03, "n": 400}),
        ("gap", "sex=m", {"value": 0.02, "low": -0.01, "high": 0.05, "n": 500}),
        ("ratio", "sex=f", {"value": 0.7, "low": 0.6, "high": 0.8, "n": 400}),
        ("ratio", "sex=x", {"value": None, "low": None, "high": None, "n": 0}),
        ("ratio", "sex=y", None),
    ]
)


@pytest.mark.parametrize(
    ("promise", "answer"),
    [
        (Promise("D", "gap", "sex=f", at_most=0.06), "met"),
        (Promise("D", "gap", "sex=f", at_most=0.05), "not met"),
        (Promise("D", "gap", "sex", at_most=0.05), "not met"),
        (Promise("D", "gap", "sex=m", at_most=0.05), "met"),
        (Promise("D", "ratio", "sex=f", at_least=0.8), "not met"),
        (Promise("D", "ratio", "sex=f", at_least=0.7), "met"),
        (Promise("D", "ratio", "sex=x", at_least=0.7), "not measured"),
        (Promise("D", "ratio", "sex=y", at_least=0.7), "not measured"),
        (Promise("D", "other", "sex=f", at_most=0.7), "not measured"),
    ],
)
def test_answers(promise: Promise, answer: str) -> None:
    (found,) = outcomes([promise], FIGURES)
    assert found.answer == answer
    assert answer in found.sentence


def test_the_sentence_has_interval_and_rows() -> None:
    (found,) = outcomes([Promise("D-1", "gap", "sex", at_most=0.05)], FIGURES)
    assert found.sentence == "D-1: gap of sex promised at most 0.05, is -0.060 [-0.090, -0.030] (n = 400): not met."
    bare = {("gap", "sex=f"): Measured(0.1, math.nan, math.nan, 3)}
    assert "[" not in outcomes([Promise("D-1", "gap", "sex", at_most=0.05)], bare)[0].sentence


@pytest.mark.parametrize("bounds", [{}, {"at_most": 0.1, "at_least": 0.2}])
def test_one_bound(bounds: dict[str, float]) -> None:
    with pytest.raises(DataError, match="a promise has one bound"):
        Promise("D", "gap", "sex", **bounds)


def test_promises_about_decisions_are_told_by_their_metric() -> None:
    data, decision = (
        Promise("D", "proxy_auc", "sex", at_most=0.7),
        Promise("D", "accuracy_difference", "sex", at_most=0.1),
    )
    assert about_decisions([data, decision]) == (decision,)


def test_decisions_are_held_by_the_gaps_of_a_model() -> None:
    value = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 50}
    gaps = [{"metric": "accuracy_difference", "attribute": "sex", "group": "f", "value": value}]
    promises = [
        Promise("D", "accuracy_difference", "sex", at_most=0.1),
        Promise("D", "accuracy_difference", "sex=f", at_most=0.2),
        Promise("D", "accuracy_difference", "age", at_most=0.2),
        Promise("D", "proxy_auc", "sex", at_most=0.1),
    ]
    assert [o.answer for o in decision_outcomes(promises, gaps)] == ["not met", "met", "not measured"]

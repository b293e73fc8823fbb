"""Candidates, splits, training."""

from ml_assets.declaration._types import Span
from ml_assets.declaration.model import Model
from ml_assets_tests.declaration.minimal import refusal


def test_spans_and_shares_are_read() -> None:
    found = Model.model_validate({"window": "21 days", "test_span": "3 batches", "test": "25 %"})
    assert (found.window, found.test_span, found.test) == (Span((21 * 86400.0, "seconds")), Span((3, "batches")), 0.25)


def test_a_part_is_left_for_training() -> None:
    assert Model(test=0.4, validation=0.4)
    assert refusal(Model, {"test": 0.5, "validation": 0.4}) == [
        "test + validation: got 0.9; allowed: at most 0.8, the rest is for training"
    ]


def test_words_and_bounds() -> None:
    assert refusal(
        Model, {"split": "random", "calibration": "yes", "seed": -1, "device": "tpu", "monotone": {"age": 2}}
    ) == [
        "split: Input should be 'hash' or 'time'",
        "calibration: Input should be 'auto', 'none', 'sigmoid' or 'isotonic'",
        "seed: Input should be greater than or equal to 0",
        "device: Input should be 'cpu' or 'cuda'",
        "monotone.age: Input should be 1 or -1",
    ]


def test_a_search_has_a_budget_and_a_case_an_expectation() -> None:
    assert Model.model_validate({"search": {"trials": 20}}).search is not None
    assert refusal(Model, {"search": {}}) == ["search: got no budget; allowed: trials, seconds, or both"]
    assert refusal(Model, {"cases": [{"name": "old", "row": {"age": 90}}]}) == [
        "cases.0: case 'old': got no expectation; allowed: at_least, at_most, decision"
    ]


def test_cases_do_not_contradict_themselves_and_have_names_of_their_own() -> None:
    case = {"name": "old", "row": {"age": 90}, "at_least": 0.5}
    assert Model.model_validate({"cases": [case, {**case, "name": "young"}]})
    assert refusal(Model, {"cases": [{**case, "at_most": 0.2}]}) == [
        "cases.0: case 'old': got at_least 0.5 above at_most 0.2; allowed: at_least up to at_most"
    ]
    assert refusal(Model, {"cases": [case, case]}) == ["cases: got old more than once; allowed: each name once"]

"""One limit on one metric."""

import pytest

from ml_assets.declaration.success_criteria import Criterion
from ml_assets.statistics.metrics import METRICS
from ml_assets_tests.declaration.minimal import refusal


@pytest.mark.parametrize(
    ("raw", "name"),
    [({"metric": "roc_auc", "at_least": 0.7}, "roc_auc at_least_0.7"),
     ({"metric": "brier_score", "at_most": 0.25}, "brier_score at_most_0.25"),
     ({"metric": "recall", "better_than": "simple_rule", "by": 0.1}, "recall better_than_simple_rule"),
     ({"metric": "recall", "at_least": 0, "in_each": "sex"}, "recall at_least_0 in each sex")],
)  # fmt: skip
def test_each_kind_of_limit_has_a_name(raw: dict[str, object], name: str) -> None:
    assert Criterion.model_validate(raw).name == name


def test_an_unknown_metric_comes_with_the_known_ones() -> None:
    assert refusal(Criterion, {"metric": "auroc", "at_least": 0.7}) == [
        f"metric: got 'auroc'; allowed: {', '.join(sorted(METRICS))}"
    ]


@pytest.mark.parametrize(
    ("limits", "got"),
    [({}, "0 limits (none)"), ({"at_least": 0, "at_most": 1}, "2 limits (at_least, at_most)"),
     ({"at_least": 1, "at_most": 2, "better_than": "dummy"}, "3 limits (at_least, at_most, better_than)")],
)  # fmt: skip
def test_exactly_one_limit(limits: dict[str, object], got: str) -> None:
    assert refusal(Criterion, {"metric": "recall"} | limits) == [
        f"got {got}; allowed: exactly one of at_least, at_most, better_than"
    ]


def test_a_baseline_is_no_limit_in_each_group() -> None:
    assert refusal(Criterion, {"metric": "recall", "better_than": "dummy", "in_each": "sex"}) == [
        "in_each: got it together with better_than; allowed: in_each with at_least or at_most"
    ]


def test_an_unknown_baseline_is_refused() -> None:
    assert refusal(Criterion, {"metric": "recall", "better_than": "luck"}) == [
        "better_than: Input should be 'dummy', 'simple_rule', 'single_feature' or 'simpler_model'"
    ]

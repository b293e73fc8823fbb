"""Fairness of the final decisions."""

import pytest

from ml_assets.declaration.model_bias import ModelBias
from ml_assets.statistics.disparity import FAIRNESS_METRICS
from ml_assets_tests.declaration.minimal import refusal


@pytest.mark.parametrize("metric", sorted(FAIRNESS_METRICS))
def test_every_known_metric_is_accepted(metric: str) -> None:
    assert ModelBias(metrics=(metric,), tolerance={metric: 0.2}).metrics == (metric,)


@pytest.mark.parametrize("raw", [{"metrics": ["equality"]}, {"tolerance": {"equality": 0.1}}])
def test_unknown_metrics_come_with_the_known_ones(raw: dict[str, object]) -> None:
    assert refusal(ModelBias, raw) == [f"got equality; allowed: {', '.join(sorted(FAIRNESS_METRICS))}"]


def test_words_and_bounds() -> None:
    assert refusal(ModelBias, {"group_at_decision": "sometimes", "accuracy_budget": "200 %"}) == [
        "group_at_decision: Input should be 'forbidden' or 'allowed'",
        "accuracy_budget: Input should be less than or equal to 1",
    ]


def test_the_ladder_is_the_default_and_its_amounts_are_shares() -> None:
    declared = ModelBias()
    assert (declared.remedies, declared.largest_tpr_loss, declared.capacity) == ("ladder", 0.05, None)
    assert ModelBias.model_validate({"capacity": "20 %"}).capacity == 0.2
    assert refusal(ModelBias, {"remedies": "magic", "largest_tpr_loss": 2}) == [
        "remedies: Input should be 'ladder' or 'planned'",
        "largest_tpr_loss: Input should be less than or equal to 1",
    ]

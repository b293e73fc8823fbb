"""The table of measures: each rate is one the tensor can count, each mean is none."""

import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.fairness_metrics import FAIRNESS_METRICS, allowed_band, fairness_metric
from ml_assets.statistics.tensor_metrics import COUNT_METRICS


@pytest.mark.parametrize("name", sorted(FAIRNESS_METRICS))
def test_a_rate_names_one_plain_rate_of_the_tensor_and_a_mean_names_none(name: str) -> None:
    metric = FAIRNESS_METRICS[name]
    if metric.form == "mean":
        assert metric.counts == ""
    else:
        counted = COUNT_METRICS[metric.counts]
        assert (counted.form, len(counted.shares)) == ("rate", 1)
        assert "regression" not in metric.tasks


def test_an_unknown_name_is_answered_with_those_of_the_task() -> None:
    with pytest.raises(DataError, match="mean_residual_difference"):
        fairness_metric("selection_rate_ratio", task="regression")
    assert fairness_metric("selection_rate_ratio", task="binary").form == "ratio"


def test_a_ratio_is_tolerated_to_its_inverse_and_a_difference_both_ways() -> None:
    assert allowed_band("selection_rate_ratio", 0.8) == (0.8, 1.25)
    assert allowed_band("equal_opportunity_difference", 0.1) == (-0.1, 0.1)
    assert allowed_band("mean_residual_difference", 0.2) == (-0.2, 0.2)

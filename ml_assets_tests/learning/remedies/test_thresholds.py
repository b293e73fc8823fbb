"""Thresholds by group: they do what the rule says on rows they have not seen, and decide by nothing but group and score."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.remedies.thresholds import ThresholdRule, cross_fitted, fit_thresholds
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.value import BinaryValue

VALUE = BinaryValue(1.0, 0.0, 0.0, 1.0)


def unfair(n: int = 6_000, seed: int = 0) -> tuple["pd.Series[Any]", FloatArray, FloatArray]:
    """The scores of women with the same truth lie lower."""
    rng = np.random.default_rng(seed)
    women = rng.random(n) < 0.4
    truth = (rng.random(n) < 0.5).astype(float)
    margin = 2.5 * (truth - 0.5) + rng.normal(size=n) - 0.8 * women
    return pd.Series(np.where(women, "f", "m"), name="sex"), truth, 1 / (1 + np.exp(-margin))


def rates(labels: "pd.Series[Any]", truth: FloatArray, decision: NDArray[Any], side: int) -> dict[str, float]:
    rows = truth == side
    return {g: float(decision[rows & (labels == g).to_numpy()].mean()) for g in ("f", "m")}


@pytest.mark.parametrize("tolerance", [0.05, 0.02, 0.0])
def test_equalized_odds_on_rows_that_were_not_seen(tolerance: float) -> None:
    labels, truth, score = unfair()
    rule = ThresholdRule(("favourable", "unfavourable"), VALUE, 1, tolerance, harm=0.2)
    decision = cross_fitted(labels, truth, score, threshold=0.5, rule=rule)
    before = rates(labels, truth, (score >= 0.5).astype(int), 1)
    assert abs(before["f"] - before["m"]) > 0.15
    for side in (0, 1):
        found = rates(labels, truth, decision, side)
        assert abs(found["f"] - found["m"]) <= tolerance + 0.04


def test_the_same_rows_give_the_same_thresholds_and_other_groups_the_common_one() -> None:
    labels, truth, score = unfair()
    labels = labels.where(np.arange(len(labels)) >= 20, "few")
    rule = ThresholdRule(("everyone",), VALUE, 1, 0.0, harm=0.5)
    one, other = (fit_thresholds(labels, truth, score, threshold=0.5, rule=rule) for _ in range(2))
    assert one == other
    assert set(one.thresholds) == {"f", "m"}
    assert (one.attribute, one.fallback) == ("sex", 0.5)
    assert one.thresholds["f"] < one.thresholds["m"]


def test_no_group_is_harmed_beyond_the_stated_amount() -> None:
    labels, truth, score = unfair()
    base = rates(labels, truth, (score >= 0.5).astype(int), 1)
    rule = ThresholdRule(("favourable",), VALUE, 1, 0.0, harm=0.01)
    fitted = fit_thresholds(labels, truth, score, threshold=0.5, rule=rule)
    after = rates(labels, truth, fitted.decide(score, labels.to_frame()), 1)
    assert all(after[group] >= base[group] - 0.01 - 0.003 for group in base)
    assert after["m"] - after["f"] < 0.01


def test_capacity_holds() -> None:
    labels, truth, score = unfair()
    rule = ThresholdRule(("everyone",), VALUE, 1, 0.02, harm=1.0, capacity=0.3)
    fitted = fit_thresholds(labels, truth, score, threshold=0.5, rule=rule)
    assert fitted.decide(score, labels.to_frame()).mean() <= 0.3 + 0.01


def test_amounts_that_cannot_be_met_and_groups_that_are_too_small_are_refused() -> None:
    labels, truth, score = unfair()
    impossible = ThresholdRule(("everyone",), VALUE, 1, 0.0, harm=0.0, capacity=0.05)
    with pytest.raises(DataError, match="Widen one"):
        fit_thresholds(labels, truth, score, threshold=0.5, rule=impossible)
    few, rule = labels.where(labels == "m", "unknown"), ThresholdRule(("everyone",), VALUE, 1, 0.0)
    with pytest.raises(DataError, match="two with enough rows"):
        fit_thresholds(few, truth, score, threshold=0.5, rule=rule)

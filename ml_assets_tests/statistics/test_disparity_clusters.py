"""Disparities where rows belong to customers: what ten rows of one customer prove, and how often chance alone proves it."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.disparity import Disparity, disparities
from ml_assets.statistics.metrics import Task

BINARY = {
    "selection_rate_ratio": 0.8,
    "selection_rate_difference": 0.1,
    "equal_opportunity_difference": 0.1,
    "calibration_difference": 0.1,
}
TIGHT = {
    "selection_rate_ratio": 0.97,
    "selection_rate_difference": 0.01,
    "equal_opportunity_difference": 0.01,
    "calibration_difference": 0.01,
}
RNG = np.random.default_rng(3)
GROUPS = pd.DataFrame({"sex": RNG.choice(["f", "m"], 400), "age": RNG.choice(["<30", ">=30"], 400)})
TRUTH, DECISION, SCORE = RNG.integers(0, 2, 400), RNG.integers(0, 2, 400), RNG.random(400)


def figures(one: Disparity) -> list[float]:
    return [one.value.value, one.value.low, one.value.high, one.detectable, float(one.resolvable), float(one.n)]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_customers_of_one_row_change_nothing(task: Task) -> None:
    options: dict[str, Any] = {"metrics": BINARY, "score": SCORE}
    decision: Any = DECISION
    if task == "regression":
        options, decision = {"metrics": {"mean_residual_difference": 0.2}, "task": task}, SCORE
    rows = disparities(GROUPS, TRUTH, decision, **options)
    owned = disparities(GROUPS, TRUTH, decision, cluster=RNG.permutation(400), **options)
    for one, other in zip(rows, owned, strict=True):
        assert figures(other) == pytest.approx(figures(one))
        assert (other.verdict, other.metric, other.group) == (one.verdict, one.metric, one.group)


def test_ten_copies_of_every_row_are_worth_the_rows_once() -> None:
    copies = np.repeat(np.arange(400), 10)
    once = disparities(GROUPS, TRUTH, DECISION, metrics=BINARY, score=SCORE)
    many: dict[str, Any] = {"metrics": BINARY, "score": SCORE[copies]}
    groups = GROUPS.iloc[copies].reset_index(drop=True)
    owned = disparities(groups, TRUTH[copies], DECISION[copies], cluster=copies, **many)
    naive = disparities(groups, TRUTH[copies], DECISION[copies], **many)
    for one, other, third in zip(once, owned, naive, strict=True):
        assert other.n == 10 * one.n
        assert other.value.value == pytest.approx(one.value.value)
        width, wide, narrow = (x.value.high - x.value.low for x in (one, other, third))
        assert wide == pytest.approx(width, rel=0.06)
        assert narrow < 0.4 * width


def test_three_customers_against_two_by_hand() -> None:
    """As in the test of the sides: 0.6 of five rows of three women with a squared error of 0.1344.

    That is 0.24 / 0.1344 = 1.786 draws; as the error has two degrees of freedom, (1.96 / 4.303)² of that, 0.3705; Wilson's
    interval of it has the centre (0.6·0.3705 + 1.9207) / (0.3705 + 3.8415) = 0.5088.
    """
    groups = pd.DataFrame({"sex": ["f"] * 5 + ["m"] * 4})
    decision, owner = [1, 1, 1, 0, 0, 1, 1, 0, 0], np.array(list("aabccdeff"))
    found = disparities(groups, [0] * 9, decision, metrics={"selection_rate_difference": 0.1}, cluster=owner)[0]
    rows = disparities(groups, [0] * 9, decision, metrics={"selection_rate_difference": 0.1})[0]
    half = math.sqrt(0.24 * 0.3705 + 3.8415 / 4) * 1.95996 / (0.3705 + 3.8415)
    low, high = 0.5088 - half, 0.5088 + half
    # the rest: d and e hold, f's two rows do not: 0.5, e = 0.5, 0.5, -1: 3/2 · 1.5 / 16 = 0.140625, 1.7778 draws, 0.3688 of it
    other = math.sqrt(0.25 * 0.3688 + 3.8415 / 4) * 1.95996 / (0.3688 + 3.8415)
    below = math.hypot(0.6 - low, 0.5 + other - 0.5)
    above = math.hypot(high - 0.6, 0.5 - (0.5 - other))
    assert found.value.value == pytest.approx(0.1)
    assert [found.value.low, found.value.high] == pytest.approx([0.1 - below, 0.1 + above], abs=2e-3)
    assert rows.value.high - rows.value.low < found.value.high - found.value.low


@pytest.mark.parametrize("spans", [False, True])
def test_equal_groups_are_found_apart_as_often_as_is_said_and_by_rows_far_more_often(spans: bool) -> None:
    """Eighty customers of ten rows, each with a share of its own; a customer is in one group, or ages from one to the other."""
    rng, owner = np.random.default_rng(5), np.repeat(np.arange(80), 10)
    group = np.tile([0] * 5 + [1] * 5, 80) if spans else owner % 2
    frame = pd.DataFrame({"age": np.where(group == 0, "<30", ">=30")})
    held = {name: dict.fromkeys(BINARY, 0) for name in ("rows", "customers")}
    failed = {"rows": 0, "customers": 0}
    for _ in range(300):
        own = rng.beta(0.6, 0.9, 80)[owner]
        truth, decision = (rng.random(800) < own).astype(int), (rng.random(800) < own).astype(int)
        for name, cluster in (("rows", None), ("customers", owner)):
            found = disparities(frame, truth, decision, metrics=TIGHT, score=np.full(800, 0.4), cluster=cluster)
            for one in found[::2]:  # the other group is the same comparison turned around
                equal = 1.0 if one.metric.endswith("ratio") else 0.0
                held[name][one.metric] += one.value.low <= equal <= one.value.high
            failed[name] += any(one.verdict == "fail" for one in found)
    assert all(count >= 0.92 * 300 for count in held["customers"].values()), held
    assert failed["customers"] <= 0.06 * 300, failed
    if not spans:  # where both sides share the customers, rows alone err little: the customers cancel out
        assert all(count <= 0.985 * 300 for count in held["customers"].values()), held
        assert max(held["rows"].values()) < 0.88 * 300, held
        assert failed["rows"] > 0.15 * 300, failed


def test_clusters_of_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="Clusters do not match the rows"):
        disparities(GROUPS, TRUTH, DECISION, metrics={"selection_rate_difference": 0.1}, cluster=np.arange(3))

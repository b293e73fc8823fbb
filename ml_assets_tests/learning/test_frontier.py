"""Distances, reaches and refusals of one remedy against "none", from counts."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ml_assets.learning.frontier import (
    Candidate,
    Judging,
    Measured,
    in_limits,
    lost_share,
    reach,
    unsettled,
    widened,
    worsened,
)
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.disparity import Disparity
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.value import RegressionValue
from ml_assets_tests.learning.test_mitigation import FAIR, GROUPS, TRUTH, UNFAIR, VALUE, N, remedy, table

JUDGING = Judging(table(), GROUPS, VALUE, 1, {"selection_rate_difference": 0.1})


def gap(metric: str, value: float, low: float, high: float, limit: float) -> Disparity:
    return Disparity(
        metric, "sex", "f", 9, "rows", Estimate(metric, value, low, high, 9), limit, "pass", "", True, 0.05
    )


@pytest.mark.parametrize(
    ("metric", "value", "low", "high", "limit", "distance", "nearest", "furthest"),
    [
        ("selection_rate_difference", -0.2, -0.3, -0.1, 0.1, 2.0, 1.0, 3.0),
        ("selection_rate_difference", 0.05, -0.1, 0.2, 0.1, 0.5, 0.0, 2.0),
        ("selection_rate_ratio", 0.8, 0.64, 1.25, 0.8, 1.0, 0.0, 2.0),
        ("selection_rate_ratio", 0.0, 0.0, 0.5, 0.5, math.inf, 1.0, math.inf),
        ("selection_rate_difference", math.nan, math.nan, math.nan, 0.1, -1.0, -1.0, -1.0),
    ],
)
def test_distance_and_reach_in_tolerances(
    metric: str, value: float, low: float, high: float, limit: float, distance: float, nearest: float, furthest: float
) -> None:
    one = gap(metric, value, low, high, limit)
    assert in_limits(one) == pytest.approx(distance)
    assert reach(one) == pytest.approx((nearest, furthest))


def test_a_remedy_that_repairs_is_neither_worse_nor_unsettled() -> None:
    none, fair = JUDGING.measure("none", Candidate(remedy(UNFAIR))), JUDGING.measure("fair", Candidate(remedy(FAIR)))
    assert {one.group for one in none.findings} == {"f", "m"}
    assert worsened(none, fair, JUDGING.metrics) == widened(none, fair) == unsettled(none, fair) == ()
    assert widened(fair, none) == worsened(fair, none, JUDGING.metrics) == ("selection_rate_difference",)
    assert lost_share(none, fair) == 0.0


def test_decisions_of_its_own_are_judged_and_the_artifact_must_agree() -> None:
    flattered = JUDGING.measure("cross-fitted", Candidate(remedy(UNFAIR), FAIR.astype(int)))
    none = JUDGING.measure("none", Candidate(remedy(UNFAIR)))
    assert flattered.verdict == "pass"
    assert flattered.own == none.found
    assert unsettled(none, flattered) == (
        "selection_rate_difference sex = f",
        "selection_rate_difference sex = m",
    )


def test_losses_are_paired() -> None:
    none, fair = JUDGING.measure("none", Candidate(remedy(UNFAIR))), JUDGING.measure("truth", Candidate(remedy(TRUTH)))
    lost = JUDGING.lost("money lost", none.gain, fair.gain)
    assert lost.value == pytest.approx(float((UNFAIR == TRUTH).mean()) - 1.0)
    assert JUDGING.changed(none, fair).value == pytest.approx(float((UNFAIR != TRUTH).mean()))


def test_copies_of_rows_with_one_owner_cost_and_change_no_surer_than_the_rows_once() -> None:
    """Forty rows a hundred times over, against the forty rows."""
    few = np.random.default_rng(1).permutation(len(GROUPS))[:40]
    shared, once = np.repeat(few, 100), replace(JUDGING, table=JUDGING.table.rows(few), groups=GROUPS.iloc[few])
    copied = replace(JUDGING.table.rows(shared), cluster=np.repeat(np.arange(40), 100))
    widths = []
    for judging, at in ((once, few), (replace(once, table=copied, groups=GROUPS.iloc[shared]), shared)):
        base, one = (judging.measure(n, Candidate(remedy(d[at]))) for n, d in (("none", UNFAIR), ("all", np.ones(N))))
        lost = (judging.lost("money lost", base.gain, one.gain), judging.lost("accuracy lost", base.right, one.right))
        found = (base.money, base.accuracy, *lost, judging.changed(base, one))
        assert [e.n for e in found] == [len(at)] * 5
        gaps, changes = base.found[0].value, judging.effects(base, one)[0].before
        widths.append([e.high - e.low for e in (*found, gaps, changes)])
    assert widths[1][:5] == pytest.approx(widths[0][:5], rel=0.06)
    assert widths[1] == pytest.approx(widths[0], rel=0.15)  # a group has but half of the owners


def test_a_regression_pays_in_distance() -> None:
    truth = np.random.default_rng(0).normal(size=len(GROUPS))
    judging = Judging(
        table(truth, "regression"), GROUPS, RegressionValue(-1.0, -1.0), 1, {"mean_residual_difference": 0.2}
    )
    exact = judging.measure("none", Candidate(remedy(truth, "regression")))
    off = judging.measure("off", Candidate(remedy(truth + 0.5, "regression")))
    assert judging.lost("accuracy lost", exact.right, off.right).value == pytest.approx(0.5)
    assert judging.changed(exact, off).value == pytest.approx(0.5)


def earning(gain: FloatArray, base: Measured) -> Measured:
    return replace(base, gain=gain)


def by_owner(cluster: IntArray | None) -> Judging:
    return replace(JUDGING, table=replace(JUDGING.table, cluster=cluster))


def test_money_of_forty_copies_is_the_money_of_one_row() -> None:
    """100 owners of 40 rows; one owner earns 1 less, another 0.4 more: mean 0.006, standard error of the owners 0.0108."""
    base, owner = JUDGING.measure("none", Candidate(remedy(UNFAIR))), np.repeat(np.arange(100), 40)
    behind = np.where(owner == 0, 1.0, np.where(owner == 1, -0.4, 0.0))
    richest, one = earning(behind, base), earning(np.zeros(N), base)
    assert by_owner(None).earns_less(one, richest)  # 4,000 rows: the error is 0.0017
    assert not by_owner(owner).earns_less(one, richest)
    assert not by_owner(np.zeros(N, dtype=np.int64)).earns_less(one, richest)


def test_a_remedy_that_earns_the_same_is_told_apart_as_often_as_one_error_says() -> None:
    """No true difference: one standard error is passed by chance in 16 of 100, by rows of 40 alike in far more."""
    rng, owner = np.random.default_rng(4), np.repeat(np.arange(100), 40)
    base, less = JUDGING.measure("none", Candidate(remedy(UNFAIR))), {"rows": 0, "owners": 0, "alone": 0}
    judging = {"rows": by_owner(None), "owners": by_owner(owner), "alone": by_owner(np.arange(N))}
    for _ in range(300):
        behind = rng.normal(size=100)[owner] + 0.5 * rng.normal(size=N)
        for name, one in judging.items():
            less[name] += one.earns_less(earning(np.zeros(N), base), earning(behind, base))
    assert 0.10 <= less["owners"] / 300 <= 0.22
    assert less["rows"] / 300 > 0.35
    assert less["alone"] == less["rows"]

"""Label gaps under weights: plain weights give the plain gap, reweighing none."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.metrics import Task
from ml_assets.statistics.representation import label_gaps, reweighing
from ml_assets.statistics.weighted_gaps import weighted_gaps

RNG = np.random.default_rng(0)
GROUPS = pd.DataFrame({"sex": RNG.choice(["f", "m"], 1_000, p=[0.3, 0.7])})
TRUTH = (RNG.random(1_000) < np.where(GROUPS["sex"] == "f", 0.2, 0.5)).astype(int)


def test_equal_weights_give_the_plain_gap() -> None:
    for plain, found in zip(label_gaps(GROUPS, TRUTH), weighted_gaps(GROUPS, TRUTH, np.ones(1_000)), strict=True):
        assert found.difference.value == pytest.approx(plain.difference.value)
        assert found.difference.low == pytest.approx(plain.difference.low, abs=0.01)
        assert found.difference.n == plain.n


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_reweighing_leaves_none(task: Task) -> None:
    truth = TRUTH if task == "binary" else TRUTH + RNG.integers(0, 2, 1_000)
    weights = reweighing(GROUPS["sex"], truth, task=task)
    assert [g.difference.value for g in weighted_gaps(GROUPS, truth, weights, task=task)] == pytest.approx(
        [0, 0], abs=1e-9
    )


def test_a_number_in_standard_deviations() -> None:
    wage = np.where(GROUPS["sex"] == "f", 90.0, 100.0) + RNG.normal(0, 5, 1_000)
    women = weighted_gaps(GROUPS, wage, np.ones(1_000), task="regression")[0]
    assert women.difference.value == pytest.approx(-10 / wage.std(ddof=1), abs=0.1)


def test_no_weight_on_a_side_is_not_zero() -> None:
    found = weighted_gaps(GROUPS, TRUTH, (GROUPS["sex"] == "m").to_numpy(float))
    assert not any(g.difference.estimable for g in found)


def test_gaps_of_customers_hold_as_often_as_they_say_and_those_of_rows_do_not() -> None:
    rng, owner, held = np.random.default_rng(3), np.repeat(np.arange(80), 10), {"rows": 0, "customers": 0}
    groups = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")})
    weights = rng.uniform(0.5, 2, 80)[owner]
    for _ in range(300):
        truth = (rng.random(800) < rng.beta(0.6, 0.9, 80)[owner]).astype(int)
        for name, cluster in (("rows", None), ("customers", owner)):
            gap = weighted_gaps(groups, truth, weights, cluster=cluster)[0].difference
            held[name] += gap.low <= 0 <= gap.high
    assert 0.92 <= held["customers"] / 300 <= 0.98
    assert held["rows"] / 300 < 0.75


def test_customers_of_one_row_and_one_customer_alone() -> None:
    """Under equal weights by hand: f holds 1 of 2, m 1 of 3; a row pulls by its distance from the mean over the rows.

    Squares 2 · 1/16 + (4 + 1 + 1)/81, times 5/4, Student's t with one degree of freedom.
    """
    groups, truth = pd.DataFrame({"sex": ["f", "f", "m", "m", "m"]}), [1, 0, 1, 0, 0]
    gap = weighted_gaps(groups, truth, np.ones(5), cluster=np.arange(5))[0].difference
    assert gap.value == pytest.approx(1 / 6)
    assert gap.high - gap.value == pytest.approx(12.7062 * np.sqrt(1.25 * (1 / 8 + 6 / 81)), rel=1e-4)
    lone = weighted_gaps(groups, truth, np.ones(5), cluster=np.zeros(5))[0].difference
    assert (lone.low, lone.high) == (-np.inf, np.inf)

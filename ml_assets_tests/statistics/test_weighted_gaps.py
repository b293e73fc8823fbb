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

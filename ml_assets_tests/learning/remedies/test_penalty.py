"""The penalty: its gradient against finite differences, and what it does to a planted gap."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.design import logistic
from ml_assets.learning.job import Recipe
from ml_assets.learning.remedies.penalty import fit_penalised, gap_objective
from ml_assets.statistics.arrays import FloatArray
from ml_assets_tests.learning.worlds import world

RNG = np.random.default_rng(0)
N = 120
LABELS = pd.Series(np.repeat(["f", "m"], N // 2), name="sex")
TRUTH = np.tile(np.r_[np.ones(30), np.zeros(30)], 2)
WEIGHT = RNG.uniform(0.5, 2.0, N)
MARGIN = RNG.normal(size=N)


def loss(f: FloatArray, strength: float, cut: float) -> float:
    """The documented objective, written out."""
    p = logistic(f)
    plain = -(WEIGHT * (TRUTH * np.log(p) + (1 - TRUTH) * np.log(1 - p))).sum()
    soft, charge = logistic(f - cut), 0.0
    for side in (1.0, 0.0):
        rows = np.asarray(TRUTH == side)  # noqa: SIM300
        for group in ("f", "m"):
            cell = rows & LABELS.eq(group).to_numpy()
            charge += cell.sum() / rows.sum() * (soft[cell].mean() - soft[rows].mean()) ** 2
    return float(plain + strength * N / 2 * charge)


@pytest.mark.parametrize(("strength", "cut"), [(0.0, 0.0), (3.0, 0.0), (3.0, -1.0)])
def test_the_gradient_is_that_of_the_documented_objective(strength: float, cut: float) -> None:
    charge = gap_objective(
        LABELS, TRUTH, WEIGHT, strength=strength, strata=("favourable", "unfavourable"), favourable=1, margin=cut
    )
    gradient, curvature = charge(MARGIN, None)
    for row in range(0, N, 17):
        step = np.zeros(N)
        step[row] = 1e-5
        slope = (loss(MARGIN + step, strength, cut) - loss(MARGIN - step, strength, cut)) / 2e-5
        assert gradient[row] == pytest.approx(slope, rel=1e-4, abs=1e-6)
    assert (curvature > 0).all()


def test_it_narrows_a_planted_gap_and_needs_no_group_afterwards() -> None:
    situation = world(4.0, n=3_000, family="xgboost")
    labels = situation.groups["sex"]
    gaps = []
    for strength in (0.0, 64.0):
        fitted = fit_penalised(
            situation.rows, labels, strength=strength, strata=("favourable",), favourable=1,
            recipe=Recipe({"rounds": 40, "max_depth": 3}),
        )  # fmt: skip
        held, groups = situation.judged
        hit = (fitted.predict(held.features) >= 0.5) & (held.truth == 1)
        rate = {g: hit[groups["sex"] == g].sum() / held.truth[groups["sex"] == g].sum() for g in ("f", "m")}
        gaps.append(abs(rate["f"] - rate["m"]))
        assert [spec.name for spec in fitted.specs] == ["merit", "hint"]
    assert gaps[1] < gaps[0] - 0.05


def test_other_tasks_and_foreign_labels_are_refused() -> None:
    situation = world(
        0.0, n=300, task="regression", metrics={"mean_residual_difference": 0.2}, family="linear_regression"
    )
    with pytest.raises(DataError, match="allowed: binary, a label per row"):
        fit_penalised(situation.rows, situation.groups["sex"], strength=1.0, strata=("favourable",), favourable=1)

"""Weights of cells: directions by hand, properties, and the published formula as their starting point."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.remedies.cells import cell_factors, cell_weights
from ml_assets.statistics.representation import reweighing

SEX = pd.Series(["f"] * 40 + ["m"] * 40, name="sex")
TRUTH = np.tile(np.r_[np.ones(20), np.zeros(20)], 2)


def test_factors_by_hand() -> None:
    # women with good truth: 5 of 20 decided well, men 15 of 20, together one half
    decision = np.zeros(80)
    decision[:5] = decision[40:55] = 1
    found = cell_factors(SEX, TRUTH, decision, strata=("favourable",), favourable=1, rate=2.0)
    assert found["f", True] == pytest.approx(math.exp(2 * 0.25))
    assert found["m", True] == pytest.approx(math.exp(-2 * 0.25))
    assert found["f", False] == found["m", False] == 1.0
    selected = cell_factors(SEX, TRUTH, decision, strata=("everyone",), favourable=1, rate=2.0)
    assert selected["f", True] == pytest.approx(math.exp(2 * 0.125))
    assert selected["f", False] == pytest.approx(math.exp(-2 * 0.125))


def test_the_group_served_worse_gains_weight_for_accuracy() -> None:
    wrong = TRUTH.copy()
    wrong[:10] = 0
    found = cell_factors(SEX, TRUTH, wrong, strata=("right",), favourable=1)
    assert found["f", True] == found["f", False] > 1 > found["m", True]


def test_a_cell_too_small_to_judge_and_an_unknown_group_do_not_move() -> None:
    labels = SEX.where(np.arange(80) != 79, "unknown").where(np.arange(80) >= 10, "few")
    found = cell_factors(labels, TRUTH, TRUTH * (SEX == "m"), strata=("favourable",), favourable=1)
    assert found["few", True] == 1.0
    assert not any(group == "unknown" for group, _ in found)


@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
def test_weights_have_a_mean_of_one_keep_every_row_and_their_ratios(weights: list[float]) -> None:
    cells = dict(zip([("f", True), ("f", False), ("m", True), ("m", False)], weights, strict=True))
    found = cell_weights(SEX, TRUTH, cells, favourable=1)
    assert found.mean() == pytest.approx(1.0)
    assert (found > 0).all()
    assert found[0] / found[40] == pytest.approx(cells["f", True] / cells["m", True])


def test_the_published_weights_are_a_point_of_the_same_space() -> None:
    # Kamiran and Calders 2012: P(g) P(y) / P(g, y)
    truth = np.r_[np.ones(10), np.zeros(30), np.ones(30), np.zeros(10)]
    cells = {("f", True): 0.5 * 0.5 / 0.125, ("f", False): 0.25 / 0.375, ("m", True): 0.25 / 0.375, ("m", False): 2.0}
    assert np.allclose(cell_weights(SEX, truth, cells, favourable=1), reweighing(SEX, truth))


def test_what_is_no_weight_is_refused() -> None:
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(DataError, match="weights above 0"):
            cell_weights(SEX, TRUTH, {("f", True): bad}, favourable=1)
    with pytest.raises(DataError, match="Align"):
        cell_weights(SEX.head(3), TRUTH, {}, favourable=1)

"""Calibration of every group: points where they belong, none of too few rows, and a planted fault in one group."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.group_calibration import calibration_curve, group_calibration
from ml_assets.statistics.score_tensor import BINS, ScoreTensor


def test_a_curve_worked_by_hand() -> None:
    counts = np.zeros((2, BINS + 1))
    counts[0, 102], counts[1, 102] = 30, 10  # scores of 0.1
    counts[0, 819], counts[1, 819] = 10, 30  # scores of 0.8
    low, high = calibration_curve(counts, bands=2)
    assert (low.observed.value, low.observed.n) == (0.25, 40)
    assert low.promised == pytest.approx(102.5 / BINS)
    assert (high.observed.value, high.observed.n) == (0.75, 40)
    assert low.observed.low < 0.25 < low.observed.high
    assert len(calibration_curve(counts, bands=10)) == 2, "equal scores stay together"


@given(st.integers(0, 400), st.integers(1, 12), st.integers(1, 60), st.integers(0, 9))
def test_no_point_stands_on_too_few_rows_and_no_row_is_lost(n: int, bands: int, least: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = np.zeros((2, BINS + 1))
    np.add.at(counts, (rng.integers(0, 2, n), rng.integers(0, BINS + 1, n)), 1)
    curve = calibration_curve(counts, bands=bands, least=least)
    assert all(point.observed.n >= least for point in curve)
    assert sum(point.observed.n for point in curve) == (n if n >= least else 0)
    assert [p.promised for p in curve] == sorted(p.promised for p in curve)
    assert len(curve) <= bands


def test_a_group_whose_chance_is_overstated_lies_below_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    score, sex = rng.random(6_000), rng.choice(["f", "m"], 6_000)
    truth = rng.random(6_000) < np.where(sex == "f", 0.6 * score, score)
    f, m = group_calibration(ScoreTensor.of(pd.DataFrame({"sex": sex}), truth.astype(int), score))
    assert (f.group, m.group) == ("f", "m")
    assert f.n + m.n == 6_000
    assert all(p.observed.high < p.promised for p in f.points[3:])
    assert sum(p.observed.low <= p.promised <= p.observed.high for p in m.points) >= 8
    assert f.error.value > 3 * f.floor
    assert m.error.value < 2 * m.floor


def test_bands_of_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="bands of a curve"):
        calibration_curve(np.zeros((2, BINS + 1)), bands=0)

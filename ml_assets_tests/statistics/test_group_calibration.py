"""Calibration of every group: points where they belong, none of too few rows, and a planted fault in one group."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from scipy.stats import norm

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.clustered_scores import OwnedScores
from ml_assets.statistics.group_calibration import calibration_curve, group_calibration, residual_design
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


def owned(groups: pd.DataFrame, truth: IntArray, score: FloatArray, owner: IntArray) -> OwnedScores:
    return OwnedScores.of(SharedRows.of(groups, owner, truth=truth, decision=truth), score)


def test_owners_of_one_row_change_no_digit_and_copies_make_nothing_surer() -> None:
    rng, copies = np.random.default_rng(1), np.repeat(np.arange(400), 10)
    groups, score = pd.DataFrame({"sex": rng.choice(["f", "m"], 400)}), rng.uniform(0.1, 0.9, 400)
    truth = (rng.random(400) < score).astype(int)
    scores, many = ScoreTensor.of(groups, truth, score), groups.iloc[copies].reset_index(drop=True)
    plain = group_calibration(scores)
    assert group_calibration(scores, rows=owned(groups, truth, score, rng.permutation(400))) == plain
    copied = group_calibration(
        ScoreTensor.of(many, truth[copies], score[copies]), rows=owned(many, truth[copies], score[copies], copies)
    )
    for one, other in zip(plain, copied, strict=True):
        assert other.n == 10 * one.n
        for name in ("mean", "slope"):
            narrow, wide = getattr(one, name), getattr(other, name)
            assert wide.value == pytest.approx(narrow.value)
            assert wide.high - wide.low == pytest.approx(narrow.high - narrow.low, rel=0.05)
        assert other.floor == pytest.approx(one.floor, rel=0.05)
        assert len(other.points) >= len(one.points)


def test_the_design_of_residuals_by_hand() -> None:
    """Three owners of two rows with a score of 0.5: two who pay twice, or never, and one who pays once.

    Residuals -1/2 -1/2 | 1/2 1/2 | -1/2 1/2: by owner 3/2 · (1 + 1 + 0) / 36 = 1/12, by row 6/5 · 6/4 / 36 = 1/20.
    """
    groups, score = pd.DataFrame({"sex": ["f"] * 6}), np.full(6, 0.5)
    truth, owner = np.array([1, 1, 0, 0, 1, 0]), np.repeat(np.arange(3), 2)
    student = (stdtrit(2, 0.975) / 1.959964) ** 2
    assert residual_design(owned(groups, truth, score, owner), "sex", "f") == pytest.approx(5 / 3 * student, rel=1e-4)
    assert residual_design(owned(groups, truth, score, np.arange(6)), "sex", "f") == 1.0
    one = owned(groups, truth, score, np.zeros(6, dtype=np.int64))
    assert residual_design(one, "sex", "f") == np.inf
    (found,) = group_calibration(ScoreTensor.of(groups, truth, score), rows=one)
    assert (found.mean.low, found.mean.high, found.floor) == (-1.0, 1.0, 1.0)


@pytest.mark.parametrize("certain", [0.0, 1.0])
@pytest.mark.parametrize("right", [True, False])
def test_a_group_of_one_owner_shows_nothing_however_sure_and_right_its_scores_are(certain: float, right: bool) -> None:
    """Forty rows of one owner with a score of exactly 0, or 1: no spread, no floor and no error of their own."""
    groups = pd.DataFrame({"sex": ["f"] * 40 + ["m"] * 40})
    score = np.r_[np.full(40, certain), np.linspace(0.1, 0.9, 40)]
    truth = np.r_[np.full(40, int(certain == right)), np.arange(40) % 2]
    rows = owned(groups, truth, score, np.r_[np.zeros(40, dtype=np.int64), np.arange(1, 41)])
    f, m = group_calibration(ScoreTensor.of(groups, truth, score), rows=rows)
    assert f.floor == 1.0
    assert (f.mean.low, f.mean.high, f.error.low, f.error.high) == (-1.0, 1.0, 0.0, 1.0)
    assert all((p.observed.low, p.observed.high) == (0.0, 1.0) for p in f.points)
    assert m == group_calibration(ScoreTensor.of(groups, truth, score))[1]  # of rows of their own, as of rows


def test_calibration_of_owners_is_held_as_often_as_is_said_and_that_of_rows_far_less() -> None:
    """Sixty owners of ten rows with nearly one score each, alike by half of their luck."""
    rng, owner = np.random.default_rng(5), np.repeat(np.arange(60), 10)
    groups = pd.DataFrame({"sex": ["f"] * 600})
    held: dict[str, Counter[str]] = {"rows": Counter(), "owners": Counter()}
    for _ in range(150):
        score = np.clip(rng.uniform(0.1, 0.9, 60)[owner] + 0.05 * rng.normal(size=600), 0.02, 0.98)
        luck = np.sqrt(0.5) * (rng.normal(size=60)[owner] + rng.normal(size=600))
        truth = (norm.cdf(luck) < score).astype(int)
        for name, rows in (("rows", None), ("owners", owned(groups, truth, score, owner))):
            (one,) = group_calibration(ScoreTensor.of(groups, truth, score), rows=rows)
            held[name]["mean"] += one.mean.low <= 0 <= one.mean.high
            held[name]["slope"] += one.slope.low <= 1 <= one.slope.high
            held[name]["points"] += all(p.observed.low <= p.promised <= p.observed.high for p in one.points)
    assert 0.9 <= held["owners"]["mean"] / 150 <= 0.985, held
    assert held["owners"]["slope"] / 150 >= 0.93, held  # it has the design effect of the mean, which is no smaller here
    assert max(held["rows"]["mean"], held["rows"]["slope"]) / 150 < 0.82, held
    assert held["owners"]["points"] > 2 * held["rows"]["points"]

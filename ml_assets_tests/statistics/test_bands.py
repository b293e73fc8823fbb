"""Bands of a score: where they lie, the line in each and the gap from it, by hand; rows on one line have no gap."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.bands import BandedRows, ScoredRows, band_cuts, band_gaps, band_lines, wald

Floats = npt.NDArray[np.float64]


def scored(outcome: npt.ArrayLike, score: npt.ArrayLike) -> ScoredRows:
    return ScoredRows(np.asarray(outcome, dtype=np.float64), np.asarray(score, dtype=np.float64))


def one_band(outcome: npt.ArrayLike, score: npt.ArrayLike) -> BandedRows:
    return scored(outcome, score).banded(np.empty(0))


def test_a_score_equal_to_a_cut_lies_above_it() -> None:
    rows = scored([0.0, 0.0, 0.0], [0.4, 0.5, 0.6]).banded(np.array([0.5]))
    assert rows.band.tolist() == [0, 1, 1]


def test_cuts_lie_between_two_piles_of_scores_whatever_is_asked_for() -> None:
    rows = scored(np.tile([0.0, 1.0], 30), np.repeat([0.2, 0.8], 30))
    for bands in (2, 10, 100):
        cuts = band_cuts(rows, rows, np.ones(60), task="binary", bands=bands)
        assert cuts is not None
        assert cuts.tolist() == [0.8]
    whole = band_cuts(rows, rows, np.ones(60), task="binary", bands=1)
    assert whole is not None
    assert whole.size == 0


def test_bands_are_merged_until_both_sides_are_filled() -> None:
    score = np.arange(300) / 300
    full = scored(np.arange(300) % 2, score)
    fifth = scored(np.arange(60) % 2, score[::5])  # 6 rows in a tenth: 30 only in half of the scores
    cuts = band_cuts(fifth, full, np.ones(300), task="binary", bands=10)
    assert cuts is not None
    assert cuts.tolist() == [0.5]
    every = band_cuts(full, full, np.ones(300), task="binary", bands=10)
    assert every is not None
    assert every.size == 9


def test_what_is_left_over_at_the_upper_end_joins_the_last_band() -> None:
    rows = scored(np.arange(79) % 2, np.arange(79.0))
    cuts = band_cuts(rows, rows, np.ones(79), task="regression", bands=79)
    assert cuts is not None
    assert cuts.tolist() == [30.0]  # 30 rows below it and 49 above, of which 19 would be too few


def test_too_few_rows_events_or_effective_rows_make_no_band() -> None:
    few = scored(np.arange(29) % 2, np.arange(29.0))
    many = scored(np.arange(300) % 2, np.arange(300) / 10)
    assert band_cuts(few, many, np.ones(300), task="regression", bands=10) is None
    assert band_cuts(many, few, np.ones(29), task="regression", bands=10) is None
    rare = scored(np.arange(40) < 4, np.arange(40.0))  # 4 expected positives of 5
    assert band_cuts(rare, rare, np.ones(40), task="binary", bands=1) is None
    assert band_cuts(rare, rare, np.ones(40), task="regression", bands=1) is not None
    heavy = np.r_[np.full(20, 1.0), np.full(280, 1e-6)]  # 20 effective rows
    assert band_cuts(many, many, heavy, task="regression", bands=1) is None
    assert band_cuts(scored([1.0], [0.5]), many, np.ones(300), task="regression", bands=1) is None


def test_a_hand_worked_line() -> None:
    # weights 1 and 3: mean score 0.75, mean outcome 3; 1 * 0.75² + 3 * 0.25² = 0.75
    lines = band_lines(one_band([0.0, 4.0], [0.0, 1.0]), np.array([1.0, 3.0]), bands=1)
    assert (lines.middle[0], lines.centre[0], lines.slope[0], lines.spread[0]) == (0.75, 3.0, 4.0, 0.75)
    assert lines.at(np.array([0.0, 2.0]), np.zeros(2, dtype=np.int64)).tolist() == [0.0, 8.0]


def test_scores_that_are_all_one_have_a_level_and_no_slope() -> None:
    rows = scored([1.0, 3.0, 5.0, 9.0], [0.3, 0.3, 0.7, 0.9]).banded(np.array([0.5]))
    lines = band_lines(rows, np.ones(4), bands=2)
    assert lines.centre.tolist() == [2.0, 7.0]
    assert lines.slope == pytest.approx([0.0, 20.0])
    assert lines.spread[0] == 0.0


def test_hand_worked_gaps_of_events() -> None:
    score = np.repeat([0.2, 0.8], 50)
    before = scored(np.r_[np.ones(10), np.zeros(40), np.ones(40), np.zeros(10)], score).banded(np.array([0.5]))
    now = scored(np.r_[np.ones(20), np.zeros(30), np.ones(40), np.zeros(10)], score).banded(np.array([0.5]))
    gaps = band_gaps(now, before, np.ones(100), task="binary")
    assert gaps.observed.tolist() == [0.4, 0.8]
    assert gaps.expected == pytest.approx([0.2, 0.8])
    assert gaps.gap == pytest.approx([0.2, 0.0])
    assert gaps.share.tolist() == [0.5, 0.5]
    assert gaps.variance == pytest.approx([(0.24 + 0.16) / 50, (0.16 + 0.16) / 50])
    assert gaps.z == pytest.approx([0.2 / math.sqrt(0.3 * 0.7 * 2 / 50), 0.0])  # at the chance common to both
    assert gaps.chi_square == pytest.approx(0.04 / 0.0084)
    first, second = gaps.listed(now, z=2.0, level=0.95)
    assert (first.low, first.high, first.reference_n, first.excess.n) == (0.2, 0.2, 50, 50)
    assert first.excess.high == pytest.approx(0.2 + 2 * math.sqrt(0.008))
    assert first.p_value == pytest.approx(math.erfc(gaps.z[0] / math.sqrt(2)))
    assert second.p_value == pytest.approx(1.0)


def test_hand_worked_gaps_of_numbers() -> None:
    score = np.zeros(40)
    before, now = one_band(np.tile([-1.0, 1.0], 20), score), one_band(np.tile([-1.0, 3.0], 20), score)
    gaps = band_gaps(now, before, np.ones(40), task="regression")
    assert (gaps.observed[0], gaps.expected[0]) == (1.0, 0.0)
    # of the batch 4 * 40 / 39 / 40, of the reference, whose line took two from it, 1 * 40 / 38 / 40
    assert gaps.variance[0] == pytest.approx(4 / 39 + 1 / 38)
    # distances of 2 and 1 from the medians, less what the lines took
    assert np.abs(gaps.batch_error) == pytest.approx(np.full(40, 2 * math.sqrt(40 / 39)))
    assert np.abs(gaps.reference_error) == pytest.approx(np.full(40, math.sqrt(40 / 38)))
    spread = (40 * 1 + 40 * 4) / 77 * 2 / 40  # common to both sides, of 40 + 40 - 3 degrees of freedom
    assert gaps.z[0] == pytest.approx(1 / math.sqrt(spread), rel=0.05)  # Student's t as the normal of the same tail


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([0.0, -2.0, 0.5]))
def test_rows_moving_along_a_line_make_no_gap_and_a_step_is_one(seed: int, a: float, b: float, step: float) -> None:
    rng = np.random.default_rng(seed)
    p0, p1 = rng.uniform(0, 1, 300), rng.uniform(0, 1, 200) ** 3
    reference, batch = scored(a + b * p0, p0), scored(a + b * p1 + step, p1)
    cuts = band_cuts(batch, reference, np.ones(300), task="regression", bands=5)
    assert cuts is not None
    weight = rng.uniform(0.5, 2.0, 300)
    gaps = band_gaps(batch.banded(cuts), reference.banded(cuts), weight, task="regression")
    assert gaps.gap == pytest.approx(np.full(cuts.size + 1, step), abs=1e-9)
    assert gaps.n.sum() == 200


def test_an_interval_reaches_so_many_standard_errors() -> None:
    estimate = wald("gain", 1.0, 0.25, z=2.0, n=7, unit="EUR", level=0.9)
    assert (estimate.low, estimate.high, estimate.n, estimate.unit, estimate.level) == (0.0, 2.0, 7, "EUR", 0.9)

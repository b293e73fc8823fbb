import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.comparison import MINIMUM_ROWS, Verdict, paired_comparison
from ml_assets.statistics.intervals import mean_interval

# Differences of mean 0 and standard error s/sqrt(n): a shift decides the verdict.
NOISE = np.tile([-1.0, 1.0], 100)
HALF = mean_interval(NOISE)[1]


@pytest.mark.parametrize(
    ("shift", "margin", "verdict"),
    [
        (HALF + 0.01, 0.0, "better"),
        (HALF - 0.01, 0.0, "undecided"),
        (HALF - 0.01, 0.1, "not_worse"),
        (0.0, HALF + 0.01, "not_worse"),
        (0.0, HALF - 0.01, "undecided"),
        (-HALF - 0.01, 0.0, "worse"),
        (-HALF - 0.01, 0.1, "undecided"),
        (-2 * HALF, 0.1, "worse"),
        (-2 * HALF, 3 * HALF + 0.01, "not_worse"),
    ],
)
def test_the_verdict_follows_interval_and_margin(shift: float, margin: float, verdict: Verdict) -> None:
    champion = np.linspace(-5, 5, 200)
    found = paired_comparison(champion + NOISE + shift, champion, margin=margin)
    assert found.verdict == verdict
    assert found.difference.value == pytest.approx(shift)
    assert found.difference.high - shift == pytest.approx(HALF)
    assert found.margin == margin


def test_below_thirty_rows_nothing_is_decided() -> None:
    gain = np.ones(MINIMUM_ROWS - 1)
    few = paired_comparison(gain * 2, gain, margin=0.0, lowest=-1.0)
    assert few.verdict == "undecided"
    assert few.difference.value == 1
    assert few.sentence == "Undecided: 29 rows in common, 30 are needed."
    assert paired_comparison(np.ones(30) * 2, np.ones(30), margin=0.0, lowest=-1.0).verdict == "better"
    nothing = paired_comparison([], [], margin=0.0)
    assert (nothing.verdict, nothing.difference.estimable) == ("undecided", False)


def test_the_sentence_carries_figure_interval_rows_margin_and_unit() -> None:
    champion = np.zeros(200)
    found = paired_comparison(NOISE + 1, champion, margin=0.25, unit="EUR")
    assert found.sentence == (
        f"The challenger is better: +1 EUR per row [{1 - HALF:+.4g}, {1 + HALF:+.4g}], n = 200, margin 0.25 EUR."
    )


def test_the_same_model_is_not_worse_within_a_margin_and_never_better() -> None:
    gains = np.random.default_rng(0).normal(size=200)
    assert paired_comparison(gains, gains, margin=0.1).verdict == "not_worse"
    assert paired_comparison(gains, gains, margin=0.0).verdict == "undecided"


def test_pairing_finds_what_two_separate_means_would_not() -> None:
    rng = np.random.default_rng(1)
    champion = rng.normal(0, 50, 500)
    challenger = champion + 0.2 + rng.normal(0, 0.5, 500)
    assert mean_interval(challenger)[0] < mean_interval(champion)[1]
    assert paired_comparison(challenger, champion, margin=0.0).verdict == "better"


@given(st.integers(0, 10_000), st.floats(0, 2), st.floats(-1, 1))
def test_changing_sides_mirrors_the_interval(seed: int, margin: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(shift, 1, 40), rng.normal(0, 1, 40)
    lowest = -20.0
    there, back = (paired_comparison(*x, margin=margin, lowest=lowest) for x in ((a, b), (b, a)))
    assert there.difference.low == pytest.approx(-back.difference.high)
    assert not (there.verdict == back.verdict == "better")
    if there.verdict == "worse":
        assert back.difference.low > margin


@pytest.mark.parametrize("margin", [-0.1, math.nan, math.inf])
def test_margins_outside_their_range_are_refused(margin: float) -> None:
    with pytest.raises(DataError, match="margin"):
        paired_comparison(np.ones(40), np.ones(40), margin=margin)


def test_rows_must_be_the_same() -> None:
    with pytest.raises(DataError, match="different length"):
        paired_comparison(np.ones(40), np.ones(41), margin=0.0)
    with pytest.raises(DataError, match="gaps"):
        paired_comparison([1.0, np.nan], [1.0, 1.0], margin=0.0)


def test_the_curve_is_the_comparison_of_the_first_rows() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.normal(0.3, 1.0, 500), rng.normal(0.0, 1.0, 500)
    found = paired_comparison(one, two, margin=0.1)
    assert found.curve[0][0] == 30
    assert found.curve[-1] == pytest.approx((500, found.difference.value, found.difference.low, found.difference.high))
    assert len(found.curve) == 60
    for rows, mean, low, high in found.curve[::13]:
        part = paired_comparison(one[: int(rows)], two[: int(rows)], margin=0.1).difference
        assert (mean, low, high) == pytest.approx((part.value, part.low, part.high))
    assert paired_comparison(one[:29], two[:29], margin=0.1).curve == ()
    assert paired_comparison(np.ones(40), np.ones(40), margin=0.1).curve[-1] == (40, 0, 0, 0)

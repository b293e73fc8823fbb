import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.clustered import clustered_mean
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
    found = paired_comparison(NOISE + 1, champion, margin=0.25, unit="EUR", lowest=-2.0)
    figure = f"The challenger is better: +1 EUR per row [{1 - HALF:+.4g}, {1 + HALF:+.4g}], n = 200, margin 0.25 EUR"
    assert found.sentence == f"{figure}."
    unknown = paired_comparison(NOISE + 1, champion, margin=0.25, unit="EUR")
    assert unknown.sentence == (
        f"{figure}; losses of fewer than 3 rows in 100 may have gone unseen, and no bound on them is declared."
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


# Ninety-nine equal rows in a hundred and a gain on the last: the interval sees no loss.
LUCKY = np.tile(np.append(np.zeros(99), 5.0), 4)


def test_losses_that_no_row_shows_leave_it_undecided_and_the_sentence_says_why() -> None:
    nothing = np.zeros(400)
    trusting = paired_comparison(LUCKY, nothing, margin=0.25, unit="EUR")
    found = paired_comparison(LUCKY, nothing, margin=0.25, lowest=-100.0, unit="EUR")
    assert (trusting.verdict, found.verdict) == ("better", "undecided")
    assert found.difference == trusting.difference
    assert found.least == pytest.approx(0.05 - 100 * (1 - 0.05 ** (1 / 400)), abs=0.01)
    assert found.sentence.endswith(
        f"; losses too rare to show in these rows could bring it to {found.least:+.4g} EUR per row "
        "(a row can lose up to 100 EUR)."
    )
    enough = paired_comparison(np.tile(LUCKY, 5), np.zeros(2_000), margin=0.25, lowest=-100.0)
    assert enough.verdict == "not_worse"


@pytest.mark.parametrize("lowest", [None, -3.0])
def test_where_no_bound_is_declared_a_release_needs_150_rows(lowest: float | None) -> None:
    gains = np.tile([1.0, 1.5], 75)
    few = paired_comparison(gains[:149], np.zeros(149), margin=0.0, lowest=lowest, declared=False)
    assert few.verdict == "undecided"
    assert few.sentence == (
        "Undecided: 149 rows in common, 150 are needed: no bound on what a row can lose is declared, and fewer may show none "
        "of the large losses of 3 rows in 100."
    )
    assert paired_comparison(gains, np.zeros(150), margin=0.0, lowest=lowest, declared=False).verdict == "better"
    assert paired_comparison(gains[:149], np.zeros(149), margin=0.0, lowest=-2.0).verdict == "better"
    # That it is worse may be said with fewer rows: nothing is released by it.
    assert paired_comparison(-gains[:40], np.zeros(40), margin=0.5).verdict == "worse"


def test_a_challenger_that_loses_the_margin_by_few_rows_is_released_in_one_of_twenty_at_most() -> None:
    rng = np.random.default_rng(6)
    for n in (50, 500):
        released = 0
        for _ in range(400):
            gap = np.where(rng.random(n) < 0.03, -20 / 3, 0.0)
            released += paired_comparison(gap, np.zeros(n), margin=0.2, lowest=-20 / 3).verdict in (
                "better",
                "not_worse",
            )
        assert released <= 20 + 9


def test_a_customer_with_ten_rows_counts_once() -> None:
    rng = np.random.default_rng(7)
    who = np.repeat(np.arange(200), 10)
    plain = clustered = 0
    for _ in range(200):
        gap = np.repeat(rng.uniform(-2, 2, 200), 10) + rng.uniform(-2, 2, who.size) - 0.2
        found = paired_comparison(gap, np.zeros(who.size), margin=0.2, lowest=-4.2, cluster=who)
        clustered += found.verdict in ("better", "not_worse")
        plain += paired_comparison(gap, np.zeros(who.size), margin=0.2, lowest=-4.2).verdict in ("better", "not_worse")
    assert clustered <= 10 + 6
    assert plain >= 30


def test_copies_of_rows_change_nothing_but_the_count_of_rows() -> None:
    rng = np.random.default_rng(8)
    gap, who = rng.normal(0.1, 1.0, 200), np.arange(200)
    once = paired_comparison(gap, np.zeros(200), margin=0.2, cluster=who)
    tenfold = paired_comparison(np.repeat(gap, 10), np.zeros(2_000), margin=0.2, cluster=np.repeat(who, 10))
    assert (once.draws, tenfold.draws, tenfold.difference.n) == (200, 200, 2_000)
    assert tenfold.verdict == once.verdict
    assert tenfold.least == pytest.approx(once.least)
    assert (tenfold.difference.low, tenfold.difference.high) == pytest.approx(
        (once.difference.low, once.difference.high)
    )
    assert "n = 2,000 in 200 clusters" in tenfold.sentence
    assert once.difference == paired_comparison(gap, np.zeros(200), margin=0.2).difference


def test_the_curve_of_clusters_begins_with_the_thirtieth_and_is_that_of_the_first_rows() -> None:
    rng = np.random.default_rng(9)
    who = np.repeat(np.arange(60), 5)
    gap = rng.normal(size=300)
    found = paired_comparison(gap, np.zeros(300), margin=0.2, lowest=-9.0, cluster=who)
    assert found.curve[0][0] == 29 * 5 + 1
    for rows, mean, low, high in found.curve[::13]:
        part = clustered_mean(gap[: int(rows)], who[: int(rows)]).estimate("x")
        assert (mean, low, high) == pytest.approx((part.value, part.low, part.high))
    assert paired_comparison(gap, np.zeros(300), margin=0.2, cluster=np.arange(300) // 11).curve == ()


def test_few_clusters_of_many_rows_decide_nothing() -> None:
    who = np.repeat(np.arange(29), 40)
    found = paired_comparison(np.ones(who.size), np.zeros(who.size), margin=0.0, lowest=-1.0, cluster=who)
    assert found.verdict == "undecided"
    assert found.sentence == "Undecided: 1160 rows in common in 29 clusters, 30 are needed."


def test_a_difference_below_the_lowest_and_clusters_of_other_rows_are_refused() -> None:
    with pytest.raises(DataError, match="below the lowest"):
        paired_comparison(-np.ones(40), np.ones(40), margin=0.0, lowest=-1.0)
    with pytest.raises(DataError, match="Clusters"):
        paired_comparison(np.ones(40), np.ones(40), margin=0.0, cluster=np.repeat(np.arange(13), 3))

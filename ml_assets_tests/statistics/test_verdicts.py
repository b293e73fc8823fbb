"""The four-state rule: what it must say on worked cases, and how often it is wrong."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.groups import Moments
from ml_assets.statistics.verdicts import (
    Verdict,
    benjamini_hochberg,
    gap_sentence,
    holm,
    mean_difference,
    overall,
    rate_difference,
    rate_ratio,
    share_ratio,
    verdicts,
)


def test_equal_large_groups_pass_and_a_large_gap_fails() -> None:
    equal = rate_difference(3_000, 10_000, 3_000, 10_000, tolerance=0.1)
    worse = rate_difference(1_000, 10_000, 3_000, 10_000, tolerance=0.1)
    assert verdicts([equal, worse]) == ("pass", "fail")


def test_few_rows_are_inconclusive_and_not_resolvable() -> None:
    few = rate_difference(3, 10, 3_000, 10_000, tolerance=0.1)
    assert verdicts([few]) == ("inconclusive",)
    assert not few.resolvable
    assert few.detectable > 0.1


def test_resolvable_begins_where_the_reference_says() -> None:
    # n >= p(1-p)(3.29/tolerance)²: 271 rows at p = 0.5 and tolerance 0.10 (the rest is so large that it adds nothing).
    large = 10_000_000
    assert not rate_difference(132, 264, large // 2, large, tolerance=0.1).resolvable
    assert rate_difference(137, 274, large // 2, large, tolerance=0.1).resolvable


def test_a_large_but_uncertain_gap_is_suspect() -> None:
    # 0.10 against 0.30 on 40 rows: z = 2.8, but the interval reaches back inside the tolerance.
    contrast = rate_difference(4, 40, 3_000, 10_000, tolerance=0.1)
    assert contrast.interval(0.95)[1] > -0.1
    assert verdicts([contrast]) == ("suspect",)


def test_empty_denominators_are_not_estimable() -> None:
    nothing = rate_difference(0, 0, 5, 10, tolerance=0.1)
    assert math.isnan(nothing.value)
    assert verdicts([nothing, rate_ratio(1, 5, 0, 9, limit=0.8)]) == ("not_estimable", "not_estimable")
    assert math.isnan(mean_difference(Moments(1, 3.0, math.nan), Moments(9, 1.0, 1.0), scale=1.0, tolerance=0.1).value)
    twins = mean_difference(Moments(2, 1.0, 0.0), Moments(9, 1.0, 0.0), scale=1.0, tolerance=0.1)
    assert math.isnan(twins.value)
    assert verdicts([share_ratio(0, 0, 0.5, limit=0.8)]) == ("not_estimable",)


def test_no_events_in_two_rows_do_not_count_as_resolvable() -> None:
    assert not rate_difference(0, 2, 0, 1_000, tolerance=0.1).resolvable
    assert not rate_ratio(2, 2, 1_000, 1_000, limit=0.8).resolvable


def test_four_fifths_rule_on_a_worked_case() -> None:
    # 2,400/10,000 against 4,000/10,000 is a ratio of 0.6, whose interval ends below 0.8.
    contrast = rate_ratio(2_400, 10_000, 4_000, 10_000, limit=0.8)
    assert contrast.value == pytest.approx(0.6)
    assert (contrast.lowest, contrast.highest) == (0.8, 1.25)
    assert verdicts([contrast]) == ("fail",)
    assert verdicts([rate_ratio(0, 500, 4_000, 10_000, limit=0.8)]) == ("fail",)


def test_welch_interval_of_a_mean_difference_by_hand() -> None:
    # Equal sizes and variances: Welch's freedom is 2(n - 1) = 18, t = 2.1009; error = sqrt(2·4/10) = 0.8944.
    contrast = mean_difference(Moments(10, 3.0, 4.0), Moments(10, 1.0, 4.0), scale=2.0, tolerance=0.1)
    assert contrast.value == pytest.approx(1.0)
    half = 2.1009 * 0.8944 / 2
    assert contrast.interval(0.95) == pytest.approx((1 - half, 1 + half), abs=1e-4)


def test_the_correction_grows_with_the_number_of_comparisons() -> None:
    one = rate_difference(28, 150, 3_300, 10_000, tolerance=0.05)
    equal = rate_difference(5_000, 10_000, 5_000, 10_000, tolerance=0.05)
    assert verdicts([one]) == ("fail",)
    assert verdicts([one, *[equal] * 60])[0] == "suspect"


def test_benjamini_hochberg_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.04, 0.5: 0.04, 0.04, 0.0533, 0.5.
    assert benjamini_hochberg([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.04 * 4 / 3, 0.04, 0.5, 0.04])
    assert benjamini_hochberg([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_are_never_below_p_and_keep_their_order(p_values: list[float]) -> None:
    q = benjamini_hochberg(p_values)
    assert (q >= np.asarray(p_values) - 1e-12).all()
    assert (q <= 1).all()
    assert (np.diff(q[np.argsort(p_values, kind="stable")]) >= -1e-12).all()


@given(
    n1=st.integers(1, 400),
    n2=st.integers(1, 400),
    share1=st.floats(0, 1),
    share2=st.floats(0, 1),
    tolerance=st.floats(0.01, 0.5),
)
def test_group_and_rest_mirror_each_other(n1: int, n2: int, share1: float, share2: float, tolerance: float) -> None:
    x1, x2 = round(share1 * n1), round(share2 * n2)
    there = rate_difference(x1, n1, x2, n2, tolerance=tolerance)
    back = rate_difference(x2, n2, x1, n1, tolerance=tolerance)
    assert there.value == pytest.approx(-back.value)
    assert there.p_value == pytest.approx(back.p_value)
    assert verdicts([there]) == verdicts([back])


def test_overall_needs_only_the_resolvable_and_never_passes_without_one() -> None:
    answers: list[Verdict] = ["pass", "inconclusive", "not_estimable"]
    assert overall(answers, [True, False, False]) == "pass"
    assert overall(answers, [True, True, False]) == "inconclusive"
    assert overall(answers, [False, False, False]) == "inconclusive"
    assert overall(["suspect", "fail"], [False, True]) == "fail"
    assert overall(["pass", "suspect"], [True, False]) == "suspect"
    assert overall(["not_estimable"], [False]) == "not_estimable"
    assert overall([], []) == "not_estimable"


def _simulated(rows: list[int], rates: list[float], runs: int, seed: int) -> list[Verdict]:
    rng = np.random.default_rng(seed)
    n = np.array(rows)
    found: list[Verdict] = []
    for _ in range(runs):
        x = rng.binomial(n, rates)
        contrasts = [
            rate_difference(int(a), int(b), int(x.sum() - a), int(n.sum() - b), tolerance=0.1)
            for a, b in zip(x, n, strict=True)
        ]
        found.append(overall(verdicts(contrasts), [contrast.resolvable for contrast in contrasts]))
    return found


# Forty intersections of falling size, 20,000 rows, the smallest with ten.
_SIZES = [max(10, int(20_000 * k**-1.3 / sum(j**-1.3 for j in range(1, 41)))) for k in range(1, 41)]


def test_a_fair_audit_of_forty_intersections_rarely_fails_and_mostly_passes() -> None:
    found = _simulated(_SIZES, [0.3] * 40, 60, 1)
    assert found.count("fail") <= 1
    assert found.count("pass") >= 0.65 * 60


def test_a_wronged_group_of_four_hundred_is_proven() -> None:
    found = _simulated([2_500] * 8 + [400], [0.3] * 8 + [0.1], 60, 2)
    assert found.count("fail") >= 58


def test_a_wronged_group_of_forty_hardly_ever_passes() -> None:
    found = _simulated([*_SIZES, 40], [0.3] * 40 + [0.05], 60, 3)
    assert found.count("pass") <= 0.2 * 60


def test_sentence_names_both_sides_the_tolerance_and_the_answer() -> None:
    contrast = rate_difference(3, 10, 600, 1_000, tolerance=0.1)
    gap = contrast.estimate("difference", 10)
    sentence = gap_sentence("sex = f", "selection rate", (0.3, 0.6), gap, contrast, "inconclusive")
    for part in ("sex = f", "selection rate 0.3 against 0.6", "n = 10", "-0.10 to 0.10: inconclusive", "Too few rows"):
        assert part in sentence


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan])
def test_a_tolerance_of_nothing_is_refused(tolerance: float) -> None:
    with pytest.raises(DataError, match="tolerance"):
        rate_difference(1, 2, 1, 2, tolerance=tolerance)


@pytest.mark.parametrize("limit", [0.0, 1.0, 1.25])
def test_a_ratio_limit_above_one_is_refused(limit: float) -> None:
    with pytest.raises(DataError, match="ratio limit"):
        rate_ratio(1, 2, 1, 2, limit=limit)


def test_holm_of_a_published_table() -> None:
    # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"); and Holm's step-down by hand for the second
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]).tolist() == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.9, 0.001, 0.6]).tolist() == pytest.approx([1.0, 0.003, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_p_value_and_bonferroni_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.asarray(p) - 1e-12).all()
    assert (adjusted <= np.minimum(np.asarray(p) * len(p), 1) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()

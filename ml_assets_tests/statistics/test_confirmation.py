"""What two audits of one gap say together: worked pairs, planted contradictions, and the size of the errors by simulation."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.arrays import IntArray
from ml_assets.statistics.confirmation import Audited, confirm, contradicts, is_open
from ml_assets.statistics.disparity import Judged, disparities, judged, overall_verdict
from ml_assets.statistics.intervals import newcombe_difference

TOLERANCE = 0.1


def audit(
    f: tuple[int, int], m: tuple[int, int], *, ratio: bool = False, **more: tuple[int, int]
) -> tuple[Judged, ...]:
    """Groups with the rows decided favourably and all their rows."""
    cells = {"f": f, "m": m, **more}
    groups = np.repeat(list(cells), [n for _, n in cells.values()])
    decision = np.concatenate([np.arange(n) < x for x, n in cells.values()]).astype(int)
    metrics = {"selection_rate_ratio": 0.8} if ratio else {"selection_rate_difference": TOLERANCE}
    return judged(pd.DataFrame({"sex": groups}), np.zeros(len(groups)), decision, metrics=metrics)


def of(found: tuple[Audited, ...], group: str) -> Audited:
    (one,) = (one for one in found if one.group == group)
    return one


SMALL = audit((26, 50), (50, 100))
EQUAL, APART = audit((510, 1_000), (1_000, 2_000)), audit((700, 1_000), (1_000, 2_000))


def test_an_open_comparison_gets_the_answer_of_the_larger_audit_and_both_figures() -> None:
    assert {one.disparity.verdict for one in SMALL} == {"inconclusive"}
    found = confirm(SMALL, EQUAL)
    women = of(found, "f")
    assert (women.verdict, women.test_verdict, women.out_of_fold_verdict) == ("pass", "inconclusive", "pass")
    assert (women.basis, women.contradicted, women.resolvable) == ("out of fold", False, True)
    assert women.out_of_fold is not None
    assert (women.value.n, women.out_of_fold.n) == (50, 1_000)
    assert women.value.value == pytest.approx(0.02)
    assert women.out_of_fold.value == pytest.approx(0.01)
    assert "n = 50" in women.sentence
    assert "n = 1,000" in women.sentence
    assert "Out of fold" in women.sentence
    assert overall_verdict(found) == "pass"


def test_a_gap_that_only_the_larger_audit_sees_fails() -> None:
    found = confirm(SMALL, APART)
    assert {one.verdict for one in found} == {"fail"}
    assert {one.basis for one in found} == {"out of fold"}
    assert overall_verdict(found) == "fail"


def test_a_test_part_that_lies_elsewhere_takes_the_pass_away() -> None:
    far = audit((20, 50), (65, 100))
    assert {one.disparity.verdict for one in far} <= {"suspect", "inconclusive"}
    found = confirm(far, EQUAL)
    assert all(one.contradicted and one.verdict == one.test_verdict for one in found)
    assert overall_verdict(found) != "pass"
    assert "contradicts" in of(found, "f").sentence


def test_what_the_test_part_suspects_no_larger_audit_clears_but_it_may_prove_it() -> None:
    """The suspicion is about the model itself, the larger audit about its like."""
    doubted = audit((16, 50), (50, 100))
    assert {one.disparity.verdict for one in doubted} == {"suspect"}
    nearly = audit((460, 1_000), (1_000, 2_000))
    assert not any(contradicts(*pair) for pair in zip(SMALL, nearly, strict=True))
    found = confirm(doubted, nearly)
    assert {(one.out_of_fold_verdict, one.verdict, one.contradicted) for one in found} == {("pass", "suspect", True)}
    worse = confirm(doubted, audit((300, 1_000), (1_000, 2_000)))
    assert {(one.verdict, one.basis) for one in worse} == {("fail", "out of fold")}


def test_a_contradicted_pass_of_few_rows_holds_the_others_back() -> None:
    """Too few rows of the test part excuse nothing once a larger audit could tell."""
    test = audit((500, 1_000), (1_000, 2_000), x=(3, 12))
    assert overall_verdict([one.disparity for one in test]) == "pass"
    larger = audit((20_000, 40_000), (40_000, 80_000), x=(5_800, 10_000))
    found = confirm(test, larger)
    assert of(found, "x").contradicted
    assert (of(found, "x").out_of_fold_verdict, of(found, "x").verdict) == ("pass", "inconclusive")
    assert overall_verdict(found) == "inconclusive"


def test_a_finding_the_test_part_points_away_from_is_not_taken() -> None:
    other_way = audit((16, 50), (57, 100))
    assert all(is_open(one.disparity) for one in other_way)
    found = confirm(other_way, APART)
    assert all(one.contradicted for one in found)
    assert {one.verdict for one in found} == {one.test_verdict for one in found}


def test_a_finding_of_the_same_sign_stands_however_far_apart() -> None:
    slight = audit((187, 350), (360, 700))
    huge = audit((990, 1_000), (1_000, 2_000))
    pairs = list(zip(slight, huge, strict=True))
    assert all(is_open(one.disparity) or one.disparity.verdict == "pass" for one in slight)
    assert not any(contradicts(*pair) for pair in pairs)


def test_what_the_test_part_decides_stays_decided() -> None:
    for sure, verdict in ((audit((900, 1_000), (1_000, 2_000)), "fail"), (EQUAL, "pass")):
        for larger in (EQUAL, APART):
            found = confirm(sure, larger)
            assert {(one.verdict, one.basis) for one in found} == {(verdict, "test part")}


def test_models_without_the_remedy_decide_nothing() -> None:
    for larger in (EQUAL, APART):
        found = confirm(SMALL, larger, of_final=False)
        assert {(one.verdict, one.basis) for one in found} == {("inconclusive", "test part")}
        assert "without the remedy" in of(found, "f").sentence
        assert of(found, "f").out_of_fold is not None


def test_nothing_of_a_group_in_the_test_part_confirms_no_pass_but_a_finding_counts() -> None:
    fair = audit((500, 1_000), (1_000, 2_000), x=(500, 1_000))
    unfair = audit((500, 1_000), (1_000, 2_000), x=(900, 1_000))
    for larger, verdict in ((fair, "not_estimable"), (unfair, "fail")):
        x = of(confirm(SMALL, larger), "x")
        assert (x.test_verdict, x.verdict, x.n) == ("not_estimable", verdict, 0)
        assert math.isnan(x.value.value)


def test_without_a_larger_audit_everything_is_as_it_was() -> None:
    for test in (SMALL, EQUAL, audit((0, 0), (5, 10))):
        found = confirm(test, ())
        for audited, one in zip(found, test, strict=True):
            mine = one.disparity
            assert (audited.verdict, audited.sentence, audited.resolvable) == (
                mine.verdict,
                mine.sentence,
                mine.resolvable,
            )
            assert (audited.out_of_fold, audited.basis) == (None, "test part")


def test_ratios_are_compared_by_their_logarithms() -> None:
    none, some = audit((3, 14), (70, 100), ratio=True), audit((500, 1_000), (1_000, 2_000), ratio=True)
    assert of(confirm(none, some), "f").contradicted
    near = audit((19, 40), (50, 100), ratio=True)
    assert of(confirm(near, some), "f").verdict == "pass"


def test_two_gaps_are_apart_when_the_squares_of_their_distances_say_so() -> None:
    """By hand: 0.48 - 0.65 on 150 rows against 0.51 - 0.50 on 3,000."""
    far = audit((20, 50), (65, 100))
    v, (low, high) = 0.4 - 0.65, newcombe_difference(20, 50, 65, 100)
    w, (below, above) = 0.51 - 0.5, newcombe_difference(510, 1_000, 1_000, 2_000)
    upper = v - w + math.hypot(high - v, w - below)
    assert upper < 0
    assert low < v
    assert above > w
    assert contradicts(far[0], EQUAL[0], level=0.95)
    assert not contradicts(SMALL[0], EQUAL[0], level=0.95)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=8, max_size=8))
def test_no_pass_is_taken_that_the_test_part_rules_out(cells: list[int]) -> None:
    a, b, c, d, e, f, g, h = cells
    test = audit((a, a + b), (c, c + d))
    larger = audit((10 * e, 10 * (e + f)), (10 * g, 10 * (g + h)))
    for one in confirm(test, larger):
        before = next((j for j in test if j.disparity.group == one.group), None)
        if one.verdict == "pass" and before is not None and one.test_verdict != "pass":
            assert one.out_of_fold_verdict == "pass"
            assert not before.contrast.outside(before.contrast.interval(0.9))
            assert one.test_verdict == "inconclusive"
        if one.test_verdict in ("pass", "fail"):
            assert one.verdict == one.test_verdict


def _drawn(rng: np.random.Generator, n: int, gap: float) -> tuple[pd.DataFrame, IntArray]:
    women = rng.random(n) < 0.4
    decision = (rng.random(n) < 0.6 - gap * women).astype(int)
    return pd.DataFrame({"sex": np.where(women, "f", "m")}), decision


@pytest.mark.parametrize(
    ("gap", "verdict", "often", "seldom"), [(0.0, "pass", 0.85, "fail"), (0.3, "fail", 0.85, "pass")]
)
def test_errors_of_both_together(gap: float, verdict: str, often: float, seldom: str) -> None:
    """200 rows that can tell little and 800 out of fold: a fair model passes, a gap of 0.3 fails, hardly ever the reverse."""
    rng = np.random.default_rng(3)
    answers: list[str] = []
    alone: list[str] = []
    for _ in range(150):
        small, larger = (
            judged(groups, decision, decision, metrics={"selection_rate_difference": 0.15})
            for groups, decision in (_drawn(rng, 200, gap), _drawn(rng, 800, gap))
        )
        answers.append(overall_verdict(confirm(small, larger)))
        alone.append(overall_verdict([one.disparity for one in small]))
    share = {v: answers.count(v) / len(answers) for v in (verdict, seldom)}
    assert share[verdict] >= often
    assert share[verdict] > alone.count(verdict) / len(alone)
    assert share[seldom] <= 0.02


def test_disparities_are_those_judged() -> None:
    groups = pd.DataFrame({"sex": ["f", "m"] * 20})
    truth, decision = np.arange(40) % 3 == 0, np.arange(40) % 4 == 0
    found = judged(groups, truth, decision, metrics={"accuracy_difference": 0.1})
    assert tuple(one.disparity for one in found) == disparities(
        groups, truth, decision, metrics={"accuracy_difference": 0.1}
    )

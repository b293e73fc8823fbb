"""ML Test Score: 28 tests in four parts of seven, points only for checks that ran and pass, the smallest sum counts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from ml_assets.report.recorded import Check, Recorded
from ml_assets.report.rubric import TESTS, build, points
from ml_assets_tests.report.planted import check, words
from ml_assets_tests.test_defs import STREAM_CHECKS, TABLE_CHECKS


def _all(*, passed: bool | None) -> dict[tuple[str, str], Check]:
    made = [check(*name.split(":"), passed=passed) for t in TESTS for name in t.checks]
    return {(c.asset, c.name): c for c in made}


def test_the_rubric_has_four_parts_of_seven_tests() -> None:
    assert list(Counter(t.part for t in TESTS).values()) == [7, 7, 7, 7]


def test_every_check_it_names_exists() -> None:
    assert {name for t in TESTS for name in t.checks} <= TABLE_CHECKS | STREAM_CHECKS


def test_points(hand_made: Callable[..., Recorded]) -> None:
    recorded = hand_made()
    answered = Counter(t.part for t in TESTS if t.checks)
    assert points(replace(recorded, checks=_all(passed=True))) == dict(answered)
    assert set(points(replace(recorded, checks=_all(passed=False))).values()) == {0}
    assert set(points(replace(recorded, checks=_all(passed=None))).values()) == {0}
    assert set(points(recorded).values()) == {0}


def test_one_failing_check_of_two_takes_the_point(hand_made: Callable[..., Recorded]) -> None:
    checks = _all(passed=True)
    checks["predictions", "scores_are_sound"] = check("predictions", "scores_are_sound", passed=False, sentence="nan")
    text = words(build(replace(hand_made(), checks=checks)))
    assert "The model is numerically stable 0 fail" in text
    assert "predictions:scores_are_sound: fail; nan" in text


def test_the_score_is_the_smallest_sum(hand_made: Callable[..., Recorded]) -> None:
    text = words(build(replace(hand_made(), checks=_all(passed=True))))
    assert "Score: 3 (up to 3: reasonably tested" in text
    assert "never ran" in words(build(replace(hand_made(), checks=_all(passed=None))))

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.remedies.points import GroupPoints, money_at, operating_points
from ml_assets.statistics.value import BinaryValue

VALUE = BinaryValue(2.0, -1.0, 0.0, 0.5)
RNG = np.random.default_rng(3)
LABELS = pd.Series(["f"] * 200 + ["m"] * 300 + ["few"] * 40 + ["unknown"] * 100)
TRUTH = (RNG.random(640) < 0.4).astype(float)
SCORE = RNG.random(640).round(2)


def made(favourable: int = 1, threshold: float = 0.5, most: int = 400) -> tuple[GroupPoints, ...]:
    return operating_points(LABELS, TRUTH, SCORE, value=VALUE, favourable=favourable, threshold=threshold, most=most)


def test_small_and_unknown_groups_get_no_points() -> None:
    found = made()
    assert [one.group for one in found] == ["f", "m"]
    assert [one.share for one in found] == [0.4, 0.6]


@pytest.mark.parametrize("favourable", [0, 1])
def test_every_point_is_what_its_threshold_does(favourable: int) -> None:
    (one, _) = made(favourable)
    rows = np.asarray(LABELS == "f")
    for at in range(0, len(one.thresholds), 7):
        decision = (SCORE[rows] >= one.thresholds[at]).astype(int)
        good, truth = decision == favourable, TRUTH[rows]
        assert one.rates["everyone"][at] == pytest.approx(good.mean())
        assert one.rates["favourable"][at] == pytest.approx(good[truth == favourable].mean())
        assert one.rates["unfavourable"][at] == pytest.approx(good[truth != favourable].mean())
        assert one.positive[at] == pytest.approx(decision.mean())
        assert one.money[at] == pytest.approx(VALUE.money(truth, decision).mean())


def test_the_threshold_in_use_is_among_them_even_when_nobody_reaches_it() -> None:
    for threshold in (0.5, 0.123456, math.inf):
        assert all(one.thresholds[one.base] == threshold for one in made(threshold=threshold))


def test_thinning_keeps_the_ends_and_money_adds_up_over_groups() -> None:
    found = made(most=10)
    assert all(len(one.thresholds) <= 13 and one.positive[0] == 1 and one.positive[-1] == 0 for one in found)
    at = [one.base for one in found]
    kept = np.asarray(LABELS.isin(["f", "m"]))
    expected = VALUE.money(TRUTH[kept], (SCORE[kept] >= 0.5).astype(int)).mean()
    assert money_at(found, at) == pytest.approx(expected)

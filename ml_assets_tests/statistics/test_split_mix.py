"""Groups by part: alike by chance, moved, absent; the test by a published value; a fair split is not accused."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.split_mix import split_mix

PARTS = np.repeat(["train", "validation", "test"], [600, 200, 200])


def test_the_chi_square_of_a_worked_table() -> None:
    # 2x3 table 300 250 150 / 300 150 50: expected by margins, chi-square by hand
    parts = np.repeat(["train", "validation", "test"] * 2, [300, 250, 150, 300, 150, 50])
    groups = pd.DataFrame({"g": np.repeat(["a", "b"], [700, 500])})
    expected = np.outer([700, 500], [600, 400, 200]) / 1200
    statistic = ((np.array([[300, 250, 150], [300, 150, 50]]) - expected) ** 2 / expected).sum()
    (found,) = split_mix(groups, parts).tests
    assert found.p_value == pytest.approx(math.exp(-statistic / 2))  # two degrees of freedom
    assert found.n == 1_200


def test_alike() -> None:
    found = split_mix(pd.DataFrame({"sex": np.tile(["f", "m"], 500)}), PARTS)
    assert found.tests[0].p_value > 0.9
    assert found.tests[0].strength == 0
    assert {s.part for s in found.shares} == {"validation", "test"}
    assert not [s for s in found.shares if s.verdict in ("fail", "suspect") or s.absent]


def test_a_group_that_moved_and_one_that_is_absent() -> None:
    sex = np.where(PARTS == "test", "m", np.tile(["f", "m"], 500))
    found = split_mix(pd.DataFrame({"sex": sex}), PARTS)
    by_name = {(s.group, s.part): s for s in found.shares}
    assert by_name["m", "test"].verdict == "fail"
    assert by_name["f", "test"].absent
    assert "no gate that reads them can see it" in by_name["f", "test"].sentence
    assert by_name["f", "validation"].verdict in ("pass", "inconclusive")
    assert found.tests[0].p_value < 1e-9


def test_no_training_rows_and_one_group() -> None:
    found = split_mix(pd.DataFrame({"g": ["a"] * 10}), np.repeat(["test"], 10))
    assert found.shares[0].verdict == "not_estimable"
    assert found.tests[0].p_value == 1
    assert math.isnan(found.tests[0].strength)


def test_a_fair_split_is_not_accused() -> None:
    rng = np.random.default_rng(0)
    answers = []
    for _ in range(100):
        groups = pd.DataFrame({"a": rng.choice(list("xyz"), 1000), "b": rng.choice(list("uv"), 1000)})
        answers.append({s.verdict for s in split_mix(groups, rng.permutation(PARTS)).shares})
    assert sum("fail" in found for found in answers) <= 1
    assert sum("suspect" in found for found in answers) <= 12  # a rate of false discoveries of 10 %


def test_a_rare_group_may_be_absent_by_chance() -> None:
    rare = pd.DataFrame({"g": np.where(np.arange(1000) < 8, "rare", "other")})
    assert not any(s.absent for s in split_mix(rare, PARTS).shares)

"""Effects counted by hand."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.effects import GroupEffect, group_effects, levels_down

GROUPS = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4})
TRUTH = np.array([1.0, 1.0, 0.0, 0.0] * 2)
BEFORE = np.array([1, 0, 0, 0, 1, 1, 1, 0])  # f: 1 of 4, 1 of 2 with good truth; m: 3 of 4, 2 of 2


def effects(after: list[int], favourable: int = 1) -> dict[tuple[str, str], GroupEffect]:
    found = group_effects(GROUPS, TRUTH, BEFORE, np.array(after), task="binary", favourable=favourable)
    return {(one.group, one.rate): one for one in found}


def test_rates_before_and_after_by_hand() -> None:
    found = effects([1, 1, 0, 0, 1, 0, 1, 0])
    f, m = found["f", "true positive rate"], found["m", "true positive rate"]
    assert (f.before.value, f.after.value, f.after.n, f.change) == (0.5, 1.0, 2, 0.5)
    assert (m.before.value, m.after.value, m.change) == (1.0, 0.5, -0.5)
    assert found["m", "selection rate"].after.value == 0.5
    assert f.after.low < f.after.value <= f.after.high


def test_the_favourable_decision_may_be_zero() -> None:
    found = effects([1, 0, 0, 0, 1, 1, 1, 0], favourable=0)
    assert found["f", "selection rate"].before.value == 0.75
    assert found["f", "true positive rate"].before.n == 2


def test_levelling_down_is_named_and_levelling_up_is_not() -> None:
    down = effects([1, 0, 0, 0, 1, 0, 0, 0])  # men fall to the rates of women
    up = effects([1, 1, 1, 0, 1, 1, 1, 0])  # women rise to those of men
    assert levels_down(tuple(down.values()))
    assert not levels_down(tuple(up.values()))
    assert not levels_down(tuple(effects(BEFORE.tolist()).values()))


def test_a_regression_has_residuals_instead_of_rates() -> None:
    truth = np.arange(8.0)
    found = group_effects(GROUPS, truth, truth + 1.0, truth, task="regression", favourable=1)
    assert [(one.rate, one.before.value, one.after.value) for one in found] == [("mean residual", 1.0, 0.0)] * 2
    assert not levels_down(found)


def test_a_group_without_favourable_truth_is_not_estimable() -> None:
    found = group_effects(GROUPS, np.r_[np.zeros(4), np.ones(4)], BEFORE, BEFORE, task="binary", favourable=1)
    empty = next(one for one in found if (one.group, one.rate) == ("f", "true positive rate"))
    assert not empty.after.estimable
    assert np.isnan(empty.change)
    assert found[0].after.value == pytest.approx(0.25)


def test_ten_rows_of_a_person_show_an_effect_no_better_than_one() -> None:
    copies = np.repeat(np.arange(80) % 8, 10)  # ten persons like each of the eight, ten rows each
    once, owner = np.arange(80) % 8, np.repeat(np.arange(80), 10)
    after = np.array([1, 1, 0, 0, 1, 0, 1, 0])
    groups, values = GROUPS.iloc[copies].reset_index(drop=True), (TRUTH[copies], BEFORE[copies], after[copies])
    rows = group_effects(groups, *values, task="binary", favourable=1)
    owned = group_effects(groups, *values, task="binary", favourable=1, cluster=owner)
    single = group_effects(
        GROUPS.iloc[once].reset_index(drop=True),
        TRUTH[once],
        BEFORE[once],
        after[once],
        task="binary",
        favourable=1,
        cluster=np.arange(80),
    )
    plain = group_effects(
        GROUPS.iloc[once].reset_index(drop=True), TRUTH[once], BEFORE[once], after[once], task="binary", favourable=1
    )
    for all_rows, by_person, persons, alone in zip(rows, owned, plain, single, strict=True):
        assert alone == persons  # persons of one row change nothing
        assert by_person.after.n == 10 * persons.after.n
        width = persons.after.high - persons.after.low
        assert by_person.after.high - by_person.after.low == pytest.approx(width, rel=0.1)
        assert all_rows.after.high - all_rows.after.low < 0.5 * width


def test_residuals_of_a_person_are_one_draw() -> None:
    truth = np.zeros(40)
    after, groups = np.repeat([1.0, 3.0, 2.0, 6.0], 10), pd.DataFrame({"sex": ["f"] * 40})
    found = group_effects(
        groups, truth, truth, after, task="regression", favourable=1, cluster=np.repeat(np.arange(4), 10)
    )[0].after
    # four persons: mean 3, variance 14/3, error sqrt(14/12), Student's t with 3 degrees of freedom 3.1824
    assert (found.low, found.high) == pytest.approx((3 - 3.1824 * 1.0801, 3 + 3.1824 * 1.0801), abs=1e-3)
    assert found.unit == "target units"

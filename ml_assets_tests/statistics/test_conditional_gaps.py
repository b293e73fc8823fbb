"""Berkeley's admissions, where the gap reverses; a gap that hides; a legitimate column that explains nothing."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.conditional_gaps import ConditionalGap, conditional_gaps
from ml_assets.statistics.metrics import Task

# Admitted and refused men and women in the six largest departments, 1973 (Bickel, Hammel and O'Connell, Science 187, 398).
BERKELEY = {
    "A": (512, 313, 89, 19),
    "B": (353, 207, 17, 8),
    "C": (120, 205, 202, 391),
    "D": (138, 279, 131, 244),
    "E": (53, 138, 94, 299),
    "F": (22, 351, 24, 317),
}


def berkeley() -> pd.DataFrame:
    cells = [
        (department, sex, admitted, n)
        for department, counts in BERKELEY.items()
        for (sex, admitted), n in zip((("m", 1), ("m", 0), ("f", 1), ("f", 0)), counts, strict=True)
    ]
    frame = pd.DataFrame(cells, columns=["department", "sex", "admitted", "n"])
    return frame.loc[frame.index.repeat(frame["n"])].reset_index(drop=True)


def by_group(found: tuple[ConditionalGap, ...]) -> dict[str, ConditionalGap]:
    return {one.group: one for one in found}


def test_berkeley() -> None:
    frame = berkeley()
    women = by_group(conditional_gaps(frame[["sex"]], frame["admitted"], frame[["department"]]))["f"]
    # 557 of 1,835 women and 1,198 of 2,691 men were admitted
    assert women.plain.value == pytest.approx(557 / 1835 - 1198 / 2691)
    # 46 % of the refused and 32 % of the admitted are women: the published disparity of 0.14
    assert women.disparity.value == pytest.approx(1278 / 2771 - 557 / 1755)
    assert women.disparity.value == pytest.approx(0.14, abs=0.005)
    assert women.simpson == "vanishes"
    assert women.conditional.value > 0
    assert women.verdict == "pass"
    assert women.conditional_disparity.value == pytest.approx(-0.019, abs=0.001)
    assert women.conditional_disparity.low < 0 < women.conditional_disparity.high
    assert women.compared == 1
    assert "no longer shown" in women.sentence


def test_a_true_reversal_is_named() -> None:
    frame = pd.DataFrame({"g": ["a"] * 5000 + ["b"] * 5000})
    easy = np.r_[np.arange(5000) < 500, np.arange(5000) < 4500]
    rate = np.where(easy, 0.8, 0.3) + np.where(frame["g"] == "a", 0.1, 0.0)
    y = (np.random.default_rng(0).random(10_000) < rate).astype(int)
    found = by_group(conditional_gaps(frame, y, pd.DataFrame({"easy": easy})))["a"]
    assert found.plain.value < -0.2
    assert found.conditional.low > 0
    assert found.simpson == "reverses"
    assert "Simpson" in found.sentence


def test_a_hidden_gap_appears() -> None:
    rng = np.random.default_rng(3)
    n = 8_000
    ours = rng.random(n) < 0.5
    skilled = rng.random(n) < np.where(ours, 0.8, 0.2)
    y = (rng.random(n) < np.where(skilled, 0.7, 0.4) - 0.18 * ours).astype(int)
    groups = pd.DataFrame({"g": np.where(ours, "a", "b")})
    found = by_group(conditional_gaps(groups, y, pd.DataFrame({"skilled": skilled})))["a"]
    assert abs(found.plain.value) < 0.04
    assert found.conditional.value == pytest.approx(-0.18, abs=0.04)
    assert found.simpson == "appears"
    assert found.verdict == "fail"


def test_a_column_that_has_nothing_to_do_with_it_changes_nothing() -> None:
    frame = berkeley()
    coin = pd.DataFrame({"coin": np.random.default_rng(0).integers(0, 2, len(frame))})
    women = by_group(conditional_gaps(frame[["sex"]], frame["admitted"], coin))["f"]
    assert women.simpson == "stays"
    assert women.conditional.value == pytest.approx(women.plain.value, abs=0.005)


def test_regression_in_standard_deviations() -> None:
    rng = np.random.default_rng(1)
    years = rng.integers(0, 4, 4_000)
    ours = rng.random(4_000) < np.where(years > 1, 0.8, 0.2)
    wage = 10.0 * years + rng.normal(0, 1, 4_000)
    found = by_group(
        conditional_gaps(
            pd.DataFrame({"g": np.where(ours, "a", "b")}), wage, pd.DataFrame({"years": years}), task="regression"
        )
    )["a"]
    assert found.plain.value > 0.8
    assert abs(found.conditional.value) < 0.02
    assert found.simpson == "vanishes"
    assert not found.disparity.estimable


def test_each_class_is_told() -> None:
    groups = pd.DataFrame({"g": list("ab") * 60})
    y = np.arange(120) % 3
    found = conditional_gaps(groups, y, pd.DataFrame({"s": [0, 0, 1, 1] * 30}), task="multiclass")
    assert {(f.group, f.label) for f in found} == {(g, c) for g in "ab" for c in "012"}


def test_nobody_to_compare_with_is_not_zero() -> None:
    groups = pd.DataFrame({"g": ["a"] * 5 + ["b"] * 50})
    found = by_group(conditional_gaps(groups, [0, 1] * 27 + [0], groups.rename(columns={"g": "s"})))["a"]
    assert math.isnan(found.conditional.value)
    assert found.verdict == "not_estimable"
    assert found.compared == 0
    assert "not estimable" in found.sentence


def test_a_legitimate_column_is_needed() -> None:
    with pytest.raises(DataError, match="nothing to compare like with like by"):
        conditional_gaps(pd.DataFrame({"g": ["a"]}), [0], pd.DataFrame(index=[0]))


def test_a_fair_world_is_not_accused() -> None:
    rng = np.random.default_rng(7)
    accused = 0
    for _ in range(60):
        level = rng.integers(0, 3, 900)
        groups = pd.DataFrame({"g": rng.choice(list("abcd"), 900)})
        y = (rng.random(900) < 0.2 + 0.2 * level).astype(int)
        found = conditional_gaps(groups, y, pd.DataFrame({"level": level}))
        accused += any(f.verdict == "fail" or f.simpson in ("appears", "reverses") for f in found)
    assert accused <= 6  # 5 % for the signs, less for "fail"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_customers_of_one_row_change_no_digit(task: Task) -> None:
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], 300)})
    legitimate, truth = pd.DataFrame({"job": rng.choice(list("abc"), 300)}), rng.integers(0, 2, 300)
    rows = conditional_gaps(groups, truth, legitimate, task=task)
    assert conditional_gaps(groups, truth, legitimate, task=task, cluster=rng.permutation(300)) == rows


def test_one_customer_alone_shows_nothing() -> None:
    groups, legitimate = pd.DataFrame({"sex": ["f", "m"] * 30}), pd.DataFrame({"job": ["a", "a", "b", "b"] * 15})
    found = conditional_gaps(groups, [0, 1, 1, 0] * 15, legitimate, cluster=np.zeros(60))
    assert {one.verdict for one in found} == {"inconclusive"}
    assert (found[0].conditional.low, found[0].conditional.high) == (-1.0, 1.0)
    assert not found[0].conditional_disparity.estimable


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_equal_groups_are_held_by_customer_as_often_as_is_said_and_by_row_far_less(task: Task) -> None:
    """Eighty customers of ten rows in jobs of different rates, each with a luck of its own; jobs change from row to row."""
    rng, owner, held = np.random.default_rng(6), np.repeat(np.arange(80), 10), {"rows": 0, "customers": 0}
    groups, names = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")}), {"rows": None, "customers": owner}
    both = dict.fromkeys(names, 0)
    for seed in range(150):
        job = rng.integers(0, 3, 800)
        chance = np.clip(0.25 + 0.25 * job / 2 + 0.25 * np.sign(rng.normal(size=80))[owner], 0, 1)
        truth = (rng.random(800) < chance).astype(int) if task == "binary" else chance + 0.2 * rng.normal(size=800)
        for name, cluster in names.items():
            found = conditional_gaps(groups, truth, pd.DataFrame({"job": job}), task=task, cluster=cluster, seed=seed)[
                0
            ]
            held[name] += found.conditional.low <= 0 <= found.conditional.high
            both[name] += found.conditional_disparity.low <= 0 <= found.conditional_disparity.high
    for count in (held, both) if task == "binary" else (held,):
        assert 0.9 <= count["customers"] / 150 <= 0.99, count
        assert count["rows"] / 150 < 0.85, count


def test_the_disparity_of_few_customers_is_held_and_that_of_fewer_than_five_is_not_estimable() -> None:
    """Customers with rates and shares of women of their own, which have nothing to do with one another."""
    rng, held = np.random.default_rng(8), {5: 0, 8: 0}
    for customers in held:
        owner = np.repeat(np.arange(customers), 30)
        for seed in range(150):
            rate, women = rng.uniform(0.05, 0.95, customers), rng.uniform(0.2, 0.8, customers)
            truth = (rng.random(len(owner)) < rate[owner]).astype(int)
            groups = pd.DataFrame({"sex": np.where(rng.random(len(owner)) < women[owner], "f", "m")})
            job = pd.DataFrame({"job": rng.integers(0, 2, len(owner))})
            found = conditional_gaps(groups, truth, job, cluster=owner, seed=seed)[0]
            held[customers] += found.disparity.low <= 0 <= found.disparity.high
    assert 0.88 <= held[5] / 150 <= 0.99, held  # without the stretch 0.85, and 0.83 of eight
    assert 0.91 <= held[8] / 150 <= 0.99, held
    few = conditional_gaps(groups, truth, job, cluster=owner // 2)[0]
    assert not few.disparity.estimable
    assert not few.conditional_disparity.estimable


def test_customers_who_are_all_of_one_side_are_no_draws_of_the_other() -> None:
    """A group of four customers beside sixty: of the group there are too few."""
    owner, rng = np.repeat(np.arange(64), 10), np.random.default_rng(9)
    truth, job = rng.integers(0, 2, 640), pd.DataFrame({"job": rng.integers(0, 2, 640)})
    for ours, told in ((4, False), (5, True)):
        groups = pd.DataFrame({"sex": np.where(owner < ours, "f", "m")})
        for found in conditional_gaps(groups, truth, job, cluster=owner):
            assert found.disparity.estimable == told

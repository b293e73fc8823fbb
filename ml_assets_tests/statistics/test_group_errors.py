"""How predicted numbers miss in every group: hand-worked, planted, and with too few rows."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.group_errors import group_errors
from ml_assets.statistics.group_figures import TOO_FEW, GroupFigure
from ml_assets.statistics.value import RegressionValue


def by_name(found: tuple[GroupFigure, ...]) -> dict[tuple[str, str], GroupFigure]:
    return {(one.metric, one.group): one for one in found}


def test_worked_by_hand() -> None:
    groups = pd.DataFrame({"sex": ["f"] * 4 + ["m"] * 4})
    residual = np.array([1.0, -1.0, 3.0, 1.0, 0.0, 2.0, -2.0, 4.0])
    found = by_name(group_errors(groups, np.zeros(8), residual, value=RegressionValue(-1, -3), currency="EUR"))
    assert found["mean_residual", "f"].value.value == 1.0
    assert found["mean_residual", "f"].rest.value == 1.0
    error = found["mean_absolute_error", "f"]
    assert [error.value.value, error.rest.value, error.gap.value] == pytest.approx([1.5, 2.0, 0.75])
    # logarithm ± 1.96 sqrt(1/4/1.5² + (8/3)/4/2²): variances 1 and 8/3 of the sizes 1 1 3 1 and 0 2 2 4
    half = 1.959964 * np.sqrt(1 / 4 / 2.25 + 8 / 3 / 4 / 4)
    assert error.gap.low == pytest.approx(0.75 * np.exp(-half), rel=1e-6)
    money = found["value_per_decision", "f"]
    assert (money.value.value, money.rest.value, money.value.unit) == (-2.0, -3.0, "EUR")
    assert found["residual_90", "m"].value.value == pytest.approx(np.quantile([0, 2, -2, 4], 0.9))
    assert found["residual_90", "m"].answer == TOO_FEW


def test_each_kind_of_unfair_error_is_found_by_its_own_figure() -> None:
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"g": np.repeat(["a", "b"], 4_000)})
    truth, noise = rng.normal(0, 2, 8_000), rng.normal(0, 1, 8_000)
    a = (groups["g"] == "a").to_numpy()
    fair = by_name(group_errors(groups, truth, truth + noise))
    assert {one.verdict for one in fair.values()} == {"pass"}
    shifted = by_name(group_errors(groups, truth, truth + noise + np.where(a, 1.0, 0.0)))
    assert shifted["mean_residual", "a"].verdict == "fail"
    wider = by_name(group_errors(groups, truth, truth + noise * np.where(a, 2.0, 1.0)))
    assert wider["mean_residual", "a"].verdict == "pass"
    assert wider["mean_absolute_error", "a"].verdict == "fail"
    assert {wider["residual_10", "a"].verdict, wider["residual_90", "a"].verdict} == {"fail"}
    skew = np.where(a & (rng.random(8_000) < 0.15), 3.0, 0.0)
    assert by_name(group_errors(groups, truth, truth + noise + skew))["residual_90", "a"].verdict == "fail"


def test_a_group_of_one_row_and_a_perfect_model() -> None:
    groups = pd.DataFrame({"g": ["a"] + ["b"] * 50})
    truth = np.arange(51.0)
    found = by_name(group_errors(groups, truth, truth + 1))
    assert found["mean_residual", "a"].answer == TOO_FEW
    assert found["mean_residual", "a"].n == 1
    perfect = by_name(group_errors(groups, truth, truth))
    assert perfect["mean_absolute_error", "b"].verdict == "not_estimable"
    assert perfect["mean_residual", "b"].value.value == 0.0


def test_crossed_columns_keep_the_attributes_they_are_made_of() -> None:
    groups = pd.DataFrame({"a": ["x", "y"] * 20, "a & b": ["x & 1", "y & 2"] * 20})
    found = group_errors(groups, np.zeros(40), np.ones(40), made_of={"a": ("a",), "a & b": ("a", "b")})
    assert {(one.attribute, one.depth) for one in found} == {("a", 1), ("a & b", 2)}


def told(one: GroupFigure) -> list[float]:
    return [
        one.value.low,
        one.value.high,
        one.rest.low,
        one.rest.high,
        one.gap.low,
        one.gap.high,
        one.detectable,
        one.n,
    ]


def test_clusters_of_one_row_change_nothing_and_copies_add_nothing() -> None:
    rng, copies = np.random.default_rng(2), np.repeat(np.arange(300), 10)
    groups, truth = pd.DataFrame({"sex": rng.choice(["f", "m"], 300)}), rng.normal(0, 3, 300)
    decision = truth + rng.normal(size=300)
    money = RegressionValue(-1, -3)
    plain = group_errors(groups, truth, decision, value=money)
    alone = group_errors(groups, truth, decision, value=money, cluster=rng.permutation(300).astype(str))
    many = group_errors(
        groups.iloc[copies].reset_index(drop=True), truth[copies], decision[copies], value=money, cluster=copies
    )
    for rows, single, copied in zip(plain, alone, many, strict=True):
        assert (single.metric, single.group, single.answer) == (rows.metric, rows.group, rows.answer)
        assert told(single) == pytest.approx(told(rows))
        assert copied.n == 10 * rows.n
        assert copied.gap.value == pytest.approx(rows.gap.value, abs=0.05)
        assert copied.gap.high - copied.gap.low == pytest.approx(rows.gap.high - rows.gap.low, rel=0.25)


def test_errors_of_equal_groups_by_customer_hold_as_often_as_they_say_and_by_row_far_less() -> None:
    rng, owner = np.random.default_rng(5), np.repeat(np.arange(80), 10)
    groups = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")})
    held: dict[str, Counter[str]] = {"rows": Counter(), "customers": Counter()}
    for _ in range(200):
        truth = rng.normal(size=80)[owner] + rng.normal(size=800)
        decision = truth + rng.normal(size=80)[owner] * (0.3 + 0.5 * rng.random(80)[owner]) + 0.5 * rng.normal(size=800)
        for name, cluster in (("rows", None), ("customers", owner)):
            for one in group_errors(groups, truth, decision, cluster=cluster):
                if one.group == "f":
                    held[name][one.metric] += one.gap.low <= (one.form == "ratio") <= one.gap.high
    assert len(held["customers"]) == 4
    assert min(held["customers"].values()) >= 0.91 * 200, held
    assert max(held["customers"].values()) <= 0.99 * 200, held
    assert max(held["rows"].values()) <= 0.82 * 200, held

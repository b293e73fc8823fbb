"""How predicted numbers miss in every group: hand-worked, planted, and with too few rows."""

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

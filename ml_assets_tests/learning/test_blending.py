"""A blend is the mean of its members, each fitted as it would be alone."""

import numpy as np
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.blending import (
    MEMBERS,
    alike,
    blend_of,
    declared_over,
    labels_of,
    numbered,
    of_blend,
    of_member,
)
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import Loss, row_loss
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable

OWN = {"xgboost": {"rounds": 40, "max_depth": 3}, "hist_gradient_boosting": {"max_iter": 25, "max_leaf_nodes": 7}}


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_it_says_the_mean_of_what_its_members_would_say(make_table: MakeTable, task: Task) -> None:
    table = make_table(task, n=400)
    blend = fit_candidate("blend", table, recipe=Recipe(of_blend(OWN), seed=3))
    alone = [fit_candidate(m, table, recipe=Recipe(OWN[m], seed=3)).predict(table.features) for m in MEMBERS]
    np.testing.assert_allclose(blend.predict(table.features), (alone[0] + alone[1]) / 2, rtol=1e-12)
    assert not np.array_equal(alone[0], alone[1])


def test_it_loses_less_than_its_members_do_on_average(make_table: MakeTable) -> None:
    """The loss is convex: true of every table (Jensen), by how much is what the benchmark measures."""
    table = make_table("regression", n=400)
    held = table.take("test")
    losses = {
        name: float(row_loss(held.truth, fit_candidate(name, table).predict(held.features), task="regression").mean())
        for name in ("blend", *MEMBERS)
    }
    assert losses["blend"] < (losses["xgboost"] + losses["hist_gradient_boosting"]) / 2


def test_names_of_members_go_in_and_out() -> None:
    assert of_blend({**OWN, "dummy": {"a": 1}}) == {
        "xgboost.rounds": 40,
        "xgboost.max_depth": 3,
        "hist_gradient_boosting.max_iter": 25,
        "hist_gradient_boosting.max_leaf_nodes": 7,
    }
    assert {m: of_member(of_blend(OWN), m) for m in MEMBERS} == OWN
    assert blend_of({m: FAMILIES[m].defaults for m in MEMBERS}) == FAMILIES["blend"].defaults
    assert FAMILIES["blend"].defaults["members"] == "xgboost, hist_gradient_boosting"
    assert [numbered("xgboost", n) for n in range(3)] == [(), ("xgboost",), ("xgboost", "xgboost_2")]


def test_a_family_can_take_part_several_times(make_table: MakeTable) -> None:
    table = make_table(n=400)
    given = blend_of({"xgboost": {"max_depth": 2}, "xgboost_2": {"max_depth": 6}})
    blend = fit_candidate("blend", table, recipe=Recipe(given))
    alone = [fit_candidate("xgboost", table, recipe=Recipe({"max_depth": d})).predict(table.features) for d in (2, 6)]
    np.testing.assert_allclose(blend.predict(table.features), (alone[0] + alone[1]) / 2, rtol=1e-12)
    assert blend.parameters["xgboost_2.learning_rate"] == FAMILIES["xgboost"].defaults["learning_rate"]
    assert not [name for name in blend.parameters if name.startswith("hist_gradient_boosting")]


@pytest.mark.parametrize(
    "members", ["", "xgboost, xgboost", "random_forest", "xgboost_1", "xgboost_3", "xgboost; xgboost_2", 3]
)
def test_members_that_cannot_be_read_are_refused(make_table: MakeTable, members: str | int) -> None:
    with pytest.raises(DeclarationError, match="Members of a blend cannot be read") as error:
        fit_candidate("blend", make_table(n=200), recipe=Recipe({"members": members}))
    assert repr(members) in str(error.value)
    assert labels_of({"members": "hist_gradient_boosting ,xgboost_2"}) == ("hist_gradient_boosting", "xgboost_2")


def test_what_is_declared_holds_against_what_was_found() -> None:
    found = blend_of({"xgboost": {"max_depth": 3, "reg_alpha": 0.1}, "xgboost_2": {"max_depth": 7}})
    of_family = declared_over(found, {"xgboost.max_depth": 5, "hist_gradient_boosting.max_iter": 40})
    assert of_family == {
        "members": "xgboost, xgboost_2",
        "xgboost.max_depth": 5,
        "xgboost.reg_alpha": 0.1,
        "xgboost_2.max_depth": 5,
    }
    of_members = declared_over(found, {"members": "xgboost_2, hist_gradient_boosting", "xgboost_2.reg_lambda": 2.0})
    assert of_members == {
        "members": "xgboost_2, hist_gradient_boosting",
        "xgboost_2.max_depth": 7,
        "xgboost_2.reg_lambda": 2.0,
    }
    assert declared_over({}, {}) == {"members": "xgboost, hist_gradient_boosting"}


def test_the_loss_and_the_directions_reach_both_members(make_table: MakeTable) -> None:
    table = make_table("regression", n=400)
    high, low = (
        fit_candidate("blend", table, recipe=Recipe(of_blend(OWN), loss=Loss("quantile", q))).predict(table.features)
        for q in (0.9, 0.1)
    )
    assert (high - low).mean() > 0.3
    falling = Recipe(of_blend(OWN), monotone={"signal": -1})
    steps = table.features.iloc[:50].assign(signal=np.linspace(-2, 2, 50), noise=0.0, colour="red")
    assert (np.diff(fit_candidate("blend", table, recipe=falling).predict(steps)) <= 1e-9).all()


def test_a_parameter_of_no_member_is_refused(make_table: MakeTable) -> None:
    with pytest.raises(DeclarationError, match="no such parameter"):
        fit_candidate("blend", make_table(n=200), recipe=Recipe({"max_depth": 3}))


def test_a_second_member_that_is_the_first_once_more_is_found() -> None:
    both = "xgboost, xgboost_2, hist_gradient_boosting"
    assert alike({}) == alike({"blend": {"xgboost.max_depth": 3}}) == ""
    assert alike({"blend": {"members": both}, "xgboost": {"max_depth": 3}}) == "xgboost"
    assert alike({"blend": {"members": both, "xgboost_2.max_depth": 3}, "xgboost": {"max_depth": 3}}) == "xgboost"
    assert alike({"blend": {"members": both, "xgboost_2.max_depth": 4}, "xgboost": {"max_depth": 3}}) == ""

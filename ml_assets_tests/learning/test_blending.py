"""A blend is the mean of its members, each fitted as it would be alone."""

import numpy as np
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.blending import MEMBERS, of_blend, of_member
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
    assert of_blend({m: FAMILIES[m].defaults for m in MEMBERS}) == FAMILIES["blend"].defaults


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

"""One recipe per family: the declared one until a search has found another."""

from pathlib import Path

from upath import UPath

from ml_assets.recipes import declared_recipe, recipe_of
from ml_assets.resources.store import SolutionStore
from ml_assets_tests.stages.declarations import STREAM, declared

MODEL = {"parameters": {"xgboost": {"max_depth": 3}}, "seed": 7, "monotone": {"income": -1}}


def test_the_declared_recipe() -> None:
    recipe = declared_recipe(declared(STREAM, model=MODEL), "xgboost")
    assert (recipe.parameters, recipe.seed, recipe.device) == ({"max_depth": 3}, 7, "cpu")
    assert recipe.monotone["income"] == -1
    assert recipe.loss.kind == "squared"
    assert declared_recipe(declared(STREAM, model=MODEL), "logistic_regression").parameters == {}


def test_a_blend_is_declared_by_its_members_or_under_its_own_name() -> None:
    own = {"xgboost": {"max_depth": 3}, "dummy": {}, "blend": {"hist_gradient_boosting.max_iter": 40}}
    recipe = declared_recipe(declared(STREAM, model={"parameters": own}), "blend")
    assert recipe.parameters == {"xgboost.max_depth": 3, "hist_gradient_boosting.max_iter": 40}
    nearer = {"xgboost": {"max_depth": 3}, "blend": {"xgboost.max_depth": 5}}
    assert declared_recipe(declared(STREAM, model={"parameters": nearer}), "blend").parameters == {
        "xgboost.max_depth": 5
    }


def test_a_blend_of_declared_members_gets_what_is_declared_of_their_families(tmp_path: Path) -> None:
    own = {
        "xgboost": {"max_depth": 3},
        "hist_gradient_boosting": {"max_iter": 40},
        "blend": {"members": "xgboost, xgboost_2", "xgboost_2.max_depth": 6},
    }
    solution, store = declared(STREAM, model={"parameters": own}), SolutionStore(UPath(tmp_path) / "stream")
    told = {"members": "xgboost, xgboost_2", "xgboost.max_depth": 3, "xgboost_2.max_depth": 6}
    assert declared_recipe(solution, "blend").parameters == told
    store.write_facts("candidates", {"models": {"blend": {"given": told | {"xgboost_2.reg_alpha": 0.5}}}})
    assert recipe_of(solution, store, "blend").parameters == told | {"xgboost_2.reg_alpha": 0.5}


def test_found_parameters_replace_the_declared_ones(tmp_path: Path) -> None:
    solution, store = declared(STREAM, model=MODEL), SolutionStore(UPath(tmp_path) / "stream")
    assert recipe_of(solution, store, "xgboost") == declared_recipe(solution, "xgboost")
    store.write_facts("candidates", {"models": {"xgboost": {"given": {"max_depth": 3, "reg_alpha": 0.5}}}})
    found = recipe_of(solution, store, "xgboost")
    assert found.parameters == {"max_depth": 3, "reg_alpha": 0.5}
    assert found.seed == 7
    harder = declared(STREAM, model={**MODEL, "parameters": {"xgboost": {"max_depth": 9}}})
    assert recipe_of(harder, store, "xgboost").parameters == {"max_depth": 9, "reg_alpha": 0.5}
    assert recipe_of(solution, store, "dummy") == declared_recipe(solution, "dummy")

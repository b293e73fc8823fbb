"""With what a family is trained: one answer for the first fit and for every later one."""

from typing import TYPE_CHECKING

from ml_assets.declaration import Solution
from ml_assets.resources.store import SolutionStore

if TYPE_CHECKING:
    from ml_assets.learning.job import Recipe


def declared_recipe(solution: Solution, family: str) -> "Recipe":
    """What the declaration says, before any search; a blend's members are declared under their own names, or under its."""
    from ml_assets.learning.blending import BLEND, of_blend
    from ml_assets.learning.job import Recipe

    model = solution.model
    shared = of_blend(model.parameters) if family == BLEND else {}
    return Recipe(
        {**shared, **model.parameters.get(family, {})}, model.seed, model.device, solution.training_loss, model.monotone
    )


def recipe_of(solution: Solution, store: SolutionStore, family: str) -> "Recipe":
    """The declared recipe with the parameters that the last search found for the family, if there was one.

    A family that is fitted again (without weights, for a remedy, on the past, to see whether it repeats) is fitted as the
    candidate was. What is declared by now holds against what was found before.
    """
    recipe = declared_recipe(solution, family)
    found = (store.find_facts("candidates") or {}).get("models", {}).get(family, {}).get("given")
    return recipe.given({**found, **recipe.parameters}) if found is not None else recipe

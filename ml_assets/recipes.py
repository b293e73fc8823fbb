"""With what a family is trained: one answer for the first fit and for every later one."""

from typing import TYPE_CHECKING

from ml_assets.declaration import Solution
from ml_assets.resources.store import SolutionStore

if TYPE_CHECKING:
    from ml_assets.learning.job import Recipe


def declared_recipe(solution: Solution, family: str) -> "Recipe":
    """What the declaration says, before any search; a blend's members are declared under their own names, or under its."""
    from ml_assets.learning.blending import BLEND, family_of, labels_of, of_blend
    from ml_assets.learning.job import Recipe

    model = solution.model
    own = model.parameters.get(family, {})
    labels = labels_of(own) if family == BLEND else ()
    shared = of_blend({label: model.parameters.get(family_of(label), {}) for label in labels})
    return Recipe({**shared, **own}, model.seed, model.device, solution.training_loss, model.monotone)


def recipe_of(solution: Solution, store: SolutionStore, family: str) -> "Recipe":
    """The declared recipe with the parameters that the last search found for the family, if there was one.

    A family that is fitted again (without weights, for a remedy, on the past, to see whether it repeats) is fitted as the
    candidate was. What is declared by now holds against what was found before.
    """
    from ml_assets.learning.blending import BLEND, declared_over

    recipe = declared_recipe(solution, family)
    found = (store.find_facts("candidates") or {}).get("models", {}).get(family, {}).get("given")
    if found is None:
        return recipe
    declared = recipe.parameters
    return recipe.given(declared_over(found, declared) if family == BLEND else {**found, **declared})

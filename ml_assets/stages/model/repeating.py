"""Whether the fits of a solution come out the same once more: what the check ``reproducible`` reads."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from ml_assets.declaration import Solution
from ml_assets.history import training_rows
from ml_assets.learning.artifact import load
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.refitting import ends_of_last_fit
from ml_assets.learning.remedies.repeating import Reweighed
from ml_assets.learning.reproduction import Fit, fitted_elsewhere
from ml_assets.recipes import recipe_of
from ml_assets.refits import remedy_of_last_fit, situation_of_last_fit
from ml_assets.releases import challenger, validated
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts

if TYPE_CHECKING:
    import pandas as pd


def reproduce(solution: Solution, store: SolutionStore, asked: "pd.DataFrame") -> Facts:
    """Fit the model of part 6, and the last fit that made the final one, in a second process; compare bit by bit.

    Both from the same rows, weights, recipes and seed. A last fit with a remedy that is not weights is left out: part 8's
    penalty is a fit of its own. ``digest``: sha256 of the scores of all fits, one after the other.
    """
    made = [_first_fit(solution, store)]
    if (last := _last_fit(solution, store)) is not None:
        made.append(last)
    here = [np.asarray(predictor.predict(asked), dtype=np.float64) for predictor, _ in made]
    there = fitted_elsewhere([fit for _, fit in made], asked)
    return {
        "equal": all(np.array_equal(one, two) for one, two in zip(here, there, strict=True)),
        "largest_difference": max(float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(here, there, strict=True)),
        "rows": len(asked),
        "fits": len(made),
        "digest": hashlib.sha256(b"".join(one.tobytes() for one in here)).hexdigest(),
    }


def _first_fit(solution: Solution, store: SolutionStore) -> tuple[Predictor, Fit]:
    predictor = load(store.folder("model", "current"), digest=store.read_facts("model")["digest"]).predictor
    recipe = recipe_of(solution, store, predictor.family)
    return predictor, Fit(predictor.family, training_rows(solution, store).table, recipe)


def _last_fit(solution: Solution, store: SolutionStore) -> tuple[Predictor, Fit] | None:
    facts = store.read_facts("mitigation")
    remedy = remedy_of_last_fit(facts)
    if not facts["refit"]["made"] or not isinstance(remedy, Reweighed):
        return None
    before = validated(store)
    situation = situation_of_last_fit(solution, store, before)
    joined = situation.joined(ends_of_last_fit(before, situation, remedy, in_time=solution.time_split))
    return challenger(store).predictor, Fit(before.predictor.family, remedy.weighted(joined), joined.recipe)

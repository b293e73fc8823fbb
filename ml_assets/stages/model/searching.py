"""The search of part 6 as the asset ``candidates`` runs it: folds of the training part, the live model as a start, facts and a plot."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import numpy as np

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.evidence import curve, table
from ml_assets.history import Learned, folds_of
from ml_assets.learning.resampling import Fold
from ml_assets.recipes import declared_recipe
from ml_assets.releases import live_model
from ml_assets.resources.registry import ModelRegistry
from ml_assets.resources.store import Facts

if TYPE_CHECKING:
    from ml_assets.learning.predictors import Parameters
    from ml_assets.learning.trials import SearchResult


def search_folds(solution: Solution, rows: Learned) -> tuple[Fold, ...]:
    """The declared number of folds of the training part; ``DataError`` that says what to do where a stream has too few batches."""
    try:
        return folds_of(solution, rows, count=solution.model.folds)
    except DataError as error:
        if not solution.time_split:
            raise
        raise DataError(
            "model.search has no history to roll over",
            got=f"{len(np.unique(rows.batch))} batches in the training part",
            allowed="at least 3",
            do="Wait for more batches, declare model.split: hash, or leave model.search out",
        ) from error


def look_for_parameters(
    solution: Solution,
    rows: Learned,
    names: tuple[str, ...],
    *,
    warm: "Mapping[str, Parameters]",
    log: Callable[[str], None],
) -> "SearchResult | None":
    """The declared search on the training part alone; None where none is declared.

    Validation rows choose between families, calibrate and set the threshold: parameters found on them would flatter all three.
    """
    from ml_assets.learning.search import Budget, search

    declared = solution.model.search
    if declared is None:
        return None
    train = rows.part("train")
    recipes = {name: declared_recipe(solution, name) for name in names}
    budget = Budget(declared.trials, declared.seconds, declared.pruning)
    return search(recipes, train.table, search_folds(solution, train), budget=budget, warm=warm, log=log)


def search_facts(found: "SearchResult") -> dict[str, Any]:
    """What is stored: every trial, and the curve of each family."""
    return {
        "sentence": found.sentence,
        "trials": list(found.trials),
        "curves": {
            name: list(points)
            for name in dict.fromkeys(trial.family for trial in found.trials)
            if (points := found.best_so_far(name))
        },
    }


def live_parameters(solution: Solution, models: ModelRegistry) -> dict[str, Any]:
    """Family → parameters of the model that is live: where a search for its successor begins."""
    live = live_model(models, solution.name)
    if live is None:
        return {}
    predictor = live.artifact().predictor
    return {predictor.family: dict(predictor.parameters)}


def shown_search(search: Facts | None) -> dict[str, Any]:
    """The search as the UI shows it: the sentence, the best trials, how the best fell trial by trial."""
    if search is None:
        return {}
    done = sorted((t for t in search["trials"] if t["state"] == "complete"), key=lambda t: t["loss"])
    rows = [{"family": t["family"], "loss": t["loss"], "seconds": t["seconds"]} | t["parameters"] for t in done[:10]]
    failed = [{"family": t["family"], "reason": t["reason"]} for t in search["trials"] if t["state"] == "failed"]
    shown: dict[str, Any] = {"search": search["sentence"], "best_trials": table(rows)}
    for name, points in search["curves"].items():
        picture = curve(f"{name}: lowest loss by trial", [(float(a), float(b)) for a, b in points])
        shown[f"search_{name}"] = dg.MetadataValue.md(picture)
    return shown | ({"failed_trials": table(failed[:10])} if failed else {})

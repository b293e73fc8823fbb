"""Small worlds with a known wrong: what is unfair in them was planted, and so was what is fair."""

from typing import Literal

import numpy as np
import pandas as pd

from ml_assets.learning.finishing import train
from ml_assets.learning.job import Recipe
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import default_value


def world(
    harm: float,
    *,
    n: int = 9_000,
    task: Task = "binary",
    favourable: int = 1,
    metrics: dict[str, float] | None = None,
    allowed: Literal["forbidden", "allowed"] = "forbidden",
    family: str = "logistic_regression",
    budget: float = 0.2,
) -> Situation:
    """Women (half) succeed less often by ``harm`` in log odds; ``hint`` tells sex apart nine times in ten."""
    rng = np.random.default_rng(7)
    women = rng.random(n) < 0.5
    merit = rng.normal(size=n)
    hint = np.where(rng.random(n) < 0.9, women, ~women).astype(float)
    odds = 2.0 * merit - harm * women + harm / 2
    truth = {
        "binary": (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float),
        "multiclass": np.digitize(odds + rng.logistic(size=n), [-1.0, 1.0]),
        "regression": odds + rng.normal(size=n),
    }[task]
    classes = {"binary": ("no", "yes"), "multiclass": ("low", "mid", "high"), "regression": ()}[task]
    part = np.where(np.arange(n) % 3 == 0, "validation", "train")
    features = pd.DataFrame({"merit": merit, "hint": hint})
    table = TrainingTable(features, truth, part, np.ones(n), np.arange(n), task, classes)
    value = default_value(task, max(len(classes), 2))
    recipe = Recipe({"rounds": 40, "max_depth": 3} if family == "xgboost" else {})
    base = train(family, table, solution="world", value=value, recipe=recipe).artifact
    groups = pd.DataFrame({"sex": np.where(women, "f", "m")})
    gates = metrics or {"equal_opportunity_difference": 0.1}
    return Situation(
        base, table, groups, value, favourable, gates, accuracy_budget=budget, group_at_decision=allowed,
        recipe=recipe,
    )  # fmt: skip

"""Small tables with a known truth, for every task."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task

MakeTable = Callable[..., TrainingTable]

CLASSES: dict[Task, tuple[str, ...]] = {"binary": ("no", "yes"), "multiclass": ("low", "mid", "high"), "regression": ()}


def _make_table(task: Task = "binary", *, n: int = 900, seed: int = 0) -> TrainingTable:
    """``signal`` and ``colour`` decide the truth, ``noise`` does not; some of each is missing."""
    rng = np.random.default_rng(seed)
    signal, colour = rng.normal(size=n), rng.choice(["red", "green", "blue"], n)
    latent = 2.0 * signal + 1.5 * (colour == "red") + 0.5 * rng.normal(size=n)
    truth = {
        "binary": (latent > 0.5).astype(float),
        "multiclass": np.digitize(latent, [-1.0, 1.5]),
        "regression": 10.0 + latent,
    }[task]
    features = pd.DataFrame({"signal": signal, "colour": colour, "noise": rng.normal(size=n)})
    features.loc[rng.random(n) < 0.05, "noise"] = np.nan
    features.loc[rng.random(n) < 0.05, "colour"] = None
    part = np.where(np.arange(n) % 5 == 3, "validation", np.where(np.arange(n) % 5 == 4, "test", "train"))
    return TrainingTable(features, truth, part, np.ones(n), np.arange(n), task, CLASSES[task])


@pytest.fixture
def make_table() -> MakeTable:
    """``make_table(task, n=…, seed=…)``."""
    return _make_table

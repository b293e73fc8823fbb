"""A fit made once more in a process of its own: what depends on the hash seed, on leftovers in memory or on order shows."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import Loss
from ml_assets.learning.preprocessing import FloatArray
from ml_assets.learning.table import TrainingTable

FEATURES, ROWS, ORDER, ASKED, SCORES = "features.parquet", "rows.npz", "order.json", "asked.parquet", "scores.npy"
HASH_SEED = "4211"
"""Another one than any default: the order of sets of texts differs from that of the first process."""


def fitted_elsewhere(family: str, table: TrainingTable, recipe: Recipe, asked: pd.DataFrame) -> FloatArray:
    """Scores of the rows ``asked`` by the family fitted on ``table`` in a new interpreter, (n,) or (n, K).

    Raises ``DataError`` with the last lines of its output when the process fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, family, table, recipe, asked)
        environment = {
            **os.environ,
            "PYTHONHASHSEED": HASH_SEED,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        }
        command = [sys.executable, "-m", "ml_assets.learning.reproduction", scratch]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise DataError(
                f"{family} could not be fitted in a second process",
                got="; ".join(done.stderr.strip().splitlines()[-3:]),
                allowed="the fit that the first process made",
                do="Make the features and the candidate importable from the python path",
            )
        return np.asarray(np.load(folder / SCORES), dtype=np.float64)


def _write(folder: Path, family: str, table: TrainingTable, recipe: Recipe, asked: pd.DataFrame) -> None:
    table.features.to_parquet(folder / FEATURES)
    asked.to_parquet(folder / ASKED)
    np.savez(folder / ROWS, truth=table.truth, part=table.part, weight=table.weight)
    order = {"family": family, "task": table.task, "classes": table.classes, "recipe": asdict(recipe)}
    (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")


def _answer(folder: Path) -> None:
    order: dict[str, Any] = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    recipe = Recipe(**{**order["recipe"], "loss": Loss(**order["recipe"]["loss"])})
    with np.load(folder / ROWS) as rows:
        truth, part, weight = (rows[name] for name in ("truth", "part", "weight"))
    features = pd.read_parquet(folder / FEATURES)
    table = TrainingTable(features, truth, part, weight, np.arange(len(truth)), order["task"], tuple(order["classes"]))
    predictor = fit_candidate(order["family"], table, recipe=recipe)
    np.save(folder / SCORES, predictor.predict(pd.read_parquet(folder / ASKED)))


if __name__ == "__main__":
    _answer(Path(sys.argv[1]))
    # The answer is on disk. Thread pools of native libraries now and then abort an interpreter that tears them down.
    os._exit(0)

"""Fits made once more in a process of its own: what depends on the hash seed, on leftovers in memory or on order shows."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, eq=False)
class Fit:
    """What is fitted once more: a family on a table, by a recipe."""

    family: str
    table: TrainingTable
    recipe: Recipe


def fitted_elsewhere(fits: Sequence[Fit], asked: pd.DataFrame) -> list[FloatArray]:
    """Scores of the rows ``asked`` by each fit, made again one after the other in one new interpreter: (n,) or (n, K).

    Raises ``DataError`` with the last lines of its output when the process fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / str(number) for number in range(len(fits))]
        for folder, fit in zip(folders, fits, strict=True):
            _write(folder, fit, asked)
        environment = {
            **os.environ,
            "PYTHONHASHSEED": HASH_SEED,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        }
        command = [sys.executable, "-m", "ml_assets.learning.reproduction", *map(str, folders)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            raise DataError(
                f"{', '.join(sorted({fit.family for fit in fits}))} could not be fitted in a second process",
                got="; ".join(done.stderr.strip().splitlines()[-3:]),
                allowed="the fit that the first process made",
                do="Make the features and the candidate importable from the python path",
            )
        return [np.asarray(np.load(folder / SCORES), dtype=np.float64) for folder in folders]


def _write(folder: Path, fit: Fit, asked: pd.DataFrame) -> None:
    table = fit.table
    folder.mkdir()
    table.features.to_parquet(folder / FEATURES)
    asked.to_parquet(folder / ASKED)
    rows: dict[str, Any] = {"truth": table.truth, "part": table.part, "weight": table.weight}
    if table.cluster is not None:
        rows["cluster"] = table.cluster.astype(str)
    np.savez(folder / ROWS, **rows)
    order = {"family": fit.family, "task": table.task, "classes": table.classes, "recipe": asdict(fit.recipe)}
    (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")


def _answer(folder: Path) -> None:
    order: dict[str, Any] = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    recipe = Recipe(**{**order["recipe"], "loss": Loss(**order["recipe"]["loss"])})
    with np.load(folder / ROWS) as rows:
        truth, part, weight = (rows[name] for name in ("truth", "part", "weight"))
        cluster = rows.get("cluster")
    features = pd.read_parquet(folder / FEATURES)
    table = TrainingTable(
        features, truth, part, weight, np.arange(len(truth)), order["task"], tuple(order["classes"]), cluster
    )
    predictor = fit_candidate(order["family"], table, recipe=recipe)
    np.save(folder / SCORES, predictor.predict(pd.read_parquet(folder / ASKED)))


if __name__ == "__main__":
    for named in sys.argv[1:]:
        _answer(Path(named))
    # The answers are on disk. Thread pools of native libraries now and then abort an interpreter that tears them down.
    os._exit(0)

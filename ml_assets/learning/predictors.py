"""A fitted model that scores raw rows, and how it is stored without executable code: JSON, UBJ or skops (read back by ``reading``)."""

import importlib
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from ml_assets.learning.design import Design, logistic, softmax
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, prepare
from ml_assets.learning.trust import store_trusted
from ml_assets.learning.wide_levels import NARROW, WideLevels
from ml_assets.statistics.metrics import Task

Parameter = float | int | str | bool | None
Parameters = Mapping[str, Parameter]

MODEL_JSON = "model.json"
MODEL_UBJ = "model.ubj"
MODEL_SKOPS = "model.skops"
THREADS = 2
PARALLEL_CELLS = 1_000_000
"""From this many cells (rows x columns) on a second thread pays; below, threads mostly wait for each other."""
CHUNK = 50_000
"""Rows per pass of a linear model: bounds the memory of its design matrix."""


class Predictor(Protocol):
    """A fitted model.

    ``predict(frame)`` takes raw features and returns P(positive) (n,), class probabilities (n, K) or values (n,).
    ``save(directory)`` writes its files and returns their names; ``reading.load_predictor`` reads them back.
    """

    @property
    def kind(self) -> str:
        """How it is stored: "linear-json", "xgboost-ubj", "skops" or "blend"."""

    @property
    def family(self) -> str:
        """The candidate it was fitted as."""

    @property
    def parameters(self) -> Parameters:
        """What it was fitted with, defaults included."""

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The input columns it needs."""

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Scores of raw rows."""

    def save(self, directory: Path) -> tuple[str, ...]:
        """Write the model into an existing directory; names of the files written."""


@dataclass(frozen=True, eq=False)
class LinearPredictor:
    """link(intercept + design @ coefficients); the whole model is readable JSON, scored with numpy alone.

    ``intercept`` (K,), ``coefficients`` (columns, K); K = 1 unless multiclass.
    """

    family: str
    parameters: Parameters
    specs: tuple[FeatureSpec, ...]
    design: Design
    intercept: FloatArray
    coefficients: FloatArray
    link: Literal["identity", "logistic", "softmax"]
    kind: Literal["linear-json"] = "linear-json"

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Scores of raw rows."""
        prepared = prepare(frame, self.specs)
        parts = [self._margin(prepared.iloc[start : start + CHUNK]) for start in range(0, len(prepared), CHUNK)]
        margin = np.concatenate(parts) if parts else np.empty((0, len(self.intercept)))
        if self.link == "softmax":
            return softmax(margin)
        return margin[:, 0] if self.link == "identity" else logistic(margin[:, 0])

    def save(self, directory: Path) -> tuple[str, ...]:
        """Write ``model.json``."""
        state = {
            "design": self.design.to_dict(),
            "intercept": self.intercept.tolist(),
            "coefficients": self.coefficients.tolist(),
            "link": self.link,
        }
        return _write(self, directory, state)

    def _margin(self, prepared: pd.DataFrame) -> FloatArray:
        return np.asarray(self.intercept + self.design.matrix(prepared) @ self.coefficients, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class XGBoostPredictor:
    """Boosted trees through the Booster API: scoring imports xgboost and nothing else of the learning stack.

    ``booster`` is set to one thread, so that it may be asked from many at once.
    """

    family: str
    parameters: Parameters
    specs: tuple[FeatureSpec, ...]
    booster: Any
    task: Task
    n_classes: int
    wide: WideLevels = NARROW
    kind: Literal["xgboost-ubj"] = "xgboost-ubj"

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Scores of raw rows."""
        matrix = np.asarray(self.wide.matrix(prepare(frame, self.specs), self.specs), dtype=np.float32)
        if not len(matrix):
            return np.empty((0, self.n_classes)) if self.task == "multiclass" else np.empty(0)
        # Names and types were checked by prepare; the in-place path skips building a DMatrix.
        booster = self.booster
        if threads(matrix.size) > 1:
            # A copy: a service may be scoring on other threads, and parameters of a booster in use must not change.
            booster = booster.copy()
            booster.set_param({"nthread": THREADS})
        return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float64)

    def save(self, directory: Path) -> tuple[str, ...]:
        """Write ``model.json`` and ``model.ubj``."""
        (directory / MODEL_UBJ).write_bytes(bytes(self.booster.save_raw("ubj")))
        state = {"task": self.task, "n_classes": self.n_classes, **_wide_state(self.wide)}
        return (*_write(self, directory, state), MODEL_UBJ)


@dataclass(frozen=True, eq=False)
class SkopsPredictor:
    """A scikit-learn estimator.

    ``inputs`` is what it is fed: "codes" (numbers and category codes, nan = missing), "design" (the matrix of the
    linear models) or "frame" (prepared DataFrame, for a Pipeline that does its own preprocessing). ``n_classes`` is 0
    for regression; probabilities of classes absent from training are 0.
    """

    family: str
    parameters: Parameters
    specs: tuple[FeatureSpec, ...]
    estimator: Any
    inputs: Literal["codes", "design", "frame"]
    design: Design | None
    task: Task
    n_classes: int
    trusted: tuple[str, ...] = ()
    wide: WideLevels = NARROW
    kind: Literal["skops"] = "skops"

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Scores of raw rows."""
        if not len(frame):
            return np.empty((0, self.n_classes)) if self.task == "multiclass" else np.empty(0)
        prepared = prepare(frame, self.specs)
        rows: Any = self.wide.matrix(prepared, self.specs) if self.inputs == "codes" else prepared
        rows = self.design.matrix(prepared) if self.design is not None else rows
        with limited(len(frame) * len(self.specs)):
            if self.task == "regression":
                return np.asarray(self.estimator.predict(rows), dtype=np.float64)
            known = self.estimator.predict_proba(rows)
        scores = np.zeros((len(frame), self.n_classes))
        scores[:, np.asarray(self.estimator.classes_, dtype=np.int64)] = known
        return scores if self.task == "multiclass" else scores[:, 1]

    def save(self, directory: Path) -> tuple[str, ...]:
        """Write ``model.json`` and ``model.skops``; an estimator that could not be loaded again is refused here."""
        (directory / MODEL_SKOPS).write_bytes(store_trusted(self.estimator, trusted=self.trusted))
        state = {
            "inputs": self.inputs,
            "design": None if self.design is None else self.design.to_dict(),
            "task": self.task,
            "n_classes": self.n_classes,
            **_wide_state(self.wide),
        }
        return (*_write(self, directory, state), MODEL_SKOPS)


@dataclass(frozen=True, eq=False)
class BlendPredictor:
    """The mean of what several models say; each is stored in its own way, its files named ``label.file``."""

    family: str
    parameters: Parameters
    members: tuple[Predictor, ...]
    labels: tuple[str, ...]
    kind: Literal["blend"] = "blend"

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The input columns the members need; all need the same."""
        return self.members[0].specs

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        """Scores of raw rows."""
        return np.asarray(np.mean([member.predict(frame) for member in self.members], axis=0), dtype=np.float64)

    def save(self, directory: Path) -> tuple[str, ...]:
        """Write ``model.json`` and the files of the members."""
        names = list(_write(self, directory, {"members": list(self.labels)}))
        for label, member in zip(self.labels, self.members, strict=True):
            with TemporaryDirectory(dir=directory) as own:
                for name in member.save(Path(own)):
                    (Path(own) / name).rename(directory / f"{label}.{name}")
                    names.append(f"{label}.{name}")
        return tuple(names)


def threads(cells: int) -> int:
    """Threads for a table of this many cells: a function of the data alone, so that a fit repeats bit by bit."""
    return THREADS if cells >= PARALLEL_CELLS else 1


def limited(cells: int) -> AbstractContextManager[object]:
    """While open, scikit-learn's and numpy's own thread pools have as many threads as a table of this size gets.

    Their idle threads spin: on a busy machine a small table then costs many times its work.
    """
    # threadpoolctl, which scikit-learn brings, has no type information.
    pools: Any = importlib.import_module("threadpoolctl")
    limit: AbstractContextManager[object] = pools.threadpool_limits(limits=threads(cells))
    return limit


def feature_types(specs: Sequence[FeatureSpec], wide: WideLevels) -> list[str]:
    """xgboost's type of each matrix column: "c" a category, "q" a number."""
    return ["c" if spec.kind == "categorical" else "q" for spec in specs] + ["q"] * wide.width


def _wide_state(wide: WideLevels) -> dict[str, Any]:
    """Nothing for a model without wide categories, whose files stay as they always were."""
    return {"wide": wide.to_list()} if wide.columns else {}


def _write(predictor: Predictor, directory: Path, state: Mapping[str, Any]) -> tuple[str, ...]:
    common = {
        "kind": predictor.kind,
        "family": predictor.family,
        "parameters": dict(predictor.parameters),
        "specs": [asdict(spec) for spec in predictor.specs],
    }
    (directory / MODEL_JSON).write_text(json.dumps({**common, **state}, sort_keys=True), encoding="utf-8")
    return (MODEL_JSON,)

"""What each input adds to each answer (SHAP values), where a family has them exactly: xgboost's own, and linear models."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.predictors import LinearPredictor, Predictor, XGBoostPredictor, feature_types
from ml_assets.learning.preprocessing import FloatArray, prepare
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate

SCALES = {"binary": "log odds", "multiclass": "log odds up to a constant", "regression": "units of the target"}
_BATCH = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """Of n rows: ``values`` (n, inputs, K) add up, with ``base`` (K,), to ``margin`` (n, K); K = 1 unless multiclass.

    The margin is the answer before the link (log odds of a probability) and before any calibration, in ``scale``.
    ``method`` says over which rows the average was taken from which each contribution counts.
    """

    features: tuple[str, ...]
    values: FloatArray
    base: FloatArray
    margin: FloatArray
    scale: str
    method: str


def contributions(artifact: SolutionArtifact, frame: pd.DataFrame, *, background: pd.DataFrame) -> Contributions | None:
    """SHAP values of raw rows, one per input column: all columns of its one-hot encoding are summed. None where a family
    has none of its own (:func:`unavailable`).

    xgboost: exact for its trees, averages weighted by the training rows on each path. Linear models: exact for inputs
    changed one by one, coefficient times (value less the mean of ``background``, the training rows). Both say what the
    model does, not what causes the outcome; of two inputs that say the same, how the two share is the model's choice.
    Sources: Lundberg and Lee, NeurIPS 2017, corollary 1 (linear); Lundberg and others, Nature Machine Intelligence 2,
    2020 (trees).
    """
    predictor = artifact.predictor
    if isinstance(predictor, XGBoostPredictor):
        values, base, margin = _of_trees(predictor, frame)
        method = "exact for the trees, averages over the training rows on each path"
    elif isinstance(predictor, LinearPredictor):
        values, base, margin = _of_line(predictor, frame, background)
        method = "exact for a linear model, from the average of the training rows"
    else:
        return None
    features = tuple(spec.name for spec in predictor.specs)
    return Contributions(features, values, base, margin, SCALES[artifact.task], method)


def unavailable(predictor: Predictor) -> str:
    """Why there are no contributions."""
    return f"not available for this family ({predictor.family}): it has no exact contributions of its own"


def mean_sizes(
    found: Contributions, *, cluster: NDArray[Any] | None = None, level: float = 0.95
) -> tuple[Estimate, ...]:
    """Mean size |contribution| of every input over the rows, largest first; summed over classes.

    In the scale of the margin; 0 = the input never moves an answer. The interval is Student's over rows, those of one
    ``cluster`` (n,) being one draw, of this model: another training sample gives another model, which it does not cover.
    """
    sizes = np.abs(found.values).sum(axis=2)
    means = [clustered_mean(sizes[:, at], cluster) for at in range(len(found.features))]
    named = zip(means, found.features, strict=True)
    estimates = [mean.estimate(name, unit=found.scale, level=level) for mean, name in named]
    return tuple(sorted(estimates, key=lambda one: (-one.value, one.name)))


_Parts = tuple[FloatArray, FloatArray, FloatArray]


def _of_trees(predictor: XGBoostPredictor, frame: pd.DataFrame) -> _Parts:
    """xgboost's pred_contribs: (n, inputs + 1), or (n, K, inputs + 1), the last being the base of every row."""
    outputs = predictor.n_classes if predictor.task == "multiclass" else 1
    owner = predictor.wide.owners(predictor.specs)
    width = len(owner)
    parts = list(_tree_batches(predictor, frame))
    whole = np.concatenate(
        [part.reshape(-1, outputs, width + 1) for part, _ in parts] or [np.empty((0, outputs, width + 1))]
    )
    margin = np.concatenate([margin.reshape(-1, outputs) for _, margin in parts] or [np.empty((0, outputs))])
    base = whole[0, :, -1] if len(whole) else np.full(outputs, np.nan)
    values = np.swapaxes(whole[:, :, :-1], 1, 2)
    own = values[:, : len(predictor.specs)].copy()
    for at in range(len(predictor.specs), width):  # what a category says as a number is its own, too
        own[:, owner[at]] += values[:, at]
    return own, base, margin


def _tree_batches(predictor: XGBoostPredictor, frame: pd.DataFrame) -> Iterator[tuple[FloatArray, FloatArray]]:
    import xgboost

    x = predictor.wide.matrix(prepare(frame, predictor.specs), predictor.specs).astype(np.float32)
    for start in range(0, len(x), _BATCH):
        matrix = xgboost.DMatrix(
            x[start : start + _BATCH],
            feature_names=predictor.booster.feature_names,
            feature_types=feature_types(predictor.specs, predictor.wide),
            enable_categorical=True,
            nthread=1,
        )
        shares = predictor.booster.predict(matrix, pred_contribs=True)
        margin = predictor.booster.predict(matrix, output_margin=True)
        yield np.asarray(shares, dtype=np.float64), np.asarray(margin, dtype=np.float64)


def _of_line(predictor: LinearPredictor, frame: pd.DataFrame, background: pd.DataFrame) -> _Parts:
    """coefficient · (column - its mean), columns of one input summed."""
    x = predictor.design.matrix(prepare(frame, predictor.specs))
    mean = predictor.design.matrix(prepare(background, predictor.specs)).mean(axis=0)
    margin = predictor.intercept + x @ predictor.coefficients
    values = np.zeros((len(x), len(predictor.specs), len(predictor.intercept)))
    for at, columns in enumerate(_columns_of(predictor)):
        values[:, at, :] = (x[:, columns] - mean[columns]) @ predictor.coefficients[columns]
    return values, np.asarray(predictor.intercept + mean @ predictor.coefficients, dtype=np.float64), margin


def _columns_of(predictor: LinearPredictor) -> list[NDArray[np.int64]]:
    """Positions of the design columns of every input, in the order of the inputs."""
    owner = [column.name for column in predictor.design.columns for _ in column.names()]
    return [np.flatnonzero([name == spec.name for name in owner]) for spec in predictor.specs]

"""What a model's answers rest on: how much worse it gets without each input, and which way each one moves the score."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.losses import row_loss
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, prepare
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate

BAND = (0.1, 0.9)
"""Quantiles of the rows' own curves between which the band of a partial dependence lies."""
RowLoss = Callable[[NDArray[Any], FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class FeatureImportance:
    """``importance``: rise of the mean loss when the feature is shuffled; ``share`` of all rises, 0..1, sums to 1.

    0 = the answers do as well without it (all shares are 0 when no feature has a rise).
    """

    feature: str
    importance: Estimate
    share: float


@dataclass(frozen=True, slots=True)
class PartialPoint:
    """Mean score when every row has this ``value`` (a number, or a category) of the feature.

    ``rows_low``, ``rows_high``: between them lie the scores of 80 % of the rows (quantiles of their own curves, ICE).
    """

    value: float | str
    score: Estimate
    rows_low: float
    rows_high: float


@dataclass(frozen=True, slots=True)
class PartialDependence:
    """How the mean score follows one feature, all others left as they are."""

    feature: str
    points: tuple[PartialPoint, ...]


def permutation_importance(
    artifact: SolutionArtifact,
    table: TrainingTable,
    *,
    loss: RowLoss | None = None,
    repeats: int = 5,
    seed: int = 0,
    max_rows: int = 5000,
    level: float = 0.95,
) -> tuple[FeatureImportance, ...]:
    """Importance of every input, highest first: mean of (loss with the column shuffled - loss), over rows and repeats.

    ``table``: rows the model was not fitted on. ``loss(truth, score)`` gives a loss per row, lower is better (default:
    ``row_loss`` of the task, in nats or squared units). The interval is Student's over rows, or over the clusters of the
    table, each row's rise being averaged over ``repeats`` shuffles. More than ``max_rows`` rows are sampled.

    Of two columns that say the same, each may look unimportant: the other one stands in. It is a figure about this
    model, not about causes. Raises ``DataError`` for a table without rows.
    Source: Breiman, Random Forests, Machine Learning 45, 2001; Fisher and others, JMLR 20(177), 2019.
    """
    rows = _sample(table, max_rows, seed)
    of_rows: RowLoss = loss if loss is not None else lambda truth, score: row_loss(truth, score, task=table.task)
    prepared = prepare(rows.features, artifact.specs)
    base = of_rows(rows.truth, artifact.score(prepared))
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(rows)) for _ in range(repeats)]
    rises = {
        spec.name: np.mean([of_rows(rows.truth, _shuffled(artifact, prepared, spec, o)) - base for o in orders], axis=0)
        for spec in artifact.specs
    }
    total = sum(max(float(rise.mean()), 0.0) for rise in rises.values())
    found = [_importance(name, rise, total, level, rows.cluster) for name, rise in rises.items()]
    return tuple(sorted(found, key=lambda one: (-one.importance.value, one.feature)))


def partial_dependence(
    artifact: SolutionArtifact,
    table: TrainingTable,
    features: Sequence[str],
    *,
    code: int = 0,
    points: int = 10,
    max_rows: int = 500,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[PartialDependence, ...]:
    """Mean score over the rows with a feature set to each of up to ``points`` values: quantiles, or categories.

    ``code`` picks the class of a multiclass score. The interval is that of the mean over rows (clusters); the band between the
    10 % and the 90 % quantile of the rows shows how much they differ, and neither covers that another sample gives
    another model. Where features move together it shows rows that cannot exist. Raises ``DataError`` for a feature that
    is no input.
    Sources: Friedman, Annals of Statistics 29(5), 2001; Goldstein and others, Journal of Computational and Graphical
    Statistics 24, 2015 (individual curves).
    """
    rows = _sample(table, max_rows, seed)
    specs = {spec.name: spec for spec in artifact.specs}
    if unknown := [name for name in features if name not in specs]:
        raise DataError("Not an input of the model", got=unknown, allowed=list(specs), do="Name inputs")
    prepared = prepare(rows.features, artifact.specs)
    return tuple(
        PartialDependence(
            name,
            tuple(
                _point(artifact, prepared, specs[name], value, code, level, rows.cluster)
                for value in _grid(prepared[name], specs[name], points)
            ),
        )
        for name in features
    )


def _sample(table: TrainingTable, max_rows: int, seed: int) -> TrainingTable:
    if not len(table):
        raise DataError("No rows to explain with", got="0 rows", allowed="labelled rows", do="Give the validation part")
    if len(table) <= max_rows:
        return table
    index = np.random.default_rng(seed).choice(len(table), size=max_rows, replace=False)
    return table.rows(np.sort(index))


def _shuffled(
    artifact: SolutionArtifact, prepared: pd.DataFrame, spec: FeatureSpec, order: NDArray[np.int64]
) -> FloatArray:
    return artifact.score(prepared.assign(**{spec.name: prepared[spec.name].array[order]}))


def _importance(
    name: str, rise: FloatArray, total: float, level: float, cluster: NDArray[Any] | None
) -> FeatureImportance:
    estimate = clustered_mean(rise, cluster).estimate("rise of the loss", level=level)
    return FeatureImportance(name, estimate, max(estimate.value, 0.0) / total if total > 0 else 0.0)


def _grid(column: "pd.Series[Any]", spec: FeatureSpec, points: int) -> list[float | str]:
    if spec.kind == "categorical":
        counts = column.value_counts()
        heaviest = sorted(zip(-counts.to_numpy(), counts.index.astype(str), strict=True))
        return [level for count, level in heaviest[:points] if count < 0]
    values = column.dropna().to_numpy(dtype=np.float64)
    if not len(values):
        return []
    # From 2 % to 98 %: a curve drawn to the extremes shows where there are no rows.
    return [float(v) for v in np.unique(np.quantile(values, np.linspace(0.02, 0.98, points), method="nearest"))]


def _point(
    artifact: SolutionArtifact,
    prepared: pd.DataFrame,
    spec: FeatureSpec,
    value: float | str,
    code: int,
    level: float,
    cluster: NDArray[Any] | None,
) -> PartialPoint:
    if spec.kind == "categorical":
        column: Any = pd.Categorical.from_codes(
            [spec.categories.index(str(value))] * len(prepared), categories=pd.Index(spec.categories, dtype=object)
        )
    else:
        column = np.full(len(prepared), float(value))
    score = artifact.score(prepared.assign(**{spec.name: column}))
    score = score[:, code] if score.ndim == 2 else score
    mean = clustered_mean(score, cluster).estimate("mean score", level=level)
    bottom, top = np.quantile(score, BAND).tolist()
    return PartialPoint(value, mean, bottom, top)

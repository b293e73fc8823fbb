"""Losses of rows that a candidate did not learn from: what the choice between candidates rests on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import row_loss
from ml_assets.learning.resampling import Fold, fold_table
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.arrays import FloatArray

ENOUGH = 1_000
"""Validation rows, or clusters of them, from which they choose alone: fewer seldom tell two good candidates apart."""


def enough(validation: TrainingTable) -> bool:
    """Whether validation rows choose alone; rows of a cluster are one draw."""
    return (len(validation) if validation.cluster is None else len(np.unique(validation.cluster))) >= ENOUGH


def held_out_losses(score: Callable[[pd.DataFrame], FloatArray], rows: TrainingTable, recipe: Recipe) -> FloatArray:
    """Loss of every row (n,) by what the recipe minimises; ``score`` answers raw rows."""
    answers = np.asarray(score(rows.features), dtype=np.float64)
    return row_loss(rows.truth, answers, task=rows.task, loss=recipe.loss)


def choosing_losses(
    name: str,
    score: Callable[[pd.DataFrame], FloatArray],
    table: TrainingTable,
    *,
    recipe: Recipe,
    folds: Sequence[Fold] = (),
) -> FloatArray:
    """Losses that a candidate is chosen by (m,): of the validation rows, then of the rows that each fold holds out.

    ``score`` is the answer of the model that learned from the "train" rows.
    ``folds`` of the "train" rows: the candidate is fitted once more for each, on its teaching rows. Parameters that a search
    found on the same folds flatter those rows a little; the choice within one standard error bears it.
    """
    train = table.take("train")
    losses = [held_out_losses(score, table.take("validation"), recipe)]
    for fold in folds:
        part = fold_table(train, fold)
        losses.append(held_out_losses(fit_candidate(name, part, recipe=recipe).predict, part.take("test"), recipe))
    return np.concatenate(losses)


def choosing_clusters(table: TrainingTable, folds: Sequence[Fold] = ()) -> NDArray[Any] | None:
    """What those rows share (m,); None where every row stands alone."""
    if table.cluster is None:
        return None
    train, validation = table.take("train"), table.take("validation")
    assert train.cluster is not None
    assert validation.cluster is not None
    return np.concatenate([validation.cluster, *(train.cluster[fold.held] for fold in folds)])

"""Where a fitted solution does worse than it promises: slices found on validation rows and tested on test rows."""

import numpy as np
import pandas as pd

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.losses import CLIP, SQUARED, Loss, row_loss
from ml_assets.learning.preprocessing import FloatArray
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.slices import FEWEST, MARGIN, LossRows, WorstSlices, worst_slices


def weak_slices(
    models: tuple[SolutionArtifact, SolutionArtifact],
    tables: tuple[TrainingTable, TrainingTable],
    *,
    groups: tuple[pd.DataFrame, pd.DataFrame],
    loss: Loss = SQUARED,
    margin: float = MARGIN,
    fewest: int = FEWEST,
    seed: int = 0,
) -> WorstSlices:
    """Slices of inputs and audit groups whose loss the rest does not have: sought on the first table, tested on the second.

    ``models``: the one asked on the rows of the search, which it may not have been fitted on, and the one tested (the same
    after its last fit, or simply the same). ``groups`` belong to the tables.

    Probabilities promise a loss of their own, which is taken off (:func:`promised_loss`); a number promises nothing, and
    a slice that is merely noisier counts as worse, and says so. Clusters of the tables count once. ``loss`` is that of a regression. Rows of the search may have been used
    to choose and to calibrate, those of the test for nothing.
    """
    sides = [_rows(*side, loss) for side in zip(models, tables, groups, strict=True)]
    unit = "nats" if models[0].task != "regression" else "units²" if loss.kind == "squared" else "units"
    return worst_slices(sides[0], sides[1], margin=margin, fewest=fewest, unit=unit, seed=seed)


def promised_loss(score: FloatArray, task: Task) -> FloatArray | None:
    """Mean loss a row has if its probabilities are true, -Σ p·ln p, in nats (n,); None for a number.

    0 = certain, ln K = no idea among K classes. If probabilities are true in a slice, its mean loss is its mean promise.
    Source: the entropy term of the decomposition of Bröcker, Quarterly Journal of the RMS 135, 2009.
    """
    if task == "regression":
        return None
    p = score if score.ndim == 2 else np.column_stack([1 - score, score])
    return np.asarray(-(p * np.log(np.clip(p, CLIP, 1.0))).sum(axis=1), dtype=np.float64)


def _rows(artifact: SolutionArtifact, table: TrainingTable, groups: pd.DataFrame, loss: Loss) -> LossRows:
    score = artifact.score(table.features)
    others = groups[[name for name in groups.columns if name not in table.features.columns]]
    frame = pd.concat([table.features.reset_index(drop=True), others.reset_index(drop=True)], axis=1)
    lost = row_loss(table.truth, score, task=table.task, loss=loss)
    residual = None if score.ndim == 2 else np.asarray(table.truth, dtype=np.float64) - score
    return LossRows(frame, lost, promised_loss(score, artifact.task), residual, table.cluster)

"""One loss per row, lower is better: what models are compared by and what a feature's worth is measured in."""

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics.metrics import Task

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1: one impossible row must not decide a comparison alone."""


def row_loss(truth: NDArray[np.generic], score: NDArray[np.float64], *, task: Task) -> NDArray[np.float64]:
    """Loss of every row (n,).

    binary and multiclass: -ln(probability given to the truth), in nats; 0 = certain and right, 0.69 = a coin.
    regression: (truth - score)², in squared units of the target; 0 = exact.
    """
    if task == "regression":
        return np.asarray((np.asarray(truth, dtype=np.float64) - score) ** 2, dtype=np.float64)
    if task == "multiclass":
        given = score[np.arange(len(score)), truth.astype(np.int64)]
    else:
        given = np.where(truth.astype(np.float64) == 1, score, 1.0 - score)
    return np.asarray(-np.log(np.clip(given, CLIP, 1.0)), dtype=np.float64)

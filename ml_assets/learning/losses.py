"""One loss per row, lower is better: what models are compared by and what a feature's worth is measured in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics.metrics import Task

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1: one impossible row must not decide a comparison alone."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a regression model minimises.

    "squared": error², answered by the mean. "absolute" and "quantile": pinball loss at ``quantile``, answered by that
    quantile of the truth (absolute: 0.5, the median; its rows cost |error|, twice the pinball loss).
    """

    kind: Literal["squared", "absolute", "quantile"] = "squared"
    quantile: float = 0.5

    @property
    def name(self) -> str:
        """As it is told."""
        return f"quantile {self.quantile:.3g}" if self.kind == "quantile" else self.kind


SQUARED = Loss()


def money_loss(per_unit_over: float, per_unit_under: float) -> Loss:
    """The loss whose minimum is the least expected money lost, ``over`` and ``under`` being money (<= 0) per unit of error.

    Expected money is highest at the quantile under / (over + under) of the truth; without any cost, at the mean.
    Source: Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978; the newsvendor's critical ratio.
    """
    over, under = -per_unit_over, -per_unit_under
    return Loss("quantile", min(max(under / (over + under), 0.005), 0.995)) if over + under > 0 else SQUARED


def row_loss(
    truth: NDArray[np.generic], score: NDArray[np.float64], *, task: Task, loss: Loss = SQUARED
) -> NDArray[np.float64]:
    """Loss of every row (n,).

    binary and multiclass: -ln(probability given to the truth), in nats; 0 = certain and right, 0.69 = a coin.
    regression: by ``loss``; squared in squared units of the target, the others in its units; 0 = exact.
    """
    if task == "regression":
        error = np.asarray(np.asarray(truth, dtype=np.float64) - score, dtype=np.float64)
        if loss.kind == "squared":
            return error**2
        scale = 2.0 if loss.kind == "absolute" else 1.0
        return np.asarray(scale * np.maximum(loss.quantile * error, (loss.quantile - 1) * error), dtype=np.float64)
    if task == "multiclass":
        given = score[np.arange(len(score)), truth.astype(np.int64)]
    else:
        given = np.where(truth.astype(np.float64) == 1, score, 1.0 - score)
    return np.asarray(-np.log(np.clip(given, CLIP, 1.0)), dtype=np.float64)

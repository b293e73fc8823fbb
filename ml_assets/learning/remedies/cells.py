"""Weights of the cells group x label, moved until a model that never sees the group treats the groups alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.remedies.aims import Stratum, among, event, named
from ml_assets.statistics.arrays import FloatArray

SMALLEST_CELL = 20
"""A group with fewer judged rows in a stratum does not move its weights: they would follow noise."""
RATE = 2.0
LARGEST = 20.0


def cell_factors(
    labels: "pd.Series[Any]",
    truth: NDArray[Any],
    decision: NDArray[Any],
    *,
    strata: Sequence[Stratum],
    favourable: int,
    rate: float = RATE,
) -> dict[tuple[str, bool], float]:
    """Factors for the weights of the cells (group, favourable truth), from decisions on rows not learned from.

    factor = exp(-+ rate * (rate of the group - rate of all)) in each stratum: a group decided favourably too often
    among its favourable truths loses weight there, among its unfavourable ones it gains; for "everyone" both, for
    "right" all rows of a group that is served worse gain. 1 where nothing is to be moved.

    The limit of such steps is a Lagrangian of the constrained problem: weights of cells are its multipliers (Agarwal and
    others, A reductions approach to fair classification, ICML 2018), followed here by one deterministic model.
    """
    logs = {(group, side): 0.0 for group in named(labels) for side in (True, False)}
    groups = labels.to_numpy(str)
    for stratum in strata:
        rows = among(truth, stratum, favourable=favourable)
        hit = event(truth, decision, stratum, favourable=favourable)
        common = float(hit[rows].mean()) if rows.any() else 0.0
        for group in named(labels):
            cell = rows & (groups == group)
            if cell.sum() < SMALLEST_CELL:
                continue
            step = rate * (float(hit[cell].mean()) - common)
            for side, sign in _sides(stratum):
                logs[group, side] += sign * step
    return {cell: float(np.exp(log)) for cell, log in logs.items()}


def _sides(stratum: Stratum) -> tuple[tuple[bool, float], ...]:
    """(favourable truth?, direction) of the cells that a gap in a stratum moves."""
    if stratum == "favourable":
        return ((True, -1.0),)
    if stratum == "unfavourable":
        return ((False, 1.0),)
    return ((True, -1.0), (False, 1.0)) if stratum == "everyone" else ((True, -1.0), (False, -1.0))


def cell_weights(
    labels: "pd.Series[Any]", truth: NDArray[Any], weights: dict[tuple[str, bool], float], *, favourable: int
) -> FloatArray:
    """The weights of the cells as weights of rows (n,), with a mean of 1; groups without a weight keep 1.

    Every row keeps a positive weight, between 1/20 and 20 before scaling.
    Raises ``DataError`` for lengths that differ or weights that are not positive numbers.
    """
    if len(labels) != len(truth) or any(not (np.isfinite(w) and w > 0) for w in weights.values()):
        got = f"{len(labels)} labels, {len(truth)} truths, weights {sorted(weights.values())[:4]}"
        raise DataError("Cells cannot be weighed", got=got, allowed="as many of both, weights above 0", do="Align them")
    groups, good = labels.to_numpy(str), truth == favourable
    out = np.ones(len(truth))
    for (group, side), weight in weights.items():
        out[(groups == group) & (good == side)] = min(max(weight, 1 / LARGEST), LARGEST)
    scaled: FloatArray = out / out.mean() if len(out) else out
    return scaled

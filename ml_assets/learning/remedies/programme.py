"""The linear programme over operating points: the best mixture of thresholds that treats the groups alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.learning.remedies.aims import Stratum
from ml_assets.learning.remedies.points import GroupPoints
from ml_assets.statistics.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Mixture:
    """A chance for each threshold of each group.

    ``weights``: per group, in the order of the points, (k,) chances that sum to 1; ``levels``: per stratum the lowest
    rate of a group; ``money``: expected per row. A mixture decides alike rows by lot: it bounds what single thresholds
    can do, and is never put into a solution.
    """

    weights: tuple[FloatArray, ...]
    levels: tuple[float, ...]
    money: float


def best_mixture(
    points: Sequence[GroupPoints],
    *,
    strata: Sequence[Stratum],
    tolerance: float,
    harm: float,
    capacity: float | None = None,
) -> Mixture | None:
    """The mixture with the most money whose rates differ by at most ``tolerance`` between groups; None if there is none.

    maximise sum over groups of share * weights @ money, subject to
    level(s) <= rate(g, s) <= level(s) + tolerance for every stratum s, weights(g) a distribution,
    rate(g, favourable) >= that rate now - ``harm`` (no group's true positive rate falls by more),
    and sum of share * positive <= ``capacity``, the largest share of rows that may be decided 1.

    Raises ``DataError`` for fewer than two groups, a stratum without rates, or amounts that are no shares.
    Source: Hardt, Price and Srebro, NeurIPS 2016 (the programme); Cruz and Hardt, ICLR 2024 (its relaxation).
    """
    _refuse_unusable(points, strata, tolerance, harm, capacity)
    from scipy.optimize import linprog

    starts = np.concatenate([[0], np.cumsum([len(one.thresholds) for one in points])]).astype(int)
    own = [slice(a, b) for a, b in pairwise(starts)]
    width = int(starts[-1]) + len(strata)
    cost, equal = np.zeros(width), np.zeros((len(points), width))
    for row, (one, at) in enumerate(zip(points, own, strict=True)):
        cost[at], equal[row, at] = -one.share * one.money, 1.0
    lines = list(_limits(points, own, width, strata, tolerance, harm, capacity))
    above, bound = np.array([line for line, _ in lines]), [most for _, most in lines]
    solved = linprog(cost, above, bound, equal, np.ones(len(points)), bounds=(0, 1), method="highs")
    if solved.status != 0 or solved.x is None:
        return None
    x = np.asarray(solved.x, dtype=np.float64)
    return Mixture(tuple(x[at] for at in own), tuple(x[starts[-1] :].tolist()), -float(cost @ x))


def expected_decisions(
    mixture: Mixture, points: Sequence[GroupPoints], labels: "pd.Series[Any]", score: FloatArray, *, fallback: float
) -> FloatArray:
    """The chance (n,) that a mixture decides a row 1; groups without points are decided by the ``fallback`` threshold.

    For those who decide by lot on purpose: what it says is an expectation, and no solution of this package draws lots.
    """
    chance: FloatArray = (score >= fallback).astype(np.float64)
    for one, weights in zip(points, mixture.weights, strict=True):
        rows = np.asarray(labels.eq(one.group))
        below = np.concatenate([[0.0], np.cumsum(weights)])
        chance[rows] = below[np.searchsorted(one.thresholds, score[rows], side="right")]
    return chance


def _limits(
    points: Sequence[GroupPoints],
    own: Sequence[slice],
    width: int,
    strata: Sequence[Stratum],
    tolerance: float,
    harm: float,
    capacity: float | None,
) -> Iterator[tuple[FloatArray, float]]:
    """(line, most): line @ x <= most, for x = the chances of all thresholds and then the levels."""
    first = width - len(strata)
    for one, at in zip(points, own, strict=True):
        for place, stratum in enumerate(strata):
            for sign, slack in ((-1.0, 0.0), (1.0, tolerance)):
                line = np.zeros(width)
                line[at], line[first + place] = sign * one.rates[stratum], -sign
                yield line, slack
        unharmed = np.zeros(width)
        unharmed[at] = -one.rates["favourable"]
        yield unharmed, harm - float(one.rates["favourable"][one.base])
    if capacity is not None:
        line = np.zeros(width)
        line[:first] = np.concatenate([one.share * one.positive for one in points])
        yield line, capacity


def _refuse_unusable(
    points: Sequence[GroupPoints], strata: Sequence[Stratum], tolerance: float, harm: float, capacity: float | None
) -> None:
    if len(points) < 2:
        got = [one.group for one in points]
        raise DataError("No groups to set thresholds for", got=got, allowed="two with enough rows", do="Collect rows")
    unknown = [stratum for stratum in strata if stratum not in points[0].rates]
    if unknown or not strata:
        allowed = ", ".join(points[0].rates)
        raise DataError("Thresholds cannot move this rate", got=list(strata), allowed=allowed, do="Aim at one of these")
    shares = {"tolerance": tolerance, "harm": harm, "capacity": 1.0 if capacity is None else capacity}
    wrong = {name: share for name, share in shares.items() if not 0 <= share <= 1}
    if wrong:
        raise DataError("An amount is no share", got=wrong, allowed="0 to 1", do="Use 0.02 for two points")

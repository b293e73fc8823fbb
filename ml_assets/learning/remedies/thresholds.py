"""One threshold for each group, fitted near the optimum of the linear programme and judged by cross-fitting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.learning.remedies.aims import Stratum
from ml_assets.learning.remedies.points import GroupPoints, money_at, operating_points
from ml_assets.learning.remedies.programme import best_mixture
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.value import BinaryValue

TOLERANCES = (0.05, 0.02, 0.0)
FOLDS = 5
_OFFSETS = 13
_SMALLEST_WINDOW = 0.01
_EXACT = 0.002
"""Violations below two in a thousand are the granularity of counts, not a difference between thresholds."""


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """What thresholds are fitted for.

    ``tolerance``: largest difference of a rate between groups; ``harm``: the most any group's true positive rate may
    fall; ``capacity``: the largest share of rows that may be decided 1, or None.
    """

    strata: tuple[Stratum, ...]
    value: BinaryValue
    favourable: int
    tolerance: float
    harm: float = 0.05
    capacity: float | None = None


def fit_thresholds(
    labels: "pd.Series[Any]", truth: NDArray[Any], score: FloatArray, *, threshold: float, rule: ThresholdRule
) -> GroupThresholds:
    """The thresholds, deterministic, one per group with enough rows; the others keep ``threshold``.

    The programme says which rates to meet; of single thresholds that meet them (or come closest) in windows around its
    optimum those are taken that earn most. Not for scores that were not calibrated, nor for rows the model learned from.
    Raises ``DataError`` when fewer than two groups have enough rows or when no thresholds keep to the rule.
    Source: Heitz and Wilms 2026: group thresholds are Pareto-optimal among all rules that know score and group.
    """
    points = operating_points(labels, truth, score, value=rule.value, favourable=rule.favourable, threshold=threshold)
    optimum = best_mixture(points, strata=rule.strata, tolerance=rule.tolerance, harm=rule.harm, capacity=rule.capacity)
    if optimum is None:
        got = f"tolerance {rule.tolerance}, harm {rule.harm}, capacity {rule.capacity}"
        raise DataError(
            "No thresholds keep to these amounts", got=got, allowed="amounts that can be met", do="Widen one"
        )
    best = min(_choices(points, optimum.levels, rule), key=lambda choice: (choice[0], -choice[1], choice[2]))
    chosen = {one.group: float(one.thresholds[at]) for one, at in zip(points, best[2], strict=True)}
    return GroupThresholds(str(labels.name), chosen, threshold)


def cross_fitted(
    labels: "pd.Series[Any]",
    truth: NDArray[Any],
    score: FloatArray,
    *,
    threshold: float,
    rule: ThresholdRule,
    folds: int = FOLDS,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Decisions (n,) of each fold by thresholds fitted on the others: what thresholds would do to rows they have not seen.

    Folds hold the groups and truths in proportion. Raises ``DataError`` as :func:`fit_thresholds`.
    """
    fold = _folds(labels, truth, folds, seed)
    frame = labels.to_frame()
    out = np.zeros(len(truth), dtype=np.int64)
    for part in range(folds):
        learn, held = fold != part, np.flatnonzero(fold == part)
        fitted = fit_thresholds(labels[learn], truth[learn], score[learn], threshold=threshold, rule=rule)
        out[held] = fitted.decide(score[held], frame.iloc[held])
    return out


def _choices(
    points: Sequence[GroupPoints], levels: Sequence[float], rule: ThresholdRule
) -> Iterator[tuple[float, float, tuple[int, ...]]]:
    """(violation beyond counting, money, positions) of the best single thresholds in each window."""
    offsets = np.linspace(-1, 1, _OFFSETS) * max(rule.tolerance, _SMALLEST_WINDOW)
    windows = np.array(list(product(*(level + offsets for level in levels))))
    columns = [_in_windows(one, windows, rule) for one in points]
    for row in range(len(windows)):
        at = tuple(int(position[row]) for position, _ in columns)
        violation = max(float(distance[row]) for _, distance in columns)
        if rule.capacity is not None:
            used = sum(one.share * one.positive[i] for one, i in zip(points, at, strict=True))
            violation = max(violation, float(used) - rule.capacity)
        yield round(max(violation - _EXACT, 0.0), 4), money_at(points, at), at


def _in_windows(one: GroupPoints, windows: FloatArray, rule: ThresholdRule) -> tuple[NDArray[np.int64], FloatArray]:
    """For every window the point of a group that is closest to it and earns most, and its distance."""
    distance = np.zeros((len(windows), len(one.thresholds)))
    for place, stratum in enumerate(rule.strata):
        low = windows[:, [place]]
        rate = one.rates[stratum][None, :]
        distance = np.maximum(distance, np.maximum(low - rate, rate - low - rule.tolerance))
    floor = one.rates["favourable"][one.base] - rule.harm
    distance = np.maximum(distance, (floor - one.rates["favourable"])[None, :])
    coarse = np.round(np.maximum(distance, 0.0) / _EXACT)
    spread = float(np.ptp(one.money)) or 1.0
    at = np.argmin(coarse - 0.5 * (one.money - one.money.min())[None, :] / spread, axis=1)
    return at, np.maximum(distance[np.arange(len(windows)), at], 0.0)


def _folds(labels: "pd.Series[Any]", truth: NDArray[Any], folds: int, seed: int) -> NDArray[np.int64]:
    cell = pd.factorize(labels)[0] * 2 + (np.asarray(truth) == 1)
    order = np.random.default_rng(seed).permutation(len(cell))
    by_cell = order[np.argsort(cell[order], kind="stable")]
    fold = np.empty(len(cell), dtype=np.int64)
    fold[by_cell] = np.arange(len(cell)) % folds
    return fold

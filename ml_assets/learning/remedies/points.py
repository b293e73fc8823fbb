"""What each threshold would do to each group: rates, positive decisions and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.remedies.aims import Stratum, named
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.value import ALWAYS, NEVER, BinaryValue

MOST_POINTS = 400
SMALLEST_STRATUM = 30
"""Rows of each kind of truth a group needs for a threshold of its own; below, its rates are mostly luck."""


@dataclass(frozen=True, eq=False)
class GroupPoints:
    """The operating points of one group, k thresholds from low to high.

    ``rates``: for each stratum the rate of the favourable decision (k,); ``positive``: share decided 1 (k,);
    ``money``: mean money per row of the group (k,); ``share``: of the group among all rows that get a threshold;
    ``base``: the position of the threshold in use.
    """

    group: str
    share: float
    thresholds: FloatArray
    rates: Mapping[Stratum, FloatArray]
    positive: FloatArray
    money: FloatArray
    base: int


def operating_points(
    labels: "pd.Series[Any]",
    truth: NDArray[Any],
    score: FloatArray,
    *,
    value: BinaryValue,
    favourable: int,
    threshold: float,
    most: int = MOST_POINTS,
) -> tuple[GroupPoints, ...]:
    """The operating points of every named group with at least 30 rows of each truth, in order of name.

    Thresholds stand between neighbouring scores, thinned to ``most`` by rank, with "always", "never" and the
    ``threshold`` in use among them.
    """
    groups = labels.to_numpy(str)
    kept = [(name, groups == name) for name in named(labels)]
    kept = [(name, rows) for name, rows in kept if _enough(truth[rows])]
    total = sum(int(rows.sum()) for _, rows in kept)
    return tuple(
        _points(name, truth[rows], score[rows], value, favourable, threshold, most, int(rows.sum()) / total)
        for name, rows in kept
    )


def _enough(truth: NDArray[Any]) -> bool:
    positives = int((truth == 1).sum())
    return min(positives, len(truth) - positives) >= SMALLEST_STRATUM


def _points(
    name: str,
    truth: NDArray[Any],
    score: FloatArray,
    value: BinaryValue,
    favourable: int,
    threshold: float,
    most: int,
    share: float,
) -> GroupPoints:
    cuts = _cuts(score, threshold, most)
    positives, negatives = np.sort(score[truth == 1]), np.sort(score[truth != 1])
    hit = 1 - np.searchsorted(positives, cuts, side="left") / len(positives)
    false = 1 - np.searchsorted(negatives, cuts, side="left") / len(negatives)
    rate = len(positives) / len(score)
    decided = rate * hit + (1 - rate) * false
    money = rate * (hit * value.true_positive + (1 - hit) * value.false_negative) + (1 - rate) * (
        false * value.false_positive + (1 - false) * value.true_negative
    )
    good = favourable == 1
    rates: dict[Stratum, FloatArray] = {
        "everyone": decided if good else 1 - decided,
        "favourable": hit if good else 1 - false,
        "unfavourable": false if good else 1 - hit,
    }
    return GroupPoints(name, share, cuts, rates, decided, money, int(np.searchsorted(cuts, threshold)))


def _cuts(score: FloatArray, threshold: float, most: int) -> FloatArray:
    ordered = np.sort(score)
    if len(ordered) > most:
        ordered = ordered[np.linspace(0, len(ordered) - 1, most).round().astype(np.int64)]
    distinct = np.unique(ordered)
    between = (distinct[:-1] + distinct[1:]) / 2
    # Two neighbouring floats may have no float between them: the upper one is then the threshold.
    between = np.where(between > distinct[:-1], between, distinct[1:])
    cuts: FloatArray = np.unique(np.concatenate([[ALWAYS, NEVER, threshold], between]))
    return cuts


def money_at(points: Sequence[GroupPoints], at: Sequence[int]) -> float:
    """Mean money per row when each group uses the point at its position."""
    return float(sum(one.share * one.money[i] for one, i in zip(points, at, strict=True)))

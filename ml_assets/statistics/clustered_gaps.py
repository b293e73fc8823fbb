"""Gaps between a group and the rest where rows share a cause: as many draws as the clusters are worth, not as there are rows."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.clustered import ClusteredMean, worth
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, Moments
from ml_assets.statistics.intervals import Interval, newcombe_difference, ratio_interval, wilson
from ml_assets.statistics.verdicts import Contrast, rate_difference, rate_ratio

Sides = tuple[Moments, Moments]
Counts = tuple[float, float, float, float]
"""Successes and rows of a group, then of the rest."""


@dataclass(frozen=True, slots=True)
class OwnedMoments(Moments):
    """One side of a comparison by its clusters; ``n`` counts those.

    ``alone`` is the variance for the figure of the side, ``variance`` that for its gap to the other: larger where clusters on
    both sides have less of a thing on the one the more they have on the other.
    """

    alone: float


def clustered_moments(table: Grouping, values: FloatArray, cluster: IntArray) -> tuple[Sides, ...]:
    """For each group of ``table`` the clusters, mean and variance of ``values`` (n,) in it and in all other rows.

    ``cluster`` (n,): codes from 0. ``Moments.n`` counts clusters, and variance / n is the squared error of the mean,
    G/(G - 1) · Σ_g e_g² / rows², e_g the sum of (value - mean) over the rows of cluster g on that side. A cluster on both
    sides counts on either, as if it were two, which errs on the wide side where its rows are alike; where they are unlike,
    the covariance of the sides is added (:class:`OwnedMoments`).
    Source: Liang and Zeger, Biometrika 73 (1986) 13, for a mean.
    """
    groups, pairs = len(table.labels), cluster.astype(np.int64) * len(table.labels) + table.codes
    used, where = np.unique(pairs, return_inverse=True)
    owner, group = np.divmod(used, groups)
    inside, whole = (_sums(code, values) for code in (where, cluster))
    return tuple(_sides(group == code, owner, inside, whole) for code in range(groups))


def _sums(code: npt.NDArray[np.integer[Any]], values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows and sum of ``values`` of every code."""
    return np.bincount(code).astype(np.float64), np.bincount(code, weights=values).astype(np.float64)


def _sides(
    here: npt.NDArray[np.bool_],
    owner: IntArray,
    inside: tuple[FloatArray, FloatArray],
    whole: tuple[FloatArray, FloatArray],
) -> Sides:
    rows, sums, owners = inside[0][here], inside[1][here], owner[here]
    others, other_sums = whole[0].copy(), whole[1].copy()
    others[owners] -= rows
    other_sums[owners] -= sums
    left = others > 0
    own, rest = _moments(rows, sums), _moments(others[left], other_sums[left])
    if min(own.n, rest.n) < 2:
        return own, rest
    away = (sums - rows * own.mean) @ (other_sums[owners] - others[owners] * rest.mean)
    clusters = int((whole[0] > 0).sum())
    return _unlike(own, rest, float(away / rows.sum() / others.sum() * clusters / (clusters - 1)))


def _unlike(own: OwnedMoments, rest: OwnedMoments, covariance: float) -> Sides:
    """Both sides with the squared error of their gap; only a covariance below 0 is counted."""
    wider = with_covariance(own.variance / own.n + rest.variance / rest.n, covariance)
    return replace(own, variance=own.variance * wider), replace(rest, variance=rest.variance * wider)


def with_covariance(apart: float, covariance: float) -> float:
    """How many times the squared error of a gap is that of its sides ``apart``, by the ``covariance`` of these; at least 1."""
    return 1 - 2 * covariance / apart if covariance < 0 < apart else 1.0


def _moments(rows: FloatArray, sums: FloatArray) -> OwnedMoments:
    """Of one side, from the rows and the sum of each of its clusters."""
    count, total = len(rows), float(rows.sum())
    if not count:
        return OwnedMoments(0, math.nan, math.nan, math.nan)
    mean = float(sums.sum()) / total
    away = sums - rows * mean
    spread = float(away @ away) / total**2 * count**2 / (count - 1) if count > 1 else math.nan
    return OwnedMoments(count, mean, spread, spread)


def _alone(side: Moments) -> Moments:
    """The side for a figure of its own."""
    return Moments(side.n, side.mean, side.alone) if isinstance(side, OwnedMoments) else side


def _worth(side: Moments, rows: float, level: float) -> float:
    """How many independent rows tell as much of the rate of this side."""
    error = math.sqrt(side.variance / side.n) if side.n > 1 else math.nan
    apart = not (isinstance(side, OwnedMoments) and side.variance > side.alone)
    return worth(side.mean, error, clusters=side.n, rows=rows, level=level, apart=apart)


def effective(counts: Counts, sides: Sides | None, *, level: float = 0.95) -> Counts:
    """The same rates on as many rows as the clusters are worth; the counts themselves without clusters."""
    if sides is None:
        return counts
    x1, n1, x2, n2 = counts
    w1, w2 = _worth(sides[0], n1, level), _worth(sides[1], n2, level)
    return (x1 / n1 * w1 if n1 else 0.0), w1, (x2 / n2 * w2 if n2 else 0.0), w2


def rate_gap(counts: Counts, sides: Sides | None, *, tolerance: float) -> Contrast:
    """``rate_difference`` on :func:`effective` counts: as wide, as surely told, as the clusters allow."""
    plain = rate_difference(*effective(counts, sides), tolerance=tolerance)
    return _at_every_level(plain, counts, sides, newcombe_difference)


def ratio_gap(counts: Counts, sides: Sides | None, *, limit: float) -> Contrast:
    """``rate_ratio`` on :func:`effective` counts, likewise."""
    plain = rate_ratio(*effective(counts, sides), limit=limit)
    return _at_every_level(plain, counts, sides, ratio_interval)


def _at_every_level(
    plain: Contrast, counts: Counts, sides: Sides | None, interval: Callable[..., Interval]
) -> Contrast:
    """The contrast with the interval of what the clusters are worth at the level that is asked for."""
    if sides is None or not math.isfinite(plain.value):
        return plain
    return replace(plain, interval=lambda level: interval(*effective(counts, sides, level=level), level=level))


def share_estimate(name: str, x: float, n: float, side: Moments | None, *, level: float) -> Estimate:
    """The rate x/n of one side with Wilson's interval on as many rows as its clusters are worth, or on its rows; n counts these."""
    if not n:
        return not_estimable(name, level=level)
    if side is None:
        return Estimate(name, x / n, *wilson(x, n, level=level), int(n), level=level)
    draws = _worth(_alone(side), n, level)
    return Estimate(name, x / n, *wilson(x / n * draws, draws, level=level), int(n), level=level)


def side_mean(name: str, side: Moments, n: int, *, unit: str, level: float) -> Estimate:
    """The mean of one side with Student's interval of its clusters; ``n`` counts its rows."""
    error = math.sqrt(_alone(side).variance / side.n) if side.n > 1 else math.nan
    return ClusteredMean(side.mean, error, n, side.n - 1.0).estimate(name, unit=unit, level=level)

"""Does a score mean in every group what it says? Error, slope and a curve per group, from the histograms of a tensor."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.clustered_scores import OwnedScores
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import t_over_z, wilson
from ml_assets.statistics.score_gaps import ScoreFigures, score_figures
from ml_assets.statistics.score_tensor import ScoreTensor, middles

CURVE_BANDS, LEAST_ROWS = 10, 20
"""Points of a curve, and the fewest rows a point stands on."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Rows of neighbouring scores: the mean of the scores, and the share of positive labels among them."""

    promised: float
    observed: Estimate


@dataclass(frozen=True, slots=True)
class GroupCalibration:
    """What a score means in one group.

    ``points`` lie on the diagonal where it means what it says; there are none where the group has too few rows for one.
    ``error``: mean distance of promised and observed; a perfectly calibrated score of as many rows shows ``floor``.
    ``slope``: 1 is right, below 1 the score is too extreme. ``label``: the class, where there are several.
    """

    label: str
    attribute: str
    group: str
    n: int
    mean: Estimate
    error: Estimate
    floor: float
    slope: Estimate
    points: tuple[CurvePoint, ...]


def group_calibration(
    scores: ScoreTensor,
    *,
    positive: int = 1,
    label: str = "",
    rows: OwnedScores | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[GroupCalibration, ...]:
    """Calibration of the score in every group of every attribute, attributes taken alone; see :func:`score_figures`.

    ``rows``: who owns the rows of ``scores``, where an owner has several. Then one independent row stands for as many as the
    mean of score - label in the group says (:func:`residual_design`), and all that is told is as much less sure: right for
    the mean, and too wide for slope and bands where the rows of an owner lie in several.
    """
    figures = score_figures(scores, depth=1, positive=positive, seed=seed, level=level)
    curves = (calibration_curve(counts, level=level) for counts in _histograms(scores, positive))
    found = (_one(label, one, curve) for one, curve in zip(figures, curves, strict=True))
    if rows is None:
        return tuple(found)
    return tuple(_owned(one, residual_design(rows, one.attribute, one.group, level=level), level) for one in found)


def residual_design(rows: OwnedScores, attribute: str, group: str, *, level: float = 0.95) -> float:
    """How many rows of a group tell as much of its mean of score - label as one independent row; at least 1.

    The squared error of the mean by owner over that of rows, (t/z)² more as it is itself estimated; infinite for one owner.
    Source: Kish, Survey Sampling (1965), chapter 5 (design effect).
    """
    names, table = rows.shared.crossed((attribute,))
    at = (table.codes == names.index((group,))) & rows.known
    residual, owner = middles()[rows.cell[at]] - rows.positive[at], rows.shared.cluster[at]
    owned, alone = clustered_mean(residual, owner), clustered_mean(residual)
    if owned.freedom >= alone.freedom:
        return 1.0
    if owned.freedom < 1:
        return math.inf
    effect = (owned.error / alone.error) ** 2 if alone.error > 0 else len(residual) / (owned.freedom + 1)
    return max(effect, 1.0) * t_over_z(level, owned.freedom) ** 2


def _owned(one: GroupCalibration, design: float, level: float) -> GroupCalibration:
    wider = math.sqrt(design)
    floor = 1.0 if math.isinf(wider) else min(one.floor * wider, 1.0)  # of one owner nothing is known
    points = tuple(CurvePoint(p.promised, _share(p.observed.value, p.observed.n, design, level)) for p in one.points)
    return replace(
        one,
        mean=_widened(one.mean, wider, -1.0, 1.0),
        error=_widened(one.error, wider, 0.0, 1.0),
        floor=floor if one.n else one.floor,
        slope=_widened(one.slope, wider, -math.inf, math.inf),
        points=points,
    )


def _widened(one: Estimate, wider: float, lowest: float, highest: float) -> Estimate:
    """The ends of an interval that many times as far from its value, within what is possible."""
    if not one.estimable or wider == 1:
        return one
    if math.isinf(wider):
        return replace(one, low=lowest, high=highest)
    below, above = (one.value - one.low, one.high - one.value)
    low, high = (wider * away if away > 0 else 0.0 for away in (below, above))
    return replace(one, low=max(one.value - low, lowest), high=min(one.value + high, highest))


def _share(value: float, n: int, design: float, level: float) -> Estimate:
    draws = n / design
    low, high = wilson(value * draws, draws, level=level) if draws > 0 else (0.0, 1.0)
    return Estimate("observed", value, low, high, n, level=level)


def calibration_curve(
    counts: FloatArray, *, bands: int = CURVE_BANDS, least: int = LEAST_ROWS, level: float = 0.95
) -> tuple[CurvePoint, ...]:
    """The curve of one histogram (2, cells): up to ``bands`` points of about as many rows each, ``least`` or more.

    Scores of one cell stay together, so scores that are all alike are one point. Intervals are Wilson's.
    """
    if bands < 1 or least < 1:
        raise DataError("bands of a curve", got=(bands, least), allowed="1 or more of each", do="Use 10 and 20")
    rows = counts.sum(axis=0)
    wanted = min(bands, int(rows.sum()) // least)
    if wanted == 0:
        return ()
    place = ((np.cumsum(rows) - rows / 2) / rows.sum() * wanted).astype(np.int64)
    sums = [np.bincount(place, weights=side, minlength=wanted).tolist() for side in (rows, counts[1], rows * middles())]
    found: list[CurvePoint] = []
    for n, positives, promised in _together(list(zip(*sums, strict=True)), least):
        ends = wilson(positives, n, level=level)
        observed = Estimate("observed", positives / n, *ends, int(n), level=level)
        found.append(CurvePoint(promised / n, observed))
    return tuple(found)


def _together(bands: list[tuple[float, ...]], least: int) -> Iterator[tuple[float, ...]]:
    """Sums (rows, positives, scores) of bands, one of too few rows joined with those above it, the last with those below."""
    done: list[tuple[float, ...]] = []
    kept: tuple[float, ...] = (0.0, 0.0, 0.0)
    for band in bands:
        kept = tuple(a + b for a, b in zip(kept, band, strict=True))
        if kept[0] >= least:
            done.append(kept)
            kept = (0.0, 0.0, 0.0)
    if kept[0] and done:
        done[-1] = tuple(a + b for a, b in zip(done[-1], kept, strict=True))
    yield from done


def _histograms(scores: ScoreTensor, positive: int) -> Iterator[FloatArray]:
    return (counts for some in scores.histograms(depth=1, positive=positive) for counts in some.counts)


def _one(label: str, one: ScoreFigures, curve: tuple[CurvePoint, ...]) -> GroupCalibration:
    return GroupCalibration(
        label,
        " & ".join(one.attributes),
        " & ".join(one.group),
        one.calibration.n,
        one.calibration,
        one.calibration_error,
        one.calibration_error_floor,
        one.slope,
        curve,
    )

"""Does a score mean in every group what it says? Error, slope and a curve per group, from the histograms of a tensor."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import wilson
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
    scores: ScoreTensor, *, positive: int = 1, label: str = "", seed: int = 0, level: float = 0.95
) -> tuple[GroupCalibration, ...]:
    """Calibration of the score in every group of every attribute, attributes taken alone; see :func:`score_figures`."""
    figures = score_figures(scores, depth=1, positive=positive, seed=seed, level=level)
    curves = (calibration_curve(counts, level=level) for counts in _histograms(scores, positive))
    return tuple(_one(label, one, curve) for one, curve in zip(figures, curves, strict=True))


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

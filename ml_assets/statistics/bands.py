"""Batch rows against reference rows in bands of a score: where the bands lie, the reference line, the gap from it.

A band holds rows of about one score. The straight line through its reference rows, read at the batch's own scores,
takes out what rows moving within the band would change; what is left of the mean outcome is the gap.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.divergence import normal_tail
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import Task

# A band needs that many rows, and of a class that many expected positives and negatives, on the smaller side.
_BAND_ROWS, _BAND_EVENTS = 30.0, 5.0
_MOST_Z = 37.0  # beyond it a normal tail is 0 in float64


@dataclass(frozen=True, slots=True)
class Band:
    """Rows scored from ``low`` to ``high``: the mean outcome, the one expected from ``reference_n`` rows, the excess."""

    low: float
    high: float
    reference_n: int
    observed: float
    expected: float
    excess: Estimate
    p_value: float


class BandedRows(NamedTuple):
    """Rows of one side: outcome, score and band 0, 1, … of each, all (n,)."""

    outcome: FloatArray
    score: FloatArray
    band: IntArray


class ScoredRows(NamedTuple):
    """Rows of one side before they are cut: outcome and score of each, both (n,)."""

    outcome: FloatArray
    score: FloatArray

    def banded(self, cuts: FloatArray) -> BandedRows:
        """The same rows with their bands; a score equal to a cut lies above it."""
        return BandedRows(self.outcome, self.score, _place(self.score, cuts))


@dataclass(frozen=True, slots=True)
class BandLines:
    """Per band the line of outcome on score: its height ``centre`` at the mean score ``middle``, slope, spread of scores.

    ``spread`` is the weighted sum of squared distances from the mean score; 0 where all scores are one, and so is the
    slope.
    """

    centre: FloatArray
    middle: FloatArray
    slope: FloatArray
    spread: FloatArray

    def at(self, score: FloatArray, band: IntArray) -> FloatArray:
        """The outcome that the line of its band gives each row (n,)."""
        height: FloatArray = self.centre[band] + self.slope[band] * (score - self.middle[band])
        return height


@dataclass(frozen=True, slots=True)
class BandGaps:
    """Per band: batch and reference rows, mean outcome and expectation, variance of their gap, and how surely (z).

    ``batch_error`` and ``reference_error`` are of rows: how far each lies from what its own side leads to expect; for
    a regression a distance, so that the spread of both sides can be compared in the same bands.
    """

    n: FloatArray
    reference_n: FloatArray
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    z: FloatArray
    batch_error: FloatArray
    reference_error: FloatArray

    @property
    def gap(self) -> FloatArray:
        """Mean outcome less expectation, of each band."""
        return self.observed - self.expected

    @property
    def share(self) -> FloatArray:
        """The share of each band in the rows of the batch."""
        share: FloatArray = self.n / self.n.sum()
        return share

    @property
    def chi_square(self) -> float:
        """How surely there is a gap in any band: on as many degrees of freedom as there are bands."""
        return float((self.z**2).sum())

    def listed(self, rows: BandedRows, *, z: float, level: float) -> tuple[Band, ...]:
        """Each band as a fact of its own; ``rows`` are those of the batch, intervals reach ``z`` standard errors."""
        order = np.argsort(rows.band, kind="stable")
        scores = np.split(rows.score[order], np.cumsum(self.n).astype(int)[:-1])
        return tuple(
            Band(
                float(score.min()),
                float(score.max()),
                int(self.reference_n[i]),
                float(self.observed[i]),
                float(self.expected[i]),
                wald("excess", float(self.gap[i]), float(self.variance[i]), z=z, n=score.size, level=level),
                normal_tail(float(self.z[i])),
            )
            for i, score in enumerate(scores)
        )


def wald(name: str, value: float, variance: float, *, z: float, n: int, unit: str = "", level: float) -> Estimate:
    """An estimate whose interval reaches ``z`` standard errors to either side."""
    half = z * math.sqrt(variance)
    return Estimate(name, value, value - half, value + half, n, unit, level)


def band_cuts(
    batch: ScoredRows, reference: ScoredRows, weight: FloatArray, *, task: Task, bands: int
) -> FloatArray | None:
    """Inner ends of the bands: reference quantiles, neighbours merged until both sides are filled; None if never.

    Filled are 30 rows of the batch and 30 effective rows of the reference, and of a class 5 expected positives and 5
    negatives on either side. ``weight`` (n_ref,) is that of the reference rows.
    """
    if min(batch.score.size, reference.score.size) < 2:
        return None
    inner = np.unique(np.quantile(reference.score, np.linspace(0, 1, bands + 1)[1:-1], method="higher"))
    k = inner.size + 1
    b1, b0 = _place(batch.score, inner), _place(reference.score, inner)
    n, m = _sums(b1, np.ones(b1.size), k), _sums(b0, np.ones(b0.size), k)
    events = _sums(b1, batch.outcome, k) + _sums(b0, reference.outcome, k)
    table = np.array([n, m, events, _sums(b0, weight, k), _sums(b0, weight * weight, k)])
    kept: list[int] = []
    held = np.zeros(5)
    for band in range(k):
        held = held + table[:, band]
        if _filled(held, task):
            kept.append(band)
            held = np.zeros(5)
    # What is left over at the upper end joins the last filled band.
    return inner[kept[:-1]] if kept else None


def band_lines(rows: BandedRows, weight: FloatArray, *, bands: int) -> BandLines:
    """The weighted straight line of outcome on score in each of ``bands`` bands, by least squares."""
    y, p, b = rows
    total = _sums(b, weight, bands)
    centre, middle = _sums(b, weight * y, bands) / total, _sums(b, weight * p, bands) / total
    aside = p - middle[b]
    spread = _sums(b, weight * aside**2, bands)
    spread = np.where(spread > 1e-18 * total * np.maximum(middle**2, 1e-12), spread, 0.0)
    rise = _sums(b, weight * aside * (y - centre[b]), bands)
    return BandLines(centre, middle, np.where(spread > 0, rise / np.where(spread > 0, spread, 1.0), 0.0), spread)


def band_gaps(batch: BandedRows, reference: BandedRows, weight: FloatArray, *, task: Task) -> BandGaps:
    """Mean outcome of the batch in each band against the reference line at the same scores, with what both err by."""
    fit = _fitted(batch, reference, weight)
    return _gaps_of_numbers(fit) if task == "regression" else _gaps_of_events(fit)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Both sides read off the reference line; ``pull``: how much a reference row moves the expectation of its band."""

    batch: BandedRows
    reference: BandedRows
    weight: FloatArray
    n: FloatArray
    reference_n: FloatArray
    observed: FloatArray
    expected: FloatArray
    pull: FloatArray
    batch_line: FloatArray
    reference_line: FloatArray

    def variance(self, batch_rows: FloatArray, reference_rows: FloatArray) -> FloatArray:
        """Variance of the gap of each band, from the variance of each row on either side."""
        k = self.n.size
        of_reference = _sums(self.reference.band, self.pull**2 * reference_rows, k)
        both: FloatArray = _sums(self.batch.band, batch_rows, k) / self.n**2 + of_reference
        return both


def _fitted(batch: BandedRows, reference: BandedRows, w: FloatArray) -> _Fit:
    (y1, p1, b1), (_, p0, b0) = batch, reference
    k = int(b0.max()) + 1
    n, m = _sums(b1, np.ones(b1.size), k), _sums(b0, np.ones(b0.size), k)
    lines = band_lines(reference, w, bands=k)
    lead = _sums(b1, p1, k) / n - lines.middle
    observed, expected = _sums(b1, y1, k) / n, lines.centre + lines.slope * lead
    share = np.where(lines.spread > 0, lead / np.where(lines.spread > 0, lines.spread, 1.0), 0.0)
    pull = w * (1 / _sums(b0, w, k)[b0] + share[b0] * (p0 - lines.middle[b0]))
    return _Fit(batch, reference, w, n, m, observed, expected, pull, lines.at(p1, b1), lines.at(p0, b0))


def _gaps_of_numbers(fit: _Fit) -> BandGaps:
    n, m, b1, b0 = fit.n, fit.reference_n, fit.batch.band, fit.reference.band
    gap = fit.observed - fit.expected
    away1, away0 = fit.batch.outcome - fit.batch_line - gap[b1], fit.reference.outcome - fit.reference_line
    own = fit.variance(away1**2 * (n / (n - 1))[b1], away0**2 * (m / (m - 2))[b0])
    null, freedom = _common_spread(fit, away1, away0)
    # Around the median: around the mean, skewed errors would look wider by the noise of the mean alone.
    error1 = np.abs(away1 - _medians(b1, away1)) * np.sqrt(n / (n - 1))[b1]
    error0 = np.abs(away0 - _medians(b0, away0)) * np.sqrt(m / (m - 2))[b0]
    return BandGaps(n, m, fit.observed, fit.expected, own, _normal_score(gap, null, freedom), error1, error0)


def _gaps_of_events(fit: _Fit) -> BandGaps:
    n, m, b1, b0 = fit.n, fit.reference_n, fit.batch.band, fit.reference.band
    line1, line0, gap = fit.batch_line, fit.reference_line, fit.observed - fit.expected
    # A handful of positives does not know its own variance: the test takes that of a chance common to both sides.
    effective = _sums(b0, fit.weight, n.size) ** 2 / _sums(b0, fit.weight**2, n.size)
    common = gap * n / (n + effective)
    null = fit.variance(_chance(line1 + common[b1], n[b1]), _chance(line0 + common[b0], m[b0]))
    own = fit.variance(_chance(line1 + gap[b1], n[b1]), _chance(line0, m[b0]))
    away1, away0 = fit.batch.outcome - line1 - gap[b1], fit.reference.outcome - line0
    return BandGaps(n, m, fit.observed, fit.expected, own, gap / np.sqrt(null), away1, away0)


def _common_spread(fit: _Fit, e1: FloatArray, e0: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Variance of the gap of each band if errors are spread alike on both sides, and its degrees of freedom.

    Taken from both sides, as the spread of few skewed errors goes with their mean. Errors may grow with the score:
    the variance follows the reference line to the batch's scores, at most fourfold.
    """
    n, m, b1, b0 = fit.n, fit.reference_n, fit.batch.band, fit.reference.band
    lines = band_lines(fit.reference._replace(outcome=e0**2), fit.weight, bands=n.size)
    height = lines.centre
    there = height + lines.slope * (_sums(b1, fit.batch.score, n.size) / n - lines.middle)
    growth = np.clip(there / np.where(height > 0, height, 1.0), 0.25, 4.0)
    both = (m * height + _sums(b1, e1**2, n.size) / growth) / (m + n - 3)
    return both * (growth / n + _sums(b0, fit.pull**2, n.size)), m + n - 3


def _normal_score(gap: FloatArray, variance: FloatArray, freedom: FloatArray) -> FloatArray:
    """Student's t of a gap as the normal z of the same tail, so that squares of them add up to a chi-square."""
    from scipy.special import ndtri, stdtr

    t = np.where(variance > 0, np.abs(gap) / np.sqrt(np.where(variance > 0, variance, 1.0)), 0.0)
    t = np.where((variance <= 0) & (gap != 0), np.inf, t)
    z: FloatArray = np.sign(gap) * np.minimum(-ndtri(stdtr(np.maximum(freedom, 1.0), -t)), _MOST_Z)
    return z


def _filled(held: FloatArray, task: Task) -> bool:
    n, m, events, total, squares = held.tolist()
    effective = total * total / squares if squares > 0 else 0.0
    if min(n, effective) < _BAND_ROWS:
        return False
    rate = events / (n + m)
    return task == "regression" or min(n, effective) * min(rate, 1 - rate) >= _BAND_EVENTS


def _chance(p: FloatArray, n: FloatArray) -> FloatArray:
    """Variance of a 0/1 outcome of probability ``p``, kept as far from certainty as ``n`` rows can tell."""
    edge = 1 / (n + 2)
    kept = np.clip(p, edge, 1 - edge)
    return kept * (1 - kept)


def _sums(band: IntArray, values: FloatArray, k: int) -> FloatArray:
    sums: FloatArray = np.bincount(band, weights=values, minlength=k).astype(np.float64)
    return sums


def _medians(band: IntArray, values: FloatArray) -> FloatArray:
    """The median of the band of each row."""
    ranked = np.lexsort((values, band))
    n = np.bincount(band)
    first = np.cumsum(n) - n
    middle = (values[ranked[first + (n - 1) // 2]] + values[ranked[first + n // 2]]) / 2
    medians: FloatArray = middle[band]
    return medians


def _place(score: FloatArray, cuts: FloatArray) -> IntArray:
    return np.searchsorted(cuts, score, side="right").astype(np.int64)

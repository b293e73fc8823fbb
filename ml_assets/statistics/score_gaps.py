"""Does a score rank and mean the same in every group? From the histograms of a score tensor.

The histogram knows a score to 1/1,024. A positive and a negative row in one cell count as a tie: the area under the
ROC curve is off by at most half the share of such pairs, which is given as ``error``.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Moments
from ml_assets.statistics.intervals import Interval, hanley_mcneil_variance, normal_quantile, t_quantile, wilson
from ml_assets.statistics.score_tensor import BINS, Histograms, ScoreTensor, middles
from ml_assets.statistics.tensor import multinomial
from ml_assets.statistics.tensor_draws import shifted
from ml_assets.statistics.tensor_gaps import Gap, mean_estimate
from ml_assets.statistics.tensor_metrics import two_sided
from ml_assets.statistics.verdicts import PASS_LEVEL, Contrast, mean_difference

BANDS = 16
SCORE_METRICS = ("roc_auc", "calibration")
LABELLED, RARER = "rows with a label", "rows of the rarer label"
# The equivalence test at 5 % with 90 % power at no gap, as in the verdict rule.
_RESOLVING_Z = 3.29
_STEPS = 30


@dataclass(frozen=True, slots=True)
class ScoreFigures:
    """How the score ranks and what it means in one group.

    ``roc_auc`` is off by at most ``error``. ``calibration``: mean of score - label, 0 when right on average, above 0
    when the chance is overstated. ``calibration_error``: mean distance of promised and observed rate over 16 bands; a
    perfectly calibrated score of as many rows shows ``calibration_error_floor`` on average. ``slope``: of the logit of
    the label on the logit of the score; 1 is right, below 1 the score is too extreme, 0 says nothing.
    """

    attributes: tuple[str, ...]
    group: tuple[str, ...]
    roc_auc: Estimate
    error: float
    calibration: Estimate
    calibration_error: Estimate
    calibration_error_floor: float
    slope: Estimate


@dataclass(frozen=True, slots=True)
class Ranking:
    """An area under the ROC curve with DeLong's variance and the class counts it rests on.

    ``draws``: clusters with rows of the smaller class, where rows share clusters; None: every row is a draw.
    """

    value: float
    variance: float
    positives: int
    negatives: int
    error: float
    draws: int | None = None

    def interval(self, level: float) -> Interval:
        """DeLong's interval cut to [0, 1]; at exactly 0 or 1 Wilson's for the smaller class. Of clusters: Student's."""
        if not math.isfinite(self.value):
            return math.nan, math.nan
        if self.value in (0.0, 1.0):
            smaller = self.draws or min(self.positives, self.negatives)
            return wilson(self.value * smaller, smaller, level=level)
        free = (self.draws or 1) - 1
        half = (t_quantile(level, free) if free else normal_quantile(level)) * math.sqrt(self.variance)
        return max(self.value - half, 0.0), min(self.value + half, 1.0)

    def estimate(self, *, level: float = 0.95) -> Estimate:
        """The area with its interval; n counts the rows of the smaller class."""
        if not math.isfinite(self.value):
            return not_estimable("roc_auc", level=level)
        return Estimate("roc_auc", self.value, *self.interval(level), min(self.positives, self.negatives), level=level)


def score_figures(
    scores: ScoreTensor,
    *,
    depth: int | None = None,
    positive: int = 1,
    draws: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[ScoreFigures, ...]:
    """Ranking and calibration in every group of every subset of attributes up to ``depth``.

    Intervals: DeLong for the area, Student's for the mean, Wald's for the slope, ``draws`` resamples for the
    calibration error. Not for rows that repeat a person, nor for scores that are no probabilities.
    Source: DeLong et al., Biometrics 44 (1988) 837; Cox, Biometrika 45 (1958) 562 (slope).
    """
    rng = np.random.default_rng(seed)
    return tuple(
        figures
        for some in scores.histograms(depth=depth, positive=positive)
        for figures in _figures(some, draws, rng, level)
    )


def score_gaps(
    scores: ScoreTensor,
    metrics: Mapping[str, float],
    *,
    depth: int | None = None,
    positive: int = 1,
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """Area under the ROC curve ("roc_auc") and mean of score - label ("calibration") of every group against the rest.

    ``metrics``: name → tolerance of the difference. Judge them together with the other contrasts of one gate.
    """
    require_score_metrics(metrics)
    found = []
    for some in scores.histograms(depth=depth, positive=positive):
        for group, counts in zip(some.groups, some.counts, strict=True):
            for name, tolerance in metrics.items():
                sides, contrast = (_auc_sides if name == "roc_auc" else _mean_sides)(
                    counts, some.total - counts, tolerance, level
                )
                denominator = RARER if name == "roc_auc" else LABELLED
                found.append(Gap(name, some.attributes, group, denominator, *sides, contrast))
    return tuple(found)


def require_score_metrics(names: Iterable[str]) -> None:
    """``DataError`` for a name that is none of :data:`SCORE_METRICS`."""
    wrong = [name for name in names if name not in SCORE_METRICS]
    if wrong:
        raise DataError("no such metric of scores", got=wrong, allowed=", ".join(SCORE_METRICS), do="Use these names")


def ranking(counts: FloatArray) -> Ranking:
    """The area under the ROC curve of one histogram (2, cells): rows of a cell are tied."""
    below, above = counts
    negatives, positives = int(below.sum()), int(above.sum())
    if min(negatives, positives) == 0:
        return Ranking(math.nan, math.nan, positives, negatives, math.nan)
    beaten, beating = placed_by_cell(counts)
    area = float(above @ beaten) / positives
    error = float(above @ below) / (2 * positives * negatives)
    if min(negatives, positives) == 1:
        return Ranking(area, hanley_mcneil_variance(area, positives, negatives), positives, negatives, error)
    parts = [
        float(rows @ (placed - area) ** 2) / (n - 1) / n
        for rows, placed, n in ((above, beaten, positives), (below, beating, negatives))
    ]
    return Ranking(area, sum(parts), positives, negatives, error)


def placed_by_cell(counts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """By cell the share of negatives that a positive beats there, and of positives that beat a negative; ties count half."""
    below, above = counts
    return (np.cumsum(below) - below / 2) / below.sum(), 1 - (np.cumsum(above) - above / 2) / above.sum()


def _figures(some: Histograms, draws: int, rng: np.random.Generator, level: float) -> list[ScoreFigures]:
    errors, floors = _calibration_errors(some.counts, draws, rng, level)
    slopes = _slopes(some.counts, level)
    found = []
    for place, (group, counts) in enumerate(zip(some.groups, some.counts, strict=True)):
        ranked = ranking(counts)
        found.append(
            ScoreFigures(
                some.attributes,
                group,
                ranked.estimate(level=level),
                ranked.error,
                mean_estimate("calibration", _residual(counts), level=level),
                errors[place],
                floors[place],
                slopes[place],
            )
        )
    return found


def _auc_sides(
    group: FloatArray, rest: FloatArray, tolerance: float, level: float
) -> tuple[tuple[Estimate, Estimate], Contrast]:
    a, b = ranking(group), ranking(rest)
    return (a.estimate(level=level), b.estimate(level=level)), area_difference(a, b, tolerance=tolerance)


def area_difference(a: Ranking, b: Ranking, *, tolerance: float) -> Contrast:
    """The area of one side less that of the other, tolerated within ±``tolerance``, their intervals joined by squares."""
    value = a.value - b.value
    if not math.isfinite(value) or not tolerance > 0:
        nothing = Moments(0, math.nan, math.nan)
        return mean_difference(nothing, nothing, scale=1.0, tolerance=tolerance)

    def interval(at: float) -> Interval:
        (low1, high1), (low2, high2) = a.interval(at), b.interval(at)
        return value - math.hypot(a.value - low1, high2 - b.value), value + math.hypot(high1 - a.value, b.value - low2)

    # an area of exactly 0 or 1 has no variance of its own: then the ends of the interval say how far it may be off
    (low, high), z, known = interval(PASS_LEVEL), normal_quantile(PASS_LEVEL), math.sqrt(a.variance + b.variance)
    towards_zero = value - low if value > 0 else high - value
    detectable = _RESOLVING_Z * max(known, (high - low) / 2 / z)
    p_value = two_sided(value, max(known, towards_zero / z))
    return Contrast(value, -tolerance, tolerance, p_value, detectable <= tolerance, detectable, interval)


def _mean_sides(
    group: FloatArray, rest: FloatArray, tolerance: float, level: float
) -> tuple[tuple[Estimate, Estimate], Contrast]:
    a, b = _residual(group), _residual(rest)
    sides = mean_estimate("calibration", a, level=level), mean_estimate("calibration", b, level=level)
    return sides, mean_difference(a, b, scale=1.0, tolerance=tolerance)


def _residual(counts: FloatArray) -> Moments:
    """Moments of score - label of one histogram (2, cells)."""
    n = float(counts.sum())
    if n == 0:
        return Moments(0, math.nan, math.nan)
    residual = np.stack([middles(), middles() - 1])
    mean = float((counts * residual).sum()) / n
    spread = float((counts * (residual - mean) ** 2).sum())
    return Moments(int(n), mean, spread / (n - 1) if n > 1 else math.nan)


def _calibration_errors(
    counts: FloatArray, draws: int, rng: np.random.Generator, level: float
) -> tuple[list[Estimate], list[float]]:
    """Of each group (groups, 2, cells) the calibration error with its interval, and what no error would show."""
    promised = counts * middles()
    starts = np.minimum(np.arange(BINS + 1) * BANDS // BINS, BANDS - 1).searchsorted(np.arange(BANDS))
    rows, sums = (np.add.reduceat(side, starts, axis=2) for side in (counts, promised))
    n = rows.sum(axis=(1, 2))
    # rows of a band are drawn with the mean score of their label in that band
    mean = np.divide(sums, rows, out=np.zeros_like(sums), where=rows > 0)
    chance = np.divide(sums.sum(axis=1), rows.sum(axis=1), out=np.zeros((len(n), BANDS)), where=rows.sum(axis=1) > 0)
    noise = np.sqrt(2 / math.pi * rows.sum(axis=1) * chance * (1 - chance)).sum(axis=1)
    found, floors = [], []
    for place in range(len(n)):
        if n[place] == 0:
            found.append(not_estimable("expected_calibration_error", level=level))
            floors.append(math.nan)
            continue
        drawn = multinomial(rows[place].astype(np.int64).ravel(), draws, rng).astype(np.float64).reshape(-1, 2, BANDS)
        centre, resampled = (_distances(side, mean[place]) for side in (rows[place][np.newaxis], drawn))
        low, high = shifted(centre, resampled[:, np.newaxis], level)
        value, ends = float(centre[0]), (max(float(low[0]), 0.0), min(float(high[0]), 1.0))
        found.append(Estimate("expected_calibration_error", value, *ends, int(n[place]), level=level))
        floors.append(float(noise[place] / n[place]))
    return found, floors


def _distances(rows: FloatArray, mean: FloatArray) -> FloatArray:
    """Mean distance (d,) of promised and observed over the bands, from rows (d, 2, bands)."""
    gap = rows[:, 0] * mean[0] + rows[:, 1] * (mean[1] - 1)
    distance: FloatArray = np.abs(gap).sum(axis=1) / rows.sum(axis=(1, 2))
    return distance


def _slopes(counts: FloatArray, level: float) -> list[Estimate]:
    """The calibration slope of each group (groups, 2, cells) with Wald's interval, by Newton's method on all at once."""
    # a score of exactly 1 has no logit: it counts as one a quarter of a cell below
    score = np.minimum(middles(), 1 - 1 / (4 * BINS))
    x = np.log(score) - np.log1p(-score)
    n = counts.sum(axis=1)
    beta = np.tile([0.0, 1.0], (len(counts), 1))
    settled = np.zeros(len(counts), dtype=np.bool_)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-(beta[:, :1] + beta[:, 1:] * x)))
        weight = n * p * (1 - p)
        a, b, c = weight.sum(axis=1), weight @ x, weight @ (x * x)
        off = counts[:, 1] - n * p
        u, v = off.sum(axis=1), off @ x
        determinant = np.where(a * c - b * b > 1e-9 * a * c, a * c - b * b, np.nan)
        step = np.stack([c * u - b * v, a * v - b * u], axis=1) / determinant[:, np.newaxis]
        settled = np.abs(step).max(axis=1) < 1e-8
        if (settled | np.isnan(determinant)).all():
            break
        beta += np.clip(step, -1.0, 1.0)
    error = np.sqrt(a / determinant)
    z = normal_quantile(level)
    return [
        Estimate("calibration_slope", float(slope), float(slope - z * e), float(slope + z * e), int(rows), level=level)
        if done
        else not_estimable("calibration_slope", level=level)
        for slope, e, rows, done in zip(beta[:, 1], error, n.sum(axis=1), settled, strict=True)
    ]

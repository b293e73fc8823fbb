"""The measures behind the metrics: each gives a value with its interval and the rows of its own denominator.

Arguments are arrays already checked (see ``arrays``): ``truth`` (n,) and a ``score``, ``decision`` or ``money``. Use
``metrics.evaluate`` unless the checks were made before.
"""

import math
from typing import NamedTuple

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.bootstrap import Statistic, bootstrap_interval, share_interval
from ml_assets.statistics.calibration_noise import ECE_BINS, error_interval
from ml_assets.statistics.intervals import delong, mean_interval, wilson
from ml_assets.statistics.skewness import ratio_of_means, skewed_interval, squares_interval


class Figure(NamedTuple):
    """A value, its interval and the rows it rests on; nan when the denominator is empty."""

    value: float
    low: float
    high: float
    n: int


class How(NamedTuple):
    """How sure, and by which draws where there is no closed form."""

    level: float = 0.95
    seed: int = 0
    draws: int = 500


def nothing(n: int = 0) -> Figure:
    """The figure of a measure whose denominator is empty."""
    return Figure(math.nan, math.nan, math.nan, n)


# -- one value per row ------------------------------------------------------------------------------------------------


def log_losses(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Minus the log of the probability given to what happened, per row, in nats; probabilities of 0 count as 2e-16."""
    picked = _probability_of_truth(truth, score)
    losses: FloatArray = -np.log(np.clip(picked, np.finfo(np.float64).eps, 1.0))
    return losses


def brier_scores(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Squared error of the probabilities per row, 0 to 1: (p - y)²; for K classes half the sum over them."""
    if score.ndim == 1:
        squares: FloatArray = (score - truth) ** 2
        return squares
    # sum (p_k - y_k)² = sum p_k² - 2 p_truth + 1, without building the indicator matrix.
    halves: FloatArray = np.maximum((score**2).sum(axis=1) - 2 * _probability_of_truth(truth, score) + 1, 0.0) / 2
    return halves


def hits(truth: FloatArray, decision: FloatArray) -> FloatArray:
    """1 where the decision is the truth, else 0."""
    return np.equal(truth, decision).astype(np.float64)


def errors(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Prediction minus truth: above 0 where the prediction is too high."""
    signed: FloatArray = score - truth
    return signed


def absolute_errors(truth: FloatArray, score: FloatArray) -> FloatArray:
    """Distance of prediction and truth."""
    return np.abs(score - truth)


def money_as_given(_truth: FloatArray, money: FloatArray) -> FloatArray:
    """What each decision brought."""
    return money


def mean_figure(values: FloatArray, how: How) -> Figure:
    """The mean of per-row values with Student's t interval."""
    if values.size == 0:
        return nothing()
    return Figure(float(values.mean()), *mean_interval(values, level=how.level), int(values.size))


def money_figure(_truth: FloatArray, money: FloatArray, how: How) -> Figure:
    """The mean money with an interval for long tails of either sign."""
    if money.size == 0:
        return nothing()
    return Figure(float(money.mean()), *skewed_interval(money, level=how.level), int(money.size))


# -- shares of counts -------------------------------------------------------------------------------------------------


def rate_figure(successes: float, n: float, how: How) -> Figure:
    """A share of counted rows with Wilson's interval."""
    if n == 0:
        return nothing()
    return Figure(successes / n, *wilson(successes, n, level=how.level), int(n))


def precision(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """TP / (TP + FP)."""
    return rate_figure(float(truth @ decision), float(decision.sum()), how)


def recall(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """TP / (TP + FN)."""
    return rate_figure(float(truth @ decision), float(truth.sum()), how)


def specificity(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """TN / (TN + FP)."""
    return recall(1 - truth, 1 - decision, how)


def selection_rate(_truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """Decisions for the positive class / all."""
    return rate_figure(float(decision.sum()), float(decision.size), how)


def f1(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """2 TP / (2 TP + FP + FN); no positive in truth: nothing.

    With J = TP / (TP + FP + FN), F1 = 2J / (1 + J) grows with J: Wilson's ends of J are carried over.
    """
    if not truth.any():
        return nothing()
    share = rate_figure(float(truth @ decision), float(np.maximum(truth, decision).sum()), how)
    value, low, high = (2 * x / (1 + x) for x in share[:3])
    return Figure(value, low, high, share.n)


def balanced_accuracy(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """Mean over the classes present of the share of their rows decided right; fewer than two classes: nothing.

    The interval joins the Wilson intervals of the classes by the squares of their distances (as Newcombe's difference).
    """
    classes, where, counts = np.unique(truth, return_inverse=True, return_counts=True)
    k = classes.size
    if k < 2:
        return nothing(int(truth.size))
    right = np.bincount(where, weights=hits(truth, decision), minlength=k)
    shares = right / counts
    ends = np.array([wilson(float(x), float(n), level=how.level) for x, n in zip(right, counts, strict=True)])
    value = float(shares.mean())
    below = math.sqrt(float(((shares - ends[:, 0]) ** 2).sum())) / k
    above = math.sqrt(float(((ends[:, 1] - shares) ** 2).sum())) / k
    return Figure(value, value - below, value + above, int(truth.size))


# -- the rest ---------------------------------------------------------------------------------------------------------


def roc_auc(truth: FloatArray, score: FloatArray, how: How) -> Figure:
    """Chance that a positive row scores above a negative one; DeLong's interval."""
    e = delong(truth, score, level=how.level)
    return Figure(e.value, e.low, e.high, e.n)


def average_precision(truth: FloatArray, score: FloatArray, how: How) -> Figure:
    """Mean over the positives of the precision among the rows scored at least as high.

    Interval by resampling (``bootstrap.share_interval``).
    """
    if not truth.any():
        return nothing(int(truth.size))
    order = np.argsort(-score, kind="stable")
    y, s = truth[order], score[order]
    tie = np.concatenate([[0], np.cumsum(s[1:] != s[:-1])]).astype(np.int32)

    def statistic(index: IntArray) -> FloatArray:
        # Rows stand in score order, so a sorted resample needs no second look at the scores.
        rows = np.sort(index.astype(np.int32), axis=1)
        drawn, group = y[rows], tie[rows]
        last = np.ones(rows.shape, dtype=bool)
        last[:, :-1] = group[:, 1:] != group[:, :-1]
        position = np.arange(rows.shape[1])
        end = np.minimum.accumulate(np.where(last, position, rows.shape[1])[:, ::-1], axis=1)[:, ::-1]
        precise = np.take_along_axis(np.cumsum(drawn, axis=1), end, axis=1) / (end + 1)
        return _ratio((drawn * precise).sum(axis=1), drawn.sum(axis=1))

    value, positives = float(statistic(np.arange(truth.size)[np.newaxis, :])[0]), float(truth.sum())
    ends = share_interval(statistic, truth.size, positives=positives, draws=how.draws, level=how.level, seed=how.seed)
    return Figure(value, *ends, int(truth.size))


def expected_calibration_error(truth: FloatArray, score: FloatArray, how: How) -> Figure:
    """Mean distance of promised and observed rate over 15 equal bands of the score; interval by inversion of a test.

    Binary: P(positive) against the rate of positives. K classes: the highest probability against the share right.
    """
    if truth.size == 0:
        return nothing()
    gap, promised, band = calibration_gaps(truth, score)
    value = float(np.abs(np.bincount(band, weights=gap)).sum() / truth.size)
    low, high = error_interval(gap, promised, band, level=how.level, seed=how.seed, draws=how.draws)
    return Figure(value, low, high, int(truth.size))


def calibration_gaps(truth: FloatArray, score: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Per row (n,) what was observed less what was promised, the promise, and its band of the score."""
    promised, observed = (score, truth) if score.ndim == 1 else (score.max(axis=1), hits(truth, score.argmax(axis=1)))
    return observed - promised, promised, np.minimum((promised * ECE_BINS).astype(np.int64), ECE_BINS - 1)


def macro_f1(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    """Mean F1 over the classes that occur in truth or decision; bootstrap interval; one class in truth: nothing."""
    _, where = np.unique(np.concatenate([truth, decision]), return_inverse=True)
    y, d = where[: truth.size], where[truth.size :]
    if truth.size == 0 or y.min() == y.max():
        return nothing(int(truth.size))
    k, right = int(where.max()) + 1, (y == d).astype(np.float64)

    def statistic(index: IntArray) -> FloatArray:
        total = _sums(y[index], k) + _sums(d[index], k)
        scores = _ratio(2 * _sums(y[index], k, right[index]), total)
        means: FloatArray = np.nansum(scores, axis=1) / (total > 0).sum(axis=1)
        return means

    return _bootstrapped(statistic, truth.size, how)


def root_mean_squared_error(truth: FloatArray, score: FloatArray, how: How) -> Figure:
    """Root of the mean squared error, in the unit of the target; the ends are the roots of the interval of the mean square."""
    square = (score - truth) ** 2
    if not square.size:
        return nothing()
    ends = (float(square.mean()), *squares_interval(square, level=how.level))
    value, low, high = (math.sqrt(max(x, 0.0)) for x in ends)
    return Figure(value, low, high, int(square.size))


def r2(truth: FloatArray, score: FloatArray, how: How) -> Figure:
    """1 - squared error / squared distance from the mean truth; constant truth: nothing.

    The interval is Fieller's of the ratio of the two means, turned over.
    """
    if truth.size < 2 or truth.min() == truth.max():
        return nothing(int(truth.size))
    error, spread = (score - truth) ** 2, (truth - truth.mean()) ** 2
    low, high = ratio_of_means(error, spread, level=how.level)
    return Figure(1 - float(error.sum() / spread.sum()), 1 - high, 1 - low, int(truth.size))


def _bootstrapped(statistic: Statistic, n: int, how: How) -> Figure:
    if n == 0:
        return nothing()
    value = float(statistic(np.arange(n, dtype=np.int64)[np.newaxis, :])[0])
    low, high = bootstrap_interval(statistic, n, draws=how.draws, level=how.level, seed=how.seed)
    return Figure(value, low, high, n)


def _probability_of_truth(truth: FloatArray, score: FloatArray) -> FloatArray:
    if score.ndim == 1:
        return np.where(truth == 1, score, 1 - score)
    if truth.size and truth.max() >= score.shape[1]:
        got = f"class code {truth.max():g} and {score.shape[1]} columns of probabilities"
        raise DataError(
            "a truth without a probability", got=got, allowed="codes below the columns", do="Score all classes"
        )
    picked: FloatArray = np.take_along_axis(score, truth.astype(np.int64)[:, np.newaxis], axis=1)[:, 0]
    return picked


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    ratio: FloatArray = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
    return ratio


def _sums(cell: IntArray, cells: int, weight: FloatArray | None = None) -> FloatArray:
    """Per line of ``cell`` (d, m) the count, or the sum of ``weight``, in each of ``cells``: shape (d, cells)."""
    lines = cell.shape[0]
    flat = (cell + np.arange(lines)[:, np.newaxis] * cells).ravel()
    sums = np.bincount(flat, weights=None if weight is None else weight.ravel(), minlength=lines * cells)
    return sums.reshape(lines, cells).astype(np.float64)

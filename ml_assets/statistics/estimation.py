"""What a model probably earned before its labels are known, read from its own calibrated probabilities.

A calibrated score is a forecast of its own hits: the expected accuracy of a batch is the mean probability of what was
decided (confidence-based performance estimation). It is exact where the calibration holds and silent where it fails.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile, wilson
from ml_assets.statistics.value import BinaryValue, MulticlassValue, Value

BLIND_SPOT = (
    "Estimated without labels: right only while the scores stay calibrated. It follows a change of the rows, "
    "not a change of what the same rows turn out to be; only matured labels see that."
)
REGRESSION_REASON = "not estimable without labels: a regression prediction carries no probability of its own error"


def expected_metrics(
    score: npt.ArrayLike,
    decision: npt.ArrayLike,
    value: Value | None = None,
    *,
    level: float = 0.95,
    ranking: npt.ArrayLike | None = None,
) -> tuple[Estimate, ...]:
    """Expected metrics of decided rows whose labels are not known yet.

    ``score``: calibrated P(positive), shape (n,), with ``decision`` 0/1; or class probabilities (n, K) with
    ``decision`` the code of a class. Rows without a score are left out. Binary: accuracy, precision, recall, roc_auc;
    multiclass: accuracy; both: value_per_decision when ``value`` is given, in its money. For a ``RegressionValue``
    the answer is empty, see ``REGRESSION_REASON``. ``ranking`` (n,) orders the rows for roc_auc where that is not the
    probability itself: a recalibration makes ties that the model's own score does not have.

    Each is the expectation over labels drawn from the scores; the interval says where the realised figure of these
    very rows will fall at ``level``, by the delta method. Show ``BLIND_SPOT`` beside it. Not for uncalibrated scores.
    Source: Garg et al., ICLR 2022 (arXiv:2201.04234); NannyML's CBPE.
    """
    p = np.asarray(score, dtype=np.float64)
    d = np.asarray(decision, dtype=np.float64)
    if isinstance(value, BinaryValue | MulticlassValue | None):
        p, d, order = _known_rows(p, d, value, ranking)
        figures = _binary(p, d, value, level, order) if p.ndim == 1 else _multiclass(p, d, value, level)
        return tuple(figures)
    return ()


def estimate_coverage(expected: Sequence[Estimate], realised: Sequence[float], *, level: float = 0.95) -> Estimate:
    """Share of past batches whose realised figure fell inside the interval estimated before its labels came.

    About the level of the intervals when the estimates can be trusted, far below it when they cannot: look before
    relying on :func:`expected_metrics`. ``n`` is the number of batches where both are known.
    """
    if len(expected) != len(realised):
        raise DataError(
            "estimates to check", got=f"{len(expected)} for {len(realised)} figures", allowed="one each", do="Pair them"
        )
    known = [(e, r) for e, r in zip(expected, realised, strict=True) if e.estimable and math.isfinite(r)]
    if not known:
        return not_estimable("coverage", level=level)
    inside = sum(e.low <= r <= e.high for e, r in known)
    low, high = wilson(inside, len(known), level=level)
    return Estimate("coverage", inside / len(known), low, high, len(known), level=level)


def _known_rows(
    p: FloatArray, d: FloatArray, value: Value | None, ranking: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The rows that carry a score, with everything else about them checked."""
    order = p if ranking is None else np.asarray(ranking, dtype=np.float64)
    if p.ndim not in (1, 2) or d.shape != p.shape[:1] or order.shape[:1] != d.shape:
        raise DataError(
            "scores and decisions", got=f"{p.shape} and {d.shape}", allowed="(n,) or (n, K), and (n,)", do="Align them"
        )
    classes = 2 if p.ndim == 1 else p.shape[1]
    fits = value is None or isinstance(value, BinaryValue if p.ndim == 1 else MulticlassValue)
    if not fits or (isinstance(value, MulticlassValue) and len(value.matrix) != classes):
        raise DataError("value of decisions", got=value, allowed=f"one for {classes} classes", do="Give the right one")
    known = np.isfinite(p) if p.ndim == 1 else np.isfinite(p).all(axis=1)
    p, d, order = p[known], d[known], order[known]
    if p.size and not (p.min() >= -1e-6 and p.max() <= 1 + 1e-6):
        raise DataError("scores", got=f"{p.min():.4g} to {p.max():.4g}", allowed="0 to 1", do="Calibrate them")
    if not np.isin(d, np.arange(classes)).all():
        raise DataError("decisions", got="other values", allowed=f"whole numbers 0 to {classes - 1}", do="Encode them")
    return np.clip(p, 0.0, 1.0), d, order


def _binary(p: FloatArray, d: FloatArray, value: Value | None, level: float, order: FloatArray) -> list[Estimate]:
    noise = p * (1 - p)
    figures = [
        _mean("accuracy", np.where(d == 1, p, 1 - p), noise, level),
        _share("precision", p, d, d, level),
        _share("recall", p, d, p, level),
        _roc_auc(p, order, level),
    ]
    if isinstance(value, BinaryValue):
        if_positive = np.where(d == 1, value.true_positive, value.false_negative)
        if_negative = np.where(d == 1, value.false_positive, value.true_negative)
        money = p * if_positive + (1 - p) * if_negative
        figures.append(_money(money, noise * (if_positive - if_negative) ** 2, level))
    return figures


def _multiclass(p: FloatArray, d: FloatArray, value: Value | None, level: float) -> list[Estimate]:
    codes = d.astype(np.int64)
    hit = p[np.arange(len(codes)), codes]
    figures = [_mean("accuracy", hit, hit * (1 - hit), level)]
    if isinstance(value, MulticlassValue):
        earned = np.array(value.matrix, dtype=np.float64).T[codes]
        money = (p * earned).sum(axis=1)
        figures.append(_money(money, (p * earned**2).sum(axis=1) - money**2, level))
    return figures


def _mean(name: str, expected: FloatArray, variance: FloatArray, level: float) -> Estimate:
    n = len(expected)
    if n == 0:
        return not_estimable(name, level=level)
    return _estimate(name, float(expected.mean()), math.sqrt(float(variance.sum())) / n, n, level)


def _money(expected: FloatArray, variance: FloatArray, level: float) -> Estimate:
    n = len(expected)
    if n == 0:
        return not_estimable("value_per_decision", level=level)
    centre = float(expected.mean())
    half = normal_quantile(level) * math.sqrt(max(float(variance.sum()), 0.0)) / n
    return Estimate("value_per_decision", centre, centre - half, centre + half, n, "money", level)


def _share(
    name: Literal["precision", "recall"], p: FloatArray, d: FloatArray, of: FloatArray, level: float
) -> Estimate:
    """Expected true positives over the expected size of ``of``: the decided (precision) or the positives (recall)."""
    size = float(of.sum())
    if size <= 0:
        return not_estimable(name, level=level)
    rate = float((p * d).sum()) / size
    slope = d if name == "precision" else d - rate
    error = math.sqrt(float((p * (1 - p) * slope**2).sum())) / size
    return _estimate(name, rate, error, round(size), level)


def _roc_auc(p: FloatArray, order: FloatArray, level: float) -> Estimate:
    """Expected share of (positive, negative) pairs in the right order, ties half, labels drawn from ``p``.

    A row's label moves the figure by the pairs it would win as a positive less those it would lose as a negative.
    """
    values, place = np.unique(order, return_inverse=True)
    positive = np.bincount(place, weights=p, minlength=len(values))
    negative = np.bincount(place, weights=1 - p, minlength=len(values))
    below = (np.cumsum(negative) - negative / 2)[place] - (1 - p) / 2
    above = (positive.sum() - np.cumsum(positive) + positive / 2)[place] - p / 2
    noise = p * (1 - p)
    positives, negatives = float(p.sum()), float((1 - p).sum())
    pairs = positives * negatives - float(noise.sum())  # a row is never a pair with itself
    if pairs <= 1e-12:
        return not_estimable("roc_auc", level=level)
    auc = float((p * below).sum()) / pairs
    slope = (below - above - auc * (negatives - positives + 2 * p - 1)) / pairs
    return _estimate("roc_auc", auc, math.sqrt(float((noise * slope**2).sum())), len(p), level)


def _estimate(name: str, centre: float, error: float, n: int, level: float) -> Estimate:
    """A figure that lives in [0, 1]."""
    half = normal_quantile(level) * error
    return Estimate(name, centre, max(0.0, centre - half), min(1.0, centre + half), n, level=level)

"""What a model probably earned before its labels are known, its scores recalibrated for the batch at hand.

A score that is right on average over the reference can be wrong on average over other rows: calibration moves with the
rows. Reference rows weighted towards the batch say what a score means there (M-CBPE: multicalibrated confidence-based
performance estimation).
"""

import math

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, binary, codes, finite, probabilities, same_rows
from ml_assets.statistics.calibration import fit_calibration
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.estimation import expected_metrics
from ml_assets.statistics.intervals import normal_quantile
from ml_assets.statistics.value import Value

DRAWS, _LEAST_DRAWS = 200, 40
_OVERFIT = 2 ** (2 / 3) - 1
"""What a rising fit adds to a figure falls with rows^(-2/3); a draw has half the effective rows, so it adds so much more."""
_MOST_ROWS = 5_000
"""Rows of the batch the draws look at: their spread is that of the reference, whatever the size of the batch."""


def recalibrated_metrics(
    truth: npt.ArrayLike,
    reference_score: npt.ArrayLike,
    score: npt.ArrayLike,
    decision: npt.ArrayLike,
    value: Value | None = None,
    *,
    weight: npt.ArrayLike | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Estimate, ...]:
    """Expected metrics of decided rows, from their own scores and what such scores meant among known rows like them.

    ``truth`` (n,) and ``reference_score`` (n,) or (n, K): rows whose truth is known; ``weight`` (n,), 0 or more: how
    much each looks like a row of the batch (default: all alike). ``score`` (m,) or (m, K) and ``decision`` (m,): the
    batch. Metrics, names and units are those of :func:`expected_metrics`.

    The scores are mapped by :func:`recalibrate`; what ``draws`` random reweightings of the reference rows (Rubin's
    Bayesian bootstrap) show the fit to add to a figure is taken off it. The interval says where the realised figure of
    these very rows will fall at ``level``. Three parts, added as squares of their distances: the noise of the labels
    (delta method), the uncertainty of the map (the spread of the draws, and what was taken off), and that of the weights, for which a third of
    what they change counts as one standard deviation (a rule: estimated density ratios err towards no shift).
    Show ``estimation.BLIND_SPOT`` beside it.
    Errors: ``DataError`` for one class only, unequal lengths or classes, scores that are no probabilities.
    Source: Białek, Kivimäki, Kuberski and Perrakis, arXiv:2401.08348 (2024); Rubin, Annals of Statistics 9 (1981) 130.
    """
    y, known, w = _reference(truth, reference_score, weight)
    s, d = _batch(score, decision, known)
    some = _some_rows(s)

    def figures(w: FloatArray, rows: IntArray) -> tuple[Estimate, ...]:
        p = recalibrate(y, known, s[rows], weight=w)
        return expected_metrics(p, d[rows], value, level=level, ranking=s[rows] if s.ndim == 1 else None)

    def values(w: FloatArray) -> FloatArray:
        return np.array([e.value for e in figures(w, some)])

    centre, here = figures(w, np.arange(len(s))), values(w)
    rng = np.random.default_rng(seed)
    rounds = draws if s.ndim == 1 else max(draws // s.shape[1], _LEAST_DRAWS)
    drawn = np.array([values(w * rng.standard_exponential(y.size)) for _ in range(rounds)])
    moved = here - values(np.ones(y.size))
    added = (drawn.mean(axis=0) - here) / _OVERFIT
    spread = np.sqrt(drawn.var(axis=0, ddof=1) + added**2 + (moved / 3) ** 2)
    return tuple(map(_widened, centre, added.tolist(), spread.tolist()))


def recalibrate(
    truth: npt.ArrayLike, reference_score: npt.ArrayLike, score: npt.ArrayLike, *, weight: npt.ArrayLike | None = None
) -> FloatArray:
    """Scores (m,) or (m, K) as the probabilities that weighted known rows give them.

    Binary: the best rising fit of truth on score. K classes: one such fit per class against the rest, rows then made
    to sum to 1; a class that the known rows do not show, or show alone, keeps its score.
    """
    y, known, w = _reference(truth, reference_score, weight)
    s = probabilities(score)
    if known.ndim == 1:
        return fit_calibration(y, known, kind="isotonic", weight=w).apply(s)
    columns = [_of_class((y == k).astype(np.float64), known[:, k], s[:, k], w) for k in range(known.shape[1])]
    p = np.column_stack(columns)
    total: FloatArray = p.sum(axis=1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1.0), s)


def _of_class(y: FloatArray, known: FloatArray, s: FloatArray, w: FloatArray) -> FloatArray:
    shown = y[w > 0]
    if shown.size == 0 or shown.min() == shown.max():
        return s
    return fit_calibration(y, known, kind="isotonic", weight=w).apply(s)


def _batch(score: npt.ArrayLike, decision: npt.ArrayLike, known: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Scores and decisions of the rows that carry a score, of the same kind as the reference's."""
    s, d = np.asarray(score, dtype=np.float64), np.asarray(decision, dtype=np.float64)
    if s.ndim != known.ndim or s.shape[1:] != known.shape[1:] or d.shape != s.shape[:1]:
        got = f"{s.shape} and {d.shape} for {known.shape}"
        raise DataError("scores of another kind", got=got, allowed="(m,) or (m, K), and (m,)", do="Score both alike")
    rated = np.isfinite(s) if s.ndim == 1 else np.isfinite(s).all(axis=1)
    return probabilities(s[rated]), d[rated]


def _some_rows(s: FloatArray) -> IntArray:
    """At most ``_MOST_ROWS`` rows, evenly over the scores."""
    if len(s) <= _MOST_ROWS:
        return np.arange(len(s))
    by_score = np.argsort(s if s.ndim == 1 else s.max(axis=1), kind="stable")
    return by_score[np.linspace(0, len(s) - 1, _MOST_ROWS).round().astype(np.int64)]


def _widened(e: Estimate, bias: float, sd: float) -> Estimate:
    """The figure without its bias, the interval with the spread added; a share stays in [0, 1]."""
    if not e.estimable or not math.isfinite(sd):
        return e
    half = normal_quantile(e.level) * sd
    below, above = math.hypot(e.value - e.low, half), math.hypot(e.high - e.value, half)
    lowest, highest = (-math.inf, math.inf) if e.unit else (0.0, 1.0)
    value = min(max(e.value - bias, lowest), highest)
    return Estimate(e.name, value, max(value - below, lowest), min(value + above, highest), e.n, e.unit, e.level)


def _reference(
    truth: npt.ArrayLike, score: npt.ArrayLike, weight: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    known = probabilities(score, "reference_score")
    y = binary(truth) if known.ndim == 1 else codes(truth).astype(np.float64)
    w = np.ones(len(y)) if weight is None else finite(weight, "weight")
    same_rows(truth=y, reference_score=known, weight=w)
    if y.size == 0 or w.min() < 0 or w.sum() <= 0:
        raise DataError(
            "reference rows", got=f"{y.size} of weight {w.sum():g}", allowed="weights >= 0, sum > 0", do="Pass rows"
        )
    if known.ndim == 2 and y.max() >= known.shape[1]:
        raise DataError("truth", got=f"class {y.max():g}", allowed=f"0 to {known.shape[1] - 1}", do="Score every class")
    return y, known, w

"""Whether a score means what it says: mapping scores to probabilities, and keeping the map only if it helps.

Binary only: truth (n,) of 0/1 and score (n,) in [0, 1].
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, binary, finite, probabilities, same_rows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import mean_interval, wilson

Kind = Literal["none", "sigmoid", "isotonic"]

_FOLDS = 5
# Below these counts a fitted map is mostly noise: per class for any map, in all for the flexible one.
_CLASS_ROWS, _ISOTONIC_ROWS = 10, 1_000
# A score of exactly 0 or 1 has no logit.
_EDGE = 1e-7


@dataclass(frozen=True, slots=True)
class Calibration:
    """A monotone map of scores to probabilities.

    "none": the score itself; "sigmoid": 1 / (1 + exp(-(slope · logit(score) + intercept))), the identity at slope 1 and
    intercept 0; "isotonic": straight lines between the points (``x``, ``y``), flat beyond the ends.
    """

    kind: Kind = "none"
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        _checked_kind(self.kind)
        x, y = np.array(self.x), np.array(self.y)
        rising = x.size == y.size and bool((np.diff(x) > 0).all() and (np.diff(y) >= 0).all())
        if not (rising and (x.size or self.kind != "isotonic") and self.slope >= 0 and math.isfinite(self.intercept)):
            allowed = "x rising, y as long and not falling, slope >= 0"
            raise DataError(
                "a calibration that is no rising map", got=self.to_dict(), allowed=allowed, do="Fit it anew"
            )

    def apply(self, score: npt.ArrayLike) -> FloatArray:
        """The probabilities (n,) of scores (n,) in [0, 1]; never outside [0, 1], never changing the order."""
        s = _scores(score)
        if self.kind == "isotonic":
            return np.clip(np.interp(s, self.x, self.y), 0.0, 1.0)
        return _sigmoid(self.slope * _logit(s) + self.intercept) if self.kind == "sigmoid" else s

    def to_dict(self) -> dict[str, object]:
        """The same facts as JSON can hold them."""
        return {
            "kind": self.kind,
            "x": list(self.x),
            "y": list(self.y),
            "slope": self.slope,
            "intercept": self.intercept,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, object]) -> "Calibration":
        """The map back from ``to_dict``; ``DataError`` for facts that are none."""
        try:
            numbers = {key: _points(facts[key]) for key in ("x", "y")}
            slope, intercept = float(cast(float, facts["slope"])), float(cast(float, facts["intercept"]))
            kind = _checked_kind(facts["kind"])
        except (KeyError, TypeError, ValueError) as error:
            keys = "kind, x, y, slope, intercept"
            raise DataError("facts of no calibration", got=dict(facts), allowed=keys, do="Store to_dict()") from error
        return cls(kind, numbers["x"], numbers["y"], slope, intercept)


@dataclass(frozen=True, slots=True)
class CalibrationChoice:
    """The map to use ("none" unless ``kept``), the Brier score before it and, cross-fitted, after it, and why."""

    calibration: Calibration
    before: Estimate
    after: Estimate
    kept: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The rows scored from ``low`` to ``high``: the mean score promised and the rate of positives observed."""

    low: float
    high: float
    mean_score: float
    rate: Estimate


def fit_calibration(
    truth: npt.ArrayLike, score: npt.ArrayLike, *, kind: Kind, weight: npt.ArrayLike | None = None
) -> Calibration:
    """Fit a map on rows the model was not fitted on.

    ``weight`` (n,), 0 or more, says how many rows each stands for (their mean is made 1; default: one each).
    "sigmoid" is Platt's logistic fit on the logit of the score, targets smoothed, the slope never negative; "isotonic"
    is the best rising fit (pool adjacent violators), kept 1/(n+2) away from certainty, n being (Σw)²/Σw².
    Errors: ``DataError`` for one class only (except "none"), non-probabilities, unequal lengths.
    Source: Platt (1999) with Lin, Lin and Weng, Machine Learning 68 (2007) 267; Zadrozny and Elkan, KDD 2002.
    """
    y, s = _checked(truth, score)
    w = np.ones(y.size) if weight is None else finite(weight, "weight")
    same_rows(truth=y, weight=w)
    if w.min(initial=0.0) < 0:
        raise DataError("row weights", got=f"{w.min():.4g}", allowed="0 or more", do="Correct them")
    if _checked_kind(kind) == "none":
        return Calibration()
    y, s, w = y[w > 0], s[w > 0], w[w > 0]
    if y.size == 0 or y.min() == y.max():
        got = f"{int(y.sum())} positives of {y.size} rows"
        raise DataError("one class teaches no calibration", got=got, allowed="both classes", do="Pass more rows")
    w = w / w.mean()
    return _fit_sigmoid(y, s, w) if kind == "sigmoid" else _fit_isotonic(y, s, w)


def choose_calibration(truth: npt.ArrayLike, score: npt.ArrayLike, *, seed: int = 0) -> CalibrationChoice:
    """The map that lowers the Brier score, if one does so by more than its standard error; else none.

    Each map is fitted on four fifths and judged on the rest, five times (folds drawn by ``seed``, classes balanced), so
    that no row judges a map it taught. The isotonic map is tried from 1,000 rows on and must beat the sigmoid by more
    than a standard error; below 10 rows of a class nothing is tried. The kept map is fitted on all rows.
    """
    y, s = _checked(truth, score)
    raw = (s - y) ** 2
    before = _brier(raw)
    rarer = int(min(y.sum(), y.size - y.sum()))
    if rarer < _CLASS_ROWS:
        reason = f"Not calibrated: {rarer} rows of the rarer class, {_CLASS_ROWS} are needed."
        return CalibrationChoice(Calibration(), before, before, False, reason)
    fold = _folds(y, seed)
    kind: Kind = "sigmoid"
    crossed = _crossed(y, s, fold, kind)
    if y.size >= _ISOTONIC_ROWS:
        flexible = _crossed(y, s, fold, "isotonic")
        if _gain(crossed, flexible) > _standard_error(crossed - flexible):
            kind, crossed = "isotonic", flexible
    gain, noise = _gain(raw, crossed), _standard_error(raw - crossed)
    kept = gain > noise
    calibration = fit_calibration(y, s, kind=kind) if kept else Calibration()
    lead = f"Calibrated ({kind})" if kept else f"Not calibrated: the best map ({kind}) gains too little"
    reason = f"{lead}: Brier score {before.value:.4g} to {raw.mean() - gain:.4g}, a gain of {gain:+.2g} ± {noise:.2g}."
    return CalibrationChoice(calibration, before, _brier(crossed), kept, reason)


def reliability(truth: npt.ArrayLike, score: npt.ArrayLike, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Promised against observed rates in at most ``bins`` bands of about equally many rows, lowest scores first.

    A well calibrated score has its mean inside the interval (Wilson) of the observed rate in nearly every band. Rows of
    equal score share a band. No rows: no bands.
    """
    y, s = _checked(truth, score)
    if bins < 1:
        raise DataError("too few bands", got=bins, allowed="1 or more", do="Use 10 for instance")
    if y.size == 0:
        return ()
    inner = np.unique(np.quantile(s, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))
    band = np.searchsorted(inner, s, side="right")
    return tuple(_bin(y[band == i], s[band == i]) for i in np.unique(band))


def _bin(y: FloatArray, s: FloatArray) -> ReliabilityBin:
    n, positives = y.size, float(y.sum())
    rate = Estimate("rate", positives / n, *wilson(positives, n), n)
    low, high = float(s.min()), float(s.max())
    # Rounding may push the mean of equal scores a hair beyond them.
    return ReliabilityBin(low, high, min(max(float(s.mean()), low), high), rate)


def _fit_sigmoid(y: FloatArray, s: FloatArray, w: FloatArray) -> Calibration:
    positives = float(w @ y)
    # Platt's targets keep the fit finite where the score separates the classes.
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (y.size - positives + 2))
    x = np.column_stack([_logit(s), np.ones(y.size)])
    beta = np.array([1.0, 0.0])
    loss = _cross_entropy(x @ beta, target, w)
    for _ in range(100):
        p = _sigmoid(x @ beta)
        curvature = (x * (w * p * (1 - p))[:, np.newaxis]).T @ x + 1e-10 * np.eye(2)
        step = np.linalg.solve(curvature, x.T @ (w * (target - p)))
        while (new := _cross_entropy(x @ (beta + step), target, w)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2
        if loss - new <= 1e-12 * loss:
            break
        beta, loss = beta + step, new
    if beta[0] < 0:
        mean = float(np.average(target, weights=w))
        beta = np.array([0.0, math.log(mean / (1 - mean))])
    return Calibration("sigmoid", slope=float(beta[0]), intercept=float(beta[1]))


def _fit_isotonic(y: FloatArray, s: FloatArray, w: FloatArray) -> Calibration:
    from scipy.optimize import isotonic_regression

    x, where = np.unique(s, return_inverse=True)
    counts = np.bincount(where, weights=w)
    rates = np.bincount(where, weights=w * y) / counts
    fitted = isotonic_regression(rates, weights=counts).x
    # Only the ends of each flat stretch are needed to draw it.
    rises = np.flatnonzero(np.diff(fitted) > 0)
    ends = np.unique(np.concatenate([[0], rises, rises + 1, [x.size - 1]]))
    edge = 1 / (float(w.sum()) ** 2 / float(w @ w) + 2)
    levels = np.clip(fitted[ends], edge, 1 - edge)
    return Calibration("isotonic", tuple(x[ends].tolist()), tuple(levels.tolist()))


def _crossed(y: FloatArray, s: FloatArray, fold: IntArray, kind: Kind) -> FloatArray:
    """Squared error of each row under the map fitted on the other folds."""
    errors = np.empty(y.size)
    for k in range(_FOLDS):
        held = fold == k
        errors[held] = (fit_calibration(y[~held], s[~held], kind=kind).apply(s[held]) - y[held]) ** 2
    return errors


def _folds(y: FloatArray, seed: int) -> IntArray:
    rng = np.random.default_rng(seed)
    fold = np.empty(y.size, dtype=np.int64)
    for side in (0, 1):
        rows = np.flatnonzero(y == side)
        fold[rng.permutation(rows)] = np.arange(rows.size) % _FOLDS
    return fold


def _brier(squares: FloatArray) -> Estimate:
    value = float(squares.mean()) if squares.size else math.nan
    low, high = mean_interval(squares)
    return Estimate("brier_score", value, max(low, 0.0), min(high, 1.0), squares.size)


def _gain(before: FloatArray, after: FloatArray) -> float:
    return float((before - after).mean())


def _standard_error(values: FloatArray) -> float:
    return float(values.std(ddof=1)) / math.sqrt(values.size)


def _cross_entropy(logit: FloatArray, target: FloatArray, w: FloatArray) -> float:
    return float(w @ (np.logaddexp(0, logit) - target * logit))


def _logit(s: FloatArray) -> FloatArray:
    inside = np.clip(s, _EDGE, 1 - _EDGE)
    logit: FloatArray = np.log(inside) - np.log1p(-inside)
    return logit


def _sigmoid(logit: FloatArray) -> FloatArray:
    p: FloatArray = np.exp(-np.logaddexp(0, -logit))
    return np.clip(p, 0.0, 1.0)


def _scores(score: npt.ArrayLike) -> FloatArray:
    return finite(probabilities(score), "score")


def _checked(truth: npt.ArrayLike, score: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    y, s = binary(truth), _scores(score)
    same_rows(truth=y, score=s)
    return y, s


def _checked_kind(kind: object) -> Kind:
    if kind not in get_args(Kind):
        raise DataError(
            "an unknown calibration", got=repr(kind), allowed=", ".join(get_args(Kind)), do="Use one of these"
        )
    return cast(Kind, kind)


def _points(values: object) -> tuple[float, ...]:
    return tuple(float(value) for value in cast("list[float]", values))

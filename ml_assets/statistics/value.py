"""What decisions are worth: money per outcome, the threshold that earns most, and what simple policies would earn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, binary, codes, finite, probabilities, same_rows
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.skewness import skewed_interval

ALWAYS = 0.0
"""The threshold that decides every row positive."""
NEVER = math.nextafter(1.0, 2.0)
"""The threshold that no probability reaches: every row is decided negative."""
_CURVE_POINTS = 101


@dataclass(frozen=True, slots=True)
class BinaryValue:
    """Money of one decision by its outcome; costs are negative. Positive means truth (or decision) 1."""

    bounded: ClassVar[bool] = True
    """Whether what two decisions can differ by is declared, whatever the rows."""
    true_positive: float
    false_positive: float
    false_negative: float
    true_negative: float

    def money(self, truth: npt.ArrayLike, decision: npt.ArrayLike) -> FloatArray:
        """Money per row (n,), for truth and decision of 0/1."""
        y, d = binary(truth), binary(decision, "decision")
        same_rows(truth=y, decision=d)
        table = np.array([[self.true_negative, self.false_positive], [self.false_negative, self.true_positive]])
        return _looked_up(table, y, d)

    def least_difference(self, _one: npt.ArrayLike, _other: npt.ArrayLike) -> float:
        """The lowest money per row of one decision less another on the same truth, whatever the two decide."""
        return -max(abs(self.true_positive - self.false_negative), abs(self.true_negative - self.false_positive))


@dataclass(frozen=True, slots=True)
class RegressionValue:
    """Money per unit of error, usually negative: of predicting one unit too high, and one unit too low."""

    bounded: ClassVar[bool] = False
    """Whether what two decisions can differ by is declared, whatever the rows."""
    per_unit_over: float
    per_unit_under: float

    def money(self, truth: npt.ArrayLike, decision: npt.ArrayLike) -> FloatArray:
        """Money per row (n,), for truth and prediction in the unit of the target; 0 where they agree."""
        y, d = finite(truth, "truth"), finite(decision, "decision")
        same_rows(truth=y, decision=d)
        over, under = np.maximum(d - y, 0.0), np.maximum(y - d, 0.0)
        money: FloatArray = self.per_unit_over * over + self.per_unit_under * under
        return money

    def least_difference(self, one: npt.ArrayLike, other: npt.ArrayLike) -> float:
        """The lowest money per row of one prediction less another (n,) on the same truth, whatever the truth is.

        Money moves by at most the steeper of the two slopes per unit of prediction, so it is bounded by how far the two
        ever part: on these rows. It is assumed that they part no further on rows to come.
        """
        apart = np.abs(finite(one, "one") - finite(other, "other")).max(initial=0.0)
        return -max(abs(self.per_unit_over), abs(self.per_unit_under)) * float(apart)


@dataclass(frozen=True, slots=True)
class MulticlassValue:
    """Money of one decision as a K×K matrix: row = code of the truth, column = code of the decision."""

    bounded: ClassVar[bool] = True
    """Whether what two decisions can differ by is declared, whatever the rows."""
    matrix: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        rows = tuple(tuple(float(cell) for cell in row) for row in self.matrix)
        object.__setattr__(self, "matrix", rows)
        if len(rows) < 2 or any(len(row) != len(rows) for row in rows):
            got = f"rows of {[len(row) for row in rows]} values"
            raise DataError(
                "a value matrix that is not square", got=got, allowed="K rows of K values", do="Complete it"
            )

    def money(self, truth: npt.ArrayLike, decision: npt.ArrayLike) -> FloatArray:
        """Money per row (n,), for truth and decision as class codes 0..K-1."""
        y, d = codes(truth), codes(decision, "decision")
        same_rows(truth=y, decision=d)
        highest = max(y.max(initial=0), d.max(initial=0))
        if highest >= len(self.matrix):
            allowed = f"0 to {len(self.matrix) - 1}"
            raise DataError(
                "a class without a value", got=f"code {highest}", allowed=allowed, do="Add it to the matrix"
            )
        return _looked_up(np.array(self.matrix), y, d)

    def least_difference(self, _one: npt.ArrayLike, _other: npt.ArrayLike) -> float:
        """The lowest money per row of one decision less another on the same truth, whatever the two decide."""
        return -max(max(row) - min(row) for row in self.matrix)


Value = BinaryValue | RegressionValue | MulticlassValue


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """The threshold that earned most (decide positive when score >= threshold) and the curve around it.

    ``money_per_decision`` is the best seen on the rows it was chosen on, hence optimistic: judge it on other rows.
    """

    threshold: float
    money_per_decision: float
    curve: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """What a way of deciding earns: mean per decision with its interval, and the total over the rows."""

    name: str
    per_decision: Estimate
    total: float


def default_value(task: Literal["binary", "multiclass", "regression"], classes: int = 2) -> Value:
    """The value where none is declared: 1 per right decision and 0 else; for regression -1 per unit of error.

    Money per decision is then the accuracy, or minus the mean absolute error. Not a substitute for knowing the costs.
    """
    if task == "binary":
        return BinaryValue(1.0, 0.0, 0.0, 1.0)
    if task == "regression":
        return RegressionValue(-1.0, -1.0)
    return MulticlassValue(tuple(tuple(float(row == column) for column in range(classes)) for row in range(classes)))


def break_even(value: BinaryValue) -> float:
    """The probability from which a positive decision pays: Bayes' threshold (tn - fp) / ((tn - fp) + (tp - fn)).

    In [0, 1]; ``ALWAYS`` (0) where deciding positive never costs, ``NEVER`` (just above 1) where it never pays, 0.5
    where all decisions earn the same. It is right for calibrated probabilities; else use ``best_threshold``.
    Errors: ``DataError`` when wrong decisions earn more than right ones on both sides (no threshold can follow that).
    Source: Elkan, IJCAI 2001, equation 2.
    """
    on_positive = value.true_positive - value.false_negative
    on_negative = value.true_negative - value.false_positive
    if on_positive < 0 and on_negative < 0:
        raise DataError(
            "a value that rewards wrong decisions",
            got=value,
            allowed="true_positive >= false_negative or true_negative >= false_positive",
            do="Check the signs (costs are negative)",
        )
    if on_positive == 0 and on_negative == 0:
        return 0.5
    if on_positive <= 0 <= on_negative:
        return NEVER
    return ALWAYS if on_negative <= 0 else on_negative / (on_negative + on_positive)


def best_threshold(
    truth: npt.ArrayLike, score: npt.ArrayLike, value: BinaryValue, *, weight: npt.ArrayLike | None = None
) -> ThresholdChoice:
    """The threshold with the highest (weighted) money per decision, exact over all distinct scores.

    Decision = score >= threshold. A threshold stands in the middle between two neighbouring scores, at ``ALWAYS`` or at
    ``NEVER``; of several that earn the same the middle one is taken. ``curve`` holds at most 101 (threshold, money per
    decision) points in rising order, the chosen one among them. Choose on rows the model was not fitted on.
    Errors: ``DataError`` for no rows, non-probabilities, weights that are negative or sum to zero.
    """
    y, s = binary(truth), finite(probabilities(score), "score")
    w = np.ones(y.size) if weight is None else finite(weight, "weight")
    same_rows(truth=y, score=s, weight=w)
    if y.size == 0 or w.min() < 0 or w.sum() <= 0:
        got = f"{y.size} rows of weight {w.sum():g}"
        raise DataError("nothing to choose a threshold on", got=got, allowed="weights >= 0, sum > 0", do="Pass rows")
    scores, where = np.unique(s, return_inverse=True)
    positive, negative = (np.bincount(where, weights=w * side, minlength=scores.size) for side in (y, 1 - y))
    # Entry i decides positive from the i-th distinct score on; the last one decides nobody positive.
    selected_positive, selected_negative = _from_here_on(positive), _from_here_on(negative)
    gain = selected_positive * (value.true_positive - value.false_negative)
    loss = selected_negative * (value.true_negative - value.false_positive)
    base = positive.sum() * value.false_negative + negative.sum() * value.true_negative
    money = (base + gain - loss) / w.sum()
    thresholds = np.concatenate([[ALWAYS], (scores[:-1] + scores[1:]) / 2, [NEVER]])
    # Two neighbouring floats may have no float between them: the upper one is then the threshold.
    thresholds[1:-1] = np.where(thresholds[1:-1] > scores[:-1], thresholds[1:-1], scores[1:])
    tied = np.flatnonzero(money >= money.max() - 1e-12 * max(1.0, float(np.abs(money).max())))
    best = int(tied[(tied.size - 1) // 2])
    points = np.unique(np.append(np.linspace(0, money.size - 1, _CURVE_POINTS - 1).round().astype(np.int64), best))
    curve = tuple((float(thresholds[i]), float(money[i])) for i in points)
    return ThresholdChoice(float(thresholds[best]), float(money[best]), curve)


def expected_decision(probability: npt.ArrayLike, value: MulticlassValue) -> IntArray:
    """The class code (n,) with the highest expected money, for probabilities (n, K); the lowest code among equals."""
    p = probabilities(probability, "probabilities")
    k = len(value.matrix)
    if p.ndim != 2 or p.shape[1] != k:
        raise DataError("probabilities and values disagree", got=p.shape, allowed=f"(n, {k})", do="Score every class")
    decision: IntArray = np.argmax(p @ np.array(value.matrix), axis=1).astype(np.int64)
    return decision


def policies(truth: npt.ArrayLike, value: Value, *, rule: npt.ArrayLike | None = None) -> tuple[PolicyValue, ...]:
    """What ways of deciding without a model would have earned on these rows, and what perfect decisions would.

    Binary: "all_negative", "all_positive"; multiclass: "class_0", "class_1", …; regression: the "mean" and the "median"
    of these very truths (so slightly optimistic). Then "simple_rule" when the decisions of a ``rule`` (n,) are given,
    and "perfect", the ceiling.
    """
    y = finite(truth, "truth")
    decisions = [(name, np.full(y.size, constant)) for name, constant in _constants(y, value)]
    if rule is not None:
        decisions.append(("simple_rule", finite(rule, "rule")))
    decisions.append(("perfect", _perfect(y, value)))
    return tuple(policy_value(name, value.money(y, decision)) for name, decision in decisions)


def policy_value(name: str, money: npt.ArrayLike, *, level: float = 0.95) -> PolicyValue:
    """The mean (interval of ``skewness.skewed_interval``) and the total of the money per row (n,) that a policy earned."""
    m = finite(money, "money")
    if m.size == 0:
        return PolicyValue(name, not_estimable("value_per_decision", unit="money", level=level), 0.0)
    low, high = skewed_interval(m, level=level)
    per_decision = Estimate("value_per_decision", float(m.mean()), low, high, m.size, "money", level)
    return PolicyValue(name, per_decision, float(m.sum()))


def _constants(y: FloatArray, value: Value) -> Sequence[tuple[str, float]]:
    if isinstance(value, BinaryValue):
        return (("all_negative", 0.0), ("all_positive", 1.0))
    if isinstance(value, MulticlassValue):
        return tuple((f"class_{code}", float(code)) for code in range(len(value.matrix)))
    if y.size == 0:
        return (("mean", math.nan), ("median", math.nan))
    return (("mean", float(y.mean())), ("median", float(np.median(y))))


def _perfect(y: FloatArray, value: Value) -> FloatArray:
    """The decision that earns most in hindsight: the truth itself, unless the values say otherwise."""
    if isinstance(value, BinaryValue):
        of_positive = float(value.true_positive >= value.false_negative)
        return np.where(y == 1, of_positive, float(value.false_positive > value.true_negative))
    if isinstance(value, MulticlassValue):
        best = np.argmax(np.array(value.matrix), axis=1)
        truth = codes(y)
        decision: FloatArray = best[np.minimum(truth, best.size - 1)].astype(np.float64)
        return decision
    return y


def _from_here_on(counts: npt.NDArray[Any]) -> FloatArray:
    return np.append(np.cumsum(counts[::-1])[::-1], 0.0)


def _looked_up(table: FloatArray, truth: npt.NDArray[np.generic], decision: npt.NDArray[np.generic]) -> FloatArray:
    money: FloatArray = table[truth.astype(np.int64), decision.astype(np.int64)]
    return money

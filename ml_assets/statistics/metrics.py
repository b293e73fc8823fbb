"""The metrics a solution can be judged by, in one table, each with its interval.

Encodings: binary truth 0/1 (1 = positive) with score = P(positive) and decision 0/1; multiclass truth and decision are
codes 0..K-1 with score (n, K); regression truth and score are numbers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics import arrays, measures
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.clustered_metrics import clustered_ends
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.measures import Figure, How

Task = Literal["binary", "multiclass", "regression"]
Needs = Literal["score", "decision", "money"]
Rows = Callable[[FloatArray, FloatArray], FloatArray]
Function = Callable[[FloatArray, FloatArray, How], Figure]

_BINARY: frozenset[Task] = frozenset({"binary"})
_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_NUMBERS: frozenset[Task] = frozenset({"regression"})
_ALL: frozenset[Task] = _CLASSES | _NUMBERS


@dataclass(frozen=True)
class Metric:
    """One row of the table.

    ``function(truth, values, how)`` measures arrays already checked, ``values`` being what the metric ``needs``;
    ``rows`` gives the per-row values whose mean the metric is (None where it is not a mean), for paired comparisons.
    ``lowest`` and ``highest`` bound the value. ``around_zero``: the distance from 0 counts, ``direction`` speaks of it.
    """

    name: str
    tasks: frozenset[Task]
    direction: Literal["higher", "lower"]
    needs: Needs
    unit: str
    lowest: float
    highest: float
    summary: str
    function: Function
    rows: Rows | None = None
    around_zero: bool = False


def _of_rows(rows: Rows) -> Function:
    return lambda truth, values, how: measures.mean_figure(rows(truth, values), how)


def _accuracy(truth: FloatArray, decision: FloatArray, how: How) -> Figure:
    return measures.rate_figure(float(measures.hits(truth, decision).sum()), truth.size, how)


def _share(
    name: str, tasks: frozenset[Task], needs: Needs, function: Function, summary: str, *, lower: bool = False
) -> Metric:
    return Metric(name, tasks, "lower" if lower else "higher", needs, "", 0.0, 1.0, summary, function)


def _mean(name: str, tasks: frozenset[Task], needs: Needs, unit: str, rows: Rows, summary: str) -> Metric:
    return Metric(name, tasks, "lower", needs, unit, 0.0, math.inf, summary, _of_rows(rows), rows)


_TABLE = (
    _share("roc_auc", _BINARY, "score", measures.roc_auc, "Chance that a positive row scores above a negative one."),
    _share(
        "average_precision",
        _BINARY,
        "score",
        measures.average_precision,
        "Precision averaged over the positives found.",
    ),
    _mean(
        "log_loss", _CLASSES, "score", "nats", measures.log_losses, "Minus the log of the probability of what happened."
    ),
    Metric(
        "brier_score",
        _CLASSES,
        "lower",
        "score",
        "",
        0.0,
        1.0,
        "Mean squared error of the probabilities (half the sum over the classes).",
        _of_rows(measures.brier_scores),
        measures.brier_scores,
    ),
    _share(
        "expected_calibration_error",
        _CLASSES,
        "score",
        measures.expected_calibration_error,
        "Mean distance of promised and observed rate over 15 bands of the score.",
        lower=True,
    ),
    Metric(
        "accuracy", _CLASSES, "higher", "decision", "", 0.0, 1.0, "Share of right decisions.", _accuracy, measures.hits
    ),
    _share(
        "balanced_accuracy", _CLASSES, "decision", measures.balanced_accuracy, "Mean over the classes of their recall."
    ),
    _share("precision", _BINARY, "decision", measures.precision, "Share of positive decisions that are right."),
    _share("recall", _BINARY, "decision", measures.recall, "Share of the positives that are decided positive."),
    _share(
        "specificity", _BINARY, "decision", measures.specificity, "Share of the negatives that are decided negative."
    ),
    _share("f1", _BINARY, "decision", measures.f1, "Harmonic mean of precision and recall."),
    _share("selection_rate", _BINARY, "decision", measures.selection_rate, "Share of rows decided positive."),
    Metric(
        "value_per_decision",
        _ALL,
        "higher",
        "money",
        "money",
        -math.inf,
        math.inf,
        "Mean money per decision, by the declared values.",
        measures.money_figure,
        measures.money_as_given,
    ),
    _share("macro_f1", _CLASSES, "decision", measures.macro_f1, "Mean over the classes of their F1."),
    _mean(
        "mean_absolute_error",
        _NUMBERS,
        "score",
        "target units",
        measures.absolute_errors,
        "Mean distance of prediction and truth.",
    ),
    Metric(
        "root_mean_squared_error",
        _NUMBERS,
        "lower",
        "score",
        "target units",
        0.0,
        math.inf,
        "Root of the mean squared distance of prediction and truth.",
        measures.root_mean_squared_error,
    ),
    Metric(
        "r2",
        _NUMBERS,
        "higher",
        "score",
        "",
        -math.inf,
        1.0,
        "Share of the spread of truth that the prediction explains.",
        measures.r2,
    ),
    Metric(
        "mean_error",
        _NUMBERS,
        "lower",
        "score",
        "target units",
        -math.inf,
        math.inf,
        "Mean of prediction minus truth; above 0 the prediction is too high on average.",
        _of_rows(measures.errors),
        measures.errors,
        around_zero=True,
    ),
)

METRICS: Mapping[str, Metric] = {row.name: row for row in _TABLE}
# Ranking takes any score; these read it as a probability.
_PROBABILITY = frozenset({"log_loss", "brier_score", "expected_calibration_error"})


def metric(name: str) -> Metric:
    """The row of ``name``; ``DataError`` listing the allowed names when there is none."""
    try:
        return METRICS[name]
    except KeyError as error:
        names = ", ".join(METRICS)
        raise DataError("an unknown metric", got=repr(name), allowed=names, do="Use one of these names") from error


def names_for(task: Task) -> tuple[str, ...]:
    """The names of the metrics that can judge ``task``, in table order."""
    return tuple(row.name for row in METRICS.values() if task in row.tasks)


def better(name: str | Metric, a: float, b: float) -> bool:
    """Whether ``a`` is strictly better than ``b``; nan is never better, anything else is better than nan."""
    row = metric(name) if isinstance(name, str) else name
    if math.isnan(a) or math.isnan(b):
        return not math.isnan(a)
    if row.around_zero:
        a, b = abs(a), abs(b)
    return a > b if row.direction == "higher" else a < b


def evaluate(
    name: str,
    truth: npt.ArrayLike,
    *,
    score: npt.ArrayLike | None = None,
    decision: npt.ArrayLike | None = None,
    money: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    draws: int = 500,
    currency: str = "money",
    cluster: npt.NDArray[Any] | None = None,
) -> Estimate:
    """One metric of one set of rows, with its interval at ``level``.

    Intervals: DeLong (roc_auc), Wilson (rates), Student's t (means), Student's and Hall's (money), Hall's (root mean squared
    error), Fieller's (R²), ``draws`` seeded resamples elsewhere. Rows of one ``cluster`` (n,), such as a customer, count as one
    draw (``clustered_metrics``): ``n`` stays the rows, and one cluster alone has no bounds. Pass what the metric ``needs`` (a
    regression's prediction is its ``score``); other arrays are ignored. A metric without
    denominator, such as a recall without positives, is not estimable: nan, not an error. Money is in ``currency``.
    Errors: ``DataError`` for an unknown name, a missing array, gaps, unequal lengths, values outside the encoding.
    """
    row = metric(name)
    given = {"score": score, "decision": decision, "money": money}[row.needs]
    if given is None:
        raise DataError(f"{name} without {row.needs}", got="None", allowed="one value per row", do=f"Pass {row.needs}=")
    y, values = _read_truth(row, truth), _read_values(row, given)
    arrays.same_rows(**{"truth": y, row.needs: values})
    value, low, high, n = _figure(row, y, values, How(level, seed, draws), _draws(cluster, len(y)))
    if math.isfinite(value):
        low, high = min(max(low, row.lowest), value), max(min(high, row.highest), value)
    return Estimate(name, value, low, high, n, currency if row.needs == "money" else row.unit, level)


def _figure(row: Metric, truth: FloatArray, values: FloatArray, how: How, cluster: IntArray | None) -> Figure:
    """The metric by rows; with clusters its value by rows (few resamples do) and the ends by clusters."""
    if cluster is None:
        return row.function(truth, values, how)
    found = row.function(truth, values, how._replace(draws=2))
    low, high = clustered_ends(row.name, truth, values, cluster=cluster, figure=found, how=how)
    return found._replace(low=low, high=high)


def _draws(cluster: npt.NDArray[Any] | None, rows: int) -> IntArray | None:
    """The clusters as codes; None where every row is a cluster of its own."""
    code = None if cluster is None else cluster_codes(cluster, rows)
    return None if code is None or code.max(initial=-1) + 1 == rows else code


def _read_truth(row: Metric, truth: npt.ArrayLike) -> FloatArray:
    if row.needs == "money":
        return np.zeros(len(np.asarray(truth)))
    if row.tasks == _BINARY:
        return arrays.binary(truth)
    return arrays.finite(truth) if row.tasks == _NUMBERS else arrays.codes(truth).astype(np.float64)


def _read_values(row: Metric, given: npt.ArrayLike) -> FloatArray:
    if row.name in _PROBABILITY:
        return arrays.probabilities(given)
    if row.needs == "decision":
        return (
            arrays.binary(given, "decision")
            if row.tasks == _BINARY
            else arrays.codes(given, "decision").astype(np.float64)
        )
    return arrays.finite(given, row.needs)

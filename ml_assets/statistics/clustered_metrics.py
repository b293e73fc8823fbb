"""Intervals of the metrics where rows share a cause: a customer with ten rows is one draw, not ten.

Means and shares are those of ``clustered``; a metric that is neither is written as a sum of what each row pulls on it (its
influence values), and its squared error is the sum of the squared pulls of whole clusters. Values are those of ``measures``.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from ml_assets.statistics import measures
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.calibration_noise import error_interval, shared_noise
from ml_assets.statistics.clustered import cluster_sums, clustered_mean, clustered_share, worth
from ml_assets.statistics.intervals import (
    Interval,
    hanley_mcneil_variance,
    normal_quantile,
    placements,
    t_over_z,
    t_quantile,
    wilson,
)
from ml_assets.statistics.measures import Figure, How
from ml_assets.statistics.skewness import ratio_of_means, skewed_interval, squares_interval

Ends = Callable[[FloatArray, FloatArray, IntArray, Figure, How], Interval]
Rows = Callable[[FloatArray, FloatArray], FloatArray]
Counted = Callable[[FloatArray, FloatArray], tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]]

_UNBOUNDED: Interval = (-math.inf, math.inf)


def clustered_ends(
    name: str, truth: FloatArray, values: FloatArray, *, cluster: IntArray, figure: Figure, how: How
) -> Interval:
    """The interval of the metric ``name`` whose value by rows is that of ``figure``; ``cluster`` (n,): codes of the draws.

    Unbounded for fewer than two clusters, nan where there is no value.
    """
    if not math.isfinite(figure.value):
        return math.nan, math.nan
    if cluster.min() == cluster.max():
        return _UNBOUNDED
    return CLUSTERED[name](truth, values, cluster, figure, how)


def _mean(rows: Rows) -> Ends:
    """Student's interval of a mean of ``rows``, with clusters - 1 degrees of freedom."""

    def ends(truth: FloatArray, values: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
        found = clustered_mean(rows(truth, values), cluster).estimate("", level=how.level)
        return found.low, found.high

    return ends


def _money(_truth: FloatArray, money: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
    return skewed_interval(money, level=how.level, cluster=cluster)


def _share(counted: Counted, carried: Callable[[float], float] = float) -> Ends:
    """Wilson's interval of a share, on as many rows as the clusters of its denominator are worth.

    ``counted`` tells which rows are of the denominator, and which hold; ``carried`` what the metric is of that share.
    """

    def ends(truth: FloatArray, values: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
        among, held = counted(truth, values)
        found = clustered_share("", held[among], cluster[among], level=how.level)
        return carried(found.low), carried(found.high)

    return ends


def balanced_ends(truth: FloatArray, decision: FloatArray, cluster: IntArray, figure: Figure, how: How) -> Interval:
    """Of balanced accuracy: the ends of the classes' shares, joined by the correlation that clusters give the classes.

    Squared distance d'Rd / k², d the distances of the ends of the k classes from their shares and R the correlation of those
    shares: without correlation the squares add up, as they do by rows.
    Source: Newcombe, Statistics in Medicine 17 (1998) 2635, method 10 (paired shares), for a mean of k.
    """
    classes, where = np.unique(truth, return_inverse=True)
    held, inside = measures.hits(truth, decision) == 1, where[:, np.newaxis] == np.arange(classes.size)
    shares = [clustered_share("", held[at], cluster[at], level=how.level) for at in inside.T]
    value = np.array([one.value for one in shares])
    sums = cluster_sums(inside * (held[:, np.newaxis] - value) / inside.sum(axis=0), cluster)
    size = np.sqrt((sums**2).sum(axis=0))
    scaled = np.divide(sums, size, out=np.zeros_like(sums), where=size > 0)
    joint = scaled.T @ scaled
    np.fill_diagonal(joint, 1.0)
    below = value - np.array([one.low for one in shares])
    above = np.array([one.high for one in shares]) - value
    low, high = (math.sqrt(max(float(away @ joint @ away), 0.0)) / classes.size for away in (below, above))
    return figure.value - low, figure.value + high


def roc_auc_ends(truth: FloatArray, score: FloatArray, cluster: IntArray, figure: Figure, how: How) -> Interval:
    """Of the area under the ROC curve: DeLong's components summed by cluster, Student's t with the clusters of the smaller class.

    Where all positives, or all negatives, are of one cluster Hanley and McNeil's variance of as many rows as there are
    clusters stands in; at exactly 0 or 1 the open end is Wilson's for the clusters of the smaller class.
    Source: Obuchowski, Biometrics 53 (1997) 567, equation 4.
    """
    auc, counts = figure.value, [int(np.unique(cluster[truth == side]).size) for side in (1, 0)]
    smaller = min(counts)
    if auc in (0.0, 1.0):
        return wilson(auc * smaller, smaller, level=how.level)
    if smaller < 2:
        half = normal_quantile(how.level) * math.sqrt(hanley_mcneil_variance(auc, *counts))
        return auc - half, auc + half
    pulls = np.zeros((truth.size, 2))
    for column, (side, placed) in enumerate(zip((1, 0), placements(truth, score), strict=True)):
        pulls[truth == side, column] = (placed - auc) / placed.size
    sums = cluster_sums(pulls, cluster)
    free = np.array([count / (count - 1) for count in (*counts, len(sums))])
    variance = free @ np.array([*(sums**2).sum(axis=0), 2 * float(sums[:, 0] @ sums[:, 1])])
    half = t_quantile(how.level, smaller - 1) * math.sqrt(max(float(variance), 0.0))
    return auc - half, auc + half


def average_precision_ends(
    truth: FloatArray, score: FloatArray, cluster: IntArray, figure: Figure, how: How
) -> Interval:
    """Of average precision: Student's on the scale of log(p / (1 - p)), with the clusters that have positives.

    With N and pi the rows, and the precision, among those scored at least as high as a positive i, row j pulls by
    (y_j·(pi_j - AP) + sum over positives i scored no higher of (y_j - pi_i) / N_i) / positives: the derivative of the metric
    by the weight of the row. At exactly 1 the low end is Wilson's of those clusters.
    """
    from scipy.special import expit

    value, clusters = figure.value, float(np.unique(cluster[truth == 1]).size)
    if value >= 1:
        return wilson(clusters, clusters, level=how.level)[0], 1.0
    error = _error(average_precision_pulls(truth, score), cluster)
    edge = 0.5 / (truth.size * float(truth.sum()))
    kept = min(max(value, edge), 1 - edge)
    free = max(clusters - 1, 1.0)
    half = t_quantile(how.level, free) * math.sqrt((free + 1) / free) * error / (kept * (1 - kept))
    centre = math.log(kept / (1 - kept))
    return float(expit(centre - half)), float(expit(centre + half))


def average_precision_pulls(truth: FloatArray, score: FloatArray) -> FloatArray:
    """The influence values (n,) of average precision; their sum is 0."""
    order = np.argsort(-score, kind="stable")
    y, s = truth[order], score[order]
    first = np.concatenate([[True], s[1:] != s[:-1]])
    tie, start = np.cumsum(first) - 1, np.flatnonzero(first)
    rows = np.append(start[1:], y.size)[tie]
    precise = np.cumsum(y)[rows - 1] / rows
    later = [np.cumsum((y * x / rows)[::-1])[::-1][start][tie] for x in (np.ones_like(y), precise)]
    pulls = np.empty_like(y)
    pulls[order] = (y * (precise - (y @ precise) / y.sum() + later[0]) - later[1]) / y.sum()
    return pulls


def macro_f1_ends(truth: FloatArray, decision: FloatArray, cluster: IntArray, figure: Figure, how: How) -> Interval:
    """Of macro F1: Wilson's on as many rows as the clusters are worth."""
    error, clusters = _error(macro_f1_pulls(truth, decision), cluster), float(np.unique(cluster).size)
    draws = worth(figure.value, error, clusters=clusters, rows=float(truth.size), level=how.level)
    return wilson(figure.value * draws, draws, level=how.level)


def macro_f1_pulls(truth: FloatArray, decision: FloatArray) -> FloatArray:
    """The influence values (n,) of macro F1, by the classes of a row's truth and decision; their sum is 0.

    For class c the pull is (2·[truth = decision = c] - F1_c·([truth = c] + [decision = c])) / (rows true or decided c).
    """
    classes, where = np.unique(np.concatenate([truth, decision]), return_inverse=True)
    y, d = where[: truth.size], where[truth.size :]
    right = (y == d).astype(np.float64)
    total = np.bincount(where, minlength=classes.size).astype(np.float64)
    own = 2 * np.bincount(y, weights=right, minlength=classes.size) / total
    pulls: FloatArray = (2 * right / total[y] - own[y] / total[y] - own[d] / total[d]) / classes.size
    return pulls


def calibration_ends(truth: FloatArray, score: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
    """Of the expected calibration error: the inversion of ``error_interval``, the noise of the bands shared by clusters."""
    gap, promised, band = measures.calibration_gaps(truth, score)
    noise = shared_noise(gap, promised, band, cluster)
    clusters = int(np.unique(cluster).size)
    noise = noise * t_over_z(how.level, clusters - 1) ** 2
    return error_interval(gap, promised, band, level=how.level, seed=how.seed, draws=how.draws, covariance=noise)


def _squares(truth: FloatArray, score: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
    low, high = squares_interval((score - truth) ** 2, level=how.level, cluster=cluster)
    return math.sqrt(max(low, 0.0)), math.sqrt(max(high, 0.0))


def _r2(truth: FloatArray, score: FloatArray, cluster: IntArray, _figure: Figure, how: How) -> Interval:
    error, spread = (score - truth) ** 2, (truth - truth.mean()) ** 2
    low, high = ratio_of_means(error, spread, level=how.level, cluster=cluster)
    return 1 - high, 1 - low


def _error(pulls: FloatArray, cluster: IntArray) -> float:
    """Standard error of a metric from what its rows pull on it: G/(G - 1) · the sum over G clusters of their squared pulls."""
    sums = cluster_sums(pulls[:, np.newaxis], cluster)
    return math.sqrt(len(sums) / (len(sums) - 1) * float((sums**2).sum()))


def _all(held: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    return np.ones(held.shape, dtype=bool), held


CLUSTERED: Mapping[str, Ends] = {
    "roc_auc": roc_auc_ends,
    "average_precision": average_precision_ends,
    "log_loss": _mean(measures.log_losses),
    "brier_score": _mean(measures.brier_scores),
    "expected_calibration_error": calibration_ends,
    "accuracy": _share(lambda truth, decision: _all(truth == decision)),
    "balanced_accuracy": balanced_ends,
    "precision": _share(lambda truth, decision: (decision == 1, truth == 1)),
    "recall": _share(lambda truth, decision: (truth == 1, decision == 1)),
    "specificity": _share(lambda truth, decision: (truth == 0, decision == 0)),
    "f1": _share(
        lambda truth, decision: ((truth == 1) | (decision == 1), (truth == 1) & (decision == 1)),
        lambda share: 2 * share / (1 + share),
    ),
    "selection_rate": _share(lambda _truth, decision: _all(decision == 1)),
    "value_per_decision": _money,
    "macro_f1": macro_f1_ends,
    "mean_absolute_error": _mean(measures.absolute_errors),
    "root_mean_squared_error": _squares,
    "r2": _r2,
    "mean_error": _mean(measures.errors),
}
"""The interval of every metric by clusters."""

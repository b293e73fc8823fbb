"""What does one column alone tell about the truth? Measured on rows that did not teach it."""

import math

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.columns import Column
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import delong, midranks, normal_quantile
from ml_assets.statistics.metrics import Task

# A level of few rows is drawn towards the overall mean as if it held this many average rows more.
_PRIOR_ROWS = 10.0


def usefulness(
    column: Column, truth: npt.ArrayLike, *, task: Task, folds: int = 5, seed: int = 0, level: float = 0.95
) -> Estimate:
    """How well the column alone orders the truth.

    Binary: ROC AUC; multiclass: one-vs-rest ROC AUC, weighted by class share; both 0.5 = useless, 1 = perfect.
    Regression: absolute rank correlation, 0 = useless, 1 = perfect. The column is read as the out-of-fold mean truth of
    its level (numbers in 32 quantile bins, missing a level of its own), numbers also as they are; the better reading
    counts. Below "useless" it is worth nothing: chance, not an inverted ranking. Not for columns that matter only
    together, and of no use below some hundred rows.
    """
    y = np.asarray(truth, dtype=np.float64)
    levels = column.levels()
    if task == "multiclass":
        return _one_vs_rest(column, levels, y, folds, seed, level)
    return _best(_readings(column, levels, y, folds, seed), y, task, level)


def out_of_fold_mean(levels: IntArray, truth: FloatArray, *, folds: int = 5, seed: int = 0) -> FloatArray:
    """Mean truth of each row's level over the rows of the other folds (n,), shrunk towards the overall mean.

    (sum + 10·mean) / (count + 10); a row never sees its own truth but through that overall mean.
    Source: Micci-Barreca, SIGKDD Explorations 3 (2001) 27.
    """
    if truth.size == 0:
        return truth
    fold = np.random.default_rng(seed).permutation(truth.size) % folds
    size = int(levels.max()) + 1
    cell = fold * size + levels
    sums = np.bincount(cell, weights=truth, minlength=folds * size).reshape(folds, size)
    counts = np.bincount(cell, minlength=folds * size).reshape(folds, size)
    others = (sums.sum(axis=0) - sums + _PRIOR_ROWS * truth.mean()) / (counts.sum(axis=0) - counts + _PRIOR_ROWS)
    means: FloatArray = others[fold, levels]
    return means


def rank_correlation(a: FloatArray, b: FloatArray, *, level: float = 0.95) -> Estimate:
    """Spearman's rank correlation of two vectors (n,): -1 opposite order, 0 none, 1 the same order.

    Interval by Fisher's z with Bonett and Wright's variance (1 + r²/2)/(n - 3), Psychometrika 65 (2000) 23.
    """
    name, n = "rank_correlation", a.size
    x, y = midranks(a), midranks(b)
    if n < 4 or x.std() == 0 or y.std() == 0:
        return not_estimable(name, n=n, level=level)
    r = float(np.clip(np.mean((x - x.mean()) * (y - y.mean())) / (x.std() * y.std()), -1.0, 1.0))
    if abs(r) > 1 - 1e-12:
        return Estimate(name, r, r, r, n, level=level)
    z, half = math.atanh(r), normal_quantile(level) * math.sqrt((1 + r * r / 2) / (n - 3))
    return Estimate(name, r, math.tanh(z - half), math.tanh(z + half), n, level=level)


def _readings(column: Column, levels: IntArray, truth: FloatArray, folds: int, seed: int) -> tuple[FloatArray, ...]:
    means = out_of_fold_mean(levels, truth, folds=folds, seed=seed)
    if column.kind == "categorical" or column.missing.all():
        return (means,)
    filled = np.where(column.missing, np.nanmedian(column.numbers), column.numbers)
    return means, -filled if rank_correlation(filled, truth).value < 0 else filled


def _best(readings: tuple[FloatArray, ...], truth: FloatArray, task: Task, level: float) -> Estimate:
    found = [_ordering(reading, truth, task, level) for reading in readings]
    return max(found, key=lambda one: one.value if one.estimable else -math.inf)


def _ordering(reading: FloatArray, truth: FloatArray, task: Task, level: float) -> Estimate:
    if task == "regression":
        return rank_correlation(reading, truth, level=level)
    return delong(truth, reading, level=level)


def _one_vs_rest(column: Column, levels: IntArray, truth: FloatArray, folds: int, seed: int, level: float) -> Estimate:
    name = "one_vs_rest_roc_auc"
    classes, counts = np.unique(truth, return_counts=True)
    if classes.size < 2:
        return not_estimable(name, n=truth.size, level=level)
    found = [
        _best(_readings(column, levels, one, folds, seed), one, "binary", level)
        for one in ((truth == code).astype(np.float64) for code in classes)
    ]
    # The classes' areas rest on the same rows: adding their half-widths takes them as fully dependent, the widest case.
    figures = np.array([(one.value, one.low, one.high) for one in found])
    value, low, high = (float(figure) for figure in counts / truth.size @ figures)
    return Estimate(name, value, low, high, truth.size, level=level)

"""Categories with many levels as numbers: what the target is like at each level, learned so that no row teaches itself."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.design import Design, DesignColumn, TargetColumn, linear_design
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, category_codes
from ml_assets.learning.table import TrainingTable, targets
from ml_assets.learning.wide_levels import NARROW, NATIVE_LEVELS, WideColumn, WideLevels
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.metrics import Task

MANY_LEVELS = 20
"""A category with more levels is encoded; with fewer, each level has a coefficient of its own."""
FOLDS = 5
FEWEST_PRIOR_ROWS = 1.0
"""Even levels that seem to decide everything are pulled to the mean by a row: log odds stay finite."""
TELLING = 0.01
"""Chance that trees are given the numbers of a category that says nothing."""
TINY = 1e-9
"""Smallest probability whose logarithm is taken: that of a class the teaching rows do not show."""


def training_design(
    prepared: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    train: TrainingTable,
    *,
    seed: int,
    beside_levels: bool = False,
) -> tuple[Design, FloatArray]:
    """The design as it scores, and the matrix (rows, columns) to teach a model with.

    As :func:`linear_design`, but categories with more than ``MANY_LEVELS`` levels become a :class:`TargetColumn`, or get
    one ``beside_levels``, which a model that finds its own penalty makes use of. The two results differ in these alone:
    the design holds what all rows say of a level, the matrix what the other folds say of it. A model taught on the former
    would trust levels that only repeat their own rows; random identifiers show it. Rows of one cluster are in one fold: a
    level that names the customer would be taught by the customer's other rows.
    """
    truth = targets(train)
    columns: list[DesignColumn] = []
    for spec, plain in zip(specs, linear_design(prepared, specs).columns, strict=True):
        many = len(spec.categories) > MANY_LEVELS
        columns += [_encoded(prepared[spec.name], spec, truth, train)] if many else []
        columns += [] if many and not beside_levels else [plain]
    design = Design(tuple(columns))
    matrix = design.matrix(prepared)
    fold = train.folds(FOLDS, seed=seed)
    for column, start, stop in _spans(columns):
        if isinstance(column, TargetColumn):
            cell = _cells(prepared[column.name], column.cells)
            matrix[:, start:stop] = out_of_fold(cell, truth, train.weight, column.cells, fold, task=train.task)
    return design, matrix


def tree_inputs(
    prepared: pd.DataFrame, specs: Sequence[FeatureSpec], train: TrainingTable, *, seed: int
) -> tuple[WideLevels, FloatArray]:
    """The wide categories as they score, and the matrix (rows, inputs + encoded) to teach trees with.

    A category with more than ``NATIVE_LEVELS`` levels keeps the most frequent as levels, on which trees split together
    with other inputs, and gets beside them what the target is like at every level, taught out of fold as in
    :func:`training_design`; nothing (0 for all) where that :func:`tells` nothing. Without such a category the matrix is :func:`preprocessing.codes`.
    """
    wide_specs = [spec for spec in specs if len(spec.categories) > NATIVE_LEVELS]
    if not wide_specs:
        return NARROW, NARROW.matrix(prepared, specs)
    truth, fold = targets(train), train.folds(FOLDS, seed=seed)
    columns, blocks = list[WideColumn](), list[FloatArray]()
    for spec in wide_specs:
        size = len(spec.categories) + 1
        cell = _cells(prepared[spec.name], size)
        taught = out_of_fold(cell, truth, train.weight, size, fold, task=train.task)
        told = tells(taught, truth, train)
        columns.append(_wide(prepared[spec.name], spec, truth, train, prior_rows=None if told else np.inf))
        blocks.append(taught if told else np.zeros_like(taught))
    wide = WideLevels(tuple(columns))
    matrix = wide.matrix(prepared, specs)
    matrix[:, len(specs) :] = np.column_stack(blocks)
    return wide, matrix


def tells(taught: FloatArray, truth: FloatArray, train: TrainingTable) -> bool:
    """Whether what other folds say of a row's level goes with its own target, more than by chance (1 % in all outputs).

    One-sided, by the mean of taught · (truth - mean) over rows, clusters as one draw. Where it does not, a column of noise
    would cost trees more than it brings: they find their own splits in it.
    """
    away = train.weight[:, None] * (truth - np.average(truth, axis=0, weights=train.weight))
    means = [clustered_mean(x, train.cluster) for x in (taught * away).T]
    return min(one.p_value(0.0, shown="more") for one in means) < TELLING / len(means)


def level_values(
    cell: NDArray[np.int64],
    truth: FloatArray,
    weight: FloatArray,
    size: int,
    *,
    task: Task,
    prior_rows: float | None = None,
) -> FloatArray:
    """How far the target lies from its mean at each of ``size`` cells: (size, K), 0 = as everywhere or never seen.

    ``p = (sum + m mean) / (rows + m)`` in the weighted rows of a cell, as scikit-learn's ``TargetEncoder(smooth=m)``; then
    ``logit p - logit mean`` for two classes, ``log p - log mean`` for more, ``(p - mean) / standard deviation`` for a
    number. Own code because ``TargetEncoder`` takes no row weights, gives probabilities where a logistic line needs log
    odds, and with ``smooth="auto"`` trusts a level seen once completely (its variance within is 0).
    ``prior_rows`` is m; by default :func:`credible_rows` of each output. ``cell`` (n,) in 0..size-1, ``truth`` (n, K).
    """
    if not weight.sum() > 0:
        return np.zeros((size, truth.shape[1]))
    rows = np.bincount(cell, weights=weight, minlength=size)
    found = np.zeros((size, truth.shape[1]))
    for k, y in enumerate(truth.T):
        mean = float(np.average(y, weights=weight))
        sums = np.bincount(cell, weights=weight * (y - mean), minlength=size)
        prior = credible_rows(cell, y, weight, size) if prior_rows is None else prior_rows
        found[:, k] = _on_scale(
            sums / (rows + prior), mean, float(np.sqrt(np.average((y - mean) ** 2, weights=weight))), task
        )
    return found


def credible_rows(cell: NDArray[np.int64], y: FloatArray, weight: FloatArray, size: int) -> float:
    """Rows that a level needs until its own mean counts as much as the overall one: variance within / variance between.

    ``FEWEST_PRIOR_ROWS`` at least; infinite where the levels differ no more than chance makes them, or where no level
    repeats. Source: Bühlmann and Straub, Glaubwürdigkeit für Schadensätze, 1970 (the unbiased estimators of both).
    """
    rows = np.bincount(cell, weights=weight, minlength=size)
    shown, total = int((rows > 0).sum()), float(rows.sum())
    # A weight of 1 is a row, so sums of weights count rows.
    if total - shown < 1 or shown < 2:
        return np.inf
    means = np.bincount(cell, weights=weight * y, minlength=size) / np.where(rows > 0, rows, 1.0)
    within = float(weight @ (y - means[cell]) ** 2) / (total - shown)
    spread = float(rows @ (means - np.average(y, weights=weight)) ** 2)
    between = (spread - (shown - 1) * within) / (total - float(rows @ rows) / total)
    return max(within / between, FEWEST_PRIOR_ROWS) if between > 0 else np.inf


def out_of_fold(
    cell: NDArray[np.int64], truth: FloatArray, weight: FloatArray, size: int, fold: NDArray[np.int64], *, task: Task
) -> FloatArray:
    """:func:`level_values` of each row (n, K), learned from the rows of the other folds.

    They are differences from the mean of those same rows: with the means left in, a fold with a high mean would always
    be shown a low one, and a column that says nothing would be learned with the wrong sign.
    """
    answer = np.zeros_like(truth)
    for part in range(FOLDS):
        held = fold == part
        values = level_values(cell[~held], truth[~held], weight[~held], size, task=task)
        answer[held] = values[cell[held]]
    return answer


def _encoded(
    column: "pd.Series[Any]",
    spec: FeatureSpec,
    truth: FloatArray,
    train: TrainingTable,
    *,
    prior_rows: float | None = None,
) -> TargetColumn:
    size = len(spec.categories) + 1
    values = level_values(_cells(column, size), truth, train.weight, size, task=train.task, prior_rows=prior_rows)
    classes = train.classes if train.task == "multiclass" else ()
    return TargetColumn(spec.name, classes, tuple(values.ravel().tolist()))


def _wide(
    column: "pd.Series[Any]", spec: FeatureSpec, truth: FloatArray, train: TrainingTable, *, prior_rows: float | None
) -> WideColumn:
    counts = np.bincount(_cells(column, len(spec.categories) + 1), minlength=len(spec.categories) + 1)[:-1]
    kept = np.sort(np.argsort(-counts, kind="stable")[:NATIVE_LEVELS])
    return WideColumn(tuple(kept.tolist()), _encoded(column, spec, truth, train, prior_rows=prior_rows))


def _cells(column: "pd.Series[Any]", size: int) -> NDArray[np.int64]:
    """Category codes with missing as the last cell."""
    code = category_codes(column)
    return np.where(code < 0, size - 1, code)


def _on_scale(above: FloatArray, mean: float, deviation: float, task: Task) -> FloatArray:
    """``above``: shrunken mean of each cell less the overall one."""
    if task == "regression":
        return above / deviation if deviation > 0 else np.zeros_like(above)
    p, base = np.clip(mean + above, TINY, 1 - TINY), float(np.clip(mean, TINY, 1 - TINY))
    raised = np.log(p / base)
    return raised if task == "multiclass" else raised - np.log((1 - p) / (1 - base))


def _spans(columns: Sequence[DesignColumn]) -> list[tuple[DesignColumn, int, int]]:
    """Each column with the first and the end of the matrix columns it fills."""
    ends = np.cumsum([len(column.names()) for column in columns]).tolist()
    return list(zip(columns, [0, *ends[:-1]], ends, strict=True)) if columns else []

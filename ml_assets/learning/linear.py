"""Fits of the models that are readable JSON: nothing learned, one column, a ridge line, a logistic line."""

from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.design import Design, single_design
from ml_assets.learning.job import Job
from ml_assets.learning.losses import Loss, row_loss
from ml_assets.learning.predictors import LinearPredictor, Parameters, Predictor, limited
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, prepare
from ml_assets.learning.quantile_line import quantile_line, weighted_quantile
from ml_assets.learning.table import targets
from ml_assets.learning.target_encoding import training_design
from ml_assets.statistics.metrics import Task

Link = Literal["identity", "logistic", "softmax"]
LINKS: dict[Task, Link] = {"binary": "logistic", "multiclass": "softmax", "regression": "identity"}
FOLDS = 5
TINY = 1e-9
"""Smallest probability a frequency may become: log odds stay finite."""


def fit_dummy(job: Job) -> Predictor:
    """The same answer for every row: the weighted share of each class, the weighted mean, or the quantile that is asked for."""
    mean = _centre(targets(job.train), job.train.weight, job.loss)
    intercept = _margin(mean, job.train.task)
    return _predictor(job, (), Design(()), intercept, np.zeros((0, len(intercept))))


def fit_single_feature(job: Job) -> Predictor:
    """The one column that predicts best alone: each of its levels or bins answers with its own (shrunken) mean or quantile.

    The column is chosen by the loss of 5-fold out-of-fold answers in the training part. Parameters: ``bins`` (number of
    quantile bins of a number), ``prior_rows`` (weight of the overall answer in each cell, in rows).
    """
    truth, weight = targets(job.train), job.train.weight
    fold = job.train.folds(FOLDS, seed=job.seed)
    prior = float(cast(float, job.parameters["prior_rows"]))
    best: tuple[float, FeatureSpec, Design] | None = None
    for spec in job.specs:
        prepared = prepare(job.train.features, (spec,))
        design = single_design(prepared, spec, bins=int(cast(int, job.parameters["bins"])))
        answer = _out_of_fold(_cells(design, prepared), truth, weight, fold, prior, job.loss)
        scored = answer if job.train.task == "multiclass" else answer[:, -1]
        losses = row_loss(job.train.truth, scored, task=job.train.task, loss=job.loss)
        loss = float(np.average(losses, weights=weight))
        if best is None or loss < best[0]:
            best = (loss, spec, design)
    if best is None:
        return fit_dummy(job)
    _, spec, design = best
    cell = _cells(design, prepare(job.train.features, (spec,)))
    means = _cell_means(cell, truth, weight, len(design.names), prior, job.loss)
    base = _margin(means[0], job.train.task)
    return _predictor(job, (spec,), design, base, _margin(means[1:], job.train.task) - base)


def fit_linear_regression(job: Job) -> Predictor:
    """Ridge line; its penalty is the one of a fixed grid with the least 5-fold squared error in the training part.

    Cross-validation needs no refit: the Gram matrix of all folds but one is the total minus that fold's. Another loss
    than squared error begins there and goes on to the line of its quantile, pulled as strongly.
    """
    prepared = prepare(job.train.features, job.specs)
    design, taught = training_design(prepared, job.specs, job.train, seed=job.seed, beside_levels=True)
    x = np.column_stack([np.ones(len(prepared)), taught])
    fold = job.train.folds(FOLDS, seed=job.seed)
    given = job.parameters["alpha"]
    grid = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0) if given is None else (float(given),)
    truth, weight = np.asarray(job.train.truth, dtype=np.float64), job.train.weight
    alpha, beta = _ridge(x, truth, weight, fold, grid)
    if job.loss.kind != "squared":
        beta = quantile_line(x, truth, weight, quantile=job.loss.quantile, start=beta, alpha=alpha)
    fitted = {**job.parameters, "alpha": alpha}
    return _predictor(job, job.specs, design, beta[:1], beta[1:, None], parameters=fitted)


def fit_logistic_regression(job: Job) -> Predictor:
    """Logistic (binary) or multinomial line with an L2 penalty, by Newton steps. Parameters: ``C``, ``max_iter``."""
    from sklearn.linear_model import LogisticRegression

    prepared = prepare(job.train.features, job.specs)
    design, x = training_design(prepared, job.specs, job.train, seed=job.seed)
    present = np.unique(job.train.truth).astype(np.int64)
    # The Hessian of the Newton step is (columns x classes) squared; beyond that a quasi-Newton method is lighter.
    solver = "newton-cholesky" if x.shape[1] * max(len(present) - 1, 1) <= 1500 else "lbfgs"
    model = LogisticRegression(solver=solver, C=job.parameters["C"], max_iter=job.parameters["max_iter"], tol=1e-5)
    with limited(job.train.features.size):
        model.fit(x, np.asarray(job.train.truth).astype(np.int64), sample_weight=job.train.weight)
    intercept, coefficients = np.asarray(model.intercept_), np.asarray(model.coef_).T
    if job.train.task == "multiclass":
        intercept, coefficients = _all_classes(intercept, coefficients, present, job.n_classes)
    return _predictor(job, job.specs, design, intercept, coefficients)


def _predictor(
    job: Job,
    specs: tuple[FeatureSpec, ...],
    design: Design,
    intercept: FloatArray,
    coefficients: FloatArray,
    *,
    parameters: Parameters | None = None,
) -> LinearPredictor:
    used = job.parameters if parameters is None else parameters
    return LinearPredictor(job.family, used, specs, design, intercept, coefficients, LINKS[job.train.task])


def _margin(mean: FloatArray, task: Task) -> FloatArray:
    """What the link turns back into ``mean``."""
    if task == "regression":
        return mean
    bounded = np.clip(mean, TINY, 1.0 - TINY)
    return np.asarray(np.log(bounded) if task == "multiclass" else np.log(bounded / (1.0 - bounded)))


def _cells(design: Design, prepared: pd.DataFrame) -> NDArray[np.int64]:
    """The one-hot cell of each row, -1 where it has none."""
    matrix = design.matrix(prepared)
    return np.where(matrix.any(axis=1), matrix.argmax(axis=1), -1)


def _centre(truth: FloatArray, weight: FloatArray, loss: Loss) -> FloatArray:
    """Of each column: its weighted mean, or the quantile that the loss asks for."""
    if loss.kind == "squared":
        return np.asarray(np.average(truth, axis=0, weights=weight), dtype=np.float64)
    return np.array([weighted_quantile(column, weight, loss.quantile) for column in truth.T])


def _cell_means(
    cell: NDArray[np.int64], truth: FloatArray, weight: FloatArray, size: int, prior: float, loss: Loss
) -> FloatArray:
    """Overall answer (row 0), then that of each cell pulled towards it by ``prior`` rows: (size + 1, outputs)."""
    overall = _centre(truth, weight, loss)
    index = cell + 1
    if loss.kind != "squared":
        return np.vstack([overall, _cell_quantiles(cell, truth, weight, size, prior, loss, overall)])
    rows = np.bincount(index, weights=weight, minlength=size + 1)[1:, None]
    sums = [np.bincount(index, weights=weight * column, minlength=size + 1)[1:] for column in truth.T]
    return np.vstack([overall, (np.column_stack(sums) + prior * overall) / (rows + prior)])


def _cell_quantiles(
    cell: NDArray[np.int64],
    truth: FloatArray,
    weight: FloatArray,
    size: int,
    prior: float,
    loss: Loss,
    overall: FloatArray,
) -> FloatArray:
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(size + 1))
    answer = np.tile(overall, (size, 1))
    for i in range(size):
        at = order[ends[i] : ends[i + 1]]
        rows = float(weight[at].sum())
        if rows > 0:
            answer[i] = (rows * _centre(truth[at], weight[at], loss) + prior * overall) / (rows + prior)
    return answer


def _out_of_fold(
    cell: NDArray[np.int64], truth: FloatArray, weight: FloatArray, fold: NDArray[np.int64], prior: float, loss: Loss
) -> FloatArray:
    answer = np.empty_like(truth)
    size = int(cell.max(initial=0)) + 1
    for part in range(min(FOLDS, len(cell))):
        held = fold == part
        learn = ~held if len(cell) > 1 else held
        answer[held] = _cell_means(cell[learn], truth[learn], weight[learn], size, prior, loss)[cell[held] + 1]
    return answer


def _ridge(
    x: FloatArray, y: FloatArray, weight: FloatArray, fold: NDArray[np.int64], grid: tuple[float, ...]
) -> tuple[float, FloatArray]:
    grams, moments = [], []
    for part in range(FOLDS):
        held = fold == part
        weighted = x[held] * weight[held, None]
        grams.append(weighted.T @ x[held])
        moments.append(weighted.T @ y[held])
    gram, moment = sum(grams, np.zeros_like(grams[0])), sum(moments, np.zeros_like(moments[0]))
    penalty = np.eye(x.shape[1])
    penalty[0, 0] = 1e-10  # the intercept is free; a hair keeps the matrix invertible
    chosen = grid[0]
    if len(grid) > 1:
        errors = np.zeros(len(grid))
        for part in range(FOLDS):
            held = fold == part
            betas = [_solve(gram - grams[part] + a * penalty, moment - moments[part]) for a in grid]
            errors += weight[held] @ (y[held, None] - x[held] @ np.column_stack(betas)) ** 2
        chosen = grid[int(np.argmin(errors))]
    return chosen, _solve(gram + chosen * penalty, moment)


def _solve(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(a, b), dtype=np.float64)


def _all_classes(
    intercept: FloatArray, coefficients: FloatArray, present: NDArray[Any], n_classes: int
) -> tuple[FloatArray, FloatArray]:
    """Give classes that training did not show an intercept that makes them all but impossible."""
    if len(present) == 2 and len(intercept) == 1:  # scikit-learn writes two classes as one margin
        intercept, coefficients = np.array([0.0, intercept[0]]), np.column_stack([0 * coefficients, coefficients])
    wide = np.full(n_classes, float(intercept.max(initial=0.0)) + np.log(TINY))
    full = np.zeros((len(coefficients), n_classes))
    wide[present], full[:, present] = intercept, coefficients
    return wide, full

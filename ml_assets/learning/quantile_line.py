"""A line through a quantile instead of the mean: what a linear model minimises when errors cost unequally."""

import math

import numpy as np
from numpy.typing import NDArray

from ml_assets.learning.preprocessing import FloatArray

GAUSSIAN_DENSITY = 1 / math.sqrt(2 * math.pi)
"""Density of a standard normal at its centre: the curvature of the expected pinball loss per unit of spread."""
PASSES = (0.5, 0.1, 0.02)
"""Widths of the smoothing in residual spreads, one fit after the other."""


def quantile_line(
    x: FloatArray, y: FloatArray, weight: FloatArray, *, quantile: float, start: FloatArray, alpha: float
) -> FloatArray:
    """Coefficients (columns,) that minimise ``Σ w · pinball(y - x b) + penalty / 2 · |b|²``, the intercept (column 0) free.

    ``x`` (n, columns) with ones first; ``start`` (columns,): the ridge line with penalty ``alpha``. The pinball loss has
    about ``density / spread`` of the curvature of squared error, so the penalty is ``alpha`` times that: both lines are
    pulled alike. The kink is rounded by a normal kernel that narrows over three fits, then the intercept is put where
    a share ``quantile`` of the weight lies below.
    Source: He, Pan, Tan and Zhou, Smoothed quantile regression with large-scale inference, Journal of Econometrics 232, 2023.
    """
    from scipy.optimize import minimize

    spread = float(np.sqrt(np.average((y - x @ start) ** 2, weights=weight)))
    if spread == 0:
        return start
    penalty = np.full(x.shape[1], alpha * GAUSSIAN_DENSITY / spread)
    penalty[0] = 0.0
    beta = start.copy()
    beta[0] += weighted_quantile(y - x @ start, weight, quantile)
    for width in PASSES:
        found = minimize(
            _smoothed,
            beta,
            args=(x, y, weight, quantile, width * spread, penalty),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 300},
        )
        beta = np.asarray(found.x, dtype=np.float64)
    beta[0] += weighted_quantile(y - x @ beta, weight, quantile)
    return beta


def weighted_quantile(values: FloatArray, weight: FloatArray, quantile: float) -> float:
    """The smallest value with at least a share ``quantile`` of the weight at or below it; equal weights: the empirical quantile."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    at = int(np.searchsorted(reached, quantile * reached[-1] * (1 - 1e-12)))
    return float(values[order[min(at, len(order) - 1)]])


def _smoothed(
    beta: FloatArray,
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    quantile: float,
    width: float,
    penalty: FloatArray,
) -> tuple[float, FloatArray]:
    """Pinball loss convolved with a normal kernel of standard deviation ``width``, and its gradient."""
    from scipy.special import ndtr

    error = y - x @ beta
    below: NDArray[np.float64] = np.asarray(ndtr(-error / width), dtype=np.float64)
    kernel = np.exp(-0.5 * (error / width) ** 2) * GAUSSIAN_DENSITY
    loss = float(weight @ (quantile * error - error * below + width * kernel) + 0.5 * penalty @ beta**2)
    return loss, x.T @ (weight * (below - quantile)) + penalty * beta

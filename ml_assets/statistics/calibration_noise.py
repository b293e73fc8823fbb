"""How large an expected calibration error chance alone makes: what a measured one is held against."""

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.measures import ECE_BINS

DRAWS = 400


def chance_limit(
    score: NDArray[np.float64], *, tolerance: float, level: float = 0.95, seed: int = 0, draws: int = DRAWS
) -> float:
    """The expected calibration error that a model off by ``tolerance`` everywhere stays below with probability ``level``.

    ``score`` (n,): P(positive), or (n, K): probabilities, of which the highest counts. The error is a mean of absolute gaps
    over bands, so that chance only adds to it: a perfect model of 200 rows shows about 0.08. Truths are drawn from the
    scores moved by ``tolerance`` up, and down, whichever leaves more; for many rows the limit nears ``tolerance``.
    Raises ``DataError`` without rows, for scores that are no probabilities, or a tolerance outside [0, 1).
    Source: Bröcker and Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting 22, 2007
    (consistency resampling); here with the tolerance that is allowed.
    """
    promised = score if score.ndim == 1 else score.max(axis=1)
    if not promised.size or not ((promised >= 0) & (promised <= 1)).all() or not 0 <= tolerance < 1:
        got = f"{promised.size} scores, tolerance {tolerance}"
        raise DataError("no calibration error to expect", got=got, allowed="probabilities", do="Score some rows")
    rng = np.random.default_rng(seed)
    band = np.minimum((promised * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    limits = []
    for sign in (1.0, -1.0):
        rate = np.clip(promised + sign * tolerance, 0.0, 1.0)
        drawn = [_error(rng.random(promised.size) < rate, promised, band) for _ in range(draws)]
        limits.append(float(np.quantile(drawn, level)))
    return max(limits)


def _error(observed: NDArray[np.bool_], promised: NDArray[np.float64], band: NDArray[np.int64]) -> float:
    gaps = np.bincount(band, weights=observed - promised, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / promised.size)

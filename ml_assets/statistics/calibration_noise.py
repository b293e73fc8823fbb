"""How large an expected calibration error chance alone makes: the interval of a measured one, and what it is held against."""

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError

ECE_BINS = 15
"""Equal bands of the score."""
DRAWS = 400
STEPS = 30


def error_interval(
    gap: NDArray[np.float64],
    promised: NDArray[np.float64],
    band: NDArray[np.int64],
    *,
    level: float,
    seed: int,
    draws: int = DRAWS,
) -> tuple[float, float]:
    """Interval of an expected calibration error from observed less promised per row (n,) and each row's band.

    Chance only adds to a mean of absolute gaps, so resampled rows repeat the bias and their interval misses the truth. This
    one holds every error d for which the measured error is no rarity: were each band off by d, the gaps of the bands would
    be normal about d with the variance of their promises. It is stretched to the measured value where that lies outside.
    In [0, 1]; conservative for few rows. Source: inversion of a test, as Neyman 1937; the noise as in :func:`chance_limit`.
    """
    n, rng = gap.size, np.random.default_rng(seed)
    rows = np.bincount(band, minlength=ECE_BINS)
    noise = np.sqrt(np.bincount(band, weights=promised * (1 - promised), minlength=ECE_BINS))
    noise = noise * rng.standard_normal((draws, ECE_BINS))
    value = float(np.abs(np.bincount(band, weights=gap, minlength=ECE_BINS)).sum() / n)

    def reached(quantile: float) -> float:
        """The largest error whose quantile does not exceed the measured one."""
        low, high = 0.0, 1.0
        for _ in range(STEPS):
            middle = (low + high) / 2
            at = float(np.quantile(np.abs(middle * rows + noise).sum(axis=1), quantile) / n)
            low, high = (middle, high) if at <= value else (low, middle)
        return low

    half = (1 - level) / 2
    return min(reached(1 - half), value), max(reached(half), value)


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

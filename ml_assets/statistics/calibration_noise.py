"""How large an expected calibration error chance alone makes: the interval of a measured one, and what it is held against."""

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import t_over_z

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
    covariance: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Interval of an expected calibration error from observed less promised per row (n,) and each row's band.

    Chance only adds to a mean of absolute gaps, so resampled rows repeat the bias and their interval misses the truth. This
    one holds every error d for which the measured error is no rarity: were each band off by d, the gaps of the bands would
    be normal about d with the variance of their promises, or this ``covariance`` (:func:`shared_noise`). It is stretched to the measured value where that lies outside.
    In [0, 1]; conservative for few rows. Source: inversion of a test, as Neyman 1937; the noise as in :func:`chance_limit`.
    """
    n, rng = gap.size, np.random.default_rng(seed)
    rows = np.bincount(band, minlength=ECE_BINS)
    noise = rng.standard_normal((draws, ECE_BINS))
    if covariance is None:
        noise = np.sqrt(np.bincount(band, weights=promised * (1 - promised), minlength=ECE_BINS)) * noise
    else:
        noise = noise @ _root(covariance)
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


def shared_noise(
    gap: NDArray[np.float64], promised: NDArray[np.float64], band: NDArray[np.int64], cluster: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Covariance (bands, bands) of the summed gaps of the bands, rows of one ``cluster`` (n,) sharing part of their variance.

    Two rows of a cluster have the covariance r·s·s', s² = p·(1 - p) the variance of a promise p, in one band or in two. The
    correlation r is the mean product of two gaps of a cluster, each less the mean of its band, over s·s', against the same
    of a row with itself; 0 to 1. The variances of the promises alone where no two rows share a cluster.
    Source: moments, as Ridout, Demétrio and Firth, Biometrics 55 (1999) 137 compare them for binary outcomes.
    """
    spread, (pairs, squares), shared = np.sqrt(promised * (1 - promised)), _pairs(_off(gap, band), cluster), 0.0
    if pairs and squares:
        of_pairs, of_rows = _pairs(spread, cluster)
        shared = min(max(pairs / squares * of_rows / of_pairs, 0.0), 1.0) if of_pairs > 0 else 0.0
    sums = np.zeros((int(cluster.max(initial=-1)) + 1, ECE_BINS))
    np.add.at(sums, (cluster, band), spread)
    alone = np.bincount(band, weights=spread**2, minlength=ECE_BINS)
    found: NDArray[np.float64] = (1 - shared) * np.diag(alone) + shared * sums.T @ sums
    return found


def _pairs(values: NDArray[np.float64], cluster: NDArray[np.int64]) -> tuple[float, float]:
    """The sum of the products of two rows of a cluster, and of the squares."""
    squares = float(values @ values)
    return float((np.bincount(cluster, weights=values) ** 2).sum()) - squares, squares


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root


def chance_limit(
    score: NDArray[np.float64],
    *,
    tolerance: float,
    truth: NDArray[np.float64] | None = None,
    cluster: NDArray[np.int64] | None = None,
    level: float = 0.95,
    seed: int = 0,
    draws: int = DRAWS,
) -> float:
    """The expected calibration error that a model off by ``tolerance`` everywhere stays below with probability ``level``.

    ``score`` (n,): P(positive), or (n, K): probabilities, of which the highest counts. The error is a mean of absolute gaps
    over bands, so that chance only adds to it: a perfect model of 200 rows shows about 0.08. Truths are drawn from the
    scores moved by ``tolerance`` up, and down, whichever leaves more; for many rows the limit nears ``tolerance``.
    Rows of one ``cluster`` (n,), codes from 0, are drawn as alike as the ``truth`` (n,) shows them to be
    (:func:`shared_draws`), which raises the limit; without two rows of a cluster nothing changes. 1 where any error that
    these scores can show may be the chance of so few clusters, as always of one alone: then nothing can be told.
    Raises ``DataError`` without rows, for scores that are no probabilities, a tolerance outside [0, 1), or clusters without
    a truth. Source: Bröcker and Smith, Increasing the reliability of reliability diagrams, Weather and Forecasting 22, 2007
    (consistency resampling); here with the tolerance that is allowed.
    """
    promised = score if score.ndim == 1 else score.max(axis=1)
    if not promised.size or not ((promised >= 0) & (promised <= 1)).all() or not 0 <= tolerance < 1:
        got = f"{promised.size} scores, tolerance {tolerance}"
        raise DataError("no calibration error to expect", got=got, allowed="probabilities", do="Score some rows")
    if cluster is not None and promised.size > 1 and cluster.min() == cluster.max():
        return 1.0
    rng = np.random.default_rng(seed)
    band = np.minimum((promised * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    shared = None if cluster is None else shared_draws(_observed(score, truth) - promised, promised, band, cluster)
    limits = []
    for sign in (1.0, -1.0):
        rate = np.clip(promised + sign * tolerance, 0.0, 1.0)
        if cluster is None or not shared:
            drawn = [_error(rng.random(promised.size) < rate, promised, band) for _ in range(draws)]
        else:
            drawn = [_error(_alike(rate, cluster, shared, rng, level), promised, band) for _ in range(draws)]
        limits.append(float(np.quantile(drawn, level)))
    return 1.0 if shared and max(limits) >= _largest(promised, band) else max(limits)


def _largest(promised: NDArray[np.float64], band: NDArray[np.int64]) -> float:
    """The largest calibration error there can be: all rows of a band come true, or none, whichever is farther off."""
    none, every = (np.bincount(band, weights=away, minlength=ECE_BINS) for away in (promised, 1 - promised))
    return float(np.maximum(none, every).sum() / promised.size)


def shared_draws(
    gap: NDArray[np.float64], promised: NDArray[np.float64], band: NDArray[np.int64], cluster: NDArray[np.int64]
) -> float:
    """The chance r that two rows of a cluster take their truths from one and the same draw; 0: none ever does.

    Two truths of one draw, with the chances p and q, have the covariance min(p, q) - p·q. So r is the sum over pairs of
    the products of their gaps (observed less promised, less the mean of the band) over the sum of those covariances, each
    against the same of a row with itself; 0 to 1. 0 where no two rows share a cluster.
    Source: moments, as in :func:`shared_noise`.
    """
    pairs, squares = _pairs(_off(gap, band), cluster)
    if not pairs or not squares:
        return 0.0
    order = np.lexsort((promised, cluster))
    ranked, size = promised[order], np.bincount(cluster)
    later = (
        np.cumsum(size)[cluster[order]] - 1 - np.arange(gap.size)
    )  # rows of the cluster that promise at least as much
    of_pairs = 2 * float(ranked @ later) - _pairs(promised, cluster)[0]
    of_rows = float(promised @ (1 - promised))
    return min(max(pairs / squares * of_rows / of_pairs, 0.0), 1.0) if of_pairs > 0 else 0.0


def _off(gap: NDArray[np.float64], band: NDArray[np.int64]) -> NDArray[np.float64]:
    """Gaps less the mean of their band."""
    rows = np.maximum(np.bincount(band, minlength=ECE_BINS), 1)
    off: NDArray[np.float64] = gap - (np.bincount(band, weights=gap, minlength=ECE_BINS) / rows)[band]
    return off


def _observed(score: NDArray[np.float64], truth: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Whether what was promised came true, 0 or 1, by row."""
    if truth is None or len(truth) != len(score):
        got = "no truth" if truth is None else f"{len(truth)} truths"
        raise DataError(
            "How alike clusters are cannot be told", got=got, allowed=f"{len(score)} truths", do="Pass them"
        )
    return truth if score.ndim == 1 else (score.argmax(axis=1) == truth).astype(np.float64)


def _alike(
    rate: NDArray[np.float64], cluster: NDArray[np.int64], shared: float, rng: np.random.Generator, level: float
) -> NDArray[np.float64]:
    """Truths drawn at ``rate``, each by the draw of its cluster with probability √shared, else by its own.

    Their distance from the rate is stretched by t/z with clusters - 1 degrees of freedom, as ``shared`` is itself measured.
    Source: Lunn and Davies, A note on generating correlated binary variables, Biometrika 85 (1998) 487.
    """
    clusters = int(cluster.max()) + 1
    common = rng.random(rate.size) < np.sqrt(shared)
    drawn = np.where(common, rng.random(clusters)[cluster], rng.random(rate.size)) < rate
    wider = t_over_z(level, clusters - 1)
    return rate + wider * (drawn - rate)


def _error(
    observed: NDArray[np.bool_] | NDArray[np.float64], promised: NDArray[np.float64], band: NDArray[np.int64]
) -> float:
    gaps = np.bincount(band, weights=observed - promised, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / promised.size)

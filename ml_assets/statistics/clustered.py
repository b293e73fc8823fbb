"""Means of rows that share a cause: a customer with ten rows is one customer, not ten."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import t_over_z, t_quantile, wilson

_NORMAL = 1e9
"""Degrees of freedom at which Student's t is the normal distribution."""


@dataclass(frozen=True, slots=True)
class ClusteredMean:
    """``value``: mean of n rows; ``error``: its standard error; ``freedom``: degrees of freedom of that, clusters - 1."""

    value: float
    error: float
    n: int
    freedom: float

    def estimate(self, name: str, *, unit: str = "", level: float = 0.95) -> Estimate:
        """With Student's interval; unbounded for one cluster."""
        if not self.n:
            return not_estimable(name, unit=unit, level=level)
        half = t_quantile(level, self.freedom) * self.error if self.freedom > 0 else math.inf
        return Estimate(name, self.value, self.value - half, self.value + half, self.n, unit, level)

    def with_noise(self, error: float, freedom: float) -> "ClusteredMean":
        """The same with another, independent noise: errors add as squares, freedom by Welch and Satterthwaite.

        ``error``: standard deviation of the noise, known by ``freedom`` independent looks (math.inf where it is known).
        """
        if error == 0 or self.freedom <= 0:
            return self
        total = self.error**2 + error**2
        spread = self.error**4 / self.freedom + error**4 / freedom
        joint = min(total**2 / spread, _NORMAL) if spread > 0 else _NORMAL
        return ClusteredMean(self.value, math.sqrt(total), self.n, joint)

    def p_value(self, limit: float, *, shown: Literal["less", "more"]) -> float:
        """One-sided, by Student's t: the chance of such rows were the true mean not ``shown`` ("less" or "more") than ``limit``.

        1 where there is nothing to tell by (fewer than two clusters).
        """
        if self.freedom <= 0:
            return 1.0
        away = self.value - limit if shown == "less" else limit - self.value
        if self.error == 0:
            return float(away >= 0)
        from scipy.special import stdtr

        return float(stdtr(self.freedom, away / self.error))


def cluster_codes(cluster: npt.NDArray[Any], rows: int) -> npt.NDArray[np.int64]:
    """Clusters (n,) of any type as codes from 0; ``DataError`` where there is not one per row."""
    if len(cluster) != rows:
        raise DataError("Clusters do not match the rows", got=len(cluster), allowed=rows, do="Give one per row")
    named = cluster if cluster.dtype.kind in "iub" else cluster.astype(str)
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def cluster_sums(values: FloatArray, cluster: npt.NDArray[Any] | None = None) -> FloatArray:
    """Sums (G, k) of the columns of ``values`` (n, k) over the rows of each of G clusters (n,); the rows themselves for None.

    Errors: ``DataError`` where there is not one cluster per row.
    """
    if cluster is None:
        return values
    code = cluster_codes(cluster, len(values))
    sums = np.zeros((int(code.max(initial=-1)) + 1, values.shape[1]))
    np.add.at(sums, code, values)
    return sums


def covariance_of_means(values: FloatArray, cluster: npt.NDArray[Any] | None = None) -> FloatArray:
    """Covariance (k, k) of the k column means of ``values`` (n, k), rows of one ``cluster`` (n,) counted as one draw.

    G/(G - 1) · Σ_g e_g e_gᵀ / n², e_g the sum over cluster g of (row - mean): the plain covariance over n where every row is
    a cluster of its own; nan with fewer than two clusters. Not for clusters that share a cause with one another.
    Source: Liang and Zeger, Biometrika 73 (1986) 13, for a mean.
    """
    away = cluster_sums(values - values.mean(axis=0) if len(values) else values, cluster)
    count = len(away)
    if count < 2:
        return np.full((values.shape[1], values.shape[1]), math.nan)
    found: FloatArray = away.T @ away * (count / (count - 1)) / len(values) ** 2
    return found


def clustered_mean(values: FloatArray, cluster: npt.NDArray[Any] | None = None) -> ClusteredMean:
    """Mean of ``values`` (n,) with the standard error of :func:`covariance_of_means`; nan without rows."""
    if not len(values):
        return ClusteredMean(math.nan, math.nan, 0, 0.0)
    spread = covariance_of_means(values[:, np.newaxis], cluster)
    clusters = len(values) if cluster is None else len(np.unique(cluster))
    return ClusteredMean(float(values.mean()), math.sqrt(float(spread[0, 0])), len(values), clusters - 1.0)


def clustered_share(
    name: str, rows: npt.NDArray[np.bool_], cluster: npt.NDArray[Any] | None = None, *, level: float = 0.95
) -> Estimate:
    """Share of ``rows`` (n,) that hold, with Wilson's interval on as many rows as the clusters are :func:`worth`; 0..1.

    Without clusters it is Wilson's interval of the rows.
    """
    if not len(rows):
        return not_estimable(name, level=level)
    n, mean = len(rows), clustered_mean(rows.astype(np.float64), cluster)
    draws = float(n)
    if cluster is not None:
        draws = worth(mean.value, mean.error, clusters=mean.freedom + 1, rows=n, level=level)
    return Estimate(name, mean.value, *wilson(mean.value * draws, draws, level=level), n, level=level)


def worth(
    share: float, error: float, *, clusters: float, rows: float, level: float = 0.95, apart: bool = True
) -> float:
    """How many independent rows tell as much of a ``share`` as these clusters do, whose standard error is ``error``.

    Share·(1 - share) / error², ``rows`` at most, and ``rows`` where each is a cluster of its own, unless the error holds more
    than the spread of these rows (not ``apart``: what they share with rows elsewhere); the number of clusters where all
    rows, or none, hold, or where every cluster has the same share. Less by (z / t)² for the ``level``, as the error is
    itself estimated.
    Source: Korn and Graubard, Survey Methodology 24 (1998) 193 (effective size).
    """
    if clusters < 2 or not 0 < share < 1 or (apart and clusters >= rows):
        return min(clusters, rows)
    own = share * (1 - share) / error**2 if error > 0 else clusters
    return min(own / t_over_z(level, clusters - 1) ** 2, rows)

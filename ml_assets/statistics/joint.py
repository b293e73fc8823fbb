"""Many columns that each moved a little, taken together: no single one is beyond chance, all of them are."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_assets.statistics.association import PairBlock, alike

FEWEST_ROWS_PER_COLUMN = 10
_FLATTEST = 0.1  # directions in which columns nearly repeat each other say nothing of their own
_NAMED = 5


@dataclass(frozen=True, slots=True)
class JointShift:
    """Whether the numeric columns, taken together, have other locations.

    ``distance``: length of the common shift in standard deviations (Mahalanobis), less what chance alone gives: 0 none.
    ``columns``: those that moved most, strongest first. ``n`` current rows; ``p_value`` 1 where it cannot be tested.
    """

    distance: float
    columns: tuple[str, ...]
    n: int
    p_value: float

    @property
    def sentence(self) -> str:
        """The shift in words."""
        return f"together moved by {self.distance:.2f} sd (most: {', '.join(self.columns)}; n = {self.n:,})"


def joint_shift(
    location: Mapping[str, float], reference: PairBlock, current: PairBlock, *, n: int, m: int
) -> JointShift:
    """Hotelling's test on ranks: ``location`` holds the z-score of each column's shift between ``n`` and ``m`` rows.

    ``z' R⁻¹ z`` is chi-square without drift, R being the rank correlations of both sides together, taken along its
    directions with an eigenvalue above 0.1. Columns without a z-score, and those the blocks do not hold, are left out; with fewer
    than ten rows per column on a side nothing is tested. Source: Puri & Sen, Nonparametric Methods in Multivariate
    Analysis, 1971.
    """
    from scipy.special import chdtrc

    reference, current = alike(reference, current)
    names = [c for c in reference.columns if c in location and math.isfinite(location[c])]
    if len(names) < 2 or min(n, m) < FEWEST_ROWS_PER_COLUMN * len(names):
        return JointShift(0.0, (), m, 1.0)
    at = [reference.columns.index(c) for c in names]
    found = reference.merge(current).correlations()[np.ix_(at, at)]
    together = np.where(np.isfinite(found), found, 0.0)
    np.fill_diagonal(together, 1.0)
    z = np.array([location[c] for c in names])
    values, directions = np.linalg.eigh(together)
    kept = values > _FLATTEST
    statistic = float((((directions.T @ z)[kept]) ** 2 / values[kept]).sum())
    freedom = int(kept.sum())
    distance = math.sqrt(max(0.0, statistic - freedom) * (1 / n + 1 / m))
    strongest = [names[i] for i in np.argsort(-np.abs(z), kind="stable")[:_NAMED]]
    return JointShift(distance, tuple(strongest), m, float(chdtrc(freedom, statistic)))

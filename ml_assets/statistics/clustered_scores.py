"""How a score ranks and what it means in every group, where rows share a cause: gaps of whole clusters, not of rows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray, same_rows
from ml_assets.statistics.clustered_gaps import side_mean, with_covariance
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.intervals import hanley_mcneil_variance
from ml_assets.statistics.score_gaps import (
    LABELLED,
    RARER,
    Ranking,
    area_difference,
    placed_by_cell,
    ranking,
    require_score_metrics,
)
from ml_assets.statistics.score_tensor import Histograms, ScoreTensor, cells_of, middles
from ml_assets.statistics.tensor import UNLABELLED
from ml_assets.statistics.tensor_gaps import Gap
from ml_assets.statistics.verdicts import mean_difference


@dataclass(frozen=True, eq=False)
class OwnedScores:
    """Labelled rows (n,): who owns them, their ``cell`` of the score, and whether their label is the ``positive`` one."""

    shared: SharedRows
    cell: IntArray
    positive: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, shared: SharedRows, score: npt.ArrayLike, *, positive: int = 1) -> "OwnedScores":
        """``score`` (n,): the probability of the class ``positive``."""
        cell = cells_of(score).astype(np.int64)
        same_rows(score=cell, truth=shared.truth)
        return cls(shared, cell, shared.truth == positive, shared.truth != UNLABELLED)


def owned_score_gaps(
    scores: ScoreTensor,
    rows: OwnedScores,
    metrics: Mapping[str, float],
    *,
    depth: int | None = None,
    positive: int = 1,
    level: float = 0.95,
) -> tuple[Gap, ...]:
    """As :func:`~ml_assets.statistics.score_gaps.score_gaps`, rows of one owner as one draw; ``rows``: those of ``scores``.

    A side that is owned in part by the owners of the other counts them as if they were others, which errs on the wide side
    where rows of an owner are alike; where they are unlike, the covariance of the sides is added. ``DataError`` for
    unknown names.
    """
    require_score_metrics(metrics)
    found: list[Gap] = []
    for some in scores.histograms(depth=depth, positive=positive):
        by_metric = [
            (_areas if name == "roc_auc" else _means)(some, rows, limit, level) for name, limit in metrics.items()
        ]
        found += [gap for of_group in zip(*by_metric, strict=True) for gap in of_group]
    return tuple(found)


def _means(some: Histograms, rows: OwnedScores, tolerance: float, level: float) -> list[Gap]:
    residual = middles()[rows.cell] - rows.positive
    owned, found = rows.shared.means(some.attributes, residual, rows.known), []
    for group, counts in zip(some.groups, some.counts, strict=True):
        both, sizes = owned[group], (int(counts.sum()), int((some.total - counts).sum()))
        own, rest = (
            side_mean("calibration", side, n, unit="", level=level) for side, n in zip(both, sizes, strict=True)
        )
        contrast = mean_difference(*both, scale=1.0, tolerance=tolerance)
        found.append(Gap("calibration", some.attributes, group, LABELLED, own, rest, contrast))
    return found


def _areas(some: Histograms, rows: OwnedScores, tolerance: float, level: float) -> list[Gap]:
    names, table = rows.shared.crossed(some.attributes)
    code, found = {name: code for code, name in enumerate(names)}, []
    owners = len(np.unique(rows.shared.cluster[rows.known]))
    for group, counts in zip(some.groups, some.counts, strict=True):
        ours = table.codes == code[group]
        a, of_a = owned_ranking(counts, rows, ours & rows.known)
        b, of_b = owned_ranking(some.total - counts, rows, ~ours & rows.known)
        contrast = area_difference(
            *_unlike(a, b, float(of_a @ of_b) * owners / max(owners - 1, 1)), tolerance=tolerance
        )
        sides = a.estimate(level=level), b.estimate(level=level)
        found.append(Gap("roc_auc", some.attributes, group, RARER, *sides, contrast))
    return found


def _unlike(a: Ranking, b: Ranking, covariance: float) -> tuple[Ranking, Ranking]:
    """Both areas with the squared error of their gap; only a ``covariance`` below 0, that of their owners, is counted."""
    wider = with_covariance(a.variance + b.variance, covariance)
    if wider == 1:
        return a, b
    first, other = (
        replace(side, variance=side.variance * wider, draws=side.draws or min(side.positives, side.negatives))
        for side in (a, b)
    )
    return first, other


def owned_ranking(counts: FloatArray, rows: OwnedScores, here: npt.NDArray[np.bool_]) -> tuple[Ranking, FloatArray]:
    """The area of one histogram (2, cells) with the variance of the owners of its rows, those ``here`` (n,).

    And what each owner adds to the area (owners,): the sum of DeLong's components, of which the variance is made. Where all
    positives, or all negatives, are of one cluster, Hanley and McNeil's variance of as many rows as there are clusters
    stands in. Source: Obuchowski, Biometrics 53 (1997) 567, equation 4.
    """
    plain, cluster, owners = ranking(counts), rows.shared.cluster, int(rows.shared.cluster.max(initial=-1)) + 1
    sums, held = np.zeros((2, owners)), np.zeros((2, owners), dtype=np.bool_)
    if not math.isfinite(plain.value):
        return plain, sums[0]
    sides = zip((True, False), placed_by_cell(counts), (plain.positives, plain.negatives), strict=True)
    for place, (side, placed, n) in enumerate(sides):
        at = here & (rows.positive == side)
        sums[place] = np.bincount(cluster[at], weights=(placed[rows.cell[at]] - plain.value) / n, minlength=owners)
        held[place, cluster[at]] = True
    draws, of_owners = [int(side.sum()) for side in held], sums.sum(axis=0)
    whole = int(held.any(axis=0).sum())
    if draws == [plain.positives, plain.negatives] and sum(draws) == whole:
        return plain, of_owners
    if min(draws) < 2:
        alone = hanley_mcneil_variance(plain.value, *draws)
        return replace(plain, variance=alone, draws=min(draws)), of_owners
    free = np.array([count / (count - 1) for count in (*draws, whole)])
    squares = np.array([sums[0] @ sums[0], sums[1] @ sums[1], 2 * sums[0] @ sums[1]])
    return replace(plain, variance=max(float(free @ squares), 0.0), draws=min(draws)), of_owners

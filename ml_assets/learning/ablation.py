"""What is each column worth? The same recipe fitted without it, against the model with all, on the same rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.learning.learning_curve import Judged
from ml_assets.statistics.clustered import ClusteredMean, clustered_mean
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.verdicts import holm

FloatArray = NDArray[np.float64]
Worth = Literal["needed", "not shown to be needed", "worth its cost", "costs more than it is worth", "undecided"]

MOST_COLUMNS = 25
ALPHA = 0.05
FEWEST = 30
"""Validation rows, or clusters where they share a cause, below which nothing is said."""


@dataclass(frozen=True, slots=True)
class ColumnWorth:
    """``loss``: rise of the mean loss without the column; ``money``: what it earns per decision.

    ``features`` went with it. ``p_needed``: that the loss does not rise; ``p_cost``: that it earns its ``cost`` (money per
    decision, None where none is declared; then nan). Both one-sided and adjusted by Holm for all columns.
    """

    column: str
    features: tuple[str, ...]
    loss: Estimate
    money: Estimate
    cost: float | None
    p_needed: float
    p_cost: float
    verdict: Worth


def features_of_columns(features: Iterable[str], lineage: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Raw column → features that depend on it; a feature that depends on nothing measurable stands for itself."""
    found: dict[str, list[str]] = {}
    for feature in features:
        for column in lineage.get(feature) or (feature,):
            found.setdefault(column, []).append(feature)
    return {column: tuple(made) for column, made in found.items()}


def chosen_columns(
    columns: Mapping[str, Sequence[str]],
    importance: Mapping[str, float],
    cost: Mapping[str, float],
    *,
    most: int = MOST_COLUMNS,
) -> tuple[str, ...]:
    """At most ``most`` columns: those that cost something first, the dearest first, then by importance of their features."""
    rank = {c: sum(max(importance.get(f, 0.0), 0.0) for f in made) for c, made in columns.items()}
    return tuple(sorted(columns, key=lambda c: (-cost.get(c, 0.0), -rank[c], c))[:most])


def ablation(
    full: Judged,
    without: Mapping[str, Judged],
    *,
    features: Mapping[str, Sequence[str]],
    cost: Mapping[str, float] | None = None,
    cluster: NDArray[Any] | None = None,
    placebos: Sequence[Judged] = (),
    stake: float = 0.0,
    unit: str = "",
    level: float = 0.95,
) -> tuple[ColumnWorth, ...]:
    """Columns by what the model loses without each, the most needed first.

    Paired on the same validation rows, a ``cluster`` (m,) at a time: mean of (loss without - loss with) and of (money with -
    money without), Student's interval. A column with a ``cost`` (money per decision, above 0) "costs more than it is
    worth" when Holm's p-value that it earns its cost is below 0.05, is "worth its cost" when it is shown to earn more.
    The others are "needed" when the loss is shown to rise without them. Below 30 clusters all is "undecided".

    ``stake``: the largest difference of money between two decisions on a row (0 where amounts are continuous). Decisions that
    never differed on m rows may still differ on the next: the error is that of m + 2 rows, two of which differed by the
    stake either way (the rule of three, for a mean); m counts clusters, whose rows differ together. Of two columns that say
    the same, neither is needed while the other stays.

    ``placebos``: models with a column more that means nothing (shuffled values). How far their figures are from those of
    ``full`` is what fitting again does by itself, and is added to the error: without it a useless column looks needed, or
    harmful, by the luck of a fit. The intervals cover other validation rows and that luck, not other rows to learn from.
    Source: Holm (1979), through ``statistics.verdicts.holm``; Hanley and Lippman-Hand, JAMA 249 (1983) 1743 (rule of three).
    """
    prices = {c: p for c, p in (cost or {}).items() if p > 0}
    luck = _root_mean_square([one.loss - full.loss for one in placebos])
    plain = {c: clustered_mean(one.loss - full.loss, cluster) for c, one in without.items()}
    draws, losses = {c: _draws(one) for c, one in plain.items()}, {c: one.with_noise(*luck) for c, one in plain.items()}
    luck = _root_mean_square([one.money - full.money for one in placebos])
    money = {c: _earned(full.money - one.money, cluster, stake).with_noise(*luck) for c, one in without.items()}
    needed = _adjusted({c: losses[c].p_value(0.0, shown="more") for c in without})
    less = _adjusted({c: money[c].p_value(prices[c], shown="less") for c in without if c in prices})
    more = _adjusted({c: money[c].p_value(prices[c], shown="more") for c in without if c in prices})
    rows = [
        ColumnWorth(
            column=c,
            features=tuple(features.get(c, (c,))),
            loss=losses[c].estimate("loss without it", level=level),
            money=money[c].estimate("money per decision", unit=unit, level=level),
            cost=prices.get(c),
            p_needed=needed[c],
            p_cost=less.get(c, math.nan),
            verdict=_verdict(draws[c], needed[c], less.get(c), more.get(c)),
        )
        for c in without
    ]
    return tuple(sorted(rows, key=lambda row: (-row.loss.value, row.column)))


def _earned(difference: FloatArray, cluster: NDArray[Any] | None, stake: float) -> ClusteredMean:
    mean = clustered_mean(difference, cluster)
    return mean.with_noise(math.sqrt(2) * stake / _draws(mean), math.inf) if mean.n else mean


def _draws(mean: ClusteredMean) -> int:
    """Clusters it rests on; rows where each is its own."""
    return round(mean.freedom) + 1 if mean.n else 0


def _root_mean_square(differences: Sequence[FloatArray]) -> tuple[float, int]:
    """How far the means of differences that mean nothing are from 0, and how many there are; 0 without any."""
    means = [float(one.mean()) for one in differences if one.size]
    return (math.sqrt(sum(m * m for m in means) / len(means)) if means else 0.0), max(len(means), 1)


def _adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    return dict(zip(p_values, holm(list(p_values.values())).tolist(), strict=True)) if p_values else {}


def _verdict(n: int, needed: float, less: float | None, more: float | None) -> Worth:
    if n < FEWEST:
        return "undecided"
    if less is None or more is None:
        return "needed" if needed < ALPHA else "not shown to be needed"
    if less < ALPHA:
        return "costs more than it is worth"
    return "worth its cost" if more < ALPHA else "undecided"

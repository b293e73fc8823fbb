"""Which candidate is worth keeping: the simplest that is not demonstrably worse than the best."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import normal_quantile

Rule = Literal["one_standard_error", "best"]


@dataclass(frozen=True, eq=False)
class Scored:
    """One candidate on rows it did not learn from; lower loss is better.

    ``loss``: per-row losses (n,), the same rows in the same order for all candidates, so that they are compared in
    pairs; or only an ``Estimate`` of the loss, whose own interval then stands for the noise.
    """

    name: str
    complexity: int
    loss: NDArray[np.float64] | Estimate


@dataclass(frozen=True, slots=True)
class SelectionRow:
    """One line of the comparison: ``behind`` is its loss minus the best's (0 = the best), ``error`` its SE."""

    name: str
    complexity: int
    loss: Estimate
    behind: float
    error: float
    eligible: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidate chosen, why, and the whole table, best first."""

    chosen: str
    sentence: str
    table: tuple[SelectionRow, ...]


def select(
    candidates: Sequence[Scored],
    *,
    rule: Rule = "one_standard_error",
    cluster: NDArray[Any] | None = None,
    level: float = 0.95,
    told: str = "validation loss",
) -> Selection:
    """The simplest candidate whose loss is within one standard error of the best one's.

    eligible ⇔ mean(loss - loss of best) <= SE of that mean, over the same rows (paired, so that hard rows cancel; rows
    of a ``cluster`` (n,) count as one draw); among the eligible the lowest complexity wins, then the lowest loss, then the name. ``rule="best"`` takes the lowest
    loss. ``told``: what the loss is called. With candidates given as estimates the standard error is that of the best one.

    Not a test of significance and not a release decision: it only refuses complexity that does not show.
    Raises ``DataError`` without candidates, with repeated names, unequal row counts or losses that are not numbers.
    Source: Breiman and others, Classification and Regression Trees, 1984, section 3.4.3.
    """
    _refuse_unusable(candidates)
    losses = {one.name: _estimate(one, cluster, level, told) for one in candidates}
    best = min(candidates, key=lambda one: (losses[one.name].value, one.complexity, one.name))
    gaps = {one.name: _behind(one, best, losses, cluster) for one in candidates}
    within = {name for name, (gap, error) in gaps.items() if rule == "one_standard_error" and gap <= error}
    eligible = [one for one in candidates if one.name in within or one is best]
    chosen = min(eligible, key=lambda one: (one.complexity, losses[one.name].value, one.name))
    rows = [
        SelectionRow(one.name, one.complexity, losses[one.name], *gaps[one.name], one in eligible, one is chosen)
        for one in sorted(candidates, key=lambda one: (losses[one.name].value, one.complexity, one.name))
    ]
    return Selection(chosen.name, _sentence(chosen, best, losses, gaps, len(eligible), told), tuple(rows))


def _estimate(one: Scored, cluster: NDArray[Any] | None, level: float, told: str) -> Estimate:
    if isinstance(one.loss, Estimate):
        return one.loss
    return clustered_mean(one.loss, cluster).estimate(told, level=level)


def _behind(
    one: Scored, best: Scored, losses: dict[str, Estimate], cluster: NDArray[Any] | None
) -> tuple[float, float]:
    if one is best:
        return 0.0, 0.0
    if isinstance(one.loss, Estimate) or isinstance(best.loss, Estimate):
        estimate = losses[best.name]
        error = (estimate.high - estimate.low) / 2 / normal_quantile(estimate.level)
        return losses[one.name].value - estimate.value, error
    difference = clustered_mean(one.loss - best.loss, cluster)
    return difference.value, difference.error if difference.freedom > 0 else math.inf


def _sentence(
    chosen: Scored,
    best: Scored,
    losses: dict[str, Estimate],
    gaps: dict[str, tuple[float, float]],
    eligible: int,
    told: str,
) -> str:
    loss = losses[best.name]
    if chosen is best:
        return (
            f"{best.name} has the lowest {told}, {loss.value:.4g} (n = {loss.n:,}), "
            "and no simpler candidate is within one standard error of it."
        )
    gap, error = gaps[chosen.name]
    return (
        f"{chosen.name} is the simplest of {eligible} candidates within one standard error of the best, {best.name}: "
        f"its {told} is {gap:.3g} higher, one standard error is {error:.3g} (n = {loss.n:,})."
    )


def _refuse_unusable(candidates: Sequence[Scored]) -> None:
    names = [one.name for one in candidates]
    if not names or len(set(names)) != len(names):
        raise DataError("Nothing to select from", got=names, allowed="at least one name, each once", do="Correct it")
    sizes = {len(one.loss) for one in candidates if not isinstance(one.loss, Estimate)}
    if len(sizes) > 1 or 0 in sizes:
        raise DataError("Losses do not match row by row", got=sorted(sizes), allowed="one length", do="Score one part")
    for one in candidates:
        values: Any = one.loss.value if isinstance(one.loss, Estimate) else one.loss
        if not np.isfinite(values).all():
            raise DataError(f"Loss of {one.name} is not a number", got="nan or inf", allowed="numbers", do="Drop it")

"""The widest gap among groups, and any other function of the counts of a tensor, with intervals by drawing rows again.

Drawing rows again is a multinomial draw over the cells. The distance of the best from the worst group can never be 0
and its interval hardly ever holds 0, so it is shown beside what groups that are all alike would show.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile
from ml_assets.statistics.tensor import CountTensor, multinomial
from ml_assets.statistics.tensor_metrics import (
    COUNT_METRICS,
    OUTCOMES,
    CountMetric,
    GroupTable,
    count_metric,
    estimate,
    shaped,
    tables,
    values,
)

SPREADS: Mapping[str, tuple[str, ...]] = {"equalized_odds": ("true_positive_rate", "false_positive_rate")}
"""Spreads that are the wider of those of several metrics (Hardt and others 2016)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The largest minus the smallest figure among the groups that have one; 0 means all alike.

    ``value`` has an interval by resampling, and n counts the rows of the smaller denominator of the two groups.
    ``floor`` is what equal groups of these sizes stay below in 95 of 100 cases, ``p_value`` the share of cases in
    which equal groups would show at least this. Below its floor a spread is noise.
    """

    metric: str
    attributes: tuple[str, ...]
    value: Estimate
    lowest: tuple[str, ...]
    highest: tuple[str, ...]
    floor: float
    p_value: float


@dataclass(frozen=True, eq=False)
class ResampledTable:
    """Figures of the groups of one set of attributes (groups, metrics) with percentile intervals, and their spreads.

    nan where there is no denominator, or none in half of the draws. For a plain rate prefer :func:`gaps`: percentiles
    are too narrow in small groups, and a rate of 0 has none at all.
    """

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    metrics: tuple[str, ...]
    value: FloatArray
    low: FloatArray
    high: FloatArray
    spreads: tuple[Spread, ...]


def resampled(
    tensor: CountTensor,
    statistic: Callable[[IntArray], FloatArray],
    name: str,
    *,
    draws: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
    unit: str = "",
) -> Estimate:
    """Any function of the counts, with its interval by resampling.

    ``statistic`` gets counts (d, m) in the order of ``tensor.cells`` and returns d values, nan without denominator.
    The percentiles are shifted so that their median sits on the value, as in ``bootstrap_interval``; not estimable
    when more than half of the draws have no value. Not for rows that repeat a person.
    Source: Efron and Tibshirani (1993), chapter 13.
    """
    centre = statistic(tensor.counts[np.newaxis, :])
    low, high = shifted(centre, statistic(tensor.draws(draws, seed=seed))[:, np.newaxis], level)
    if not math.isfinite(low[0]):
        return not_estimable(name, unit=unit, level=level)
    return Estimate(name, float(centre[0]), float(low[0]), float(high[0]), tensor.n, unit, level)


def resampled_tables(
    tensor: CountTensor,
    metrics: Sequence[str],
    *,
    depth: int | None = None,
    positive: int = 1,
    draws: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[ResampledTable, ...]:
    """Figures, intervals and spreads of every subset of attributes up to ``depth``, from ``draws`` resamples each.

    ``metrics`` may name the spreads of ``SPREADS`` too, such as "equalized_odds"; they have a spread and no figure.
    """
    wrong = [name for name in metrics if name not in SPREADS and name not in COUNT_METRICS]
    if wrong:
        allowed = ", ".join([*COUNT_METRICS, *SPREADS])
        raise DataError("no such metric of counts", got=wrong, allowed=allowed, do="Use one of these names")
    rng = np.random.default_rng(seed)
    return tuple(
        _resampled_table(table, metrics, draws, rng, level) for table in tables(tensor, depth=depth, positive=positive)
    )


def shifted(centre: FloatArray, drawn: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Ends (…) of the interval around ``centre`` (…) from values drawn (d, …), their median put on the centre."""
    normal_quantile(level)
    low, middle, high = quantiles(drawn, (0.5 - level / 2, 0.5, 0.5 + level / 2))
    return centre + low - middle, centre + high - middle


def quantiles(drawn: FloatArray, levels: Sequence[float]) -> list[FloatArray]:
    """Quantiles over the first axis of the finite values; nan where fewer than half are finite."""
    ordered = np.sort(np.where(np.isfinite(drawn), drawn, np.nan), axis=0)
    last = np.isfinite(ordered).sum(axis=0) - 1
    enough = 2 * (last + 1) >= len(drawn)
    found = []
    for level in levels:
        place = np.maximum(level * last, 0.0)
        below = np.floor(place).astype(np.int64)
        at, after = (np.take_along_axis(ordered, i[np.newaxis], axis=0)[0] for i in (below, np.ceil(place).astype(int)))
        found.append(np.where(enough, at + (place - below) * (after - at), np.nan))
    return found


def _resampled_table(
    table: GroupTable, metrics: Sequence[str], draws: int, rng: np.random.Generator, level: float
) -> ResampledTable:
    plain = tuple(name for name in metrics if name not in SPREADS)
    needed = tuple(dict.fromkeys([*plain, *(part for name in metrics for part in SPREADS.get(name, ()))]))
    drawn = values(multinomial(table.counts.ravel(), draws, rng).reshape(draws, -1, OUTCOMES), needed)
    now = values(table.counts, needed)
    equal = np.stack([_equal(count_metric(name), table.counts, draws, rng) for name in needed], axis=-1)
    equal[:, ~np.isfinite(now)] = np.nan
    low, high = quantiles(drawn, (0.5 - level / 2, 0.5 + level / 2))
    spreads = []
    for name in metrics:
        at = [needed.index(part) for part in SPREADS.get(name, (name,))]
        spreads.append(_spread(name, table, at, (needed, now, drawn, equal), level))
    k = len(plain)
    value, low, high = (array[:, :k] for array in (now, low, high))
    return ResampledTable(table.attributes, table.groups, plain, value, low, high, tuple(spreads))


def _spread(
    name: str,
    table: GroupTable,
    at: list[int],
    facts: tuple[tuple[str, ...], FloatArray, FloatArray, FloatArray],
    level: float,
) -> Spread:
    needed, now, drawn, equal = facts
    each = [_distance(now[np.newaxis, :, place])[0] for place in at]
    # nan if one of the parts is, so that none hides
    value = float(np.max(each))
    if not math.isfinite(value):
        return Spread(name, table.attributes, not_estimable(name, level=level), (), (), math.nan, math.nan)
    widest = at[int(np.nanargmax(each))]
    known = now[:, widest]
    ends = int(np.nanargmin(known)), int(np.nanargmax(known))
    n = min(estimate(count_metric(needed[widest]), table.counts[end].tolist()).n for end in ends)
    resampled_values, by_chance = (
        np.max([_distance(side[:, :, place]) for place in at], axis=0) for side in (drawn, equal)
    )
    low, high = shifted(np.array([value]), resampled_values[:, np.newaxis], level)
    floor = quantiles(by_chance[:, np.newaxis], (0.95,))[0][0]
    p_value = (1 + int((by_chance >= value - 1e-12).sum())) / (1 + len(by_chance))
    figure = Estimate(name, value, max(float(low[0]), 0.0), float(high[0]), n, level=level)
    return Spread(name, table.attributes, figure, table.groups[ends[0]], table.groups[ends[1]], float(floor), p_value)


def _distance(figures: FloatArray) -> FloatArray:
    """Largest minus smallest known figure of each line (d, groups); nan where fewer than two are known."""
    known = np.isfinite(figures)
    largest = np.where(known, figures, -np.inf).max(axis=1, initial=-np.inf)
    smallest = np.where(known, figures, np.inf).min(axis=1, initial=np.inf)
    return np.where(known.sum(axis=1) > 1, largest - smallest, np.nan)


def _equal(metric: CountMetric, counts: IntArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Figures (d, groups) if every group had the shares of all rows together, its denominators being what they are."""
    total = np.zeros((draws, len(counts)))
    for share in metric.shares:
        happened, among = (counts[:, list(places)].sum(axis=1) for places in (share.events, share.among))
        chance = happened.sum() / among.sum() if among.sum() else 0.0
        total += shaped(metric.form, rng.binomial(among, chance, size=(draws, len(counts))), among)
    return total / len(metric.shares)

"""Would another answer have come out if a few labels were wrong? A stress test of the label gaps' verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import IntArray, binary, same_rows
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments, rate_gap
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.verdicts import Contrast, Verdict, verdicts

SHARES = (0.01, 0.05, 0.10)
MOST_GROUPS = 30
"""Of an attribute with more groups only the largest are stressed; the small ones have no verdict to lose."""


@dataclass(frozen=True, slots=True)
class FlipStress:
    """What flipping a ``share`` of a group's unfavourable labels (``flipped`` of them) to favourable does.

    ``before`` and ``after`` are the group's own verdicts, ``gap`` its label gap after, ``changed`` every verdict of any
    group that is another one now, in words; empty where the answers withstand.
    """

    attribute: str
    group: str
    n: int
    share: float
    flipped: int
    before: Verdict
    after: Verdict
    gap: Estimate
    changed: tuple[str, ...]
    sentence: str


def flip_stress(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    favourable: int = 1,
    shares: Sequence[float] = SHARES,
    tolerance: float = 0.1,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[FlipStress, ...]:
    """Every group of every attribute, stressed at each of ``shares``, its label gap tolerated within ±``tolerance``.

    The question behind it: had those who labelled this group been harder on it than they should, in so many of its
    unfavourable cases, would the verdict be another? ``round(share · unfavourable)`` labels are flipped; which ones does not
    matter to a rate. Rows of one ``cluster`` (n,) are one draw: a group keeps the number of draws that its labels were worth
    before, as if the wrong labels came in clusters as the others do. It shows how fragile a verdict is and cannot show that labels are wrong. Binary labels only.
    """
    good = binary(truth) == favourable
    same_rows(groups=groups.index.to_numpy(), truth=good)
    tables = tuple(groupings(groups))
    rates = [table.sums(good).astype(np.int64) for table in tables]
    shared = None if cluster is None else cluster_codes(cluster, len(groups))
    sides = [_sides(table, good, shared) for table in tables]
    plain = [_contrasts(table, rate, side, tolerance) for table, rate, side in zip(tables, rates, sides, strict=True)]
    before = verdicts([one for family in plain for one in family], level=level)
    names = [f"{table.attribute} = {label}" for table in tables for label in table.labels]
    found = []
    for at, (table, rate) in enumerate(zip(tables, rates, strict=True)):
        start = sum(len(family) for family in plain[:at])
        for code in _largest(table):
            for share in shares:
                flipped = round(share * int(table.counts[code] - rate[code]))
                moved = rate.copy()
                moved[code] += flipped
                # The flipped rows belong to groups of the other attributes too: spread evenly, their rates hardly move.
                family = _contrasts(table, moved, sides[at], tolerance)
                contrasts = [one for k, old in enumerate(plain) for one in (family if k == at else old)]
                after = verdicts(contrasts, level=level) if flipped else before
                changed = tuple(_changes(names, before, after))
                gap = family[code].estimate("label_rate_difference", int(table.counts[code]), level=level)
                found.append(
                    _stress(table, code, share, flipped, (before[start + code], after[start + code]), gap, changed)
                )
    return tuple(found)


def _largest(table: Grouping) -> IntArray:
    return np.sort(np.argsort(-table.counts, kind="stable")[:MOST_GROUPS]).astype(np.int64)


def _sides(table: Grouping, good: npt.NDArray[np.bool_], shared: IntArray | None) -> Sequence[Sides | None]:
    if shared is None:
        return [None] * len(table.labels)
    return clustered_moments(table, good.astype(np.float64), shared)


def _contrasts(table: Grouping, good: IntArray, sides: Sequence[Sides | None], tolerance: float) -> list[Contrast]:
    total, rows = int(good.sum()), table.codes.size
    return [
        rate_gap((int(x), int(n), total - int(x), rows - int(n)), side, tolerance=tolerance)
        for x, n, side in zip(good, table.counts, sides, strict=True)
    ]


def _changes(names: Sequence[str], before: Sequence[Verdict], after: Sequence[Verdict]) -> Iterator[str]:
    for name, old, new in zip(names, before, after, strict=True):
        if old != new:
            yield f"{name}: {old} → {new}"


def _stress(
    table: Grouping,
    code: int,
    share: float,
    flipped: int,
    pair: tuple[Verdict, Verdict],
    gap: Estimate,
    changed: tuple[str, ...],
) -> FlipStress:
    n, who = int(table.counts[code]), f"{table.attribute} = {table.labels[code]}"
    what = f"{who}: with {share:.0%} of its unfavourable labels flipped ({flipped:,} of n = {n:,})"
    answer = "; ".join(changed) if changed else f"no verdict changes, its own stays {pair[0]}"
    return FlipStress(table.attribute, table.labels[code], n, share, flipped, *pair, gap, changed, f"{what}: {answer}.")

"""Whose group nobody knows: how many, whether that hides a group, and whether it is only known later."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import same_rows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import UNKNOWN
from ml_assets.statistics.intervals import wilson

PASS_LEVEL = 0.90
FEWEST = 10
"""Of fewer rows nothing is suspected: one unknown person is no pattern."""


@dataclass(frozen=True, slots=True)
class UnknownShare:
    """Share of rows whose group of ``attribute`` is unknown; tolerated up to ``limit``.

    ``blind``: batches in which nobody's group is known, ``newest_blind`` of them at the end: an attribute that comes later.
    """

    attribute: str
    n: int
    share: Estimate
    limit: float
    blind: int
    newest_blind: int
    batches: int
    verdict: Literal["pass", "suspect", "inconclusive"]
    sentence: str


def unknown_shares(
    groups: pd.DataFrame, batch: npt.NDArray[np.generic], *, limit: float = 0.2, level: float = 0.95
) -> tuple[UnknownShare, ...]:
    """Unknown share of every attribute, with the batch of each row (n,), oldest first by its key.

    ``suspect`` when the interval lies above ``limit``: with so many unknown a group can be under-represented, or treated
    apart, by that much without being seen. Never ``fail``: nothing is proven about anybody.
    """
    same_rows(groups=groups.index.to_numpy(), batch=batch)
    return tuple(_unknown((groups[a].astype(str) == UNKNOWN).to_numpy(), str(a), batch, limit, level) for a in groups)


def _unknown(
    unknown: npt.NDArray[np.bool_], attribute: str, batch: npt.NDArray[np.generic], limit: float, level: float
) -> UnknownShare:
    n, rows = int(unknown.sum()), unknown.size
    share = Estimate(
        "unknown_share", n / rows if rows else float("nan"), *wilson(n, rows, level=level), rows, level=level
    )
    keys, place = np.unique(batch.astype(str), return_inverse=True)
    whole = np.bincount(place, weights=~unknown, minlength=keys.size) == 0
    newest = int(np.argmin(whole[::-1])) if not whole.all() else keys.size
    verdict: Literal["pass", "suspect", "inconclusive"] = "inconclusive"
    if share.low > limit and rows >= FEWEST:
        verdict = "suspect"
    elif rows and wilson(n, rows, level=PASS_LEVEL)[1] <= limit:
        verdict = "pass"
    sentence = f"{attribute}: unknown for {share.value:.1%} [{share.low:.1%}, {share.high:.1%}] of n = {rows:,} rows, tolerated up to {limit:.0%}: {verdict}."
    if keys.size > 1 and whole.any():
        when = f"the newest {newest}" if newest else "some"
        later = " It may only be known later: judge older rows, or wait." if 0 < newest < keys.size else ""
        sentence += f" Nobody's is known in {int(whole.sum())} of {keys.size} batches ({when}).{later}"
    return UnknownShare(attribute, n, share, limit, int(whole.sum()), newest, keys.size, verdict, sentence)

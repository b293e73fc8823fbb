"""Whether a challenger may replace a champion: the mean difference on the same rows, against a margin."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, finite, same_rows
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.rare_losses import low_with_rare_losses

Verdict = Literal["better", "not_worse", "worse", "undecided"]
Clusters = npt.NDArray[Any] | None
MINIMUM_ROWS, POINTS = 30, 60
MINIMUM_UNBOUNDED = 150
"""Rows needed where nobody says how much a row can lose: enough for four or five of the losses of 3 rows in 100. With fewer,
a challenger that loses the margin by such losses is released in 5 to 23 of 100 cases (``benchmarks/interval_coverage.py``)."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Challenger minus champion per row (higher is better), the margin it was held against, and what follows.

    ``least``: the mean difference, in the same unit, that is left once rare large losses are counted: "better" and
    "not_worse" are said of it. ``draws``: independent draws, the clusters, or the rows where none are given.
    ``curve``: (rows so far, mean difference, low, high) as the rows come, from 30 draws on, at most 60 points; each interval
    stands alone: the verdict is that of all rows, never of the first point that looks good.
    """

    difference: Estimate
    margin: float
    verdict: Verdict
    sentence: str
    curve: tuple[tuple[float, float, float, float], ...] = ()
    least: float = math.nan
    draws: int = 0


def paired_comparison(
    challenger: npt.ArrayLike,
    champion: npt.ArrayLike,
    *,
    margin: float,
    lowest: float | None = None,
    declared: bool = True,
    cluster: Clusters = None,
    level: float = 0.95,
    unit: str = "",
) -> PairedComparison:
    """Compare two arrays of gains (n,) on the same rows, higher being better (for losses pass their negatives).

    The mean difference has Student's t interval [low, high] over the rows' differences, or over the sums of each ``cluster``
    (n,): a customer with ten rows is one draw. Student's low end knows only the losses that were seen, so a second limit
    stands beside it: ``least`` is the lowest of low, of low corrected for skewness, and, where ``lowest`` says what
    difference no row can be below and one such row would still count, of Gaffke's one-sided limit at ``level``, which holds
    also for losses too rare to be among the rows. "better": least > 0; "worse": high < -margin; "not_worse": least > -margin
    (a loss of ``margin`` per row can be ruled out); else "undecided", as always below 30 draws. Without ``lowest``, or where
    it is that of these rows alone (``declared`` false), it is assumed that losses which decide the mean hit at least 3 rows
    in 100, and a release needs 150 draws; rarer ones go unseen, as the sentence says. ``margin`` is in the unit of the
    gains, >= 0. Not for rows a side was fitted on.
    Errors: ``DataError`` for a negative margin, gaps, unequal lengths, a difference below ``lowest``.
    Sources: see ``rare_losses``.
    """
    a, b = finite(challenger, "challenger"), finite(champion, "champion")
    same_rows(challenger=a, champion=b)
    if not (math.isfinite(margin) and margin >= 0):
        raise DataError(
            "a margin outside its range", got=margin, allowed="0 or above", do="Say what loss would not matter"
        )
    gap, shared = a - b, _shared(cluster)
    # The sum of two amounts may miss their exact difference by a rounding.
    bound = None if lowest is None else lowest - 1e-9 * abs(lowest)
    mean = clustered_mean(gap, shared)
    found = PairedComparison(
        mean.estimate("difference_per_row", unit=unit, level=level),
        margin,
        "undecided",
        "",
        _curve(gap, shared, level),
        low_with_rare_losses(gap, lowest=bound, level=level, cluster=shared),
        int(mean.freedom) + 1 if gap.size else 0,
    )
    known = declared and lowest is not None
    verdict = _verdict(found, found.least, known)
    return replace(found, verdict=verdict, sentence=_sentence(found, verdict, lowest, known))


def _shared(cluster: Clusters) -> Clusters:
    """The clusters as codes; None where every row is a cluster of its own."""
    if cluster is None:
        return None
    distinct, code = np.unique(cluster, return_inverse=True)
    return None if len(distinct) == len(code) else code


def _curve(gap: FloatArray, cluster: Clusters, level: float) -> tuple[tuple[float, float, float, float], ...]:
    """Mean and interval of the first n differences, for n along the rows."""
    first = MINIMUM_ROWS
    if cluster is not None:
        new = np.sort(np.unique(cluster, return_index=True)[1])
        first = int(new[MINIMUM_ROWS - 1]) + 1 if new.size >= MINIMUM_ROWS else gap.size + 1
    if gap.size < first:
        return ()
    found = []
    for n in np.unique(np.linspace(first, gap.size, POINTS).round().astype(np.int64)):
        point = clustered_mean(gap[:n], None if cluster is None else cluster[:n]).estimate("", level=level)
        found.append((float(n), point.value, point.low, point.high))
    return tuple(found)


def _needed(known: bool) -> int:
    return MINIMUM_ROWS if known else MINIMUM_UNBOUNDED


def _verdict(found: PairedComparison, least: float, known: bool) -> Verdict:
    if found.draws < MINIMUM_ROWS:
        return "undecided"
    if found.difference.high < -found.margin:
        return "worse"
    if found.draws < _needed(known):
        return "undecided"
    if least > 0:
        return "better"
    return "not_worse" if least > -found.margin else "undecided"


def _sentence(found: PairedComparison, verdict: Verdict, lowest: float | None, known: bool) -> str:
    difference, margin = found.difference, found.margin
    clusters = "" if found.draws == difference.n else f" in {found.draws:,} clusters"
    if found.draws < _needed(known) and verdict == "undecided":
        return _too_few(found, clusters, known)
    unit = f" {difference.unit}" if difference.unit else ""
    figure = (
        f"{difference.value:+.4g}{unit} per row [{difference.low:+.4g}, {difference.high:+.4g}], "
        f"n = {difference.n:,}{clusters}, margin {margin:.4g}{unit}"
    )
    lead = {
        "better": "The challenger is better",
        "not_worse": "The challenger is not worse by more than the margin",
        "worse": "The challenger is worse by more than the margin",
        "undecided": "Undecided: neither a gain nor a loss beyond the margin can be ruled out",
    }
    why = ""
    if verdict != _verdict(found, difference.low, known):
        why = f"; {_rare(found, lowest, unit)}"
    elif verdict in ("better", "not_worse") and not known:
        why = "; losses of fewer than 3 rows in 100 may have gone unseen, and no bound on them is declared"
    return f"{lead[verdict]}: {figure}{why}."


def _too_few(found: PairedComparison, clusters: str, known: bool) -> str:
    said = f"Undecided: {found.difference.n} rows in common{clusters}"
    if found.draws < MINIMUM_ROWS or known:
        return f"{said}, {MINIMUM_ROWS} are needed."
    why = "no bound on what a row can lose is declared, and fewer may show none of the large losses of 3 rows in 100"
    return f"{said}, {MINIMUM_UNBOUNDED} are needed: {why}."


def _rare(found: PairedComparison, lowest: float | None, unit: str) -> str:
    """Why the interval alone is not believed."""
    most = "" if lowest is None else f" (a row can lose up to {-lowest:.4g}{unit})"
    return f"losses too rare to show in these rows could bring it to {found.least:+.4g}{unit} per row{most}"

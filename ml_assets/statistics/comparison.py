"""Whether a challenger may replace a champion: the mean difference on the same rows, against a margin."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, finite, same_rows
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import mean_interval, t_quantile

Verdict = Literal["better", "not_worse", "worse", "undecided"]
MINIMUM_ROWS, POINTS = 30, 60


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Challenger minus champion per row (higher is better), the margin it was held against, and what follows.

    ``curve``: (rows so far, mean difference, low, high) as the rows come, from 30 rows on, at most 60 points; each interval
    stands alone: the verdict is that of all rows, never of the first point that looks good.
    """

    difference: Estimate
    margin: float
    verdict: Verdict
    sentence: str
    curve: tuple[tuple[float, float, float, float], ...] = ()


def paired_comparison(
    challenger: npt.ArrayLike, champion: npt.ArrayLike, *, margin: float, level: float = 0.95, unit: str = ""
) -> PairedComparison:
    """Compare two arrays of gains (n,) on the same rows, higher being better (for losses pass their negatives).

    The mean difference has Student's t interval [low, high] over the rows' differences. "better": low > 0; "worse":
    high < -margin; "not_worse": low > -margin (a loss of ``margin`` per row can be ruled out); else "undecided", as
    always below 30 rows. ``margin`` is in the unit of the gains, >= 0. Not for dependent rows, nor for rows a side was
    fitted on.
    Errors: ``DataError`` for a negative margin, gaps, or unequal lengths.
    """
    a, b = finite(challenger, "challenger"), finite(champion, "champion")
    n = same_rows(challenger=a, champion=b)
    if not (math.isfinite(margin) and margin >= 0):
        raise DataError(
            "a margin outside its range", got=margin, allowed="0 or above", do="Say what loss would not matter"
        )
    name = "difference_per_row"
    difference = not_estimable(name, unit=unit, level=level)
    gap = a - b
    if n:
        difference = Estimate(name, float(gap.mean()), *mean_interval(gap, level=level), n, unit, level)
    verdict = _verdict(difference, margin)
    return PairedComparison(difference, margin, verdict, _sentence(difference, margin, verdict), _curve(gap, level))


def _curve(gap: FloatArray, level: float) -> tuple[tuple[float, float, float, float], ...]:
    """Mean and Student's interval of the first n differences, for n along the rows."""
    if gap.size < MINIMUM_ROWS:
        return ()
    at = np.unique(np.linspace(MINIMUM_ROWS, gap.size, POINTS).round().astype(np.int64))
    mean = np.cumsum(gap)[at - 1] / at
    spread = np.sqrt(
        np.maximum(np.cumsum((gap - gap.mean()) ** 2)[at - 1] - at * (mean - gap.mean()) ** 2, 0) / (at - 1)
    )
    half = np.array([t_quantile(level, int(n) - 1) for n in at]) * spread / np.sqrt(at)
    return tuple(
        zip(at.astype(float).tolist(), mean.tolist(), (mean - half).tolist(), (mean + half).tolist(), strict=True)
    )


def _verdict(difference: Estimate, margin: float) -> Verdict:
    if difference.n < MINIMUM_ROWS:
        return "undecided"
    if difference.low > 0:
        return "better"
    if difference.high < -margin:
        return "worse"
    return "not_worse" if difference.low > -margin else "undecided"


def _sentence(difference: Estimate, margin: float, verdict: Verdict) -> str:
    if difference.n < MINIMUM_ROWS:
        return f"Undecided: {difference.n} rows in common, {MINIMUM_ROWS} are needed."
    unit = f" {difference.unit}" if difference.unit else ""
    figure = (
        f"{difference.value:+.4g}{unit} per row [{difference.low:+.4g}, {difference.high:+.4g}], "
        f"n = {difference.n:,}, margin {margin:.4g}{unit}"
    )
    lead = {
        "better": "The challenger is better",
        "not_worse": "The challenger is not worse by more than the margin",
        "worse": "The challenger is worse by more than the margin",
        "undecided": "Undecided: neither a gain nor a loss beyond the margin can be ruled out",
    }
    return f"{lead[verdict]}: {figure}."

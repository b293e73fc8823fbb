"""Is a column too good to be true: does it know what will only be known after the outcome?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.columns import Column
from ml_assets.statistics.estimate import Estimate

LEAK = 0.98
STRONG = 0.95
SUSPICIOUS = 0.80
LEAD = 0.08
# With fewer rows a perfect order may be chance.
_CERTAIN_ROWS = 50
_CERTAIN_RARE_ROWS = 10
_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Leak:
    """A column that seems to contain the truth; ``certain`` when it practically is the truth."""

    column: str
    certain: bool
    sentence: str


def single_column_leaks(figures: Mapping[str, Estimate], *, rarer: int | None = None) -> tuple[Leak, ...]:
    """Columns that alone order the truth implausibly well, from their :func:`usefulness`.

    At ``LEAK`` (0.98) a column practically is the truth. It is suspicious at ``STRONG`` (0.95), and from ``SUSPICIOUS``
    (0.80) on when a lead of ``LEAD`` (0.08) parts it, and those above it, from the best of the other columns: real
    evidence is spread over several columns, knowledge of the outcome sits in one or two. Where the interval reaches down
    to ``SUSPICIOUS - LEAD`` the lead may be chance and says nothing. A strong honest column is caught as well, so a
    suspicion asks for review and drops nothing. Not for leaks that need several columns together.

    ``rarer``: rows of the rarer of two classes; with fewer than 10 of them nothing is certain.
    """
    ranked = sorted(
        ((figure.value, column) for column, figure in figures.items() if figure.estimable), key=lambda one: -one[0]
    )
    values = [value for value, _ in ranked]
    apart = _leaders(values)
    found = []
    for place, (value, column) in enumerate(ranked):
        figure = figures[column]
        if value >= LEAK and figure.n >= _CERTAIN_ROWS and (rarer is None or rarer >= _CERTAIN_RARE_ROWS):
            found.append(Leak(column, True, f"Alone it practically gives the target away: {figure}."))
        elif value >= STRONG or (place < apart and figure.low > SUSPICIOUS - LEAD):
            rest = f"{values[apart]:.3f}" if place < apart < len(values) else f"{STRONG} as the usual ceiling"
            found.append(Leak(column, False, f"Too good to be true alone: {figure}, against {rest} for the others."))
    return tuple(found)


def exact_sum_leaks(columns: Sequence[Column], truth: FloatArray) -> tuple[Leak, ...]:
    """Numeric columns that together give the truth exactly by a weighted sum: parts of a total, for instance.

    Least squares of the truth on all numeric columns without gaps; a share of 1e-9 or less left unexplained is no model
    but an identity. At least 10 rows per column; 5,000 rows are read. Not for products or ratios.
    """
    rows = np.arange(min(truth.size, 5_000))
    usable = [c for c in columns if c.kind in ("numeric", "boolean") and not c.missing[rows].any()]
    if not usable or rows.size < 10 * len(usable):
        return ()
    table = np.column_stack([column.numbers[rows] for column in usable])
    spread = table.std(axis=0)
    varying = spread > 0
    y = truth[rows] - truth[rows].mean()
    if not varying.any() or not y.any():
        return ()
    scaled = (table[:, varying] - table[:, varying].mean(axis=0)) / spread[varying]
    weights = np.linalg.lstsq(scaled, y / y.std(), rcond=None)[0]
    left = float(np.mean((y / y.std() - scaled @ weights) ** 2))
    names = [column.name for column, varies in zip(usable, varying, strict=True) if varies]
    parts = [name for name, weight in zip(names, weights, strict=True) if abs(weight) > 1e-6]
    if left > _EXACT:
        return ()
    return tuple(
        Leak(part, True, f"The target is an exact weighted sum of {', '.join(parts)} (unexplained share {left:.0e}).")
        for part in parts
    )


def _leaders(values: Sequence[float]) -> int:
    """How many of the descending ``values`` stand apart: all from 0.80, followed by a lead of 0.08."""
    apart = 0
    for place, value in enumerate(values):
        if value < SUSPICIOUS:
            break
        following = values[place + 1] if place + 1 < len(values) else 0.0
        if value - following >= LEAD:
            apart = place + 1
    return apart

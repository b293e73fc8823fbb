"""Does a column still move, and does it only mark the time?"""

import math

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import IntArray
from ml_assets.statistics.columns import Column

BoolArray = npt.NDArray[np.bool_]


def newest_third(order: IntArray) -> BoolArray:
    """Which rows (n,) belong to the newest third of the batches; none when there are fewer than three batches."""
    batches, rank = np.unique(order, return_inverse=True)
    newest: BoolArray = rank >= batches.size - math.ceil(batches.size / 3)
    return newest if batches.size >= 3 else np.zeros(order.size, dtype=np.bool_)


def stale_share(column: Column, rows: BoolArray) -> float:
    """Share of the commonest value (missing is one) among ``rows``: 1 means that nothing moves; nan without rows."""
    if not rows.any():
        return math.nan
    values = column.codes[rows] if column.kind == "categorical" else column.numbers[rows]
    _, counts = np.unique(values, return_counts=True, equal_nan=True)
    return float(counts.max()) / int(rows.sum())


def unseen_share(column: Column, newest: BoolArray) -> float:
    """Share of the values in the ``newest`` rows that older rows could not teach: 0 none, 1 all; nan without rows.

    Numbers and dates: strictly outside the older range; categories: not among the older ones. Near 1 the column marks
    the position in time, like a date or a running number: a model finds it useful in the past and lost in the future.
    """
    present = ~column.missing
    new, old = newest & present, ~newest & present
    if not new.any() or not old.any():
        return math.nan
    if column.kind == "categorical":
        return float((~np.isin(column.codes[new], column.codes[old])).mean())
    known = column.numbers[old]
    return float(((column.numbers[new] < known.min()) | (column.numbers[new] > known.max())).mean())

"""Columns that stopped moving, and columns that only say what time it is."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.columns import read_column
from ml_assets.statistics.staleness import newest_third, stale_share, unseen_share

_ORDER = np.repeat(np.arange(9), 100)
_NEWEST = newest_third(_ORDER)


def test_newest_third_of_nine_batches_is_three() -> None:
    assert list(np.unique(_ORDER[_NEWEST])) == [6, 7, 8]
    assert not newest_third(np.array([0, 0, 1, 1])).any()
    assert list(newest_third(np.array([5, 1, 9, 2]))) == [True, False, True, False]


@pytest.mark.parametrize("frozen", [7.0, None, "x"])
def test_a_frozen_column_has_share_one(frozen: float | str | None) -> None:
    moving = [str(row) if isinstance(frozen, str) else float(row) for row in range(900)]
    column = read_column(pd.Series([frozen if new else old for new, old in zip(_NEWEST, moving, strict=True)]))
    assert stale_share(column, _NEWEST) == 1.0
    assert stale_share(column, ~_NEWEST) < 0.01
    assert math.isnan(stale_share(column, np.zeros(900, dtype=np.bool_)))


def test_a_clock_is_unseen_and_a_moving_column_is_not() -> None:
    rng = np.random.default_rng(0)
    assert unseen_share(read_column(pd.Series(np.arange(900.0))), _NEWEST) == 1.0
    assert unseen_share(read_column(pd.Series(-np.arange(900.0))), _NEWEST) == 1.0
    assert unseen_share(read_column(pd.Series(rng.normal(size=900))), _NEWEST) < 0.05
    assert unseen_share(read_column(pd.Series([f"batch {batch}" for batch in _ORDER])), _NEWEST) == 1.0
    assert unseen_share(read_column(pd.Series(rng.choice(list("ab"), size=900))), _NEWEST) == 0.0
    dates = pd.Timestamp("2024-01-01") + pd.to_timedelta(_ORDER, unit="D")
    assert unseen_share(read_column(pd.Series(dates)), _NEWEST) == 1.0


def test_nothing_to_compare_with_is_nan() -> None:
    gone = read_column(pd.Series(np.where(_NEWEST, np.nan, 1.0)))
    assert math.isnan(unseen_share(gone, _NEWEST))

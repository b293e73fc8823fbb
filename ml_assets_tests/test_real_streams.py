"""Drift on real streams: silent on their rows in a shuffled order, loud on the rows in their own, and named for what it is."""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.alarms import per_look
from ml_assets.statistics.drift import DriftVerdict, column_drift, judge_drift, many_moved, nothing_changed, pair_drift
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import profile
from ml_assets_tests.real_data import DATA_VARIABLE, data_path

pytestmark = pytest.mark.skipif(
    DATA_VARIABLE not in os.environ, reason=f"{DATA_VARIABLE} names no folder of real tables"
)
RATE = 0.05
SHUFFLES = 10


@dataclass(frozen=True)
class Stream:
    """A table in the order of time: its inputs, the rows of the reference, and of each batch after it."""

    read: Callable[[], pd.DataFrame]
    reference: int
    batch: int


STREAMS = {
    "electricity": Stream(
        lambda: pd.read_csv(data_path("electricity", "electricity.csv.gz")).drop(columns=["date", "class"]), 2_688, 336
    ),
    "bank": Stream(
        lambda: pd.read_csv(
            data_path("bank_marketing_full", "bank_marketing_full.csv.gz"), sep=None, engine="python"
        ).drop(columns=["y", "duration"]),
        6_000,
        1_000,
    ),
    "bikes": Stream(
        lambda: pd.read_csv(data_path("bike_sharing_hourly", "bike_sharing_hourly.csv")).drop(
            columns=["instant", "dteday", "cnt", "casual", "registered"]
        ),
        1_344,
        168,
    ),
    "covertype": Stream(lambda: pd.read_csv(data_path("covertype_20k", "covertype_20k.csv")).iloc[:, :-1], 3_000, 500),
}


def watch(stream: Stream, frame: pd.DataFrame) -> tuple[list[DriftVerdict], list[bool]]:
    """The verdict on every batch against the first rows, and whether anything at all is beyond chance; looks are paid for."""
    grid = make_grid(frame.iloc[: stream.reference])
    before = profile(frame.iloc[: stream.reference], grid)
    starts = range(stream.reference, len(frame) - stream.batch + 1, stream.batch)
    alpha = per_look(RATE, len(starts))
    verdicts, significant = [], []
    for start in starts:
        now = profile(frame.iloc[start : start + stream.batch], grid)
        columns, pairs = column_drift(before, now, alpha=alpha), pair_drift(before, now, alpha=alpha)
        verdicts.append(judge_drift(columns, importance={}, pairs=pairs, alpha=alpha))
        significant.append(nothing_changed(columns, pairs, many_moved(before, now, columns)) <= alpha)
    return verdicts, significant


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STREAMS))
def test_a_stream_that_drifts_alarms_within_three_batches(name: str) -> None:
    verdicts, _ = watch(STREAMS[name], STREAMS[name].read())
    assert any(v.drifted for v in verdicts[:3])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STREAMS))
def test_its_rows_in_a_shuffled_order_do_not(name: str) -> None:
    """Whole series of 34 to 126 looks: none alarms; of "anything beyond chance" one series in twenty would."""
    frame = STREAMS[name].read()
    found = 0
    for seed in range(SHUFFLES):
        shuffled = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
        verdicts, significant = watch(STREAMS[name], shuffled)
        assert not any(v.drifted for v in verdicts)
        found += any(significant)
    assert found <= 3  # 0.5 expected; more than three of ten have a chance of one in a thousand


def test_electricity_that_switches_from_constant_to_varying_is_named_as_such() -> None:
    """Until row 17,424 the transfer and Victoria's price and demand were not recorded: one constant each."""
    frame = STREAMS["electricity"].read()
    switched = ["vicprice", "vicdemand", "transfer"]
    varied = [c for c in switched if frame[c].iloc[:17_000].nunique() == 1]
    assert varied == switched
    first = int(np.flatnonzero((frame[switched] != frame[switched].iloc[0]).any(axis=1))[0])
    grid = make_grid(frame.iloc[:first])
    before = profile(frame.iloc[:first], grid)
    now = profile(frame.iloc[first : first + 2_688], grid)
    columns = {c.column: c for c in column_drift(before, now)}
    for name in switched:
        assert columns[name].verdict == "drifted"
        assert f"{name}: was always" in columns[name].sentence
        assert "now varies from" in columns[name].sentence

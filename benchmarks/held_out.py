"""Public tables with what is predicted of them, and how their rows are held out: the last or random fifths, or every row once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.statistics.metrics import Task

Floats = NDArray[np.float64]
SEED = 0
SMALL = 2_000
"""Rows below which a table is split several times."""


@dataclass(frozen=True)
class Data:
    """A table, what is predicted, what may not be known, and the figure published for it (None: none to be reached)."""

    name: str
    file: str
    target: str
    task: Task
    positive: str | float | None = None
    dropped: tuple[str, ...] = ()
    ordered: bool = False
    anchor: tuple[float, float] | None = None
    folds: int = 0
    """The published figure is a mean over so many folds (0: of the same rows as the rest)."""


TABLES = (
    Data("Adult", "adult/adult.csv.gz", "income", "binary", ">50K", ("split", "fnlwgt"), anchor=(0.925, 1.0)),
    Data("bank marketing", "bank_marketing_full/bank_marketing_full.csv.gz", "y", "binary", "yes", ("duration",), True, (0.76, 0.82)),
    Data("German credit", "german_credit/german_credit.csv", "credit_risk", "binary", "bad", anchor=(0.78, 1.0), folds=10),
    Data("credit-card default", "credit_card_default/credit_card_default.csv", "default_next_month", "binary", 1, ("ID",)),
    Data("California housing", "california_housing/california_housing.csv", "median_house_value", "regression", anchor=(0.0, 45_000.0)),
    Data("bike sharing", "bike_sharing_hourly/bike_sharing_hourly.csv", "cnt", "regression", None, ("instant", "casual", "registered"), True),
    Data("Titanic", "titanic3/titanic3.csv", "survived", "binary", 1, ("boat", "body", "home.dest", "name", "ticket")),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Split:
    """Development rows, held-out rows, and the truth of both (1 = positive)."""

    data: Data
    number: int
    dev: pd.DataFrame
    held: pd.DataFrame
    truth: Floats
    hidden: Floats


def splits(data: Data, folder: Path, most: int) -> Iterator[Split]:
    """The last fifth, or random fifths by number."""
    frame, truth = read(data, folder)
    n = len(frame)
    for number in range(1 if data.ordered or n >= SMALL else most):
        order = np.arange(n) if data.ordered else np.random.default_rng(SEED + number).permutation(n)
        yield split_at(data, number, frame, truth, order[n - n // 5 :])


def folds(data: Data, folder: Path) -> Iterator[Split]:
    """Every row held out once."""
    frame, truth = read(data, folder)
    order = np.random.default_rng(SEED).permutation(len(frame))
    for number, held in enumerate(np.array_split(order, data.folds)):
        yield split_at(data, number, frame, truth, held)


def read(data: Data, folder: Path) -> tuple[pd.DataFrame, Floats]:
    """Features and truth (1 = positive); duplicates of whole rows are dropped."""
    frame = pd.read_csv(folder / data.file).drop_duplicates(ignore_index=True)
    frame = frame.drop(columns=[c for c in data.dropped if c in frame.columns])
    raw = frame.pop(data.target)
    truth = np.asarray(raw if data.task == "regression" else raw.astype(str) == str(data.positive), dtype=np.float64)
    for name in frame.columns:
        if "dteday" in name:
            frame[name] = (pd.to_datetime(frame[name]) - pd.Timestamp("1970-01-01")).dt.days.astype(float)
        elif frame[name].dtype == object:
            frame[name] = frame[name].astype("category")
    return frame, truth


def split_at(data: Data, number: int, frame: pd.DataFrame, truth: Floats, held: NDArray[np.int64]) -> Split:
    """These rows held out, the others to develop on, in their order."""
    dev = np.setdiff1d(np.arange(len(frame)), held)
    if not data.ordered:
        dev = np.random.default_rng(SEED + number).permutation(dev)
    return Split(
        data, number, frame.iloc[dev].reset_index(drop=True), frame.iloc[held].reset_index(drop=True), truth[dev], truth[held],
    )  # fmt: skip

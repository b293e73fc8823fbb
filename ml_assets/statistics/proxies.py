"""Does a column stand in for a protected attribute?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.statistics.arrays import IntArray
from ml_assets.statistics.columns import Column
from ml_assets.statistics.groups import UNKNOWN, Grouping

# More levels than this are pooled into one: the figure of a table of near-empty cells means nothing.
_LEVELS = 200


@dataclass(frozen=True, slots=True)
class Proxy:
    """The attribute that a column tells most about, and how much: 0 nothing, 1 all; nan when there is none."""

    attribute: str | None
    strength: float


def cramers_v(a: IntArray, b: IntArray) -> float:
    """Association of two codings (n,): 0 none, 1 one gives the other; corrected for many levels and few rows.

    nan when one of them has a single level. Not comparable between attributes of very different group counts.
    Source: Bergsma, Journal of the Korean Statistical Society 42 (2013) 323.
    """
    n = a.size
    table = np.zeros((int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1))
    np.add.at(table, (a, b), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    if n < 2 or min(rows, columns) < 2:
        return math.nan
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    room = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(math.sqrt(phi / room), 1.0) if room > 0 else math.nan


def repeats(feature: "pd.Series[Any]", column: "pd.Series[Any]") -> bool:
    """Whether a feature carries a column under other values: a one-to-one map between them, row by row.

    Missing values count as a value. Not for identifiers and measurements: where most rows differ any two columns map to each
    other, so more than half as many values as rows is never a repetition, nor is a single value.
    """
    (a, one), (b, other) = (pd.factorize(values, use_na_sentinel=False) for values in (feature, column))
    if len(one) != len(other) or not 1 < len(one) < max(2, len(a) // 2):
        return False
    return np.unique(a.astype(np.int64) * len(other) + b).size == len(one)


def strongest_proxy(column: Column, attributes: Sequence[Grouping]) -> Proxy:
    """The attribute of highest Cramér's V with the column (numbers in 20 quantile bins); unknown groups left out."""
    best = Proxy(None, math.nan)
    for attribute in attributes:
        strength = _strength(column, attribute)
        if not math.isnan(strength) and not strength <= best.strength:
            best = Proxy(attribute.attribute, strength)
    return best


def _strength(column: Column, attribute: Grouping) -> float:
    known = np.ones(attribute.codes.size, dtype=np.bool_)
    if UNKNOWN in attribute.labels:
        known = attribute.codes != attribute.labels.index(UNKNOWN)
    return cramers_v(_pooled(column.levels(bins=20)[known]), attribute.codes[known])


def _pooled(levels: IntArray) -> IntArray:
    counts = np.bincount(levels)
    if counts.size <= _LEVELS:
        return levels
    kept = np.argsort(-counts, kind="stable")[:_LEVELS]
    new = np.full(counts.size, _LEVELS, dtype=np.int64)
    new[kept] = np.arange(_LEVELS)
    return new[levels]

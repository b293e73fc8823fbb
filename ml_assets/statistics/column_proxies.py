"""Which columns, one by one, stand in for a protected attribute, with how sure that is."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, same_rows
from ml_assets.statistics.columns import read_column
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import UNKNOWN, groupings

MOST_ROWS = 20_000
_DRAWS = 200
_LEVELS = 200


@dataclass(frozen=True, slots=True)
class ColumnProxy:
    """Association of a column with an attribute: ``strength`` 0 none, 1 one gives the other (bias-corrected Cramér's V)."""

    column: str
    attribute: str
    strength: Estimate


def column_proxies(
    inputs: pd.DataFrame, groups: pd.DataFrame, *, level: float = 0.95, seed: int = 0
) -> tuple[ColumnProxy, ...]:
    """Every column with every attribute, strongest first; numbers in 20 quantile bins, rows of unknown group left out.

    At most 20,000 rows; intervals by drawing the table again. Not estimable where a side has one level. Not comparable between
    attributes of very different group counts. Source: Bergsma, Journal of the Korean Statistical Society 42 (2013) 323.
    """
    same_rows(inputs=inputs.index.to_numpy(), groups=groups.index.to_numpy())
    rng = np.random.default_rng(seed)
    rows = np.arange(len(inputs))
    if len(inputs) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    tables = tuple(groupings(groups.iloc[rows]))
    found = []
    for name in inputs.columns:
        levels = read_column(inputs[name].iloc[rows]).levels(bins=20)
        for table in tables:
            known = np.array([label != UNKNOWN for label in table.labels], dtype=np.bool_)[table.codes]
            strength = _strength(_pooled(levels[known]), table.codes[known], level, rng)
            found.append(ColumnProxy(str(name), table.attribute, strength))
    return tuple(sorted(found, key=lambda one: (math.isnan(one.strength.value), -one.strength.value)))


def _strength(a: IntArray, b: IntArray, level: float, rng: np.random.Generator) -> Estimate:
    n = a.size
    table = np.zeros((int(a.max(initial=0)) + 1, int(b.max(initial=0)) + 1))
    np.add.at(table, (a, b), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    nan = math.nan
    if n < 2 or min(table.shape) < 2:
        return Estimate("cramers_v", nan, nan, nan, n, level=level)
    value = float(_cramers_v(table))
    drawn = rng.multinomial(n, (table / n).ravel(), size=_DRAWS).reshape(_DRAWS, *table.shape)
    values = _cramers_v(drawn.astype(np.float64))
    low, middle, high = (float(q) for q in np.quantile(values, [0.5 - level / 2, 0.5, 0.5 + level / 2]))
    low, high = max(value + low - middle, 0.0), min(value + high - middle, 1.0)
    return Estimate("cramers_v", value, min(low, value), max(high, value), n, level=level)


def _cramers_v(table: FloatArray) -> FloatArray:
    """Bias-corrected V of tables (…, rows, columns); lines that a draw left empty have no expectation and add nothing."""
    n = table.sum(axis=(-2, -1))
    expected = table.sum(axis=-1, keepdims=True) * table.sum(axis=-2, keepdims=True) / n[..., None, None]
    phi = np.divide((table - expected) ** 2, expected, out=np.zeros(table.shape), where=expected > 0).sum((-2, -1)) / n
    rows, columns = ((table.sum(axis=axis) > 0).sum(axis=-1) for axis in (-1, -2))
    phi = np.maximum(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    room = np.minimum(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return np.asarray(np.minimum(np.sqrt(phi / np.maximum(room, 1e-12)), 1.0), dtype=np.float64)


def _pooled(levels: IntArray) -> IntArray:
    """The commonest levels, the others as one: the figure of a table of near-empty cells means nothing."""
    counts = np.bincount(levels)
    if counts.size <= _LEVELS:
        return levels
    new = np.full(counts.size, _LEVELS, dtype=np.int64)
    new[np.argsort(-counts, kind="stable")[:_LEVELS]] = np.arange(_LEVELS)
    return np.asarray(new[levels])

"""Which input columns does each feature depend on? Measured by disturbing the inputs, not read from the code."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError, MLAssetsError
from ml_assets.statistics.arrays import IntArray

Features = Callable[[pd.DataFrame], pd.DataFrame]

# What a feature function may raise when a column holds what it never held: then that disturbance says nothing.
_REFUSALS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError, MLAssetsError)


def measured_lineage(
    function: Features | None, frame: pd.DataFrame, *, seed: int = 0, rows: int = 200
) -> Mapping[str, tuple[str, ...]]:
    """For each output column of ``function`` the input columns that can change it, in the order of ``frame``.

    One input column at a time is replaced in ``rows`` sampled rows: by values drawn from the whole column, by its
    values in another order, by values outside its range, and by missing. An output that changes depends on it;
    when the rows that come back change (a filter), all outputs do. Without a function every column depends on itself.

    Measured dependence is never wrong, but can be incomplete: an input that matters only for a rare value of another
    may go unseen. ``DataError`` when the function answers differently on the same rows or returns no table.
    """
    if function is None:
        return {str(column): (str(column),) for column in frame.columns}
    rng = np.random.default_rng(seed)
    picked = np.sort(rng.choice(len(frame), size=min(rows, len(frame)), replace=False))
    sample = frame.iloc[picked]
    base = _checked(function, sample)
    _refuse_unstable(base, _checked(function, sample))
    touched = {str(column): _touched(function, frame, sample, column, base, rng) for column in frame.columns}
    return {
        str(output): tuple(column for column, outputs in touched.items() if output in outputs)
        for output in base.columns
    }


def _touched(
    function: Features,
    frame: pd.DataFrame,
    sample: pd.DataFrame,
    column: str,
    base: pd.DataFrame,
    rng: np.random.Generator,
) -> frozenset[str]:
    """The outputs that change under any disturbance of one column."""
    outputs: frozenset[str] = frozenset()
    order = rng.permutation(len(sample))
    drawn = rng.integers(0, max(len(frame), 1), size=len(sample))
    for values in _disturbances(frame[column], sample[column], order, drawn):
        outputs |= _changed(base, _tried(function, sample.assign(**{column: values})))
    return outputs


def _disturbances(
    whole: "pd.Series[Any]", values: "pd.Series[Any]", order: IntArray, drawn: IntArray
) -> Iterator["pd.Series[Any]"]:
    yield _at(whole.iloc[drawn], values)
    yield _at(values.iloc[order], values)
    if pd.api.types.is_bool_dtype(values.dtype):
        yield ~values
    elif pd.api.types.is_numeric_dtype(values.dtype):
        # Every value moves, also in a column that is constant: to the other end of its range and beyond.
        with np.errstate(over="ignore"):
            moved = (values + 1, whole.max() + whole.min() - values + 1)
        yield from moved
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        # in the unit of the column: nanoseconds, which pandas takes by itself, end in 2262, and 9999-12-31 says "never"
        unit: Any = getattr(values.dt, "unit", "ns")
        yield values + pd.Timedelta(days=401, hours=7, minutes=11).as_unit(unit)
    yield _missing(values)


def _at(drawn: "pd.Series[Any]", values: "pd.Series[Any]") -> "pd.Series[Any]":
    return drawn.set_axis(values.index)


def _missing(values: "pd.Series[Any]") -> "pd.Series[Any]":
    everywhere = pd.Series(True, index=values.index)
    # Whole numbers and bools have no missing value of their own in numpy.
    kept = values.astype(np.float64) if values.dtype.kind in "iub" else values
    return kept.mask(everywhere)


def _checked(function: Features, frame: pd.DataFrame) -> pd.DataFrame:
    result: object = function(frame.copy())
    if isinstance(result, pd.DataFrame):
        return result
    raise DataError(
        "a feature function that returns no table",
        got=type(result).__name__,
        allowed="a pandas DataFrame",
        do="Return the features as a DataFrame",
    )


def _tried(function: Features, frame: pd.DataFrame) -> pd.DataFrame | None:
    try:
        return _checked(function, frame)
    except _REFUSALS:
        return None


def _refuse_unstable(first: pd.DataFrame, second: pd.DataFrame) -> None:
    unstable = sorted(_changed(first, second))
    if unstable:
        raise DataError(
            "a feature function that answers differently on the same rows",
            got=", ".join(unstable),
            allowed="the same features for the same rows",
            do="Seed its randomness and read no clock",
        )


def _changed(base: pd.DataFrame, other: pd.DataFrame | None) -> frozenset[str]:
    """The columns of ``base`` that are not the same in ``other``; all of them when the rows are not the same."""
    if other is None:
        return frozenset()
    if not base.index.equals(other.index):
        return frozenset(base.columns)
    return frozenset(column for column in base.columns if not _same(base, other, column))


def _same(base: pd.DataFrame, other: pd.DataFrame, column: str) -> bool:
    if column not in other.columns:
        return False
    return bool(base[column].astype(object).equals(other[column].astype(object)))

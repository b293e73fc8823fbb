"""What a model sees of a row: every pandas type reduced to a number or one of the categories known at training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.dates import instants

FloatArray = NDArray[np.float64]

_LARGEST = 1e30
_DAY = np.timedelta64(1, "D")
_TIMES = frozenset({"datetime64", "datetime", "date"})
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "boolean", "integer-na"})


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One input column as the model was trained on it.

    ``categories`` are the only values a categorical column may take (empty for a number). ``time`` marks a number that
    is the days since 1970-01-01 UTC, so that a date arriving as text (a REST call) is still understood.
    """

    name: str
    kind: Literal["numeric", "categorical"]
    categories: tuple[str, ...] = ()
    time: bool = False


def label_text(value: object) -> str:
    """One spelling per value: ``7``, ``7.0``, ``Decimal("7")`` and ``"7"`` are all ``"7"``; ``True`` is ``"True"``.

    A whole number loses its type when a missing value joins its column (``7`` becomes ``7.0``): its name must stay.
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    # typeshed does not count Real among what int() takes, so the numbers of numpy and the standard library are listed.
    if isinstance(value, int | float | Decimal | Fraction | np.floating | np.integer) and math.isfinite(value):
        whole = int(value)
        return str(whole) if value == whole else str(value)
    return str(value)


def feature_specs(frame: pd.DataFrame, *, max_categories: int = 200) -> tuple[FeatureSpec, ...]:
    """The columns of ``frame`` a model can learn from, in their order.

    Booleans, numbers (nullable and ``Decimal`` too), dates and durations become numbers; everything else becomes text
    categories, of which the ``max_categories`` most frequent are kept (the others count as missing). A column without a
    single usable value teaches nothing and is left out, so it is not asked for at scoring either.

    Call it on the training part alone: categories of other parts must stay unseen.
    Raises ``DataError`` when two columns have one name.
    """
    if not frame.columns.is_unique:
        repeated = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise DataError("Column names repeat", got=repeated, allowed="each name once", do="Rename or drop the copies")
    found = (_spec(str(name), frame[name], max_categories) for name in frame.columns)
    return tuple(spec for spec in found if spec is not None)


def prepare(frame: pd.DataFrame, specs: Sequence[FeatureSpec]) -> pd.DataFrame:
    """``frame`` as the model wants it: float64 columns and ``pd.Categorical`` with exactly the categories of the specs.

    Infinite numbers and unseen categories become missing; columns without a spec are ignored. Preparing what is already
    prepared changes nothing.

    Raises ``DataError`` when a column is missing, or when a numeric column holds values of which none is a number.
    """
    absent = [spec.name for spec in specs if spec.name not in frame.columns]
    if absent:
        raise DataError(
            "Columns the model needs are missing",
            got=f"no {', '.join(absent)}",
            allowed=[spec.name for spec in specs],
            do="Deliver every column the model was trained on; a value may be missing, its column may not",
        )
    columns = {spec.name: _column(frame[spec.name], spec) for spec in specs}
    return pd.DataFrame(columns, index=frame.index)


def codes(prepared: pd.DataFrame, specs: Sequence[FeatureSpec]) -> FloatArray:
    """Prepared rows as one float64 matrix (rows, specs): a category is its position in the spec, missing is nan.

    Numbers beyond ±1e30 are put there: trees are grown in float32, in which sums of larger ones overflow.
    """
    matrix = np.full((len(prepared), len(specs)), np.nan)
    for position, spec in enumerate(specs):
        column = prepared[spec.name]
        if spec.kind == "categorical":
            position_of_level = category_codes(column)
            matrix[:, position] = np.where(position_of_level < 0, np.nan, position_of_level)
        else:
            matrix[:, position] = np.clip(column.to_numpy(dtype=np.float64), -_LARGEST, _LARGEST)
    return matrix


def without_empty_columns(x: FloatArray, learned: FloatArray) -> FloatArray:
    """``x`` with columns that hold no value in ``learned`` as zeros: scikit-learn's trees refuse a column without any."""
    return np.where(np.isfinite(learned).any(axis=0), x, 0.0)


def category_codes(column: "pd.Series[Any]") -> NDArray[np.int64]:
    """Position of each value in the categories of a prepared column, -1 where missing."""
    return np.asarray(column.cat.codes, dtype=np.int64)


def numbers(series: "pd.Series[Any]") -> FloatArray:
    """The column as float64; what is missing, infinite or not a number is nan; times are days since 1970-01-01 UTC."""
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    if inferred in _TIMES:
        return _days(series)
    if pd.api.types.is_timedelta64_dtype(series.dtype):
        return np.asarray(series.to_numpy() / _DAY, dtype=np.float64)
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype):
        return _finite_or_nan(series.to_numpy(dtype=np.float64, na_value=np.nan))
    # pandas cannot turn arrow-backed columns with gaps into numbers by itself.
    plain = series.astype(object) if isinstance(series.dtype, pd.CategoricalDtype | pd.ArrowDtype) else series
    plain = plain.where(plain.notna(), np.nan) if plain.dtype == object else plain
    if plain.dtype == object:
        plain = plain.map(lambda value: float(value) if isinstance(value, Decimal | bool) else value)
    return _finite_or_nan(pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))


def texts(series: "pd.Series[Any]") -> "pd.Series[str]":
    """The column as text by :func:`label_text`, missing kept missing."""
    values = series.astype(object)
    if pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty"):
        return values
    return values.map(label_text, na_action="ignore")


def _spec(name: str, series: "pd.Series[Any]", max_categories: int) -> FeatureSpec | None:
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    time = inferred in _TIMES
    numeric = pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_timedelta64_dtype(series.dtype)
    if time or numeric or inferred in _NUMBERS:
        return FeatureSpec(name, "numeric", (), time) if np.isfinite(numbers(series)).any() else None
    counts = texts(series).value_counts()
    if counts.empty:
        return None
    # The heaviest, ties by name; then in name order, so that two samples of one population give one spec.
    heaviest = sorted(zip(-counts.to_numpy(), counts.index.astype(str), strict=True))[:max_categories]
    return FeatureSpec(name, "categorical", tuple(sorted(level for _, level in heaviest)))


def _column(series: "pd.Series[Any]", spec: FeatureSpec) -> object:
    if spec.kind == "numeric":
        return _numeric_column(series, spec)
    if isinstance(series.dtype, pd.CategoricalDtype) and tuple(series.cat.categories) == spec.categories:
        return series
    dtype = _known(spec.categories)
    found = dtype.categories.get_indexer(pd.Index(texts(series), dtype=object))
    return pd.Categorical.from_codes(found.tolist(), dtype=dtype)


@lru_cache(maxsize=256)
def _known(categories: tuple[str, ...]) -> pd.CategoricalDtype:
    """The type of a column's categories, kept: to index thousands of them takes longer than a row's whole answer."""
    return pd.CategoricalDtype(pd.Index(categories, dtype=object))


def _numeric_column(series: "pd.Series[Any]", spec: FeatureSpec) -> FloatArray:
    if series.dtype == np.float64:
        return _finite_or_nan(series.to_numpy(dtype=np.float64))
    text = pd.api.types.infer_dtype(series, skipna=True) in ("string", "categorical", "mixed")
    counted = spec.time and pd.api.types.is_integer_dtype(series.dtype)  # 20240131 is no day, however it was meant
    values = _days(series) if spec.time and (text or counted) else numbers(series)
    if (text or counted) and np.isnan(values).all() and bool(series.notna().any()):
        example = series[series.notna()].iloc[0]
        wanted = "dates such as 2024-01-31 or 2024-01-31T10:00Z" if spec.time else "numbers"
        raise DataError(
            f"Column {spec.name!r} has no usable value",
            got=f"{label_text(example)!r}",
            allowed=wanted,
            do=f"Deliver {wanted} as in training, or train again on the new content",
        )
    return values


def _finite_or_nan(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)


def _days(series: "pd.Series[Any]") -> FloatArray:
    stamps = instants(series).to_numpy(dtype="datetime64[us]")
    return np.asarray((stamps - np.datetime64("1970-01-01", "us")) / _DAY, dtype=np.float64)

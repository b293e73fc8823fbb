"""What an array must be before a measure reads it: one place, so that every measure refuses the same things."""

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Probabilities that a model's float32 arithmetic leaves a hair outside [0, 1], or a hair off a row sum of one.
_SLACK = 1e-4


def finite(values: npt.ArrayLike, name: str = "values") -> FloatArray:
    """``values`` as a float64 vector of shape (n,), every entry finite; ``DataError`` otherwise."""
    array = _floats(values, name)
    if array.ndim != 1:
        raise DataError(f"{name} has the wrong shape", got=array.shape, allowed="(n,)", do="Pass one number per row")
    _refuse_gaps(array, name)
    return array


def binary(values: npt.ArrayLike, name: str = "truth") -> FloatArray:
    """``values`` as a float64 vector of zeros and ones (1 = positive); ``DataError`` otherwise."""
    array = finite(values, name)
    other = array[(array != 0) & (array != 1)]
    if other.size:
        raise DataError(
            f"{name} is not binary",
            got=f"{other.size} other values such as {other[0]:g}",
            allowed="0 and 1",
            do="Encode it first",
        )
    return array


def codes(values: npt.ArrayLike, name: str = "truth") -> IntArray:
    """``values`` as class codes 0, 1, … of shape (n,); ``DataError`` otherwise."""
    array = finite(values, name)
    wrong = array[(array < 0) | (array != np.floor(array))]
    if wrong.size:
        raise DataError(
            f"{name} is not made of class codes",
            got=f"{wrong[0]:g}",
            allowed="whole numbers 0, 1, …",
            do="Encode it first",
        )
    return array.astype(np.int64)


def probabilities(values: npt.ArrayLike, name: str = "score") -> FloatArray:
    """``values`` as probabilities, (n,) of the positive class or (n, K) with rows summing to 1; else ``DataError``."""
    array = _floats(values, name)
    if array.ndim not in (1, 2):
        raise DataError(
            f"{name} has the wrong shape", got=array.shape, allowed="(n,) or (n, K)", do="Pass one row per row"
        )
    _refuse_gaps(array, name)
    if array.size and (array.min() < -_SLACK or array.max() > 1 + _SLACK):
        got = f"values from {array.min():g} to {array.max():g}"
        raise DataError(f"{name} is not a probability", got=got, allowed="0 to 1", do="Pass calibrated probabilities")
    if array.ndim == 2 and array.size and np.abs(array.sum(axis=1) - 1).max() > array.shape[1] * _SLACK:
        got = f"row sums from {array.sum(axis=1).min():g} to {array.sum(axis=1).max():g}"
        raise DataError(f"{name} does not sum to one", got=got, allowed="1 in every row", do="Normalise the rows")
    return np.clip(array, 0.0, 1.0)


def same_rows(**arrays: npt.NDArray[np.generic]) -> int:
    """The common number of rows of the named arrays; ``DataError`` when they differ."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(
            "arrays of different length", got=lengths, allowed="one length", do="Pass the same rows to all of them"
        )
    return next(iter(lengths.values()))


def _floats(values: npt.ArrayLike, name: str) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        kind = type(values).__name__
        raise DataError(
            f"{name} is not numeric", got=f"{kind} ({error})", allowed="numbers", do="Encode it first"
        ) from error


def _refuse_gaps(array: FloatArray, name: str) -> None:
    gaps = int(array.size - np.isfinite(array).sum())
    if gaps:
        raise DataError(
            f"{name} has gaps",
            got=f"{gaps} of {array.size} missing or infinite",
            allowed="finite numbers",
            do="Leave those rows out, and say so, before measuring",
        )

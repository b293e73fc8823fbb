"""Which rows teach, which choose and which judge: parts "train", "validation" and "test" that stay put."""

import math
from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
PartArray = npt.NDArray[np.str_]
Ids: TypeAlias = "npt.NDArray[np.generic] | pd.Series[Any] | pd.Index[Any] | Sequence[object]"


def hash_parts(
    ids: Ids,
    *,
    shares: Sequence[float] = (0.6, 0.2, 0.2),
    salt: str = "",
) -> PartArray:
    """The part of each row (n,), drawn from its id alone by a cryptographic hash.

    An id stands in the same part in every process, on every machine and for every model, whatever the other rows are;
    all rows of one id stay together. The integer 7, 7.0, the decimal 7 and the text "7" are the same id. ``shares`` are
    the expected shares of (train, validation, test); a part differs from its share by chance, as a draw does. ``salt``
    draws anew. Not for rows whose order in time matters (``time_parts``).
    Errors: ``DataError`` for missing ids, shares that do not sum to one or leave nothing to train on.
    """
    train, validation, _ = _checked_shares(shares)
    # A list is kept as it is: as an array, numbers beside texts would become texts.
    series = pd.Series(ids, dtype=object) if isinstance(ids, list | tuple) else pd.Series(ids)
    where, unique = pd.factorize(series)
    if (where < 0).any():
        got = f"{int((where < 0).sum())} of {where.size} missing"
        raise DataError("rows without an id", got=got, allowed="an id in every row", do="Fill or leave out those rows")
    units = np.fromiter((_unit(_text(value), salt) for value in unique), dtype=np.float64, count=len(unique))
    codes = np.searchsorted(np.array([train, train + validation]), units, side="right")
    return np.array(PARTS)[codes][where]


def time_parts(batch_order: npt.ArrayLike, *, validation: int, test: int) -> PartArray:
    """The part of each row (n,) by the age of its batch: the newest ``test`` batches judge, the ``validation`` before
    them choose, all older ones teach.

    ``batch_order`` holds the rank of each row's batch, 0 the oldest; ranks may have gaps.
    Errors: ``DataError`` for less than one test batch, a negative count, or no batch left to train on.
    """
    order = _ranks(batch_order)
    batches = np.unique(order)
    if test < 1 or validation < 0 or batches.size <= validation + test:
        raise DataError(
            "too few batches to split by time",
            got=f"{batches.size} batches for {validation} of validation and {test} of test",
            allowed="test >= 1, validation >= 0 and at least one batch more than both",
            do="Wait for more batches or ask for fewer",
        )
    newest = batches.size - 1 - np.searchsorted(batches, order)
    return np.where(newest < test, "test", np.where(newest < test + validation, "validation", "train"))


def duplicates_across(frame: pd.DataFrame, parts: npt.ArrayLike) -> int:
    """How many rows of the test part have the same content, in all columns of ``frame``, as a row of another part.

    0 means that the test part is all new to the model. Pass features only: an id makes every row its own.
    """
    part = np.asarray(parts, dtype=np.str_)
    if len(part) != len(frame):
        got = f"{len(frame)} rows and {len(part)} parts"
        raise DataError(
            "rows and parts of different length", got=got, allowed="one part per row", do="Pass the same rows"
        )
    if frame.shape[1] == 0 or frame.empty:
        return 0
    contents = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    test = part == "test"
    return int(np.isin(contents[test], contents[~test]).sum())


def _checked_shares(shares: Sequence[float]) -> tuple[float, float, float]:
    values = tuple(float(share) for share in shares)
    if len(values) != 3 or min(values) < 0 or values[0] == 0 or not math.isclose(sum(values), 1.0, abs_tol=1e-9):
        allowed = "three shares (train, validation, test), none negative, train above 0, sum 1"
        raise DataError("shares that do not split", got=values, allowed=allowed, do="Use (0.6, 0.2, 0.2) for instance")
    return values[0], values[1], values[2]


def _ranks(batch_order: npt.ArrayLike) -> npt.NDArray[np.int64]:
    order = np.asarray(batch_order)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        got = f"{order.dtype} of shape {order.shape}"
        raise DataError(
            "batch order is not a rank per row", got=got, allowed="integers of shape (n,)", do="Rank the batches"
        )
    return order.astype(np.int64)


def _text(value: object) -> str:
    """One spelling per id, however a column happened to be typed: a gap in a file turns integers into floats."""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float | np.floating | Decimal) and math.isfinite(value) and value == math.floor(value):
        return str(math.floor(value))
    return str(value)


def _unit(text: str, salt: str) -> float:
    digest = blake2b(f"{salt}\x1f{text}".encode(), digest_size=8).digest()
    # 53 bits: every value is an exact float below 1.
    return (int.from_bytes(digest, "big") >> 11) / 2**53

"""A Parquet file of any size summed up over a grid: one pass, a bounded number of rows in memory."""

import math
from pathlib import Path
from typing import Any

from ml_assets.errors import DataError
from ml_assets.statistics.association import MOST_ROWS
from ml_assets.statistics.grid import Grid
from ml_assets.statistics.profile import Profile, profile

ROWS_AT_ONCE = 131_072


def profile_parquet(path: str | Path, grid: Grid, *, rows_at_once: int = ROWS_AT_ONCE) -> Profile:
    """The profile of all rows of a Parquet file; columns the grid does not know are not read.

    Same counts as :func:`profile` on the whole table; pairs from about 20,000 evenly spaced rows at most. Raises ``DataError``
    when the file cannot be read, has no rows, or lacks a column of the grid.
    """
    import pyarrow as pa

    if rows_at_once < 1:
        raise DataError("rows to read at once", got=rows_at_once, allowed="1 or more", do="Read that many")
    try:
        found = _summed(path, grid, rows_at_once)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            "a Parquet file cannot be read", got=f"{path}: {error}", allowed="a Parquet file", do="Write it again"
        ) from error
    if found is None:
        raise DataError("a Parquet file has no rows", got=f"0 rows in {path}", allowed="1 or more", do="Look upstream")
    return found


def _summed(path: str | Path, grid: Grid, rows_at_once: int) -> Profile | None:
    import pyarrow.parquet as pq

    columns = [*grid.edges, *grid.categories]
    fields = {field.name: field.type for field in pq.read_schema(path)}
    absent = sorted(set(columns) - set(fields))
    if absent:
        raise DataError(
            "columns of a Parquet file",
            got=f"no {', '.join(absent)} in {path}",
            allowed=", ".join(fields),
            do="Deliver them, or cut a new grid",
        )
    found: Profile | None = None
    coded = [name for name in grid.categories if _is_text(fields[name])]
    # pre-buffering would hold the whole file
    with pq.ParquetFile(path, read_dictionary=coded, pre_buffer=False, buffer_size=1 << 20) as file:
        share = min(1.0, MOST_ROWS / max(file.metadata.num_rows, 1))
        for piece in file.iter_batches(batch_size=rows_at_once, columns=columns, use_threads=False):
            # what pandas noted in the file would make an index of a column
            frame = piece.to_pandas(split_blocks=True, ignore_metadata=True)
            part = profile(frame, grid, pair_rows=math.ceil(len(frame) * share))
            found = part if found is None else found.merge(part)
    return found


def _is_text(kind: Any) -> bool:
    """Whether the values of an Arrow type are stored as bytes: only those can be read as codes."""
    import pyarrow.types as of

    if of.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(of.is_string(kind) or of.is_large_string(kind) or of.is_binary(kind) or of.is_large_binary(kind))

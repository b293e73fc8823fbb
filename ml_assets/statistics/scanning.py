"""A Parquet file of any size summed up over a grid: one pass, a bounded number of rows in memory."""

import math
from pathlib import Path

from ml_assets.errors import DataError
from ml_assets.statistics.association import MOST_ROWS
from ml_assets.statistics.profile import Grid, Profile, profile

ROWS_AT_ONCE = 131_072


def profile_parquet(path: str | Path, grid: Grid, *, rows_at_once: int = ROWS_AT_ONCE) -> Profile:
    """The profile of all rows of a Parquet file; columns the grid does not know are not read.

    Same counts as :func:`profile` on the whole table; pairs from about 50,000 evenly spaced rows at most. Raises ``DataError``
    when the file cannot be read, has no rows, or lacks a column of the grid.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [*grid.edges, *grid.categories]
    try:
        # pre-buffering would hold the whole file
        with pq.ParquetFile(path, read_dictionary=list(grid.categories), pre_buffer=False, buffer_size=1 << 20) as file:
            absent = sorted(set(columns) - set(file.schema_arrow.names))
            if absent:
                raise DataError(
                    "columns of a Parquet file",
                    got=f"no {', '.join(absent)} in {path}",
                    allowed=", ".join(file.schema_arrow.names),
                    do="Deliver them, or cut a new grid",
                )
            found: Profile | None = None
            share = min(1.0, MOST_ROWS / max(file.metadata.num_rows, 1))
            for piece in file.iter_batches(batch_size=rows_at_once, columns=columns, use_threads=False):
                frame = piece.to_pandas(split_blocks=True)
                part = profile(frame, grid, pair_rows=math.ceil(len(frame) * share))
                found = part if found is None else found.merge(part)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(
            "a Parquet file cannot be read", got=f"{path}: {error}", allowed="a Parquet file", do="Write it again"
        ) from error
    if found is None:
        raise DataError("a Parquet file has no rows", got=f"0 rows in {path}", allowed="1 or more", do="Look upstream")
    return found

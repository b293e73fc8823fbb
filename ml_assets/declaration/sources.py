"""Where rows come from: files, a database, or a function. Each source loads a batch by itself."""

import fnmatch
import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import FunctionPath, load_function
from ml_assets.declaration.arrival import PERIODS, Arrival, Batch
from ml_assets.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd
    from upath import UPath


class FilesSource(Declaration):
    """CSV or Parquet: a path, a fsspec URL, or a glob in which each file is a batch."""

    type: Literal["files"] = "files"
    path: str
    read: dict[str, Any] = {}
    """Further arguments for pandas' reader, such as ``sep``."""
    time_column_from: FunctionPath | None = None
    """frame → frame: adds what the file lacks, such as a time column, before batches are cut."""

    def typed(self, columns: Collection[str]) -> frozenset[str]:
        """The columns under pandas' ``read: {dtype: …}``; all of them when it is one type for all."""
        declared = self.read.get("dtype")
        return frozenset(columns if declared is not None and not isinstance(declared, dict) else declared or ())

    def files(self) -> dict[str, "UPath"]:
        """Every file that matches, by its name as batch key, in order of name."""
        from upath import UPath

        root = UPath(self.path)
        if not any(sign in self.path for sign in "*?["):
            return {root.name: root} if root.exists() else {}
        if not root.parent.is_dir():
            return {}
        found = (p for p in root.parent.iterdir() if fnmatch.fnmatch(p.name, root.name))
        return {p.name: p for p in sorted(found, key=lambda p: p.name)}

    def load(self, batch: Batch, arrival: Arrival | None) -> "pd.DataFrame":
        """The rows of one batch."""
        import pandas as pd

        files = self.files()
        if not files:
            raise SourceError(
                "a source file is missing",
                got=self.path,
                allowed="a CSV or Parquet file, or a glob that matches some",
                do="Check the path; relative paths start at the working directory",
            )
        if arrival is not None and arrival.every == "file":
            if batch.key not in files:
                raise SourceError(
                    "a batch has no file",
                    got=batch.key,
                    allowed=", ".join(files),
                    do="Put the file back, or leave the batch out",
                )
            return self._read(files[batch.key])
        frame = (
            pd.concat([self._read(f) for f in files.values()], ignore_index=True)
            if len(files) > 1
            else self._read(next(iter(files.values())))
        )
        return _window(frame, batch, arrival)

    def _read(self, file: "UPath") -> "pd.DataFrame":
        import pandas as pd

        suffixes = "".join(file.suffixes)
        try:
            if ".parquet" in suffixes:
                with file.open("rb") as stream:
                    frame = pd.read_parquet(stream, **self.read)
            elif ".csv" in suffixes or ".tsv" in suffixes:
                options: dict[str, Any] = {"compression": "gzip" if suffixes.endswith(".gz") else None} | self.read
                with file.open("rb") as stream:
                    frame = pd.read_csv(stream, **options)
            else:
                raise SourceError(
                    "a source file has an unknown type",
                    got=file.name,
                    allowed=".csv, .csv.gz, .parquet",
                    do="Convert the file",
                )
        except (ValueError, OSError, UnicodeDecodeError) as error:
            raise SourceError(
                "a source file could not be read",
                got=f"{file} ({error})",
                allowed="a readable CSV or Parquet file",
                do="Open the file and correct it",
            ) from error
        return load_function(self.time_column_from)(frame) if self.time_column_from else frame


class SqlSource(Declaration):
    """A query by SQLAlchemy; the batch's bounds go in as bound parameters ``:start`` and ``:end``."""

    type: Literal["sql"]
    url: str
    query: str

    def load(self, batch: Batch, arrival: Arrival | None) -> "pd.DataFrame":
        """The rows of one batch."""
        import pandas as pd
        import sqlalchemy as sa

        if arrival is not None and (":start" not in self.query or ":end" not in self.query):
            raise SourceError(
                "a query does not say where a batch begins and ends",
                got=self.query,
                allowed="a query with :start and :end",
                do=f"Add 'WHERE {arrival.event_time} >= :start AND {arrival.event_time} < :end'",
            )
        bounds: dict[str, Any] = {"start": batch.start, "end": batch.end} if arrival is not None else {}
        try:
            engine = sa.create_engine(self.url)
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise SourceError(
                "a database cannot be opened",
                got=str(error).splitlines()[0],
                allowed="an SQLAlchemy URL whose driver is installed, such as sqlite:///rows.db",
                do="Correct data_pipeline.source.url, or install the driver",
            ) from error
        try:
            with engine.connect() as connection:
                return pd.read_sql_query(sa.text(self.query), connection, params=bounds)
        except sa.exc.SQLAlchemyError as error:
            raise SourceError(
                "a query failed",
                got=str(error).splitlines()[0],
                allowed="a query the database accepts",
                do="Run the query by hand with the bounds of the batch",
            ) from error
        finally:
            engine.dispose()


class FunctionSource(Declaration):
    """A dotted path: ``load(start, end)`` for streams, ``load()`` for a single table, ``load(key)`` for one batch per file."""

    type: Literal["function"]
    load_with: FunctionPath = Field(alias="load")

    def load(self, batch: Batch, arrival: Arrival | None) -> "pd.DataFrame":
        """The rows of one batch."""
        import pandas as pd

        function = load_function(self.load_with)
        if arrival is None:
            frame = function()
        else:
            frame = function(batch.key) if arrival.every == "file" else function(batch.start, batch.end)
        if not isinstance(frame, pd.DataFrame):
            raise SourceError(
                "a source function returned no table",
                got=type(frame).__name__,
                allowed="a pandas DataFrame",
                do=f"Return a DataFrame from {self.load_with}",
            )
        return frame


Source = Annotated[FilesSource | SqlSource | FunctionSource, Field(discriminator="type")]


def _window(frame: "pd.DataFrame", batch: Batch, arrival: Arrival | None) -> "pd.DataFrame":
    """The rows of a file that fall into the window of a batch; rows whose time does not parse are kept in the first one.

    They are kept so that the contract can quarantine them: a row must not vanish because its date is broken.
    """
    import pandas as pd

    if arrival is None or arrival.event_time is None or batch.start is None or batch.end is None:
        return frame
    if arrival.event_time not in frame.columns:
        raise SourceError(
            "the time column is missing",
            got=", ".join(map(str, frame.columns)),
            allowed=f"a column {arrival.event_time!r}",
            do="Correct data_pipeline.arrival.event_time",
        )
    times = pd.to_datetime(frame[arrival.event_time], errors="coerce", utc=True, format="mixed").dt.tz_localize(None)
    inside = (times >= batch.start) & (times < batch.end)
    if _is_first(batch.start, arrival):
        inside |= times.isna()
    return frame.loc[inside].reset_index(drop=True)


def _is_first(window_start: datetime, arrival: Arrival) -> bool:
    """Whether a window is the first of its stream: a stream may start in the middle of a month, its windows never do."""
    import pandas as pd

    if arrival.start is None:
        return False
    start = pd.Timestamp(arrival.start)
    start = start.tz_convert(None) if start.tzinfo is not None else start
    month_before = (window_start - timedelta(days=1)).replace(day=1)
    before = month_before if arrival.every == "month" else window_start - PERIODS[arrival.every]
    return bool(before < start <= window_start)


def content_ids(frame: "pd.DataFrame") -> "pd.Series[str]":
    """Ids for a table without any: a hash of the row's content, numbered where the same content stands again."""
    import pandas as pd

    text = frame.astype("string").fillna("\0").agg("\x1f".join, axis=1) if frame.size else pd.Series([], dtype="string")
    digests = text.map(lambda row: hashlib.blake2b(row.encode(), digest_size=8).hexdigest())
    again = digests.groupby(digests).cumcount()
    return digests.where(again == 0, digests + "-" + again.astype(str)).astype(str)

"""Rows from files, a database, a function: what is loaded, what is refused, and that no row vanishes."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from ml_assets.declaration.arrival import Arrival, Batch
from ml_assets.declaration.sources import FilesSource, FunctionSource, SqlSource, content_ids
from ml_assets.errors import SourceError
from ml_assets_tests.declaration.minimal import ARRIVAL, HERE

ROWS = pd.DataFrame({"id": [1, 2, 3], "at": ["2026-01-01 05:00:00", "2026-01-02 00:00:00", "2026-01-02 23:59:59"]})
WHOLE = Batch("all")
DAILY = Arrival.model_validate(ARRIVAL)


def files(path: object, **raw: Any) -> FilesSource:
    return FilesSource.model_validate({"type": "files", "path": str(path)} | raw)


def refused(load: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load()
    return str(caught.value)


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet", "rows.v2.csv"])
def test_a_file_of_each_type(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    ROWS.to_parquet(place) if "parquet" in name else ROWS.to_csv(place, index=False)
    pd.testing.assert_frame_equal(files(place).load(WHOLE, None), ROWS)


def test_urls_are_read_like_paths(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    pd.testing.assert_frame_equal(files(f"file://{tmp_path}/rows.csv").load(WHOLE, None), ROWS)
    lake = UPath("memory://lake")
    (lake / "a.csv").write_text("id\n1\n")
    (lake / "b.csv").write_text("id\n2\n")
    assert files("memory://lake/*.csv").load(WHOLE, None)["id"].tolist() == [1, 2]
    assert list(files("memory://lake/a.csv").files()) == ["a.csv"]
    lake.fs.rm("/lake", recursive=True)


def test_reader_options_and_a_function_on_top(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id;day\n1;31.01.2026\n")
    source = files(tmp_path / "rows.csv", read={"sep": ";"}, time_column_from=f"{HERE}.with_time")
    assert source.load(WHOLE, None)["at"].tolist() == [pd.Timestamp("2026-01-31")]


def test_each_file_of_a_glob_is_a_batch(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        pd.DataFrame({"name": [name]}).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "notes.txt").write_text("no table")
    source, by_file = files(tmp_path / "*.csv"), Arrival(every="file")
    assert list(source.files()) == ["a.csv", "b.csv", "c.csv"]
    assert source.load(Batch("b.csv"), by_file)["name"].tolist() == ["b"]
    assert source.load(WHOLE, None)["name"].tolist() == ["a", "b", "c"]
    assert refused(lambda: source.load(Batch("d.csv"), by_file)) == (
        "a batch has no file: got d.csv; allowed: a.csv, b.csv, c.csv. Put the file back, or leave the batch out."
    )


@pytest.mark.parametrize("path", ["nothing.csv", "*.csv", "no/such/folder/*.csv", "no/such/folder/rows.csv"])
def test_a_missing_file_is_named(tmp_path: Path, path: str) -> None:
    place = tmp_path / path
    assert refused(lambda: files(place).load(WHOLE, None)) == (
        f"a source file is missing: got {place}; allowed: a CSV or Parquet file, or a glob that matches some. "
        "Check the path; relative paths start at the working directory."
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("rows.parquet", b"PAR1 cut off"), ("rows.csv.gz", b"no gzip"), ("rows.csv", b""), ("rows.csv", b"a,b\n1,\xff\xfe\n"),
     ("rows.csv", b"a,b\n1,2\n1,2,3\n")],
)  # fmt: skip
def test_an_unreadable_file_is_named_with_its_fault(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    sentence = refused(lambda: files(tmp_path / name).load(WHOLE, None))
    assert sentence.startswith(f"a source file could not be read: got {tmp_path / name} (")
    assert sentence.endswith("allowed: a readable CSV or Parquet file. Open the file and correct it.")


def test_an_unknown_type_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.xlsx").write_bytes(b"x")
    assert refused(lambda: files(tmp_path / "rows.xlsx").load(WHOLE, None)) == (
        "a source file has an unknown type: got rows.xlsx; allowed: .csv, .csv.gz, .parquet. Convert the file."
    )


def test_windows_take_their_rows_and_only_those(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / "rows.csv", index=False)
    source = files(tmp_path / "rows.csv")
    assert source.load(DAILY.batch("2026-01-01"), DAILY)["id"].tolist() == [1]
    assert source.load(DAILY.batch("2026-01-02"), DAILY)["id"].tolist() == [2, 3]
    assert source.load(DAILY.batch("2026-01-03"), DAILY).empty


def test_a_zone_is_taken_to_utc(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,at\n1,2026-01-02T00:30:00+02:00\n2,2026-01-02T00:30:00Z\n")
    source = files(tmp_path / "rows.csv")
    assert source.load(DAILY.batch("2026-01-01"), DAILY)["id"].tolist() == [1]
    assert source.load(DAILY.batch("2026-01-02"), DAILY)["id"].tolist() == [2]


@pytest.mark.parametrize(
    ("every", "start", "keys"),
    [("day", "2026-01-01", ["2026-01-01", "2026-01-02"]), ("month", "2026-01-15", ["2026-02-01", "2026-03-01"]),
     ("month", "2026-01-31", ["2026-02-01", "2026-03-01"]), ("week", "2026-01-05", ["2026-01-05", "2026-01-12"]),
     ("hour", "2026-01-01", ["2026-01-01-00:00", "2026-01-01-01:00"])],
)  # fmt: skip
def test_a_row_whose_time_does_not_parse_is_kept_once(tmp_path: Path, every: str, start: str, keys: list[str]) -> None:
    (tmp_path / "rows.csv").write_text("id,at\n1,yesterday\n2,\n")
    arrival = Arrival.model_validate({"every": every, "event_time": "at", "start": start})
    found = [files(tmp_path / "rows.csv").load(arrival.batch(k), arrival)["id"].tolist() for k in keys]
    assert found == [[1, 2], []]


def test_a_missing_time_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id,when\n1,2026-01-01\n")
    assert refused(lambda: files(tmp_path / "rows.csv").load(DAILY.batch("2026-01-01"), DAILY)) == (
        "the time column is missing: got id, when; allowed: a column 'at'. Correct data_pipeline.arrival.event_time."
    )


@pytest.fixture
def database(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "rows.db") as connection:
        ROWS.to_sql("rows", connection, index=False)
    connection.close()
    return f"sqlite:///{tmp_path}/rows.db"


def sql(url: str, query: str) -> SqlSource:
    return SqlSource(type="sql", url=url, query=query)


def test_a_query_takes_the_bounds_as_parameters(database: str) -> None:
    source = sql(database, "SELECT id FROM rows WHERE at >= :start AND at < :end ORDER BY id")
    assert source.load(DAILY.batch("2026-01-01"), DAILY)["id"].tolist() == [1]
    assert source.load(DAILY.batch("2026-01-02"), DAILY)["id"].tolist() == [2, 3]
    assert sql(database, "SELECT count(*) AS n FROM rows").load(WHOLE, None)["n"].tolist() == [3]


@pytest.mark.parametrize("query", ["SELECT * FROM rows", "SELECT * FROM rows WHERE at >= :start"])
def test_a_query_of_a_stream_needs_both_bounds(database: str, query: str) -> None:
    assert refused(lambda: sql(database, query).load(DAILY.batch("2026-01-01"), DAILY)) == (
        f"a query does not say where a batch begins and ends: got {query}; allowed: a query with :start and :end. "
        "Add 'WHERE at >= :start AND at < :end'."
    )


def test_a_query_that_fails_says_why(database: str) -> None:
    assert refused(lambda: sql(database, "SELECT * FROM nowhere").load(WHOLE, None)) == (
        "a query failed: got (sqlite3.OperationalError) no such table: nowhere; allowed: a query the database accepts. "
        "Run the query by hand with the bounds of the batch."
    )


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://x/y", "oracle://ann:secret@host/db"])
def test_a_database_that_cannot_be_opened_is_a_source_error(url: str) -> None:
    sentence = refused(lambda: sql(url, "SELECT 1").load(WHOLE, None))
    assert sentence.startswith("a database cannot be opened: got ")
    assert "secret" not in sentence


def function(name: str) -> FunctionSource:
    return FunctionSource.model_validate({"type": "function", "load": f"{HERE}.{name}"})


def test_functions_get_what_their_batch_is() -> None:
    assert function("rows").load(WHOLE, None)["a"].tolist() == [1, 2]
    found = function("window").load(DAILY.batch("2026-01-05"), DAILY)["at"].tolist()
    assert found == [datetime(2026, 1, 5), datetime(2026, 1, 6)]
    assert function("one_file").load(Batch("x.csv"), Arrival(every="file"))["file"].tolist() == ["x.csv"]


def test_a_function_must_return_a_table() -> None:
    assert refused(lambda: function("no_table").load(WHOLE, None)) == (
        f"a source function returned no table: got list; allowed: a pandas DataFrame. Return a DataFrame from {HERE}.no_table."
    )


def test_equal_content_shares_a_stem_and_every_id_is_unique() -> None:
    ids = content_ids(pd.DataFrame({"a": [1, 2, 1, 1, None], "b": ["x", "y", "x", "x", None]}))
    assert ids.is_unique
    assert [i.split("-")[0] == ids[0] for i in ids] == [True, False, True, True, False]
    assert ids[2:4].tolist() == [f"{ids[0]}-1", f"{ids[0]}-2"]


def test_cells_are_kept_apart() -> None:
    stems = content_ids(pd.DataFrame({"a": ["xy", "x", ""], "b": ["z", "yz", "xyz"]}))
    assert not stems.str.contains("-").any()


def test_tables_without_rows_or_columns_have_no_ids() -> None:
    assert content_ids(pd.DataFrame({"a": []})).tolist() == []
    assert content_ids(pd.DataFrame()).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.text(max_size=3)), min_size=1, max_size=20), st.randoms())
def test_ids_follow_content_and_not_position(rows: list[tuple[int, str]], random: Any) -> None:
    frame = pd.DataFrame(rows, columns=["a", "b"])
    order = list(range(len(rows)))
    random.shuffle(order)
    assert sorted(content_ids(frame)) == sorted(content_ids(frame.iloc[order].reset_index(drop=True)))


@pytest.mark.parametrize(
    ("read", "named"),
    [({}, set()), ({"sep": ";"}, set()), ({"dtype": {"at": "string"}}, {"at"}), ({"dtype": "object"}, {"id", "at"})],
)
def test_types_declared_for_pandas_are_known(read: dict[str, Any], named: set[str]) -> None:
    assert files("rows.csv", read=read).typed(("id", "at")) == named

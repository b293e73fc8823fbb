"""A Parquet file summed up piece by piece: the counts of the whole table, and clear errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import profile
from ml_assets.statistics.scanning import profile_parquet


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x = rng.normal(size=3_000)
    x[::40] = np.nan
    return pd.DataFrame(
        {
            "x": x,
            "n": rng.integers(0, 9, 3_000),
            "text": pd.Series(rng.choice(["a", "b", ""], 3_000)).replace("", None),
            "unread": "z",
        }
    )


def test_pieces_add_up_to_the_table(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=700)
    grid = make_grid(frame.drop(columns="unread"))
    whole, found = profile(frame, grid), profile_parquet(tmp_path / "rows.parquet", grid, rows_at_once=512)
    assert found.n == whole.n
    assert found.categorical == whole.categorical
    assert found.pairs == whole.pairs
    assert {k: v.counts for k, v in found.numeric.items()} == {k: v.counts for k, v in whole.numeric.items()}
    assert found.numeric["x"].missing == whole.numeric["x"].missing == 75
    assert found.numeric["x"].mean == pytest.approx(whole.numeric["x"].mean)
    assert found.numeric["x"].sd == pytest.approx(whole.numeric["x"].sd)


def test_a_file_that_cannot_serve_says_why(frame: pd.DataFrame, tmp_path: Path) -> None:
    grid = make_grid(frame)
    frame.drop(columns="x").to_parquet(tmp_path / "short.parquet")
    with pytest.raises(DataError, match=r"no x in .*short\.parquet"):
        profile_parquet(tmp_path / "short.parquet", grid)
    frame.iloc[:0].to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(DataError, match="has no rows"):
        profile_parquet(tmp_path / "empty.parquet", grid)
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DataError, match="cannot be read"):
        profile_parquet(tmp_path / "text.parquet", grid)
    with pytest.raises(DataError, match="cannot be read"):
        profile_parquet(tmp_path / "absent.parquet", grid)


def test_no_rows_at_once_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"rows to read at once: got 0; allowed: 1 or more"):
        profile_parquet(tmp_path / "rows.parquet", make_grid(frame), rows_at_once=0)


def test_a_column_that_pandas_stored_as_the_index_is_a_column(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.set_index("text").to_parquet(tmp_path / "rows.parquet")
    grid = make_grid(frame)
    assert profile_parquet(tmp_path / "rows.parquet", grid) == profile(frame, grid)

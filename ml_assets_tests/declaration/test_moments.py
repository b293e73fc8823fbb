"""The type of a drafted column of dates, whatever a batch delivers."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.declaration.contract import BROKEN, draft, drafted_schema, validate
from ml_assets.declaration.moments import MOMENTS

FIRST = pd.DataFrame({"when": [f"2024-01-{day:02d}" for day in range(1, 13)]})
SCHEMA = drafted_schema(draft(FIRST))
REASON = "when: coerce_dtype('ISO-8601 date or time, such as 2024-01-31')"
DAY = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
WRITTEN = st.one_of(DAY.map(str), DAY.map(lambda d: f"{d}T10:30Z"), DAY, st.none(), st.just(""), st.just(pd.NaT))
WRONG = st.sampled_from(["soon", "31.01.2024", "01/02/2024", "20240131", "2024-02-30", 20240131, 1.5])


@given(st.lists(st.tuples(st.booleans(), WRITTEN, WRONG), min_size=1, max_size=15))
def test_right_rows_are_moments_and_wrong_ones_are_apart(rows: list[tuple[bool, Any, Any]]) -> None:
    values = [wrong if broken else right for broken, right, wrong in rows]
    found = validate(pd.DataFrame({"when": pd.Series(values, dtype=object)}), SCHEMA)
    wrong = [value for (broken, _, _), value in zip(rows, values, strict=True) if broken]
    assert found.broken["when"].tolist() == wrong
    assert set(found.broken[BROKEN]) <= {REASON}
    assert found.rules == ({REASON: len(wrong)} if wrong else {})
    assert len(found.valid) == len(values) - len(wrong)
    if len(found.valid):
        assert found.valid["when"].dtype == "datetime64[us]"


@pytest.mark.parametrize(
    "column",
    [pd.Series([np.nan, np.nan]), pd.Series([None, None], dtype=object), pd.Series([pd.NA, pd.NA], dtype="Int64"),
     pd.Series(["", " "]), pd.Series([pd.NaT, pd.NaT])],
)  # fmt: skip
def test_a_batch_without_a_value_keeps_the_type(column: "pd.Series[Any]") -> None:
    found = validate(pd.DataFrame({"when": column}), SCHEMA)
    assert (found.valid["when"].dtype, len(found.valid), found.rules) == (np.dtype("datetime64[us]"), 2, {})


def test_a_batch_of_numbers_breaks_whole() -> None:
    found = validate(pd.DataFrame({"when": [20240131, 20240201]}), SCHEMA)
    assert (len(found.valid), found.rules) == (0, {REASON: 2})


def test_the_type_knows_its_own_alone() -> None:
    column = pd.Series(np.array(["2024-01-31"], dtype="datetime64[us]"))
    assert MOMENTS.check(MOMENTS)
    assert MOMENTS.check(None, column)
    assert not MOMENTS.check(None, column.astype("datetime64[ns]"))
    assert MOMENTS.coerce_value("2024-01-31") == pd.Timestamp("2024-01-31")
    strict = pa.DataFrameSchema({"when": pa.Column(MOMENTS)})
    with pytest.raises(pa.errors.SchemaError):
        strict.validate(FIRST)

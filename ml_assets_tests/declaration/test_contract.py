"""Contracts on rows: drafted and declared, on good batches and on every kind of broken one."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.declaration.contract import BROKEN, Validated, declared_schema, draft, drafted_schema, validate
from ml_assets.errors import DataError, DeclarationError
from ml_assets_tests.declaration.minimal import HERE

FIRST = pd.DataFrame(
    {
        "amount": [10.0, 20.0, 30.0],
        "count": pd.array([1, None, 3], dtype="Int64"),
        "paid": [True, False, True],
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
        "job": ["clerk", "driver", None],
        "price": [Decimal("1.50"), Decimal("2"), Decimal("3")],
        "zip": pd.Categorical(["a", "b", "a"]),
        "took": pd.to_timedelta([1, 2, 3], unit="h"),
    }
)
SCHEMA = drafted_schema(draft(FIRST))


def judged(**columns: list[Any]) -> Validated:
    """The first batch with columns replaced, against its own draft."""
    return validate(FIRST.assign(**{k: pd.Series(v) for k, v in columns.items()}), SCHEMA)


def test_a_draft_says_what_kind_each_column_is() -> None:
    assert {d.column: d.kind for d in draft(FIRST)} == {
        "amount": "number", "count": "number", "paid": "flag", "at": "time", "job": "text", "price": "number", "zip": "text",
        "took": "text",
    }  # fmt: skip


def test_a_drafted_range_catches_a_change_of_units_and_not_a_tail() -> None:
    (found,) = draft(pd.DataFrame({"euro": [10.0, 20.0, 30.0]}))
    assert (found.lowest, found.highest) == (10 - 300, 30 + 300)  # ten times the larger of span and size, on both sides
    assert len(judged(amount=[90.0, 20.0, 30.0]).valid) == 3
    assert judged(amount=[2000.0, 20.0, 3000.0]).rules == {"amount: in_range(-290.0, 330.0)": 2}


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["1", "2.5"], "number"), (["1", "x"], "text"), ([None, None], "text"), ([np.inf, np.nan], "number"),
     (["1"] * 19 + ["x"], "number"), (pd.to_datetime(["2026-01-01"], utc=True), "time"), ([2**70, 1], "number")],
)  # fmt: skip
def test_kinds_of_odd_columns(values: Any, kind: str) -> None:
    assert draft(pd.DataFrame({"a": values}))[0].kind == kind


DAYS = [f"2024-01-{day:02d}" for day in range(1, 13)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [(DAYS, "time"), ([*DAYS, None, ""], "time"), ([f"{d} 10:00:00.5+02:00" for d in DAYS], "time"), ([*DAYS, "9999-12-31"], "time"),
     ([*DAYS, "2024-01-31T10:00Z"], "time"), (DAYS[:9], "text"), ([*DAYS, "31.01.2024"], "text"), ([*DAYS, "2024-02-30"], "text"),
     ([d.replace("-", "") for d in DAYS], "number"), ([int(d.replace("-", "")) for d in DAYS], "number"),
     (["01/02/2024"] * 12, "text"), (pd.Categorical(DAYS), "text"), (pd.array(DAYS, dtype="string"), "time")],
)  # fmt: skip
def test_text_is_taken_for_dates_where_each_of_enough_values_is_one(values: Any, kind: str) -> None:
    frame = pd.DataFrame({"a": values})
    assert draft(frame)[0].kind == kind
    assert draft(frame, as_text={"b"})[0].kind == kind
    assert draft(frame, as_text={"a"})[0].kind == ("text" if kind == "time" else kind)
    assert len(validate(frame, drafted_schema(draft(frame))).valid) == len(frame)


def test_a_value_that_cannot_be_read_is_told_once() -> None:
    assert judged(amount=[10.0, "oops", 30.0]).rules == {"amount: coerce_dtype('float64')": 1}


def test_a_batch_keeps_the_contract_drafted_from_it() -> None:
    found = validate(FIRST, SCHEMA)
    assert (len(found.valid), len(found.broken), found.rules, found.extra_columns) == (3, 0, {}, ())
    assert found.valid["at"].dtype == "datetime64[us]"


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame({"a": pd.to_datetime(["2026-01-01"], utc=True)}), pd.DataFrame({"a": [True, False]}), pd.DataFrame({"a": [None, None]}),
     pd.DataFrame({"a": [1.0]}, index=[7]), pd.DataFrame({"a": pd.Series([], dtype=float)}),
     pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}), pd.DataFrame({"a": ["1", "2"]})],
)  # fmt: skip
def test_so_does_every_odd_one(frame: pd.DataFrame) -> None:
    found = validate(frame, drafted_schema(draft(frame)))
    assert (len(found.valid), found.rules) == (len(frame), {})


def test_categories_never_seen_are_no_fault() -> None:
    assert len(judged(job=["pilot", "clerk", "driver"]).valid) == 3
    assert len(judged(zip=["new", "a", "b"]).valid) == 3


def test_an_infinite_value_is_a_broken_row() -> None:
    found = judged(amount=[10.0, np.inf, -np.inf])
    assert found.valid["amount"].tolist() == [10.0]
    assert found.rules["amount: finite"] == 2


def test_a_missing_value_is_no_fault_and_a_null_column_neither() -> None:
    assert len(judged(amount=[None, 20.0, None], paid=[None, True, False]).valid) == 3
    assert len(judged(amount=[None, None, None]).valid) == 3


def test_one_mixed_value_breaks_its_own_row_only() -> None:
    found = judged(amount=[10.0, "oops", 30.0])
    assert found.valid["amount"].tolist() == [10.0, 30.0]
    assert found.valid["amount"].dtype == float
    assert found.broken["amount"].tolist() == ["oops"]
    assert "amount: coerce_dtype('float64')" in found.broken[BROKEN][0]


def test_dates_and_flags_that_do_not_parse_break_their_own_rows() -> None:
    found = judged(at=["2026-02-01", "rubbish", None], paid=[True, False, "perhaps"])
    assert found.valid["at"].tolist() == [pd.Timestamp("2026-02-01")]
    assert [r.split(":")[0] for r in found.broken[BROKEN]] == ["at", "paid"]


def test_flags_may_come_as_numbers() -> None:
    assert judged(paid=[1, 0, 1]).valid["paid"].tolist() == [True, False, True]


def test_a_retyped_column_breaks_every_row_and_stops_nothing() -> None:
    found = judged(amount=["ten", "twenty", "thirty"])
    assert (len(found.valid), len(found.broken)) == (0, 3)
    assert found.rules["amount: coerce_dtype('float64')"] == 3


def test_a_row_that_breaks_several_rules_names_them_all() -> None:
    found = judged(amount=[1e9, "oops", 30.0], count=[99999, 10**9, 3])
    first = set(found.broken[BROKEN][0].split("; "))
    assert first == {"amount: in_range(-290.0, 330.0)", "count: in_range(-29.0, 33.0)"}
    assert {r.split(":")[0] for r in found.broken[BROKEN][1].split("; ")} == {"amount", "count"}
    assert found.rules["count: in_range(-29.0, 33.0)"] == 2
    assert len(found.valid) == 1


def test_a_missing_column_breaks_every_row_and_an_extra_one_none() -> None:
    found = validate(FIRST.drop(columns=["amount", "job"]).assign(new=1), SCHEMA)
    assert (len(found.valid), len(found.broken)) == (0, 3)
    assert (found.missing_columns, found.extra_columns) == (("amount", "job"), ("new",))
    assert found.rules == {"missing column amount": 3, "missing column job": 3}
    assert found.broken[BROKEN].unique().tolist() == ["missing column amount; missing column job"]
    extra = validate(FIRST.assign(new=1), SCHEMA)
    assert (len(extra.valid), extra.extra_columns, extra.valid["new"].tolist()) == (3, ("new",), [1, 1, 1])


cells = st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.text(max_size=4))


@given(st.lists(cells, min_size=1, max_size=12))
def test_no_row_is_lost_and_none_stands_on_both_sides(values: list[Any]) -> None:
    schema = drafted_schema(draft(pd.DataFrame({"amount": [10.0, 20.0], "row": [0.0, 1.0]})))
    frame = pd.DataFrame({"amount": pd.Series(values, dtype=object), "row": range(len(values))})
    found = validate(frame, schema)
    assert sorted([*found.valid["row"], *found.broken["row"]]) == list(range(len(values)))
    assert np.isfinite(found.valid["amount"].dropna().astype(float)).all()
    assert (found.broken[BROKEN] != "").all()


def test_a_declared_contract_coerces_and_divides() -> None:
    frame = pd.DataFrame(
        {"age": ["30", "17", "old", None, "200"], "job": ["clerk", "driver", "clerk", "driver", "pilot"]}
    )
    found = validate(frame, declared_schema(f"{HERE}.Applicants"))
    assert found.valid["age"].tolist()[0] == 30.0
    assert found.valid["age"].isna().tolist() == [False, True]
    assert found.broken["age"].tolist() == ["17", "old", "200"]
    assert found.broken[BROKEN][0] == "age: greater_than_or_equal_to(18)"
    assert set(found.broken[BROKEN][2].split("; ")) == {
        "age: less_than_or_equal_to(120)",
        "job: isin(['clerk', 'driver'])",
    }


def test_a_declared_schema_that_does_not_coerce_breaks_the_batch_it_does_not_fit() -> None:
    schema = declared_schema(f"{HERE}.STRICT")
    assert len(validate(pd.DataFrame({"age": [20.0, 17.0]}), schema).valid) == 1
    found = validate(pd.DataFrame({"age": ["20", "30"]}), schema)
    assert (len(found.valid), len(found.broken)) == (0, 2)
    assert found.broken[BROKEN][0].startswith("whole batch: age: ")


def test_a_contract_that_is_none_is_refused() -> None:
    with pytest.raises(DeclarationError) as caught:
        declared_schema(f"{HERE}.rows")
    assert str(caught.value) == (
        "a contract is no pandera schema: got function; allowed: a DataFrameModel or a DataFrameSchema. "
        f"Make {HERE}.rows one of the two."
    )


def test_a_rule_that_no_division_can_meet_is_an_error() -> None:
    import pandera.pandas as pa

    # each row is judged against the mean of those beside it: whatever is set apart, another one falls below
    schema = pa.DataFrameSchema({"a": pa.Column(float, pa.Check(lambda s: s >= s.mean()))})
    with pytest.raises(DataError, match="make it a rule on rows"):
        validate(pd.DataFrame({"a": np.arange(100.0) ** 3}), schema)

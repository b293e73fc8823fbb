"""Rows as sources really deliver them: profiled and compared with a right answer, or refused with what to do."""

import datetime as dt
import math
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.column_change import ColumnDrift
from ml_assets.statistics.drift import column_drift, judge_drift, pair_drift
from ml_assets.statistics.grid import Grid, make_grid
from ml_assets.statistics.profile import CategoricalSummary, NumericSummary, Profile, profile
from ml_assets.statistics.scanning import profile_parquet

OBJECT = np.dtype(object)
N = 200
DAYS = pd.Series(pd.date_range("2024-01-01", periods=N, freq="D"))
NORMAL = pd.Series(np.random.default_rng(7).normal(size=N))
pa: Any = pytest.importorskip("pyarrow")
pq: Any = pytest.importorskip("pyarrow.parquet")


def objects(*values: object, rows: int = N) -> "pd.Series[Any]":
    """The values over and over, as objects."""
    return pd.Series([values[i % len(values)] for i in range(rows)], dtype=OBJECT)


def numbers(column: "pd.Series[Any]", *, like: "pd.Series[Any] | None" = None) -> NumericSummary:
    """The summary over the grid of ``like``, or over its own."""
    return profile(pd.DataFrame({"x": column}), _grid(column if like is None else like)).numeric["x"]


def texts(column: "pd.Series[Any]", *, like: "pd.Series[Any] | None" = None) -> dict[str, int]:
    """How often each text of the grid occurs, and the rest."""
    grid = _grid(column if like is None else like)
    found = profile(pd.DataFrame({"x": column}), grid).categorical["x"]
    rest = {"<other>": found.other, "<new>": found.new, "<missing>": found.missing}
    counted = dict(zip(grid.categories["x"], found.counts, strict=True)) | rest
    return {text: count for text, count in counted.items() if count}


def moved(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> ColumnDrift:
    """The column compared, after the pairs and the batch were judged too."""
    grid = _grid(reference)
    before, now = (profile(pd.DataFrame({"x": side}), grid) for side in (reference, current))
    (column,) = column_drift(before, now)
    verdict = judge_drift((column,), importance={}, pairs=pair_drift(before, now))
    assert verdict.drifted == (column.verdict == "drifted")
    return column


def _grid(column: "pd.Series[Any]") -> Grid:
    return make_grid(pd.DataFrame({"x": column}))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([5.0] * N),
        objects("a"),
        pd.Series([math.nan] * N),
        objects(None),
        pd.Series([math.inf] * N),
        pd.Series([1.0, math.inf, -math.inf, math.nan] * 50),
        objects(2**70, -(2**70)),
        DAYS,
        DAYS.dt.tz_localize("Asia/Tokyo"),
        pd.Series([True, False] * 100),
        objects([1, 2], [3]),
        objects({"a": 1}, {"b": [2]}),
        objects(b"a", b"\xff"),
        objects(1, "a", 2.5, None, [1], dt.date(2024, 1, 1)),
        objects(Decimal("1.5"), Decimal("NaN"), Decimal("Infinity")),
    ],
    ids=lambda column: f"{column.dtype}: {column.iloc[0]!r}",
)
def test_a_column_is_stable_against_itself(column: "pd.Series[Any]") -> None:
    found = moved(column, column)
    assert (found.effect, found.total_variation, found.missing_change, found.new_share) == (0.0, 0.0, 0.0, 0.0)
    assert found.p_value >= 0.5
    assert not found.significant


@pytest.mark.parametrize(
    ("reference", "current", "missing_change", "new_share"),
    [
        (pd.Series([5.0] * N), pd.Series([6.0] * N), 0, 1),
        (pd.Series([5.0] * N), NORMAL, 0, 1),
        (objects("a"), objects("b"), 0, 1),
        (NORMAL, pd.Series([math.nan] * N), 1, 0),
        (pd.Series([math.nan] * N), NORMAL, -1, 0),
        (objects("a", "b"), objects(None), 1, 0),
        (objects(None), objects("a"), -1, 1),
        (objects(None), NORMAL, -1, 1),
        (DAYS, DAYS + pd.Timedelta(days=400), 0, 1),
        (DAYS, DAYS.dt.strftime("day %j"), 1, 0),
        (pd.Series([True] * N), pd.Series([False] * N), 0, 1),
        (objects([1], [2]), objects([3]), 0, 1),
        (objects(b"a"), objects(b"b"), 0, 1),
        (NORMAL, objects("a", "b"), 1, 0),
        (NORMAL, objects([1.0], {"a": 2.0}), 1, 0),
        (objects("a", "b"), NORMAL, 0, 1),
    ],
)
def test_a_column_that_became_another_has_drifted(
    reference: "pd.Series[Any]", current: "pd.Series[Any]", missing_change: float, new_share: float
) -> None:
    found = moved(reference, current)
    assert found.verdict == "drifted"
    assert found.p_value < 1e-9
    assert found.total_variation == pytest.approx(1.0, abs=0.06)  # a last day may stay within the range
    assert found.missing_change == missing_change
    assert found.new_share == new_share


def test_constants_have_one_value_and_no_spread() -> None:
    found = numbers(pd.Series([5.0] * N))
    assert (found.n, found.mean, found.sd, found.minimum, found.maximum) == (N, 5.0, 0.0, 5.0, 5.0)
    assert max(found.counts) == N
    assert texts(objects("a")) == {"a": N}


def test_a_column_without_values_is_all_missing() -> None:
    found = numbers(pd.Series([math.nan] * N))
    assert (found.counts, found.n, found.missing, found.minimum) == ((0,), 0, N, None)
    assert math.isnan(found.sd)
    assert texts(objects(None, math.nan, pd.NA)) == {"<missing>": N}
    assert numbers(objects(None, pd.NaT)).missing == N


@pytest.mark.parametrize(("reference", "current"), [(1, 1), (1, N), (N, 1), (29, N)])
def test_fewer_than_thirty_rows_say_that_they_are_too_few(reference: int, current: int) -> None:
    for there, here in ((NORMAL, NORMAL + 9), (objects("a"), objects("b"))):
        found = moved(there[:reference], here[:current])
        assert found.sentence.endswith("too few rows to tell")
        assert (found.p_value, found.significant, found.verdict) == (1.0, False, "stable")
        assert found.n == current


def test_a_single_row_is_counted() -> None:
    found = numbers(pd.Series([3.0]))
    assert (sum(found.counts), found.n, found.mean, found.sd) == (1, 1, 3.0, 0.0)
    assert texts(objects("a", rows=1)) == {"a": 1}


def test_infinite_values_are_counted_apart() -> None:
    found = numbers(pd.Series([1.0, 3.0, math.inf, -math.inf]))
    assert (found.n, found.infinite, found.missing) == (2, 2, 0)
    assert (found.mean, found.minimum, found.maximum) == (2.0, 1.0, 3.0)
    half = moved(pd.Series([1.0, 3.0] * 100), pd.Series([1.0, 3.0, math.inf, math.inf] * 50))
    assert half.verdict == "drifted"
    assert half.total_variation == pytest.approx(0.5)
    above, below = (pd.Series([1.0, 3.0, 5.0, sign * math.inf] * 50) for sign in (1, -1))
    turned = moved(above, below)
    assert turned.verdict == "drifted"
    assert turned.total_variation == pytest.approx(0.25)
    assert moved(below, below).total_variation == 0.0


def test_infinities_of_an_older_profile_are_compared_without_their_sign() -> None:
    frame = pd.DataFrame({"x": [1.0, 3.0, 5.0, -math.inf] * 50})
    grid = make_grid(frame)
    facts = profile(frame, grid).to_dict() | {"version": 2, "pairs": None}
    del facts["numeric"]["x"]["minus_infinite"]
    (found,) = column_drift(Profile.from_dict(facts), profile(frame.replace(-math.inf, math.inf), grid))
    assert (found.verdict, found.total_variation) == ("stable", 0.0)


def test_values_near_the_largest_float_are_counted() -> None:
    huge = pd.Series([1e308, -1e308, 1.7e308, -1.7e308] * 50)
    found = numbers(huge)
    assert (found.counts, found.n, found.infinite) == ((0, 50, 50, 50, 50, 0), N, 0)
    assert math.isfinite(found.mean)
    assert math.isfinite(found.m2)
    assert moved(huge, huge).effect == 0.0
    assert moved(huge, -huge / 2).verdict == "drifted"
    wide = pd.Series(np.linspace(-1, 1, N) * 1.7e308)
    assert sum(numbers(wide, like=wide[::2]).counts) == N
    assert moved(wide, wide / 3).verdict == "drifted"


def test_complex_values_are_no_numbers() -> None:
    for column in (pd.Series([1j, 2.0] * 100), objects(1j, 2j)):
        assert numbers(column, like=NORMAL).missing == N
    assert moved(NORMAL, pd.Series([1j, 2.0] * 100)).missing_change == 1.0


def test_durations_as_objects_are_durations() -> None:
    typed = pd.Series(pd.to_timedelta(range(N), unit="h"))
    written = pd.Series([dt.timedelta(hours=i) for i in range(N)], dtype=OBJECT)
    assert numbers(written) == numbers(typed)
    assert moved(typed, written).effect == 0.0


def test_single_precision_is_no_drift() -> None:
    cents = pd.Series([0.1, 0.7, 0.3, 1.1] * 50)
    found = moved(cents, cents.astype(np.float32))
    assert (found.effect, found.total_variation, found.new_share) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "column",
    [
        objects(1, 2**64),
        objects(1, 2**1000),
        objects(Decimal(1), Decimal(2**64)),
        pd.Series([1, 2**64 - 1] * 100, dtype="uint64"),
        pd.Series([1, 2**63 - 1] * 100, dtype="Int64"),
    ],
)
def test_whole_numbers_of_any_length_are_numbers(column: "pd.Series[Any]") -> None:
    found = numbers(column)
    assert (found.n, found.missing, found.infinite) == (N, 0, 0)
    assert (found.minimum, found.maximum) == (1.0, float(column.iloc[1]))
    assert sorted(found.counts)[-2:] == [N // 2, N // 2]
    assert moved(column, column[::2]).verdict == "drifted"


def test_a_decimal_beyond_all_numbers_is_infinite() -> None:
    assert numbers(objects(Decimal(1), Decimal("1e400"))).infinite == N // 2


def test_a_whole_number_beyond_all_floats_is_infinite() -> None:
    found = numbers(objects(1, 10**400, -(10**400), None))
    assert (found.n, found.infinite, found.minus_infinite, found.missing) == (50, 100, 50, 50)


def test_a_decimal_that_is_no_number_is_missing() -> None:
    found = numbers(objects(Decimal(1), Decimal("sNaN"), Decimal("NaN"), None))
    assert (found.n, found.missing) == (50, 150)
    assert texts(objects("a", Decimal("sNaN"))) == {"a": 100, "<missing>": 100}


INSTANTS: list[Any] = [
    DAYS.astype("datetime64[s]"),
    DAYS.astype("datetime64[ns]"),
    DAYS.dt.tz_localize("UTC"),
    DAYS.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
    pd.Series([day.date() for day in DAYS], dtype=OBJECT),
    pd.Series([day.tz_localize("UTC").tz_convert("America/New_York") for day in DAYS], dtype=OBJECT),
    DAYS.dt.tz_localize("UTC").astype(pd.ArrowDtype(pa.timestamp("us", tz="Europe/Berlin"))),
]


@pytest.mark.parametrize("column", INSTANTS, ids=lambda column: f"{column.dtype}: {column.iloc[0]!r}")
def test_one_instant_in_any_type_and_zone_is_one_number(column: "pd.Series[Any]") -> None:
    assert numbers(column, like=DAYS) == numbers(DAYS)
    assert moved(DAYS, column).verdict == "stable"


def test_a_zone_that_was_forgotten_is_a_shift() -> None:
    hours = pd.Series(pd.date_range("2024-01-01", periods=24, freq="h").repeat(20))
    tokyo = hours.dt.tz_localize("Asia/Tokyo")
    assert numbers(tokyo).mean == numbers(hours).mean - 9 * 3_600
    assert moved(hours, tokyo).verdict == "drifted"


def test_a_date_at_the_end_of_time_is_a_number() -> None:
    found = numbers(pd.Series(np.array(["2024-01-01", "9999-12-31"] * 100, dtype="datetime64[s]")))
    assert (found.missing, found.minimum, found.maximum) == (0, 1_704_067_200.0, 253_402_214_400.0)
    assert numbers(objects(dt.date(2024, 1, 1), dt.date(9999, 12, 31))) == found


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 0] * 100),
        pd.Series([1.0, 0.0] * 100),
        pd.Series([True, False] * 100, dtype="boolean"),
        objects(True, False),
        pd.Series([True, False] * 100, dtype=pd.ArrowDtype(pa.bool_())),
    ],
)
def test_booleans_are_zero_and_one(column: "pd.Series[Any]") -> None:
    flags = pd.Series([True, False] * 100)
    assert numbers(column, like=flags) == numbers(flags)
    assert numbers(flags).mean == 0.5
    assert moved(flags, pd.Series([True, True, True, False] * 50)).verdict == "drifted"


def test_nested_values_and_bytes_are_counted_as_texts() -> None:
    assert texts(objects([1, 2], [], None, (1, 2))) == {"[1, 2]": 50, "[]": 50, "(1, 2)": 50, "<missing>": 50}
    assert texts(objects({"a": [1]}, {"a": []})) == {"{'a': [1]}": 100, "{'a': []}": 100}
    assert texts(objects({1}, frozenset({1}))) == {"{1}": 100, "frozenset({1})": 100}
    assert texts(objects(b"a", b"\xff\x00")) == {"a": 100, r"b'\xff\x00'": 100}
    assert moved(objects("a", "b"), objects(b"a", b"b")).effect == 0.0
    assert moved(objects([1, 2], {"a": 1, "b": 2}), objects(np.array([1, 2]), {"b": 2, "a": 1})).effect == 0.0
    half = moved(objects([1], [2]), objects([1], [1], [1], [2]))
    assert half.verdict == "drifted"
    assert half.total_variation == pytest.approx(0.25)


def test_types_mixed_in_one_column_are_counted_as_texts() -> None:
    mixed = objects(1, 1.0, "1", "a", 2.5, True, dt.date(2024, 1, 1), None)
    expected = {"1": 75, "a": 25, "2.5": 25, "True": 25, "2024-01-01": 25, "<missing>": 25}
    assert texts(mixed) == expected
    assert texts(pd.Series([1, 7] * 100), like=mixed) == {"1": 100, "<new>": 100}


def test_numbers_written_as_text_are_the_same_numbers() -> None:
    prices = (NORMAL * 100).round() / 100
    written = prices.map(repr).astype(OBJECT)
    assert numbers(written, like=prices) == numbers(prices)
    assert texts(pd.Series([1, 2] * 100), like=objects("1", "2")) == {"1": 100, "2": 100}
    partly = moved(prices, written.where(np.arange(N) % 4 > 0, "unknown"))
    assert (partly.missing_change, partly.verdict) == (0.25, "drifted")


def test_a_hundred_thousand_categories_are_held_in_two_hundred() -> None:
    m = 100_000
    rng = np.random.default_rng(3)
    there, here = (objects(*(f"v{i}" for i in rng.integers(0, m, m)), rows=m) for _ in range(2))
    begun = time.process_time()
    grid = _grid(there)
    found = profile(pd.DataFrame({"x": here}), grid).categorical["x"]
    assert time.process_time() - begun < 2.0
    assert (len(grid.categories["x"]), grid.truncated) == (200, ("x",))
    assert (sum(found.counts) + found.other, found.new, found.missing) == (m, 0, 0)
    assert moved(there, here).verdict == "stable"
    heavy = here.where(np.arange(m) % 5 > 0, "v1")
    assert moved(heavy, there).verdict == "drifted"


def test_columns_that_differ_are_named() -> None:
    both = pd.DataFrame({"x": NORMAL, "y": objects("a", "b")})
    grid = make_grid(both)
    with pytest.raises(DataError, match=r"^columns to profile: got no y; allowed: x, z\. Deliver them\.$"):
        profile(both.rename(columns={"y": "z"}), grid)
    assert profile(both.assign(z=1), grid) == profile(both, grid)


@pytest.mark.parametrize("rows", [0, N])
def test_without_rows_nothing_is_told(rows: int) -> None:
    for column in (NORMAL, objects("a"), DAYS, pd.Series([True] * N)):
        for there, here in ((column[:0], column[:rows]), (column[:rows], column[:0])):
            found = moved(there, here)
            assert found.sentence.endswith(f"(n = {len(here)} against {len(there)}); too few rows to tell")
            assert (found.p_value, found.significant, found.verdict) == (1.0, False, "stable")


def test_a_table_without_columns_has_nothing_to_compare() -> None:
    nothing = pd.DataFrame(index=range(N))
    found = profile(nothing, make_grid(nothing))
    assert found.n == N
    assert column_drift(found, found) == ()
    assert pair_drift(found, found) == ()


@pytest.mark.parametrize("names", [("x", "x"), (1, "1"), (None, "None"), (1.5, "1.5")])
def test_one_name_for_two_columns_is_refused(names: Sequence[object]) -> None:
    frame = pd.DataFrame([[1.0, 2.0]] * N)
    frame.columns = pd.Index(names, dtype=object)
    said = f"^columns of one name: got {names[0]}, {names[1]}; allowed: every name once. Rename or drop them.$"
    with pytest.raises(DataError, match=said):
        make_grid(frame)
    with pytest.raises(DataError, match=said):
        profile(frame, Grid({"x": (1.0,)}, {}))
    with pytest.raises(DataError, match=said):  # only the doubles are named
        make_grid(pd.concat([frame.iloc[:, :1], frame[[]].assign(y=1, z=2), frame.iloc[:, 1:]], axis=1))


def test_names_of_any_type_are_read_as_text() -> None:
    names = [0, 1.5, None, ("a", 1), pd.Timestamp("2024-01-01"), ""]
    frame = pd.DataFrame({i: NORMAL + i for i in range(len(names))})
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    grid = make_grid(frame)
    assert list(grid.edges) == ["0", "1.5", "None", "('a', 1)", "2024-01-01 00:00:00", ""]
    shifted = frame.copy()
    shifted.isetitem(3, (NORMAL + 9).to_numpy())
    found = column_drift(profile(frame, grid), profile(shifted, grid))
    assert [c.column for c in found if c.verdict == "drifted"] == ["('a', 1)"]


def test_profiles_over_different_grids_are_not_compared() -> None:
    one, other = (profile(pd.DataFrame({"x": c}), _grid(c)) for c in (NORMAL, NORMAL + 1))
    with pytest.raises(
        DataError, match=r"^profiles over different grids: got \w+ and \w+; allowed: one grid\. Profile b"
    ):
        column_drift(one, other)


@pytest.mark.parametrize(
    "rule",
    [{"alpha": 0.0}, {"alpha": math.nan}, {"weighted_floor": 0.0}, {"effect_floor": -1.0}, {"prediction_floor": -1.0}],
)
def test_a_rule_that_means_nothing_is_refused(rule: dict[str, Any]) -> None:
    said = r"got .* allowed: 0 < alpha < 1, 0 < weighted floor <= 1, floors of 0 or more\. Correct the rule"
    with pytest.raises(DataError, match=said):
        judge_drift((moved(NORMAL, NORMAL),), importance={}, **rule)


FILED: dict[str, Any] = {
    "constant": pa.array([5.0] * N),
    "missing numbers": pa.array([None] * N, pa.float64()),
    "missing texts": pa.array([None] * N, pa.string()),
    "missing": pa.nulls(N),
    "infinite": pa.array([1.0, math.inf, math.nan, None] * 50, from_pandas=False),
    "long": pa.array([2**64 - 1, 1] * 100, pa.uint64()),
    "longer": pa.array([Decimal(10) ** 40, None] * 100, pa.decimal256(50, 2)),
    "dates": pa.array([dt.date(2024, 1, 1), None] * 100),
    "last day": pa.array([dt.date(9999, 12, 31), dt.date(2024, 1, 1)] * 100),
    "instants": pa.array(
        [dt.datetime(9999, 12, 31), dt.datetime(2024, 1, 1)] * 100, pa.timestamp("us", tz="Asia/Tokyo")
    ),
    "durations": pa.array([dt.timedelta(1), None] * 100),
    "booleans": pa.array([True, False, None, True] * 50),
    "bytes": pa.array([b"a", b"\xff"] * 100),
    "long bytes": pa.array([b"a", b"\xff"] * 100, pa.large_binary()),
    "lists": pa.array([[1, 2], [1, None], None, []] * 50),
    "lists of lists": pa.array([[["a"], []], None] * 100),
    "structs": pa.array([{"a": 1, "b": [2]}, None] * 100),
    "maps": pa.array([[("k", 1)], None] * 100, pa.map_(pa.string(), pa.int64())),
    "coded numbers": pa.array([3, 4] * 100).dictionary_encode(),
    "categories": pa.array([f"v{i}" for i in range(N - 1)] + [None]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", FILED)
def test_a_file_is_profiled_as_the_table_it_holds(kind: str, tmp_path: Path) -> None:
    table = pa.table({"x": FILED[kind], "unread": [[1]] * N})
    pq.write_table(table, tmp_path / "rows.parquet")
    frame = table.select(["x"]).to_pandas()
    grid = make_grid(frame)
    whole, found = profile(frame, grid), profile_parquet(tmp_path / "rows.parquet", grid, rows_at_once=64)
    assert found.categorical == whole.categorical
    exact = ("counts", "n", "missing", "infinite", "zeros", "minimum", "maximum")
    facts = [[getattr(side.numeric[c], fact) for fact in exact] for side in (found, whole) for c in side.numeric]
    assert facts[: len(facts) // 2] == facts[len(facts) // 2 :]
    assert found.n == N


def test_columns_of_a_file_may_have_dots_in_their_names(tmp_path: Path) -> None:
    names = ["a", "a.b", ".c", "c.", "d..e", "s"]
    table = pa.table({name: ["u", "v"] * 100 for name in names[:-1]} | {"s": [{"b": 1}] * N, "x.y": [1.0, 2.0] * 100})
    pq.write_table(table, tmp_path / "rows.parquet")
    frame = table.to_pandas()
    for wanted in (frame, *(frame[[name]] for name in frame)):
        grid = make_grid(wanted)
        assert profile_parquet(tmp_path / "rows.parquet", grid) == profile(wanted, grid)


def test_a_file_of_another_type_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": ["a", "1"] * 100}), path)
    assert profile_parquet(path, _grid(NORMAL)).numeric["x"].missing == N // 2
    pq.write_table(pa.table({"x": [1.0, 2.0] * 100}), path)
    assert profile_parquet(path, _grid(objects("a", "1"))).categorical["x"] == CategoricalSummary((100, 0), 0, 100, 0)


def test_a_file_that_cannot_serve_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path, grid = tmp_path / "rows.parquet", _grid(NORMAL)
    pq.write_table(pa.table({"y": [1.0], "z": ["a"]}), path)
    with pytest.raises(DataError, match=r"got no x in .*; allowed: y, z\. Deliver them, or cut a new grid"):
        profile_parquet(path, grid)
    pq.write_table(pa.table({"x": pa.array([], pa.float64())}), path)
    with pytest.raises(DataError, match=r"no rows: got 0 rows in .*; allowed: 1 or more\. Look upstream"):
        profile_parquet(path, grid)
    pq.write_table(pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"]), path)
    with pytest.raises(DataError, match=r"one name: got x, x; allowed: every name once\. Rename or drop them"):
        profile_parquet(path, grid)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        DataError, match=r"cannot be read: got .*rows\.parquet.*; allowed: a Parquet file\. Write it again"
    ):
        profile_parquet(path, grid)


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(width=32),
    st.integers(-(2**80), 2**80),
    st.sampled_from([10**400, -(10**400), 1.7e308, -1.7e308]),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=2),
    st.lists(st.integers(0, 2), max_size=2),
    st.lists(st.integers(0, 2), max_size=2).map(np.array),
    st.frozensets(st.integers(0, 2), max_size=2),
    st.dictionaries(st.text(max_size=1), st.integers(0, 1), max_size=1),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.timedeltas(),
    st.decimals(),
    st.sampled_from([pd.NA, pd.NaT, math.nan, math.inf, dt.time(1), dt.timedelta(1), ("a",)]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(odd, min_size=1, max_size=12), st.lists(odd, max_size=12))
def test_whatever_a_column_holds_every_row_is_counted_once(reference: list[Any], current: list[Any]) -> None:
    there, here = (pd.Series(side, dtype=OBJECT) for side in (reference, current))
    found = profile(pd.DataFrame({"x": here}), _grid(there))
    for cells in found.numeric.values():
        assert sum(cells.counts) == cells.n
        assert cells.n + cells.missing + cells.infinite == len(here)
    for kept in found.categorical.values():
        assert sum(kept.counts) + kept.other + kept.new + kept.missing == len(here)
    assert moved(there, here).verdict == "stable"

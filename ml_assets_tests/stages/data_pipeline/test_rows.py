"""What is done to the rows of one batch, without Dagster."""

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from upath import UPath

from ml_assets.declaration.contract import BROKEN
from ml_assets.declaration.sources import content_ids
from ml_assets.errors import DataError
from ml_assets.history import ID, TIME
from ml_assets.resources import SolutionStore
from ml_assets.stages.data_pipeline.rows import digest, divide, make_features, permitted
from ml_assets_tests.stages.declarations import CLASSES, STREAM, TABLE, declared, parcels, shops
from ml_assets_tests.stages.world import START, _made

TEXT = pa.DataFrameSchema({"free": pa.Column(str)})
S, T = declared(STREAM), declared(TABLE)


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    return SolutionStore(UPath(tmp_path))


def _day() -> pd.DataFrame:
    return _made(START)[0]


def test_a_digest_follows_content_and_order_and_nothing_else() -> None:
    frame = _day()
    assert digest(frame) == digest(frame.copy())
    assert digest(frame) != digest(frame.iloc[::-1])
    assert digest(frame) != digest(frame.rename(columns={"debt": "debts"}))
    assert digest(frame) != digest(frame.assign(debt=frame["debt"].where(frame.index != 7, 0.0)))


def test_every_row_goes_one_way(store: SolutionStore) -> None:
    divide(S, store, _day())
    frame = _day()
    frame.loc[0, "row"] = frame.loc[1, "row"]
    frame.loc[2, "row"] = None
    frame.loc[4, "at"] = pd.NaT
    frame.loc[5, "income"] = np.inf
    found = divide(S, store, frame)
    assert len(found.valid) + len(found.quarantined) == len(frame)
    assert {k: n for k, n in found.rules.items() if "in_range" not in k and "between" not in k} == {
        "repeated id": 1,
        "empty id": 1,
        "time does not parse": 1,
        "income: finite": 1,
    }
    assert sum("repeated id" in r for r in found.quarantined[BROKEN]) == 1
    assert found.valid[ID].is_unique
    assert found.share == pytest.approx(4 / 300)
    assert not found.blocked


def test_an_empty_batch_is_blocked_and_still_has_ids_and_times(store: SolutionStore) -> None:
    found = divide(S, store, _day().iloc[0:0])
    assert found.blocked
    assert {ID, TIME} <= set(found.valid.columns)
    assert divide(S, store, pd.DataFrame()).blocked


@pytest.mark.parametrize(("column", "what"), [("row", "data_pipeline.id"), ("at", "event_time")])
def test_a_first_batch_without_its_own_columns_is_a_wrong_declaration(
    store: SolutionStore, column: str, what: str
) -> None:
    with pytest.raises(DataError, match=what):
        divide(S, store, _day().drop(columns=column))


def test_a_missing_target_in_the_same_table_is_named(store: SolutionStore) -> None:
    with pytest.raises(DataError, match="the target column is missing"):
        divide(T, store, shops().drop(columns="sold"))


def test_rows_without_id_are_named_by_their_content(store: SolutionStore) -> None:
    frame = pd.concat([parcels().head(50), parcels().head(2)], ignore_index=True)
    found = divide(declared(CLASSES), store, frame)
    assert found.valid[ID].is_unique
    assert len(found.valid) == 52
    assert found.valid[ID].iloc[50] == found.valid[ID].iloc[0] + "-1"


def test_a_feature_function_sees_neither_target_nor_protected_nor_id(store: SolutionStore) -> None:
    rows = divide(S, store, _day()).valid
    assert set(permitted(S, rows).columns) == {"at", "income", "debt", "job", "age"}
    assert list(make_features(T, divide(T, SolutionStore(store.root / "t"), shops()).valid).columns) == [
        "size",
        "weekday",
        "noise",
        ID,
    ]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("ml_assets_tests.stages.world.rule", "must return one row of features"), ("ml_assets_tests.stages.world.oracle", "asks for a column")],
)  # fmt: skip
def test_a_feature_function_that_breaks_its_word_is_named(store: SolutionStore, path: str, sentence: str) -> None:
    lost = declared(STREAM, data_pipeline={"features": path})
    with pytest.raises(DataError, match=sentence):
        make_features(lost, divide(S, store, _day()).valid)


def _dated(rows: int = 12) -> pd.DataFrame:
    day = [f"2026-01-{d:02d}" for d in range(1, rows + 1)]
    own = dict.fromkeys(("key", "at", "born", "city_since", "household", "typed", "free", "due"), day)
    return pd.DataFrame({**own, "amount": range(rows)})


def test_what_names_rows_or_has_a_declared_type_stays_text_and_the_rest_becomes_a_date(store: SolutionStore) -> None:
    dated = {
        "source!": {"type": "files", "path": "x.csv", "read": {"dtype": {"typed": "str"}}},
        "labels!": None,
        "features!": None,
        "id": "key",
    }
    solution = declared(
        STREAM,
        business_case={"target!": {"column": "due", "positive": "2026-01-01"}, "simple_rule!": None},
        success_criteria=[{"metric": "roc_auc", "at_least": 0.7}],
        **{"data_bias!": {"groups": {"since": {"column": "city_since"}}, "protected": ["born"]}},
        data_pipeline=dated,
        **{"model!": {"cluster": "household", "split": "hash"}},
    )
    frame = _dated()
    found = divide(solution, store, frame)
    types = found.valid.drop(columns=[ID, TIME]).dtypes.astype(str).to_dict()
    assert {c for c, t in types.items() if t == "datetime64[us]"} == {"free"}
    for column in set(frame.columns) - {"free", "amount"}:
        assert found.valid[column].tolist() == frame[column].tolist()


def test_ids_made_of_the_content_are_those_of_the_text(store: SolutionStore) -> None:
    frame = _dated().drop(columns=["amount"]).assign(kind=["small", "large", "odd"] * 4)
    solution = declared(CLASSES, **{"data_bias!": {}})
    found = divide(solution, store, frame)
    assert found.valid["free"].dtype == "datetime64[us]"
    assert found.valid[ID].tolist() == content_ids(frame).tolist()


def test_a_contract_drafted_before_dates_were_read_stays_as_it_was(store: SolutionStore) -> None:
    facts = {"columns": [{"column": c, "kind": "text"} for c in ("free", "kind")]}
    store.write_facts("contract", facts)
    frame = _dated()[["free"]].assign(kind=["small", "large", "odd"] * 4)
    assert divide(declared(CLASSES), store, frame).valid["free"].tolist() == frame["free"].tolist()


def test_a_declared_contract_wins(store: SolutionStore) -> None:
    frame = _dated()[["free", "due"]].assign(kind=["small", "large", "odd"] * 4)
    solution = declared(CLASSES, data_pipeline={"contract": f"{__name__}.TEXT"})
    valid = divide(solution, store, frame).valid
    assert valid["free"].tolist() == frame["free"].tolist()
    assert valid["due"].tolist() == frame["due"].tolist()


@pytest.mark.parametrize("first", ["31.01.2024", None, "2026-01-01"])
def test_broken_dates_and_repeated_ids_are_kept_together(store: SolutionStore, first: str | None) -> None:
    solution = declared(CLASSES, data_pipeline={"id": "key"})
    frame = _dated()[["key", "free", "amount"]].assign(kind=["small", "large", "odd"] * 4)
    divide(solution, store, frame)
    frame.loc[0, "free"], frame.loc[1, "amount"] = first, 1e9
    frame.loc[5, "key"] = frame.loc[4, "key"]
    found = divide(solution, store, frame)
    store.write_frame("quarantined_data", found.quarantined)
    kept = store.read_frame("quarantined_data").set_index("key")
    assert kept.loc["2026-01-05", BROKEN] == "repeated id"
    assert str(kept.loc["2026-01-05", "free"]) == "2026-01-06 00:00:00"
    assert len(kept) == (3 if first == "31.01.2024" else 2)
    assert found.valid["free"].dtype == "datetime64[us]"

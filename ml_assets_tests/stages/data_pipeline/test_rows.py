"""What is done to the rows of one batch, without Dagster."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from ml_assets.declaration.contract import BROKEN
from ml_assets.errors import DataError
from ml_assets.history import ID, TIME
from ml_assets.resources import SolutionStore
from ml_assets.stages.data_pipeline.rows import digest, divide, make_features, permitted
from ml_assets_tests.stages.declarations import CLASSES, STREAM, TABLE, declared, parcels, shops
from ml_assets_tests.stages.world import START, _made

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

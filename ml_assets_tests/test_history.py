"""Which batches may be learned from, and their rows."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.history import (
    BATCH,
    CLUSTER,
    GROUP,
    ID,
    LABEL,
    PART,
    RULE,
    TRUTH,
    WEIGHT,
    clusters_of,
    folds_of,
    groups_of,
    is_blocked,
    is_mature,
    labelled_batches,
    labelled_history,
    read_batches,
    training_rows,
)
from ml_assets.resources.store import SolutionStore
from ml_assets_tests.declaration.minimal import HERE, solution, stream

DAYS = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    return SolutionStore(UPath(tmp_path / "churn"))


def batch(store: SolutionStore, day: str, *, blocked: bool = False, mature: bool = True, labelled: int = 2) -> None:
    """Two rows of one day as the pipeline leaves them."""
    ids = [f"{day}/0", f"{day}/1"]
    store.write_frame("valid_data", pd.DataFrame({ID: ids, "age": [20, 60]}), day)
    store.write_facts("valid_data", {"blocked": blocked}, day)
    store.write_frame("labels", pd.DataFrame({ID: ids[:labelled], LABEL: [0, 1][:labelled]}), day)
    store.write_facts("labels", {"mature": mature, "labelled": labelled}, day)


def test_blocked_immature_and_unlabelled_batches_are_not_learned_from(store: SolutionStore) -> None:
    batch(store, DAYS[0], blocked=True)
    batch(store, DAYS[1], mature=False)
    batch(store, DAYS[2], labelled=0)
    batch(store, DAYS[3])
    assert labelled_batches(stream(), store) == [DAYS[3]]
    assert [is_blocked(store, d) for d in DAYS] == [True, False, False, False]
    assert is_blocked(store, "2026-01-09"), "a batch nobody has judged is not a good one"


def test_the_window_takes_the_newest(store: SolutionStore) -> None:
    for day in DAYS:
        batch(store, day)
    short = stream(model__window="2 days")
    assert labelled_batches(short, store) == DAYS[2:]
    assert labelled_batches(short, store, window=False) == DAYS
    assert labelled_batches(stream(model__window="2 batches"), store) == DAYS[2:]
    assert labelled_batches(stream(), store) == DAYS


@pytest.mark.parametrize(("now", "mature"), [(datetime(2026, 1, 4, 23), False), (datetime(2026, 1, 5), True)])
def test_a_batch_is_mature_when_its_last_row_is(now: datetime, mature: bool) -> None:
    late = stream(data_pipeline__id="customer", business_case__target={"column": "left", "delay": "3 days"})
    assert is_mature(late, "2026-01-01", now) is mature


def test_a_table_is_mature_at_once() -> None:
    assert is_mature(solution(), "all", datetime(2000, 1, 1))


def test_history_joins_rows_and_labels_by_id(store: SolutionStore) -> None:
    for day in DAYS[:2]:
        batch(store, day)
    batch(store, DAYS[2], labelled=1)
    found = labelled_history(stream(), store)
    assert found[LABEL].tolist() == [0, 1, 0, 1, 0]
    assert found[BATCH].tolist() == [DAYS[0]] * 2 + [DAYS[1]] * 2 + [DAYS[2]]
    assert (found["age"] == np.where(found[LABEL] == 1, 60, 20)).all()
    assert labelled_history(stream(), store, most_rows=2)[BATCH].unique().tolist() == DAYS[1:3]


def test_a_repeated_id_is_an_error_and_not_a_row_more(store: SolutionStore) -> None:
    batch(store, DAYS[0])
    twice = pd.DataFrame({ID: [f"{DAYS[0]}/0"] * 2, LABEL: [0, 1]})
    store.write_frame("labels", twice, DAYS[0])
    with pytest.raises(pd.errors.MergeError):
        labelled_history(stream(), store)


def test_without_labels_it_says_what_to_do(store: SolutionStore) -> None:
    with pytest.raises(DataError) as caught:
        read_batches(store, "labels", [])
    assert str(caught.value) == (
        "there is no labels to read: got no batch with labels; allowed: at least one labelled, unblocked batch. "
        "Materialize raw_data … labels for the history first."
    )


GROUPS: dict[str, Any] = {"groups": {"band": {"column": "age", "edges": [40]}}, "protected": ["sex", "band"]}


def test_groups_are_words_and_missing_is_counted() -> None:
    rows = pd.DataFrame({"age": [20, 60, None], "sex": ["f", None, "m"]})
    found = groups_of(solution(data_bias=GROUPS), rows)
    assert found["sex"].tolist() == ["f", "unknown", "m"]
    assert found["band"].tolist() == ["<40", ">=40", "unknown"]


def test_a_group_without_its_column_is_named() -> None:
    with pytest.raises(DataError) as caught:
        groups_of(solution(data_bias=GROUPS), pd.DataFrame({"age": [1], "ml:id": ["x"]}))
    assert str(caught.value) == (
        "group sex cannot be made: got no column 'sex'; allowed: age. Correct data_bias.protected or data_bias.groups."
    )


def training_set(store: SolutionStore, rule: list[Any], classes: list[str]) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], ID: list("abcd"), TRUTH: [0, 1, 0, 1], PART: ["train", "test", "train", "train"],
                          WEIGHT: [1.0, 1.0, 0.5, 0.5], BATCH: ["a"] * 4, RULE: rule, f"{GROUP}sex": ["f", "m", "f", "m"]})  # fmt: skip
    store.write_frame("training_set", frame)
    store.write_facts("training_set", {"classes": classes, "features": ["x"]})
    store.write_frame("sample_weights", pd.DataFrame({ID: list("abcd"), "weight": [2.0, 2.0, 1.0, 1.0]}))


def test_the_training_set_is_read_as_it_is_learned_from(store: SolutionStore) -> None:
    training_set(store, [1.0, 0.0, 1.0, 0.0], ["no", "yes"])
    found = training_rows(solution(), store)
    assert found.table.features.columns.tolist() == ["x"]
    assert found.table.weight.tolist() == [2.0, 2.0, 1.0, 1.0]
    assert training_rows(solution(), store, weights=False).table.weight.tolist() == [1.0, 1.0, 0.5, 0.5]
    assert found.groups.columns.tolist() == ["sex"]
    part = found.part("train")
    assert part.rule is not None
    assert (part.table.features["x"].tolist(), part.rule.tolist(), part.groups["sex"].tolist()) == (
        [1.0, 3.0, 4.0], [1.0, 1.0, 0.0], ["f", "f", "m"],
    )  # fmt: skip


def test_what_rows_share_is_that_of_the_table_and_the_id_where_nothing_is_declared(store: SolutionStore) -> None:
    training_set(store, [1.0, 0.0, 1.0, 0.0], ["no", "yes"])
    alone = training_rows(solution(), store)
    assert (alone.table.cluster, alone.cluster.tolist()) == (None, list("abcd"))
    store.write_frame("training_set", store.read_frame("training_set").assign(**{CLUSTER: list("uvuv")}))
    shared = training_rows(solution(), store).part("train")
    assert shared.cluster is shared.table.cluster
    assert shared.cluster.tolist() == ["u", "u", "v"]


def test_a_rule_of_several_classes_is_encoded_or_refused(store: SolutionStore) -> None:
    kinds: Solution = solution(
        business_case__target={"column": "kind", "task": "multiclass"}, business_case__simple_rule=f"{HERE}.rows"
    )
    training_set(store, ["b", "a", "c", "a"], ["a", "b", "c"])
    rule = training_rows(kinds, store).rule
    assert rule is not None
    assert rule.tolist() == [1, 0, 2, 0]
    training_set(store, ["b", "a", "z", "a"], ["a", "b", "c"])
    with pytest.raises(DataError, match="decides for classes that do not exist: got z; allowed: a, b, c"):
        training_rows(kinds, store)


@pytest.mark.parametrize("by_time", [True, False])
def test_folds_roll_over_batches_of_a_stream_and_hold_every_row_of_a_table_out_once(
    store: SolutionStore, by_time: bool
) -> None:
    n = 120
    made: dict[str, Any] = {"x": np.arange(n) * 1.0, ID: [f"r{i}" for i in range(n)], TRUTH: np.arange(n) % 2}
    batches = np.repeat([f"2026-01-{day:02d}" for day in range(1, 7)], n // 6)
    made |= {PART: "train", WEIGHT: 1.0, BATCH: batches, f"{GROUP}sex": "f"}
    store.write_frame("training_set", pd.DataFrame(made))
    store.write_facts("training_set", {"classes": ["no", "yes"], "features": ["x"]})
    rows = training_rows(solution(), store, weights=False)
    folds = folds_of(stream() if by_time else solution(), rows, count=3)
    assert len(folds) == 3
    for fold in folds:
        assert not set(np.concatenate([fold.learn, fold.stop])) & set(fold.held)
        if by_time:
            assert max(rows.batch[np.concatenate([fold.learn, fold.stop])]) < min(rows.batch[fold.held])
    held = np.concatenate([fold.held for fold in folds])
    assert len(set(held)) == len(held)
    assert (len(held) == n) != by_time


def test_two_batches_are_no_history_to_roll_over(store: SolutionStore) -> None:
    training_set(store, [1.0, 0.0, 1.0, 0.0], ["no", "yes"])
    with pytest.raises(DataError, match="Too few batches"):
        folds_of(stream(), training_rows(solution(), store), count=3)


def test_what_rows_share_is_read_from_the_declared_column_and_a_gap_stands_alone() -> None:
    rows = pd.DataFrame({ID: ["i0", "i1", "i2"], "home": [7, None, 7]})
    named = solution(model__cluster="home")
    found = clusters_of(named, rows)
    assert found is not None
    assert found.tolist() == ["7", "row i1", "7"]
    assert clusters_of(solution(), rows) is None
    with pytest.raises(DataError, match="names no column"):
        clusters_of(named, rows.drop(columns="home"))

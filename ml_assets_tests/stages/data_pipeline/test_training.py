"""The training set: parts by time, selected features alone, and honest errors where nothing can be learned."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.history import BATCH, GROUP, ID, PART, TRUTH, training_rows
from ml_assets_tests.stages.lab import Lab, days


def test_no_test_batch_is_in_training_and_the_test_part_is_the_newest(stream: Lab) -> None:
    frame = stream.store.read_frame("training_set", columns=[PART, BATCH])
    parts = {p: set(frame.loc[frame[PART] == p, BATCH]) for p in ("train", "validation", "test")}
    assert parts == {"train": set(days(1, 7)), "validation": set(days(8, 10)), "test": set(days(11, 13))}


def test_no_row_of_a_table_is_in_two_parts_and_the_parts_never_change(table: Lab, classes: Lab) -> None:
    for lab in (table, classes):
        frame = lab.store.read_frame("training_set", columns=[PART, ID])
        assert frame[ID].is_unique
        assert set(frame[PART]) == {"train", "validation", "test"}
    from ml_assets.stages.data_pipeline.training import assemble

    again = assemble(table.solution, table.store).frame.set_index(ID)[PART]
    first = table.store.read_frame("training_set", columns=[PART, ID]).set_index(ID)[PART]
    pd.testing.assert_series_equal(again, first, check_dtype=False)


def test_protected_columns_are_audit_columns_and_never_inputs(stream: Lab) -> None:
    frame = stream.store.read_frame("training_set")
    learned = training_rows(stream.solution, stream.store)
    assert f"{GROUP}sex" in frame.columns
    assert list(learned.table.features.columns) == ["income", "debt", "job"]
    assert set(learned.groups.columns) == {"sex", "job_group", "age_band"}


def test_labels_join_their_own_rows(stream: Lab) -> None:
    from datetime import datetime

    from ml_assets_tests.stages import world

    frame = stream.store.read_frame("training_set").set_index(ID)[TRUTH]
    source = world.labels(datetime(2026, 1, 5), datetime(2026, 1, 6)).set_index("row")["defaulted"]
    assert (frame.loc[source.index] == source).all()


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [("one_class", "one class"), ("none_come", "no batch with labels"), ("all_null", "no batch with labels")],
)
def test_labels_that_teach_nothing_stop_the_training_with_a_sentence(fork: Lab, fault: str, sentence: str) -> None:
    fork.plant(labels={"*": fault})
    lab = fork.but(model={"window": "2 days"} if fault == "one_class" else {})
    lab.ok("labels", batches=days(14, 15) if fault == "one_class" else days(1, 15))
    before = lab.store.read_facts("training_set")
    for asset in ("column_screening", "training_set", "data_bias_report"):
        run = lab.run(asset)
        assert not run.success
        assert sentence in run.error.lower()
        assert "DataError" in run.error
    assert lab.store.read_facts("training_set") == before


def test_too_few_rows_stop_the_training_with_both_figures(fork: Lab) -> None:
    lab = fork.but(data_selection={"minimum_rows": 5000})
    run = lab.run("training_set")
    assert not run.success
    assert "got 4500" in run.error
    assert "at least 5000" in run.error


def test_recent_rows_weigh_more_when_a_half_life_is_declared(fork: Lab) -> None:
    lab = fork.but(model={"half_life": "2 days"})
    lab.ok("training_set")
    frame = lab.store.read_frame("training_set").groupby(BATCH)["ml:weight"].first()
    assert frame.loc["2026-01-14"] / frame.loc["2026-01-12"] == pytest.approx(2)
    assert np.all(np.diff(frame.to_numpy()) > 0)


def test_a_window_forgets_the_oldest_batches(fork: Lab) -> None:
    lab = fork.but(model={"window": "8 days"})
    lab.ok("training_set")
    assert lab.store.read_facts("training_set")["batches"] == days(8, 15)

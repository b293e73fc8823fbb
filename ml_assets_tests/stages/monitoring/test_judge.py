"""What is read of a scored batch: one answer per row, the model that gave it, and why nothing can be said."""

from ml_assets.history import ID
from ml_assets.stages.monitoring.judge import BLOCKED, UNLABELLED, UNSCORED, Judge, scores_of
from ml_assets_tests.stages.lab import NEXT, Lab

DAY = "2026-01-15"


def test_a_batch_is_passed_over_with_its_reason(fork: Lab) -> None:
    judge = Judge(fork.solution, fork.store, fork.models)
    batch = fork.solution.data_pipeline.batch
    assert judge.reason_to_pass(batch("2026-01-10"), labels=False) == UNSCORED
    assert judge.reason_to_pass(batch(NEXT), labels=False) == BLOCKED  # it never came
    assert judge.reason_to_pass(batch(DAY), labels=True) is None
    fork.plant(labels={DAY: "none_come"})
    fork.ok("labels", batches=[DAY])
    assert judge.reason_to_pass(batch(DAY), labels=True) == UNLABELLED
    assert judge.reason_to_pass(batch(DAY), labels=False) is None


def test_a_model_is_opened_once_and_labels_are_joined_by_id(stream: Lab) -> None:
    judge = Judge(stream.solution, stream.store, stream.models)
    rows, truth, version, released = judge.judged_rows(stream.solution.data_pipeline.batch(DAY))
    assert (len(rows), len(truth), version) == (300, 300, 1)
    assert judge.artifact(1) is judge.artifact(1)
    assert scores_of(rows, released).shape == (300,)


def test_of_several_classes_every_probability_is_read(classes: Lab) -> None:
    judge = Judge(classes.solution, classes.store, classes.models)
    rows, _, _, released = judge.judged_rows(classes.solution.data_pipeline.batch("all"))
    assert scores_of(rows, released).shape == (len(rows), 3)


def test_clusters_of_a_batch_are_those_of_its_valid_rows_in_the_order_of_the_answers(table: Lab) -> None:
    batch = table.solution.data_pipeline.batch("all")
    judge = Judge(table.solution, table.store, table.models)
    rows = judge.judged_rows(batch)[0].iloc[::-1].reset_index(drop=True)
    assert judge.clusters(batch, rows) is None
    found = Judge(table.but(model={"cluster": "weekday"}).solution, table.store, table.models).clusters(batch, rows)
    weekday = table.store.read_frame("valid_data", "all").set_index(ID).loc[rows[ID], "weekday"]
    assert found is not None
    assert found.tolist() == weekday.tolist()  # codes of the sorted texts "0" to "6"

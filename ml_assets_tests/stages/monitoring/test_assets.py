"""What part 9 shows of a batch."""

from ml_assets_tests.stages.lab import Lab


def test_drift_names_every_input_and_the_scores(stream: Lab) -> None:
    columns = {c["column"] for c in stream.store.read_facts("drift_report", "2026-01-15")["columns"]}
    assert columns == {"income", "debt", "job", "ml:score", "ml:decision"}


def test_figures_are_numbers_and_the_version_is_named(stream: Lab) -> None:
    shown = stream.metadata("performance_report")
    assert shown["model_version"] == 1
    assert shown["rows"] == 300
    assert 0.6 < shown["roc_auc"] < 1
    assert stream.metadata("value_report")["model_version"] == 1
    assert stream.metadata("drift_report")["drifted"] is False


def test_a_table_and_several_classes_are_watched_too(table: Lab, classes: Lab) -> None:
    for lab in (table, classes):
        assert lab.verdict("drift_report", "drift").passed
        assert lab.verdict("performance_report", "performance").passed

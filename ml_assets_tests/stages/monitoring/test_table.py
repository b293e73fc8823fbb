"""The tidy table holds what the reports hold, row by row."""

from collections.abc import Hashable
from typing import Any

import pytest

from ml_assets.stages.monitoring.table import COLUMNS, REPORTS, monitoring_table
from ml_assets_tests.stages.lab import Lab

DAY = "2026-01-15"


def test_it_holds_what_the_reports_recorded(stream: Lab) -> None:
    frame = monitoring_table(stream.solution, stream.store)
    assert tuple(frame.columns) == COLUMNS
    assert set(frame["report"]) == set(REPORTS)
    assert not frame.duplicated(["batch", "report", "metric", "group"]).any()
    day = [dict(row) for row in frame[frame["batch"] == DAY].to_dict("records")]

    def of(report: str, metric: str) -> list[dict[Hashable, Any]]:
        return [row for row in day if (row["report"], row["metric"]) == (report, metric)]

    facts = stream.store.read_facts("performance_report", DAY)
    auc = next(m for m in facts["metrics"] if m["name"] == "roc_auc")
    (found,) = of("performance_report", "roc_auc")
    assert (found["value"], found["low"], found["high"]) == pytest.approx((auc["value"], auc["low"], auc["high"]))
    assert (found["n"], found["model_version"]) == (auc["n"], 1)
    (main,) = of("performance_report", stream.solution.main_metric)
    assert main["verdict"] == "pass"
    assert main["limit"] < main["value"]
    assert {"income", "debt", "job"} <= {row["group"] for row in of("drift_report", "drift_effect")}
    assert of("drift_report", "importance_drifted")[0]["verdict"] == "pass"
    (earned,) = of("value_report", "value_per_decision")
    assert earned["value"] == pytest.approx(stream.store.read_facts("value_report", DAY)["earned"]["value"])
    assert {"sex=f", "sex=m"} <= {row["group"] for row in day if row["report"] == "fairness_report"}


def test_tables_and_several_classes_have_one_too(table: Lab, classes: Lab) -> None:
    for lab in (table, classes):
        frame = monitoring_table(lab.solution, lab.store)
        assert len(frame)
        assert set(frame["solution"]) == {lab.solution.name}

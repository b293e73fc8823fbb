"""Why a batch did as it did: the same rows turning out otherwise, other rows, and the segment it happened in."""

import pytest

from ml_assets.running import ROW_ASSETS
from ml_assets.stages.monitoring.table import monitoring_table
from ml_assets_tests.stages.lab import NEXT, Lab, said

DAY = "2026-01-15"


def test_on_a_good_day_the_concept_stands(stream: Lab) -> None:
    causes = stream.store.read_facts("performance_report", DAY)["causes"]
    assert causes["judged"]
    assert not causes["concept"]["changed"]
    assert causes["segments"]["segments"] == []
    loss, money = causes["splits"]
    assert loss["change"]["name"] == "loss"
    assert money["change"]["unit"] == "EUR"
    parts = loss["covariate"]["value"] + loss["concept"]["value"]
    assert parts == pytest.approx(loss["change"]["value"])
    assert stream.verdict("performance_report", "concept", DAY).passed


def test_inverted_outcomes_are_a_changed_concept_and_not_other_rows(fork: Lab) -> None:
    fork.plant(labels={DAY: "inverted"})
    fork.ok("labels", "performance_report", batches=[DAY])
    causes = fork.store.read_facts("performance_report", DAY)["causes"]
    loss = causes["splits"][0]
    assert loss["concept"]["low"] > 0.3
    assert abs(loss["covariate"]["value"]) < 0.2 * loss["concept"]["value"]
    found = fork.verdict("performance_report", "concept", DAY)
    assert (found.passed, found.severity.value) == (False, "WARN")
    table = monitoring_table(fork.solution, fork.store)
    row = table[(table["batch"] == DAY) & (table["metric"] == "loss: concept")].iloc[0]
    assert row["low"] > 0.3
    assert set(table.loc[table["metric"] == "concept_excess", "verdict"]) <= {"pass", "fail"}


def test_other_rows_are_told_from_another_concept(fork: Lab) -> None:
    """Poorer people come, and turn out as poor people do: the score already said so."""
    fork.plant(now="2026-01-18T06:00:00", rows={NEXT: "unfair"})
    fork.ok(*ROW_ASSETS, "predictions", "performance_report", batches=[NEXT])
    causes = fork.store.read_facts("performance_report", NEXT)["causes"]
    assert causes["judged"]
    assert causes["concept"]["changed"]  # the labels are those of the incomes before the plant
    assert "income" in causes["segments"]["sentence"]


def test_few_labels_have_no_causes(fork: Lab) -> None:
    fork.plant(labels={DAY: "few"})
    fork.ok("labels", "performance_report", batches=[DAY])
    facts = fork.store.read_facts("performance_report", DAY)
    assert facts["causes"]["judged"] is False
    assert "fewer than 100 labelled rows" in facts["causes"]["sentence"]
    found = fork.verdict("performance_report", "concept", DAY)
    assert not found.passed
    assert "fewer than 100" in said(found)


@pytest.mark.parametrize("lab", ["table", "classes"])
def test_of_a_number_and_of_several_classes(lab: str, request: pytest.FixtureRequest) -> None:
    """So few reference rows cannot be weighted: no split is made up, and the concept is tested all the same."""
    made: Lab = request.getfixturevalue(lab)
    causes = made.store.read_facts("performance_report")["causes"]
    assert causes["judged"]
    assert not causes["concept"]["changed"]
    assert causes["splits"] == []
    assert "not split into causes" in causes["sentence"]

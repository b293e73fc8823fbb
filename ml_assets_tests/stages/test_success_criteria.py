"""Part 2: whether the rows there are can decide what is asked."""

import dagster as dg

from ml_assets.stages import success_criteria
from ml_assets_tests.stages.lab import Lab, checks_of, said


def test_every_check_is_tested_here() -> None:
    assert checks_of(success_criteria) == {("success_criteria", "decidable")}


def test_criteria_that_the_rows_can_decide_pass(stream: Lab) -> None:
    found = stream.verdict("success_criteria", "decidable")
    assert found.passed, found.description
    rows = stream.store.read_facts("success_criteria")["rows"]
    assert [r["rows"] for r in rows] == [900, 900]


def test_a_criterion_in_each_small_group_cannot_be_decided_and_says_the_rows_it_needs(fork: Lab) -> None:
    lab = fork.but(success_criteria=[{"metric": "recall", "at_least": 0.6, "in_each": "job_group"}])
    lab.ok("success_criteria")
    found = lab.verdict("success_criteria", "decidable")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "job_group=driver needs" in said(found)
    rows = {r["where"]: r for r in lab.store.read_facts("success_criteria")["rows"]}
    assert set(rows) == {"job_group=clerk", "job_group=cook", "job_group=driver"}
    assert all(r["rows needed"] > r["rows"] for r in rows.values() if not r["decidable"])

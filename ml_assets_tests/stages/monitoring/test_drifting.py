"""What moved since the live model learned."""

from ml_assets.running import ROW_ASSETS
from ml_assets.stages.monitoring.drifting import age_of_learning, looks_per_month
from ml_assets_tests.stages.lab import NEXT, Lab, said


def test_age_is_in_data_time() -> None:
    facts = {"newest_learned": "2026-01-10T12:00:00", "newest_row": "2026-01-12T12:00:00"}
    assert age_of_learning(facts) == 2 * 86_400
    assert age_of_learning({"newest_learned": None, "newest_row": None}) is None


def test_columns_that_begin_to_move_together_are_found_though_none_of_them_moved(fork: Lab) -> None:
    """The incomes and debts of the day are those of any day; the highest incomes now have the highest debts."""
    fork.plant(rows={NEXT: "together"})
    fork.ok(*ROW_ASSETS, "predictions", "drift_report", batches=[NEXT])
    facts = fork.store.read_facts("drift_report", NEXT)
    inputs = {c["column"]: c["verdict"] for c in facts["columns"] if not c["column"].startswith("ml:")}
    assert set(inputs.values()) == {"stable"}
    (pair,) = facts["pairs"]
    assert pair["columns"] == "income × debt"
    assert pair["now"] > 0.95
    assert abs(pair["before"]) < 0.1
    found = fork.verdict("drift_report", "drift", NEXT)
    assert not found.passed
    assert "no longer move together as they did: income with debt" in said(found)


def test_looks_are_counted_by_the_rhythm_of_the_batches(stream: Lab, table: Lab) -> None:
    assert looks_per_month(stream.solution) == 30
    assert looks_per_month(table.solution) == 1

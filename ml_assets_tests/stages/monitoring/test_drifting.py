"""What moved since the live model learned, what it did, and what a person said of it."""

from datetime import date

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.mutes import mute
from ml_assets.running import ROW_ASSETS
from ml_assets.stages.monitoring.drifting import _shares, age_of_learning
from ml_assets.stages.monitoring.sensors import alarms
from ml_assets.stages.monitoring.showing import drift_rows
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import profile
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


def test_a_shift_is_told_by_what_it_does_to_decisions_and_money(fork: Lab) -> None:
    fork.plant(rows={NEXT: "drift"})
    fork.ok(*ROW_ASSETS, "predictions", "drift_report", batches=[NEXT])
    facts = fork.store.read_facts("drift_report", NEXT)
    income = facts["consequences"][0]
    assert income["column"] == "income"
    assert income["changed"]["low"] > 0.1  # poorer applicants are refused
    assert income["decided"]["low"] > 0.1
    assert income["money"]["unit"] == "EUR"
    assert income["money"]["high"] < 0
    assert "of the decisions differ because of income" in facts["sentence"]
    assert "EUR per decision" in facts["sentence"]
    assert drift_rows(facts)[0]["column"] == "income"
    shares = {a["column"]: a for a in facts["attribution"]}
    assert set(shares) == {"income", "debt", "job"}
    assert sum(a["share"] for a in shares.values()) == pytest.approx(1.0)


def test_without_drift_nothing_is_worked_out_and_the_attribution_is_that_of_the_release(stream: Lab) -> None:
    facts = stream.store.read_facts("drift_report", "2026-01-15")
    assert facts["consequences"] == []
    assert all(abs(a["share"] - a["at_release"]) < 0.1 for a in facts["attribution"])
    assert facts["against"] == "compared with what version 1 learned from"


def test_a_muted_column_is_told_and_asks_for_nothing_until_its_date(fork: Lab) -> None:
    fork.plant(rows={NEXT: "drift"})
    mute(fork.store, "drift", until=date(2026, 1, 17), reason="rates cut", allowed=["drift"], column="income")
    mute(fork.store, "drift", until=date(2026, 1, 17), reason="so did they", allowed=["drift"], column="ml:score")
    mute(fork.store, "drift", until=date(2026, 1, 17), reason="so did they", allowed=["drift"], column="ml:decision")
    fork.ok(*ROW_ASSETS, "predictions", "drift_report", batches=[NEXT])
    found = fork.verdict("drift_report", "drift", NEXT)
    assert found.passed
    assert "not counted: income" in said(found)
    assert "rates cut" in said(found)
    mute(fork.store, "drift", until=date(2026, 1, 16), reason="over", allowed=["drift"], column="income")
    fork.ok("drift_report", batches=[NEXT])
    assert not fork.verdict("drift_report", "drift", NEXT).passed


def test_a_muted_check_fails_as_a_warning_and_is_not_told(fork: Lab) -> None:
    fork.plant(rows={NEXT: "drift"})
    mute(fork.store, "drift", until=date(2026, 2, 1), reason="rates cut", allowed=["drift"])
    fork.ok(*ROW_ASSETS, "predictions", "drift_report", batches=[NEXT])
    found = fork.verdict("drift_report", "drift", NEXT)
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "drift muted until 2026-02-01 by" in said(found)
    assert not [a for a in alarms(fork.solution, fork.instance) if "drift failed" in a.title]


def test_bands_of_a_short_list_are_named_by_its_values() -> None:
    frame = pd.DataFrame({"flag": [0.0, 0.0, 0.0, 1.0], "same": 5.0, "none": np.nan})
    grid = make_grid(frame)
    of = profile(frame, grid)
    assert _shares(of, "flag") == {"below 0": 0.0, "0": 0.75, "1": 0.25, "above 1": 0.0}
    assert _shares(of, "same") == {"below 5": 0.0, "5": 1.0, "above 5": 0.0}
    assert _shares(of, "none") == {"cell 0": 0.0}
    later = profile(pd.DataFrame({"flag": [-1.0, 0.0, 1.0, 9.0], "same": 5.0, "none": 1.0}), grid)
    assert set(_shares(later, "flag").values()) == {0.25}


def test_twelve_bands_of_many_values_share_all_rows() -> None:
    for values in (np.random.default_rng(0).normal(size=1_000), 1e9 + np.arange(1_000.0)):
        frame = pd.DataFrame({"x": values})
        shares = _shares(profile(frame, make_grid(frame)), "x")
        assert len(shares) == 12
        assert sum(shares.values()) == pytest.approx(1.0)
        assert list(shares) == sorted(shares, key=float)

"""What a batch is held against: the release, its like in the season, the time before; and what is said without any."""

from typing import Any

import numpy as np
import pytest

from ml_assets.running import LIVE_ASSETS, ROW_ASSETS, TRAINING_ASSETS
from ml_assets.stages.monitoring.comparing import compared_with
from ml_assets_tests.stages.lab import Lab, days, said

SATURDAYS = {f"2026-01-{d:02d}": "drift" for d in (3, 10, 17, 24)}


def against(lab: Lab, day: str) -> Any:
    released = lab.store.read_facts("releases", "1")
    return compared_with(lab.solution, lab.store, lab.solution.data_pipeline.batch(day), 1, released)


@pytest.fixture(scope="module")
def weekly(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sixteen days of which the Saturdays are of another kind, learned from, and three days of service."""
    from ml_assets_tests.stages.declarations import STREAM, declared, signed
    from ml_assets_tests.stages.lab import open_instance

    folder = tmp_path_factory.mktemp("weekly")
    drift = {"season": "weekday"}
    lab = Lab(signed(declared(STREAM, monitoring={"drift": drift})), open_instance(folder), folder)
    lab.plan(rows=SATURDAYS, now="2026-01-17T06:00:00")
    lab.ok(*ROW_ASSETS, batches=days(1, 15))
    lab.ok(*TRAINING_ASSETS, reason="first model")
    lab.plan(rows=SATURDAYS, now="2026-01-19T06:00:00")
    lab.ok(*ROW_ASSETS, *LIVE_ASSETS, batches=days(16, 18))
    return lab


@pytest.mark.slow
def test_a_saturday_like_every_saturday_is_no_drift_and_one_like_a_weekday_is(weekly: Lab) -> None:
    facts = weekly.store.read_facts("drift_report", "2026-01-17")
    inputs = {c["column"]: c["verdict"] for c in facts["columns"] if not c["column"].startswith("ml:")}
    assert set(inputs.values()) == {"stable"}
    assert "every Saturday" in facts["against"]
    plain = weekly.but(monitoring={"drift": {"season": "none"}})
    plain.ok("drift_report", batches=["2026-01-17"])
    found = plain.verdict("drift_report", "drift", "2026-01-17")
    assert not found.passed
    assert "income" in said(found)
    weekly.ok("drift_report", batches=["2026-01-17"])
    assert weekly.verdict("drift_report", "drift", "2026-01-16").passed


@pytest.mark.slow
def test_scores_of_a_season_never_seen_are_shown_and_ask_for_nothing(weekly: Lab) -> None:
    """Scores are taken from rows the model was not fitted on, and among those there is no such day.

    Here they are those of a Saturday alone, which every other day differs from.
    """
    released = weekly.store.read_facts("releases", "1")
    seasons = released["seasons"]
    assert len(seasons) == 7
    assert seasons["Friday"]["prediction_reference"] is None
    assert seasons["Saturday"]["prediction_reference"]["n"] == 300
    of_a_saturday = released | {"prediction_reference": seasons["Saturday"]["prediction_reference"]}
    weekly.store.write_facts("releases", of_a_saturday, "1")
    weekly.ok("drift_report", batches=["2026-01-16"])
    weekly.store.write_facts("releases", released, "1")
    facts = weekly.store.read_facts("drift_report", "2026-01-16")
    assert (
        "not tried on a Friday, so its scores are compared with those of other days and do not count"
        in facts["against"]
    )
    scores = {c["column"]: c["verdict"] for c in facts["columns"] if c["column"].startswith("ml:")}
    assert scores["ml:score"] != "stable"
    assert weekly.verdict("drift_report", "drift", "2026-01-16").passed
    lone = released | {"seasons": {}}
    told = compared_with(weekly.solution, weekly.store, weekly.solution.data_pipeline.batch("2026-01-17"), 1, lone)
    assert not told.rows_like
    assert "learned from no Saturday: compared with all it learned from" in told.words


def test_the_release_is_what_a_batch_is_held_against_unless_declared_otherwise(stream: Lab) -> None:
    found = against(stream, "2026-01-15")
    assert found.words == "compared with what version 1 learned from"
    assert found.rows.n > 2_000


def test_a_trailing_window_reaches_back_as_far_as_declared(stream: Lab) -> None:
    lab = stream.but(monitoring={"drift": {"against": "trailing", "trailing": "1 day"}})
    found = against(lab, "2026-01-16")
    assert found.words == "compared with 1 batch in the 1 day before"
    assert found.rows.n == found.scores.n == 300
    assert np.isfinite(found.scores.numeric["ml:score"].mean)
    nothing = against(lab, "2026-01-18")
    assert "fewer than 100 rows in the 1 day before; compared with what version 1 learned from" in nothing.words

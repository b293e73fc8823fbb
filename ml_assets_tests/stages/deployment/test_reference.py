"""The reference is made of recorded profiles; scores have a grid of their own."""

import pandas as pd
import pytest

from ml_assets.history import DECISION, SCORE
from ml_assets.releases import live_model
from ml_assets.stages.deployment.reference import features_profile, renew_grid
from ml_assets.statistics.grid import Grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets_tests.stages.lab import Lab, days


def test_merged_profiles_are_the_profile_of_all_their_rows(stream: Lab) -> None:
    merged = features_profile(stream.store, days(1, 3))
    frames = [stream.store.read_frame("features", b)["income"] for b in days(1, 3)]
    rows = [float(v) for f in frames for v in f]
    assert merged.n == len(rows) == 900
    assert merged.numeric["income"].mean == pytest.approx(sum(rows) / 900)
    assert merged.numeric["income"].minimum == min(rows)


def test_scores_and_decisions_travel_with_the_model(stream: Lab) -> None:
    live = live_model(stream.models, "stream")
    assert live is not None
    reference = Profile.from_dict(live.facts["prediction_reference"])
    assert reference.n == 900
    assert SCORE in reference.numeric
    assert set(reference.grid.categories[DECISION]) == {"0", "1"}


def test_a_stream_that_has_outgrown_its_grid_gets_a_new_one_and_is_still_compared(fork: Lab) -> None:
    """Profiles of ten days over a grid that ends where the incomes begin: nearly all rows lie in one cell."""
    facts = fork.store.read_facts("grid")
    facts["edges"]["income"] = [0.5 + 0.01 * i for i in range(130)]
    narrow = Grid.from_dict(facts)
    fork.store.write_facts("grid", facts)
    for day in days(1, 15):
        rows = fork.store.read_frame("features", day).drop(columns=["ml:id"])
        fork.store.write_facts("profile", profile(rows, narrow).to_dict(), day)
    assert renew_grid(fork.store, days(1, 10)) == ("income",)
    fresh = features_profile(fork.store, days(1, 10))
    assert max(fresh.numeric["income"].counts) < 0.05 * fresh.n
    assert renew_grid(fork.store, days(1, 10)) == ()
    income = pd.concat([fork.store.read_frame("features", d)["income"] for d in days(1, 10)])
    assert fresh.numeric["income"].mean == pytest.approx(income.mean())
    fork.ok("drift_report", batches=["2026-01-15"])  # its profile is over the narrow grid, the reference is not
    assert fork.verdict("drift_report", "drift", "2026-01-15").passed

"""The reference is made of recorded profiles; scores have a grid of their own."""

import pytest

from ml_assets.history import DECISION, SCORE
from ml_assets.releases import live_model
from ml_assets.stages.deployment.reference import features_profile
from ml_assets.statistics.profile import Profile
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

"""The reference is made of recorded profiles; scores have a grid of their own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.history import DECISION, SCORE, training_rows
from ml_assets.releases import challenger, live_model, validated
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS, TRAINING_ASSETS
from ml_assets.stages.deployment.reference import features_profile, renew_grid
from ml_assets.statistics.grid import Grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets_tests.stages.declarations import TABLE, declared
from ml_assets_tests.stages.lab import Lab, days, open_instance


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


def waves() -> pd.DataFrame:
    """800 rows whose number no line follows: one feature in bins is the best model, and its scores are some twenty values."""
    rng = np.random.default_rng(4)
    x = rng.uniform(0, 3, 800)
    sold = 10 + 4 * np.sin(4 * x) + rng.normal(0, 1, 800)
    return pd.DataFrame({"shop": [f"s{i}" for i in range(800)], "x": x, "sold": sold})


def test_a_last_fit_that_moves_the_few_values_of_the_scores_is_no_drift(tmp_path: Path) -> None:
    known = {"x": {"available": "at_prediction", "reason": "measured before"}}
    source = {"source": {"type": "function", "load": f"{__name__}.waves"}}
    solution = declared(TABLE, name="waves", data_pipeline=source, data_selection={"columns": known})
    lab = Lab(solution, open_instance(tmp_path), tmp_path)
    lab.ok(*ROW_ASSETS)
    lab.ok(*TRAINING_ASSETS)
    lab.ok(*LIVE_ASSETS)
    live = live_model(lab.models, "waves")
    assert live is not None
    assert live.facts["family"] == "single_feature"
    found = lab.verdict("drift_report", "drift")
    assert found.passed, found.description


def test_scores_that_are_a_scale_are_referenced_as_rows_not_learned_from_got_them(table: Lab) -> None:
    live, rows = live_model(table.models, "table"), training_rows(table.solution, table.store).part("validation")
    assert live is not None
    reference = Profile.from_dict(live.facts["prediction_reference"])
    score = np.asarray(validated(table.store).predict(rows.table.features).score)
    assert reference.numeric[SCORE].mean == pytest.approx(score.mean(), rel=1e-12)
    learned = np.asarray(challenger(table.store).predict(rows.table.features).score)
    assert reference.numeric[SCORE].mean != pytest.approx(learned.mean(), rel=1e-12)

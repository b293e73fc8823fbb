"""Answers are logged once, traced, and never rewritten by a later model; judged by the version that gave them."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.history import DECISION, ID, SCORE, VERSION
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS
from ml_assets_tests.stages.lab import NEXT, Lab, days


def test_every_valid_row_has_one_traced_answer(stream: Lab) -> None:
    log = stream.store.read_frame("predictions", "2026-01-15")
    assert set(log[ID]) == set(stream.store.read_frame("valid_data", "2026-01-15")[ID])
    assert log[ID].is_unique
    assert set(log[VERSION]) == {1}
    assert set(log["ml:data_digest"]) == {stream.store.read_facts("features", "2026-01-15")["digest"]}
    assert set(log["ml:model_digest"]) == {stream.store.read_facts("mitigation")["digest"][:16]}
    threshold = stream.store.read_facts("model")["threshold"]
    assert ((log[SCORE] >= threshold).astype(int) == log[DECISION]).mean() > 0.95


def test_a_later_champion_never_rewrites_an_answer_and_the_judge_asks_the_version_that_gave_it(fork: Lab) -> None:
    old = fork.store.read_frame("predictions", "2026-01-15")
    lab = fork.but(deployment={"non_inferiority": 5.0})
    lab.ok("champion")
    assert lab.metadata("champion")["live_version"] == 2
    lab.ok(*ROW_ASSETS, batches=[NEXT])
    lab.ok(*LIVE_ASSETS, batches=days(15, 16))
    pd.testing.assert_frame_equal(lab.store.read_frame("predictions", "2026-01-15"), old)
    assert set(lab.store.read_frame("predictions", NEXT)[VERSION]) == {2}
    for asset in ("performance_report", "drift_report", "value_report", "fairness_report"):
        assert lab.store.read_facts(asset, "2026-01-15")["version"] == 1
    assert lab.store.read_facts("drift_report", NEXT)["version"] == 2


def test_rows_that_came_late_are_answered_and_the_others_left(fork: Lab) -> None:
    fork.plant(rows={NEXT: "few"})
    fork.ok(*ROW_ASSETS, "predictions", batches=[NEXT])
    first = fork.store.read_frame("predictions", NEXT)
    fork.plant()
    fork.ok(*ROW_ASSETS, "predictions", batches=[NEXT])
    log = fork.store.read_frame("predictions", NEXT)
    assert (len(first), len(log)) == (20, 300)
    assert log[ID].is_unique
    pd.testing.assert_frame_equal(log.head(20), first)
    assert fork.verdict("predictions", "complete", NEXT).passed
    assert not fork.verdict(
        "predictions", "skew", NEXT
    ).passed  # twenty rows were answered from another table of features


def test_a_class_has_its_score_and_a_number_is_its_own_decision(table: Lab, classes: Lab) -> None:
    log = classes.store.read_frame("predictions")
    scores = log[["ml:score:large", "ml:score:odd", "ml:score:small"]].to_numpy()
    assert scores.sum(axis=1) == pytest.approx(1)
    assert log[SCORE].to_numpy() == pytest.approx(scores.max(axis=1))
    numbers = table.store.read_frame("predictions")
    assert np.allclose(numbers[SCORE], numbers[DECISION])
    assert len(numbers) == 600

"""Answers are logged once, traced, and never rewritten by a later model; judged by the version that gave them."""

from typing import cast

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import ArtifactError
from ml_assets.history import DECISION, ID, SCORE, VERSION
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.releases import Live, require_live
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS
from ml_assets.stages.deployment.predictions import groups_to_decide_by
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


class _ByJob:
    """A live model that decides by group."""

    def __init__(self) -> None:
        self.group_thresholds = GroupThresholds("job_group", {"driver": 0.5}, 0.5)

    def artifact(self) -> "_ByJob":
        return self


def test_a_model_that_decides_by_group_gets_the_groups_of_its_rows_or_is_refused(stream: Lab) -> None:
    store, live = stream.store, cast(Live, _ByJob())
    batch = stream.solution.data_pipeline.batch("2026-01-15")
    rows = store.read_frame("features", "2026-01-15").sample(frac=0.5, random_state=0)
    allowed = stream.but(model_bias={"group_at_decision": "allowed"}).solution
    groups = groups_to_decide_by(allowed, store, live, batch, rows)
    assert groups is not None
    jobs = store.read_frame("valid_data", "2026-01-15").set_index(ID)["job"]
    assert groups["job_group"].tolist() == jobs.loc[rows[ID]].fillna("unknown").tolist()
    with pytest.raises(ArtifactError, match="the declaration forbids it"):
        groups_to_decide_by(stream.solution, store, live, batch, rows)


def test_a_model_that_does_not_read_the_group_gets_none(stream: Lab) -> None:
    live = require_live(stream.models, "stream")
    batch = stream.solution.data_pipeline.batch("2026-01-15")
    rows = stream.store.read_frame("features", "2026-01-15")
    assert groups_to_decide_by(stream.solution, stream.store, live, batch, rows) is None

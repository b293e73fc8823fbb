"""Estimates of a batch before its labels: from the release's own rows, with a record, and silent or marked where they must be."""

import hashlib
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import ArtifactError
from ml_assets.history import DECISION, SCORE, TRUTH, Learned
from ml_assets.learning.table import TrainingTable
from ml_assets.releases import SAMPLE, SAMPLES, live_model, open_version, validated, version_sample
from ml_assets.resources.store import Facts
from ml_assets.stages.deployment.reference import SAMPLE_ROWS, calibration_sample
from ml_assets.stages.monitoring.estimating import KNOWN, NEWEST, estimate_performance, track_record, trusted
from ml_assets.stages.monitoring.judge import Judge
from ml_assets.stages.monitoring.showing import show_estimate
from ml_assets.stages.monitoring.table import monitoring_table
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.estimation import BLIND_SPOT, REGRESSION_REASON, estimate_coverage
from ml_assets_tests.stages.lab import NEXT, Lab

DAY = "2026-01-15"
ROWS = ("raw_data", "valid_data", "quarantined_data", "features", "labels", "profile", "predictions")


def judge_of(lab: Lab) -> Judge:
    return Judge(lab.solution, lab.store, lab.models)


def estimated(lab: Lab, batch: str = DAY) -> Facts:
    return estimate_performance(judge_of(lab), lab.solution.data_pipeline.batch(batch))


def past(lab: Lab, count: int, *, hits: int, version: int = 1, first: int = 1, **facts: Any) -> None:
    """Earlier batches whose main metric was estimated at 0.75 ± 0.05 and turned out right ``hits`` times."""
    for i in range(count):
        batch = f"2025-{first + i // 28:02d}-{1 + i % 28:02d}"
        e = Estimate("roc_auc", 0.75, 0.70, 0.80, 300)
        made = {"estimated": [e], "version": version, "method": "weighted", "relied": True} | facts
        lab.store.write_facts("performance_estimate", made, batch)
        metrics = [Estimate("roc_auc", 0.77 if i < hits else 0.60, 0.5, 0.9, 300), not_estimable("recall")]
        report = {"judged": True, "version": version, "rows": 300, "metrics": metrics, "released": []}
        lab.store.write_facts("performance_report", report, batch)


def test_the_release_carries_the_rows_it_was_calibrated_on(stream: Lab) -> None:
    live = live_model(stream.models, "stream")
    assert live is not None
    sample = live.calibration_sample()
    assert sample is not None
    assert set(sample.columns) == {"income", "debt", "job", TRUTH, SCORE, DECISION}  # no sex: it is no input
    content = (live.folder / SAMPLE).read_bytes()
    assert live.facts["calibration_sample"] == {"rows": 900, "sha256": hashlib.sha256(content).hexdigest()}
    answer = validated(stream.store).predict(sample)  # the released one has learned from these rows
    assert (live.artifact().score(sample) != answer.score).any()
    assert sample[SCORE].to_numpy() == pytest.approx(answer.score)
    assert (sample[DECISION].to_numpy() == answer.decision).all()
    frame = stream.store.read_frame("training_set")
    assert sorted(sample["income"]) == sorted(frame.loc[frame["ml:part"] == "validation", "income"])
    kept = version_sample(stream.models, stream.store, "stream", 1)
    assert kept is not None
    assert pd.read_parquet(BytesIO(content)).equals(kept)


def test_a_long_validation_part_is_sampled_evenly() -> None:
    n = 3 * SAMPLE_ROWS
    features = pd.DataFrame({"x": np.arange(n, dtype=float), "sex": "f"})

    def predict(frame: pd.DataFrame, *, groups: pd.DataFrame) -> Any:
        assert len(groups) == len(frame)
        return SimpleNamespace(score=np.zeros(len(frame)), decision=np.zeros(len(frame)))

    artifact: Any = SimpleNamespace(predict=predict, specs=[SimpleNamespace(name="x")], classes=("0", "1"))
    part = np.repeat("validation", n)
    table = TrainingTable(features, np.zeros(n), part, np.ones(n), np.arange(n), "binary", ("0", "1"))
    found = calibration_sample(artifact, Learned(table, features[["sex"]], None, part), ["x"])
    assert len(found) == SAMPLE_ROWS
    assert list(found.columns) == ["x", SCORE, DECISION, TRUTH]
    assert found["x"].iloc[0] == 0
    assert found["x"].iloc[-1] == n - 1
    assert set(np.diff(found["x"])) <= {2.0, 3.0, 4.0}


def test_a_changed_sample_is_refused_and_a_missing_one_too(fork: Lab) -> None:
    version = fork.models.version("stream", 1)
    file = fork.models.fetch(version) / SAMPLE
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ArtifactError, match="calibration sample"):
        open_version(fork.models, version).calibration_sample()
    assert not fork.check("champion", "released_model_intact").passed
    file.unlink()
    with pytest.raises(ArtifactError, match=f"no {SAMPLE}"):
        open_version(fork.models, version).calibration_sample()


def test_the_sample_is_opened_once_and_kept_in_the_store(fork: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    fork.store.path(SAMPLES, "1").unlink()
    before = version_sample(fork.models, fork.store, "stream", 1)
    assert fork.store.has_frame(SAMPLES, "1")
    monkeypatch.setattr("ml_assets.releases.open_version", lambda *_: pytest.fail("the registry was opened"))
    again = version_sample(fork.models, fork.store, "stream", 1)
    assert before is not None
    assert again is not None
    assert before.equals(again)


def test_a_good_day_is_estimated_from_the_releases_own_rows(stream: Lab) -> None:
    facts = stream.store.read_facts("performance_estimate", DAY)
    assert (facts["method"], facts["relied"], facts["version"]) == ("weighted", True, 1)
    assert facts["trusted"] == "too few to say"
    assert facts["weights"]["usable"]
    assert facts["weights"]["effective_share"] > 0.7
    assert 0.4 < facts["weights"]["domain_auc"]["value"] < 0.65
    assert BLIND_SPOT in facts["sentence"]
    found = {e["name"]: e for e in facts["estimated"]}
    assert list(found) == ["accuracy", "precision", "recall", "roc_auc", "value_per_decision"]
    realised = {m["name"]: m["value"] for m in stream.store.read_facts("performance_report", DAY)["metrics"]}
    assert sum(e["low"] <= realised[n] <= e["high"] for n, e in found.items()) >= 4
    shown = stream.metadata("performance_estimate")
    assert shown["blind_spot"] == BLIND_SPOT
    assert (shown["trusted"], shown["relied"]) == ("too few to say", True)
    assert shown["expected_roc_auc"] == pytest.approx(found["roc_auc"]["value"])


def test_rows_unlike_the_reference_are_recalibrated_without_weights_and_marked(fork: Lab) -> None:
    features = fork.store.read_frame("features", DAY)
    fork.store.write_frame("features", features.assign(income=features["income"] + 500), DAY)
    facts = estimated(fork)
    assert (facts["method"], facts["relied"], facts["trusted"]) == ("unweighted", False, "no")
    assert facts["sentence"].startswith("not to be relied upon: The reference does not resemble this batch")
    assert {e["name"] for e in facts["estimated"]} >= {"roc_auc", "accuracy"}
    assert not facts["weights"]["usable"]


def test_other_labels_leave_the_estimate_where_it_is(fork: Lab) -> None:
    """The blind spot: the same rows, every label the other way round."""
    fork.plant(labels={NEXT: "inverted"})
    fork.ok(*ROWS, batches=[NEXT])
    facts = estimated(fork, NEXT)
    before = {e["name"]: e for e in fork.store.read_facts("performance_estimate", DAY)["estimated"]}
    now = {e["name"]: e for e in facts["estimated"]}
    assert facts["relied"]
    assert now["roc_auc"]["value"] == pytest.approx(before["roc_auc"]["value"], abs=0.08)
    assert BLIND_SPOT in facts["sentence"]


def test_a_version_released_without_a_sample_falls_back_and_says_so(fork: Lab) -> None:
    released = fork.store.read_facts("releases", "1")
    del released["calibration_sample"]
    fork.store.write_facts("releases", released, "1")
    facts = estimated(fork)
    assert (facts["method"], facts["relied"], facts["weights"]) == ("plain", True, None)
    assert "without a calibration sample" in facts["sentence"]
    assert {e["name"] for e in facts["estimated"]} >= {"roc_auc", "value_per_decision"}


def test_a_record_that_holds_is_trusted_and_one_that_does_not_is_not(fork: Lab) -> None:
    past(fork, KNOWN, hits=KNOWN - 1)
    facts = estimated(fork)
    assert facts["trusted"] == "yes"
    record = facts["record"]
    assert (record["batches"], record["main"]) == (KNOWN, "roc_auc")
    assert record["coverage"]["value"] == pytest.approx((KNOWN - 1) / KNOWN)
    (auc,) = record["metrics"]
    assert auc["error"]["value"] == pytest.approx((0.02 * (KNOWN - 1) + 0.15) / KNOWN)
    shown = show_estimate(facts)
    assert shown["trusted"] == "yes"
    assert "roc_auc" in shown["record"].value
    past(fork, KNOWN, hits=KNOWN - 6)
    assert estimated(fork)["trusted"] == "no"


def test_only_batches_of_the_same_version_and_way_count_and_the_newest(fork: Lab) -> None:
    judge, batch = judge_of(fork), fork.solution.data_pipeline.batch(DAY)
    past(fork, 5, hits=0, version=2)
    past(fork, 5, hits=0, first=2, method="plain")
    past(fork, 5, hits=0, first=3, relied=False)
    assert track_record(judge, batch, 1, "weighted")["batches"] == 0
    assert track_record(judge, batch, 2, "weighted")["batches"] == 5
    past(fork, NEWEST + 10, hits=10, first=4)
    record = track_record(judge, batch, 1, "weighted")
    assert record["batches"] == NEWEST
    assert record["coverage"].value == 0.0  # the ten that held were the oldest
    later = fork.solution.data_pipeline.batch("2025-01-01")
    assert track_record(judge, later, 2, "weighted")["batches"] == 0


def test_what_was_written_before_is_read_as_it_was(fork: Lab) -> None:
    """Facts of an older release of this package: no method, no record."""
    old = {"estimated": [Estimate("roc_auc", 0.8, 0.75, 0.85, 300)], "sentence": BLIND_SPOT, "version": 1}
    fork.store.write_facts("performance_estimate", old, "2025-05-01")
    found = fork.store.read_facts("performance_estimate", "2025-05-01")
    assert show_estimate(found)["trusted"] == "too few to say"
    frame = monitoring_table(fork.solution, fork.store)
    assert set(frame.loc[frame["batch"] == "2025-05-01", "metric"]) == {"expected_roc_auc"}
    report = {"judged": True, "version": 1, "metrics": [Estimate("roc_auc", 0.8, 0.7, 0.9, 300)]}
    fork.store.write_facts("performance_report", report, "2025-05-01")
    judge, batch = judge_of(fork), fork.solution.data_pipeline.batch(DAY)
    assert track_record(judge, batch, 1, "plain")["batches"] == 1


@pytest.mark.parametrize(
    ("inside", "batches", "answer"),
    [
        (KNOWN - 1, KNOWN - 1, "too few to say"),
        (KNOWN, KNOWN, "yes"),
        (KNOWN - 2, KNOWN, "yes"),
        (KNOWN - 3, KNOWN, "no"),
    ],
)
def test_the_rule_of_trust(inside: int, batches: int, answer: str) -> None:
    past_ones = [Estimate("roc_auc", 0.8, 0.7, 0.9, 1)] * batches
    coverage = estimate_coverage(past_ones, [0.8] * inside + [0.5] * (batches - inside))
    assert trusted(coverage) == answer


def test_a_number_is_estimated_by_what_rows_cost(table: Lab) -> None:
    facts = table.store.read_facts("performance_estimate")
    names = [e["name"] for e in facts["estimated"]]
    assert names == ["mean_absolute_error", "root_mean_squared_error", "value_per_decision"]
    report = table.store.read_facts("performance_report")
    realised = {m["name"]: m["value"] for m in report["metrics"]}
    for e in facts["estimated"]:
        assert e["n"] == report["rows"]  # the rows that were not learned from
        assert e["low"] <= realised[e["name"]] <= e["high"]
    # 120 validation rows are fewer than the weights need
    assert (facts["relied"], facts["trusted"]) == (False, "no")
    assert "fewer than 200 effective rows" in facts["sentence"]


def test_a_number_without_a_sample_cannot_be_estimated(table: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_assets.stages.monitoring.estimating.version_sample", lambda *_: None)
    judge = judge_of(table)
    monkeypatch.setattr(judge, "write", lambda _asset, _batch, facts: facts)
    facts = estimate_performance(judge, next(iter(table.solution.data_pipeline.batch(b) for b in ("all",))))
    assert facts["estimated"] == []
    assert REGRESSION_REASON in facts["sentence"]


def test_several_classes_are_estimated_too(classes: Lab) -> None:
    facts = classes.store.read_facts("performance_estimate")
    assert {e["name"] for e in facts["estimated"]} == {"accuracy", "value_per_decision"}

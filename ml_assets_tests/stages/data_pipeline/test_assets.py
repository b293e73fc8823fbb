"""What is made of a batch: good ones, broken ones, the same one twice, and one whose process was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.declaration.contract import BROKEN
from ml_assets.history import DECISION, ID, LABEL, SCORE, labelled_batches
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS, TRAINING_ASSETS
from ml_assets_tests.stages import world
from ml_assets_tests.stages.lab import NEXT, Lab, days, on_disk, said

BLOCKED = {
    "empty": None,
    "missing_column": "missing column debt",
    "words": "income",
    "infinite": "finite",
    "all_bad_dates": "at",
    "repeated_ids": "repeated id",
}
PARTLY = {
    "a_few_words": (3, "income"),
    "a_few_infinite": (3, "income"),
    "bad_dates": (3, "at"),
    "a_repeated_id": (1, "repeated id"),
}
WHOLE = ("extra_column", "retyped", "mixed", "null_column", "new_category", "tiny_group")
FAULTS = (*BLOCKED, *PARTLY, *WHOLE)
BATCH_OF = {fault: f"2026-01-{16 + i:02d}" for i, fault in enumerate(FAULTS)}


def test_the_contract_of_names(stream: Lab) -> None:
    made = {k.path[-1] for k in stream.defs.resolve_asset_graph().get_all_asset_keys()}
    assert made == {
        "business_case", "baseline_value", "success_criteria", "column_screening", "selected_columns", "data_bias_report",
        "bias_remediation_plan", "sample_weights", "raw_data", "valid_data", "quarantined_data", "features", "labels", "profile",
        "training_set", "baselines", "candidates", "model", "evaluation", "explanation", "champion", "predictions",
        "model_bias_report", "mitigation", "drift_report", "performance_report", "performance_estimate", "fairness_report",
        "value_report", "policy_backtest", "retraining_log", "data_worth",
    }  # fmt: skip
    assert all(k.path[0] == "stream" for k in stream.defs.resolve_asset_graph().get_all_asset_keys())


def test_batches_are_partitions_and_only_batches(stream: Lab) -> None:
    graph = stream.defs.resolve_asset_graph()
    cut = {k.path[-1] for k in graph.get_all_asset_keys() if graph.get(k).is_partitioned}
    assert cut == {*ROW_ASSETS, *LIVE_ASSETS}


@pytest.fixture(scope="module")
def broken(made: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Sixteen days, each broken in its own way, in one run over the range, and scored."""
    before = os.environ.get(world.VARIABLE)
    made.plant()
    lab = made.fork(tmp_path_factory.mktemp("broken") / "fork")
    lab.plan(now="2026-02-02T06:00:00", rows={day: fault for fault, day in BATCH_OF.items()})
    lab.ok(*ROW_ASSETS, batches=sorted(BATCH_OF.values()))
    lab.ok(*LIVE_ASSETS, batches=sorted(BATCH_OF.values()))
    if before is not None:
        os.environ[world.VARIABLE] = before
    return lab


@pytest.mark.parametrize("fault", sorted(BLOCKED))
def test_a_broken_batch_is_blocked_and_reaches_neither_features_nor_predictions_nor_training(
    broken: Lab, fault: str
) -> None:
    batch = BATCH_OF[fault]
    assert not broken.store.has_frame("features", batch)
    assert not broken.store.has_frame("predictions", batch)
    assert broken.store.find_facts("profile", batch) is None
    assert broken.store.read_facts("valid_data", batch)["blocked"]
    assert batch not in labelled_batches(broken.solution, broken.store)
    assert broken.store.read_facts("drift_report", batch)["judged"] is False


@pytest.mark.parametrize("fault", sorted(k for k in BLOCKED if k != "empty"))
def test_the_rows_of_a_blocked_batch_are_kept_with_the_rules_they_broke(broken: Lab, fault: str) -> None:
    kept = broken.store.read_frame("quarantined_data", BATCH_OF[fault])
    assert len(kept) >= 120
    assert kept[BROKEN].str.contains(BLOCKED[fault] or "", regex=False).all()
    assert (BLOCKED[fault] or "") in said(broken.verdict("valid_data", "contract", BATCH_OF[fault]))


@pytest.mark.parametrize("fault", sorted(PARTLY))
def test_a_few_broken_rows_are_set_apart_and_the_others_go_on(broken: Lab, fault: str) -> None:
    count, rule = PARTLY[fault]
    batch = BATCH_OF[fault]
    kept = broken.store.read_frame("quarantined_data", batch)
    assert len(kept) == count
    assert kept[BROKEN].str.contains(rule).all()
    raw, valid = (broken.store.read_facts(a, batch)["rows"] for a in ("raw_data", "valid_data"))
    assert raw == 300 == valid + count
    answered = broken.store.read_frame("predictions", batch)
    assert set(answered[ID]) == set(broken.store.read_frame("valid_data", batch)[ID])
    assert not set(answered[ID]) & set(kept["row"]) or fault == "a_repeated_id"


@pytest.mark.parametrize("fault", WHOLE)
def test_an_odd_batch_that_keeps_the_contract_is_scored_whole(broken: Lab, fault: str) -> None:
    batch = BATCH_OF[fault]
    answered = broken.store.read_frame("predictions", batch)
    assert len(answered) == 300
    assert np.isfinite(answered[SCORE]).all()
    assert set(answered[DECISION].unique()) <= {0, 1}


def test_numbers_written_as_text_are_numbers_again(broken: Lab) -> None:
    income = broken.store.read_frame("valid_data", BATCH_OF["retyped"])["income"]
    assert pd.api.types.is_float_dtype(income)
    assert broken.verdict("drift_report", "drift", BATCH_OF["retyped"]).passed


def test_a_column_that_is_suddenly_null_is_drift(broken: Lab) -> None:
    found = broken.verdict("drift_report", "drift", BATCH_OF["null_column"])
    assert not found.passed
    assert "debt" in said(found)


def test_a_category_never_seen_is_drift_of_a_column_that_matters_little_here(broken: Lab) -> None:
    facts = broken.store.read_facts("drift_report", BATCH_OF["new_category"])
    (job,) = (c for c in facts["columns"] if c["column"] == "job")
    assert job["verdict"] == "drifted"
    assert job["new_share"] == pytest.approx(0.4)
    assert "job" in facts["sentence"]
    assert facts["importance"]["job"] < broken.solution.monitoring.drift.importance


def test_a_group_of_three_rows_proves_nothing(broken: Lab) -> None:
    facts = broken.store.read_facts("fairness_report", BATCH_OF["tiny_group"])
    tiny = [d for d in facts["disparities"] if d["group"] == "x"]
    assert tiny
    assert {d["verdict"] for d in tiny} <= {"inconclusive", "not_estimable"}


@pytest.mark.parametrize(("fault", "rule"), [("missing_id", "row"), ("missing_time", "at")])
def test_a_batch_without_its_id_or_time_column_is_blocked_and_kept(fork: Lab, fault: str, rule: str) -> None:
    fork.plant(rows={NEXT: fault})
    fork.run(*ROW_ASSETS, batches=[NEXT])
    assert fork.store.read_facts("valid_data", NEXT)["blocked"]
    assert f"missing column {rule}" in fork.store.read_frame("quarantined_data", NEXT)[BROKEN].iloc[0]


@pytest.mark.slow
def test_training_after_broken_days_uses_the_good_ones_alone(broken: Lab, tmp_path: Path) -> None:
    broken.plan(now="2026-02-02T06:00:00")
    lab = broken.fork(tmp_path / "again")
    run = lab.run(*TRAINING_ASSETS)
    assert run.success, run.error
    batches = set(lab.store.read_facts("training_set")["batches"])
    assert not batches & {BATCH_OF[f] for f in BLOCKED}
    assert BATCH_OF["a_few_words"] in batches


def test_a_source_that_is_down_fails_loudly_and_the_next_run_recovers(fork: Lab) -> None:
    fork.plant(rows={NEXT: "down"})
    run = fork.run(*ROW_ASSETS, batches=[NEXT])
    assert not run.success
    assert "the source is down" in run.error
    assert not fork.store.has_frame("raw_data", NEXT)
    fork.plant()
    fork.ok(*ROW_ASSETS, batches=[NEXT])
    assert len(fork.store.read_frame("features", NEXT)) == 300


def test_the_same_batch_twice_changes_nothing(fork: Lab) -> None:
    before = {a: fork.store.read_frame(a, "2026-01-15") for a in ("raw_data", "valid_data", "features", "labels")}
    answers = fork.store.read_frame("predictions", "2026-01-15")
    fork.plant()
    fork.ok(*ROW_ASSETS, *LIVE_ASSETS, batches=days(15, 15))
    for asset, frame in before.items():
        pd.testing.assert_frame_equal(fork.store.read_frame(asset, "2026-01-15"), frame)
    pd.testing.assert_frame_equal(fork.store.read_frame("predictions", "2026-01-15"), answers)


def test_the_same_range_twice_records_every_batch_again(fork: Lab) -> None:
    fork.plant()
    for _ in range(2):
        fork.ok("raw_data", batches=days(14, 15))
    assert fork.verdict("raw_data", "not_empty", "2026-01-14").passed


def test_labels_are_hidden_before_their_delay_and_complete_after(fork: Lab) -> None:
    fork.plant(now="2026-01-17T12:00:00")
    fork.ok(*ROW_ASSETS, batches=[NEXT])
    rows = fork.store.read_frame("valid_data", NEXT)
    early = fork.store.read_frame("labels", NEXT)
    due = rows.loc[rows["at"] <= pd.Timestamp("2026-01-16T12:00:00"), ID]
    assert 0 < len(early) < len(rows)
    assert set(early[ID]) == set(due)
    assert NEXT not in labelled_batches(fork.solution, fork.store)
    fork.plant(now="2026-01-18T00:00:00")
    fork.ok("labels", batches=[NEXT])
    late = fork.store.read_frame("labels", NEXT)
    assert set(late[ID]) == set(rows[ID])
    assert late[LABEL].notna().all()
    assert NEXT in labelled_batches(fork.solution, fork.store)


def test_protected_columns_target_id_and_time_are_never_features(stream: Lab) -> None:
    assert list(stream.store.read_frame("features", "2026-01-15").columns) == ["income", "debt", "job", ID]


KILLED = """
import sys
from ml_assets_tests.stages.declarations import STREAM, declared
from ml_assets_tests.stages.lab import Lab, on_disk
from pathlib import Path
folder = Path(sys.argv[1])
lab = Lab(declared(STREAM), on_disk(folder), folder)
lab.run("raw_data", "valid_data", "quarantined_data", "features", "labels", "profile", batches=["2026-01-16"])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_nothing_half_written_and_the_next_run_recovers(fork: Lab) -> None:
    before = fork.store.read_frame("features", "2026-01-15")
    fork.plant(features="kill")
    done = subprocess.run([sys.executable, "-c", KILLED, str(fork.folder)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert not fork.store.has_frame("features", NEXT)
    fork.plant()
    again = Lab(fork.solution, on_disk(fork.folder), fork.folder)
    again.ok(*ROW_ASSETS, "predictions", batches=[NEXT])
    assert len(again.store.read_frame("predictions", NEXT)) == 300
    pd.testing.assert_frame_equal(again.store.read_frame("features", "2026-01-15"), before)
    assert not [p for p in (fork.folder / "ml_assets").rglob(".*") if p.is_file()]

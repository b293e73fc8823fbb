"""The release decision: first model, refusal, challenger, approval; the alias moves by it alone; models stay intact."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.resources.registry import TRACKING_VARIABLE
from ml_assets.running import TRAINING_ASSETS
from ml_assets.stages import deployment
from ml_assets_tests.stages.lab import Lab, Planted, checks_of, days, said

EAGER = {"non_inferiority": 5.0}
RETRAIN = ("training_set", "data_bias_report", "bias_remediation_plan", "sample_weights", "baselines", "candidates", "model",
           "mitigation", "evaluation", "explanation", "model_bias_report", "champion", "retraining_log")  # fmt: skip


def _refused(lab: Lab) -> dg.AssetCheckEvaluation:
    lab = lab.but(success_criteria=[{"metric": "roc_auc", "at_least": 0.97}])
    lab.ok("evaluation", "champion")
    return lab.verdict("champion", "release_gates")


def _changed_bytes(lab: Lab) -> dg.AssetCheckEvaluation:
    version = lab.models.champion("stream")
    assert version is not None
    file = lab.models.fetch(version) / "artifact" / "solution.json"
    file.write_bytes(file.read_bytes() + b" ")
    return lab.check("champion", "released_model_intact")


def _row_lost_and_doubled(lab: Lab) -> dg.AssetCheckEvaluation:
    log = lab.store.read_frame("predictions", "2026-01-15")
    lab.store.write_frame("predictions", log.iloc[[0, *range(299)]], "2026-01-15")
    return lab.check("predictions", "complete", "2026-01-15")


def _no_inputs(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.plant(rows={"2026-01-16": "null_inputs"})
    lab.ok("raw_data", "valid_data", "quarantined_data", "features", "predictions", batches=["2026-01-16"])
    return lab.verdict("predictions", "scores_are_sound", "2026-01-16")


PLANTED: Planted = {
    ("champion", "release_gates"): _refused,
    ("champion", "released_model_intact"): _changed_bytes,
    ("predictions", "complete"): _row_lost_and_doubled,
    ("predictions", "scores_are_sound"): _no_inputs,
}
FIGURES = {
    "release_gates": "refused by 1 gate: criterion: roc_auc at_least_0.97 (roc_auc 0.",
    "released_model_intact": "solution.json",
    "complete": "1 without an answer, 1 answered twice",
    "scores_are_sound": "every row got the same score",
}


def test_every_check_has_a_planted_fault() -> None:
    assert set(PLANTED) == checks_of(deployment)


@pytest.mark.parametrize(("asset", "check"), sorted(PLANTED))
def test_a_check_passes_on_good_data_and_fails_on_a_planted_fault(
    stream: Lab, fork: Lab, asset: str, check: str
) -> None:
    assert stream.verdict(asset, check).passed, said(stream.verdict(asset, check))
    found = PLANTED[asset, check](fork)
    assert not found.passed
    assert FIGURES[check] in said(found)


def test_the_first_release_has_no_champion_to_beat(stream: Lab) -> None:
    facts = stream.store.read_facts("champion")
    assert (facts["outcome"], facts["version"], facts["champion_before"]) == ("released", 1, None)
    assert facts["comparison"] is None
    assert {g["name"] for g in facts["gates"]} >= {"use is allowed", "beats the baselines", "scores differ"}
    champion = stream.models.champion("stream")
    assert champion is not None
    assert champion.version == 1


def test_a_refusal_leaves_the_champion_and_says_which_gate_and_by_how_much(fork: Lab) -> None:
    lab = fork.but(success_criteria=[{"metric": "roc_auc", "at_least": 0.97}])
    lab.ok("evaluation", "champion")
    shown = lab.metadata("champion")
    assert (shown["decision"], shown["live_version"], shown["failed_gates"]) == ("refused", 1, 1)
    assert "roc_auc at_least_0.97" in shown["why"]
    assert "against 0.97" in shown["why"]
    assert [v.version for v in lab.models.versions("stream")] == [1]
    champion = lab.models.champion("stream")
    assert champion is not None
    assert champion.version == 1


def test_a_challenger_that_wins_replaces_the_champion_and_the_past_stays(fork: Lab) -> None:
    lab = fork.but(deployment=EAGER)
    before = lab.models.champion("stream")
    lab.ok(*RETRAIN, reason="drift drift: planted", trigger="retraining")
    facts = lab.store.read_facts("champion")
    assert (facts["outcome"], facts["version"], facts["champion_before"]) == ("released", 2, 1)
    assert facts["comparison"]["verdict"] in ("better", "not_worse")
    assert facts["comparison"]["difference"]["n"] == facts["comparison"]["draws"] == 900
    assert facts["comparison"]["least"] <= facts["comparison"]["difference"]["low"]
    after = lab.models.champion("stream")
    assert after is not None
    assert after.version == 2
    assert lab.models.version("stream", 1) == before
    rows = lab.store.read_facts("retraining_log")["rows"]
    assert [(r["trigger"], r["outcome"], r["version"]) for r in rows] == [
        ("by hand", "released", 1),
        ("retraining", "released", 2),
    ]
    assert rows[1]["reason"] == "drift drift: planted"
    assert rows[1]["gain per decision"] == facts["comparison"]["difference"]["value"]


def test_a_release_that_waits_for_a_person_does_not_move_the_alias(fork: Lab) -> None:
    lab = fork.but(deployment={**EAGER, "approval": "manual"})
    lab.ok("champion")
    facts = lab.store.read_facts("champion")
    assert (facts["outcome"], facts["version"], facts["live_version"]) == ("waiting for approval", 2, 1)
    champion = lab.models.champion("stream")
    assert champion is not None
    assert champion.version == 1


def test_a_proven_gap_between_groups_is_refused_and_an_approved_plan_accepts_it(fork: Lab) -> None:
    bias = {"protected": ["sex", "job_group"], "as_input": {"job": "planted"}}
    lab = fork.but(deployment=EAGER, data_bias=bias)
    lab.ok("model_bias_report", "champion")
    facts = lab.store.read_facts("champion")
    assert facts["outcome"] == "refused"
    assert [g["name"] for g in facts["gates"] if not g["passed"]] == ["gaps between groups inside tolerance"]
    assert "job_group" in facts["sentence"]
    accept = {
        "finding": "job_group",
        "action": "accept",
        "reason": "-",
        "approved_by": "tests",
        "expires": "2099-01-01",
    }
    lab = lab.but(data_bias={"plan": [accept]})
    lab.ok("champion")
    assert lab.store.read_facts("champion")["outcome"] == "released"


def test_an_unsigned_high_risk_case_is_refused(fork: Lab) -> None:
    lab = fork.but(business_case={"risk": "high"}, deployment=EAGER)
    lab.ok("business_case", "champion")
    assert "case is signed" in lab.store.read_facts("champion")["sentence"]


def test_too_few_common_rows_are_no_ground_to_replace_the_champion(fork: Lab) -> None:
    lab = fork.but(deployment={**EAGER, "minimum_rows": 1000})
    lab.ok("champion")
    assert "fewer than 1000 rows" in lab.store.read_facts("champion")["sentence"]


def test_the_reference_that_travels_is_of_what_was_learned(stream: Lab) -> None:
    from ml_assets.releases import live_model

    live = live_model(stream.models, "stream")
    assert live is not None
    assert live.facts["learned_batches"] == days(1, 10)
    assert live.facts["reference"]["n"] == 3000
    assert live.facts["features"] == ["income", "debt", "job"]


def test_a_store_of_models_that_cannot_be_made_is_named(
    fork: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(TRACKING_VARIABLE, f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}")
    run = fork.run("champion")
    assert not run.success
    assert "the model registry cannot be used" in run.error
    assert TRACKING_VARIABLE in run.error


def test_a_lost_store_of_models_is_no_champion_and_predictions_say_what_to_do(
    fork: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import shutil

    shutil.copy(fork.folder / "storage" / "mlflow" / "mlflow.db", tmp_path / "mlflow.db")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        for table in ("registered_model_aliases", "model_version_tags", "model_versions", "registered_models"):
            connection.execute(f"DELETE FROM {table}")
        connection.commit()
    monkeypatch.setenv(TRACKING_VARIABLE, f"sqlite:///{tmp_path / 'mlflow.db'}")
    run = fork.run("predictions", batches=days(14, 14))
    assert not run.success
    assert "has no released model" in run.error
    assert "Materialize training_set" in run.error


def test_a_read_only_store_of_models_refuses_the_release_and_the_alias_stays(fork: Lab) -> None:
    """SQLite opened read-only refuses every INSERT; a trigger does the same, also for a process that owns every file."""
    database = fork.folder / "storage" / "mlflow" / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        for table in ("runs", "model_versions", "registered_model_aliases"):
            for event in ("INSERT", "UPDATE"):
                connection.execute(
                    f"CREATE TRIGGER no_{event}_{table} BEFORE {event} ON {table} "
                    "BEGIN SELECT RAISE(FAIL, 'attempt to write a readonly database'); END"
                )
        connection.commit()
    run = fork.but(deployment=EAGER).run("champion")
    assert not run.success
    assert "the model registry cannot be used" in run.error
    assert "readonly database" in run.error
    champion = fork.models.champion("stream")
    assert champion is not None
    assert champion.version == 1
    fork.ok("predictions", batches=days(14, 14))


@pytest.mark.slow
def test_a_model_that_knows_nothing_is_never_released(empty: Callable[..., Lab]) -> None:
    lab = empty(model={"test_span": "1 day", "validation_span": "1 day"})
    lab.plan(labels={"*": "coin"})
    lab.ok("raw_data", "valid_data", "quarantined_data", "features", "labels", "profile", batches=days(1, 6))
    lab.ok(*TRAINING_ASSETS)
    facts = lab.store.read_facts("champion")
    assert (facts["outcome"], facts["live_version"]) == ("refused", 0)
    assert lab.models.champion("stream") is None
    assert not lab.verdict("champion", "released_model_intact").passed


@pytest.mark.parametrize("asset", ["model", "evaluation", "model_bias_report", "champion"])
def test_a_model_made_from_another_training_set_is_not_judged_nor_released(
    asset: str, stream: Lab, tmp_path: Path
) -> None:
    """A training set that was materialized again by itself may hold test rows the model learned from."""
    lab = stream.fork(tmp_path)
    lab.store.write_facts("training_set", lab.store.read_facts("training_set") | {"digest": "0" * 64})
    found = lab.run(asset)
    assert not found.success
    assert "made from another training set than the one there is now" in found.error


def test_a_release_whose_evaluation_speaks_of_another_model_is_refused(stream: Lab, tmp_path: Path) -> None:
    lab = stream.fork(tmp_path)
    lab.store.write_facts("evaluation", lab.store.read_facts("evaluation") | {"digest": "0" * 64})
    found = lab.run("champion")
    assert not found.success
    assert "evaluation speaks of another model than the one to be released" in found.error

"""A training is a run of a real MLflow, released or refused, and the asset and the run name each other."""

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.resources import REGISTRY
from ml_assets.resources.pages import UI_VARIABLE
from ml_assets.resources.registry import TRACKING_VARIABLE
from ml_assets.stages.deployment import recording
from ml_assets.stages.deployment.recording import git_commit, plots, training_record
from ml_assets_tests.stages.lab import Lab


def plain_decision(lab: Lab) -> dict[str, Any]:
    """The recorded decision of a first release, which was compared with nothing."""
    return {**lab.store.read_facts("champion"), "comparison": None}


GOOD = {"outcome": "released", "comparison": None}


def test_a_released_training_holds_its_figures_rows_and_pictures(stream: Lab) -> None:
    decision = stream.store.read_facts("champion")
    client = REGISTRY.for_instance(stream.instance).client
    run = client.get_run(decision["mlflow_run"])
    assert run.data.tags["ml.outcome"] == "released"
    assert run.data.tags["ml.dagster_run"] == decision["run_id"]
    assert decision["run_id"] in run.data.tags["mlflow.note.content"]
    assert decision["mlflow_run"] in stream.metadata("champion")["mlflow_run"]
    for metric in stream.store.read_facts("evaluation")["metrics"]:
        assert run.data.metrics[metric["name"]] == pytest.approx(metric["value"])
        assert (
            run.data.metrics[f"{metric['name']}_low"] <= metric["value"] <= run.data.metrics[f"{metric['name']}_high"]
        )
    assert run.inputs is not None
    (rows,) = run.inputs.dataset_inputs
    assert stream.store.read_facts("training_set")["digest"].startswith(rows.dataset.digest)
    drawn = {f.path for f in client.list_artifacts(decision["mlflow_run"], "plots")}
    assert {"plots/cost_curve.svg", "plots/calibration.svg", "plots/importance.svg"} <= drawn


def test_the_run_in_mlflow_leads_to_the_pages_of_dagster(stream: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    decision = stream.store.read_facts("champion")
    here = recording.training_record(stream.solution, stream.store, plain_decision(stream))
    assert "ml.dagster_page" not in here.tags
    assert f"Dagster run `{decision['run_id']}`, asset `stream/champion`" in here.note
    monkeypatch.setenv(UI_VARIABLE, "http://ui:3000")
    told = recording.training_record(stream.solution, stream.store, plain_decision(stream))
    assert told.tags["ml.dagster_page"] == f"http://ui:3000/runs/{decision['run_id']}"
    assert f"[`{decision['run_id']}`](http://ui:3000/runs/{decision['run_id']})" in told.note
    assert "[`stream/champion`](http://ui:3000/assets/stream/champion)" in told.note


def test_device_loss_and_seed_are_parameters_of_the_run(stream: Lab, fork: Lab, table: Lab) -> None:
    def logged(lab: Lab) -> dict[str, str]:
        run = REGISTRY.for_instance(lab.instance).client.get_run(lab.store.read_facts("champion")["mlflow_run"])
        return {name: run.data.params[name] for name in ("device", "loss", "seed")}

    assert logged(stream) == {"device": '"cpu"', "loss": '"log_loss"', "seed": str(stream.solution.model.seed)}
    assert logged(table)["loss"] == '"quantile 0.667"'  # a unit too few costs twice a unit too many
    # the device is the one that was taken when the model was fitted, not what a declaration says by now
    facts = fork.store.read_facts("candidates")
    facts["models"]["logistic_regression"]["device"] = "cuda:0"
    fork.store.write_facts("candidates", facts)
    seeded = fork.but(model={"seed": 7})
    decision = seeded.store.read_facts("champion")
    told = training_record(seeded.solution, seeded.store, {**decision, "comparison": None}).parameters
    assert (told["device"], told["seed"]) == ("cuda:0", 7)


def test_a_refused_training_is_a_run_too_and_no_version(fork: Lab) -> None:
    models = REGISTRY.for_instance(fork.instance)
    before = models.versions(fork.solution.name)
    lab = fork.but(success_criteria=[{"metric": "roc_auc", "at_least": 0.999}])
    lab.ok("evaluation", "champion")
    decision = lab.store.read_facts("champion")
    assert decision["outcome"] == "refused"
    run = models.client.get_run(decision["mlflow_run"])
    assert run.data.tags["ml.outcome"] == "refused"
    assert run.data.metrics["failed_gates"] >= 1
    assert "**failed**: criterion: roc_auc" in run.data.tags["mlflow.note.content"]
    assert models.versions(fork.solution.name) == before


def test_pictures_are_drawn_of_what_the_task_has(stream: Lab, table: Lab) -> None:
    curved = {"curve": [[30, 0.1, -0.2, 0.4], [60, 0.2, 0.0, 0.4]], "margin": 0.1}
    drawn = plots(stream.store, {**GOOD, "comparison": curved})
    assert set(drawn) == {"cost_curve", "calibration", "importance", "against_the_champion"}
    for svg in drawn.values():
        assert ET.fromstring(svg).tag.endswith("svg")
    # figures of the importance come with their intervals
    shuffled = stream.store.read_facts("explanation")["importance"][0]
    assert shuffled["importance"]["n"] > 0
    assert shuffled["importance"]["low"] < shuffled["importance"]["value"] < shuffled["importance"]["high"]
    assert set(plots(table.store, GOOD)) == {"importance"}


@pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow warns of types of its own agents
def test_the_live_model_loads_by_its_alias(stream: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv(TRACKING_VARIABLE, REGISTRY.for_instance(stream.instance).uri)
    features = training_rows(stream.solution, stream.store).part("test").table.features
    found = mlflow.pyfunc.load_model("models:/stream@champion").predict(features)
    answer = challenger(stream.store).predict(features)
    assert found["score"].tolist() == answer.score.tolist()
    assert ((found["decision"] == "1") == (answer.decision == 1)).all()


def _git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True).stdout


def test_the_commit_is_that_of_the_project_and_says_when_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project := tmp_path / "project").mkdir()
    _git(project, "init", "-q")
    (project / "defs.yaml").write_text("one", encoding="utf-8")
    _git(project, "add", ".")
    _git(project, "commit", "-q", "-m", "first")
    _git(project, "tag", "-m", "t", "v1")
    monkeypatch.chdir(project)
    commit = _git(project, "rev-parse", "HEAD").strip()
    assert git_commit() == commit
    (project / "defs.yaml").write_text("two", encoding="utf-8")
    assert git_commit() == f"{commit}-dirty"


def test_outside_of_a_repository_it_is_the_one_that_holds_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = subprocess.run(
        ["git", "-C", str(Path(recording.__file__).parent), "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    assert git_commit().removesuffix("-dirty") == own

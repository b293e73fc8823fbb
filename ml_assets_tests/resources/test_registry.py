"""The registry on a real MLflow with SQLite: versions, the champion, and stores that cannot be used."""

import shutil
import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.errors import RegistryError
from ml_assets.resources.registry import TRACKING_VARIABLE, ModelRegistry, ModelVersion, Registry
from ml_assets.resources.tracking import Training


def add(
    registry: ModelRegistry, folder: Path, solution: str, *, digest: str = "d1", content: str = "model"
) -> ModelVersion:
    place = folder / "model"
    place.mkdir(exist_ok=True)
    (place / "release.json").write_text(content)
    return registry.register(
        solution,
        place,
        digest=digest,
        training=Training(
            {"family": "xgboost", "long": "x" * 9000},
            {"auc": 0.7, "none": float("nan")},
            {"ml.dagster_run": "0123456789", "ml.sentence": "released"},
        ),
    )


def refused(call: object) -> str:
    with pytest.raises(RegistryError) as caught:
        call()  # type: ignore[operator]
    return str(caught.value)


def test_before_the_first_release_there_is_none(registry: ModelRegistry) -> None:
    assert registry.champion("nobody") is None
    assert registry.versions("nobody") == ()


def test_versions_count_and_only_promotion_moves_the_champion(registry: ModelRegistry, tmp_path: Path) -> None:
    one = add(registry, tmp_path, "churn", digest="d1", content="one")
    two = add(registry, tmp_path, "churn", digest="d2", content="two")
    assert [(v.version, v.digest) for v in registry.versions("churn")] == [(1, "d1"), (2, "d2")]
    assert registry.champion("churn") is None
    for model in (two, one):
        registry.promote(model)
        assert registry.champion("churn") == model
    assert registry.version("churn", 2) == two
    assert [(registry.fetch(v) / "release.json").read_text() for v in (one, two)] == ["one", "two"]


def test_a_training_is_one_run_with_its_figures(registry: ModelRegistry, tmp_path: Path) -> None:
    made = add(registry, tmp_path, "recorded")
    run = registry.client.get_run(made.run_id)
    assert run.data.metrics == {"auc": 0.7}  # what could not be estimated is left out
    assert run.data.params["family"] == '"xgboost"'
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "01234567"


def test_solutions_do_not_mix(registry: ModelRegistry, tmp_path: Path) -> None:
    add(registry, tmp_path, "left")
    add(registry, tmp_path, "right")
    assert [v.solution for v in registry.versions("left")] == ["left"]


def test_a_missing_version_is_named_with_those_there_are(registry: ModelRegistry, tmp_path: Path) -> None:
    add(registry, tmp_path, "single")
    assert refused(lambda: registry.version("single", 9)) == (
        "model single has no such version: got 9; allowed: 1. Name a registered version."
    )
    assert "allowed: none." in refused(lambda: registry.version("nobody", 1))


def test_another_process_sees_the_same(registry: ModelRegistry, tmp_path: Path) -> None:
    made = add(registry, tmp_path, "shared")
    registry.promote(made)
    assert ModelRegistry(registry.uri, registry.artifacts).champion("shared") == made


def test_a_read_only_store_is_a_registry_error(registry: ModelRegistry, tmp_path: Path) -> None:
    """Writes are refused by SQLite itself, whoever runs the test."""
    one, two = add(registry, tmp_path, "closed"), add(registry, tmp_path, "closed")
    registry.promote(one)
    copy = tmp_path / "closed.db"
    shutil.copy(registry.uri.removeprefix("sqlite:///"), copy)
    with sqlite3.connect(copy) as database:
        for table in ("runs", "registered_models", "registered_model_aliases"):
            for change in ("INSERT", "UPDATE"):
                database.execute(
                    f"CREATE TRIGGER {table}_{change} BEFORE {change} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
                )
    database.close()
    closed = ModelRegistry(f"sqlite:///{copy}", tmp_path / "artifacts")
    for call in (lambda: add(closed, tmp_path, "closed"), lambda: closed.promote(two)):
        sentence = refused(call)
        assert sentence.startswith(f"the model registry cannot be used: got {closed.uri} (")
        assert "readonly database" in sentence
        assert sentence.endswith("that the folder exists and is writable, and that the server runs.")
    assert closed.champion("closed") == one


def test_a_full_disk_for_artifacts_is_a_registry_error(registry: ModelRegistry, tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    blocked = ModelRegistry(registry.uri, tmp_path / "artifacts")
    assert "the model registry cannot be used" in refused(lambda: add(blocked, tmp_path, "blocked"))
    assert blocked.versions("blocked") == ()


@pytest.mark.parametrize("kind", ["no database", "file in the way", "refused connection", "unknown scheme"])
def test_an_unreachable_store_is_a_registry_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "text").write_text("this is no database" * 100)
    uri = {
        "no database": f"sqlite:///{tmp_path}/text",
        "file in the way": f"sqlite:///{tmp_path}/text/mlflow.db",
        "refused connection": "http://ann:secret@127.0.0.1:9",
        "unknown scheme": "nonsense://x",
    }[kind]
    for call in (ModelRegistry.champion, ModelRegistry.versions):
        sentence = refused(lambda call=call: call(ModelRegistry(uri, tmp_path), "churn"))
        assert sentence.startswith("the model registry cannot be used: got ")
        assert "allowed: a reachable, writable MLflow store. Check MLFLOW_TRACKING_URI" in sentence
        assert "secret" not in sentence


def test_the_place_is_given_or_the_variables_or_the_instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRACKING_VARIABLE, raising=False)
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        own = Registry().for_instance(instance)
        assert own.uri == f"sqlite:///{Path(instance.storage_directory()) / 'mlflow' / 'mlflow.db'}"
        monkeypatch.setenv(TRACKING_VARIABLE, "http://server:5000")
        assert Registry().for_instance(instance).uri == "http://server:5000"
        assert Registry(tracking_uri="http://given").for_instance(instance).uri == "http://given"


def test_outside_of_a_run_there_is_no_registry() -> None:
    assert "Call for_instance(instance) outside of runs" in refused(lambda: Registry().models)

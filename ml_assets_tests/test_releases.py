"""What was released is what is opened, or nothing is."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from ml_assets.errors import ArtifactError, RegistryError
from ml_assets.learning.artifact import SolutionArtifact, save
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.table import TrainingTable
from ml_assets.releases import (
    ARTIFACT,
    RELEASE,
    live_model,
    open_version,
    release_digest,
    require_live,
    version_facts,
    write_release,
)
from ml_assets.resources.registry import ModelRegistry, ModelVersion
from ml_assets.resources.store import SolutionStore
from ml_assets.resources.tracking import Training

ROWS = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
ANSWER = 3.0
"""The mean of the truth below: what a model that knows nothing says."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    folder = tmp_path_factory.mktemp("mlflow")
    return ModelRegistry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


@pytest.fixture
def released(registry: ModelRegistry, tmp_path: Path, request: pytest.FixtureRequest) -> ModelVersion:
    """A small model, released; each test has a solution of its own."""
    truth = np.tile([2.0, 4.0], 30)
    part = np.array(["train", "train", "validation", "test"] * 15)
    table = TrainingTable(ROWS, truth, part, np.ones(60), np.arange(60), "regression", ())
    artifact = SolutionArtifact("s", "regression", (), fit_candidate("dummy", table))
    folder = tmp_path / "release"
    folder.mkdir()
    digest = write_release(folder, {"digest": save(artifact, folder / ARTIFACT), "family": "dummy"})
    name = request.node.name.split("[")[0]
    version = registry.register(name, folder, digest=digest, training=Training())
    registry.promote(version)
    return version


def files(registry: ModelRegistry, version: ModelVersion) -> Path:
    return registry.fetch(version)


def test_the_champion_opens_with_facts_and_model(registry: ModelRegistry, released: ModelVersion) -> None:
    live = require_live(registry, released.solution)
    assert (live.version, live.facts["family"]) == (released, "dummy")
    assert live.artifact().predict(ROWS).decision.tolist() == pytest.approx([ANSWER] * 60)
    assert release_digest(live.folder) == released.digest


def test_before_the_first_release_it_says_what_to_do(registry: ModelRegistry) -> None:
    assert live_model(registry, "nobody") is None
    with pytest.raises(RegistryError) as caught:
        require_live(registry, "nobody")
    assert str(caught.value) == (
        "nobody has no released model: got no champion; allowed: a released model. "
        "Materialize training_set … champion; the release decision says what is missing."
    )


@pytest.mark.parametrize("fact", ["family", "digest"])
def test_a_tampered_release_document_is_refused(registry: ModelRegistry, released: ModelVersion, fact: str) -> None:
    place = files(registry, released) / RELEASE
    place.write_text(json.dumps(json.loads(place.read_text()) | {fact: "other"}))
    with pytest.raises(ArtifactError) as caught:
        live_model(registry, released.solution)
    assert str(caught.value).startswith("a released model was changed after its release: got sha256 ")
    assert f"allowed: {released.digest}. Restore it, or roll back to another version." in str(caught.value)


def test_a_missing_release_document_is_refused(registry: ModelRegistry, released: ModelVersion) -> None:
    (files(registry, released) / RELEASE).unlink()
    with pytest.raises(ArtifactError, match=r"a released model is incomplete: got no release\.json"):
        open_version(registry, released)


def test_one_changed_byte_in_any_file_of_the_model_is_refused(registry: ModelRegistry, released: ModelVersion) -> None:
    live = require_live(registry, released.solution)
    places = [p for p in sorted((live.folder / ARTIFACT).iterdir()) if p.is_file()]
    assert len(places) >= 3
    for place in places:
        content = place.read_bytes()
        place.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(ArtifactError):
            live.artifact()
        place.write_bytes(content)
    assert len(live.artifact().predict(ROWS).decision) == 60


def test_a_file_too_many_or_too_few_is_refused(registry: ModelRegistry, released: ModelVersion) -> None:
    live = require_live(registry, released.solution)
    extra = live.folder / ARTIFACT / "extra.bin"
    extra.write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"extra\.bin"):
        live.artifact()
    extra.unlink()
    (live.folder / ARTIFACT / "solution.json").unlink()
    with pytest.raises(ArtifactError, match=r"solution\.json"):
        live.artifact()


def test_another_complete_model_in_its_place_is_refused(registry: ModelRegistry, released: ModelVersion) -> None:
    live = require_live(registry, released.solution)
    table = TrainingTable(
        ROWS,
        np.arange(60.0),
        np.array(["train", "validation", "test"] * 20),
        np.ones(60),
        np.arange(60),
        "regression",
        (),
    )
    other = SolutionArtifact("s", "regression", (), fit_candidate("dummy", table))
    save(other, live.folder / ARTIFACT, overwrite=True)
    with pytest.raises(ArtifactError, match="released digest"):
        live.artifact()


def test_facts_of_a_version_are_kept_in_the_store(
    registry: ModelRegistry, released: ModelVersion, tmp_path: Path
) -> None:
    store = SolutionStore(UPath(tmp_path / "store"))
    first = version_facts(registry, store, released.solution, released.version)
    assert first["family"] == "dummy"
    nowhere = ModelRegistry("sqlite:////proc/nowhere/mlflow.db", tmp_path)
    assert (
        version_facts(nowhere, store, released.solution, released.version) == first
    )  # the registry is not opened again
    with pytest.raises(RegistryError):
        version_facts(nowhere, store, released.solution, 2)
    with pytest.raises(RegistryError, match="has no such version"):
        version_facts(registry, store, released.solution, 99)


def test_a_release_holds_numbers_only_where_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_release(tmp_path, {"auc": float("nan")})
    assert not (tmp_path / RELEASE).exists()

"""A person approves or rolls back: one alias moves, and the move is recorded."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.approval import approve, rollback
from ml_assets.automation import latest_numbers
from ml_assets.declaration import Solution
from ml_assets.errors import ArtifactError, RegistryError
from ml_assets.graph import key
from ml_assets.learning.artifact import SolutionArtifact, save
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.table import TrainingTable
from ml_assets.releases import ARTIFACT, RELEASE, write_release
from ml_assets.resources import REGISTRY, STORE
from ml_assets.resources.registry import ModelVersion
from ml_assets.resources.tracking import Training

CASE = {"decision": "d", "owner": "team:t", "prediction": "p", "target": {"column": "y", "task": "regression"}}


def declared(name: str) -> Solution:
    """The smallest solution of that name."""
    pipeline = {"source": {"type": "files", "path": "x.csv"}}
    return Solution.model_validate({"name": name, "business_case": CASE, "data_pipeline": pipeline})


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def register(instance: dg.DagsterInstance, folder: Path, name: str, before: int | None) -> ModelVersion:
    """A small model as the next version."""
    truth, part = np.tile([2.0, 4.0], 30), np.array(["train", "train", "validation", "test"] * 15)
    rows = pd.DataFrame({"x": np.linspace(-1, 1, 60)})
    table = TrainingTable(rows, truth, part, np.ones(60), np.arange(60), "regression", ())
    place = folder / f"release{before}"
    place.mkdir()
    artifact = SolutionArtifact(name, "regression", (), fit_candidate("dummy", table))
    digest = write_release(place, {"digest": save(artifact, place / ARTIFACT), "champion_before": before})
    return REGISTRY.for_instance(instance).register(name, place, digest=digest, training=Training())


def live(instance: dg.DagsterInstance, name: str) -> int:
    champion = REGISTRY.for_instance(instance).champion(name)
    assert champion is not None
    return champion.version


def test_rollback_makes_the_version_before_live_and_says_so(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    solution = declared("back")
    register(instance, tmp_path, "back", None)
    REGISTRY.for_instance(instance).promote(register(instance, tmp_path, "back", 1))
    assert rollback(solution, instance) == "version 1 is live: rolled back from version 2 by a person"
    assert live(instance, "back") == 1
    decision = STORE.for_instance(instance, "back").read_facts("champion")
    assert (decision["outcome"], decision["live_version"], decision["trigger"]) == ("rolled back", 1, "person")
    assert latest_numbers(instance, key(solution, "champion"), ["live_version"]) == {"live_version": 1}


def test_rollback_refuses_a_version_that_was_changed(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    old = register(instance, tmp_path, "tampered", None)
    models = REGISTRY.for_instance(instance)
    models.promote(register(instance, tmp_path, "tampered", 1))
    (models.fetch(old) / RELEASE).write_text("{}")
    with pytest.raises(ArtifactError, match="changed after its release"):
        rollback(declared("tampered"), instance)
    assert live(instance, "tampered") == 2


def test_there_must_be_something_to_roll_back_to(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no released model"):
        rollback(declared("empty"), instance)
    REGISTRY.for_instance(instance).promote(register(instance, tmp_path, "single", None))
    with pytest.raises(RegistryError, match="no earlier version"):
        rollback(declared("single"), instance)
    with pytest.raises(RegistryError, match="no such version: got 9; allowed: 1"):
        rollback(declared("single"), instance, to=9)


def test_approval_releases_what_waits_and_nothing_else(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    store = STORE.for_instance(instance, "waits")
    with pytest.raises(RegistryError, match="nothing waits for approval: got no decision yet"):
        approve(declared("waits"), instance)
    version = register(instance, tmp_path, "waits", None)
    store.write_facts("champion", {"outcome": "waiting for approval", "version": version.version, "live_version": 0})
    assert approve(declared("waits"), instance) == "version 1 is live: approved by a person"
    assert live(instance, "waits") == 1
    with pytest.raises(RegistryError, match="nothing waits for approval: got released"):
        approve(declared("waits"), instance)

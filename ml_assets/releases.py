"""The live model and what travels with it: artifact, reference profile, released figures."""

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.errors import ArtifactError, RegistryError
from ml_assets.resources.registry import ModelRegistry, ModelVersion
from ml_assets.resources.store import SolutionStore, storable

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.learning.artifact import SolutionArtifact

ARTIFACT, RELEASE, SAMPLE = "artifact", "release.json", "calibration_sample.parquet"
SAMPLES = "calibration_samples"


@dataclass(frozen=True)
class Live:
    """The champion, opened: its version, where its files are, and the facts it was released with."""

    version: ModelVersion
    folder: Path
    facts: dict[str, Any]

    def artifact(self) -> "SolutionArtifact":
        """The model, only if its bytes are those that were released."""
        from ml_assets.learning.artifact import load

        return load(self.folder / ARTIFACT, digest=self.facts["digest"])

    def calibration_sample(self) -> "pd.DataFrame | None":
        """Rows the model was calibrated on, only if they are those that were released; None where none were."""
        import pandas as pd

        facts = self.facts.get("calibration_sample")
        if facts is None:
            return None
        file = self.folder / SAMPLE
        content = file.read_bytes() if file.is_file() else b""
        if (found := hashlib.sha256(content).hexdigest()) != facts["sha256"]:
            raise ArtifactError(
                "the calibration sample of a released model is not the one that was released",
                got=f"sha256 {found}" if content else f"no {SAMPLE}",
                allowed=facts["sha256"],
                do="Restore it, or roll back to another version",
            )
        return pd.read_parquet(BytesIO(content))


def write_release(folder: Path, facts: dict[str, Any]) -> str:
    """Put the released facts beside the artifact; returns the hash of both, which the registry records."""
    text = json.dumps(facts, sort_keys=True, indent=1, allow_nan=False)
    (folder / RELEASE).write_text(text, encoding="utf-8")
    return release_digest(folder)


def write_sample(folder: Path, sample: "pd.DataFrame") -> dict[str, Any]:
    """Put a calibration sample beside the artifact; returns what the released facts say of it."""
    storable(sample).to_parquet(folder / SAMPLE, index=False)
    return {"rows": len(sample), "sha256": hashlib.sha256((folder / SAMPLE).read_bytes()).hexdigest()}


def release_digest(folder: Path) -> str:
    """Hash of the release document, which itself names the hash of the artifact."""
    return hashlib.sha256((folder / RELEASE).read_bytes()).hexdigest()


def open_version(models: ModelRegistry, version: ModelVersion) -> Live:
    """Open a registered version; refuse it when its release document is not the one that was recorded."""
    folder = models.fetch(version)
    if not (folder / RELEASE).exists():
        raise ArtifactError(
            "a released model is incomplete",
            got=f"no {RELEASE} in {folder}",
            allowed="the folder as it was released",
            do="Restore it, or roll back",
        )
    found = release_digest(folder)
    if found != version.digest:
        raise ArtifactError(
            "a released model was changed after its release",
            got=f"sha256 {found}",
            allowed=version.digest,
            do="Restore it, or roll back to another version",
        )
    return Live(version, folder, json.loads((folder / RELEASE).read_text(encoding="utf-8")))


def require_same_rows(store: SolutionStore, asset: str, made_from: str) -> None:
    """Refuse what was made from another training set than the present one: its parts may have been learned from."""
    present = store.read_facts("training_set")["digest"]
    if made_from != present:
        raise ArtifactError(
            f"{asset} was made from another training set than the one there is now",
            got=made_from[:12],
            allowed=present[:12],
            do=f"Materialize training_set … {asset} again, in one run",
        )


def challenger(store: SolutionStore) -> "SolutionArtifact":
    """The solution as it would be released, after part 8's remedy; refused when the training set has changed since."""
    from ml_assets.learning.artifact import load

    artifact = load(store.folder("mitigation", "final"), digest=store.read_facts("mitigation")["digest"])
    require_same_rows(store, "mitigation", str(artifact.facts["training_digest"]))
    return artifact


def validated(store: SolutionStore) -> "SolutionArtifact":
    """The same solution before its last fit, which learned from the validation rows too: what these may be asked of."""
    from ml_assets.learning.artifact import load

    artifact = load(store.folder("mitigation", "validated"), digest=store.read_facts("mitigation")["validated"])
    require_same_rows(store, "mitigation", str(artifact.facts["training_digest"]))
    return artifact


def require_judged(store: SolutionStore) -> None:
    """Refuse a release whose evaluation, explanation or bias report speaks of another model than the challenger."""
    final = store.read_facts("mitigation")["digest"]
    for asset in ("evaluation", "explanation", "model_bias_report"):
        found = store.read_facts(asset)["digest"]
        if found != final:
            raise ArtifactError(
                f"{asset} speaks of another model than the one to be released",
                got=found[:12],
                allowed=final[:12],
                do="Materialize evaluation, explanation, model_bias_report and champion again, in one run",
            )


def live_model(models: ModelRegistry, solution: str) -> Live | None:
    """The champion, opened; None before the first release."""
    version = models.champion(solution)
    return None if version is None else open_version(models, version)


def require_live(models: ModelRegistry, solution: str) -> Live:
    """The champion, opened; an error that says what to do before the first release."""
    live = live_model(models, solution)
    if live is None:
        raise RegistryError(
            f"{solution} has no released model",
            got="no champion",
            allowed="a released model",
            do="Materialize training_set … champion; the release decision says what is missing",
        )
    return live


def version_facts(models: ModelRegistry, store: SolutionStore, solution: str, version: int) -> dict[str, Any]:
    """The facts a version was released with, kept in the store so that judging a day does not open the registry."""
    found = store.find_facts("releases", str(version))
    if found is None:
        found = store.write_facts(
            "releases", open_version(models, models.version(solution, version)).facts, str(version)
        )
    return found


def version_sample(models: ModelRegistry, store: SolutionStore, solution: str, version: int) -> "pd.DataFrame | None":
    """The calibration sample of a version, kept in the store as its facts are; None for a version released without."""
    if version_facts(models, store, solution, version).get("calibration_sample") is None:
        return None
    if not store.has_frame(SAMPLES, str(version)):
        found = open_version(models, models.version(solution, version)).calibration_sample()
        assert found is not None
        store.write_frame(SAMPLES, found, str(version))
    return store.read_frame(SAMPLES, str(version))

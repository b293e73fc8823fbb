"""The model registry: MLflow, embedded on SQLite by default. ``champion`` is an alias; only a release decision moves it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from ml_assets.errors import RegistryError
from ml_assets.resources.tracking import Training, log_training, run_link

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
DIGEST = "ml.digest"
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered model: its version, the hash of its files, where they are, and the run that made it."""

    solution: str
    version: int
    digest: str
    source: str
    run_id: str


class ModelRegistry:
    """A solution's models in MLflow. mlflow is imported on first use: it costs seconds."""

    def __init__(self, uri: str, artifacts: Path) -> None:
        self.uri, self.artifacts = uri, artifacts
        self._client: MlflowClient | None = None

    @property
    def client(self) -> "MlflowClient":
        """MLflow's client, opened once."""
        if self._client is None:
            self._client = self._open()
        return self._client

    def _open(self) -> "MlflowClient":
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        if self.uri.startswith("sqlite:///"):
            folder = Path(self.uri.removeprefix("sqlite:///")).parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _unreachable(self.uri, error) from error
        try:
            client = MlflowClient(self.uri, registry_uri=self.uri)
            client.search_experiments(max_results=1)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise _unreachable(self.uri, error) from error
        return client

    def champion(self, solution: str) -> ModelVersion | None:
        """The live model of a solution, or None before the first release."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version_by_alias(solution, CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise _unreachable(self.uri, error) from error
        return _version(solution, found)

    def version(self, solution: str, version: int) -> ModelVersion:
        """One version of a solution's model."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(solution, self.client.get_model_version(solution, str(version)))
        except MlflowException as error:
            known = ", ".join(str(v.version) for v in self.versions(solution)) or "none"
            raise RegistryError(
                f"model {solution} has no such version", got=version, allowed=known, do="Name a registered version"
            ) from error

    def versions(self, solution: str) -> tuple[ModelVersion, ...]:
        """Every registered version, oldest first."""
        with _reached(self.uri):
            found = self.client.search_model_versions(f"name = '{solution}'")
        return tuple(sorted((_version(solution, v) for v in found), key=lambda v: v.version))

    def log(self, solution: str, training: Training) -> str:
        """Log one training that brings no model (it was refused) as a finished MLflow run; its id."""
        with _reached(self.uri):
            run_id = log_training(self.client, self._experiment(solution), training)
            self.client.set_terminated(run_id)
            return run_id

    def register(self, solution: str, folder: Path, *, digest: str, training: Training) -> ModelVersion:
        """Log one training as an MLflow run with the model's files, and register them as the next version."""
        with _reached(self.uri):
            run_id = log_training(self.client, self._experiment(solution), training)
            self.client.log_artifacts(run_id, str(folder), "model")
            self._ensure_model(solution)
            made = self.client.create_model_version(
                solution,
                source=f"{self.client.get_run(run_id).info.artifact_uri}/model",
                run_id=run_id,
                tags={DIGEST: digest},
                description=training.tags.get("ml.sentence", ""),
            )
            self.client.set_terminated(run_id)
            return _version(solution, self.client.get_model_version(solution, made.version))

    def link(self, solution: str, run_id: str) -> str:
        """Where a person finds a run."""
        with _reached(self.uri):
            return run_link(_without_password(self.uri), self._experiment(solution), run_id)

    def promote(self, model: ModelVersion) -> None:
        """Make a version the live one: one move of one alias."""
        with _reached(self.uri):
            self.client.set_registered_model_alias(model.solution, CHAMPION, str(model.version))

    def fetch(self, model: ModelVersion) -> Path:
        """The model's files as a local folder."""
        if model.source.startswith("file://") or model.source.startswith("/"):
            return Path(model.source.removeprefix("file://"))
        import mlflow.artifacts

        target = self.artifacts / "cache" / model.digest
        if not (target / "MANIFEST.json").exists():
            with _reached(self.uri):
                mlflow.artifacts.download_artifacts(
                    artifact_uri=model.source, dst_path=str(target), tracking_uri=self.uri
                )
        return target

    def _experiment(self, solution: str) -> str:
        found = self.client.get_experiment_by_name(solution)
        if found is not None:
            return str(found.experiment_id)
        location = None if self.uri.startswith("http") else (self.artifacts / solution).as_uri()
        return str(self.client.create_experiment(solution, artifact_location=location))

    def _ensure_model(self, solution: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(solution)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise _unreachable(self.uri, error) from error


@contextmanager
def _reached(uri: str) -> Iterator[None]:
    """What MLflow or the disk refuses inside, as one error that says where."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise _unreachable(uri, error) from error


def _version(solution: str, found: Any) -> ModelVersion:
    return ModelVersion(
        solution, int(found.version), dict(found.tags).get(DIGEST, ""), str(found.source), str(found.run_id)
    )


def _unreachable(uri: str, error: Exception) -> RegistryError:
    return RegistryError(
        "the model registry cannot be used",
        got=_without_password(f"{uri} ({' '.join(str(error).split())[:300]})"),
        allowed="a reachable, writable MLflow store",
        do=f"Check {TRACKING_VARIABLE}, that the folder exists and is writable, and that the server runs",
    )


def _without_password(text: str) -> str:
    return re.sub(r"(://[^:/@\s]*):[^@/\s]+@", r"\1:***@", text)


class Registry(dg.ConfigurableResource[Any]):
    """MLflow at the given URI, else ``MLFLOW_TRACKING_URI``, else SQLite in the instance's own storage folder."""

    tracking_uri: str = ""
    _opened: ModelRegistry | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Settle the place once per run; nothing is imported or opened yet."""
        if context.instance is None:
            raise RegistryError(
                "no instance to keep models under",
                got="a context without instance",
                allowed="a Dagster instance",
                do="Set tracking_uri",
            )
        self._opened = self.for_instance(context.instance)

    def for_instance(self, instance: dg.DagsterInstance) -> ModelRegistry:
        """The registry of an instance, also outside of a run."""
        folder = Path(instance.storage_directory()) / "mlflow"
        uri = self.tracking_uri or os.environ.get(TRACKING_VARIABLE) or f"sqlite:///{folder / 'mlflow.db'}"
        return ModelRegistry(uri, folder / "artifacts")

    @property
    def models(self) -> ModelRegistry:
        """The registry of this run."""
        if self._opened is None:
            raise RegistryError(
                "the registry was not set up",
                got="a resource outside of a run",
                allowed="use inside assets and checks",
                do="Call for_instance(instance) outside of runs",
            )
        return self._opened

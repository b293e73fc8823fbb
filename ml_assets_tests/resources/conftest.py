"""One registry for all tests here: MLflow makes its tables once."""

from pathlib import Path

import pytest

from ml_assets.resources.registry import ModelRegistry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """A real MLflow on SQLite."""
    folder: Path = tmp_path_factory.mktemp("mlflow")
    return ModelRegistry(f"sqlite:///{folder / 'deep' / 'mlflow.db'}", folder / "artifacts")

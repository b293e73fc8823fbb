"""What is released loads through MLflow itself: signature held, example scored, nothing inferred."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.artifact import SolutionArtifact, save
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.table import TrainingTable
from ml_assets.resources.packaging import write_mlmodel
from ml_assets.resources.registry import TRACKING_VARIABLE, ModelRegistry
from ml_assets.resources.tracking import LearnedFrom, Training


def rows(n: int = 200) -> TrainingTable:
    rng = np.random.default_rng(0)
    features = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "job": rng.choice(["cook", "driver"], n),
            "member": rng.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
        }
    )
    features.loc[3, "job"] = None
    truth = (features["age"] + rng.normal(0, 10, n) > 50).to_numpy(np.float64)
    return TrainingTable(features, truth, np.repeat("train", n), np.ones(n), np.arange(n), "binary", ("no", "yes"))


@pytest.fixture(params=["logistic_regression", "xgboost", "hist_gradient_boosting", "blend"])
def artifact(request: pytest.FixtureRequest) -> SolutionArtifact:
    table = rows()
    sizes = {"xgboost": {"rounds": 5}, "hist_gradient_boosting": {"max_iter": 5}}.get(request.param, {})
    return SolutionArtifact("s", "binary", table.classes, fit_candidate(request.param, table, recipe=Recipe(sizes)))


@pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow warns of types of its own agents
def test_a_registered_model_is_loaded_and_scored_by_mlflow(
    registry: ModelRegistry, artifact: SolutionArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    features = rows().features
    folder = tmp_path / "model"
    folder.mkdir()
    save(artifact, folder / "artifact")
    write_mlmodel(folder, artifact, "artifact", features.head(5))
    name = f"packed_{artifact.predictor.family}"
    version = registry.register(name, folder, digest="d", training=Training())
    monkeypatch.setenv(TRACKING_VARIABLE, registry.uri)
    loaded = mlflow.pyfunc.load_model(f"models:/{name}/{version.version}")
    found = loaded.predict(features)
    np.testing.assert_array_equal(found["score"], artifact.predict(features).score)
    assert set(found["decision"]) <= {"no", "yes"}
    info = mlflow.models.get_model_info(f"models:/{name}/{version.version}")
    assert info.signature.inputs.input_names() == ["age", "income", "job", "member", "since"]
    assert info.signature.outputs.input_names() == ["score", "decision"]
    example = loaded.input_example
    assert list(example.columns) == list(features.columns)
    np.testing.assert_allclose(loaded.predict(example)["score"], found["score"].head(5))
    with pytest.raises(MlflowException, match="missing inputs"):
        loaded.predict(features.drop(columns="age"))


def test_requirements_are_the_versions_that_run_here(artifact: SolutionArtifact, tmp_path: Path) -> None:
    save(artifact, tmp_path / "artifact")
    write_mlmodel(tmp_path, artifact, "artifact", rows().features.head(2))
    pinned = (tmp_path / "requirements.txt").read_text().splitlines()
    assert f"numpy=={np.__version__}" in pinned
    assert ("xgboost" in "".join(pinned)) == (artifact.predictor.family in ("xgboost", "blend"))
    assert ("scikit-learn" in "".join(pinned)) == (artifact.predictor.family in ("hist_gradient_boosting", "blend"))


def test_the_rows_and_pictures_of_a_training_are_in_its_run(registry: ModelRegistry) -> None:
    data = LearnedFrom("churn/training_set", "ab" * 32, 1200, "/place/training_set.parquet", ("age", "job"))
    training = Training(plots={"curve": "<svg/>"}, note="**refused**", data=data)
    run_id = registry.log("refused_once", training)
    run = registry.client.get_run(run_id)
    assert run.inputs is not None
    (found,) = run.inputs.dataset_inputs
    assert found.dataset.name == "churn/training_set"
    assert found.dataset.digest == ("ab" * 32)[:36]
    assert '"num_rows": 1200' in str(found.dataset.profile)
    assert run.data.tags["mlflow.note.content"] == "**refused**"
    assert [f.path for f in registry.client.list_artifacts(run_id, "plots")] == ["plots/curve.svg"]
    assert run.info.status == "FINISHED"
    assert registry.versions("refused_once") == ()
    assert registry.link("refused_once", run_id).startswith(f"run {run_id}: mlflow ui")

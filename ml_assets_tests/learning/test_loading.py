import numpy as np
import pytest

from ml_assets.learning.artifact import SolutionArtifact, save
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.loading import _load_pyfunc
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_saved_artifact_answers_with_labels(make_table: MakeTable, tmp_path: object, task: Task) -> None:
    table = make_table(task, n=300)
    family = "linear_regression" if task == "regression" else "logistic_regression"
    artifact = SolutionArtifact("s", task, table.classes, fit_candidate(family, table))
    save(artifact, f"{tmp_path}/model")
    found = _load_pyfunc(f"{tmp_path}/model").predict(table.features)
    answer = artifact.predict(table.features)
    if task == "multiclass":
        scores = found[[f"score_{c}" for c in table.classes]].to_numpy()
        assert list(found["decision"]) == [table.classes[i] for i in scores.argmax(axis=1)]
    else:
        np.testing.assert_array_equal(found["score"], answer.score)
    if task == "binary":
        assert set(found["decision"]) == {"no", "yes"}
        assert ((found["decision"] == "yes") == (np.asarray(answer.decision) == 1)).all()
    if task == "regression":
        np.testing.assert_array_equal(found["decision"], answer.decision)

import json
from pathlib import Path

import numpy as np
import pytest

from ml_assets.errors import ArtifactError
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import MODEL_JSON, PARALLEL_CELLS, load_predictor, threads
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable
from ml_assets_tests.learning.test_candidates import SMALL

KINDS = {
    "dummy": "linear-json",
    "single_feature": "linear-json",
    "linear_regression": "linear-json",
    "logistic_regression": "linear-json",
    "xgboost": "xgboost-ubj",
    "hist_gradient_boosting": "skops",
    "random_forest": "skops",
}
FILES = {
    "linear-json": ("model.json",),
    "xgboost-ubj": ("model.json", "model.ubj"),
    "skops": ("model.json", "model.skops"),
}


@pytest.mark.parametrize(("name", "task"), [(n, t) for n, known in FAMILIES.items() for t in sorted(known.tasks)])
def test_a_stored_model_answers_the_same(make_table: MakeTable, tmp_path: Path, name: str, task: Task) -> None:
    table = make_table(task, n=300)
    predictor = fit_candidate(name, table, recipe=Recipe(SMALL.get(name, {})))
    names = predictor.save(tmp_path)
    assert predictor.kind == KINDS[name]
    assert names == FILES[predictor.kind]
    copy = load_predictor({file: (tmp_path / file).read_bytes() for file in names})
    np.testing.assert_array_equal(copy.predict(table.features), predictor.predict(table.features))
    assert (copy.specs, copy.family, copy.kind) == (predictor.specs, predictor.family, predictor.kind)
    assert dict(copy.parameters) == dict(predictor.parameters)


def test_saving_a_model_twice_gives_the_same_bytes(make_table: MakeTable, tmp_path: Path) -> None:
    for name in ("logistic_regression", "xgboost"):
        predictor = fit_candidate(name, make_table(n=300), recipe=Recipe(SMALL.get(name, {})))
        copies = []
        for place in ("one", "two"):
            (tmp_path / name / place).mkdir(parents=True)
            files = predictor.save(tmp_path / name / place)
            copies.append([(tmp_path / name / place / file).read_bytes() for file in files])
        assert copies[0] == copies[1]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"kind": "pickle"}', b'{"kind": "linear-json", "specs": []}'])
def test_files_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_predictor({MODEL_JSON: content})


def test_coefficients_that_do_not_fit_the_design_are_refused(make_table: MakeTable, tmp_path: Path) -> None:
    fit_candidate("logistic_regression", make_table(n=200)).save(tmp_path)
    state = json.loads((tmp_path / MODEL_JSON).read_text())
    state["coefficients"].pop()
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_predictor({MODEL_JSON: json.dumps(state).encode()})


def test_threads_follow_the_size_of_the_table_alone() -> None:
    assert (threads(PARALLEL_CELLS - 1), threads(PARALLEL_CELLS)) == (1, 2)

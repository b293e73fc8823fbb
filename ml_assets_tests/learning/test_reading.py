"""Every kind of model reads back as what it was; files that are not whole are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml_assets.errors import ArtifactError
from ml_assets.learning.candidates import FAMILIES, fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import MODEL_JSON, Parameters
from ml_assets.learning.reading import load_predictor
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
    "blend": "blend",
}
FILES = {
    "linear-json": ("model.json",),
    "xgboost-ubj": ("model.json", "model.ubj"),
    "skops": ("model.json", "model.skops"),
    "blend": (
        "model.json",
        "xgboost.model.json",
        "xgboost.model.ubj",
        "hist_gradient_boosting.model.json",
        "hist_gradient_boosting.model.skops",
    ),
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


def test_each_of_several_members_of_a_family_has_its_files(make_table: MakeTable, tmp_path: Path) -> None:
    table = make_table(n=200)
    given: Parameters = {"members": "xgboost, xgboost_2", "xgboost.rounds": 5, "xgboost_2.rounds": 50}
    blend = fit_candidate("blend", table, recipe=Recipe(given))
    names = blend.save(tmp_path)
    assert {name.split(".")[0] for name in names} == {"model", "xgboost", "xgboost_2"}
    copy = load_predictor({name: (tmp_path / name).read_bytes() for name in names})
    np.testing.assert_array_equal(copy.predict(table.features), blend.predict(table.features))


def test_a_blend_that_lacks_a_file_of_a_member_is_refused(make_table: MakeTable, tmp_path: Path) -> None:
    names = fit_candidate("blend", make_table(n=200), recipe=Recipe(SMALL["blend"])).save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    files = {name: (tmp_path / name).read_bytes() for name in names}
    for lost in names[1:]:
        with pytest.raises(ArtifactError, match="cannot be read"):
            load_predictor({name: content for name, content in files.items() if name != lost})
    state = json.loads(files[MODEL_JSON])
    with pytest.raises(ArtifactError, match="a blend of nothing"):
        load_predictor({MODEL_JSON: json.dumps({**state, "members": []}).encode()})

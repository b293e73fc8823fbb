from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import Loss
from ml_assets.learning.reproduction import Fit, fitted_elsewhere
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable

HERE = "ml_assets_tests.learning.test_reproduction"


def forgetful() -> object:
    """A factory whose estimator depends on the hash seed of its process."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0 + (hash("text") % 1000))


def _forgetful(table: TrainingTable) -> FloatArray:
    (scores,) = fitted_elsewhere([Fit(f"{HERE}.forgetful", table, Recipe())], table.features)
    return scores


@pytest.mark.parametrize(("name", "task"), [("xgboost", "multiclass"), ("hist_gradient_boosting", "regression")])
def test_a_second_process_gives_the_same_scores_bit_by_bit(make_table: MakeTable, name: str, task: Task) -> None:
    table = make_table(task, n=400)
    recipe = Recipe({}, seed=3, loss=Loss("quantile", 0.7), monotone={"signal": 1})
    here = fit_candidate(name, table, recipe=recipe).predict(table.features)
    np.testing.assert_array_equal(fitted_elsewhere([Fit(name, table, recipe)], table.features)[0], here)


def test_a_fit_that_depends_on_its_process_shows(make_table: MakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_assets.learning.reproduction.HASH_SEED", "1")
    one = _forgetful(make_table(n=200))
    monkeypatch.setattr("ml_assets.learning.reproduction.HASH_SEED", "2")
    two = _forgetful(make_table(n=200))
    assert not np.array_equal(one, two)


def test_a_process_that_fails_says_why(make_table: MakeTable) -> None:
    with pytest.raises(DataError, match=r"second process.*no such parameter"):
        fitted_elsewhere([Fit("xgboost", make_table(n=60), Recipe({"depht": 1}))], make_table(n=5).features)


def test_several_fits_are_answered_in_their_order(make_table: MakeTable) -> None:
    table = make_table(n=300)
    fits = [Fit("xgboost", table, Recipe({"rounds": 5})), Fit("logistic_regression", table.joined(), Recipe())]
    here = [fit_candidate(f.family, f.table, recipe=f.recipe).predict(table.features) for f in fits]
    for found, expected in zip(fitted_elsewhere(fits, table.features), here, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(here[0], here[1])


def test_clusters_reach_the_second_process(make_table: MakeTable) -> None:
    """A category of thirty levels is encoded by folds of whole clusters; by rows the scores would be others."""
    table = make_table(n=1_500)
    features = table.features.assign(
        city=pd.Categorical([f"k{int(y) * 15 + i // 7 % 15}" for i, y in enumerate(table.truth)])
    )
    table = replace(table, features=features)
    shared = replace(table, cluster=np.arange(1_500) // 7 % 15 // 3)
    here, alone = (fit_candidate("logistic_regression", t).predict(features) for t in (shared, table))
    (there,) = fitted_elsewhere([Fit("logistic_regression", shared, Recipe())], features)
    np.testing.assert_array_equal(there, here)
    assert not np.array_equal(here, alone)

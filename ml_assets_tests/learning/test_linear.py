import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import LinearPredictor
from ml_assets.learning.preprocessing import prepare
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


def plain_table(features: pd.DataFrame, truth: object, task: Task, classes: tuple[str, ...]) -> TrainingTable:
    n = len(features)
    return TrainingTable(features, np.asarray(truth), np.repeat("train", n), np.ones(n), np.arange(n), task, classes)


def linear(name: str, table: TrainingTable, **parameters: float) -> LinearPredictor:
    predictor = fit_candidate(name, table, recipe=Recipe(parameters, 0))
    assert isinstance(predictor, LinearPredictor)
    return predictor


def test_dummy_answers_with_weighted_shares_and_means(make_table: MakeTable) -> None:
    table = plain_table(pd.DataFrame({"x": range(4)}), [1.0, 0.0, 0.0, 0.0], "binary", ("no", "yes"))
    weighted = table.weighted(np.array([3.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(fit_candidate("dummy", weighted).predict(pd.DataFrame(index=range(2))), [0.5, 0.5])
    numbers = make_table("regression")
    mean = numbers.take("train").truth.mean()
    np.testing.assert_allclose(fit_candidate("dummy", numbers).predict(numbers.features.head(3)), [mean] * 3)
    many = make_table("multiclass")
    shares = np.bincount(many.take("train").truth, minlength=3) / len(many.take("train"))
    np.testing.assert_allclose(fit_candidate("dummy", many).predict(many.features.head(1)), [shares])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_single_feature_picks_the_one_that_matters(make_table: MakeTable, task: Task) -> None:
    predictor = linear("single_feature", make_table(task))
    assert [spec.name for spec in predictor.specs] == ["signal"]


def test_single_feature_answers_with_shrunken_rates() -> None:
    frame = pd.DataFrame({"c": ["a"] * 30 + ["b"] * 10})
    table = plain_table(frame, [1.0] * 30 + [0.0] * 10, "binary", ("no", "yes"))
    found = linear("single_feature", table, prior_rows=10).predict(pd.DataFrame({"c": ["a", "b", None]}))
    # overall rate 0.75: (30 + 7.5) / 40, (0 + 7.5) / 20, and no cell for what training never lacked
    np.testing.assert_allclose(found, [0.9375, 0.375, 0.75])


@pytest.mark.parametrize("alpha", [0.01, 10.0])
def test_ridge_agrees_with_scikit_learn(make_table: MakeTable, alpha: float) -> None:
    from sklearn.linear_model import Ridge

    table = make_table("regression").weighted(np.random.default_rng(1).uniform(0.5, 2.0, 900))
    predictor = linear("linear_regression", table, alpha=alpha)
    train = table.take("train")
    x = predictor.design.matrix(prepare(train.features, predictor.specs))
    peer = Ridge(alpha=alpha).fit(x, train.truth, sample_weight=train.weight)
    np.testing.assert_allclose(predictor.coefficients[:, 0], peer.coef_, atol=1e-6)
    np.testing.assert_allclose(predictor.predict(train.features), peer.predict(x), atol=1e-6)


def test_ridge_penalty_is_the_one_with_the_least_cross_validated_error() -> None:
    rng = np.random.default_rng(5)
    noise = pd.DataFrame(rng.normal(size=(60, 30)), columns=[f"n{i}" for i in range(30)])
    pure = linear("linear_regression", plain_table(noise, rng.normal(size=60), "regression", ()))
    assert float(pure.parameters["alpha"] or 0) >= 100.0
    exact = linear("linear_regression", plain_table(noise, 3.0 * noise["n0"], "regression", ()))
    assert exact.parameters["alpha"] == 0.01


def test_logistic_agrees_with_scikit_learn_and_finds_the_planted_slope(make_table: MakeTable) -> None:
    from sklearn.linear_model import LogisticRegression

    table = make_table(n=4000)
    predictor = linear("logistic_regression", table)
    train = table.take("train")
    x = predictor.design.matrix(prepare(train.features, predictor.specs))
    peer = LogisticRegression(solver="lbfgs", max_iter=2000, tol=1e-8).fit(x, train.truth)
    np.testing.assert_allclose(predictor.predict(train.features), peer.predict_proba(x)[:, 1], atol=1e-4)
    weight = dict(zip(predictor.design.names, predictor.coefficients[:, 0], strict=True))
    assert weight["signal"] > 1.0
    assert abs(weight["noise"]) < 0.3


def test_a_class_absent_from_training_keeps_its_column_and_almost_no_probability(make_table: MakeTable) -> None:
    table = make_table("multiclass")
    kept = table.rows(np.flatnonzero((table.truth != 2) | (table.part != "train")))
    scores = linear("logistic_regression", kept).predict(kept.features)
    assert scores.shape == (len(kept), 3)
    assert scores[:, 2].max() < 1e-6
    np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    both = scores[:, :2].argmax(axis=1) == kept.truth
    assert both[kept.part == "train"].mean() > 0.85


def test_predicting_in_chunks_changes_nothing(make_table: MakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table()
    predictor = linear("logistic_regression", table)
    whole = predictor.predict(table.features)
    monkeypatch.setattr("ml_assets.learning.predictors.CHUNK", 7)
    np.testing.assert_allclose(predictor.predict(table.features), whole, rtol=1e-12)

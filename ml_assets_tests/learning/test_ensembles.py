import numpy as np
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import SkopsPredictor, XGBoostPredictor
from ml_assets_tests.learning.conftest import MakeTable

HERE = "ml_assets_tests.learning.test_ensembles"
CODES_ONLY = {"rounds": 60, "early_stopping_rounds": 5}


def make_pipeline_model(strength: float = 1.0) -> object:
    """A user's own Pipeline: it gets the prepared DataFrame."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (StandardScaler(), ["signal"]), (OneHotEncoder(handle_unknown="ignore"), ["colour"])
    )
    return make_pipeline(columns, LogisticRegression(C=strength))


def make_neighbours() -> object:
    """An estimator that takes no row weights."""
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier()


def make_scaler() -> object:
    """Not a model."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler()


NO_FUNCTION = 3


def test_xgboost_stops_on_the_validation_part(make_table: MakeTable) -> None:
    table = make_table()
    stopped = fit_candidate("xgboost", table, recipe=Recipe({"rounds": 300, "early_stopping_rounds": 10}))
    alone = fit_candidate("xgboost", table.rows(np.flatnonzero(table.part == "train")), recipe=Recipe({"rounds": 12}))
    assert isinstance(stopped, XGBoostPredictor)
    assert isinstance(alone, XGBoostPredictor)
    assert stopped.booster.num_boosted_rounds() < 300
    assert alone.booster.num_boosted_rounds() == 12


def test_in_place_scores_are_those_of_the_booster(make_table: MakeTable) -> None:
    import xgboost

    from ml_assets.learning.preprocessing import codes, prepare

    table = make_table()
    predictor = fit_candidate("xgboost", table, recipe=Recipe(CODES_ONLY))
    assert isinstance(predictor, XGBoostPredictor)
    matrix = codes(prepare(table.features, predictor.specs), predictor.specs).astype(np.float32)
    types = ["c" if spec.kind == "categorical" else "q" for spec in predictor.specs]
    rows = xgboost.DMatrix(matrix, feature_names=["f0", "f1", "f2"], feature_types=types, enable_categorical=True)
    np.testing.assert_allclose(predictor.predict(table.features), predictor.booster.predict(rows), atol=1e-7)


def test_a_large_table_is_scored_with_more_threads_to_the_same_answer(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = make_table()
    predictor = fit_candidate("xgboost", table, recipe=Recipe(CODES_ONLY))
    alone = predictor.predict(table.features)
    monkeypatch.setattr("ml_assets.learning.predictors.PARALLEL_CELLS", 1)
    np.testing.assert_array_equal(predictor.predict(table.features), alone)


def test_weights_move_the_trees(make_table: MakeTable) -> None:
    table = make_table()
    heavy = table.weighted(np.where(table.truth == 1, 20.0, 1.0))
    base, moved = (fit_candidate("xgboost", t, recipe=Recipe(CODES_ONLY)).predict(t.features) for t in (table, heavy))
    assert moved.mean() > base.mean() + 0.02


@pytest.mark.parametrize("name", ["hist_gradient_boosting", "random_forest"])
def test_scikit_learn_trees_learn_with_missing_values(make_table: MakeTable, name: str) -> None:
    table = make_table()
    sizes = {"max_iter": 20} if name == "hist_gradient_boosting" else {"n_estimators": 20}
    scores = fit_candidate(name, table, recipe=Recipe(sizes)).predict(table.features)
    assert ((scores > 0.5) == table.truth)[table.part == "test"].mean() > 0.85


def test_a_users_pipeline_gets_the_prepared_frame_and_its_parameters(make_table: MakeTable) -> None:
    table = make_table()
    complete = table.rows(np.flatnonzero(table.features["colour"].notna()))
    predictor = fit_candidate(f"{HERE}.make_pipeline_model", complete, recipe=Recipe({"strength": 0.5}))
    assert isinstance(predictor, SkopsPredictor)
    assert predictor.inputs == "frame"
    assert predictor.estimator[-1].C == 0.5
    weighted = complete.weighted(np.where(complete.truth == 1, 9.0, 1.0))
    moved = fit_candidate(f"{HERE}.make_pipeline_model", weighted)
    assert moved.predict(complete.features).mean() > predictor.predict(complete.features).mean()


def test_any_estimator_gets_the_design_matrix_and_the_seed(make_table: MakeTable) -> None:
    table = make_table("regression")
    predictor = fit_candidate("sklearn.ensemble.ExtraTreesRegressor", table, recipe=Recipe({"n_estimators": 5}, 7))
    assert isinstance(predictor, SkopsPredictor)
    assert predictor.estimator.random_state == 7
    assert predictor.inputs == "design"
    error = predictor.predict(table.features) - table.truth
    assert np.abs(error[table.part == "test"]).mean() < 1.0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no.such.module", "cannot be imported"),
        (f"{HERE}.absent", "cannot be imported"),
        (f"{HERE}.NO_FUNCTION", "cannot be called"),
        (f"{HERE}.make_scaler", "usable estimator"),
    ],
)
def test_factories_that_do_not_work_say_why(make_table: MakeTable, path: str, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        fit_candidate(path, make_table(n=60))


def test_row_weights_are_never_dropped_silently(make_table: MakeTable) -> None:
    table = make_table(n=60)
    fit_candidate(f"{HERE}.make_neighbours", table)
    with pytest.raises(DeclarationError, match="row weights"):
        fit_candidate(f"{HERE}.make_neighbours", table.weighted(np.full(60, 2.0)))

"""Many levels as numbers: exact against scikit-learn's encoder, worth nothing where they say nothing, used where they matter."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ml_assets.learning import target_encoding as module
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.design import Design, LevelColumn, TargetColumn, logistic
from ml_assets.learning.losses import row_loss
from ml_assets.learning.predictors import LinearPredictor
from ml_assets.learning.preprocessing import feature_specs, prepare
from ml_assets.learning.table import TrainingTable, targets
from ml_assets.learning.target_encoding import credible_rows, level_values, out_of_fold, tells, training_design
from ml_assets.statistics.metrics import Task

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
TASKS: list[Task] = ["binary", "multiclass", "regression"]
LINES: dict[Task, str] = {
    "binary": "logistic_regression",
    "multiclass": "logistic_regression",
    "regression": "linear_regression",
}


def world(task: Task, *, n: int, levels: int, effect: float, seed: int = 0) -> TrainingTable:
    """``z`` matters, ``place`` by ``effect`` (standard deviation of its levels, in that of ``z``); as many levels as rows: ids."""
    rng = np.random.default_rng(seed)
    z, place = rng.normal(size=n), np.arange(n) if levels == n else rng.integers(0, levels, n)
    latent = z + effect * rng.normal(size=levels)[place] + rng.logistic(size=n)
    truth = {"binary": (latent > 0).astype(float), "multiclass": np.digitize(latent, [-1, 1]), "regression": latent}[
        task
    ]
    classes = {"binary": ("no", "yes"), "multiclass": ("low", "mid", "high"), "regression": ()}[task]
    features = pd.DataFrame({"z": z, "place": [f"p{i}" for i in place]})
    part = np.where(np.arange(n) % 3 == 0, "test", "train")
    return TrainingTable(features, truth, part, np.ones(n), np.arange(n), task, classes)


def losses(table: TrainingTable) -> dict[str, float]:
    """Mean loss of the linear family per part."""
    predictor = fit_candidate(LINES[table.task], table)
    parts = {part: table.take(part) for part in ("train", "test")}
    return {
        part: float(row_loss(rows.truth, predictor.predict(rows.features), task=table.task).mean())
        for part, rows in parts.items()
    }


def without(table: TrainingTable) -> TrainingTable:
    return replace(table, features=table.features[["z"]])


def encodings(values: FloatArray, truth: FloatArray, task: Task) -> FloatArray:
    """Shrunken means (size, K) of differences on the scale of the line."""
    mean = truth.mean(axis=0)
    if task == "binary":
        return logistic(values + np.log(mean / (1 - mean)))
    return np.asarray(np.exp(values) * mean if task == "multiclass" else values * truth.std() + mean)


def peer(cell: IntArray, table: TrainingTable, rows: IntArray, smooth: float) -> FloatArray:
    """scikit-learn's encoding of every row (n, K), learned from some of them."""
    from sklearn.preprocessing import TargetEncoder

    kind = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}[table.task]
    encoder = TargetEncoder(smooth=smooth, target_type=kind)
    encoder.fit(cell[rows, None], table.truth[rows])
    return np.asarray(encoder.transform(cell[:, None]), dtype=np.float64)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("smooth", [1.0, 17.5])
def test_levels_get_the_encoding_of_scikit_learn(task: Task, smooth: float) -> None:
    table = world(task, n=900, levels=60, effect=1.0)
    cell, truth = pd.factorize(table.features["place"])[0].astype(np.int64), targets(table)
    values = level_values(cell, truth, table.weight, 60, task=task, prior_rows=smooth)
    np.testing.assert_allclose(
        encodings(values, truth, task)[cell], peer(cell, table, np.arange(900), smooth), atol=1e-12
    )


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_rows_are_taught_what_scikit_learn_learns_from_the_other_folds(task: Task) -> None:
    table = world(task, n=900, levels=60, effect=1.0)
    cell, truth = pd.factorize(table.features["place"])[0].astype(np.int64), targets(table)
    fold = np.random.default_rng(3).permutation(900) % module.FOLDS
    taught = out_of_fold(cell, truth, table.weight, 60, fold, task=task)
    for part in range(module.FOLDS):
        held, learn = np.flatnonzero(fold == part), np.flatnonzero(fold != part)
        prior = credible_rows(cell[learn], truth[learn, 0], table.weight[learn], 60)
        expected = peer(cell, table, learn, prior)[held]
        np.testing.assert_allclose(encodings(taught[held], truth[learn], task), expected, atol=1e-12)


def test_a_row_of_weight_two_is_that_row_twice_and_one_of_weight_zero_none() -> None:
    rng = np.random.default_rng(1)
    cell, y, times = rng.integers(0, 8, 90), rng.normal(size=(90, 1)) + 1.0, rng.integers(0, 3, 90)
    y += cell[:, None]
    again = np.repeat(np.arange(90), times)
    one = level_values(cell, y, times.astype(float), 8, task="regression")
    two = level_values(cell[again], y[again], np.ones(len(again)), 8, task="regression")
    np.testing.assert_allclose(one, two, atol=1e-12)
    assert level_values(cell, y, np.zeros(90), 8, task="regression").tolist() == [[0.0]] * 8


def test_credible_rows_worked_by_hand() -> None:
    cell, ones = np.array([0, 0, 1, 1]), np.ones(4)
    # means 3 and 8; within 4 * 9 / (4 - 2) = 18; spread 4 * 2.5² = 25; between (25 - 18) / (4 - 8 / 4) = 3.5
    assert credible_rows(cell, np.array([0.0, 6.0, 5.0, 11.0]), ones, 2) == pytest.approx(18 / 3.5)
    assert credible_rows(cell, np.array([0.0, 4.0, 2.0, 6.0]), ones, 2) == np.inf  # less apart than chance makes them
    assert credible_rows(cell, np.array([0.0, 0.0, 1.0, 1.0]), ones, 2) == module.FEWEST_PRIOR_ROWS
    assert credible_rows(np.arange(4), np.array([0.0, 6.0, 5.0, 11.0]), ones, 4) == np.inf  # no level repeats
    assert credible_rows(np.zeros(4, dtype=np.int64), np.arange(4.0), ones, 2) == np.inf  # one level


@pytest.mark.parametrize(("within", "between"), [(2.0, 1.0), (5.0, 1.0)])
def test_credible_rows_are_the_ratio_of_the_variances_that_were_planted(within: float, between: float) -> None:
    rng = np.random.default_rng(4)
    cell = rng.integers(0, 1500, 30_000)
    y = between * rng.normal(size=1500)[cell] + within * rng.normal(size=30_000)
    found = credible_rows(cell, y, np.ones(len(y)), 1500)
    assert found == pytest.approx((within / between) ** 2, rel=0.12)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("levels", [3000, 1500, 300])
def test_random_identifiers_teach_nothing(task: Task, levels: int) -> None:
    table = world(task, n=3000, levels=levels, effect=0.0)
    with_ids, alone = losses(table), losses(without(table))
    assert with_ids["test"] < alone["test"] * 1.01
    assert with_ids["train"] > alone["train"] * 0.95


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_cross_fitting_is_what_keeps_identifiers_out(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hardly any shrinkage the other guard is gone: taught on what scores, the line believes the ids; as it is, not."""
    monkeypatch.setattr(module, "credible_rows", lambda *_: module.FEWEST_PRIOR_ROWS)
    table = world(task, n=3000, levels=3000, effect=0.0)
    alone, sound = losses(without(table)), losses(table)
    assert sound["train"] > alone["train"] * 0.9

    def own_fold(
        cell: IntArray, truth: FloatArray, weight: FloatArray, size: int, _: IntArray, *, task: Task
    ) -> FloatArray:
        return level_values(cell, truth, weight, size, task=task)[cell]

    monkeypatch.setattr(module, "out_of_fold", own_fold)
    assert losses(table)["train"] < alone["train"] * 0.1


@pytest.mark.parametrize("task", TASKS)
def test_500_levels_that_matter_are_used(task: Task) -> None:
    table = world(task, n=6000, levels=500, effect=1.5)
    assert losses(table)["test"] < losses(without(table))["test"] * 0.92


def fitted(task: Task, *, gone: bool = False) -> tuple[LinearPredictor, TrainingTable]:
    table = world(task, n=3000, levels=400, effect=1.5)
    if gone:
        table.features.loc[np.flatnonzero(table.features["z"] > 1), "place"] = None
    found = fit_candidate(LINES[task], table)
    assert isinstance(found, LinearPredictor)
    return found, table


def test_every_one_of_400_levels_has_a_value_and_classes_one_each() -> None:
    predictor, table = fitted("multiclass")
    (column,) = (one for one in predictor.design.columns if one.name == "place")
    assert isinstance(column, TargetColumn)
    assert column.names() == ("place=(encoded, low)", "place=(encoded, mid)", "place=(encoded, high)")
    assert column.cells == table.take("train").features["place"].nunique() + 1 > 300
    assert predictor.coefficients.shape == (4, 3)


def test_a_ridge_line_keeps_the_levels_beside_and_few_levels_stay_levels() -> None:
    predictor, table = fitted("regression")
    kinds = [type(one) for one in predictor.design.columns if one.name == "place"]
    assert kinds == [TargetColumn, LevelColumn]
    few = replace(table, features=table.features.assign(place=[f"p{i % 20}" for i in range(3000)]))
    kept = fit_candidate("linear_regression", few)
    assert isinstance(kept, LinearPredictor)
    assert [type(one) for one in kept.design.columns if one.name == "place"] == [LevelColumn]


def test_unseen_is_as_everywhere_and_missing_has_its_own_value() -> None:
    predictor, _ = fitted("binary")
    rows = pd.DataFrame({"z": 0.0, "place": ["nowhere", None]})
    assert predictor.design.matrix(prepare(rows, predictor.specs))[:, 1].tolist() == [0.0, 0.0]
    known, _ = fitted("binary", gone=True)  # missing where z is large, so where the answer is mostly yes
    value = known.design.matrix(prepare(rows, known.specs))[:, 1]
    assert (value > 0.5).all()


@pytest.mark.parametrize("task", TASKS)
def test_the_json_copy_scores_the_same(task: Task) -> None:
    predictor, table = fitted(task, gone=True)
    copy = Design.from_dict(json.loads(json.dumps(predictor.design.to_dict())))
    assert copy == predictor.design
    np.testing.assert_array_equal(
        replace(predictor, design=copy).predict(table.features), predictor.predict(table.features)
    )


def test_a_design_stored_before_there_were_encoded_columns_still_loads() -> None:
    stored = {
        "columns": [
            {"name": "x", "median": 1.0, "mean": 2.0, "scale": 4.0, "indicator": False, "type": "scaled"},
            {"name": "c", "levels": ["a", "(rare)"], "cell": [0, 1, -1], "type": "levels"},
        ]
    }
    frame = pd.DataFrame({"x": [6.0, np.nan], "c": ["a", "b"]})
    rows = Design.from_dict(stored).matrix(prepare(frame, feature_specs(frame)))
    np.testing.assert_array_equal(rows, [[1.0, 1.0, 0.0], [-0.25, 0.0, 1.0]])


def test_the_two_results_differ_in_encoded_columns_alone() -> None:
    table = world("binary", n=600, levels=60, effect=1.0)
    specs = feature_specs(table.features)
    prepared = prepare(table.features, specs)
    design, taught = training_design(prepared, specs, table, seed=1)
    scored = design.matrix(prepared)
    np.testing.assert_array_equal(taught[:, 0], scored[:, 0])
    assert (taught[:, 1] != scored[:, 1]).mean() > 0.99
    again = training_design(prepared, specs, table, seed=1)[1]
    np.testing.assert_array_equal(again, taught)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_fewer_rows_than_folds_are_encoded_as_nothing(n: int) -> None:
    truth = np.arange(n, dtype=float)[:, None]
    taught = out_of_fold(np.zeros(n, np.int64), truth, np.ones(n), 1, np.arange(n) % module.FOLDS, task="regression")
    assert taught.tolist() == [[0.0]] * n


def test_a_level_that_names_the_customer_is_not_taught_by_the_customers_other_rows() -> None:
    """300 customers with ten rows each share their label and their own shop: what is learned of a shop says nothing of others.

    By rows, the other nine rows give each row its own label; by customers, nothing is known of a shop never seen.
    """
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(300), 10)
    truth = rng.integers(0, 2, 300)[owner].astype(float)
    features = pd.DataFrame({"shop": pd.Categorical([f"s{i}" for i in owner])})
    part, ones = np.repeat("train", 3000), np.ones(3000)
    table = TrainingTable(features, truth, part, ones, np.arange(3000), "binary", ("no", "yes"))
    specs = feature_specs(features, max_categories=10_000)
    prepared = prepare(features, specs)
    by_row = training_design(prepared, specs, table, seed=0)[1][:, 0]
    whole = training_design(prepared, specs, replace(table, cluster=owner), seed=0)[1][:, 0]
    assert np.corrcoef(by_row, truth)[0, 1] > 0.9
    assert not whole.any()
    fresh = pd.DataFrame({"shop": ["s-new"] * 500})
    for cluster, strays in ((None, True), (owner, False)):
        model = fit_candidate("logistic_regression", replace(table, cluster=cluster))
        known = model.predict(features)
        assert bool(np.abs(known - 0.5).max() > 0.4) is strays
        assert np.abs(model.predict(fresh) - truth.mean()).max() < 0.05


def test_numbers_that_say_nothing_are_told_apart_from_those_that_do() -> None:
    """Noise is let through in 1 of 100 tables, rows of a cluster counted once; a weak effect in every one."""
    rng, told = np.random.default_rng(8), {"noise": 0, "siblings": 0, "effect": 0}
    for _ in range(300):
        who, noise = np.repeat(np.arange(100), 10), rng.normal(size=(1000, 1))
        y = rng.normal(size=100)[who]
        base = replace(world("regression", n=1000, levels=5, effect=0.0), truth=y)
        told["noise"] += tells(noise, y[:, None], replace(base, cluster=None))
        told["siblings"] += tells(noise[:100][who], y[:, None], replace(base, cluster=who))
        told["effect"] += tells(noise + 0.3 * y[:, None], y[:, None], base)
    assert max(told["noise"], told["siblings"]) <= 9  # binomial(300, 0.01), 99.9 %
    assert told["effect"] == 300

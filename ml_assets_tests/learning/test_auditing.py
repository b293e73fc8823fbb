"""The final solution on rows it did not see: no answer by a model that learned the row, and made as the final one was."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.auditing import MOST_FITS, audit
from ml_assets.learning.finishing import train
from ml_assets.learning.remedies.repeating import UNTREATED, Reweighed
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.resampling import cross_validation, fold_table, rolling_origin
from ml_assets.statistics.disparity import disparities
from ml_assets_tests.learning.worlds import world

WORLD = world(0.0, n=900)
FOLDS = cross_validation(WORLD.rows.truth, task="binary")


class Watched:
    """No remedy, and a note of every row that was given to a fit."""

    def __init__(self) -> None:
        self.taught: list[set[int]] = []

    def fit(self, situation: Situation) -> SolutionArtifact:
        self.taught.append(set(situation.rows.ids.tolist()))
        expected = situation.rows.features["merit"].to_numpy()
        assert (expected == WORLD.rows.features["merit"].to_numpy()[situation.rows.ids]).all()
        assert (situation.groups["sex"].to_numpy() == WORLD.groups["sex"].to_numpy()[situation.rows.ids]).all()
        return UNTREATED.fit(situation)


def test_no_row_is_answered_by_a_model_that_was_given_it() -> None:
    watched = Watched()
    found = audit(WORLD, FOLDS, remedy=watched)
    assert found.fits == len(watched.taught) == MOST_FITS
    assert (found.at == np.arange(len(WORLD.rows))).all()
    for fold, taught in zip(FOLDS, watched.taught, strict=True):
        assert not taught & set(fold.held.tolist())
        assert len(taught) + len(fold.held) == len(WORLD.rows)


def test_a_label_that_is_learned_by_heart_is_no_better_than_a_coin_out_of_fold() -> None:
    """A tree that knows every row by its number: right about all it saw, and of coins it did not see about half."""
    rng = np.random.default_rng(5)
    n = 600
    coins = rng.integers(0, 2, n).astype(float)
    features = pd.DataFrame({"number": rng.permutation(n).astype(float), "noise": rng.normal(size=n)})
    rows = replace(WORLD.rows.rows(np.arange(n)), features=features, truth=coins)
    forest = replace(WORLD.recipe, parameters={"min_samples_leaf": 1, "max_samples": None, "n_estimators": 30})
    base = train("random_forest", rows, solution="w", value=WORLD.value, recipe=forest, calibration="none").artifact
    situation = replace(
        WORLD,
        base=base,
        rows=rows,
        groups=WORLD.groups.iloc[:n].reset_index(drop=True),
        recipe=forest,
        calibration="none",
    )
    learned = rows.take("train")
    assert ((base.score(learned.features) >= 0.5) == learned.truth).mean() > 0.95
    found = audit(situation, cross_validation(coins, task="binary"))
    right = ((found.answer.score >= 0.5) == coins[found.at]).mean()
    assert 0.42 < right < 0.58


def test_each_fold_is_fitted_calibrated_and_cut_as_the_final_solution_is() -> None:
    found = audit(WORLD, FOLDS)
    for fold in FOLDS:
        rows = fold_table(WORLD.rows, fold)
        done = train("logistic_regression", rows, solution="world", value=WORLD.value, recipe=WORLD.recipe).artifact
        held = rows.take("test")
        expected = done.predict(held.features)
        assert (found.answer.score[fold.held] == expected.score).all()
        assert (found.answer.decision[fold.held] == expected.decision).all()


def test_a_stream_is_never_answered_by_a_model_that_saw_a_later_row() -> None:
    order = np.arange(len(WORLD.rows)) // 90
    folds = rolling_origin(order)
    watched = Watched()
    found = audit(WORLD, folds, remedy=watched)
    for fold, taught in zip(folds, watched.taught, strict=True):
        assert max(order[list(taught)]) < min(order[fold.held])
    assert 0 < len(found.at) < len(WORLD.rows)


def test_clusters_stay_whole() -> None:
    cluster = np.arange(len(WORLD.rows)) // 3
    folds = cross_validation(WORLD.rows.truth, task="binary", cluster=cluster)
    watched = Watched()
    audit(WORLD, folds, remedy=watched)
    for fold, taught in zip(folds, watched.taught, strict=True):
        assert not set(cluster[list(taught)]) & set(cluster[fold.held])


def test_weights_narrow_the_gap_out_of_fold_as_they_do_in_the_final_solution() -> None:
    unfair = world(2.0, n=3_000)
    folds = cross_validation(unfair.rows.truth, task="binary")

    def gap(remedy: Any) -> float:
        found = audit(unfair, folds, remedy=remedy)
        (women, _) = disparities(
            unfair.groups,
            unfair.rows.truth[found.at],
            found.answer.decision,
            metrics={"selection_rate_difference": 0.1},
        )
        return abs(women.value.value)

    assert gap(Reweighed(("sex",), plain=True)) < 0.7 * gap(UNTREATED)


def test_too_many_folds_or_rows_too_few_to_cut_on_are_refused() -> None:
    with pytest.raises(DataError, match="at most 5 folds"):
        audit(WORLD, cross_validation(WORLD.rows.truth, task="binary", count=6))
    bare = tuple(replace(fold, stop=fold.stop[:0]) for fold in FOLDS)
    with pytest.raises(DataError, match="rows to stop on"):
        audit(WORLD, bare)

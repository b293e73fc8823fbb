"""What candidates are chosen by: validation rows, then rows that folds hold out, each by a model that did not see it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.held_out import ENOUGH, choosing_clusters, choosing_losses, enough, held_out_losses
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import Loss, row_loss
from ml_assets.learning.resampling import cross_validation
from ml_assets.learning.selection import Scored, select
from ml_assets.learning.table import TrainingTable
from ml_assets_tests.learning.conftest import MakeTable


def test_losses_are_those_of_the_rows_by_the_loss_of_the_recipe(make_table: MakeTable) -> None:
    table = make_table("regression", n=200)
    held, recipe = table.take("validation"), Recipe(loss=Loss("absolute"))
    model = fit_candidate("linear_regression", table, recipe=recipe)
    np.testing.assert_allclose(
        held_out_losses(model.predict, held, recipe), np.abs(held.truth - model.predict(held.features)), rtol=1e-12
    )


def test_without_folds_validation_rows_choose_alone(make_table: MakeTable) -> None:
    table = make_table(n=300)
    model, held = fit_candidate("logistic_regression", table), table.take("validation")
    found = choosing_losses("logistic_regression", model.predict, table, recipe=Recipe())
    np.testing.assert_array_equal(found, row_loss(held.truth, model.predict(held.features), task="binary"))


def test_each_row_of_a_fold_is_judged_by_a_model_that_did_not_see_it(make_table: MakeTable) -> None:
    """A label that nothing explains costs a model that saw it little, the others as much as any surprise."""
    table = make_table(n=300)
    train, model = table.take("train"), fit_candidate("xgboost", table)
    folds = cross_validation(train.truth, task="binary", count=3)
    recipe = Recipe({"max_depth": 9, "min_child_weight": 0.0, "rounds": 200, "early_stopping_rounds": 0})
    found = choosing_losses("xgboost", model.predict, table, recipe=recipe, folds=folds)
    of_folds = found[len(table.take("validation")) :]
    assert len(of_folds) == len(train) == sum(len(fold.held) for fold in folds)
    seen = fit_candidate("xgboost", table, recipe=recipe)
    at = np.concatenate([fold.held for fold in folds])
    known = held_out_losses(seen.predict, train, recipe)[at]
    assert of_folds.mean() > 3 * known.mean()


def test_rows_of_a_few_customers_are_few(make_table: MakeTable) -> None:
    table = make_table(n=ENOUGH)
    assert enough(table)
    assert not enough(table.rows(np.arange(ENOUGH - 1)))
    assert not enough(replace(table, cluster=np.arange(ENOUGH) // 2))
    assert enough(replace(table, cluster=np.arange(ENOUGH)))


def test_clusters_stand_beside_their_losses(make_table: MakeTable) -> None:
    table = make_table(n=300)
    assert choosing_clusters(table) is None
    clustered = replace(table, cluster=np.arange(len(table)) // 3)
    train = clustered.take("train")
    folds = cross_validation(train.truth, task="binary", cluster=train.cluster, count=3)
    found = choosing_clusters(clustered, folds)
    assert found is not None
    assert train.cluster is not None
    validation = clustered.take("validation")
    np.testing.assert_array_equal(found[: len(validation)], validation.cluster)
    np.testing.assert_array_equal(found[len(validation) :], train.cluster[np.concatenate([f.held for f in folds])])
    np.testing.assert_array_equal(choosing_clusters(clustered), validation.cluster)


@pytest.mark.parametrize("seed", range(3))
def test_folds_show_what_few_validation_rows_cannot(seed: int) -> None:
    """Truth bends, which a line cannot: thirty validation rows let the simpler one through, 400 rows of folds do not."""
    rng = np.random.default_rng(seed)

    x = rng.uniform(-2, 2, 430)
    truth = np.abs(x) + rng.normal(0, 0.9, 430)
    part = np.repeat(["train", "validation"], [400, 30])
    frame = pd.DataFrame({"x": x})
    table = TrainingTable(frame, truth, part, np.ones(430), np.arange(430), "regression", ())
    folds = cross_validation(table.take("train").truth, task="regression")
    chosen = []
    for some in ((), folds):
        scored = [
            Scored(
                name,
                rank,
                choosing_losses(name, fit_candidate(name, table).predict, table, recipe=Recipe(), folds=some),
            )
            for rank, name in enumerate(("linear_regression", "hist_gradient_boosting"))
        ]
        chosen.append(select(scored))
    assert chosen[1].chosen == "hist_gradient_boosting"
    errors = [next(r.error for r in one.table if r.name == "linear_regression") for one in chosen]
    assert errors[1] < errors[0] / 2

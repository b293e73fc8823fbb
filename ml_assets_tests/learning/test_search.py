"""The search finds what is better, repeats, survives trials that fail, and never sees rows it was not given."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning import candidates
from ml_assets.learning import search as module
from ml_assets.learning.blending import MEMBERS, blend_of, labels_of, numbered, of_member
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import Loss
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.resampling import cross_validation
from ml_assets.learning.search import Budget, search
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.trials import SearchResult, Trial
from ml_assets_tests.learning.conftest import MakeTable

QUICK = Recipe({"rounds": 30, "early_stopping_rounds": 5, "max_bin": 32})


def wide(n: int = 240, columns: int = 60) -> TrainingTable:
    """A logistic line among far too many columns: the default penalty is much too weak."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(n, columns))
    truth = (x[:, 0] + rng.logistic(size=n) > 0).astype(float)
    features = pd.DataFrame(x, columns=[f"x{i}" for i in range(columns)])
    return TrainingTable(features, truth, np.repeat("train", n), np.ones(n), np.arange(n), "binary", ("no", "yes"))


def run(table: TrainingTable, budget: Budget, recipes: dict[str, Recipe], **options: object) -> SearchResult:
    folds = cross_validation(table.truth, task=table.task, count=3)
    return search(recipes, table, folds, budget=budget, **options)  # type: ignore[arg-type]


def test_it_finds_the_stronger_penalty_that_a_wide_table_needs() -> None:
    found = run(wide(), Budget(trials=12), {"logistic_regression": Recipe()})
    first = found.trials[0]
    assert first.parameters == {}
    best = min((t for t in found.trials if t.state == "complete"), key=lambda t: t.loss)
    assert best.loss < first.loss - 0.1
    assert found.found["logistic_regression"] == best.parameters
    assert float(best.parameters["C"] or 0) < 0.2
    losses = [loss for _, loss in found.best_so_far("logistic_regression")]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == best.loss
    assert "against" in found.sentence


def test_a_budget_of_trials_repeats_and_families_take_turns(make_table: MakeTable) -> None:
    table = make_table(n=300)
    recipes = {"xgboost": QUICK, "hist_gradient_boosting": Recipe({"max_iter": 20}), "dummy": Recipe()}
    one, two = (run(table, Budget(trials=7), recipes) for _ in range(2))
    assert [t.family for t in one.trials] == ["xgboost", "hist_gradient_boosting"] * 3 + ["xgboost"]
    assert [(t.parameters, t.loss, t.state) for t in one.trials] == [
        (t.parameters, t.loss, t.state) for t in two.trials
    ]
    assert one.found == two.found
    other = run(table, Budget(trials=14), {n: replace(r, seed=5) for n, r in recipes.items()})
    again = run(table, Budget(trials=14), recipes)
    assert [t.parameters for t in other.trials] != [t.parameters for t in again.trials]


def test_a_family_that_is_behind_gets_fewer_turns() -> None:
    """Of a line among noise trees see little: after a turn each, five of the line for one of theirs."""
    found = run(wide(1_200, 3), Budget(trials=20), {"xgboost": QUICK, "logistic_regression": Recipe()})
    best = {n: found.best_so_far(n)[-1][1] for n in ("xgboost", "logistic_regression")}
    assert best["logistic_regression"] < best["xgboost"]
    assert 2 <= sum(t.family == "xgboost" for t in found.trials) <= 5
    assert {t.family for t in found.trials[5:]} == {"xgboost", "logistic_regression"}  # but it is never given up


def test_declared_parameters_stay_and_the_live_ones_are_tried_second(make_table: MakeTable) -> None:
    warm = {"xgboost": {"learning_rate": 0.2, "max_depth": 3, "rounds": 9}}
    found = run(make_table(n=300), Budget(trials=4), {"xgboost": QUICK}, warm=warm)
    assert all(t.parameters["rounds"] == 30 for t in found.trials)
    assert found.trials[1].parameters["learning_rate"] == 0.2
    assert found.trials[1].parameters["max_depth"] == 3


def test_a_hopeless_trial_is_not_finished(make_table: MakeTable) -> None:
    told: list[str] = []
    table = make_table(n=400)
    found = run(table, Budget(trials=25), {"xgboost": QUICK}, log=told.append)
    pruned = [t for t in found.trials if t.state == "pruned"]
    assert pruned
    assert all(t.folds < 3 and "behind the best" in t.reason for t in pruned)
    assert len(told) == 25
    assert "trial 25: xgboost" in told[-1]
    kept = run(table, Budget(trials=25, pruning=False), {"xgboost": QUICK})
    assert all(t.state == "complete" for t in kept.trials)


def test_a_trial_is_raced_on_its_own_rows_a_cluster_at_a_time() -> None:
    rng = np.random.default_rng(0)
    best = rng.exponential(size=400)
    worse = best + rng.normal(0.03, 0.2, 400)
    who = np.repeat(np.arange(40), 10)
    own, lead = (module._Held(x, 400.0, None, 400) for x in (worse, best))
    assert module._behind([own], [lead])
    assert not module._behind([lead], [own])
    assert not module._behind([own], [])
    assert not module._behind([replace(own, rarest=9)], [lead])
    assert module._behind([replace(own, rarest=5)] * 2, [lead] * 2)
    drawn = rng.normal(size=40)
    gap = 0.2 * (drawn - drawn.mean()) / drawn.std() + 0.03  # 3 standard errors of rows, 0.9 of customers
    shared = best + np.repeat(gap, 10)
    assert module._behind([module._Held(shared, 400.0, None, 400)], [lead])
    assert not module._behind([module._Held(shared, 400.0, who, 400)], [replace(lead, cluster=who)])


def test_racing_loses_no_good_trial_but_by_chance(make_table: MakeTable) -> None:
    """What the whole of the folds would have found, found in fewer fits."""
    whole, raced = (
        run(make_table(n=600), Budget(trials=20, pruning=p), {"xgboost": QUICK}).trials for p in (False, True)
    )
    best = [min(t.loss for t in ts if t.state == "complete") for ts in (whole, raced)]
    assert best[1] == pytest.approx(best[0], abs=0.01)
    assert sum(t.folds for t in raced) < 0.9 * sum(t.folds for t in whole)


def test_late_in_the_budget_the_best_is_tried_with_smaller_steps(make_table: MakeTable) -> None:
    found = run(make_table(n=400), Budget(trials=15, pruning=False), {"xgboost": QUICK})
    late = 9  # 60 % of 15
    before = min((t for t in found.trials[:late]), key=lambda t: t.loss).parameters
    step = float(before.get("learning_rate") or 0.12)  # the first trial says nothing: its step is the default
    assert found.trials[late].parameters["learning_rate"] == pytest.approx(max(0.01, step / 3))
    assert all(found.trials[late].parameters[k] == v for k, v in before.items() if k in ("max_depth", "reg_lambda"))
    fixed = Recipe({**QUICK.parameters, "learning_rate": 0.2})
    kept = run(make_table(n=400), Budget(trials=5), {"xgboost": fixed, "logistic_regression": Recipe()})
    assert {t.parameters["learning_rate"] for t in kept.trials if t.family == "xgboost"} == {0.2}


def test_a_blend_is_looked_for_by_its_members(make_table: MakeTable) -> None:
    table, small = make_table(n=300), Recipe({"xgboost.rounds": 20, "hist_gradient_boosting.max_iter": 20})
    found = run(table, Budget(trials=8), {"blend": small})
    assert [t.family for t in found.trials[:2]] == ["xgboost", "hist_gradient_boosting"]
    assert all(t.parameters["rounds"] == 20 for t in found.trials if t.family == "xgboost")
    assert found.found["blend"] == blend_of(best_of_each(found.trials))
    whole = run(table, Budget(trials=12, pruning=False), {"blend": small})
    assert len(labels_of(whole.found["blend"])) > len(MEMBERS)
    own = small.given({**small.parameters, "xgboost.max_depth": 2})
    both = run(table, Budget(trials=4), {"xgboost": QUICK, "blend": own})
    assert (
        both.found["blend"]["xgboost.max_depth"] == 2
    )  # declared of the blend, whatever is found for its member alone
    assert both.found["blend"]["xgboost.rounds"] == 20
    named = small.given({**small.parameters, "members": "xgboost_2, hist_gradient_boosting"})
    second = sorted((t for t in whole.trials if t.family == "xgboost" and t.state == "complete"), key=lambda t: t.loss)[
        1
    ]
    told = run(table, Budget(trials=12, pruning=False), {"blend": named}).found["blend"]
    assert labels_of(told) == ("xgboost_2", "hist_gradient_boosting")
    assert of_member(told, "xgboost_2") == second.parameters
    alone = run(table, Budget(trials=2), {"blend": Recipe({"members": "xgboost", "xgboost.rounds": 20})})
    assert {t.family for t in alone.trials} == {"xgboost"}
    two = {"xgboost": {"learning_rate": 0.2, "max_depth": 3}, "xgboost_2": {"learning_rate": 0.05, "max_depth": 2}}
    warm = run(table, Budget(trials=6), {"blend": small}, warm={"blend": blend_of(two)})
    begun = [t.parameters.get("learning_rate") for t in warm.trials if t.family == "xgboost"]
    assert begun == [None, 0.2, 0.05]


def best_of_each(trials: Sequence[Trial]) -> dict[str, Parameters]:
    """The best two of every family, as the members of a blend."""
    found: dict[str, Parameters] = {}
    for name in MEMBERS:
        done = sorted((t for t in trials if t.family == name and t.state == "complete"), key=lambda t: t.loss)[:2]
        found |= dict(zip(numbered(name, 2), (t.parameters for t in done), strict=False))
    return found


def test_a_blend_keeps_a_family_that_the_budget_did_not_reach_but_none_that_cannot_be_fitted(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, own = make_table(n=300), Recipe({"hist_gradient_boosting.max_iter": 20, "xgboost.rounds": 20})
    found = run(table, Budget(trials=1), {"blend": own}).found["blend"]
    assert labels_of(found) == MEMBERS
    assert found["hist_gradient_boosting.max_iter"] == 20
    fit = candidates.fit_candidate

    def breaking(name: str, table: TrainingTable, *, recipe: Recipe) -> object:
        if name == "hist_gradient_boosting":
            raise ValueError("planted")
        return fit(name, table, recipe=recipe)

    monkeypatch.setattr(module, "fit_candidate", breaking)
    assert labels_of(run(table, Budget(trials=2), {"blend": own}).found["blend"]) == ("xgboost",)


def test_a_blend_leaves_out_what_is_clearly_behind_the_best_of_its_family(make_table: MakeTable) -> None:
    """A second trial of steps so small that it learns nothing is no member; noise between two good ones is no reason."""
    table = make_table(n=600)
    fixed = Recipe({"xgboost.rounds": 4, "hist_gradient_boosting.max_iter": 4})
    live = {"blend": blend_of({"xgboost": {"learning_rate": 0.01, "max_depth": 2}})}
    found = run(table, Budget(trials=4, pruning=False), {"blend": fixed}, warm=live)
    slow = next(t for t in found.trials if t.parameters.get("learning_rate") == 0.01)
    assert slow.state == "complete"
    assert "xgboost_2" not in labels_of(found.found["blend"])


def test_seconds_end_it() -> None:
    found = run(wide(), Budget(seconds=0.5), {"logistic_regression": Recipe()})
    assert len(found.trials) >= 1
    assert sum(t.seconds for t in found.trials) < 5
    assert found.found


def test_a_trial_that_cannot_be_fitted_is_recorded(make_table: MakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = candidates.fit_candidate

    def breaking(name: str, table: TrainingTable, *, recipe: Recipe) -> object:
        if recipe.parameters.get("learning_rate", 0.0):
            raise ValueError("planted")
        return fit(name, table, recipe=recipe)

    monkeypatch.setattr(module, "fit_candidate", breaking)
    found = run(make_table(n=300), Budget(trials=3), {"xgboost": QUICK})
    assert [t.state for t in found.trials] == ["complete", "failed", "failed"]
    assert found.trials[1].reason == "planted"
    assert found.found["xgboost"] == QUICK.parameters
    assert "2 failed" in found.sentence


def test_a_search_in_which_nothing_can_be_fitted_says_why(make_table: MakeTable) -> None:
    with pytest.raises(DeclarationError, match=r"no trial .* has no such parameter"):
        run(make_table(n=300), Budget(trials=2), {"xgboost": Recipe({"depht": 1})})


def test_only_the_rows_of_the_folds_are_read(make_table: MakeTable) -> None:
    table = make_table(n=300)
    folds = cross_validation(table.truth[:200], task="binary", count=3)
    spoiled = replace(table, truth=np.where(np.arange(300) < 200, table.truth, 1 - table.truth))
    results = [search({"xgboost": QUICK}, t, folds, budget=Budget(trials=4)) for t in (table, spoiled)]
    assert [t.loss for t in results[0].trials] == [t.loss for t in results[1].trials]


def test_the_declared_loss_judges(make_table: MakeTable) -> None:
    table = make_table("regression", n=300)
    one, two = (
        run(table, Budget(trials=1), {"xgboost": replace(QUICK, loss=loss)}).trials[0].loss
        for loss in (Loss("quantile", 0.9), Loss("squared"))
    )
    assert one < two  # pinball of a spread of 0.5 against its square plus what 30 rounds leave


def test_no_budget_is_refused() -> None:
    with pytest.raises(DeclarationError, match="needs a budget"):
        Budget()

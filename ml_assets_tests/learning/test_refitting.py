"""The last fit learns from every row, keeps what was chosen, and ends where the first fit ended."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.blending import MEMBERS, of_blend
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.finishing import train
from ml_assets.learning.job import Recipe
from ml_assets.learning.losses import row_loss
from ml_assets.learning.predictors import XGBoostPredictor
from ml_assets.learning.refitting import between, changed_share, ends_of_last_fit, refitted, stopped_at
from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.repeating import UNTREATED, Penalised, Reweighed
from ml_assets.learning.remedies.rungs import RUNGS
from ml_assets.learning.resampling import mixed
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.representation import reweighing
from ml_assets.statistics.value import default_value
from ml_assets_tests.learning.conftest import MakeTable
from ml_assets_tests.learning.worlds import world


def test_rows_are_joined_without_the_test_part(make_table: MakeTable) -> None:
    table = make_table(n=300)
    joined = table.joined()
    assert set(table.part) == {"train", "validation", "test"}
    assert set(joined.part) == {"train"}
    assert joined.ids.tolist() == table.ids[table.part != "test"].tolist()


@pytest.mark.parametrize("family", ["xgboost", "hist_gradient_boosting"])
def test_a_fit_without_rows_to_stop_on_ends_where_the_stopped_one_did(make_table: MakeTable, family: str) -> None:
    table = make_table(n=600)
    first = fit_candidate(family, table)
    (limit,) = stopped_at(first).values()
    assert isinstance(limit, int)
    assert limit < 300  # both were stopped: the noise is larger than the signal
    alone = fit_candidate(family, table.take("train"), recipe=Recipe(stopped_at(first)))
    assert stopped_at(alone) == stopped_at(first)
    held = table.take("validation").features
    np.testing.assert_allclose(alone.predict(held), first.predict(held), atol=1e-6)


def test_a_blend_keeps_the_rounds_of_each_member(make_table: MakeTable) -> None:
    table = make_table(n=600)
    blend = fit_candidate("blend", table)
    alone = {name: stopped_at(fit_candidate(name, table)) for name in MEMBERS}
    assert stopped_at(blend) == of_blend(alone)
    again = fit_candidate("blend", table.take("train"), recipe=Recipe(stopped_at(blend)))
    held = table.take("validation").features
    np.testing.assert_allclose(again.predict(held), blend.predict(held), atol=1e-6)


def test_a_family_without_rounds_has_nothing_to_keep(make_table: MakeTable) -> None:
    assert stopped_at(fit_candidate("logistic_regression", make_table(n=200))) == {}
    assert stopped_at(fit_candidate("random_forest", make_table(n=200))) == {}


def test_the_last_fit_is_the_family_on_all_rows_with_what_was_chosen_before() -> None:
    situation = world(1.0, n=1_500, family="xgboost")
    first = situation.base
    last = refitted(first, situation, UNTREATED)
    kept = ("calibration", "threshold", "value", "classes", "excluded_groups", "group_thresholds")
    assert all(getattr(last, name) == getattr(first, name) for name in kept)
    stopped = stopped_at(first.predictor)
    assert last.facts["refit"] == {"rows": 1_500, "before": 1_000, "stopped": dict(stopped)}
    by_hand = fit_candidate(
        "xgboost", situation.rows.joined(), recipe=situation.recipe.given({**situation.recipe.parameters, **stopped})
    )
    features = situation.rows.features
    np.testing.assert_array_equal(last.predictor.predict(features), by_hand.predict(features))
    assert not np.array_equal(last.predictor.predict(features), first.predictor.predict(features))


def test_what_only_validation_rows_show_is_learned_in_the_end() -> None:
    """A new behaviour begins after the training rows: the first fit cannot know it, the last one does."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=3_000)
    late = np.arange(3_000) >= 2_000
    truth = (rng.random(3_000) < np.where(late & (x > 1), 0.02, 1 / (1 + np.exp(-2 * x)))).astype(float)
    features = pd.DataFrame({"x": x, "day": np.arange(3_000.0) // 100})
    part = np.where(late, "validation", "train")
    table = TrainingTable(features, truth, part, np.ones(3_000), np.arange(3_000), "binary", ("no", "yes"))
    situation = replace(world(0.0, n=90), rows=table, groups=pd.DataFrame(index=range(3_000)), recipe=Recipe())
    made = train("xgboost", table, solution="late", value=default_value("binary"), calibration="none").artifact
    situation = replace(situation, base=made)
    asked = pd.DataFrame({"x": [1.5, 2.0], "day": [29.0, 29.0]})
    assert (made.score(asked) > 0.5).all()
    assert (refitted(made, situation, UNTREATED).score(asked) < 0.4).all()  # three rounds alone, as the first fit


@pytest.mark.parametrize("family", ["xgboost", "hist_gradient_boosting", "blend"])
def test_rounds_of_rows_in_time_lie_between_those_of_two_fits(make_table: MakeTable, family: str) -> None:
    table = make_table(n=600)
    rows = mixed(table, seed=0)
    assert rows is not None
    first, other = fit_candidate(family, table), fit_candidate(family, rows)
    newest, drawn = stopped_at(first), stopped_at(other)
    found = between(first, other)
    assert set(found) == set(newest)
    for name, rounds in found.items():
        assert int(str(rounds)) ** 2 == pytest.approx(int(str(newest[name])) * int(str(drawn[name])), rel=0.1)
    assert between(first, first) == newest


def test_where_no_second_fit_can_be_stopped_the_first_one_says_when_to_end() -> None:
    situation = world(1.0, n=1_500, family="xgboost")
    few = replace(situation, rows=replace(situation.rows, cluster=np.arange(1_500) % 3))
    first = stopped_at(situation.base.predictor)
    assert few.mixed() is None
    assert ends_of_last_fit(few.base, few, UNTREATED, in_time=True) == first
    assert ends_of_last_fit(situation.base, situation, UNTREATED, in_time=False) == first
    line = world(1.0, n=300)
    assert ends_of_last_fit(line.base, line, UNTREATED, in_time=True) == {}


def test_what_is_new_in_the_newest_rows_does_not_end_the_last_fit() -> None:
    """The rule turns in the validation rows, which stop the first fit at once; the last fit has rows of the new rule to learn."""
    rng = np.random.default_rng(2)
    x, other = rng.normal(size=4_000), rng.normal(size=4_000)
    late = np.arange(4_000) >= 3_000
    line = np.where(late, -2 * x, 2 * x) + np.where(late, 2.0, 0.0) * other
    truth = (rng.random(4_000) < 1 / (1 + np.exp(-line))).astype(float)
    features = pd.DataFrame({"x": x, "other": other, "day": np.arange(4_000.0) // 100})
    part = np.where(late, "validation", "train")
    table = TrainingTable(features, truth, part, np.ones(4_000), np.arange(4_000), "binary", ("no", "yes"))
    recipe = Recipe({"learning_rate": 0.05})
    made = train(
        "xgboost", table, solution="turn", value=default_value("binary"), calibration="none", recipe=recipe
    ).artifact
    situation = replace(world(0.0, n=90), rows=table, groups=pd.DataFrame(index=range(4_000)), recipe=recipe, base=made)
    early, longer = (refitted(made, situation, UNTREATED, in_time=t) for t in (False, True))
    assert early.facts["refit"]["stopped"] == dict(stopped_at(made.predictor))
    assert longer.facts["refit"]["stopped"]["rounds"] > 3 * early.facts["refit"]["stopped"]["rounds"]
    x, other = rng.normal(size=2_000), rng.normal(size=2_000)
    then = (rng.random(2_000) < 1 / (1 + np.exp(2 * x - 2 * other))).astype(float)
    asked = pd.DataFrame({"x": x, "other": other, "day": 40.0})
    losses = [row_loss(then, np.asarray(one.score(asked)), task="binary").mean() for one in (early, longer)]
    assert losses[1] < 0.9 * losses[0]


def test_weights_of_a_remedy_are_made_anew_of_all_rows() -> None:
    situation = world(2.0, n=1_500)
    remedy = Reweighed(("sex",), plain=True)
    treated = remedy.fit(situation)
    last = refitted(treated, situation, remedy)
    table = situation.rows.joined()
    weight = reweighing(situation.groups["sex"], table.truth)
    by_hand = fit_candidate("logistic_regression", table.weighted(weight), recipe=situation.recipe)
    features = situation.rows.features
    np.testing.assert_array_equal(last.predictor.predict(features), by_hand.predict(features))
    plain = refitted(treated, situation, UNTREATED)
    assert not np.array_equal(last.predictor.predict(features), plain.predictor.predict(features))


def test_a_penalty_is_charged_again_for_as_many_rounds() -> None:
    situation = world(2.0, n=1_500, family="xgboost")
    remedy = Penalised(("sex",), ("everyone",), 16.0)
    treated = remedy.fit(situation)
    last = refitted(treated, situation, remedy).predictor
    assert isinstance(last, XGBoostPredictor)
    assert isinstance(treated.predictor, XGBoostPredictor)
    assert last.booster.num_boosted_rounds() == treated.predictor.booster.num_boosted_rounds()
    assert last.parameters["gap_penalty"] == 16.0
    women = (situation.groups["sex"] == "f").to_numpy()
    gaps = [float(np.diff([p[women].mean(), p[~women].mean()])[0]) for p in
            (one.predict(situation.rows.features) for one in (last, refitted(situation.base, situation, UNTREATED).predictor))]  # fmt: skip
    assert gaps[0] < gaps[1] / 2


def test_group_thresholds_are_kept_on_another_fit() -> None:
    situation = world(2.0, n=1_500, allowed="allowed")
    aim = Aim(("sex",), ("everyone",))
    (candidate, *_) = dict(RUNGS[3].make(situation, aim, {})).values()
    last = refitted(candidate.artifact, situation, UNTREATED)
    assert last.group_thresholds == candidate.artifact.group_thresholds
    assert last.group_at_decision == "allowed"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_the_last_fit_changes_is_measured(task: str) -> None:
    situation = world(1.0, n=900, task=task, family="xgboost")  # type: ignore[arg-type]
    last = refitted(situation.base, situation, UNTREATED)
    assert changed_share(situation.base, situation.base, situation) == 0.0
    table, _ = situation.judged
    one, two = (a.predict(table.features).decision for a in (situation.base, last))
    expected = np.mean(np.abs(one - two)) / np.std(one) if task == "regression" else np.mean(one != two)
    assert changed_share(situation.base, last, situation) == pytest.approx(expected)
    assert expected > 0

"""Each rung makes what it says, and says where it does not apply."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.rungs import RUNGS, scored_rows
from ml_assets.statistics.representation import reweighing
from ml_assets_tests.learning.worlds import world

REWEIGH, ADAPTIVE, PENALTY, THRESHOLDS = RUNGS
UNFAIR = world(2.0, n=3_000, allowed="allowed")
AIM = Aim(("sex",), ("favourable",))


def test_rungs_go_from_the_least_to_the_most_intrusive() -> None:
    assert [rung.name for rung in RUNGS] == ["reweighing", "adaptive reweighing", "penalty", "group thresholds"]


@pytest.mark.parametrize(
    ("task", "metric", "family"),
    [
        ("regression", "mean_residual_difference", "linear_regression"),
        ("multiclass", "accuracy_difference", "logistic_regression"),
    ],
)
def test_what_does_not_apply_says_so(task: str, metric: str, family: str) -> None:
    other = world(0.0, n=300, task=task, metrics={metric: 0.1}, family=family, allowed="allowed")  # type: ignore[arg-type]
    why = {rung.name: rung.refusal(other, Aim(("sex",), ("right",))) for rung in RUNGS}
    assert why["reweighing"] is None
    assert task in str(why["penalty"])
    assert task in str(why["group thresholds"])
    assert (why["adaptive reweighing"] is None) == (task == "multiclass")


def test_refusals_name_the_permission_the_family_and_the_aim() -> None:
    assert PENALTY.refusal(UNFAIR, AIM) == "a penalty needs xgboost, the model is logistic_regression"
    assert "forbidden" in str(THRESHOLDS.refusal(replace(UNFAIR, group_at_decision="forbidden"), AIM))
    assert THRESHOLDS.refusal(UNFAIR, AIM) is None
    for rung in RUNGS[1:]:
        assert rung.refusal(world(0.0, n=300, family="xgboost", allowed="allowed"), Aim(("sex",), ()))
    alone = replace(UNFAIR, groups=UNFAIR.groups.assign(sex="f"))
    assert REWEIGH.refusal(alone, AIM) == "one group of sex among the training rows"


def test_plain_reweighing_is_the_published_one() -> None:
    (made,) = dict(REWEIGH.make(UNFAIR, AIM, {})).values()
    rows, at = UNFAIR.rows, UNFAIR.part("train")
    weight = np.ones(len(rows))
    weight[at] = reweighing(UNFAIR.groups["sex"].iloc[at], rows.truth[at])
    again = replace(UNFAIR, rows=rows.weighted(weight))
    from ml_assets.learning.candidates import fit_candidate

    expected = fit_candidate("logistic_regression", again.rows).predict(rows.features)
    assert np.allclose(made.artifact.predictor.predict(rows.features), expected)
    assert made.artifact.facts["remedy"] == "reweigh"


def test_adaptive_steps_are_one_blind_model_each_and_narrow_the_gap() -> None:
    made = dict(ADAPTIVE.make(UNFAIR, AIM, {}))
    assert list(made) == [f"adaptive {step}" for step in range(1, 6)]
    assert all(one.artifact.group_thresholds is None and one.decision is None for one in made.values())
    table, groups = UNFAIR.judged
    women = (groups["sex"] == "f").to_numpy()

    def gap(decision: NDArray[Any]) -> float:
        hit = (decision == 1) & (table.truth == 1)
        return abs(float(hit[women].sum() / table.truth[women].sum() - hit[~women].sum() / table.truth[~women].sum()))

    before = gap(UNFAIR.base.predict(table.features).decision)
    assert gap(made["adaptive 5"].artifact.predict(table.features).decision) < before / 2


def test_thresholds_are_judged_on_rows_they_were_not_fitted_on() -> None:
    made = dict(THRESHOLDS.make(UNFAIR, AIM, {}))
    assert list(made) == ["thresholds 0.05", "thresholds 0.02", "thresholds 0"]
    table, groups = UNFAIR.judged
    for one in made.values():
        assert one.artifact.group_thresholds is not None
        assert one.decision is not None
        assert len(one.decision) == len(table)
        own = one.artifact.predict(table.features, groups=groups).decision
        assert (own == one.decision).mean() > 0.9


def test_training_rows_are_scored_by_models_that_did_not_see_them() -> None:
    seen = scored_rows(UNFAIR, "sex")
    held = UNFAIR.part("validation")
    assert len(seen.labels) == len(seen.truth) == len(seen.score) == len(UNFAIR.rows)
    assert seen.labels[: len(held)].tolist() == UNFAIR.groups["sex"].iloc[held].tolist()
    assert np.array_equal(seen.truth[len(held) :], UNFAIR.rows.truth[UNFAIR.part("train")])
    again = scored_rows(UNFAIR, "sex")
    assert np.array_equal(seen.score, again.score)

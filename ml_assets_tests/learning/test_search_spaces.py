import optuna
import pytest

from ml_assets.learning.candidates import FAMILIES
from ml_assets.learning.search_spaces import SPACES, Dimension


@pytest.mark.parametrize("name", SPACES)
def test_every_space_names_parameters_of_its_family_and_holds_its_defaults(name: str) -> None:
    space, defaults = SPACES[name], FAMILIES[name].defaults
    named = [d.name for d in space.dimensions]
    assert len(named) == len(set(named))
    assert {*named, *space.fixed} <= set(defaults)
    assert not set(named) & set(space.fixed)
    missed = {d.name: defaults[d.name] for d in space.dimensions if not d.holds(defaults[d.name])}
    # 0 has no place on a log scale, "sqrt" none on a straight one: there the sampler begins where it likes
    assert all(v in (0, 0.0, "sqrt") for v in missed.values()), missed


def test_a_trial_stays_inside_the_range() -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    for _ in range(20):
        trial = study.ask()
        for dimension in SPACES["xgboost"].dimensions:
            value = dimension.ask(trial)
            assert dimension.holds(value)
        study.tell(trial, 1.0)


def test_declared_parameters_are_not_looked_for() -> None:
    space = SPACES["xgboost"].without({"max_depth": 3, "rounds": 50})
    assert "max_depth" not in [d.name for d in space.dimensions]
    assert "rounds" not in space.fixed


@pytest.mark.parametrize(("value", "expected"), [(2, True), (10, True), (2.5, False), (11, False), (True, False), (None, False), ("x", False), (float("nan"), False)])  # fmt: skip
def test_what_a_whole_dimension_holds(value: object, expected: bool) -> None:
    assert Dimension("depth", 2, 10, whole=True).holds(value) is expected


def test_a_start_outside_the_range_is_left_to_the_sampler() -> None:
    begun = SPACES["xgboost"].begin({"max_depth": 40, "learning_rate": 0.05, "rounds": 7})
    assert begun == {"learning_rate": 0.05}


@pytest.mark.parametrize("name", SPACES)
def test_where_it_begins_lies_inside_the_range(name: str) -> None:
    space = SPACES[name]
    for start in space.starts:
        assert space.begin(start) == dict(start)
        assert set(start) == {d.name for d in space.dimensions}
    assert (
        space.without({"max_depth": 3}).starts == space.starts
    )  # a declared parameter is left out where a trial begins


def test_a_finer_point_has_a_third_of_the_step_down_to_the_smallest() -> None:
    space = SPACES["xgboost"]
    assert space.finer({"learning_rate": 0.12, "max_depth": 5}) == {
        "learning_rate": pytest.approx(0.04),
        "max_depth": 5,
    }
    assert space.finer({"learning_rate": 0.02}) == {"learning_rate": 0.01}
    assert space.finer({"learning_rate": 0.01}) is None
    assert space.without({"learning_rate": 0.1}).finer({"learning_rate": 0.1}) is None
    assert SPACES["random_forest"].finer({"max_features": 0.5}) is None


def test_patience_grows_as_steps_shrink() -> None:
    space = SPACES["xgboost"]
    assert space.settled({"learning_rate": 0.1})["early_stopping_rounds"] == 50
    assert space.settled({"learning_rate": 0.01})["early_stopping_rounds"] == 250
    assert SPACES["hist_gradient_boosting"].settled({"learning_rate": 0.015})["n_iter_no_change"] == 100
    declared = space.without({"early_stopping_rounds": 5})
    assert "early_stopping_rounds" not in declared.settled({"learning_rate": 0.01})
    fixed = space.without({"learning_rate": 0.01})
    assert fixed.settled({"max_depth": 3})["early_stopping_rounds"] == 50
    assert SPACES["random_forest"].settled({"max_features": 0.5}) == {"max_features": 0.5, "n_estimators": 200}

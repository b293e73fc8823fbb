"""Declared behaviour against models whose behaviour is known exactly."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.behaviour import Expected, KnownCase, direction, invariance, known_case, sampled, typical
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable

LINEAR: dict[Task, str] = {
    "binary": "logistic_regression",
    "multiclass": "logistic_regression",
    "regression": "linear_regression",
}


def artifact_of(table: TrainingTable, name: str = "") -> SolutionArtifact:
    return SolutionArtifact("s", table.task, table.classes, fit_candidate(name or LINEAR[table.task], table))


def no_groups(table: TrainingTable) -> pd.DataFrame:
    return pd.DataFrame(index=range(len(table)))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_line_that_rises_rises_in_every_row_and_falls_in_none(make_table: MakeTable, task: Task) -> None:
    table = make_table(task)
    artifact = artifact_of(table)
    up, down = (direction(artifact, table.features, "signal", sign) for sign in (1, -1))
    assert (up.holds, up.broken_share, up.largest) == (True, 0.0, 0.0)
    assert not down.holds
    assert down.broken_share > 0.99  # a probability that is 1 already cannot rise
    assert f"raising signal by one spread moves the score the wrong way in {down.broken_share:.1%}" in down.sentence


def test_the_largest_step_of_a_line_is_its_slope_times_one_spread(make_table: MakeTable) -> None:
    table = make_table("regression", n=4000)  # y = 10 + 2 signal + ..., and signal has standard deviation 1
    found = direction(artifact_of(table), table.features, "signal", -1)
    assert found.largest == pytest.approx(2.0, rel=0.05)


def test_what_the_model_does_not_use_moves_nothing(make_table: MakeTable) -> None:
    table = make_table()
    alone = artifact_of(table, "single_feature")
    assert [spec.name for spec in alone.specs] == ["signal"]
    found = direction(alone, table.features, "noise", 1)
    assert (found.holds, found.broken_share, found.rows) == (True, 0.0, 900)
    still = invariance(alone, table.features, no_groups(table), "noise")
    assert (still.holds, still.broken_share, still.largest) == (True, 0.0, 0.0)
    assert found.sentence.endswith("it is no input of this model")
    assert still.sentence.endswith("it is no input of this model")
    usual = typical(table.features, no_groups(table), alone.specs)
    case = known_case(alone, KnownCase("loud", {"signal": 2, "noise": 9}, at_least=0.5), usual)
    assert case.holds
    assert "no input of this model and not read: noise" in case.sentence


def test_a_category_has_no_direction(make_table: MakeTable) -> None:
    table = make_table()
    with pytest.raises(DeclarationError, match=r"model\.monotone.*'colour', a category"):
        direction(artifact_of(table), table.features, "colour", 1)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_exchanging_what_decides_moves_decisions_and_exchanging_noise_does_not(
    make_table: MakeTable, task: Task
) -> None:
    table = make_table(task, n=3000)
    artifact = artifact_of(table)
    loud = invariance(artifact, table.features, no_groups(table), "signal")
    assert not loud.holds
    assert loud.broken_share > 0.2
    assert f"exchanging signal between {len(table):,} rows, 5 times" in loud.sentence
    quiet = invariance(artifact, table.features.assign(noise=1.0), no_groups(table), "noise")
    assert (quiet.holds, quiet.broken_share, quiet.largest) == (True, 0.0, 0.0)


def test_the_share_of_moved_decisions_is_that_of_chance() -> None:
    # Decision = feature of a fair coin: an exchange gives the other side with probability ½, whatever the seed.
    rng = np.random.default_rng(0)
    coin = rng.integers(0, 2, 2000).astype(float)
    frame = pd.DataFrame({"coin": coin})
    part = np.where(np.arange(2000) % 2, "train", "validation")
    table = TrainingTable(frame, coin, part, np.ones(2000), np.arange(2000), "binary", ("no", "yes"))
    found = [invariance(artifact_of(table), frame, no_groups(table), "coin", seed=seed) for seed in range(3)]
    assert all(one.broken_share == pytest.approx(0.5, abs=0.02) for one in found)
    assert len({one.broken_share for one in found}) == 3
    assert invariance(artifact_of(table), frame, no_groups(table), "coin", seed=2) == found[2]


def test_group_thresholds_make_a_decision_depend_on_the_group(make_table: MakeTable) -> None:
    table = make_table()
    groups = pd.DataFrame({"sex": np.where(np.arange(len(table)) % 2, "f", "m")})
    plain = artifact_of(table)
    assert invariance(plain, table.features, groups, "sex").holds
    grouped = dataclasses.replace(
        plain, group_thresholds=GroupThresholds("sex", {"f": 0.1, "m": 0.9}, 0.5), group_at_decision="allowed"
    )
    found = invariance(grouped, table.features, groups, "sex")
    assert not found.holds
    assert found.largest == 0.0  # the score is the same: the decision alone reads the group


def test_the_typical_row_is_median_and_mode() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 9.0, np.nan], "job": ["a", "b", "b", None]})
    table = TrainingTable(frame, np.arange(4.0), np.repeat("train", 4), np.ones(4), np.arange(4), "regression", ())
    specs = artifact_of(table, "xgboost").specs
    found = typical(frame, pd.DataFrame({"sex": ["m", "f", "f", "f"]}), specs)
    assert found.row == {"x": 2.0, "job": "b"}
    assert found.groups == {"sex": "f"}


def test_a_known_case_is_held_to_its_bounds_and_says_what_it_assumed(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table)
    usual = typical(table.features, no_groups(table), artifact.specs)
    right = known_case(artifact, KnownCase("sure", {"signal": 3, "colour": "red"}, at_least=0.9, decision="yes"), usual)
    assert (right.holds, right.broken_share, right.largest, right.rows) == (True, 0.0, 0.0, 1)
    assert "typical of the training rows: noise" in right.sentence
    assert "signal" not in right.sentence.split("typical")[1]
    wrong = known_case(artifact, KnownCase("sure", {"signal": 3}, at_most=0.2), usual)
    assert (wrong.holds, wrong.broken_share) == (False, 1.0)
    score = float(artifact.score(pd.DataFrame([{**usual.row, "signal": 3}]))[0])
    assert wrong.largest == pytest.approx(score - 0.2)
    other = known_case(artifact, KnownCase("sure", {"signal": 3}, decision="no"), usual)
    assert not other.holds
    assert "decision yes instead of no" in other.sentence


def test_a_case_of_several_classes_bounds_the_class_it_names(make_table: MakeTable) -> None:
    table = make_table("multiclass")
    artifact = artifact_of(table)
    usual = typical(table.features, no_groups(table), artifact.specs)
    assert known_case(artifact, KnownCase("tiny", {"signal": -4}, decision="low", at_least=0.9), usual).holds
    assert not known_case(artifact, KnownCase("tiny", {"signal": -4}, decision="high"), usual).holds


def test_a_case_of_a_number_is_a_value(make_table: MakeTable) -> None:
    table = make_table("regression", n=4000)
    artifact = artifact_of(table)
    usual = typical(table.features, no_groups(table), artifact.specs)
    case = KnownCase("two", {"signal": 2, "colour": "red", "noise": None}, at_least=15.2, at_most=15.8)
    assert known_case(artifact, case, usual).holds  # 10 + 2·2 + 1.5 = 15.5
    assert not known_case(artifact, dataclasses.replace(case, at_least=15.8, at_most=16), usual).holds


def test_a_case_knows_its_group(make_table: MakeTable) -> None:
    table = make_table()
    groups = pd.DataFrame({"sex": np.where(np.arange(len(table)) % 3, "f", "m")})
    artifact = dataclasses.replace(
        artifact_of(table),
        group_thresholds=GroupThresholds("sex", {"f": 0.0, "m": 1.0}, 0.5),
        group_at_decision="allowed",
    )
    usual = typical(table.features, groups, artifact.specs)
    usually = known_case(artifact, KnownCase("anyone", {}, decision="yes"), usual)
    assert usually.holds
    assert "sex f" in usually.sentence
    assert not known_case(artifact, KnownCase("a man", {"sex": "m"}, decision="yes"), usual).holds


def test_an_unknown_category_is_said_and_a_word_for_a_number_is_refused(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table)
    usual = typical(table.features, no_groups(table), artifact.specs)
    found = known_case(artifact, KnownCase("odd", {"colour": "mauve"}, at_least=0), usual)
    assert "unknown to the model and read as missing: colour = mauve" in found.sentence
    with pytest.raises(DeclarationError, match=r"model\.cases, row of 'odd'.*got 'much'"):
        known_case(artifact, KnownCase("odd", {"signal": "much"}, at_least=0), usual)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (Expected(monotone={"agee": 1}), r"model\.monotone names an unknown column: got 'agee'; allowed: age"),
        (Expected(monotone={"sex": 1}), r"model\.monotone .*'sex'; allowed: age, id"),
        (Expected(invariant=("sexx",)), r"model\.invariant names an unknown column: got 'sexx'; allowed: age, sex, id"),
        (
            Expected(cases=(KnownCase("old", {"ag": 1}, at_least=0),)),
            r"model\.cases, row of 'old' .*'ag'; allowed: age, sex, id",
        ),
        (Expected(cases=(KnownCase("old", {}, decision="y"),)), r"decision of 'old' .*got 'y'; allowed: no, yes"),
    ],
)
def test_a_name_that_does_not_exist_is_refused_by_its_field(wrong: Expected, says: str) -> None:
    known = {"inputs": ["age"], "groups": ["sex"], "hidden": ["id"], "classes": ["no", "yes"]}
    with pytest.raises(DeclarationError, match=says):
        wrong.require(**known)
    fine = Expected({"age": 1}, ("age", "sex", "id"), (KnownCase("old", {"age": 1, "sex": "f"}, decision="yes"),))
    fine.require(**known)


def test_a_sample_is_in_order_without_repeats_and_whole_when_small() -> None:
    assert sampled(5, seed=1).tolist() == [0, 1, 2, 3, 4]
    found = sampled(10_000, seed=1)
    assert (len(np.unique(found)), bool((np.diff(found) > 0).all())) == (2000, True)
    assert found.max() > 9000
    assert len(sampled(10_000, seed=1, most=7)) == 7


def test_no_rows_break_nothing(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table)
    assert direction(artifact, table.features.head(0), "signal", -1).rows == 0
    found = invariance(artifact, table.features.head(0), no_groups(table).head(0), "signal")
    assert (found.rows, found.broken_share) == (0, 0.0)

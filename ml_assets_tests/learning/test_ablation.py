"""A planted useless column and a planted needed one; costs against what a column earns; corrections and small samples."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.ablation import ColumnWorth, ablation, chosen_columns, features_of_columns
from ml_assets.learning.finishing import train
from ml_assets.learning.learning_curve import Judged
from ml_assets.learning.losses import row_loss
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.value import BinaryValue

VALUE = BinaryValue(0.0, -40.0, -100.0, 20.0)


def _table(n: int = 6_000, seed: int = 0) -> TrainingTable:
    rng = np.random.default_rng(seed)
    needed, coin, twin = rng.normal(size=(3, n))
    truth = (rng.random(n) < 1 / (1 + np.exp(1.5 - 1.5 * needed - twin))).astype(float)
    features = pd.DataFrame({"needed": needed, "coin": coin, "twin_a": twin, "twin_b": twin})
    part = np.where(np.arange(n) % 2 == 0, "train", "validation")
    return TrainingTable(features, truth, part, np.ones(n), np.arange(n), "binary", ("no", "yes"))


def _judged(table: TrainingTable, without: tuple[str, ...] = ()) -> Judged:
    from dataclasses import replace

    table = replace(table, features=table.features.drop(columns=list(without)))
    model = train("logistic_regression", table, solution="world", value=VALUE, calibration="none").artifact
    held = table.take("validation")
    score = np.asarray(model.score(held.features))
    money = VALUE.money(held.truth, model.predict(held.features).decision)
    return Judged(row_loss(held.truth, score, task="binary"), money)


@pytest.fixture(scope="module")
def table() -> TrainingTable:
    return _table()


def _worth(table: TrainingTable, cost: dict[str, float] | None = None) -> dict[str, ColumnWorth]:
    columns = {"needed": ("needed",), "coin": ("coin",), "twin_a": ("twin_a",), "twin": ("twin_a", "twin_b")}
    without = {c: _judged(table, made) for c, made in columns.items()}
    found = ablation(_judged(table), without, features=columns, cost=cost, stake=120.0, unit="EUR")
    assert [c.loss.value for c in found] == sorted((c.loss.value for c in found), reverse=True)
    return {c.column: c for c in found}


def test_the_needed_column_is_found_and_the_useless_one_is_not(table: TrainingTable) -> None:
    found = _worth(table)
    assert found["needed"].verdict == "needed"
    assert found["needed"].loss.low > 0
    assert found["needed"].money.low > 0
    assert (found["needed"].money.unit, found["needed"].loss.n) == ("EUR", 3_000)
    assert found["coin"].verdict == "not shown to be needed"
    assert found["coin"].loss.low < 0 < found["coin"].loss.high


def test_a_twin_stands_in_and_the_column_both_come_from_is_needed(table: TrainingTable) -> None:
    found = _worth(table)
    assert found["twin_a"].verdict == "not shown to be needed"
    assert found["twin"].verdict == "needed"
    assert found["twin"].features == ("twin_a", "twin_b")


def test_a_useless_column_that_costs_is_told_and_a_needed_one_pays(table: TrainingTable) -> None:
    found = _worth(table, {"coin": 3.0, "needed": 1.0, "twin_a": 0.0})
    assert found["coin"].verdict == "costs more than it is worth"
    assert found["coin"].money.high < 3.0
    assert found["coin"].p_cost < 0.05
    assert found["needed"].verdict == "worth its cost"
    assert (found["twin_a"].cost, found["twin_a"].verdict) == (None, "not shown to be needed")
    assert np.isnan(found["twin"].p_cost)


def test_a_cost_within_noise_of_the_worth_is_undecided(table: TrainingTable) -> None:
    earned = _worth(table)["needed"].money.value
    assert _worth(table, {"needed": earned})["needed"].verdict == "undecided"


def test_decisions_that_never_differed_may_still_differ_once_in_n_thirds() -> None:
    same = Judged(np.full(300, 0.4), np.zeros(300))
    (sure,) = ablation(same, {"a": same}, features={}, cost={"a": 0.5}, stake=100.0)
    (free,) = ablation(same, {"a": same}, features={}, cost={"a": 0.5})
    # one decision of 100 in 100 rows (the rule of three) would be 1 per row: 0.5 cannot be ruled out
    assert sure.money.high == pytest.approx(100 * 2.78 / 300, rel=0.01)
    assert (sure.verdict, free.verdict) == ("undecided", "costs more than it is worth")
    assert (free.money.low, free.money.high) == (0, 0)


def test_many_columns_are_not_called_needed_or_too_dear_by_chance() -> None:
    """Twenty columns of no use, and twenty that earn exactly what they cost: any call is a false one."""
    rng = np.random.default_rng(8)
    full = Judged(np.zeros(200), np.zeros(200))
    called_needed = called_dear = 0
    for _ in range(200):
        useless = {f"c{i}": Judged(rng.normal(size=200), np.zeros(200)) for i in range(20)}
        fair = {f"c{i}": Judged(np.zeros(200), rng.normal(-1, 1, 200)) for i in range(20)}
        called_needed += any(c.verdict == "needed" for c in ablation(full, useless, features={}))
        found = ablation(full, fair, features={}, cost=dict.fromkeys(fair, 1.0))
        called_dear += any(c.verdict == "costs more than it is worth" for c in found)
    # 5 % of 200 is 10, with a standard deviation of 3
    assert called_needed <= 19
    assert called_dear <= 19


def test_the_luck_of_a_fit_is_not_taken_for_worth() -> None:
    """Each fit is better or worse than another by luck alone, on any number of rows."""
    rng = np.random.default_rng(9)
    full = Judged(np.zeros(20_000), np.zeros(20_000))

    def fitted(worth: float = 0.0) -> Judged:
        luck = 0.05 * rng.normal()
        return Judged(worth + luck + rng.normal(size=20_000), -worth - luck + rng.normal(size=20_000))

    naive = honest = missed = 0
    for _ in range(60):
        without = {f"c{i}": fitted() for i in range(5)} | {"needed": fitted(1.0)}
        placebos = [fitted() for _ in range(6)]
        naive += any(c.verdict == "needed" for c in ablation(full, without, features={})[1:])
        found = ablation(full, without, features={}, placebos=placebos)
        honest += any(c.verdict == "needed" for c in found[1:])
        missed += found[0].verdict != "needed"
        assert found[0].loss.value == pytest.approx(float(without["needed"].loss.mean()))
    assert naive > 50
    assert honest <= 7
    assert missed == 0


def test_few_rows_say_nothing() -> None:
    few = Judged(np.zeros(29), np.zeros(29))
    (found,) = ablation(few, {"a": Judged(few.loss + 1, few.money)}, features={}, cost={"a": 9.0})
    assert found.verdict == "undecided"


def test_rows_of_one_customer_count_once() -> None:
    rng = np.random.default_rng(3)
    rise = np.repeat(rng.normal(0.3, 1, 40), 25)
    full, other = Judged(np.zeros(1_000), np.zeros(1_000)), Judged(rise, np.zeros(1_000))
    (honest,) = ablation(full, {"a": other}, features={}, cluster=np.repeat(np.arange(40), 25))
    (naive,) = ablation(full, {"a": other}, features={})
    assert honest.loss.high - honest.loss.low > 4 * (naive.loss.high - naive.loss.low)


def test_customers_whose_decisions_never_differed_bound_the_money_by_their_number() -> None:
    full = Judged(np.zeros(1_000), np.zeros(1_000))
    (own,) = ablation(full, {"a": full}, features={}, stake=100.0)
    (shared,) = ablation(full, {"a": full}, features={}, stake=100.0, cluster=np.repeat(np.arange(50), 20))
    assert shared.money.high == pytest.approx(20 * own.money.high, rel=0.05)
    (few,) = ablation(full, {"a": Judged(full.loss + 1, full.money)}, features={}, cluster=np.arange(1_000) % 29)
    assert few.verdict == "undecided"


def test_features_go_by_the_raw_columns_they_are_made_from() -> None:
    lineage = {"ratio": ["debt", "income"], "debt": ["debt"], "constant": []}
    assert features_of_columns(["ratio", "debt", "constant"], lineage) == {
        "debt": ("ratio", "debt"),
        "income": ("ratio",),
        "constant": ("constant",),
    }


def test_dear_columns_come_first_then_important_ones() -> None:
    columns = {"a": ("a",), "b": ("b1", "b2"), "c": ("c",), "d": ("d",)}
    importance = {"a": 0.3, "b1": 0.2, "b2": 0.2, "c": -1.0}
    assert chosen_columns(columns, importance, {"d": 1.0}, most=3) == ("d", "b", "a")
    assert chosen_columns(columns, importance, {}) == ("b", "a", "c", "d")

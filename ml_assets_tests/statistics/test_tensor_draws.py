"""Drawing rows again: percentiles against a bootstrap of rows, spreads against the noise of equal groups."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_draws import quantiles, resampled, resampled_tables


def planted(n: int, seed: int, chances: dict[str, float], shares: list[float] | None = None) -> CountTensor:
    """Groups with their chance of a positive decision; labels are independent of both."""
    rng = np.random.default_rng(seed)
    code = rng.choice(len(chances), n, p=shares)
    names, chance = np.array(list(chances)), np.array(list(chances.values()))
    return CountTensor.of(
        pd.DataFrame({"g": names[code]}), rng.integers(0, 2, n), (rng.random(n) < chance[code]).astype(int)
    )


def test_intervals_of_groups_are_those_of_a_bootstrap_of_rows() -> None:
    rng = np.random.default_rng(0)
    n = 400
    code, truth = rng.integers(0, 2, n), rng.integers(0, 2, n)
    decision = np.where(rng.random(n) < 0.25, 1 - truth, truth)
    tensor = CountTensor.of(pd.DataFrame({"g": np.array(["a", "b"])[code]}), truth, decision)
    (table,) = resampled_tables(tensor, ["f1", "true_positive_rate"], draws=4_000)
    again = rng.integers(0, n, (4_000, n))
    g, t, d = code[again], truth[again], decision[again]
    for place in (0, 1):
        here = g == place
        tp = (here & (t == 1) & (d == 1)).sum(axis=1)
        positives, chosen = (here & (t == 1)).sum(axis=1), (here & (d == 1)).sum(axis=1)
        for column, drawn in enumerate((2 * tp / (positives + chosen), tp / positives)):
            expected = np.quantile(drawn, [0.025, 0.975])
            assert [table.low[place, column], table.high[place, column]] == pytest.approx(expected, abs=0.01)


def test_the_spread_of_equal_groups_lies_under_its_floor_and_a_planted_one_over_it() -> None:
    equal = dict.fromkeys("abcdefgh", 0.4)
    under = 0
    for seed in range(60):
        (table,) = resampled_tables(planted(2_000, seed, equal), ["selection_rate"], draws=200, seed=seed)
        (spread,) = table.spreads
        assert spread.value.value > 0
        under += spread.value.value <= spread.floor
    assert under >= 51  # 57 are expected
    (table,) = resampled_tables(planted(4_000, 1, equal | {"d": 0.2}), ["selection_rate"])
    (spread,) = table.spreads
    assert (spread.lowest, spread.value.value > spread.floor, spread.p_value < 0.01) == (("d",), True, True)
    assert spread.value.low < spread.value.value < spread.value.high


def test_equalized_odds_is_the_wider_of_two_spreads() -> None:
    groups = pd.DataFrame({"g": ["a"] * 8 + ["b"] * 8})
    truth = [1, 1, 1, 1, 0, 0, 0, 0] * 2
    decision = [1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0]
    (table,) = resampled_tables(CountTensor.of(groups, truth, decision), ["equalized_odds", "true_positive_rate"])
    assert table.metrics == ("true_positive_rate",)
    odds, rate = table.spreads
    assert odds.value.value == pytest.approx(0.5)
    assert rate.value.value == pytest.approx(0.25)
    assert (odds.lowest, odds.highest, odds.value.n) == (("a",), ("b",), 4)


def test_a_group_without_positives_does_not_make_a_spread() -> None:
    groups = pd.DataFrame({"g": ["a"] * 10 + ["b"] * 10 + ["c"] * 5})
    truth, decision = [0, 1] * 10 + [0] * 5, [0, 1] * 5 + [0, 1, 0, 0, 0] * 2 + [0] * 5
    (table,) = resampled_tables(CountTensor.of(groups, truth, decision), ["true_positive_rate", "f1"], draws=100)
    assert np.isnan(table.value[2]).all()
    assert all("c" not in (*spread.lowest, *spread.highest) for spread in table.spreads)
    alone = CountTensor.of(pd.DataFrame({"g": ["a", "b"]}), [1, 0], [1, 0])
    (table,) = resampled_tables(alone, ["equalized_odds"], draws=20)
    assert not table.spreads[0].value.estimable


def test_any_function_of_the_counts() -> None:
    tensor = planted(1_000, 2, {"a": 0.5, "b": 0.3})

    def selected(counts: IntArray) -> FloatArray:
        shares: FloatArray = counts[:, tensor.decisions == 1].sum(axis=1) / counts.sum(axis=1)
        return shares

    found = resampled(tensor, selected, "selected", seed=1)
    p = float(tensor.counts[tensor.decisions == 1].sum()) / 1_000
    half = 1.96 * math.sqrt(p * (1 - p) / 1_000)
    assert (found.value, found.n) == (p, 1_000)
    assert (found.low, found.high) == pytest.approx((p - half, p + half), abs=0.004)
    nothing = resampled(tensor, lambda counts: np.full(len(counts), np.nan), "nothing")
    assert not nothing.estimable


def test_quantiles_leave_unknown_values_out_and_refuse_when_most_are() -> None:
    drawn = np.column_stack([np.arange(101.0), np.where(np.arange(101) < 60, math.nan, 1.0)])
    drawn[0, 0] = math.inf
    (found,) = quantiles(drawn, [0.5])
    assert found[0] == pytest.approx(50.5)
    assert math.isnan(found[1])


def test_the_same_seed_gives_the_same_answer() -> None:
    tensor = planted(300, 3, {"a": 0.5, "b": 0.3})
    tables: list[Any] = [resampled_tables(tensor, ["accuracy"], seed=5)[0] for _ in range(2)]
    assert (tables[0].low == tables[1].low).all()


def test_names_and_sizes_that_do_not_fit_are_refused() -> None:
    tensor = planted(100, 4, {"a": 0.5, "b": 0.3})
    with pytest.raises(DataError, match="equalized_odds"):
        resampled_tables(tensor, ["fairness"])
    with pytest.raises(DataError, match="fewer draws"):
        resampled_tables(tensor, ["accuracy"], draws=10**8)

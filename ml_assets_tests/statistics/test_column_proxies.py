"""Columns that stand in for an attribute: the figure of the screening, with an interval; noise is none."""

import math

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.column_proxies import column_proxies
from ml_assets.statistics.columns import read_column
from ml_assets.statistics.groups import grouping
from ml_assets.statistics.proxies import strongest_proxy

N = 3_000
RNG = np.random.default_rng(0)
SEX = pd.DataFrame({"sex": RNG.choice(["f", "m"], N)})
INPUTS = pd.DataFrame(
    {
        "height": np.where(SEX["sex"] == "f", 166.0, 179.0) + RNG.normal(0, 7, N),
        "noise": RNG.normal(size=N),
        "street": RNG.integers(0, 900, N).astype(str),
        "one": "x",
    }
)


def test_the_planted_proxy_is_first_and_noise_is_none() -> None:
    found = {p.column: p.strength for p in column_proxies(INPUTS, SEX)}
    assert next(iter(found)) == "height"
    assert found["height"].low > 0.5
    assert found["noise"].value < 0.06
    assert not found["street"].value > 0.15
    assert math.isnan(found["one"].value)
    assert found["height"].n == N


def test_the_figure_is_that_of_the_screening() -> None:
    expected = strongest_proxy(read_column(INPUTS["height"]), [grouping(SEX["sex"])]).strength
    assert column_proxies(INPUTS[["height"]], SEX)[0].strength.value == pytest.approx(expected)


def test_by_hand_with_the_unknown_left_out() -> None:
    # The 2×2 table 40/10/10/40: phi² = 0.36; corrected 0.36 - 1/99; levels 2 - 1/99 each.
    groups = pd.DataFrame({"g": np.repeat(["a", "b", "a", "b", "unknown"], [40, 10, 10, 40, 50])})
    column = pd.DataFrame({"c": np.repeat(["x", "x", "y", "y", "z"], [40, 10, 10, 40, 50])})
    (found,) = column_proxies(column, groups)
    assert found.strength.value == pytest.approx(math.sqrt((0.36 - 1 / 99) / (1 - 1 / 99)))
    assert found.strength.n == 100
    assert found.strength.low < found.strength.value < found.strength.high


def test_many_rows_are_sampled() -> None:
    groups = pd.DataFrame({"g": ["a", "b"] * 15_000})
    (found,) = column_proxies(pd.DataFrame({"c": ["x", "y"] * 15_000}), groups)
    assert found.strength.value == pytest.approx(1.0)
    assert found.strength.n == 20_000


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_rows(n: int) -> None:
    found = column_proxies(pd.DataFrame({"c": list("xyzzy")[:n]}), pd.DataFrame({"g": list("ababa")[:n]}))
    assert all(math.isnan(p.strength.value) or 0 <= p.strength.value <= 1 for p in found)

"""Distances of label distributions: published values, bounds, no distance from noise, a planted one."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from ml_assets.statistics.label_divergence import (
    design_of_shares,
    jensen_shannon,
    kolmogorov_smirnov,
    kullback_leibler,
    label_divergences,
    total_variation_distance,
)
from ml_assets.statistics.metrics import Task

P, Q = np.array([9, 12, 4]) / 25, np.ones(3) / 3


def test_published_divergences() -> None:
    # The worked example of "Kullback-Leibler divergence", Wikipedia: 0.0852996 and 0.097455 nats
    assert kullback_leibler(P, Q) == pytest.approx(0.0852996, abs=1e-7)
    assert kullback_leibler(Q, P) == pytest.approx(0.097455, abs=1e-6)


def test_by_hand() -> None:
    a, b = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert jensen_shannon(a, b) == pytest.approx(math.log(2))
    assert kullback_leibler(a, b) == math.inf
    assert total_variation_distance(P, Q) == pytest.approx(
        (abs(9 / 25 - 1 / 3) + abs(12 / 25 - 1 / 3) + abs(4 / 25 - 1 / 3)) / 2
    )
    assert kolmogorov_smirnov(P, Q) == pytest.approx(abs(21 / 25 - 2 / 3))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8))
def test_bounds_and_symmetry(cells: list[tuple[int, int]]) -> None:
    p, q = (np.array([c[i] for c in cells]) + 0.5 for i in (0, 1))
    p, q = p / p.sum(), q / q.sum()
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p))
    assert -1e-12 <= jensen_shannon(p, q) <= math.log(2)
    assert kolmogorov_smirnov(p, q) <= total_variation_distance(p, q) + 1e-12
    assert total_variation_distance(p, q) ** 2 <= kullback_leibler(p, q) / 2 + 1e-9  # Pinsker


def test_of_two_classes_total_variation_is_the_label_gap() -> None:
    groups = pd.DataFrame({"g": ["a"] * 4_000 + ["b"] * 4_000})
    y = np.r_[np.arange(4_000) < 2_000, np.arange(4_000) < 1_200].astype(int)
    found = label_divergences(groups, y)[0]
    assert found.total_variation.value == pytest.approx(0.2, abs=0.005)
    assert found.kolmogorov_smirnov.value == pytest.approx(found.total_variation.value)
    assert found.total_variation.low < 0.2 < found.total_variation.high
    assert found.verdict == "fail"


def test_noise_is_taken_off_and_a_fair_world_is_not_accused() -> None:
    rng = np.random.default_rng(0)
    values, accused = [], 0
    for _ in range(40):
        groups = pd.DataFrame({"g": rng.choice(list("abc"), 600)})
        found = label_divergences(groups, rng.normal(size=600), task="regression", seed=int(rng.integers(1000)))
        values += [f.total_variation.value for f in found]
        accused += any(f.verdict == "fail" for f in found)
    assert np.median(values) < 0.03  # uncorrected it is about 0.07
    assert accused <= 1


def test_another_shape_with_the_same_mean_is_found() -> None:
    rng = np.random.default_rng(1)
    groups = pd.DataFrame({"g": ["a"] * 1_500 + ["b"] * 1_500})
    y = np.r_[rng.normal(0, 1, 1_500), rng.normal(0, 3, 1_500)]
    found = label_divergences(groups, y, task="regression")[0]
    assert found.verdict == "fail"
    assert found.support.q < 0.01


def test_classes_have_no_order() -> None:
    found = label_divergences(pd.DataFrame({"g": list("ab") * 60}), np.arange(120) % 3, task="multiclass")[0]
    assert not found.kolmogorov_smirnov.estimable
    assert found.total_variation.estimable


@pytest.mark.parametrize("n", [1, 5])
def test_few_rows_say_little(n: int) -> None:
    groups = pd.DataFrame({"g": ["tiny"] * n + ["b"] * 300})
    found = {f.group: f for f in label_divergences(groups, np.arange(300 + n) % 2)}["tiny"]
    assert found.n == n
    assert not found.support.resolvable
    assert found.verdict == "inconclusive"


def test_five_rows_of_one_class_prove_nothing() -> None:
    groups = pd.DataFrame({"g": ["tiny"] * 5 + ["b"] * 300})
    found = {f.group: f for f in label_divergences(groups, np.r_[np.ones(5), np.arange(300) % 2])}
    assert found["tiny"].verdict in ("inconclusive", "suspect")  # one of sixteen fair groups looks like it


def test_a_group_alone_is_not_estimable() -> None:
    (found,) = label_divergences(pd.DataFrame({"g": ["a"] * 9}), [0, 1, 0] * 3)
    assert found.verdict == "not_estimable"
    assert "not estimable" in found.sentence


def test_the_design_of_shares_by_hand() -> None:
    """Three customers of two rows: both in cell 0, both in cell 1, one in each. Shares 1/2 and 1/2.

    A customer is off by 1, -1 and 0: the variance of a share is 3/2 · 2/36 = 1/12, against 1/24 for six rows: 2.
    """
    place, owner = np.array([0, 0, 1, 1, 0, 1]), np.repeat(np.arange(3), 2)
    student = (stdtrit(2, 0.975) / 1.959964) ** 2
    assert design_of_shares(place, owner) == pytest.approx(2 * student, rel=1e-6)
    assert design_of_shares(place, np.arange(6)) == 1.0
    assert design_of_shares(np.zeros(6, dtype=np.int64), owner) == 2.0
    assert design_of_shares(place, np.zeros(6, dtype=np.int64)) == 6.0
    assert design_of_shares(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)) == 1.0


def test_customers_of_one_row_change_no_digit() -> None:
    rng = np.random.default_rng(0)
    groups, truth = pd.DataFrame({"sex": rng.choice(["f", "m"], 300)}), rng.integers(0, 3, 300)
    rows = label_divergences(groups, truth, task="multiclass")
    assert label_divergences(groups, truth, task="multiclass", cluster=rng.permutation(300)) == rows


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_equal_groups_are_told_apart_by_customers_as_seldom_as_is_said_and_by_rows_often(task: Task) -> None:
    """Eighty customers of ten rows; two in three rows of a customer are as its first one."""
    rng, owner, apart = np.random.default_rng(4), np.repeat(np.arange(80), 10), {"rows": 0, "customers": 0}
    groups, names = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")}), {"rows": None, "customers": owner}
    for seed in range(150):
        same, chance = rng.random(800) < 2 / 3, rng.normal(size=800)
        luck = np.where(same, rng.normal(size=80)[owner], chance)
        truth = {"binary": (luck > 0.5).astype(int), "multiclass": np.digitize(luck, [-0.4, 0.6]), "regression": luck}[
            task
        ]
        for name, cluster in names.items():
            found = label_divergences(groups, truth, task=task, cluster=cluster, seed=seed)[0]
            apart[name] += found.total_variation.low > 0
            assert found.n == 400
    assert apart["customers"] / 150 <= 0.08, apart
    assert apart["rows"] / 150 > 0.2, apart

import math

import numpy as np

from ml_assets.learning.losses import SQUARED, Loss, money_loss, row_loss


def test_losses_worked_by_hand() -> None:
    binary = row_loss(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.2, 1.0]), task="binary")
    np.testing.assert_allclose(binary, [math.log(2), -math.log(0.8), 0.0])
    many = row_loss(np.array([2, 0]), np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]), task="multiclass")
    np.testing.assert_allclose(many, [math.log(4), 0.0])
    np.testing.assert_allclose(row_loss(np.array([3.0]), np.array([1.0]), task="regression"), [4.0])


def test_an_impossible_row_is_bounded() -> None:
    loss = row_loss(np.array([1.0]), np.array([0.0]), task="binary")
    np.testing.assert_allclose(loss, [7 * math.log(10)])


def test_an_error_of_ten_is_four_times_or_twice_as_bad_as_one_of_five() -> None:
    truth, score = np.array([10.0, 5.0, 0.0]), np.zeros(3)
    np.testing.assert_allclose(row_loss(truth, score, task="regression", loss=SQUARED), [100, 25, 0])
    np.testing.assert_allclose(row_loss(truth, score, task="regression", loss=Loss("absolute")), [10, 5, 0])
    np.testing.assert_allclose(row_loss(truth, score, task="regression", loss=Loss("quantile", 0.75)), [7.5, 3.75, 0])
    np.testing.assert_allclose(row_loss(score, truth, task="regression", loss=Loss("quantile", 0.75)), [2.5, 1.25, 0])


def test_the_quantile_that_costs_least_is_the_one_that_is_learned() -> None:
    truth = np.random.default_rng(0).normal(size=20_000)
    loss = money_loss(-1, -3)
    assert loss == Loss("quantile", 0.75)
    cost = {q: row_loss(truth, np.full_like(truth, np.quantile(truth, q)), task="regression", loss=loss).mean() for q in (0.5, 0.7, 0.75, 0.8)}  # fmt: skip
    assert min(cost, key=lambda q: cost[q]) == 0.75
    assert money_loss(0, 0) == SQUARED
    assert money_loss(0, -1) == Loss("quantile", 0.995)

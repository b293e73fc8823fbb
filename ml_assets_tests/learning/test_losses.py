import math

import numpy as np

from ml_assets.learning.losses import row_loss


def test_losses_worked_by_hand() -> None:
    binary = row_loss(np.array([1.0, 0.0, 1.0]), np.array([0.5, 0.2, 1.0]), task="binary")
    np.testing.assert_allclose(binary, [math.log(2), -math.log(0.8), 0.0])
    many = row_loss(np.array([2, 0]), np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]]), task="multiclass")
    np.testing.assert_allclose(many, [math.log(4), 0.0])
    np.testing.assert_allclose(row_loss(np.array([3.0]), np.array([1.0]), task="regression"), [4.0])


def test_an_impossible_row_is_bounded() -> None:
    loss = row_loss(np.array([1.0]), np.array([0.0]), task="binary")
    np.testing.assert_allclose(loss, [7 * math.log(10)])

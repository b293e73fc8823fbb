import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.learning.losses import Loss, row_loss
from ml_assets.learning.quantile_line import quantile_line, weighted_quantile
from ml_assets.statistics.arrays import FloatArray


def rows(seed: int, n: int = 1500) -> tuple[FloatArray, FloatArray]:
    """A line with skewed noise: mean, median and high quantiles differ."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    return x, x @ np.array([5.0, 2.0, -1.0, 0.0]) + rng.exponential(3.0, n)


def ridge(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], dtype=np.float64)


def pinball(x: FloatArray, y: FloatArray, beta: FloatArray, quantile: float) -> float:
    return float(row_loss(y, x @ beta, task="regression", loss=Loss("quantile", quantile)).mean())


@pytest.mark.parametrize("quantile", [0.1, 0.5, 2 / 3, 0.95])
def test_it_is_as_good_as_the_exact_solution_of_scikit_learn(quantile: float) -> None:
    from sklearn.linear_model import QuantileRegressor

    x, y = rows(1)
    start = ridge(x, y)
    own = quantile_line(x, y, np.ones(len(y)), quantile=quantile, start=start, alpha=0.0)
    exact = QuantileRegressor(quantile=quantile, alpha=0.0, solver="highs").fit(x[:, 1:], y)
    best = pinball(x, y, np.r_[exact.intercept_, exact.coef_], quantile)
    assert best <= pinball(x, y, own, quantile) <= best * 1.002
    assert (y <= x @ own).mean() == pytest.approx(quantile, abs=2 / len(y))


def test_a_weight_of_two_is_a_row_twice() -> None:
    x, y = rows(2, n=300)
    twice = np.arange(300) < 100
    start = ridge(x, y)
    one = quantile_line(x, y, (1.0 + twice).astype(np.float64), quantile=0.8, start=start, alpha=1.0)
    many = np.concatenate([np.arange(300), np.flatnonzero(twice)])
    other = quantile_line(x[many], y[many], np.ones(400), quantile=0.8, start=start, alpha=1.0)
    # the spread of the residuals about ``start`` is weighted alike, so both are the same problem
    np.testing.assert_allclose(one, other, atol=0.05)


def test_a_stronger_penalty_pulls_slopes_to_zero_and_leaves_the_intercept_free() -> None:
    x, y = rows(3)
    start = ridge(x, y)
    free, pulled = (quantile_line(x, y, np.ones(len(y)), quantile=0.7, start=start, alpha=a) for a in (0.0, 1e7))
    assert np.abs(pulled[1:]).max() < 0.05 < np.abs(free[1:]).max()
    assert (y <= x @ pulled).mean() == pytest.approx(0.7, abs=2 / len(y))


def test_a_perfect_line_is_left_alone() -> None:
    x, _ = rows(4, n=50)
    beta = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_array_equal(quantile_line(x, x @ beta, np.ones(50), quantile=0.9, start=beta, alpha=1.0), beta)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_the_weighted_quantile_is_that_of_repeated_values(values: list[int], quantile: float) -> None:
    weight = np.arange(1, len(values) + 1)
    found = weighted_quantile(np.array(values, dtype=np.float64), weight.astype(np.float64), quantile)
    expanded = np.sort(np.repeat(values, weight))
    assert found == np.quantile(expanded, quantile, method="inverted_cdf") or found in expanded
    below = (expanded < found).mean()
    assert below < quantile + 1e-9
    assert (expanded <= found).mean() >= quantile - 1e-9

"""The values against scikit-learn, the intervals by hand and by coverage."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as peer

from ml_assets.errors import DataError
from ml_assets.statistics import measures
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.intervals import wilson
from ml_assets.statistics.measures import How
from ml_assets.statistics.skewness import ratio_of_means

FEW = How(draws=20)
seeds = st.integers(0, 10_000)


def _binary(seed: int, n: int = 60) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    score = rng.integers(0, 21, n) / 20
    truth = (rng.random(n) < score).astype(float)
    truth[:2] = 0, 1
    return truth, score, (score >= 0.5).astype(float)


def _multiclass(seed: int, n: int = 60, k: int = 4) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    score = rng.dirichlet(np.ones(k), n)
    truth = np.array([rng.choice(k, p=p) for p in score]).astype(float)
    truth[:k] = np.arange(k)
    return truth, score, score.argmax(axis=1).astype(float)


@given(seeds)
def test_binary_measures_equal_the_peer(seed: int) -> None:
    y, s, d = _binary(seed)
    d[:2] = 1
    assert measures.roc_auc(y, s, FEW).value == pytest.approx(peer.roc_auc_score(y, s))
    assert measures.average_precision(y, s, FEW).value == pytest.approx(peer.average_precision_score(y, s))
    assert measures.log_losses(y, s).mean() == pytest.approx(peer.log_loss(y, s))
    assert measures.brier_scores(y, s).mean() == pytest.approx(peer.brier_score_loss(y, s))
    assert measures.precision(y, d, FEW).value == pytest.approx(peer.precision_score(y, d))
    assert measures.recall(y, d, FEW).value == pytest.approx(peer.recall_score(y, d))
    assert measures.specificity(y, d, FEW).value == pytest.approx(peer.recall_score(1 - y, 1 - d))
    assert measures.f1(y, d, FEW).value == pytest.approx(peer.f1_score(y, d))


@given(seeds)
def test_measures_of_classes_equal_the_peer(seed: int) -> None:
    y, p, d = _multiclass(seed)
    assert measures.log_losses(y, p).mean() == pytest.approx(peer.log_loss(y, p))
    assert measures.brier_scores(y, p).mean() == pytest.approx(peer.brier_score_loss(y, p, scale_by_half=True))
    assert measures.hits(y, d).mean() == pytest.approx(peer.accuracy_score(y, d))
    assert measures.balanced_accuracy(y, d, FEW).value == pytest.approx(peer.balanced_accuracy_score(y, d))
    assert measures.macro_f1(y, d, FEW).value == pytest.approx(peer.f1_score(y, d, average="macro"))


@given(seeds)
def test_measures_of_numbers_equal_the_peer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, s = rng.normal(100, 5, 30), rng.normal(100, 5, 30)
    assert measures.absolute_errors(y, s).mean() == pytest.approx(peer.mean_absolute_error(y, s))
    assert measures.root_mean_squared_error(y, s, FEW).value == pytest.approx(peer.root_mean_squared_error(y, s))
    assert measures.r2(y, s, FEW).value == pytest.approx(peer.r2_score(y, s))
    assert measures.errors(y, s).mean() == pytest.approx(s.mean() - y.mean())


@given(seeds)
def test_two_columns_of_probabilities_say_what_one_says(seed: int) -> None:
    y, s, _ = _binary(seed)
    both = np.column_stack([1 - s, s])
    assert measures.log_losses(y, both) == pytest.approx(measures.log_losses(y, s))
    assert measures.brier_scores(y, both) == pytest.approx(measures.brier_scores(y, s), abs=1e-12)


def test_log_loss_of_a_denied_truth_is_large_and_finite() -> None:
    assert measures.log_losses(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(36.04, abs=0.01)


def test_calibration_error_by_hand() -> None:
    # Band [0, 1/15): promised 0, observed 1/2. Band of 0.5: promised 0.5, observed 1/2. Half of the rows in each.
    y, s = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 0.5, 0.5])
    assert measures.expected_calibration_error(y, s, FEW).value == pytest.approx(0.25)
    # Two rows sure of 0.8 and 0.6, one of them right: |1 - 0.8| / 2 + |0 - 0.6| / 2.
    p = np.array([[0.8, 0.2], [0.6, 0.4]])
    assert measures.expected_calibration_error(np.array([0.0, 1.0]), p, FEW).value == pytest.approx(0.4)


def test_a_truth_without_probability_is_refused() -> None:
    with pytest.raises(DataError, match="without a probability"):
        measures.log_losses(np.array([2.0]), np.array([[0.5, 0.5]]))


def test_each_share_rests_on_its_own_denominator() -> None:
    y, d = np.array([1.0, 1, 1, 0, 0, 0, 0, 0]), np.array([1.0, 1, 0, 1, 0, 0, 0, 0])
    assert measures.recall(y, d, FEW) == (2 / 3, *wilson(2, 3), 3)
    assert measures.precision(y, d, FEW) == (2 / 3, *wilson(2, 3), 3)
    assert measures.specificity(y, d, FEW) == (4 / 5, *wilson(4, 5), 5)
    assert measures.selection_rate(y, d, FEW) == (3 / 8, *wilson(3, 8), 8)
    # Two of the four rows that are positive in truth or decision are right: F1 = 2·½ / (1 + ½).
    low, high = wilson(2, 4)
    assert measures.f1(y, d, FEW) == pytest.approx((2 / 3, 2 * low / (1 + low), 2 * high / (1 + high), 4))


def test_what_has_no_denominator_has_no_value() -> None:
    none, some, all_ = np.zeros(4), np.array([0.0, 1, 1, 0]), np.ones(4)
    empty = np.zeros(0)
    figures = [
        measures.recall(none, some, FEW),
        measures.precision(some, none, FEW),
        measures.specificity(all_, some, FEW),
        measures.f1(none, some, FEW),
        measures.f1(none, none, FEW),
        measures.balanced_accuracy(none, some, FEW),
        measures.average_precision(none, some, FEW),
        measures.roc_auc(all_, some, FEW),
        measures.macro_f1(all_, some, FEW),
        measures.r2(all_, some, FEW),
        measures.root_mean_squared_error(empty, empty, FEW),
        measures.expected_calibration_error(empty, empty, FEW),
        measures.mean_figure(empty, FEW),
    ]
    assert all(math.isnan(f.value) and math.isnan(f.low) and math.isnan(f.high) for f in figures)
    assert measures.recall(none, some, FEW).n == 0


def test_balanced_accuracy_of_equal_classes_is_as_sure_as_its_two_recalls() -> None:
    y = np.repeat([0.0, 1.0], 100)
    d = y.copy()
    d[:20] = 1
    d[100:120] = 0
    figure = measures.balanced_accuracy(y, d, FEW)
    low, high = wilson(80, 100)
    assert figure.value == pytest.approx(0.8)
    assert figure.value - figure.low == pytest.approx((0.8 - low) / math.sqrt(2))
    assert figure.high - figure.value == pytest.approx((high - 0.8) / math.sqrt(2))
    assert measures.balanced_accuracy(y, y, FEW).low < 1


def test_root_mean_squared_error_never_has_a_negative_end() -> None:
    figure = measures.root_mean_squared_error(np.zeros(3), np.array([0.0, 0.0, 9.0]), FEW)
    assert figure.low == 0
    assert figure.value == pytest.approx(math.sqrt(27))


def test_intervals_without_closed_form_hold_the_truth_about_as_often_as_they_say() -> None:
    """Eighty samples of a known population: 90 % intervals of four resampled measures hold its value 75 to 99 %."""
    y, s, d = _binary(0, n=200_000)
    numbers = s + np.random.default_rng(5).normal(0, 0.5, s.size)
    names = ("average_precision", "expected_calibration_error", "macro_f1", "r2")
    functions = [getattr(measures, name) for name in names]
    shifted = np.clip(s * 0.6, 0, 1)
    columns = [(y, s), (y, shifted), (y, d), (numbers, s)]
    true = [f(a, b, How(draws=1)).value for f, (a, b) in zip(functions, columns, strict=True)]
    rng = np.random.default_rng(11)
    held = np.zeros(4)
    for _ in range(80):
        rows = rng.integers(0, y.size, 250)
        for i, (f, (a, b)) in enumerate(zip(functions, columns, strict=True)):
            figure = f(a[rows], b[rows], How(level=0.9, draws=150))
            held[i] += figure.low <= true[i] <= figure.high
    assert (held / 80 >= 0.75).all(), dict(zip(names, held / 80, strict=True))
    assert held.mean() / 80 < 0.99


@pytest.mark.parametrize("prevalence", [0.1, 0.3])
def test_fifty_rows_hold_average_precision_as_often_as_stated(prevalence: float) -> None:
    rng = np.random.default_rng(21)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = (rng.random(n) < prevalence).astype(np.float64)
        return y, rng.normal(1.2 * y)

    true = measures.average_precision(*draw(1_000_000), How(draws=1)).value
    found = [measures.average_precision(*draw(50), How(draws=200)) for _ in range(600)]
    held = [f.low <= true <= f.high for f in found if not math.isnan(f.value)]
    assert 0.93 - 0.021 <= np.mean(held) <= 0.985


def test_a_perfect_ranking_of_few_positives_is_not_sure() -> None:
    y = np.repeat([0.0, 1.0], [20, 5])
    assert measures.average_precision(y, y, FEW) == (1.0, wilson(5, 5)[0], 1.0, 25)
    one = measures.average_precision(
        np.array([0.0, 1, 0, 0]), np.array([0.9, 0.8, 0.1, 0.2]), How(level=0.999, draws=50)
    )
    assert one.value == 0.5
    assert one.high - one.low > 0.99


def test_r2_has_the_interval_of_the_ratio_of_its_two_means() -> None:
    rng = np.random.default_rng(22)
    y = rng.normal(size=60)
    s = y + rng.normal(size=60) * 0.5
    low, high = ratio_of_means((s - y) ** 2, (y - y.mean()) ** 2)
    found = measures.r2(y, s, FEW)
    assert (found.low, found.high) == (1 - high, 1 - low)
    assert found.low < found.value < found.high
    # Errors that are the distances from the mean explain nothing, surely.
    assert measures.r2(y, np.full(60, y.mean()), FEW)[:3] == pytest.approx((0, 0, 0), abs=1e-6)
    assert measures.r2(y, y, FEW)[:3] == (1, 1, 1)


def test_fifty_rows_hold_r2_as_often_as_stated() -> None:
    rng = np.random.default_rng(23)
    held = 0
    for _ in range(2_000):
        s = rng.normal(0, 10, 50)
        found = measures.r2(s + rng.standard_t(5, 50) * 5, s, FEW)
        held += found.low <= 1 - 125 / 3 / (100 + 125 / 3) <= found.high
    assert 0.93 <= held / 2_000 <= 0.97

"""The expected loss of a regression: right where the inputs tell it, covered by its interval, silent where it must be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.loss_estimation import LEAST_ROWS, estimate_losses
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.value import RegressionValue

MONEY = RegressionValue(-1.0, -2.0)
NAMES = ["mean_absolute_error", "root_mean_squared_error", "value_per_decision"]


def drawn(
    n: int, rng: np.random.Generator, mean: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Rows, truth and prediction; the noise grows with x."""
    x = rng.normal(mean, 1, n)
    frame = pd.DataFrame({"x": x, "noise": rng.normal(0, 1, n), "kind": rng.choice(["a", "b"], n)})
    return frame, 5 + 2 * x + np.exp(0.5 * x) * rng.normal(0, 1, n), 5 + 2 * x


def realised(truth: np.ndarray[Any, Any], prediction: np.ndarray[Any, Any]) -> dict[str, float]:
    error = prediction - truth
    figures = (np.abs(error).mean(), np.sqrt((error**2).mean()), MONEY.money(truth, prediction).mean())
    return dict(zip(NAMES, map(float, figures), strict=True))


def found(reference: Any, batch: Any, **options: Any) -> dict[str, Estimate]:
    frame, truth, prediction = reference
    estimates = estimate_losses(
        frame, truth, prediction, batch[0], batch[2], feature_specs(frame), MONEY, **options
    ).estimates
    return {e.name: e for e in estimates}


def test_harder_rows_are_expected_to_cost_more() -> None:
    rng = np.random.default_rng(1)
    reference, easy, hard = drawn(3_000, rng), drawn(800, rng, -1.0), drawn(800, rng, 1.0)
    at_easy, at_hard = found(reference, easy), found(reference, hard)
    assert list(at_easy) == NAMES
    for name, is_now in realised(hard[1], hard[2]).items():
        assert at_hard[name].value == pytest.approx(is_now, rel=0.15)
        assert at_hard[name].low <= at_hard[name].value <= at_hard[name].high
        assert abs(at_easy[name].value) < 0.6 * abs(at_hard[name].value)
    assert at_hard["mean_absolute_error"].n == 800
    assert at_hard["value_per_decision"].unit == "money"


def test_intervals_hold_the_realised_figures() -> None:
    rng = np.random.default_rng(2)
    inside = dict.fromkeys(NAMES, 0)
    for _ in range(20):
        reference, batch = drawn(600, rng), drawn(300, rng)
        is_now = realised(batch[1], batch[2])
        for name, e in found(reference, batch).items():
            inside[name] += e.low <= is_now[name] <= e.high
    # 95 % of 20: 19, standard deviation 1
    assert all(count >= 16 for count in inside.values()), inside


def test_a_constant_loss_is_found_exactly() -> None:
    rng = np.random.default_rng(3)
    frame, _, prediction = drawn(200, rng)
    sign = np.where(np.arange(200) % 2 == 0, 1.0, -1.0)
    e = found((frame, prediction + 3 * sign, prediction), (frame, None, prediction))
    assert e["mean_absolute_error"].value == pytest.approx(3.0)
    assert e["root_mean_squared_error"].value == pytest.approx(3.0)


def test_perfect_predictions_are_expected_to_cost_nothing() -> None:
    frame, _, prediction = drawn(200, np.random.default_rng(4))
    e = found((frame, prediction, prediction), (frame, None, prediction))
    assert all(one.value == one.low == one.high == 0 for one in e.values())


def test_weights_bring_back_what_the_inputs_do_not_tell() -> None:
    """The loss hangs on a column the model of the loss cannot see; the weights know of it."""
    rng = np.random.default_rng(5)
    hard = rng.random(4_000) < 0.2
    frame = pd.DataFrame({"blind": rng.normal(size=4_000)})
    loss = np.where(hard, 10.0, 1.0)
    batch = (pd.DataFrame({"blind": rng.normal(size=1_000)}), None, np.zeros(1_000))
    reference = (frame, loss, np.zeros(4_000))
    assert found(reference, batch)["mean_absolute_error"].value == pytest.approx(2.8, abs=0.2)
    weighted = found(reference, batch, weight=np.where(hard, 4.0, 0.25))
    assert weighted["mean_absolute_error"].value == pytest.approx(8.2, abs=0.3)


def test_it_is_blind_to_a_change_of_the_concept() -> None:
    rng = np.random.default_rng(6)
    reference, batch = drawn(1_000, rng), drawn(500, rng)
    moved = realised(batch[1] + 8.0, batch[2])
    e = found(reference, batch)["mean_absolute_error"]
    assert e.high < 0.5 * moved["mean_absolute_error"]


def test_without_money_or_rows_there_is_less_to_say() -> None:
    rng = np.random.default_rng(7)
    frame, truth, prediction = drawn(LEAST_ROWS, rng)
    specs = feature_specs(frame)
    assert [e.name for e in estimate_losses(frame, truth, prediction, frame, prediction, specs).estimates] == NAMES[:2]
    few = estimate_losses(frame[1:], truth[1:], prediction[1:], frame, prediction, specs)
    assert few.estimates == ()
    assert "49 reference rows" in few.sentence
    assert estimate_losses(frame, truth, prediction, frame[:0], prediction[:0], specs).estimates == ()


@pytest.mark.parametrize(
    ("truth", "weight"),
    [([1.0] * 59, None), ([np.nan] * 60, None), ([1.0] * 60, [-1.0] * 60), ([1.0] * 60, [0.0] * 60)],
)
def test_what_cannot_be_read_is_refused(truth: list[float], weight: list[float] | None) -> None:
    frame, _, prediction = drawn(60, np.random.default_rng(8))
    with pytest.raises(DataError):
        estimate_losses(frame, truth, prediction, frame, prediction, feature_specs(frame), weight=weight)

"""Calibration and threshold are chosen on the validation part alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.finishing import finish
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.value import BinaryValue, RegressionValue, break_even

VALUE = BinaryValue(true_positive=0.0, false_positive=-10.0, false_negative=-40.0, true_negative=0.0)


def table(rows: int = 3000, seed: int = 1) -> TrainingTable:
    """A binary truth that follows one feature."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    truth = (rng.random(rows) < 1 / (1 + np.exp(-1.5 * x))).astype(float)
    part = np.array(["train", "validation", "test"])[np.arange(rows) % 3]
    return TrainingTable(pd.DataFrame({"x": x}), truth, part, np.ones(rows), np.arange(rows), "binary", ("0", "1"))


def test_the_threshold_comes_close_to_break_even_for_a_calibrated_model() -> None:
    rows = table()
    done = finish(fit_candidate("logistic_regression", rows), rows, solution="s", value=VALUE)
    assert done.threshold is not None
    assert done.artifact.threshold == done.threshold.threshold
    assert done.threshold.threshold == pytest.approx(break_even(VALUE), abs=0.12)


def test_the_test_part_changes_nothing() -> None:
    rows = table()
    flipped = replace(rows, truth=np.where(rows.part == "test", 1 - rows.truth, rows.truth))
    predictor = fit_candidate("logistic_regression", rows)
    one, two = (finish(predictor, r, solution="s", value=VALUE) for r in (rows, flipped))
    assert one.artifact.threshold == two.artifact.threshold
    assert one.artifact.calibration == two.artifact.calibration


def test_the_validation_part_decides() -> None:
    rows = table()
    flipped = replace(rows, truth=np.where(rows.part == "validation", 1 - rows.truth, rows.truth))
    predictor = fit_candidate("logistic_regression", rows)
    one, two = (finish(predictor, r, solution="s", value=VALUE).artifact.threshold for r in (rows, flipped))
    assert one != two


def test_a_declared_calibration_is_kept_and_says_so() -> None:
    rows = table()
    done = finish(fit_candidate("logistic_regression", rows), rows, solution="s", value=VALUE, calibration="sigmoid")
    assert done.calibration is not None
    assert (done.artifact.calibration.kind, done.calibration.reason) == ("sigmoid", "declared: sigmoid")


def test_a_regression_decides_its_own_value() -> None:
    rows = table()
    numbers = replace(rows, task="regression", classes=(), truth=2 * rows.features["x"].to_numpy())
    done = finish(fit_candidate("linear_regression", numbers), numbers, solution="s", value=RegressionValue(-1.0, -2.0))
    assert (done.threshold, done.calibration) == (None, None)
    answer = done.artifact.predict(numbers.features)
    assert answer.decision == pytest.approx(answer.score)

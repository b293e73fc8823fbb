"""What a shift does to decisions and money: exact where it can be worked out, nothing where the model does not look."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.consequences import TOGETHER, consequences, expected_money, sensitivities
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets.statistics.value import BinaryValue, MulticlassValue, RegressionValue
from ml_assets_tests.learning.conftest import MakeTable

VALUE = BinaryValue(10.0, -1.0, -10.0, 0.0)


def fitted(table: TrainingTable, name: str) -> SolutionArtifact:
    return SolutionArtifact("s", table.task, table.classes, fit_candidate(name, table))


def reference_of(frame: pd.DataFrame) -> Profile:
    return profile(frame, make_grid(frame))


def test_the_column_that_moved_is_named_with_what_it_did(make_table: MakeTable) -> None:
    table = make_table(n=4_000)
    model = fitted(table, "logistic_regression")
    reference = reference_of(table.features)
    now = make_table(n=1_500, seed=9).features
    now = now.assign(signal=now["signal"] + 1.0, noise=now["noise"] + 3.0)
    found = consequences(model, now, reference, ["signal", "noise"], value=VALUE, unit="EUR")
    assert [one.column for one in found] == ["signal", "noise", TOGETHER]
    signal, noise, both = found
    assert signal.decided.low > 0.1
    assert signal.changed.value > 0.1
    assert signal.money.unit == "EUR"
    assert noise.changed.value < 0.05
    assert both.changed.value == pytest.approx(signal.changed.value, abs=0.05)
    # with the shift taken away the mean decision is that of the rows without it
    rate = float(model.predict(table.features).decision.mean())
    assert float(model.predict(now).decision.mean()) - signal.decided.value == pytest.approx(rate, abs=0.03)


def test_without_drift_there_is_next_to_no_consequence(make_table: MakeTable) -> None:
    table = make_table(n=4_000)
    found = consequences(
        fitted(table, "logistic_regression"),
        make_table(n=1_500, seed=3).features,
        reference_of(table.features),
        ["signal", "colour"],
    )
    assert all(one.changed.value < 0.03 for one in found)
    assert not found[0].money.estimable


def test_a_category_that_moved(make_table: MakeTable) -> None:
    table = make_table(n=4_000)
    now = make_table(n=1_500, seed=5).features.assign(colour="red")
    (only,) = consequences(
        fitted(table, "logistic_regression"), now, reference_of(table.features), ["colour"], value=VALUE
    )
    assert only.decided.low > 0.05


def test_regression_is_told_in_the_unit_of_the_target(make_table: MakeTable) -> None:
    table = make_table("regression", n=4_000)
    now = make_table("regression", n=1_500, seed=5).features
    now = now.assign(signal=now["signal"] + 0.5)
    (only,) = consequences(
        fitted(table, "linear_regression"), now, reference_of(table.features), ["signal"], value=RegressionValue(-1, -2)
    )
    assert only.decided.value == pytest.approx(1.0, abs=0.12)  # y = 2 · signal
    assert not only.money.estimable


def test_several_classes_have_money_and_no_mean_decision(make_table: MakeTable) -> None:
    table = make_table("multiclass", n=3_000)
    now = make_table("multiclass", n=900, seed=5).features
    value = MulticlassValue(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    (only,) = consequences(
        fitted(table, "logistic_regression"),
        now.assign(signal=now["signal"] + 2.0),
        reference_of(table.features),
        ["signal"],
        value=value,
    )
    assert only.money.estimable
    assert not only.decided.estimable
    assert only.changed.value > 0.2


def test_dates_are_given_back_in_the_unit_of_the_model() -> None:
    rng = np.random.default_rng(0)
    n = 2_000
    at = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 100, n), unit="D")
    frame = pd.DataFrame({"at": at, "x": rng.normal(size=n)})
    truth = (at.dayofyear.to_numpy() + 10 * frame["x"].to_numpy() > 60).astype(float)
    part = np.where(np.arange(n) % 5 == 0, "validation", "train")
    table = TrainingTable(frame, truth, part, np.ones(n), np.arange(n), "binary", ("no", "yes"))
    model = fitted(table, "logistic_regression")
    later = frame.assign(at=frame["at"] + pd.Timedelta(days=50))
    (only,) = consequences(model, later, reference_of(frame), ["at"], value=VALUE)
    assert only.decided.low > 0.2


def test_nothing_to_say_without_rows_or_inputs(make_table: MakeTable) -> None:
    table = make_table()
    model = fitted(table, "logistic_regression")
    reference = reference_of(table.features)
    assert consequences(model, table.features, reference, ["unheard_of"]) == ()
    assert consequences(model, table.features.iloc[:0], reference, ["signal"]) == ()
    assert sensitivities(model, table.features.iloc[:1]) == ()


def test_the_score_hangs_on_what_decides_it(make_table: MakeTable) -> None:
    table = make_table(n=2_000)
    found = sensitivities(fitted(table, "logistic_regression"), table.features)
    assert [one.column for one in found] == ["signal", "colour", "noise"]
    assert sum(one.share for one in found) == pytest.approx(1.0)
    assert found[0].change.low > found[1].change.high > 0.0
    # a column that stopped varying carries nothing any more
    flat = sensitivities(fitted(table, "logistic_regression"), table.features.assign(signal=0.0))
    assert {one.column: one.change.value for one in flat}["signal"] == 0.0


def test_expected_money_by_hand() -> None:
    binary = expected_money(np.array([0.25, 0.25]), np.array([1, 0]), VALUE)
    assert binary is not None
    assert binary.tolist() == [0.25 * 10 - 0.75, -0.25 * 10]
    matrix = MulticlassValue(((5.0, -1.0), (-2.0, 3.0)))
    several = expected_money(np.array([[0.5, 0.5]]), np.array([1]), matrix)
    assert several is not None
    assert several.tolist() == [0.5 * -1 + 0.5 * 3]
    assert expected_money(np.array([1.0]), np.array([1.0]), RegressionValue(-1, -1)) is None

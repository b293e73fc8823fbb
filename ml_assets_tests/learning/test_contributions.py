"""Contributions: they add up, they are the textbook's for a line, and by brute force for trees; no other family claims any."""

import itertools
import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.special import expit, logit, softmax

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.contributions import Contributions, contributions, mean_sizes, unavailable
from ml_assets.learning.job import Recipe
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.intervals import mean_interval
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable

LINEAR: dict[Task, str] = {
    "binary": "logistic_regression",
    "multiclass": "logistic_regression",
    "regression": "linear_regression",
}


def artifact_of(table: TrainingTable, name: str) -> SolutionArtifact:
    return SolutionArtifact("s", table.task, table.classes, fit_candidate(name, table))


def explained(table: TrainingTable, name: str) -> tuple[SolutionArtifact, Contributions]:
    artifact = artifact_of(table, name)
    found = contributions(artifact, table.features, background=table.take("train").features)
    assert found is not None
    return artifact, found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", ["xgboost", "linear", "single_feature", "dummy"])
def test_base_and_contributions_add_up_to_the_answer(make_table: MakeTable, task: Task, family: str) -> None:
    table = make_table(task)
    artifact, found = explained(table, LINEAR[task] if family == "linear" else family)
    total = found.base + found.values.sum(axis=1)
    np.testing.assert_allclose(total, found.margin, atol=2e-4)
    score = artifact.predictor.predict(table.features)
    if task == "multiclass":
        np.testing.assert_allclose(softmax(total, axis=1), score, atol=1e-4)
    else:
        np.testing.assert_allclose(expit(total[:, 0]) if task == "binary" else total[:, 0], score, atol=2e-4)
    assert found.values.shape == (len(table), len(artifact.specs), 3 if task == "multiclass" else 1)
    assert found.features == tuple(spec.name for spec in artifact.specs)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_category_of_many_levels_is_one_input_and_still_adds_up(make_table: MakeTable, task: Task) -> None:
    table = make_table(task, n=1500)
    table.features["town"] = [f"town {i}" for i in np.digitize(table.features["signal"], np.linspace(-2, 2, 60))]
    hidden = replace(table, features=table.features[["town", "noise"]])
    artifact, found = explained(hidden, LINEAR[task])
    assert any(column.type == "target" for column in artifact.predictor.design.columns)  # type: ignore[attr-defined]
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.margin, atol=1e-9)
    assert found.features == ("town", "noise")
    assert mean_sizes(found)[0].name == "town"
    same_town = (hidden.features["town"] == "town 30").to_numpy()
    np.testing.assert_allclose(np.ptp(found.values[same_town, 0], axis=0), 0.0, atol=1e-12)


def test_of_a_line_it_is_slope_times_distance_from_the_mean(make_table: MakeTable) -> None:
    table = make_table("regression", n=6000)  # 10 + 2·signal + 1.5·(colour = red)
    _, found = explained(table, "linear_regression")
    at = {name: found.values[:, i, 0] for i, name in enumerate(found.features)}
    signal = table.features["signal"].to_numpy()
    away = signal - signal[table.part == "train"].mean()
    np.testing.assert_allclose(at["signal"], 2.0 * away, atol=0.12)
    red = (table.features["colour"] == "red").to_numpy()
    assert at["colour"][red].mean() - at["colour"][~red].mean() == pytest.approx(1.5, abs=0.06)


def test_the_mean_contribution_over_the_background_is_none(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table, "logistic_regression")
    found = contributions(artifact, table.features, background=table.features)
    assert found is not None
    np.testing.assert_allclose(found.values.mean(axis=0), 0.0, atol=1e-9)


def test_trees_by_brute_force_over_all_orders() -> None:
    """Shapley's own formula on a table where every cell is a training row once: path averages are plain averages."""
    grid = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
    frame = pd.DataFrame(grid, columns=["a", "b", "c"])
    truth = 3 * grid[:, 0] + 2 * grid[:, 1] * grid[:, 2] - grid[:, 2] + 4 * grid[:, 0] * grid[:, 1]
    table = TrainingTable(frame, truth, np.repeat("train", 8), np.ones(8), np.arange(8), "regression", ())
    fitted: dict[str, float] = {
        "rounds": 40,
        "max_depth": 3,
        "min_child_weight": 0,
        "learning_rate": 0.5,
        "reg_lambda": 0.0,
    }
    artifact = SolutionArtifact("s", "regression", (), fit_candidate("xgboost", table, recipe=Recipe(fitted)))
    score = artifact.score(frame)
    assert np.ptp(score) > 5
    found = contributions(artifact, frame, background=frame)
    assert found is not None

    def value(row: npt.NDArray[np.float64], known: tuple[int, ...]) -> float:
        same = (grid[:, list(known)] == row[list(known)]).all(axis=1)
        return float(score[same].mean())

    for row, shares in zip(grid, found.values[:, :, 0], strict=True):
        for j in range(3):
            others = [i for i in range(3) if i != j]
            shapley = sum(
                math.factorial(k) * math.factorial(2 - k) / 6 * (value(row, (*known, j)) - value(row, known))
                for k in range(3)
                for known in itertools.combinations(others, k)
            )
            assert shares[j] == pytest.approx(shapley, abs=1e-3)


def test_sizes_are_means_of_absolute_values_largest_first() -> None:
    values = np.array([[[1.0], [-4.0]], [[-3.0], [2.0]], [[2.0], [0.0]]])
    found = Contributions(("a", "b"), values, np.zeros(1), values.sum(axis=1), "log odds", "by hand")
    first, second = mean_sizes(found)
    assert (first.name, first.value, first.n, first.unit) == ("a", 2.0, 3, "log odds")
    assert (second.name, second.value) == ("b", 2.0)
    assert (first.low, first.high) == pytest.approx(mean_interval([1.0, 3.0, 2.0]))
    two = Contributions(("a",), np.array([[[1.0, -2.0]]]), np.zeros(2), np.zeros((1, 2)), "", "")
    assert mean_sizes(two)[0].value == 3.0  # summed over the classes


def test_mean_sizes_of_ten_rows_of_a_customer_tell_no_more_than_one() -> None:
    values = np.random.default_rng(0).normal(size=(40, 2, 1))
    one, many = (
        Contributions(("a", "b"), v, np.zeros(1), v.sum(axis=1), "", "") for v in (values, values.repeat(10, axis=0))
    )
    shared = mean_sizes(many, cluster=np.repeat(np.arange(40), 10))
    for single, clustered, naive in zip(mean_sizes(one), shared, mean_sizes(many), strict=True):
        assert clustered.value == pytest.approx(single.value)
        assert clustered.n == 400
        assert (clustered.low, clustered.high) == pytest.approx((single.low, single.high))
        assert clustered.high - clustered.low > 3 * (naive.high - naive.low)


def test_intervals_of_mean_sizes_hold_them_in_95_of_100_and_those_of_rows_do_not() -> None:
    """Forty customers of ten rows; what an input adds is half the customer's own. E|N(0, 2)| = sqrt(4 / pi)."""
    rng, who, held = np.random.default_rng(1), np.repeat(np.arange(40), 10), {"clusters": 0, "rows": 0}
    for _ in range(400):
        values = (rng.normal(size=40)[who] + rng.normal(size=400)).reshape(-1, 1, 1)
        found = Contributions(("a",), values, np.zeros(1), values.sum(axis=1), "", "")
        for name, cluster in (("clusters", who), ("rows", None)):
            (size,) = mean_sizes(found, cluster=cluster)
            held[name] += size.low <= math.sqrt(4 / math.pi) <= size.high
    assert 366 <= held["clusters"] <= 394  # 380 expected, three standard deviations
    assert held["rows"] < 340


@pytest.mark.parametrize("name", ["xgboost", "logistic_regression"])
def test_what_decides_is_largest_and_a_category_is_one_input(make_table: MakeTable, name: str) -> None:
    _, found = explained(make_table(n=2500), name)
    assert [one.name for one in mean_sizes(found)] == ["signal", "colour", "noise"]


def test_a_family_without_contributions_says_so(make_table: MakeTable) -> None:
    for name in ("hist_gradient_boosting", "random_forest"):
        artifact = artifact_of(make_table(n=200), name)
        assert contributions(artifact, make_table(n=50).features, background=make_table(n=50).features) is None
        assert unavailable(artifact.predictor).startswith(f"not available for this family ({name})")


def test_one_row_and_no_row(make_table: MakeTable) -> None:
    table = make_table()
    for name in ("xgboost", "logistic_regression"):
        artifact = artifact_of(table, name)
        one = contributions(artifact, table.features.head(1), background=table.features)
        none = contributions(artifact, table.features.head(0), background=table.features)
        assert one is not None
        assert none is not None
        assert (one.values.shape, none.values.shape) == ((1, 3, 1), (0, 3, 1))
        log_odds = float(logit(artifact.score(table.features.head(1))[0]))
        assert float(one.margin[0, 0]) == pytest.approx(log_odds, abs=1e-4)
        assert not mean_sizes(none)[0].estimable

from dataclasses import replace

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.explanation import partial_dependence, permutation_importance
from ml_assets.learning.preprocessing import FloatArray
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


def artifact_of(table: TrainingTable, name: str) -> SolutionArtifact:
    return SolutionArtifact("s", table.task, table.classes, fit_candidate(name, table))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_decides_the_truth_comes_first_and_noise_last(make_table: MakeTable, task: Task) -> None:
    table = make_table(task)
    name = "linear_regression" if task == "regression" else "logistic_regression"
    found = permutation_importance(artifact_of(table, name), table.take("validation"))
    assert [one.feature for one in found] == ["signal", "colour", "noise"]
    assert sum(one.share for one in found) == pytest.approx(1.0)
    assert found[0].importance.low > 0
    assert found[0].importance.n == 180
    assert found[-1].share < 0.05


def test_an_input_the_model_ignores_has_exactly_no_importance(make_table: MakeTable) -> None:
    table = make_table()
    found = permutation_importance(artifact_of(table, "dummy"), table.take("validation"))
    assert found == ()
    flat = artifact_of(table, "single_feature")
    (only,) = permutation_importance(flat, table.take("validation"))
    assert (only.feature, only.share) == ("signal", 1.0)


def test_importance_of_a_line_is_twice_its_variance(make_table: MakeTable) -> None:
    # for y = b·x, shuffling x costs E[(b·x - b·x')²] = 2·b²·var(x); here b = 2 and var = 1
    table = make_table("regression", n=20_000)
    found = {one.feature: one for one in permutation_importance(artifact_of(table, "linear_regression"), table)}
    assert found["signal"].importance.value == pytest.approx(8.0, rel=0.05)


def test_a_loss_of_ones_own_and_the_seed_are_used(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table, "logistic_regression")

    def zero(truth: FloatArray, score: FloatArray) -> FloatArray:
        return np.zeros(len(truth)) * score

    assert {one.share for one in permutation_importance(artifact, table, loss=zero)} == {0.0}
    first, again = (permutation_importance(artifact, table, seed=3, max_rows=50, repeats=2) for _ in range(2))
    assert first == again
    assert first[0].importance.n == 50


def test_partial_dependence_of_a_line_is_that_line(make_table: MakeTable) -> None:
    table = make_table("regression", n=2000)
    artifact = artifact_of(table, "linear_regression")
    signal, colour = partial_dependence(artifact, table, ["signal", "colour"], points=5)
    x = np.array([float(point.value) for point in signal.points])
    y = np.array([point.score.value for point in signal.points])
    np.testing.assert_allclose(np.diff(y) / np.diff(x), 2.0, rtol=0.05)
    means = {point.value: point.score.value for point in colour.points}
    assert means["red"] - means["blue"] == pytest.approx(1.5, abs=0.1)
    assert signal.points[0].score.n == 500


def test_the_band_holds_eighty_percent_of_the_rows_own_curves(make_table: MakeTable) -> None:
    # on a line all curves are parallel: the band is as wide as the rest of the score, here 1.5 for red and 0 for others
    table = make_table("regression", n=3000)
    artifact = artifact_of(table, "linear_regression")
    (signal,) = partial_dependence(artifact, table, ["signal"], points=5)
    widths = [point.rows_high - point.rows_low for point in signal.points]
    assert widths == pytest.approx([1.5] * len(widths), abs=0.15)
    rows = table.rows(np.arange(500))
    (one,) = partial_dependence(artifact, rows, ["signal"], points=3)
    for point in one.points:
        score = artifact.score(rows.features.assign(signal=point.value))
        assert (point.rows_low, point.rows_high) == pytest.approx(tuple(np.quantile(score, [0.1, 0.9])))
        assert float(np.mean((score >= point.rows_low) & (score <= point.rows_high))) >= 0.8


def test_partial_dependence_of_one_class(make_table: MakeTable) -> None:
    table = make_table("multiclass")
    artifact = artifact_of(table, "logistic_regression")
    (low,) = partial_dependence(artifact, table, ["signal"], code=0)
    (high,) = partial_dependence(artifact, table, ["signal"], code=2)
    assert low.points[0].score.value > 0.8 > low.points[-1].score.value
    assert high.points[0].score.value < 0.2 < high.points[-1].score.value


def test_what_cannot_be_explained_is_said(make_table: MakeTable) -> None:
    table = make_table()
    artifact = artifact_of(table, "logistic_regression")
    with pytest.raises(DataError, match="No rows"):
        permutation_importance(artifact, table.take("nowhere"))
    with pytest.raises(DataError, match="age"):
        partial_dependence(artifact, table, ["age"])


def test_rows_of_one_customer_count_once(make_table: MakeTable) -> None:
    """Every row five times is no more evidence: with clusters the intervals are nearly those of the rows alone."""
    table = make_table(n=400)
    five = table.rows(np.repeat(np.arange(400), 5))
    artifact = SolutionArtifact("s", "binary", table.classes, fit_candidate("logistic_regression", table))
    owned = replace(five, cluster=np.repeat(np.arange(400), 5))
    wide, narrow, alone = (
        next(one.importance for one in permutation_importance(artifact, t, seed=1) if one.feature == "signal")
        for t in (owned, five, table)
    )
    assert wide.value == narrow.value
    assert (wide.high - wide.low) > 1.4 * (
        narrow.high - narrow.low
    )  # √5 but for the shuffle, which each copy has for itself
    assert (wide.high - wide.low) < 1.3 * (alone.high - alone.low)
    spread = [partial_dependence(artifact, t, ["signal"], max_rows=2000)[0].points[0].score for t in (owned, five)]
    assert (spread[0].high - spread[0].low) > 2 * (spread[1].high - spread[1].low)

"""Slices of a fitted solution: what it promises, and where it fails to."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.losses import row_loss
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.weak_slices import promised_loss, weak_slices
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable

FAMILY: dict[Task, str] = {
    "binary": "logistic_regression",
    "multiclass": "logistic_regression",
    "regression": "linear_regression",
}


def test_the_promise_is_the_entropy() -> None:
    found = promised_loss(np.array([0.5, 1.0]), "binary")
    assert found == pytest.approx([np.log(2), 0.0])
    found = promised_loss(np.array([[0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3]]), "multiclass")
    assert found == pytest.approx([1.0296530140645737, np.log(3)])
    assert promised_loss(np.array([3.0]), "regression") is None


def test_true_probabilities_keep_their_promise_on_average() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0, 1, 200_000)
    truth = (rng.random(p.size) < p).astype(float)
    promised = promised_loss(p, "binary")
    assert promised is not None
    assert row_loss(truth, p, task="binary").mean() == pytest.approx(promised.mean(), abs=0.005)


def _turned(table: TrainingTable, groups: pd.DataFrame) -> TrainingTable:
    """The same rows, the truth of one group being another one."""
    at = (groups["sex"] == "m").to_numpy()
    if table.task == "multiclass":
        return dataclasses.replace(table, truth=np.where(at, 2 - table.truth, table.truth))
    other = 1 - table.truth if table.task == "binary" else table.truth + 3.0
    return dataclasses.replace(table, truth=np.where(at, other, table.truth))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_group_that_is_no_input_is_found_where_it_turns_out_otherwise(make_table: MakeTable, task: Task) -> None:
    table = make_table(task, n=4500)
    groups = pd.DataFrame({"sex": np.random.default_rng(0).choice(["f", "m"], len(table))})
    artifact = SolutionArtifact("s", task, table.classes, fit_candidate(FAMILY[task], table))

    def found(of: TrainingTable) -> list[str]:
        kept = [np.flatnonzero(of.part == part) for part in ("validation", "test")]
        sides = [of.rows(at) for at in kept]
        by = (groups.iloc[kept[0]], groups.iloc[kept[1]])
        return [one.words for one in weak_slices((artifact, artifact), (sides[0], sides[1]), groups=by).worse]

    assert found(table) == []
    assert "sex = m" in found(_turned(table, groups))

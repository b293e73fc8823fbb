import pytest

from ml_assets.learning.job import Job, Recipe
from ml_assets.statistics.metrics import Task
from ml_assets_tests.learning.conftest import MakeTable


@pytest.mark.parametrize(("task", "expected"), [("binary", 2), ("multiclass", 3), ("regression", 0)])
def test_number_of_classes(make_table: MakeTable, task: Task, expected: int) -> None:
    table = make_table(task, n=20)
    job = Job("dummy", table, table.take("none"), (), {}, Recipe())
    assert job.n_classes == expected

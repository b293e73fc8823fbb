from pathlib import Path

from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import PARALLEL_CELLS, threads
from ml_assets_tests.learning.conftest import MakeTable
from ml_assets_tests.learning.test_candidates import SMALL


def test_saving_a_model_twice_gives_the_same_bytes(make_table: MakeTable, tmp_path: Path) -> None:
    for name in ("logistic_regression", "xgboost"):
        predictor = fit_candidate(name, make_table(n=300), recipe=Recipe(SMALL.get(name, {})))
        copies = []
        for place in ("one", "two"):
            (tmp_path / name / place).mkdir(parents=True)
            files = predictor.save(tmp_path / name / place)
            copies.append([(tmp_path / name / place / file).read_bytes() for file in files])
        assert copies[0] == copies[1]


def test_threads_follow_the_size_of_the_table_alone() -> None:
    assert (threads(PARALLEL_CELLS - 1), threads(PARALLEL_CELLS)) == (1, 2)

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import ArtifactError, DataError
from ml_assets.learning.artifact import SolutionArtifact, load, save
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.learning.job import Recipe
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray
from ml_assets.statistics.calibration import Calibration
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import BinaryValue, MulticlassValue, RegressionValue
from ml_assets_tests.learning.conftest import MakeTable
from ml_assets_tests.learning.test_candidates import SMALL

SCORE = """
import sys
import pandas as pd
from ml_assets.learning.artifact import load
artifact = load(sys.argv[1], digest=sys.argv[2])
frame = pd.DataFrame({"signal": [0.1, -2.0] * 1000, "colour": ["red", "green"] * 1000, "noise": [0.0, 1.0] * 1000})
answer = artifact.predict(frame)
assert len(answer.decision) == 2000
loaded = set(sys.argv[3].split(",")) & set(sys.modules)
assert not loaded, loaded
"""


class Fixed:
    """A model whose answers are written down."""

    kind = "fixed"
    family = "fixed"

    def __init__(self, scores: FloatArray) -> None:
        self.scores = scores
        self.parameters: dict[str, float] = {}
        self.specs = (FeatureSpec("x", "numeric"),)

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        return self.scores[: len(frame)]

    def save(self, directory: Path) -> tuple[str, ...]:
        raise NotImplementedError(directory)


def fixed(task: Task, scores: list[float] | list[list[float]]) -> SolutionArtifact:
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    return SolutionArtifact("s", task, classes, Fixed(np.array(scores)))


ROWS = pd.DataFrame({"x": [0.0, 0.0]})


@pytest.fixture
def make_artifact(make_table: MakeTable) -> Callable[..., SolutionArtifact]:
    def make(name: str = "logistic_regression", task: Task = "binary") -> SolutionArtifact:
        table = make_table(task, n=300)
        predictor = fit_candidate(name, table, recipe=Recipe(SMALL.get(name, {})))
        return SolutionArtifact("credit", task, table.classes, predictor)

    return make


def test_decisions_by_hand() -> None:
    binary = fixed("binary", [0.5, 0.49])
    assert binary.predict(ROWS).decision.tolist() == [1, 0]
    assert replace(binary, threshold=0.3).predict(ROWS).decision.tolist() == [1, 1]
    assert replace(binary, threshold=math.inf).predict(ROWS).decision.tolist() == [0, 0]
    many = fixed("multiclass", [[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    assert many.predict(ROWS).decision.tolist() == [0, 2]
    costly = MulticlassValue(((1.0, 0.0, 0.0), (-9.0, 1.0, -9.0), (0.0, 0.0, 1.0)))  # missing a "b" costs 9
    assert replace(many, value=costly).predict(ROWS).decision.tolist() == [1, 1]
    assert fixed("regression", [3.5, -1.0]).predict(ROWS).decision.tolist() == [3.5, -1.0]


def test_the_threshold_is_held_against_the_calibrated_score() -> None:
    halves = Calibration(kind="isotonic", x=(0.0, 1.0), y=(0.0, 0.5))
    answer = replace(fixed("binary", [0.9, 0.6]), calibration=halves, threshold=0.4).predict(ROWS)
    np.testing.assert_allclose(answer.score, [0.45, 0.3])
    assert answer.decision.tolist() == [1, 0]


def test_a_model_that_answers_nan_is_stopped() -> None:
    with pytest.raises(DataError, match="1 of 2"):
        fixed("regression", [1.0, math.nan]).predict(ROWS)


def test_protected_columns_cannot_be_inputs() -> None:
    with pytest.raises(ArtifactError, match="Protected columns"):
        replace(fixed("binary", [0.1, 0.2]), excluded_groups=("sex", "x"))
    with pytest.raises(ArtifactError, match="Inputs are not"):
        replace(fixed("binary", [0.1, 0.2]), specs=(FeatureSpec("y", "numeric"),))
    with pytest.raises(ArtifactError, match="Threshold"):
        replace(fixed("binary", [0.1, 0.2]), threshold=math.nan)


@pytest.mark.parametrize(
    ("task", "value"),
    [
        ("binary", BinaryValue(5.0, -1.0, -2.5, 0.0)),
        ("multiclass", MulticlassValue(((1.0, 0.0, -1.0), (0.0, 2.0, 0.0), (0.0, 0.0, 3.0)))),
        ("regression", RegressionValue(-1.5, -3.0)),
    ],
)
def test_everything_survives_storage(
    make_artifact: Callable[..., SolutionArtifact],
    make_table: MakeTable,
    tmp_path: Path,
    task: Task,
    value: BinaryValue | MulticlassValue | RegressionValue,
) -> None:
    calibration = Calibration(kind="sigmoid", slope=1.25, intercept=-0.125) if task == "binary" else Calibration()
    artifact = replace(
        make_artifact("xgboost", task),
        calibration=calibration,
        threshold=1 / 3 if task == "binary" else None,
        value=value,
        excluded_groups=("sex",),
        facts={"rows": 180, "auc": math.nan, "nested": {"list": [1, "é", None, np.float64(0.5)]}},
    )
    digest = save(artifact, tmp_path / "m")
    copy = load(tmp_path / "m", digest=digest)
    assert (copy.solution, copy.task, copy.classes, copy.specs) == ("credit", task, artifact.classes, artifact.specs)
    assert (copy.calibration, copy.threshold, copy.value) == (calibration, artifact.threshold, value)
    assert copy.excluded_groups == ("sex",)
    assert copy.facts == {"rows": 180, "auc": None, "nested": {"list": [1, "é", None, 0.5]}}
    frame = make_table(task, n=300).features
    np.testing.assert_array_equal(copy.predict(frame).score, artifact.predict(frame).score)
    np.testing.assert_array_equal(copy.predict(frame).decision, artifact.predict(frame).decision)


def test_an_unreachable_threshold_survives_storage(
    make_artifact: Callable[..., SolutionArtifact], tmp_path: Path
) -> None:
    save(replace(make_artifact(), threshold=math.inf), tmp_path / "m")
    assert load(tmp_path / "m").threshold == math.inf


def test_the_same_model_has_the_same_digest(make_artifact: Callable[..., SolutionArtifact], tmp_path: Path) -> None:
    for name in ("logistic_regression", "xgboost"):
        one, two = make_artifact(name), make_artifact(name)
        assert save(one, tmp_path / name / "one") == save(two, tmp_path / name / "two")
        assert save(one, tmp_path / name / "one") != save(replace(one, threshold=0.4), tmp_path / name / "three")


@pytest.mark.parametrize(
    ("name", "file"),
    [("logistic_regression", "model.json"), ("xgboost", "model.ubj"), ("random_forest", "model.skops")],
)
def test_one_changed_byte_is_refused(
    make_artifact: Callable[..., SolutionArtifact], tmp_path: Path, name: str, file: str
) -> None:
    digest = save(make_artifact(name), tmp_path / "m")
    content = bytearray((tmp_path / "m" / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "m" / file).write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match=file):
        load(tmp_path / "m", digest=digest)


def test_an_extra_a_missing_and_a_swapped_model_are_refused(
    make_artifact: Callable[..., SolutionArtifact], tmp_path: Path
) -> None:
    digest = save(make_artifact(), tmp_path / "m")
    (tmp_path / "m" / "notes.txt").write_text("hello")
    with pytest.raises(ArtifactError, match=r"extra notes\.txt"):
        load(tmp_path / "m")
    (tmp_path / "m" / "notes.txt").unlink()
    (tmp_path / "m" / "solution.json").unlink()
    with pytest.raises(ArtifactError, match=r"no solution\.json"):
        load(tmp_path / "m")
    save(replace(make_artifact(), threshold=0.9), tmp_path / "m2")  # intact, but not the one that was released
    with pytest.raises(ArtifactError, match=digest):
        load(tmp_path / "m2", digest=digest)


def test_an_untrusted_type_is_refused_even_with_a_matching_manifest(
    make_artifact: Callable[..., SolutionArtifact], tmp_path: Path
) -> None:
    import skops.io

    from ml_assets.learning.storage import write_atomically
    from ml_assets_tests.learning.test_trust import Sneaky

    save(make_artifact("random_forest"), tmp_path / "m")

    def planted(target: Path) -> None:
        for file in ("model.json", "solution.json"):
            (target / file).write_bytes((tmp_path / "m" / file).read_bytes())
        (target / "model.skops").write_bytes(skops.io.dumps(Sneaky()))

    digest = write_atomically(tmp_path / "planted", planted)
    with pytest.raises(ArtifactError, match="Sneaky"):
        load(tmp_path / "planted", digest=digest)


def test_facts_that_are_not_json_are_refused(make_artifact: Callable[..., SolutionArtifact], tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="Facts"):
        save(replace(make_artifact(), facts={"day": pd.Timestamp("2024-01-01")}), tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [
        ("xgboost", "skops,sklearn.pipeline,sklearn.compose,sklearn.linear_model,sklearn.ensemble"),
        ("logistic_regression", "skops,sklearn,xgboost,scipy"),
    ],
)
def test_scoring_loads_only_what_it_needs(
    make_artifact: Callable[..., SolutionArtifact], tmp_path: Path, name: str, unwanted: str
) -> None:
    digest = save(make_artifact(name), tmp_path / "m")
    subprocess.run([sys.executable, "-c", SCORE, str(tmp_path / "m"), digest, unwanted], check=True)


BY_SEX = GroupThresholds("sex", {"f": 0.3, "m": math.inf}, 0.5)


def test_group_thresholds_decide_by_group_and_travel_with_the_artifact(
    make_artifact: Callable[..., SolutionArtifact], make_table: MakeTable, tmp_path: Path
) -> None:
    plain = make_artifact()
    grouped = replace(plain, group_thresholds=BY_SEX, group_at_decision="allowed")
    frame = make_table("binary", n=60).features
    groups = pd.DataFrame({"sex": ["f", "m", "x"] * 20})
    digest = save(grouped, tmp_path / "grouped")
    again = load(tmp_path / "grouped", digest=digest)
    assert again.group_thresholds == BY_SEX
    assert again.group_at_decision == "allowed"
    answer = again.predict(frame, groups=groups)
    limit = np.where(groups["sex"] == "f", 0.3, np.where(groups["sex"] == "m", math.inf, 0.5))
    assert np.array_equal(answer.decision, (answer.score >= limit).astype(int))
    assert np.allclose(answer.score, plain.predict(frame).score)


def test_without_groups_a_solution_that_decides_by_group_refuses_to_answer(
    make_artifact: Callable[..., SolutionArtifact], make_table: MakeTable
) -> None:
    grouped = replace(make_artifact(), group_thresholds=BY_SEX, group_at_decision="allowed")
    frame = make_table("binary", n=10).features
    with pytest.raises(DataError, match=r"no groups.*allowed: a column 'sex'.*predict\(frame, groups"):
        grouped.predict(frame)
    with pytest.raises(DataError, match="10 rows of race"):
        grouped.predict(frame, groups=pd.DataFrame({"race": ["a"] * 10}))


def test_group_thresholds_are_refused_where_the_group_is_forbidden_or_there_is_nothing_to_cut() -> None:
    with pytest.raises(ArtifactError, match="group_at_decision forbidden"):
        replace(fixed("binary", [0.5, 0.5]), group_thresholds=BY_SEX)
    with pytest.raises(ArtifactError, match="task regression"):
        replace(fixed("regression", [0.5, 0.5]), group_thresholds=BY_SEX, group_at_decision="allowed")


def test_an_artifact_without_group_thresholds_is_written_as_before(
    make_artifact: Callable[..., SolutionArtifact], make_table: MakeTable, tmp_path: Path
) -> None:
    plain = make_artifact()
    save(plain, tmp_path / "plain")
    state = json.loads((tmp_path / "plain" / "solution.json").read_text())
    assert state["format"] == 1
    assert not {"group_thresholds", "group_at_decision"} & set(state)
    again, frame = load(tmp_path / "plain"), make_table("binary", n=9).features
    groups = pd.DataFrame({"sex": ["f"] * 9})
    assert again.group_thresholds is None
    assert np.array_equal(again.predict(frame, groups=groups).decision, plain.predict(frame).decision)

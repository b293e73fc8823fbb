"""Decisions with the attribute exchanged: worked by hand, planted, and nothing where nothing reads it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.counterfactual import flips, reads, standing_for
from ml_assets.learning.group_thresholds import GroupThresholds
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray
from ml_assets.statistics.metrics import Task

SPECS = (FeatureSpec("merit", "numeric"), FeatureSpec("sex", "categorical", ("f", "m")))


@dataclass(frozen=True)
class Plain:
    """merit plus ``bonus`` for men; of three classes the third gets it from the first."""

    bonus: float
    task: Task = "binary"
    specs: tuple[FeatureSpec, ...] = SPECS
    kind: str = "plain"
    family: str = "plain"

    @property
    def parameters(self) -> dict[str, float]:
        return {"bonus": self.bonus}

    def predict(self, frame: pd.DataFrame) -> FloatArray:
        own = self.bonus * (frame["sex"] == "m").to_numpy() if "sex" in frame else 0.0
        score = np.asarray(frame["merit"].to_numpy() + own, dtype=np.float64)
        return score if self.task != "multiclass" else np.stack([0.5 - own, 0.5 - score + own, score], axis=1)

    def save(self, directory: Path) -> tuple[str, ...]:
        raise NotImplementedError(directory)


def solution(bonus: float, task: Task = "binary", specs: tuple[FeatureSpec, ...] = SPECS) -> SolutionArtifact:
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    return SolutionArtifact("world", task, classes, Plain(bonus, task, specs))


ROWS = pd.DataFrame({"merit": [0.1, 0.35, 0.45, 0.6, 0.25], "sex": ["f", "f", "f", "f", "m"]})
SEX = ROWS[["sex"]]


def test_worked_by_hand() -> None:
    to_m, to_f = sorted(flips(solution(0.2), ROWS, SEX, {"sex": "sex"}), key=lambda one: one.group, reverse=True)
    assert (to_m.group, to_m.set_to, to_m.n) == ("m", "m", 4)
    # 0.35 and 0.45 pass 0.5 with the bonus, 0.1 does not, 0.6 did before
    assert (to_m.changed.value, to_m.gained.value, to_m.lost.value) == (0.5, 0.5, 0.0)
    assert to_m.score.value == pytest.approx(0.2)
    assert to_m.changed.low < 0.5 < to_m.changed.high
    assert (to_f.n, to_f.changed.value) == (1, 0.0)
    assert to_f.score.value == pytest.approx(-0.2)
    refused = next(f for f in flips(solution(0.2), ROWS, SEX, {"sex": "sex"}, favourable=0) if f.group == "m")
    assert (refused.gained.value, refused.lost.value) == (0.0, 0.5)


def test_a_model_that_does_not_lean_on_the_attribute_changes_nothing() -> None:
    for one in flips(solution(0.0), ROWS, SEX, {"sex": "sex"}):
        assert (one.changed.value, one.score.value) == (0.0, 0.0)
        assert one.changed.high > 0, "no change among few rows is no proof of none"


def test_nothing_is_exchanged_where_nothing_reads_it() -> None:
    blind = solution(0.2, specs=SPECS[:1])
    assert not reads(blind, "sex", "sex")
    assert flips(blind, ROWS[["merit"]], SEX, {"sex": "sex"}) == ()


def test_thresholds_by_group_read_the_group_though_it_is_no_input() -> None:
    by_group = SolutionArtifact(
        "world", "binary", ("no", "yes"), Plain(0.0, specs=SPECS[:1]),
        group_thresholds=GroupThresholds("sex", {"f": 0.5, "m": 0.3}, 0.5), group_at_decision="allowed",
    )  # fmt: skip
    to_m = next(f for f in flips(by_group, ROWS[["merit"]], SEX, {"sex": "sex"}) if f.group == "m")
    assert (to_m.set_to, to_m.n, to_m.gained.value, to_m.score.value) == (None, 4, 0.5, 0.0)


def test_numbers_and_several_classes() -> None:
    number = next(f for f in flips(solution(2.0, "regression"), ROWS, SEX, {"sex": "sex"}) if f.group == "m")
    assert (number.changed.value, number.score.value) == (1.0, 2.0)
    assert math.isnan(number.gained.value)
    many = next(f for f in flips(solution(0.1, "multiclass"), ROWS, SEX, {"sex": "sex"}) if f.group == "m")
    assert many.score.value == pytest.approx(0.1)  # a tenth of the probability moves


def test_a_band_is_set_to_a_middle_value_of_its_rows_and_types_are_kept() -> None:
    ages = pd.Series([20, 30, 40, 21], dtype="Int64")
    assert standing_for(ages) == 21
    assert standing_for(pd.Series(["b", "a", None])) == "a"
    assert standing_for(pd.Series([1, 1, 1])) == 1
    assert math.isnan(standing_for(pd.Series([np.nan, np.nan])))
    frame = ROWS.assign(sex=ROWS["sex"].astype("category"))
    assert len(flips(solution(0.2), frame, SEX, {"sex": "sex"})) == 2
    assert flips(solution(0.2), ROWS.head(2), SEX.head(2), {"sex": "sex"})[0].n == 0


def test_an_attribute_that_is_not_there_is_refused() -> None:
    with pytest.raises(DataError, match="attributes without groups"):
        flips(solution(0.2), ROWS, SEX, {"race": "race"})


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_ten_rows_of_a_customer_tell_no_more_than_one(task: Task) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"merit": rng.uniform(0.1, 0.7, 80), "sex": np.repeat(["f", "m"], 40)})
    many = rows.iloc[np.repeat(np.arange(80), 10)].reset_index(drop=True)
    who = np.repeat(np.arange(80), 10)
    one, copied, naive = (
        next(f for f in flips(solution(0.2, task), r, r[["sex"]], {"sex": "sex"}, cluster=c) if f.group == "m")
        for r, c in ((rows, None), (many, who), (many, None))
    )
    assert copied.changed.value == pytest.approx(one.changed.value)
    assert copied.changed.n == 400
    width, narrow = (f.changed.high - f.changed.low for f in (copied, naive))
    assert width == pytest.approx(one.changed.high - one.changed.low, rel=0.1)
    if task == "binary":
        assert 0 < one.changed.value < 1
    assert width > 2.5 * narrow

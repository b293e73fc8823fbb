"""Groups as sources really deliver them, from the first report to the release: a verdict, or an error that says what to do.

What part 4 says of each by itself stands in ``stages/test_data_bias_findings.py``; here a model is trained on it too.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.releases import challenger
from ml_assets.resources.store import Facts
from ml_assets.running import ROW_ASSETS, TRAINING_ASSETS
from ml_assets.stages.deployment.gates import ABSENT, PLANNED, PROMISED, gates
from ml_assets.statistics.calibration import Calibration
from ml_assets.statistics.disparity import disparities
from ml_assets.statistics.score_tensor import ScoreTensor
from ml_assets_tests.stages.declarations import declared
from ml_assets_tests.stages.lab import Lab, open_instance

N = 1_200
GAPS = "gaps between groups inside tolerance"
BASE: dict[str, Any] = {
    "name": "people",
    "business_case": {
        "decision": "lend or not", "owner": "team:tests", "prediction": "probability of default", "favourable": "negative",
        "target": {"column": "left", "positive": 1},
        "value": {"true_positive": 0, "false_positive": -40, "false_negative": -100, "true_negative": 20},
    },
    "data_bias": {"protected": ["sex"], "reference_population": {"sex": {"f": 0.5, "m": 0.5}}},
    "data_pipeline": {"id": "person"},
    "model": {"candidates": ["logistic_regression"]},
}  # fmt: skip
APPROVED = {"reason": "r", "approved_by": "Ann", "expires": "2099-01-01"}
Frame = pd.DataFrame
Journey = Callable[..., Lab]


def people() -> Frame:
    """Everybody alike: who leaves follows income and debt, and has nothing to do with the group."""
    rng = np.random.default_rng(3)
    income, debt = rng.normal(50, 10, N), rng.normal(20, 5, N)
    chance = 1 / (1 + np.exp(0.16 * (income - 50) - 0.2 * (debt - 20)))
    return pd.DataFrame(
        {
            "person": [f"p{i}" for i in range(N)],
            "income": income,
            "debt": debt,
            "sex": rng.choice(["f", "m"], N),
            "left": (rng.random(N) < chance).astype(int),
        }
    )


def saved(frame: Frame, folder: Path, **changes: Any) -> Lab:
    """A lab on a file of these rows."""
    frame.to_parquet(folder / "rows.parquet")
    source = {"source": {"type": "files", "path": str(folder / "rows.parquet")}}
    return Lab(declared(BASE, data_pipeline=source, **changes), open_instance(folder / "made"), folder / "made")


@pytest.fixture
def journey(tmp_path: Path) -> Iterator[Journey]:
    """Rows to release decision; what is different about the declaration."""
    made: list[Lab] = []

    def travel(frame: Frame, **changes: Any) -> Lab:
        made.append(saved(frame, tmp_path, **changes))
        made[-1].ok(*ROW_ASSETS)
        made[-1].ok(*TRAINING_ASSETS)
        return made[-1]

    yield travel
    for lab in made:
        lab.instance.dispose()


def refusing(lab: Lab) -> dict[str, str]:
    """The gates that refused, with what they say."""
    return {g["name"]: g["sentence"] for g in lab.store.read_facts("champion")["gates"] if not g["passed"]}


def judged(lab: Lab, group: str) -> dict[str, Facts]:
    """What the model report says of a group, by metric; every verdict has its sentence."""
    found = [d for d in lab.store.read_facts("model_bias_report")["disparities"] if d["group"] == group]
    assert all(d["verdict"] in d["sentence"].replace("not estimable", "not_estimable") for d in found)
    return {d["metric"]: d for d in found}


def weights(lab: Lab) -> "pd.Series[float]":
    found: pd.Series[float] = lab.store.read_frame("sample_weights")["weight"]
    assert np.isfinite(found).all()
    assert (found > 0).all()
    return found


def test_a_group_without_a_row_is_a_finding_and_a_promise_about_it_is_not_measured(journey: Journey) -> None:
    effect = {"metric": "selection_rate_ratio", "group": "sex=x", "at_least": 0.8}
    entry = {"finding": "D-representation-sex=x", "action": "collect_data", **APPROVED, "expected_effect": [effect]}
    shares = {"sex": {"f": 0.4, "m": 0.4, "x": 0.2}}
    lab = journey(people(), data_bias={"reference_population": shares})
    assert refusing(lab) == {PLANNED: "without an approved, unexpired entry: D-representation-sex=x"}
    assert not judged(lab, "x")
    planned = lab.but(data_bias={"plan": [entry]})
    planned.ok("bias_remediation_plan", "champion")
    assert not refusing(planned)
    (told,) = (g for g in planned.store.read_facts("champion")["gates"] if g["name"] == PROMISED)
    assert "selection_rate_ratio of sex=x promised at least 0.8, not measured" in told["sentence"]


@pytest.mark.parametrize("rows", [1, 5])
def test_a_handful_of_rows_proves_nothing_and_holds_nobody_back(journey: Journey, rows: int) -> None:
    """All of the group that stand in the test part were chosen: by Katz' interval that was a proven gap, of one row."""
    frame = people()
    lab = journey(frame.assign(sex=frame["sex"].where(frame.index >= rows, "x")))
    ratio = judged(lab, "x")["selection_rate_ratio"]
    assert (ratio["value"]["n"], ratio["verdict"]) == (1, "inconclusive")
    assert ratio["value"]["value"] > 1.25
    assert "Too few rows" in ratio["sentence"]
    assert lab.store.read_facts("data_bias_report")["masked"]["sex"]["x"] == "small"
    assert not refusing(lab)
    assert (weights(lab) == 1).all()


def test_one_class_in_a_group_is_found_and_its_rate_is_not_zero(journey: Journey) -> None:
    frame = people()
    lab = journey(frame.assign(left=np.where(frame["sex"] == "f", 1, frame["left"])))
    assert judged(lab, "f")["equal_opportunity_difference"]["verdict"] == "not_estimable"
    assert judged(lab, "f")["equal_opportunity_difference"]["value"]["value"] is None
    assert "D-label-sex=f, D-label-sex=m" in refusing(lab)[PLANNED]
    assert weights(lab).nunique() > 1
    facts = lab.store.read_facts("sample_weights")["figures"]
    assert 0 < facts["gap_after"] < facts["gap_before"], "nobody of the group stayed: no weight makes one of them"


def test_an_attribute_missing_for_half_is_a_group_of_its_own(journey: Journey) -> None:
    frame = people()
    lab = journey(frame.assign(sex=frame["sex"].where(frame.index % 2 == 0)))
    rows = sum(judged(lab, g)["selection_rate_ratio"]["value"]["n"] for g in ("f", "m", "unknown"))
    assert rows == lab.store.read_facts("model_bias_report")["rows"]
    nobody_knows = judged(lab, "unknown")["selection_rate_ratio"]
    assert (nobody_knows["test_verdict"], nobody_knows["out_of_fold_verdict"]) == ("inconclusive", "pass")
    assert (nobody_knows["verdict"], nobody_knows["basis"]) == ("pass", "out of fold")
    (finding,) = lab.store.read_facts("bias_remediation_plan")["findings"]
    assert (finding["id"], finding["status"]) == ("D-unknown-sex", "open")


def test_an_attribute_that_repeats_the_target(journey: Journey) -> None:
    """No weight makes a group and its label independent when one is the other: what was promised is not met, and said."""
    frame, entry = people(), {"finding": "sex", "action": "reweigh", **APPROVED}
    effect = {"metric": "label_rate_difference", "group": "sex", "at_most": 0.1}
    plan = [entry | {"expected_effect": [effect]}]
    lab = journey(frame.assign(sex=np.where(frame["left"] == 1, "f", "m")), data_bias={"plan": plan})
    refused = refusing(lab)
    assert "label_rate_difference of sex promised at most 0.1, is" in refused[PLANNED]
    assert "fail" in refused[GAPS]
    assert ABSENT not in refused
    assert lab.store.read_facts("sample_weights")["figures"]["gap_after"] == pytest.approx(1)
    weights(lab)


def test_the_target_itself_is_no_attribute() -> None:
    with pytest.raises(ValueError, match="got 'left', which is the target; allowed: any other column"):
        declared(
            BASE, data_pipeline={"source": {"type": "files", "path": "x"}}, data_bias={"protected": ["sex", "left"]}
        )


def test_a_hundred_groups_are_each_judged_and_none_is_accused(journey: Journey) -> None:
    lab = journey(people().assign(sex=[f"o{i % 100}" for i in range(N)]), data_bias={"reference_population!": {}})
    found = lab.store.read_facts("model_bias_report")["disparities"]
    assert len({d["group"] for d in found}) > 80
    assert {d["verdict"] for d in found} <= {"inconclusive", "not_estimable"}
    assert not refusing(lab)
    assert lab.store.read_facts("mitigation")["chosen"] == "none"
    assert lab.verdict("evaluation", "reproducible").passed


def test_a_measurement_without_bands_stops_before_anything_is_learned(tmp_path: Path) -> None:
    height = np.random.default_rng(1).normal(170, 10, N)
    lab = saved(
        people().assign(height=height), tmp_path, data_bias={"protected!": ["height"], "reference_population!": {}}
    )
    lab.ok(*ROW_ASSETS)
    found = lab.run(*TRAINING_ASSETS)
    assert not found.success
    assert "attribute 'height' is a measurement, and no bands are declared for it: got 1,200 different" in found.error
    assert "Declare the edges between its bands in data_bias.groups" in found.error
    assert not lab.store.batches("sample_weights")
    lab.instance.dispose()


def test_an_attribute_that_is_only_known_later(journey: Journey) -> None:
    """Nobody's group is known yet: nothing is shown, which is told, and in a high-risk case not enough."""
    lab = journey(people().assign(sex=pd.Series([None] * N, dtype=object)))
    assert judged(lab, "unknown")["selection_rate_ratio"]["verdict"] == "not_estimable"
    assert lab.store.read_facts("model_bias_report")["verdict"] == "not_estimable"
    for risk, passed in (("limited", True), ("high", False)):
        found, _ = gates(lab.but(business_case={"risk": risk}).solution, lab.store, None)
        (gate,) = (g for g in found if g.name == GAPS)
        assert gate.passed == passed
        assert "no gap of sex can be estimated on 236 rows: nothing is shown of it" in gate.sentence
    accepted = {"finding": "sex", "action": "accept", **APPROVED}
    strict = lab.but(business_case={"risk": "high"}, data_bias={"plan": [accepted]})
    assert next(g for g in gates(strict.solution, lab.store, None)[0] if g.name == GAPS).passed


def test_an_attribute_that_is_declared_to_come_later_is_audited_and_never_an_input() -> None:
    late = {"columns": {"sex": {"available": "after_outcome", "reason": "asked at the end"}}}
    source = {"source": {"type": "files", "path": "x"}}
    made: Solution = declared(
        BASE, data_pipeline=source, data_selection=late, data_bias={"as_input": {"sex": "a reason"}}
    )
    assert not made.data_bias.hidden
    assert "sex" in made.never_inputs


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan])
def test_infinite_scores_are_refused_with_what_was_got(wrong: float) -> None:
    groups, truth = pd.DataFrame({"sex": ["f", "m", "f", "m"]}), np.array([0, 1, 1, 0])
    score = np.array([0.1, wrong, 0.7, 0.2])
    limits = {"calibration_difference": 0.1}
    with pytest.raises(DataError, match=r"score.*got.*allowed"):
        disparities(groups, truth, truth, metrics=limits, score=score)
    with pytest.raises(DataError, match=r"decision.*got.*allowed"):
        disparities(groups, truth, score, metrics={"mean_residual_difference": 0.2}, task="regression")
    with pytest.raises(DataError, match=r"score.*got.*allowed"):
        ScoreTensor.of(groups, truth, score)


def test_a_model_that_answers_infinity_is_not_judged(journey: Journey) -> None:
    lab = journey(people())
    model = challenger(lab.store)
    endless: Any = _Endless(model.predictor)
    for calibration in (model.calibration, Calibration()):
        broken = replace(model, predictor=endless, calibration=calibration)
        with pytest.raises(DataError, match="Model answered with no number: got 1,200 of 1,200; allowed: none"):
            broken.predict(people())


class _Endless:
    """A predictor whose every answer overflows."""

    def __init__(self, predictor: Any) -> None:
        self.specs, self.family = predictor.specs, predictor.family

    def predict(self, frame: Frame) -> "np.ndarray[Any, Any]":
        return np.full(len(frame), math.inf)

"""Rates by group: from recorded counts with pairs, else from what part 8 recorded, masked by the count of people."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.report.rates import SELECTION, Cell, Rates, read_rates
from ml_assets.report.recorded import Recorded
from ml_assets.statistics.tensor import CountTensor
from ml_assets_tests.report.planted import estimate

BIASED = {"protected": ["sex", "job_group"], "reference_population!": {}, "plan": []}
EFFECTS: list[dict[str, Any]] = [
    {"attribute": "sex", "group": g, "rate": r, "before": estimate(0.5, n), "after": estimate(v, n)}
    for g, n, v in (("f", 100, 0.4), ("m", 60, 0.5))
    for r in ("selection rate", "true positive rate")
]
MITIGATION: dict[str, Any] = {"rows": [{"name": "none", "effects": EFFECTS}], "chosen": "none"}


def counted(groups: pd.DataFrame, truth: list[int], decision: list[int]) -> dict[str, object]:
    """A bias report with the counts of rows."""
    return {"disparities": [], "counts": CountTensor.of(groups, truth, decision).to_dict()}


def test_counts_give_groups_and_pairs(hand_made: Callable[..., Recorded]) -> None:
    groups = pd.DataFrame({"sex": list("ffmm") * 10, "job_group": ["a", "b"] * 20})
    decision = [0, 1, 0, 0] * 10
    found = read_rates(hand_made({"model_bias_report": counted(groups, [0] * 40, decision)}, data_bias=BIASED))
    assert found is not None
    assert found.crossed
    (women,) = [c for c in found.over(["sex"]) if c.groups == ("f",)]
    assert (women.people, women.favourable) == (20, 10)  # the favourable decision of the stream is the negative one
    (pair,) = [c for c in found.cells if set(c.groups) == {"f", "b"}]
    assert (pair.people, pair.favourable) == (10, 0)
    assert women.figure("accuracy").value == pytest.approx(0.5)


def test_without_counts_the_chosen_remedy_is_asked(hand_made: Callable[..., Recorded]) -> None:
    found = read_rates(hand_made({"mitigation": MITIGATION}))
    assert found is not None
    assert not found.crossed
    assert [(c.name, c.people, c.favourable) for c in found.cells] == [("sex = f", 100, 40), ("sex = m", 60, 30)]
    assert found.part == "validation part, 160 people"
    assert found.cells[0].figure(SELECTION).value == 0.4
    assert not found.cells[0].figure("accuracy").estimable


def test_nothing_recorded(hand_made: Callable[..., Recorded]) -> None:
    assert read_rates(hand_made()) is None
    assert read_rates(hand_made({"mitigation": {"rows": [], "chosen": "none"}})) is None


def test_pairs_of_a_masked_group_are_masked() -> None:
    rng = np.random.default_rng(0)
    cells = [Cell(("sex",), (g,), n, n // 2) for g, n in (("f", 200), ("m", 300), ("x", 4))]
    cells += [Cell(("sex", "job"), (g, j), int(rng.integers(40, 90)), 20) for g in "fm" for j in "ab"]
    cells += [Cell(("sex", "job"), ("x", "a"), 4, 2)]
    hidden = Rates(tuple(cells), "test part", crossed=True).hidden(10)
    assert {c.groups for c in hidden if len(c.groups) == 1} == {("x",), ("f",)}
    assert {c.groups for c in hidden if len(c.groups) == 2} >= {("x", "a"), ("f", "a"), ("f", "b")}

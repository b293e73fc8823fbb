"""Gaps that tell the label: planted in everyone, in one group, and not at all."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.metrics import Task
from ml_assets.statistics.missing_labels import EVERYONE, MissingLabelGap, missing_label_gaps

N = 4_000
RNG = np.random.default_rng(0)
SEX = pd.DataFrame({"sex": RNG.choice(["f", "m"], N)})
TRUTH = RNG.integers(0, 2, N)


def found(missing: "np.ndarray[Any, Any]", **options: Any) -> dict[str, MissingLabelGap]:
    frame = pd.DataFrame({"income": np.where(missing, np.nan, 1.0), "whole": 1.0})
    gaps = missing_label_gaps(frame, options.pop("truth", TRUTH), SEX, **options)
    assert {g.column for g in gaps} <= {"income"}
    return {g.group or g.attribute: g for g in gaps}


def test_gaps_at_random_tell_nothing() -> None:
    gaps = found(RNG.random(N) < 0.3)
    assert {g.verdict for g in gaps.values()} <= {"pass", "inconclusive"}
    assert gaps[EVERYONE].verdict == "pass"


def test_gaps_that_go_with_the_label_in_one_group_are_found_there() -> None:
    ours = (SEX["sex"] == "f").to_numpy()
    gaps = found(np.random.default_rng(1).random(N) < np.where(ours & (TRUTH == 1), 0.5, 0.1))
    assert gaps["f"].verdict == "fail"
    assert gaps["f"].difference.value > 0.4
    assert gaps["m"].verdict not in ("fail", "suspect")
    assert "sex = f, no income" in gaps["f"].sentence


def test_a_number_in_standard_deviations() -> None:
    wage = RNG.normal(100, 10, N)
    gaps = found(wage > 105, truth=wage, task="regression")
    assert gaps[EVERYONE].verdict == "fail"
    assert gaps[EVERYONE].difference.unit == ""
    assert gaps[EVERYONE].difference.value > 1


def test_classes_one_by_one() -> None:
    truth = RNG.integers(0, 3, N)
    frame = pd.DataFrame({"income": np.where(truth == 2, np.nan, 1.0)})
    gaps = missing_label_gaps(frame, truth, SEX, task="multiclass")
    assert {g.label for g in gaps if g.verdict == "fail"} == {"0", "1", "2"}


def test_nothing_missing_and_everything_missing() -> None:
    assert found(np.zeros(N, dtype=bool)) == {}
    assert found(np.ones(N, dtype=bool))[EVERYONE].verdict == "not_estimable"


@pytest.mark.parametrize("n", [1, 5])
def test_few_gaps_are_not_zero(n: int) -> None:
    gap = found(np.arange(N) < n)[EVERYONE]
    assert gap.n == n
    assert not gap.support.resolvable
    assert gap.verdict != "pass"


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_gap_of_customers_is_told_by_customers(task: Task) -> None:
    """A customer never gives an income, and has luck of its own in ten rows: no more than chance goes with the other."""
    rng, owner, held = np.random.default_rng(3), np.repeat(np.arange(80), 10), {"rows": 0, "customers": 0}
    groups, names = pd.DataFrame({"sex": ["f"] * 800}), {"rows": None, "customers": owner}
    for _ in range(200):
        frame = pd.DataFrame({"income": np.where((rng.random(80) < 0.5)[owner], np.nan, 1.0)})
        truth: Any = (rng.random(800) < rng.beta(0.6, 0.6, 80)[owner]).astype(int)
        if task == "regression":
            truth = rng.normal(size=80)[owner] + rng.normal(size=800)
        for name, cluster in names.items():
            gap = missing_label_gaps(frame, truth, groups, task=task, cluster=cluster)[0].difference
            held[name] += gap.low <= 0 <= gap.high
    assert 0.9 <= held["customers"] / 200 <= 0.985
    assert held["rows"] / 200 < 0.75


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_customers_of_one_row_change_nothing(task: Task) -> None:
    truth = RNG.integers(0, 3 if task == "multiclass" else 2, N)
    frame = pd.DataFrame({"income": np.where(RNG.random(N) < 0.3, np.nan, 1.0)})
    rows = missing_label_gaps(frame, truth, SEX, task=task)
    alone = missing_label_gaps(frame, truth, SEX, task=task, cluster=RNG.permutation(N))
    for one, other in zip(rows, alone, strict=True):
        assert (other.verdict, other.n, other.group) == (one.verdict, one.n, one.group)
        found = [(g.difference.value, g.difference.low, g.difference.high, g.support.q) for g in (one, other)]
        assert found[1] == pytest.approx(found[0], abs=1e-12)

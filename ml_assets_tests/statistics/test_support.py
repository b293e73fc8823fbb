"""What stands behind a verdict: the same comparisons made again give the same gaps, and q and detectable follow them."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.statistics.metrics import Task
from ml_assets.statistics.representation import label_gaps, missingness, representation, share_contrasts
from ml_assets.statistics.support import gap_supports, share_supports, supports
from ml_assets.statistics.verdicts import rate_difference

RNG = np.random.default_rng(0)
GROUPS = pd.DataFrame({"sex": RNG.choice(["f", "m"], 2_000), "job": RNG.choice(list("abc"), 2_000)})


def test_a_comparison_without_rows_has_no_sign_of_a_gap() -> None:
    empty, clear = supports(
        [rate_difference(0, 0, 1, 5, tolerance=0.1), rate_difference(90, 100, 10, 100, tolerance=0.1)]
    )
    assert (empty.q, empty.detectable, empty.resolvable) == (1.0, float("inf"), False)
    assert clear.q < 1e-9


def test_detectable_by_hand() -> None:
    # 1,000 and 1,000 rows at a rate of one half: 3.29 · sqrt(0.25 · 2/1000)
    (found,) = supports([rate_difference(500, 1_000, 500, 1_000, tolerance=0.1)])
    assert found.detectable == pytest.approx(3.29 * np.sqrt(0.25 * 2 / 1_000))
    assert found.resolvable


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_gaps_keep_their_resolvability(task: Task) -> None:
    truth = RNG.integers(0, 3 if task == "multiclass" else 2, 2_000) + (GROUPS["sex"] == "f") * (task == "regression")
    gaps = label_gaps(GROUPS, truth, task=task)
    found = gap_supports(GROUPS, truth, task=task, tolerance=0.1)
    assert [s.resolvable for s in found] == [g.resolvable for g in gaps]
    assert all(0 <= s.q <= 1 for s in found)
    if task == "regression":
        assert found[[g.group for g in gaps].index("f")].q < 1e-6


def test_shares_without_a_reference_support_nothing() -> None:
    sex, given = GROUPS["sex"], {"f": 0.8, "m": 0.2}
    declared = share_supports(representation(sex, reference=given), share_contrasts(sex, reference=given))
    assert all(s.q < 1e-6 and s.resolvable for s in declared)
    assert [s.q for s in share_supports(representation(GROUPS["job"], reference=None), {})] == [1.0] * 3


def test_missing_values() -> None:
    column = pd.Series(np.where((GROUPS["sex"] == "f") & (RNG.random(2_000) < 0.4), np.nan, 1.0))
    frame, sex = pd.DataFrame({"income": column}), GROUPS[["sex"]]
    missing, compared = missingness(frame, sex)
    found = supports(compared)
    assert all(s.q < 1e-6 for s in found)
    assert [s.resolvable for s in found] == [m.resolvable for m in missing]
    few = supports(missingness(frame, sex, cluster=np.arange(2_000) // 100)[1])
    assert [s.detectable > 3 * one.detectable for s, one in zip(few, found, strict=True)] == [True, True]

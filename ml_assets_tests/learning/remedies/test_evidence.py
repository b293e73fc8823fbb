"""Rows needed: by the published rule, and consistent with what the verdicts call resolvable."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.learning.remedies.evidence import Evidence, evidence
from ml_assets.statistics.disparity import disparities


def look(women: int, men: int, *, limit: float = 0.1, times: float = 1.0) -> Evidence:
    n = women + men
    groups = pd.DataFrame({"sex": ["f"] * women + ["m"] * men})
    truth = np.arange(n) % 2
    found = evidence(
        groups, truth, truth, metrics={"selection_rate_difference": limit}, task="binary", favourable=1, times=times
    )
    return next(one for one in found if one.group == "f")


def test_half_favoured_beside_many_needs_the_published_number() -> None:
    # n >= p (1 - p) (3.29 / 0.1)^2 = 271 when the rest is large
    assert look(100, 100_000).needed == pytest.approx(271, rel=0.03)
    assert look(100, 100_000, limit=0.05).needed == pytest.approx(1083, rel=0.03)


def test_rows_at_hand_count_beyond_those_judged() -> None:
    few, more = look(100, 10_000), look(100, 10_000, times=4.0)
    assert (few.n, few.enough) == (100, False)
    assert (more.n, more.enough) == (400, True)
    assert few.needed == more.needed
    assert "100 rows" in str(few)


@pytest.mark.parametrize("women", [40, 150, 400, 900])
def test_it_says_enough_where_the_verdict_is_resolvable(women: int) -> None:
    groups = pd.DataFrame({"sex": ["f"] * women + ["m"] * 3_000})
    truth = np.arange(women + 3_000) % 2
    gates = {"selection_rate_ratio": 0.8, "equal_opportunity_difference": 0.1, "accuracy_difference": 0.1}
    decision = np.where(np.arange(len(truth)) % 5 == 0, 1 - truth, truth)
    known = evidence(groups, truth, decision, metrics=gates, task="binary", favourable=1)
    found = disparities(groups, truth, decision, metrics=gates)
    assert [k.enough for k in known] == [f.resolvable for f in found]


def test_a_group_without_rows_in_the_denominator_has_no_number() -> None:
    groups = pd.DataFrame({"sex": ["f"] * 50 + ["m"] * 50})
    truth = np.r_[np.zeros(50), np.ones(50)]
    (women, _) = evidence(
        groups, truth, truth, metrics={"equal_opportunity_difference": 0.1}, task="binary", favourable=1
    )
    assert (women.n, women.needed, women.enough) == (0, None, False)
    assert "no number" in str(women)


def test_a_regression_counts_rows_by_their_spread() -> None:
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"sex": ["f"] * 60 + ["m"] * 600})
    truth = rng.normal(size=660)
    gates = {"mean_residual_difference": 0.2}
    found = evidence(groups, truth, truth + rng.normal(size=660), metrics=gates, task="regression")
    women = next(one for one in found if one.group == "f")
    assert women.needed is not None
    assert women.needed > 60

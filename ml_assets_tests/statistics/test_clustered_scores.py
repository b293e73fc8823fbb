"""Scores by owner: the same figures, as wide as the owners allow, and as narrow as rows where every owner has one."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.clustered_metrics import roc_auc_ends
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.clustered_scores import OwnedScores, owned_ranking, owned_score_gaps
from ml_assets.statistics.measures import Figure, How
from ml_assets.statistics.score_gaps import score_gaps
from ml_assets.statistics.score_tensor import ScoreTensor, middles
from ml_assets.statistics.tensor_gaps import Gap

LIMITS = {"roc_auc": 0.1, "calibration": 0.1}


def owned(groups: pd.DataFrame, truth: Any, score: Any, cluster: Any, metrics: Any = None) -> tuple[Gap, ...]:
    rows = OwnedScores.of(SharedRows.of(groups, cluster, truth=truth, decision=truth), score)
    return owned_score_gaps(ScoreTensor.of(groups, truth, score), rows, metrics or LIMITS)


def ends(gap: Gap) -> list[float]:
    own, rest, apart = gap.value, gap.rest, gap.gap
    return [own.value, own.low, own.high, rest.low, rest.high, apart.low, apart.high, own.n, gap.contrast.p_value]


def test_owners_of_one_row_change_nothing() -> None:
    rng = np.random.default_rng(0)
    groups = pd.DataFrame({"sex": rng.choice(["f", "m"], 300), "age": rng.choice(["<30", ">=30"], 300)})
    score = rng.random(300)
    truth = (rng.random(300) < score).astype(int)
    rows = score_gaps(ScoreTensor.of(groups, truth, score), LIMITS)
    by_owner = owned(groups, truth, score, rng.permutation(300))
    assert len(rows) == 16
    for one, other in zip(rows, by_owner, strict=True):
        assert (other.metric, other.attributes, other.group) == (one.metric, one.attributes, one.group)
        assert ends(other) == pytest.approx(ends(one))


def test_the_area_of_a_group_is_the_clustered_one_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    owner, groups = rng.integers(0, 60, 500), pd.DataFrame({"sex": rng.choice(["f", "m"], 500)})
    score = middles()[rng.integers(0, 1_025, 500)]
    truth = (rng.random(500) < score).astype(int)
    found = owned(groups, truth, score, owner, {"roc_auc": 0.1})
    for gap in found:
        ours = (groups["sex"] == gap.label).to_numpy()
        for side, at in ((gap.value, ours), (gap.rest, ~ours)):
            own = np.unique(owner[at], return_inverse=True)[1]
            figure = Figure(side.value, 0.0, 1.0, side.n)
            low, high = roc_auc_ends(truth[at].astype(float), score[at], own, figure, How(level=0.95))
            assert (side.low, side.high) == pytest.approx((low, high))


def test_one_owner_of_all_positives_leaves_an_area_as_unsure_as_few_rows() -> None:
    groups = pd.DataFrame({"sex": ["f"] * 8})
    truth, score = np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([0.9, 0.8, 0.3, 0.7, 0.4, 0.2, 0.1, 0.1])
    rows = OwnedScores.of(SharedRows.of(groups, np.array([0, 0, 0, 1, 2, 3, 4, 5]), truth=truth, decision=truth), score)
    (some,) = ScoreTensor.of(groups, truth, score).histograms(depth=1)
    found, of_owners = owned_ranking(some.counts[0], rows, np.ones(8, dtype=bool))
    assert of_owners.sum() == pytest.approx(0)  # the components are those of a mean
    assert found.value == pytest.approx(13 / 15)
    assert found.draws == 1
    # Hanley and McNeil with 1 and 5: only q2 counts, 2·(13/15)²/(1 + 13/15)
    q2, area = 2 * (13 / 15) ** 2 / (28 / 15), 13 / 15
    assert found.variance == pytest.approx((area * (1 - area) + 4 * (q2 - area**2)) / 5)


def test_equal_groups_are_held_as_often_as_is_said_and_by_rows_far_less() -> None:
    rng, owner = np.random.default_rng(5), np.repeat(np.arange(60), 10)
    groups = pd.DataFrame({"sex": np.where(owner % 2 == 0, "f", "m")})
    held: dict[str, Counter[str]] = {"rows": Counter(), "owners": Counter()}
    for _ in range(300):
        score = 1 / (1 + np.exp(-(0.7 * rng.normal(size=60)[owner] + 0.7 * rng.normal(size=600))))
        odds = np.log(score / (1 - score)) + 1.2 * rng.normal(size=60)[owner]
        truth = (rng.random(600) < 1 / (1 + np.exp(-odds))).astype(int)
        for name, found in (
            ("rows", score_gaps(ScoreTensor.of(groups, truth, score), LIMITS)),
            ("owners", owned(groups, truth, score, owner)),
        ):
            held[name].update(gap.metric for gap in found[:2] if gap.gap.low <= 0 <= gap.gap.high)
    for metric, most in (("roc_auc", 0.90), ("calibration", 0.82)):
        assert 0.92 <= held["owners"][metric] / 300 <= 0.985, held
        assert held["rows"][metric] / 300 < most, held


def test_groups_that_share_owners_of_opposed_luck_are_held() -> None:
    """Forty owners of twenty rows in each group: whom the score ranks well in the one it ranks ill in the other."""
    rng, owner, held, ratio = np.random.default_rng(6), np.repeat(np.arange(40), 40), 0, []
    women = np.tile(np.repeat([True, False], 20), 40)
    groups = pd.DataFrame({"sex": np.where(women, "f", "m")})
    for _ in range(200):
        truth, luck = rng.integers(0, 2, 1600), rng.normal(size=40)[owner] * np.where(women, 1, -1)
        away = rng.normal(size=1600) + (1.5 * luck + 0.5) * (2 * truth - 1)
        (gap, _) = owned(groups, truth, 1 / (1 + np.exp(-away)), owner, {"roc_auc": 0.1})
        held += gap.gap.low <= 0 <= gap.gap.high
        apart = math.hypot(gap.value.high - gap.value.low, gap.rest.high - gap.rest.low)
        ratio.append((gap.gap.high - gap.gap.low) / apart)
    assert 0.89 <= held / 200 <= 0.99, held  # 0.84 as if they were others
    assert 1.2 < sum(ratio) / 200 < 1.5  # the sides themselves are no less sure


def test_what_does_not_fit_is_refused() -> None:
    groups, truth, score = pd.DataFrame({"sex": ["f", "m"]}), [0, 1], [0.2, 0.7]
    with pytest.raises(DataError, match="no such metric of scores"):
        owned(groups, truth, score, np.arange(2), {"accuracy": 0.1})
    with pytest.raises(DataError):
        OwnedScores.of(SharedRows.of(groups, np.arange(2), truth=truth, decision=truth), [0.2])
    assert math.isnan(owned(groups, [1, 1], score, np.zeros(2), {"roc_auc": 0.1})[0].value.value)

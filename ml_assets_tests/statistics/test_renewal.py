"""When a model should be replaced: worked by hand, against the square root rule, and never on noise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.ageing import CostOfAge, cost_of_age
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.backtest import Every, Never, OnSignal, Policy, backtest
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.policy import RetrainingRule
from ml_assets.statistics.renewal import known_by_then, renewal

BLOCKS, DECISIONS = 14, 500


def _age(age: int, loss: float, p: float = 0.001, n: int = 5) -> CostOfAge:
    return CostOfAge(age, Estimate("loss per decision", loss, loss - 0.1, loss + 0.1, n, "EUR"), 100 * n, p)


def _gains(decay: float, *, seed: int, noise: float = 0.3) -> FloatArray:
    """Money that falls by ``decay`` per decision and block of age; blocks are good or bad, models lucky or not."""
    rng = np.random.default_rng(seed)
    age = np.arange(BLOCKS)[None, :] - np.arange(BLOCKS)[:, None] - 1
    drawn = 10 + 3 * rng.normal(size=BLOCKS) - decay * age + noise * rng.normal(size=(BLOCKS, BLOCKS))
    return np.where(age >= 0, drawn * DECISIONS, 0.0)


def test_three_ages_by_hand() -> None:
    """Per block: k = 1: 100/1; k = 2: (100 + 10·1)/2 = 55; k = 3: (100 + 10·(1 + 4))/3 = 50; kept: 10·(1 + 4 + 16)/4 = 52.5."""
    found = renewal(
        [_age(1, 1.0), _age(2, 4.0), _age(3, 16.0)], decisions=10, cost=100, unit="EUR", block="about 2 days"
    )
    assert (found.blocks, found.rate, found.kept) == (3, 50.0, 52.5)
    assert found.loss is not None
    assert found.loss.value == 16.0
    assert found.lost is not None
    assert (found.lost.value, found.lost.low, found.lost.high) == pytest.approx((50.0, 48.0, 52.0))  # 10·(±0.1 ± 0.1)
    assert (found.lost.n, found.lost.unit) == (5, "EUR")
    assert found.sentence == (
        "a model should be replaced after 3 blocks of about 2 days: from then on it loses 16 EUR per decision [15.9, 16.1] "
        "(5 blocks, n = 500 decisions); by then age has cost 50 EUR [48, 52] and a retraining costs 100 EUR; chosen on the same blocks"
    )


def test_a_retraining_that_costs_more_than_age_does_is_not_asked_for() -> None:
    found = renewal([_age(1, 1.0), _age(2, 4.0), _age(3, 16.0)], decisions=10, cost=1000, unit="EUR")
    assert (found.blocks, found.loss, found.lost) == (None, None, None)
    assert (
        "the cheapest, after 3 blocks, costs 350 EUR per block, losses by age are 52.5 EUR per block" in found.sentence
    )


def test_a_retraining_for_nothing_waits_for_the_first_loss_that_is_shown() -> None:
    ages = [_age(1, 0.2, p=0.4), _age(2, 0.3, p=0.2), _age(3, 1.0), _age(4, 1.5)]
    assert renewal(ages, decisions=10, cost=0.0).blocks == 3
    at_once = renewal([_age(1, 0.2), *ages[1:]], decisions=10, cost=0.0)
    assert at_once.blocks == 1
    assert at_once.lost is not None
    assert (at_once.lost.value, at_once.lost.low, at_once.lost.high) == (0.0, 0.0, 0.0)  # it is the freshest all along


def test_money_lost_at_ages_that_are_not_shown_is_in_the_interval() -> None:
    """Ages 1 and 2 are taken as losing nothing; their bounds are 10·(0.1 + 0.2) to 10·(0.3 + 0.4)."""
    found = renewal([_age(1, 0.2, p=0.4), _age(2, 0.3, p=0.2), _age(3, 1.0), _age(4, 1.5)], decisions=10, cost=0.0)
    assert found.lost is not None
    assert (found.lost.value, found.lost.low, found.lost.high) == pytest.approx((0.0, 0.0, 7.0))
    told = "age has cost 0 EUR [0, 7] (losses before 3 blocks of age are not beyond chance and count as 0)"
    assert told in found.sentence
    dear = renewal([_age(1, 1.0), _age(2, 4.0), _age(3, 16.0)], decisions=10_000, cost=12_345.0, unit="EUR")
    assert "a retraining costs 12,345 EUR" in dear.sentence


def test_losses_are_taken_as_rising() -> None:
    """2 and 1 become 1.5 each; an age on two blocks is not read."""
    found = renewal([_age(1, 2.0), _age(2, 1.0), _age(3, 90.0, n=2)], decisions=10, cost=5.0)
    # k = 1: 5; k = 2: (5 + 15)/2 = 10; kept: 10·(1.5 + 1.5)/3
    assert (found.blocks, found.rate, found.kept) == (1, 5.0, 10.0)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0, 100))
def test_no_age_is_named_where_no_loss_is_shown(values: list[float], cost: float) -> None:
    ages = [_age(i + 1, v, p=0.2) for i, v in enumerate(values)]
    found = renewal(ages, decisions=100, cost=cost)
    assert (found.blocks, found.loss) == (None, None)
    assert found.sentence.endswith("no loss by age is beyond chance")


@given(st.lists(st.floats(0, 50), min_size=2, max_size=8), st.floats(0, 2000))
def test_a_named_age_is_cheaper_than_any_other_and_than_keeping(values: list[float], cost: float) -> None:
    values = sorted(values)
    found = renewal([_age(i + 1, v) for i, v in enumerate(values)], decisions=10, cost=cost)
    losses = [0.0, *values]
    rates = [(cost + 10 * sum(losses[:k])) / k for k in range(1, len(losses))]
    kept = 10 * sum(losses) / len(losses)
    if found.blocks is None:
        assert min(rates) >= kept - 1e-6
    else:
        assert found.rate == pytest.approx(min(rates), abs=1e-6)
        assert found.rate == pytest.approx(rates[found.blocks - 1], abs=1e-6)
        assert found.rate < kept


def test_a_planted_decay_is_renewed_near_the_square_root_rule() -> None:
    """A loss of ``decay`` per decision and block costs cost/k + decisions·decay·(k - 1)/2 per block: least at √(2·cost/(decisions·decay))."""
    decay, cost = 0.2, 800.0
    ideal = math.sqrt(2 * cost / (DECISIONS * decay))
    named = [
        renewal(cost_of_age(_gains(decay, seed=s), [DECISIONS] * BLOCKS), decisions=DECISIONS, cost=cost).blocks
        for s in range(40)
    ]
    assert ideal == 4.0
    assert all(k is not None and abs(k - ideal) <= 2 for k in named)
    assert abs(float(np.mean([k for k in named if k is not None])) - ideal) < 0.75


def test_a_world_that_stays_is_renewed_by_mistake_as_rarely_as_stated() -> None:
    named = [
        renewal(cost_of_age(_gains(0.0, seed=s), [DECISIONS] * BLOCKS), decisions=DECISIONS, cost=0.0).blocks
        for s in range(400)
    ]
    wrong = sum(k is not None for k in named) / len(named)
    assert wrong <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(named))


def test_the_interval_of_the_money_lost_holds_the_truth() -> None:
    """A model of k blocks loses decisions·decay·(1 + … + (k - 1)); ages err together, so the interval errs to the wide side."""
    decay, inside = 0.2, []
    for seed in range(200):
        found = renewal(cost_of_age(_gains(decay, seed=seed), [DECISIONS] * BLOCKS), decisions=DECISIONS, cost=800.0)
        if found.blocks is not None and found.lost is not None:
            truth = DECISIONS * decay * found.blocks * (found.blocks - 1) / 2
            inside.append(found.lost.low <= truth <= found.lost.high)
    assert len(inside) > 190
    assert np.mean(inside) >= 0.95


def test_what_was_known_by_then_looks_at_no_block_ahead() -> None:
    gains = _gains(0.3, seed=3)
    named = known_by_then(gains, [DECISIONS] * BLOCKS, cost=400.0)
    assert named[:4] == (None,) * 4  # the first age has three blocks once the fifth is scored
    assert named[-1] is not None
    assert named[-1] == renewal(cost_of_age(gains, [DECISIONS] * BLOCKS), decisions=DECISIONS, cost=400.0).blocks
    turned = gains.copy()
    turned[:, 9:] *= -1
    assert known_by_then(turned, [DECISIONS] * BLOCKS, cost=400.0)[:9] == named[:9]


def _by_age(gains: FloatArray, cost: float) -> dict[str, float]:
    """Money less cost of never, of the age known by then, and of the age chosen on all blocks."""
    at = np.arange(BLOCKS)
    named = known_by_then(gains, [DECISIONS] * BLOCKS, cost=cost)
    old = at[None, :] - at[:, None] >= np.array([np.inf if k is None else k for k in named])[None, :]
    rule = RetrainingRule(on=("age",), cool_down_seconds=0.0)
    policies: list[Policy] = [
        Never(),
        OnSignal(rule, name="known by then"),
        Every(named[-1] or BLOCKS, "chosen on these blocks"),
    ]
    return {o.name: o.net for o in backtest(gains, {"age": old}, policies, cost=cost)}


def test_the_age_known_by_then_earns_where_age_costs_and_less_than_hindsight() -> None:
    outcomes = [_by_age(_gains(0.4, seed=s), 400.0) for s in range(30)]
    gained = np.array([o["known by then"] - o["never"] for o in outcomes])
    assert (gained > 0).all()
    hindsight = np.array([max(o.values()) for o in outcomes])
    assert (
        hindsight.mean() - np.mean([o["known by then"] for o in outcomes]) > 1000
    )  # choosing on the same blocks flatters


@pytest.mark.parametrize(("decisions", "cost"), [(0.0, 1.0), (math.nan, 1.0), (10.0, -1.0), (10.0, math.inf)])
def test_what_cannot_be_weighed_is_refused(decisions: float, cost: float) -> None:
    with pytest.raises(DataError, match="No renewal to weigh"):
        renewal([_age(1, 1.0)], decisions=decisions, cost=cost)

"""Replaying policies: hand-worked money, the oracle against every plan there is, the live policy as it decides live."""

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.backtest import Every, Never, OnSignal, Oracle, Policy, backtest, replay
from ml_assets.statistics.policy import RetrainingRule

NAN = math.nan
# The first model earns 10, then 2 and 2 as the world changes; one trained after batch 2 earns 9 on batch 3.
GAINS = np.array([[NAN, 10, 2, 2], [NAN, NAN, 3, 3], [NAN, NAN, NAN, 9], [NAN] * 4])
QUIET: dict[str, npt.NDArray[np.bool_]] = {"drift": np.zeros(4, dtype=bool)}
AT_ONCE = RetrainingRule(k=1, n=1, cool_down_seconds=0.0)


def world(batches: int, *changes: int, good: float = 10.0, stale: float = 4.0) -> npt.NDArray[np.float64]:
    """A model earns ``good`` while the regime it learned from lasts, ``stale`` afterwards."""
    regime = np.searchsorted(changes, np.arange(batches), side="right")
    gains = np.where(regime[:, None] == regime[None, :], good, stale)
    gains[np.tril_indices(batches)] = NAN
    return gains


def failing(batches: int, *at: int) -> npt.NDArray[np.bool_]:
    return np.isin(np.arange(batches), at)


def test_money_by_hand() -> None:
    never = replay(GAINS, QUIET, Never(), cost=1.0)
    assert (never.retrains, never.money, never.cost, never.net, never.regret) == (0, 14.0, 0.0, 14.0, 1.0)
    always = replay(GAINS, QUIET, Every(1), cost=1.0)
    assert (always.name, always.after, always.money, always.net) == ("every batch", (1, 2), 22.0, 20.0)
    oracle = replay(GAINS, QUIET, Oracle(), cost=1.0)
    assert (oracle.after, oracle.net, oracle.regret) == ((2,), 20.0, 0.0)  # 10 + 2 + 9 - 1; ties with every batch
    seen = replay(GAINS, {"drift": failing(4, 2)}, OnSignal(AT_ONCE), cost=1.0)
    assert (seen.after, seen.net, seen.regret) == ((2,), 20.0, 0.0)
    late = replay(GAINS, {"drift": failing(4, 1)}, OnSignal(AT_ONCE), cost=1.0)
    assert (late.after, late.net) == ((1,), 15.0)
    assert late.regret == pytest.approx(5 / 6)


def test_retraining_that_cannot_pay_has_no_regret_to_measure() -> None:
    outcome = replay(GAINS, QUIET, Oracle(), cost=100.0)
    assert outcome.after == ()
    assert math.isnan(outcome.regret)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 7), st.floats(0.0, 5.0), st.integers(0, 10_000))
def test_the_oracle_equals_the_best_of_all_plans(batches: int, cost: float, seed: int) -> None:
    gains = np.random.default_rng(seed).integers(-5, 10, (batches, batches)).astype(float)
    best = -math.inf
    inner = range(1, batches - 1)
    for plan in itertools.chain.from_iterable(itertools.combinations(inner, size) for size in range(batches)):
        model, net = 0, 0.0
        for batch in range(1, batches):
            net += gains[model, batch]
            if batch in plan:
                model, net = batch, net - cost
        best = max(best, net)
    assert replay(gains, {}, Oracle(), cost=cost).net == pytest.approx(best)


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 12), st.floats(0.0, 5.0), st.integers(0, 10_000), st.integers(1, 3), st.integers(0, 4))
def test_no_policy_beats_the_oracle(batches: int, cost: float, seed: int, k: int, cool: int) -> None:
    rng = np.random.default_rng(seed)
    gains, flags = rng.normal(size=(batches, batches)), rng.random(batches) < 0.5
    rule = RetrainingRule(k=k, n=3, cool_down_seconds=float(cool))
    policies: list[Policy] = [Never(), Every(1), Every(2), OnSignal(rule, seconds_per_batch=1.0), Oracle()]
    *others, oracle = backtest(gains, {"drift": flags}, policies, cost=cost)
    assert all(outcome.net <= oracle.net + 1e-9 for outcome in others)
    after = others[-1].after
    assert all(later - earlier >= cool for earlier, later in itertools.pairwise(after))
    assert others[-1].cost == pytest.approx(cost * len(after))


def test_a_signal_that_persists_pays_and_a_flicker_costs_nothing() -> None:
    signals = {"drift": failing(20, 3, 10, 11, 12)}  # batch 3 is a false alarm; the world changes at 10
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    outcomes = {
        outcome.name: outcome
        for outcome in backtest(world(20, 10), signals, (Never(), Every(1), Every(5), OnSignal(rule)), cost=3.0)
    }
    assert outcomes["declared policy"].after == (11,)
    assert outcomes["declared policy"].net > max(outcomes[name].net for name in ("never", "every batch"))
    assert outcomes["every 5 batches"].after == (5, 10, 15)
    # one batch later than the oracle, 6 of money each, of 10 batches won at a cost of 3
    assert outcomes["declared policy"].regret == pytest.approx(6 / (9 * 6 - 3))


def test_a_signal_may_depend_on_the_model_in_force() -> None:
    gains = world(20, 10)
    fails = gains < 10.0  # the first model fails from batch 10 on; one trained since then does not
    rule = RetrainingRule(k=2, n=3, cool_down_seconds=0.0)
    assert replay(gains, {"performance": fails}, OnSignal(rule), cost=1.0).after == (11,)
    fixed = replay(gains, {"performance": fails[0]}, OnSignal(rule), cost=1.0)
    assert fixed.after == (11, 13, 15, 17)  # the flags of the first model keep failing


def test_no_retraining_on_broken_batches() -> None:
    signals = {"drift": failing(20, 5, 6, 7), "performance:auc": failing(20, 5, 6)}
    broken = failing(20, 5, 6, 7)
    assert replay(world(20), signals, OnSignal(AT_ONCE), cost=1.0, broken=broken).retrains == 0
    assert replay(world(20), signals, OnSignal(AT_ONCE), cost=1.0).retrains == 3


def test_the_cool_down_and_the_budget_count_in_batches() -> None:
    signals = {"performance": failing(12, *range(12))}
    rule = RetrainingRule(k=1, n=1, cool_down_seconds=3.0, at_most=(2, 100.0))
    assert replay(world(12), signals, OnSignal(rule, seconds_per_batch=1.0), cost=1.0).after == (1, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"gains": np.ones((2, 3))},
        {"gains": np.full((4, 4), NAN)},
        {"signals": {"mood": failing(4)}},
        {"signals": {"drift": failing(3)}},
        {"signals": {"drift": np.zeros(4)}},
        {"cost": -1.0},
        {"broken": failing(5)},
        {"broken": np.zeros((4, 4), dtype=bool)},
    ],
)
def test_a_past_that_cannot_be_replayed_is_refused(change: dict[str, Any]) -> None:
    past: dict[str, Any] = {"gains": GAINS, "signals": QUIET, "cost": 1.0, "broken": None, **change}
    with pytest.raises(DataError):
        replay(past["gains"], past["signals"], Never(), cost=past["cost"], broken=past["broken"])


def test_a_period_below_one_batch_is_refused() -> None:
    with pytest.raises(DataError):
        Every(0)

"""The policy replayed on history, in money."""

import numpy as np
import pytest

from ml_assets.history import training_rows
from ml_assets.stages.retraining.assets import RENEW_AFTER, RENEW_DAYS, renewal_shown
from ml_assets.stages.retraining.replaying import (
    BY_AGE,
    MOST_BLOCKS,
    _blocks,
    _replay,
    gain_matrix,
    renewal_of,
    staleness,
)
from ml_assets.statistics.ageing import cost_of_age
from ml_assets_tests.stages.lab import Lab, days


def test_no_policy_beats_hindsight_and_never_costs_nothing(stream: Lab) -> None:
    facts = stream.store.read_facts("policy_backtest")
    net = {o["name"]: o["money"] - o["cost"] for o in facts["outcomes"]}
    assert set(net) == {"never", "every batch", BY_AGE, "declared policy", "oracle"}
    assert net[BY_AGE] == net["never"]  # no age was ever named
    assert "age alone as it was known by then" in facts["sentence"]
    assert all(net["oracle"] >= v - 1e-9 for v in net.values())
    never = next(o for o in facts["outcomes"] if o["name"] == "never")
    assert (never["retrains"], never["cost"]) == (0, 0)
    assert facts["blocks"] == MOST_BLOCKS


def test_a_single_table_has_no_past(table: Lab) -> None:
    facts = table.store.read_facts("policy_backtest")
    assert facts["outcomes"] == []
    assert "no past to replay" in facts["sentence"]
    assert facts["staleness"] == {"ages": [], "sentence": facts["sentence"]}
    assert facts["renewal"] is None


def test_blocks_are_whole_batches_in_order(stream: Lab) -> None:
    rows = training_rows(stream.solution, stream.store, weights=False)
    blocks = _blocks(rows)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(len(rows.table)))
    batches = [sorted(set(rows.batch[b])) for b in blocks]
    assert [b for part in batches for b in part] == days(1, 13)


def test_in_a_world_that_stays_no_age_is_shown_to_cost(stream: Lab) -> None:
    facts = stream.store.read_facts("policy_backtest")["staleness"]
    assert [a["age"] for a in facts["ages"]] == list(range(1, MOST_BLOCKS - 1))
    assert [a["loss"]["n"] for a in facts["ages"]] == list(range(MOST_BLOCKS - 2, 0, -1))
    assert {a["loss"]["unit"] for a in facts["ages"]} == {"EUR"}
    assert not any(a["shown"] for a in facts["ages"])
    assert facts["sentence"].endswith("no age loses beyond chance")
    assert "blocks of about 1.62 days older than the freshest" in facts["sentence"]
    shown = stream.metadata("policy_backtest")
    assert shown["staleness"] == facts["sentence"]
    assert shown["staleness_picture"].startswith("![EUR lost per decision by age of the model]")


def test_a_planted_decay_is_said_in_money_per_decision(stream: Lab) -> None:
    """Every block of age takes 2 per decision of the 100 decisions of a block."""
    age = np.arange(6)[None, :] - np.arange(6)[:, None] - 1
    gains = np.where(age >= 0, 100 * (10.0 - 2.0 * age), 0.0)
    ages = cost_of_age(gains, [100] * 6, unit="EUR")
    facts = staleness(stream.solution, ages, 0.5)
    assert facts["sentence"] == (
        "a model 2 blocks of about 12 hours older than the freshest loses 4 EUR per decision [4, 4] "
        "(3 blocks, n = 300 decisions); beyond chance from 1 block on"
    )
    # per block: 300/1 = 300; (300 + 200)/2 = 250; kept: 100·(2 + 4)/3 = 200, so nothing; at a cost of 100: 100, 150, 200
    dear = stream.but(retraining={"cost": 300.0}).solution
    assert renewal_of(dear, ages, [np.arange(100)] * 6, 3.0)["batches"] is None
    found = renewal_of(stream.but(retraining={"cost": 100.0}).solution, ages, [np.arange(100)] * 6, 3.0)
    assert (found["blocks"], found["batches"], found["rate"], found["kept"]) == (1, 3, 100.0, 200.0)
    assert found["days"] == 3.0
    assert "after 1 block of about 3 days" in found["sentence"]


def test_in_a_world_that_stays_no_age_asks_for_a_retraining(stream: Lab) -> None:
    facts = stream.store.read_facts("policy_backtest")
    assert (facts["renewal"]["blocks"], facts["renewal"]["batches"]) == (None, None)
    shown = stream.metadata("policy_backtest")
    assert shown["renewal"] == facts["renewal"]["sentence"]
    assert not {RENEW_AFTER, RENEW_DAYS} & set(shown)


def test_the_period_that_age_asks_for_is_replayed_and_shown_to_the_sensor(stream: Lab) -> None:
    """Every block of age takes 2 per decision; block 4 shows that age 1 does: 90 per block beat the (0 + 200)/2 of keeping."""
    rows = training_rows(stream.solution, stream.store, weights=False)
    blocks = [np.arange(100) + 100 * i for i in range(6)]
    age = np.arange(6)[None, :] - np.arange(6)[:, None] - 1
    gains = np.where(age >= 0, 100 * (10.0 - 2.0 * age), 0.0)
    solution = stream.but(retraining={"on": ["age"], "cost": 90.0, "at_most": "9 per 30 days"}).solution
    outcomes = {o.name: o for o in _replay(solution, rows, blocks, gains, 2.0, 2)}
    assert outcomes["every 2 batches, chosen on these blocks"].after == (2, 4)
    assert outcomes[BY_AGE].after == outcomes["declared policy"].after == (4,)
    assert outcomes["every batch"].after == (1, 2, 3, 4)
    assert not any("chosen" in o.name for o in _replay(solution, rows, blocks, gains, 2.0, None))
    shown = {"renewal": "a model should", RENEW_AFTER: 4, RENEW_DAYS: 2.0}
    assert renewal_shown({"sentence": "a model should", "batches": 4, "days": 2.0}) == shown
    assert RENEW_DAYS not in renewal_shown({"sentence": "a model should", "batches": 4, "days": None})


@pytest.mark.slow
def test_in_a_world_that_turns_a_model_of_the_past_loses_money(fork: Lab) -> None:
    fork.plant(labels=dict.fromkeys(days(9, 15), "inverted"))
    fork.ok("labels", batches=days(9, 15))
    fork.ok("training_set")
    rows = training_rows(fork.solution, fork.store, weights=False)
    blocks = _blocks(rows)
    gains = gain_matrix(fork.solution, fork.store, rows, blocks)
    assert gains[0, 1] > gains[0, -1]
    assert gains[-2, -1] > gains[0, -1]
    ages = cost_of_age(gains, [len(block) for block in blocks])
    assert ages[1].loss.value > 10  # lending to whom one should not, and the other way round

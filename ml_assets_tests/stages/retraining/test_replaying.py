"""The policy replayed on history, in money."""

import numpy as np
import pytest

from ml_assets.history import training_rows
from ml_assets.stages.retraining.replaying import MOST_BLOCKS, _blocks, gain_matrix
from ml_assets_tests.stages.lab import Lab, days


def test_no_policy_beats_hindsight_and_never_costs_nothing(stream: Lab) -> None:
    facts = stream.store.read_facts("policy_backtest")
    net = {o["name"]: o["money"] - o["cost"] for o in facts["outcomes"]}
    assert set(net) >= {"never", "declared policy", "oracle"}
    assert all(net["oracle"] >= v - 1e-9 for v in net.values())
    never = next(o for o in facts["outcomes"] if o["name"] == "never")
    assert (never["retrains"], never["cost"]) == (0, 0)
    assert facts["blocks"] == MOST_BLOCKS


def test_a_single_table_has_no_past(table: Lab) -> None:
    facts = table.store.read_facts("policy_backtest")
    assert facts["outcomes"] == []
    assert "no past to replay" in facts["sentence"]


def test_blocks_are_whole_batches_in_order(stream: Lab) -> None:
    rows = training_rows(stream.solution, stream.store, weights=False)
    blocks = _blocks(rows)
    assert sorted(np.concatenate(blocks).tolist()) == list(range(len(rows.table)))
    batches = [sorted(set(rows.batch[b])) for b in blocks]
    assert [b for part in batches for b in part] == days(1, 13)


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

"""Champion and challenger are compared on rows that neither was trained or tuned on."""

import numpy as np

from ml_assets.history import PART
from ml_assets.releases import live_model
from ml_assets.stages.deployment.gates import Gate, compare, gates, unseen_rows
from ml_assets_tests.stages.lab import Lab, days


def test_batches_the_champion_learned_from_are_left_out(fork: Lab) -> None:
    lab = fork.but(model={"test_span": "7 days"})
    lab.ok("training_set")
    live = live_model(lab.models, "stream")
    assert live is not None
    test = lab.store.read_frame("training_set", columns=[PART, "ml:batch"])
    assert set(test.loc[test[PART] == "test", "ml:batch"]) == set(days(9, 15))
    assert set(live.facts["learned_batches"]) & set(days(9, 15)) == set(days(9, 10))
    found = unseen_rows(lab.solution, lab.store, live)
    assert set(found.batch) == set(days(11, 15))
    assert len(found.table) == 1500


def test_a_model_compared_with_itself_is_not_worse_and_gains_nothing(stream: Lab) -> None:
    live = live_model(stream.models, "stream")
    assert live is not None
    found = compare(stream.solution, stream.store, live)
    assert found is not None
    assert found.difference.value == 0
    assert found.verdict == "not_worse"


def test_a_table_is_compared_on_its_test_part_alone(table: Lab) -> None:
    live = live_model(table.models, "table")
    assert live is not None
    frame = table.store.read_frame("training_set", columns=[PART, "ml:id"])
    found = unseen_rows(table.solution, table.store, live)
    assert set(found.table.ids) == set(frame.loc[frame[PART] == "test", "ml:id"])
    assert np.all(found.table.part == "test")


def test_declared_behaviour_is_a_gate_where_any_is_declared(stream: Lab, table: Lab, fork: Lab) -> None:
    def behaviour_gate(lab: Lab) -> list[Gate]:
        return [g for g in gates(lab.solution, lab.store, None)[0] if g.name == "declared behaviour is kept"]

    (kept,) = behaviour_gate(stream)
    assert (kept.passed, kept.sentence) == (True, "all 2 declared behaviours are kept")
    assert behaviour_gate(table) == []
    case = {"name": "rich", "row": {"income": 90}, "decision": "1"}
    lab = fork.but(model={"cases": [case]})
    lab.ok("evaluation")
    (broken,) = behaviour_gate(lab)
    assert not broken.passed
    assert broken.sentence.startswith("case rich: score")
    assert "decision 0 instead of 1" in broken.sentence

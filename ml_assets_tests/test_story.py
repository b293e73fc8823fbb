"""The story is told from what was recorded, each thing once; parts that did not happen are named."""

import json
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from ml_assets.resources import SolutionStore
from ml_assets.story import DemoError, Narrator, Story, as_json


class Heard:
    """A narrator over an empty store, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.store = SolutionStore(UPath(folder))
        self.told: list[tuple[str, str]] = []
        self.narrator = Narrator(self.store, lambda most: ["broken data never retrains"][:most], self._tell)

    def _tell(self, kind: str, text: str) -> None:
        self.told.append((kind, text))

    def look(self) -> Story:
        self.narrator.look()
        return self.narrator.story

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


def _value(heard: Heard, batch: str, per_row: float, **more: Any) -> None:
    facts = {
        "judged": True,
        "earned": {"value": per_row, "n": 100},
        "version": 1,
        "promised": 40.0,
        "total": 100 * per_row,
    }
    heard.store.write_facts("value_report", facts | {"previous_total": None} | more, batch)


def _decision(heard: Heard, at: str, outcome: str, *, trigger: str = "retraining") -> None:
    facts = {"decided_at": at, "run_id": at, "trigger": trigger, "reason": f"why {at}", "outcome": outcome}
    heard.store.write_facts("decisions", facts | {"sentence": f"{outcome} {at}"}, at)


def test_a_story_that_did_not_happen_names_what_is_missing() -> None:
    assert len(Story().missing()) == 7
    assert Story(first_release="x").missing()[0] == "a harmless shift seen and not retrained on"
    assert "money with and without the retraining" in Story(money={"gained": -1.0}).missing()


def test_a_blocked_batch_is_told_once_with_its_worst_rules_and_the_sensor(heard: Heard) -> None:
    rules = {"a": 1, "income": 50, "b": 20}
    heard.store.write_facts("valid_data", {"blocked": True, "rows": 40, "quarantined": 60, "rules": rules}, "d1")
    heard.store.write_facts("valid_data", {"blocked": False, "rows": 90, "quarantined": 0, "rules": {}}, "d2")
    story = heard.look()
    assert story.broken_feed.startswith(
        "d1: 60 of 100 rows broke the contract: income (50), b (20); the batch is blocked"
    )
    assert story.broken_sensor == "broken data never retrains"
    assert heard.kinds() == ["blocked", "sensor"]
    heard.look()
    assert heard.kinds() == ["blocked", "sensor"]


def test_a_shift_that_does_nothing_is_told_apart_from_a_drift(heard: Heard) -> None:
    moved = {"column": "channel", "effect": 0.6, "verdict": "drifted"}
    quiet = {
        "judged": True,
        "columns": [moved],
        "verdict": {"drifted": False},
        "sentence": "channel moved, nothing follows",
    }
    heard.store.write_facts("drift_report", {"judged": False}, "d0")
    assert heard.look().harmless_shift == ""
    heard.store.write_facts("drift_report", quiet | {"verdict": {"drifted": True}}, "d1")
    assert heard.look().harmless_shift == ""
    heard.store.write_facts("drift_report", quiet, "d2")
    assert heard.look().harmless_shift == "channel moved, nothing follows"
    assert heard.kinds() == ["drift", "shift", "sensor"]


def test_decay_is_money_well_below_what_was_promised(heard: Heard) -> None:
    _value(heard, "d1", 28.5)
    assert heard.look().decay == ""
    _value(heard, "d2", 27.5)
    assert heard.look().decay == "d2: +27.5 EUR per decision against +40.0 at release"


def test_a_retraining_before_the_decay_ends_the_demo(heard: Heard) -> None:
    _decision(heard, "t0", "released")  # the first model
    _decision(heard, "t1", "released")
    with pytest.raises(DemoError, match="before the model decayed"):
        heard.look()


def test_refusals_on_the_way_are_kept_and_the_first_release_ends_it(heard: Heard) -> None:
    _value(heard, "d1", 10.0)
    for at, outcome in (("t0", "released"), ("t1", "refused"), ("t2", "released")):
        _decision(heard, at, outcome)
    story = heard.look()
    assert (story.refused, story.decision, story.retraining) == (["refused t1"], "released t2", "why t2")


def test_money_is_added_up_once_three_days_are_labelled(heard: Heard) -> None:
    _value(heard, "d1", 10.0)
    _decision(heard, "t0", "released")
    _decision(heard, "t1", "released")
    for day in ("d2", "d3"):
        _value(heard, day, 30.0, previous_total=1000.0)
    assert heard.look().money == {}
    _value(heard, "d4", 30.0, previous_total=1000.0)
    money = heard.look().money
    assert money == {"days": 3, "decisions": 300, "with": 9000.0, "without": 3000.0, "gained": 6000.0}
    assert "money with and without the retraining" not in heard.narrator.story.missing()
    assert json.loads(as_json(heard.narrator.story))["money"]["gained"] == 6000.0

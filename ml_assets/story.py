"""The story of ``credit_default`` as it is told: read from what the assets recorded, each thing once; nothing is decided here."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ml_assets.errors import MLAssetsError
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts

LABELLED_DAYS_AFTER = 3
"""Labelled days the new champion must have scored before its money is compared."""

Tell = Callable[[str, str], None]


class DemoError(MLAssetsError):
    """The demo cannot start, or did not finish."""


@dataclass
class Story:
    """What has happened so far, each part with the sentence that was recorded for it."""

    first_release: str = ""
    harmless_shift: str = ""
    harmless_sensor: str = ""
    broken_feed: str = ""
    broken_sensor: str = ""
    decay: str = ""
    retraining: str = ""
    decision: str = ""
    money: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def missing(self) -> list[str]:
        """Parts that have not happened."""
        parts = {
            "a first champion released": bool(self.first_release),
            "a harmless shift seen and not retrained on": bool(self.harmless_shift),
            "a broken feed quarantined and not retrained on": bool(self.broken_feed),
            "a decay of the live model": bool(self.decay),
            "a retraining requested by the sensor": bool(self.retraining),
            "a challenger released by the gates": bool(self.decision),
            "money with and without the retraining": self.money.get("gained", 0.0) > 0,
        }
        return [name for name, happened in parts.items() if not happened]


class Narrator:
    """Tells what has been recorded. ``sensor(n)``: what the retraining sensor said in its newest n looks, newest first."""

    def __init__(self, store: SolutionStore, sensor: Callable[[int], list[str]], tell: Tell) -> None:
        self.store, self.sensor, self.tell = store, sensor, tell
        self.story = Story()
        self.told: set[str] = set()
        self.settled: dict[tuple[str, str], Facts] = {}

    def decisions(self) -> list[Facts]:
        """All release decisions so far, oldest first."""
        found = [self.store.read_facts("decisions", b) for b in self.store.batches("decisions", ".json")]
        return sorted(found, key=lambda d: str(d["decided_at"]))

    def once(self, mark: str, kind: str, text: str) -> bool:
        """Tell something unless it has been told; whether it was new."""
        if mark in self.told:
            return False
        self.told.add(mark)
        self.tell(kind, text)
        return True

    def look(self) -> None:
        """Tell what has been recorded since the last look."""
        for asset, look in (
            ("valid_data", self._look_at_contract),
            ("drift_report", self._look_at_drift),
            ("value_report", self._look_at_value),
        ):
            for batch in self.store.batches(asset, ".json"):
                if (asset, batch) in self.settled:
                    continue
                facts = self.store.read_facts(asset, batch)
                look(batch, facts)
                if facts.get("judged", True):
                    self.settled[asset, batch] = facts
        self._look_at_decisions()
        self._add_up()

    def _look_at_contract(self, batch: str, facts: Facts) -> None:
        if not facts["blocked"] or not self.once(f"blocked {batch}", "blocked", _blocked(batch, facts)):
            return
        self.story.broken_feed = _blocked(batch, facts)

    def _look_at_drift(self, batch: str, facts: Facts) -> None:
        if not facts["judged"]:
            return
        moved = {c["column"]: c["effect"] for c in facts["columns"] if c["verdict"] == "drifted"}
        if "channel" in moved and moved["channel"] > 0.3 and not facts["verdict"]["drifted"]:
            if self.once(f"shift {batch}", "shift", f"{batch}: {facts['sentence']}"):
                self.story.harmless_shift = self.story.harmless_shift or facts["sentence"]
        elif facts["verdict"]["drifted"]:
            self.once(f"drift {batch}", "drift", f"{batch}: {facts['sentence']}")

    def _look_at_value(self, batch: str, facts: Facts) -> None:
        if not facts["judged"]:
            return
        per_row = facts["earned"]["value"]
        self.once(
            f"value {batch}",
            "labels",
            f"{batch}: {per_row:+.1f} EUR per decision (version {facts['version']}, n = {facts['earned']['n']:,})",
        )
        promised = facts["promised"]
        if promised is not None and per_row < promised - 12 and not self.story.decay:
            self.story.decay = f"{batch}: {per_row:+.1f} EUR per decision against {promised:+.1f} at release"

    def _look_at_decisions(self) -> None:
        if self.story.harmless_shift and not self.story.harmless_sensor:
            self.story.harmless_sensor = self.sensor(1)[0]
            self.tell("sensor", self.story.harmless_sensor)
        if self.story.broken_feed and not self.story.broken_sensor:
            said = [t for t in self.sensor(20) if "broken data" in t]
            if said:
                self.story.broken_sensor = said[0]
                self.tell("sensor", said[0])
        for decision in self.decisions()[1:]:
            fresh = self.once(f"decision {decision['run_id']}", "retrained", f"because {decision['reason']}")
            if fresh:
                self.tell(decision["outcome"], decision["sentence"])
            self._note(decision, fresh=fresh)

    def _note(self, decision: Facts, *, fresh: bool) -> None:
        if decision["trigger"] != "retraining" or not self.story.decay:
            if fresh and not self.story.decay:
                raise DemoError(
                    "a retraining ran before the model decayed",
                    got=decision["reason"],
                    allowed="a retraining for the concept shift alone",
                    do="Look at the drift report of that day",
                )
            return
        self.story.retraining = self.story.retraining if self.story.decision else decision["reason"]
        if decision["outcome"] == "released":
            self.story.decision = decision["sentence"]
        elif fresh:
            self.story.refused.append(decision["sentence"])

    def _add_up(self) -> None:
        """Money of the days the retrained model scored, and of the model before on the same rows, as the assets recorded it."""
        rows = [
            f for (asset, _), f in self.settled.items() if asset == "value_report" and f["previous_total"] is not None
        ]
        if len(rows) >= LABELLED_DAYS_AFTER and self.story.decision:
            with_it, without = sum(f["total"] for f in rows), sum(f["previous_total"] for f in rows)
            decisions = sum(f["earned"]["n"] for f in rows)
            self.story.money = {
                "days": len(rows),
                "decisions": decisions,
                "with": with_it,
                "without": without,
                "gained": with_it - without,
            }


def _blocked(batch: str, facts: Facts) -> str:
    total = facts["rows"] + facts["quarantined"]
    rules = ", ".join(f"{r} ({n:,})" for r, n in sorted(facts["rules"].items(), key=lambda item: -item[1])[:2])
    return f"{batch}: {facts['quarantined']:,} of {total:,} rows broke the contract: {rules}; the batch is blocked, none of it is scored or learned from"


def as_json(story: Story) -> str:
    """The story as one JSON document."""
    facts: dict[str, Any] = {**story.__dict__, "missing": story.missing()}
    return json.dumps(facts, indent=1)

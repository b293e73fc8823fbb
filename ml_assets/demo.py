"""The story of ``credit_default``, played for real: servers start, days arrive, and everything told is read from what the
assets recorded."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.errors import MLAssetsError
from ml_assets.resources import STORE, SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.servers import Servers, running

NAME = "credit_default"
MARKER = ".ml_assets_demo"
DAGSTER_YAML = """telemetry: {enabled: false}
concurrency: {pools: {default_limit: 1, granularity: run}}
run_queue: {dequeue_interval_seconds: 1}
storage: {custom: {module: ml_assets.local, class: LocalStorage, config: {base_dir: {env: DAGSTER_HOME}}}}
run_launcher: {module: ml_assets.local, class: WarmRunLauncher}
"""
MOST_SECONDS = 840.0
STRIDE = timedelta(days=3)
"""Days that arrive together; the next ones wait until these are worked off."""
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


def prepare(home: Path, *, fresh: bool) -> None:
    """Make the folder an instance; with ``fresh`` remove what an earlier demo left in it, and nothing else."""
    home.mkdir(parents=True, exist_ok=True)
    if fresh and (home / MARKER).exists():
        for name in ("storage", "history", "schedules", "logs", "lender", ".nux", ".telemetry", MARKER):
            path = home / name
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    (home / ".nux").mkdir(exist_ok=True)
    (home / ".nux" / "nux.yaml").write_text("seen: 1\n", encoding="utf-8")  # no newsletter before the story
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(DAGSTER_YAML, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home)


def play(home: Path, *, port: int, tell: Tell, stay: Callable[[Story, str], None] | None, fresh: bool) -> Story:
    """Play the whole story; with ``stay`` the UI is left open until that returns."""
    from ml_assets.defs.credit_default import lender

    prepare(home, fresh=fresh)
    begun = time.monotonic()
    if (home / MARKER).exists():
        tell("history", f"an earlier demo lives in {home}; it goes on from {lender.today()} (--fresh begins anew)")
    (home / MARKER).touch()
    lender.set_today(lender.today())
    with running(home, port=port) as servers, dg.DagsterInstance.get() as instance:
        tell("servers", f"webserver and daemon are up: {servers.url}")
        stage = Stage(servers, STORE.for_instance(instance, NAME), instance, tell, begun)
        stage.wait_for_first_champion()
        stage.let_days_pass()
        stage.story.seconds = time.monotonic() - begun
        if stay is not None:
            stay(stage.story, servers.url)
    return stage.story


class Stage:
    """The demo's eyes: it moves the lender's clock and reads what the assets recorded; it decides nothing."""

    def __init__(
        self, servers: Servers, store: SolutionStore, instance: dg.DagsterInstance, tell: Tell, begun: float
    ) -> None:
        self.servers, self.store, self.instance, self.tell, self.begun = servers, store, instance, tell, begun
        self.story = Story()
        self.told: set[str] = set()
        self.settled: dict[tuple[str, str], Facts] = {}
        self.quiet_since: float | None = None

    def _guard(self) -> None:
        self.servers.require_alive()
        self._report_failures()
        if time.monotonic() - self.begun > MOST_SECONDS:
            raise DemoError(
                "the demo takes too long",
                got=f"{MOST_SECONDS:.0f} s; missing: {', '.join(self.story.missing())}",
                allowed="all parts of the story",
                do=f"Look at the runs in the UI and at {self.servers.log}",
            )
        time.sleep(1.0)

    def _report_failures(self) -> None:
        """A run that stops at a broken batch is part of the story; several others are not."""
        from ml_assets.automation import failed_runs
        from ml_assets.graph import SOLUTION_TAG

        failed = failed_runs(self.instance, {SOLUTION_TAG: NAME}, limit=10)
        for run in failed:
            self._once(
                f"failed {run.run_id}",
                "run",
                f"{run.run_id[:8]} stopped ({run.tags.get('ml/batches') or run.tags.get('ml/reason', '')})",
            )
        if len(failed) > 3:
            raise DemoError(
                "too many runs failed",
                got=f"{len(failed)} failed runs",
                allowed="the one that the broken feed stops",
                do=f"Look at the runs in the UI and at {self.servers.log}",
            )

    def wait_for_first_champion(self) -> None:
        """History is loaded by the arrival sensor, the first model trained by the retraining sensor."""
        self.tell(
            "history", "the arrival sensor loads the days so far; the retraining sensor then asks for a first model"
        )
        while not self._decisions():
            self._guard()
            loaded = len(self.store.batches("profile", ".json"))
            self._once(
                f"loaded {loaded // 5}",
                "history",
                f"{loaded} days captured, checked, turned into features and summed up",
            ) if loaded else None
        first = self._decisions()[0]
        if first["outcome"] != "released":
            raise DemoError(
                "the first model was refused",
                got=first["sentence"],
                allowed="a release",
                do="Look at the champion asset in the UI",
            )
        self.story.first_release = first["sentence"]
        metrics = {m["name"]: m["value"] for m in self.store.read_facts("releases", str(first["version"]))["metrics"]}
        self.tell(
            "released",
            f"version {first['version']}: ROC AUC {metrics['roc_auc']:.3f}, {metrics['value_per_decision']:+.1f} EUR per decision on unseen days",
        )

    def let_days_pass(self) -> None:
        """Some days at a time, as soon as the last ones are worked off, so that the story is the same at any speed."""
        from ml_assets.defs.credit_default import lender

        last = lender.START + timedelta(days=lender.FEED_STOPS_DAYS[0] - 1)
        while self.story.missing() and (lender.today() < last or not self._settled()):
            self._guard()
            self._look()
            if lender.today() < last and self._may_go_on(lender.today()):
                before = lender.today()
                lender.set_today(min(before + STRIDE, last))
                self.quiet_since = None
                self._announce(before, lender.today())
        self._look()

    def _may_go_on(self, day: date) -> bool:
        """Whether the days so far are worked off; between decay and release the sensors' looks are waited for as well,
        so that what is learned from does not depend on this machine's speed."""
        worked_off = self.store.find_facts("valid_data", str(day - timedelta(days=1))) is not None
        deciding = bool(self.story.decay and not self.story.decision)
        return worked_off and (self._settled() if deciding else self._quiet())

    def _settled(self) -> bool:
        """Whether nothing runs, and both sensors have looked since and found nothing to do."""
        looks = [self.servers.last_look(f"{NAME}_{sensor}") for sensor in ("arrival", "retraining")]
        if not self._quiet():
            self.quiet_since = None
            return False
        self.quiet_since = self.quiet_since or time.time()
        return min(looks) > self.quiet_since

    def _announce(self, before: date, day: date) -> None:
        """Days before ``day`` have arrived; days before ``before`` had."""
        from ml_assets.defs.credit_default import lender

        self.tell("days", f"{before} … {day - timedelta(days=1)} arrive")
        for event in lender.EVENTS:
            first = lender.START + timedelta(days=event.first_day)
            if before <= first < day:
                self.tell("event", f"{first}: {event.summary}")

    def _quiet(self) -> bool:
        from ml_assets.automation import runs_in_progress
        from ml_assets.graph import SOLUTION_TAG

        return not runs_in_progress(self.instance, {SOLUTION_TAG: NAME})

    def _decisions(self) -> list[Facts]:
        found = [self.store.read_facts("decisions", b) for b in self.store.batches("decisions", ".json")]
        return sorted(found, key=lambda d: str(d["decided_at"]))

    def _once(self, mark: str, kind: str, text: str) -> bool:
        if mark in self.told:
            return False
        self.told.add(mark)
        self.tell(kind, text)
        return True

    def _look(self) -> None:
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
        if not facts["blocked"] or not self._once(f"blocked {batch}", "blocked", _blocked(batch, facts)):
            return
        self.story.broken_feed = _blocked(batch, facts)

    def _look_at_drift(self, batch: str, facts: Facts) -> None:
        if not facts["judged"]:
            return
        moved = {c["column"]: c["effect"] for c in facts["columns"] if c["verdict"] == "drifted"}
        if "channel" in moved and moved["channel"] > 0.3 and not facts["verdict"]["drifted"]:
            if self._once(f"shift {batch}", "shift", f"{batch}: {facts['sentence']}"):
                self.story.harmless_shift = self.story.harmless_shift or facts["sentence"]
        elif facts["verdict"]["drifted"]:
            self._once(f"drift {batch}", "drift", f"{batch}: {facts['sentence']}")

    def _look_at_value(self, batch: str, facts: Facts) -> None:
        if not facts["judged"]:
            return
        per_row = facts["earned"]["value"]
        self._once(
            f"value {batch}",
            "labels",
            f"{batch}: {per_row:+.1f} EUR per decision (version {facts['version']}, n = {facts['earned']['n']:,})",
        )
        promised = facts["promised"]
        if promised is not None and per_row < promised - 12 and not self.story.decay:
            self.story.decay = f"{batch}: {per_row:+.1f} EUR per decision against {promised:+.1f} at release"

    def _look_at_decisions(self) -> None:
        if self.story.harmless_shift and not self.story.harmless_sensor:
            self.story.harmless_sensor = self.servers.last_ticks(f"{NAME}_retraining", 1)[0]
            self.tell("sensor", self.story.harmless_sensor)
        if self.story.broken_feed and not self.story.broken_sensor:
            said = [t for t in self.servers.last_ticks(f"{NAME}_retraining", 20) if "broken data" in t]
            if said:
                self.story.broken_sensor = said[0]
                self.tell("sensor", said[0])
        for decision in self._decisions()[1:]:
            fresh = self._once(f"decision {decision['run_id']}", "retrained", f"because {decision['reason']}")
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

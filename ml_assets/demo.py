"""The story of ``credit_default``, played for real: servers start, days arrive, and everything told is read from what the
assets recorded."""

import os
import shutil
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from ml_assets.resources import STORE, SolutionStore
from ml_assets.servers import Servers, running
from ml_assets.story import DemoError, Narrator, Tell
from ml_assets.story import Story as Story
from ml_assets.story import as_json as as_json

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
    """Moves the lender's clock as soon as the days so far are worked off; what happened is told by a narrator."""

    def __init__(
        self, servers: Servers, store: SolutionStore, instance: dg.DagsterInstance, tell: Tell, begun: float
    ) -> None:
        self.servers, self.store, self.instance, self.tell, self.begun = servers, store, instance, tell, begun
        self.narrator = Narrator(store, lambda most: servers.last_ticks(f"{NAME}_retraining", most), tell)
        self.story = self.narrator.story
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
            self.narrator.once(
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
        while not self.narrator.decisions():
            self._guard()
            loaded = len(self.store.batches("profile", ".json"))
            self.narrator.once(
                f"loaded {loaded // 5}",
                "history",
                f"{loaded} days captured, checked, turned into features and summed up",
            ) if loaded else None
        first = self.narrator.decisions()[0]
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
            self.narrator.look()
            if lender.today() < last and self._may_go_on(lender.today()):
                before = lender.today()
                lender.set_today(min(before + STRIDE, last))
                self.quiet_since = None
                self._announce(before, lender.today())
        self.narrator.look()

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

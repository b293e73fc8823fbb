"""Everything a report is made from: stored facts, recorded check evaluations, and the registry's entry of the live model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import dagster as dg

from ml_assets.automation import Evaluation, evaluations
from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import WHOLE_TABLE
from ml_assets.errors import RegistryError
from ml_assets.report.disclosure import Group, disclosed, disclosed_text, small_groups, threshold
from ml_assets.resources import REGISTRY, STORE, SolutionStore
from ml_assets.resources.registry import ModelRegistry
from ml_assets.resources.store import Facts

GROUPED = ("data_bias_report", "sample_weights", "evaluation", "mitigation", "model_bias_report")
"""Documents whose small groups may be spoken of in the sentences of others."""
LOOKS = 30
"""Evaluations of a check that are looked through for the newest one of a batch."""


@dataclass(frozen=True)
class Registered:
    """The live model as the registry knows it; ``problem`` says why it could not be asked."""

    version: int | None = None
    digest: str = ""
    run: str = ""
    commit: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Check:
    """A check that the declaration builds, with its newest evaluation, if it ever ran."""

    asset: str
    name: str
    description: str
    found: Evaluation | None

    @property
    def state(self) -> str:
        """``pass``, ``fail`` or ``never ran``."""
        return "never ran" if self.found is None else "pass" if self.found.passed else "fail"

    @property
    def failed(self) -> bool:
        """Whether it ran and failed."""
        return self.found is not None and not self.found.passed


@dataclass(frozen=True)
class Recorded:
    """What is recorded of one solution, as it may be published."""

    solution: Solution
    store: SolutionStore
    checks: Mapping[tuple[str, str], Check]
    registered: Registered
    made_at: datetime
    _read: dict[tuple[str, str], Facts | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def least(self) -> int:
        """The fewest people a published figure rests on."""
        return threshold(self.solution)

    @cached_property
    def small(self) -> frozenset[Group]:
        """Groups that are masked in any of the documents by group."""
        found = (self.store.find_facts(asset) for asset in GROUPED)
        return frozenset(g for facts in found if facts for g in small_groups(facts, self.least))

    def facts(self, asset: str, batch: str = WHOLE_TABLE) -> Facts | None:
        """A document without what may not be published; None where there is none."""
        if (asset, batch) not in self._read:
            facts = self.store.find_facts(asset, batch)
            self._read[asset, batch] = None if facts is None else disclosed(facts, self.least, self.small)
        return self._read[asset, batch]

    def newest(self, asset: str) -> tuple[str, Facts] | None:
        """The newest batch of an asset with its document."""
        batches = self.batches(asset)
        facts = self.facts(asset, batches[-1]) if batches else None
        return (batches[-1], facts) if facts is not None else None

    def batches(self, asset: str) -> list[str]:
        """Batches with a document, oldest first."""
        return self.store.batches(asset, ".json")

    def said(self, check: Check) -> str:
        """What the newest evaluation of a check says, with its batch, without what may not be published."""
        if check.found is None:
            return check.state
        sentence = disclosed_text(check.found.sentence, self.least, self.small)
        return f"{check.found.batch}: {sentence}" if check.found.batch not in ("", WHOLE_TABLE) else sentence

    @cached_property
    def live_version(self) -> int | None:
        """The live version by the newest decision; None before the first release."""
        decision = self.facts("champion")
        return int(decision["live_version"]) if decision and decision["live_version"] else None

    @cached_property
    def release(self) -> Facts | None:
        """What the live version was released with."""
        return self.facts("releases", str(self.live_version)) if self.live_version else None

    @cached_property
    def judged_digest(self) -> str | None:
        """Hash of the model that evaluation and bias report speak about."""
        evaluation = self.facts("evaluation")
        return str(evaluation["digest"]) if evaluation else None

    @property
    def subject(self) -> str:
        """Which model evaluation and bias report speak about, where it is not the live one; empty where it is."""
        if self.judged_digest is None or self.judged_is_live:
            return ""
        live = f"the live version {self.live_version}" if self.live_version else "a live model: there is none"
        return (
            f"These figures speak of the model that was judged last (sha256 {self.judged_digest[:12]}…), not of {live}."
        )

    @property
    def judged_is_live(self) -> bool:
        """Whether the newest judged model is the live one; after a refusal or a rollback it is not."""
        return self.release is not None and self.release["digest"] == self.judged_digest


def read_recorded(solution: Solution, defs: dg.Definitions, instance: dg.DagsterInstance) -> Recorded:
    """Gather what is recorded of a solution on an instance."""
    store = STORE.for_instance(instance, solution.name)
    decided = store.find_facts("champion") is not None
    registered = _registered(REGISTRY.for_instance(instance), solution.name) if decided else Registered()
    return Recorded(solution, store, _checks(solution, defs, instance), registered, datetime.now(UTC))


def _checks(solution: Solution, defs: dg.Definitions, instance: dg.DagsterInstance) -> dict[tuple[str, str], Check]:
    specs = [s for d in defs.asset_checks or () for s in getattr(d, "check_specs", ())]
    own = [s for s in specs if s.asset_key.path[0] == solution.name]
    return {(s.asset_key.path[-1], s.name): _check(s, instance) for s in own}


def _check(spec: dg.AssetCheckSpec, instance: dg.DagsterInstance) -> Check:
    """The evaluation of the newest batch: batches are judged again when their labels mature."""
    found = max(evaluations(instance, spec.key, limit=LOOKS), key=lambda e: (e.batch, e.record), default=None)
    return Check(spec.asset_key.path[-1], spec.name, spec.description or "", found)


def _registered(models: ModelRegistry, solution: str) -> Registered:
    try:
        live = models.champion(solution)
    except RegistryError as error:
        return Registered(problem=str(error))
    if live is None:
        return Registered()
    return Registered(live.version, live.digest, live.run_id, _tags(models, live.run_id).get("ml.git_commit", ""))


def _tags(models: ModelRegistry, run_id: str) -> dict[str, Any]:
    from mlflow.exceptions import MlflowException

    try:
        return dict(models.client.get_run(run_id).data.tags)
    except MlflowException:  # the run was deleted: the model stays
        return {}

"""What a person decides about the live model: approve a version that waits, or roll back to an earlier one.

Both move the same alias as a release, and both are recorded as decisions with their own materialization of ``champion``,
so that sensors and the UI see which model is live.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.errors import RegistryError
from ml_assets.graph import key
from ml_assets.releases import open_version
from ml_assets.resources import REGISTRY, STORE
from ml_assets.resources.registry import ModelRegistry, ModelVersion
from ml_assets.resources.store import Facts


def approve(solution: Solution, instance: dg.DagsterInstance) -> str:
    """Release the version that passed every gate and waits for a person."""
    store, models = STORE.for_instance(instance, solution.name), REGISTRY.for_instance(instance)
    decision = store.find_facts("champion")
    if decision is None or decision["outcome"] != "waiting for approval":
        raise RegistryError("nothing waits for approval", got=decision["outcome"] if decision else "no decision yet", allowed="waiting for approval",
                            do="Materialize … champion first; deployment.approval must be manual")  # fmt: skip
    version = models.version(solution.name, int(decision["version"]))
    return _move(solution, instance, models, version, outcome="released", why="approved by a person", base=decision)


def rollback(solution: Solution, instance: dg.DagsterInstance, *, to: int | None = None) -> str:
    """Make an earlier version live again: by default the one the present champion replaced."""
    store, models = STORE.for_instance(instance, solution.name), REGISTRY.for_instance(instance)
    live = models.champion(solution.name)
    if live is None:
        raise RegistryError(
            f"{solution.name} has no released model",
            got="no champion",
            allowed="a released model",
            do="Nothing can be rolled back",
        )
    target = to
    if target is None:
        before = open_version(models, live).facts.get("champion_before")
        earlier = [v.version for v in models.versions(solution.name) if v.version < live.version]
        target = before if before is not None else max(earlier, default=None)
    if target is None or target == live.version:
        raise RegistryError(
            "there is no earlier version",
            got=f"version {live.version}",
            allowed="another registered version",
            do="Name one with --to",
        )
    base = store.find_facts("champion") or {}
    return _move(
        solution,
        instance,
        models,
        models.version(solution.name, target),
        outcome="rolled back",
        why=f"rolled back from version {live.version} by a person",
        base=base,
    )


def _move(
    solution: Solution,
    instance: dg.DagsterInstance,
    models: ModelRegistry,
    version: ModelVersion,
    *,
    outcome: str,
    why: str,
    base: Facts,
) -> str:
    """Open the version (a changed one is refused), move the alias, record the decision."""
    open_version(models, version).artifact()
    models.promote(version)
    store = STORE.for_instance(instance, solution.name)
    now = datetime.now(UTC)
    sentence = f"version {version.version} is live: {why}"
    run_id = f"person-{now:%Y%m%d%H%M%S}"
    decision = base | {"outcome": outcome, "sentence": sentence, "version": version.version, "live_version": version.version, "decided_at": now, "comparison": None,
                       "run_id": run_id, "trigger": "person", "reason": why, "gates": base.get("gates", []), "champion_before": base.get("live_version")}  # fmt: skip
    store.write_facts("decisions", decision, run_id)
    store.write_facts("champion", decision)
    metadata: dict[str, Any] = {
        "decision": outcome,
        "why": sentence,
        "live_version": version.version,
        "trigger": "person",
        "reason": why,
    }
    instance.report_runless_asset_event(dg.AssetMaterialization(asset_key=key(solution, "champion"), metadata=metadata))
    return sentence

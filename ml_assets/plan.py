"""What a declaration comes to: every default filled in, and what it builds; and how a solution stands now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.declaration import SECTIONS, Solution
from ml_assets.graph import MUTABLE, STAGE_TAG
from ml_assets.mutes import mutes
from ml_assets.resources import REGISTRY, STORE


@dataclass(frozen=True)
class Plan:
    """The resolved declaration, and the assets (with stage and batches), checks and sensors it builds."""

    solution: Solution
    file: Path
    assets: tuple[tuple[str, str, str], ...]
    checks: tuple[tuple[str, str, bool], ...]
    sensors: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "file": str(self.file), "declaration": self.solution.model_dump(mode="json", by_alias=True), "case_version": self.solution.case_version,
            "version": self.solution.version(), "assets": [{"asset": a, "stage": s, "batches": b} for a, s, b in self.assets],
            "checks": [{"asset": a, "check": c, "blocking": b} for a, c, b in self.checks], "sensors": list(self.sensors),
        }  # fmt: skip

    def as_text(self) -> str:
        """For people: the declaration as YAML, then what it builds, stage by stage."""
        import yaml

        attributes = self.solution.model_dump(mode="json", by_alias=True)
        lines = [
            f"# {self.file}",
            f"# version {self.solution.version()}; case version {self.solution.case_version} (what business_case.signed_off names)",
            "",
        ]
        lines.append(yaml.safe_dump({"attributes": attributes}, sort_keys=False, allow_unicode=True, width=120))
        lines.append(f"# builds {len(self.assets)} assets, {len(self.checks)} checks, {len(self.sensors)} sensors")
        for stage in SECTIONS:
            lines.append(f"\n{stage}")
            for asset, _, batches in (a for a in self.assets if a[1] == stage):
                own = [f"{c}{' (blocking)' if blocking else ''}" for a, c, blocking in self.checks if a == asset]
                lines.append(
                    f"  {asset}{f'  [{batches}]' if batches else ''}" + (f"  checks: {', '.join(own)}" if own else "")
                )
        return "\n".join([*lines, "", "sensors: " + ", ".join(self.sensors)])


def plan_of(solution: Solution, defs: dg.Definitions, file: Path) -> Plan:
    """Read off the definitions what a solution builds."""
    specs = [s for s in defs.resolve_all_asset_specs() if s.key.path[0] == solution.name]
    every = solution.data_pipeline.arrival.every if solution.data_pipeline.arrival else ""
    assets = tuple(
        (s.key.path[-1], s.tags[STAGE_TAG], f"per {every}" if s.partitions_def is not None else "") for s in specs
    )
    checks = tuple(
        (s.asset_key.path[-1], s.name, s.blocking)
        for d in defs.asset_checks or ()
        for s in getattr(d, "check_specs", ())
        if s.asset_key.path[0] == solution.name
    )
    sensors = tuple(sorted(s.name for s in defs.sensors or () if s.name.startswith(f"{solution.name}_")))
    return Plan(solution, file, assets, checks, sensors)


def mutable_checks(solution: Solution, defs: dg.Definitions) -> frozenset[str]:
    """The checks whose alarms a person may acknowledge: those that judge a batch and do not block it."""
    specs = [s for d in defs.asset_checks or () for s in getattr(d, "check_specs", ())]
    return frozenset(s.name for s in specs if s.asset_key.path[0] == solution.name and s.metadata.get(MUTABLE))


def status_of(solution: Solution, instance: dg.DagsterInstance) -> dict[str, Any]:
    """The live model, the last decision and the newest findings, as recorded."""
    store = STORE.for_instance(instance, solution.name)
    decision = store.find_facts("champion")
    live = REGISTRY.for_instance(instance).champion(solution.name) if decision else None
    found: dict[str, Any] = {
        "solution": solution.name,
        "live_version": live.version if live else None,
        "last_decision": decision["sentence"] if decision else "none yet",
    }
    for asset in ("drift_report", "performance_report", "fairness_report", "value_report"):
        batches = store.batches(asset, ".json")
        found[asset] = f"{batches[-1]}: {store.read_facts(asset, batches[-1])['sentence']}" if batches else "none yet"
    loaded = store.batches("raw_data", ".json")
    found["muted"] = [m.sentence for m in mutes(store)]
    found["newest_batch"] = loaded[-1] if loaded else "none yet"
    found["blocked_batches"] = [
        b for b in store.batches("valid_data", ".json") if store.read_facts("valid_data", b)["blocked"]
    ]
    return found

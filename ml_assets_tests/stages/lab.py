"""A solution, an instance and its store in one hand: run assets, plant faults, read verdicts."""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg

from ml_assets.components import definitions_of
from ml_assets.declaration import Solution
from ml_assets.graph import key
from ml_assets.resources import REGISTRY, STORE, SolutionStore
from ml_assets.resources.registry import ModelRegistry
from ml_assets.running import Finished, run_assets
from ml_assets_tests.stages import world
from ml_assets_tests.stages.declarations import CLASSES, STREAM, TABLE, declared, merged

SERVED, NEXT = "2026-01-17T06:00:00", "2026-01-16"
Planted = Mapping[tuple[str, str], "Callable[[Lab], dg.AssetCheckEvaluation]"]
CONFIG = "telemetry: {enabled: false}\n"


def open_instance(folder: Path) -> dg.DagsterInstance:
    """An instance whose events are in memory (four times faster) and whose tables and models are in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return dg.DagsterInstance.ephemeral(tempdir=str(folder))


def on_disk(folder: Path) -> dg.DagsterInstance:
    """An instance on SQLite files in the same folder, as ``dagster dev`` uses it."""
    (folder / "dagster.yaml").write_text(CONFIG, encoding="utf-8")
    return dg.DagsterInstance.from_config(str(folder))


def _copy_events(before: dg.DagsterInstance, after: dg.DagsterInstance) -> None:
    """Everything recorded, from one instance in memory to another."""
    pairs: Any = (
        (before.event_log_storage, after.event_log_storage),
        (before.run_storage, after.run_storage),
    )
    for one, other in pairs:
        one._held_conn.connection.dbapi_connection.backup(other._held_conn.connection.dbapi_connection)


@dataclass
class Lab:
    """One solution on one instance."""

    solution: Solution
    instance: dg.DagsterInstance
    folder: Path

    def __post_init__(self) -> None:
        self.defs = definitions_of(self.solution)

    def plan(self, **changes: Any) -> None:
        """Plant: what the world does from now on."""
        world.plan(self.folder / "world.json", **changes)

    def plant(self, **changes: Any) -> None:
        """Plant on the morning of 17 January, when the batch of the 16th is due."""
        self.plan(**{"now": SERVED, **changes})

    def but(self, **changes: Any) -> "Lab":
        """The same instance with a declaration that differs."""
        raw = self.solution.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return Lab(Solution.model_validate(merged(raw, changes)), self.instance, self.folder)

    def fork(self, folder: Path) -> "Lab":
        """A copy of the whole instance: what is done to it stays there."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        _move_models(folder / "storage" / "mlflow" / "mlflow.db", str(self.folder), str(folder))
        made = Lab(self.solution, open_instance(folder), folder)
        _copy_events(self.instance, made.instance)
        world.plan(folder / "world.json", **world.read())
        return made

    @property
    def store(self) -> SolutionStore:
        """The solution's tables and facts."""
        return STORE.for_instance(self.instance, self.solution.name)

    @property
    def models(self) -> ModelRegistry:
        """The registry."""
        return REGISTRY.for_instance(self.instance)

    def key(self, asset: str) -> dg.AssetKey:
        """``[solution, asset]``."""
        return key(self.solution, asset)

    def run(self, *assets: str, batches: Sequence[str] = (), **tags: str) -> Finished:
        """Materialize assets with their checks."""
        return run_assets(self.defs, self.instance, self.solution, assets, batches=batches, **tags)

    def ok(self, *assets: str, batches: Sequence[str] = (), **tags: str) -> Finished:
        """The same, and it must succeed."""
        found = self.run(*assets, batches=batches, **tags)
        assert found.success, found
        return found

    def serve(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Do what a sensor asked for, as the daemon would."""
        return self.defs.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=self.instance,
            asset_selection=list(request.asset_selection or ()),
            partition_key=request.partition_key,
            tags=dict(request.tags),
            raise_on_error=False,
        )

    def check(self, asset: str, name: str, batch: str | None = None) -> dg.AssetCheckEvaluation:
        """Run one check alone on what is stored."""
        wanted = dg.AssetCheckKey(self.key(asset), name)
        job = self.defs.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection=set(), asset_check_selection={wanted}
        )
        result = job.execute_in_process(instance=self.instance, partition_key=batch, raise_on_error=False)
        (found,) = result.get_asset_check_evaluations()
        return found

    def verdict(self, asset: str, name: str, batch: str | None = None) -> dg.AssetCheckEvaluation:
        """The newest recorded evaluation (of a batch)."""
        wanted = dg.AssetCheckKey(self.key(asset), name)
        for record in self.instance.event_log_storage.get_asset_check_execution_history(wanted, limit=60):
            evaluation = record.evaluation
            if isinstance(evaluation, dg.AssetCheckEvaluation) and batch in (None, record.partition):
                return evaluation
        raise AssertionError(f"{asset}:{name} was never evaluated{f' for {batch}' if batch else ''}")

    def loaded(self, asset: str) -> set[str]:
        """Batches of an asset that Dagster knows as materialized."""
        return set(self.instance.get_materialized_partitions(self.key(asset)))

    def metadata(self, asset: str) -> dict[str, Any]:
        """Metadata of the newest materialization."""
        event = self.instance.get_latest_materialization_event(self.key(asset))
        assert event is not None
        assert event.asset_materialization is not None
        return {k: v.value for k, v in event.asset_materialization.metadata.items()}


def _move_models(database: Path, before: str, after: str) -> None:
    """MLflow keeps absolute places: a copy must not share its models with the original."""
    if not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection:
        for table, column in (
            ("experiments", "artifact_location"),
            ("runs", "artifact_uri"),
            ("model_versions", "source"),
            ("model_versions", "storage_location"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (before, after))
        connection.commit()


def checks_of(stage: ModuleType, solutions: "Iterable[Solution]" = ()) -> set[tuple[str, str]]:
    """(asset, check) of every check a stage builds for any of the solutions."""
    wanted = tuple(solutions) or (declared(STREAM), declared(TABLE), declared(CLASSES))
    return {
        (k.asset_key.path[-1], k.name)
        for solution in wanted
        for one in stage.build(solution).asset_checks or ()
        for k in one.check_keys
    }


def said(found: dg.AssetCheckEvaluation) -> str:
    """The sentence of a verdict."""
    return found.description or ""


def days(first: int, last: int) -> list[str]:
    """Batches of January 2026."""
    return [f"2026-01-{d:02d}" for d in range(first, last + 1)]

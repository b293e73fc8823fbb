"""Assets of part 5 that are made per batch."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import table
from ml_assets.graph import Stage, each_batch, key, partitions, run_batches
from ml_assets.history import ID, is_blocked, is_mature
from ml_assets.resources import SolutionStore, Store
from ml_assets.stages.data_pipeline import rows

STAGE = "data_pipeline"
SOURCE_KINDS = {"files": "csv", "sql": "sql", "function": "python"}


def build_assets(solution: Solution) -> list[dg.AssetsDefinition]:
    """raw_data, valid_data and quarantined_data, features, labels, profile."""
    stage = Stage(solution, STAGE)
    return [_raw_data(stage), _valid_data(stage), _features(stage), _labels(stage), _profile(stage)]


def _raw_data(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution
    arrival = solution.data_pipeline.arrival

    @stage.asset(
        "raw_data",
        f"Rows as the source has them ({solution.data_pipeline.source.type}). {solution.business_case.prediction}",
        kinds=[SOURCE_KINDS[solution.data_pipeline.source.type], "bronze"],
        per_batch=True,
        freshness=arrival.late_limit if arrival else None,
    )
    def raw_data(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(
            metadata=each_batch(context, solution, lambda b: _capture(solution, store.of(solution.name), b))
        )

    return raw_data


def _capture(solution: Solution, store: SolutionStore, batch: Batch) -> dict[str, Any]:
    frame = rows.load(solution, batch)
    arrival = solution.data_pipeline.arrival
    newest = None
    if arrival is not None and arrival.event_time in frame.columns and len(frame):
        import pandas as pd

        found = pd.to_datetime(frame[arrival.event_time], errors="coerce", utc=True, format="mixed").max()
        newest = None if pd.isna(found) else found.tz_localize(None).isoformat()
    store.write_frame("raw_data", frame, batch.key)
    facts = store.write_facts(
        "raw_data",
        {"rows": len(frame), "columns": list(frame.columns), "newest": newest, "digest": rows.digest(frame)},
        batch.key,
    )
    schema = dg.TableSchema([dg.TableColumn(str(c), str(t)) for c, t in frame.dtypes.items()])
    return {
        "dagster/row_count": len(frame),
        "dagster/column_schema": schema,
        "digest": facts["digest"],
        "newest_event": newest or "no event time",
        "rows": len(frame),
    }


def _valid_data(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution
    specs = [
        stage.spec(
            "valid_data",
            "Rows that keep the contract, with their id and time.",
            kinds=["pandera", "silver"],
            deps=["raw_data"],
            partitioned=True,
        ),
        stage.spec(
            "quarantined_data",
            "Rows that broke the contract, each with the rules it broke: kept, counted, never used.",
            kinds=["pandera", "parquet"],
            deps=["raw_data"],
            partitioned=True,
        ),
    ]

    @dg.multi_asset(
        specs=specs,
        name=f"{solution.name}__contract",
        backfill_policy=dg.BackfillPolicy.single_run() if partitions(solution) is not None else None,
    )
    def contract(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        batches = run_batches(context, solution)
        shown = {b.key: _divide(solution, store.of(solution.name), b) for b in batches}
        for position, asset in enumerate(("valid_data", "quarantined_data")):
            single = len(batches) == 1
            if not single:
                for batch, both in shown.items():
                    context.add_asset_metadata(both[position], asset_key=key(solution, asset), partition_key=batch)
            yield dg.MaterializeResult(
                asset_key=key(solution, asset), metadata=shown[batches[0].key][position] if single else {}
            )

    return contract


def _divide(solution: Solution, store: SolutionStore, batch: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
    found = rows.divide(solution, store, store.read_frame("raw_data", batch.key))
    store.write_frame("quarantined_data", found.quarantined, batch.key)
    store.write_frame("valid_data", found.valid, batch.key)
    facts = {
        "rows": len(found.valid),
        "quarantined": len(found.quarantined),
        "share": found.share,
        "limit": found.limit,
        "blocked": found.blocked,
        "rules": found.rules,
        "extra_columns": found.extra_columns,
    }
    store.write_facts("valid_data", facts, batch.key)
    broken = [{"rule": r, "rows": n} for r, n in sorted(found.rules.items(), key=lambda item: -item[1])]
    valid = {
        "dagster/row_count": len(found.valid),
        "rows": len(found.valid),
        "blocked": found.blocked,
        "extra_columns": ", ".join(found.extra_columns) or "none",
    }
    apart = {
        "dagster/row_count": len(found.quarantined),
        "rows": len(found.quarantined),
        "share": found.share,
        "rules_broken": table(broken),
    }
    return valid, apart


def _features(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "features",
        "What a model may see, row by row: no target, no protected, no late column.",
        kinds=["pandas", "gold"],
        deps=["valid_data"],
        sections=["data_bias", "data_selection"],
        per_batch=True,
    )
    def features(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(
            metadata=each_batch(context, solution, lambda b: _make_features(solution, store.of(solution.name), b))
        )

    return features


def _make_features(solution: Solution, store: SolutionStore, batch: Batch) -> dict[str, Any]:
    if is_blocked(store, batch.key):
        return {"rows": 0, "state": "blocked: the batch broke its contract"}
    valid = store.read_frame("valid_data", batch.key)
    made = rows.make_features(solution, valid)
    store.write_frame("features", made, batch.key)
    digest = rows.digest(made)
    store.write_facts(
        "features", {"rows": len(made), "digest": digest, "columns": [c for c in made.columns if c != ID]}, batch.key
    )
    schema = dg.TableSchema([dg.TableColumn(str(c), str(t)) for c, t in made.dtypes.items() if c != ID])
    return {
        "dagster/row_count": len(made),
        "dagster/column_schema": schema,
        "rows": len(made),
        "digest": digest,
        "state": "made",
    }


def _labels(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution
    delay = solution.business_case.target.delay

    @stage.asset(
        "labels",
        f"Known outcomes by id; complete {f'{delay} after the row' if delay else 'at once'}; can be materialized again as they mature.",
        kinds=["pandas", "silver"],
        deps=["valid_data"],
        sections=["business_case"],
        per_batch=True,
    )
    def labels(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(
            metadata=each_batch(context, solution, lambda b: _read_labels(solution, store.of(solution.name), b))
        )

    return labels


def _read_labels(solution: Solution, store: SolutionStore, batch: Batch) -> dict[str, Any]:
    arrival = solution.data_pipeline.arrival
    now = arrival.now() if arrival else _machine_now()
    found = rows.read_labels(solution, store, batch, now)
    total = int(store.read_facts("valid_data", batch.key)["rows"])
    mature = is_mature(solution, batch.key, now)
    store.write_frame("labels", found, batch.key)
    share = len(found) / total if total else 0.0
    facts = {"rows": total, "labelled": len(found), "share": share, "mature": mature, "as_of": now}
    store.write_facts("labels", facts, batch.key)
    return {
        "dagster/row_count": len(found),
        "labelled": len(found),
        "labelled_share": share,
        "mature": mature,
        "as_of": now.isoformat(),
    }


def _machine_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC).replace(tzinfo=None)


def _profile(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "profile",
        "The batch summed up once: counts on a fixed grid, moments, missing values; profiles merge, rows are never read again.",
        kinds=["numpy", "json"],
        deps=["features"],
        per_batch=True,
    )
    def profile(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(
            metadata=each_batch(context, solution, lambda b: _sum_up(store.of(solution.name), b))
        )

    return profile


def _sum_up(store: SolutionStore, batch: Batch) -> dict[str, Any]:
    if is_blocked(store, batch.key):
        return {"rows": 0, "state": "blocked: the batch broke its contract"}
    summed = rows.sum_up(store, store.read_frame("features", batch.key))
    store.write_facts("profile", summed.to_dict(), batch.key)
    summary = [
        {
            "column": c,
            "missing": s.missing / max(summed.n, 1),
            "mean": s.mean,
            "lowest": s.minimum,
            "highest": s.maximum,
        }
        for c, s in summed.numeric.items()
    ]
    return {
        "rows": summed.n,
        "columns": len(summed.numeric) + len(summed.categorical),
        "numeric_columns": table(summary),
        "state": "made",
    }

"""The training set: newest labelled rows with features, parts, groups and the simple rule's answer."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration._types import Span, load_function
from ml_assets.errors import DataError
from ml_assets.evidence import table
from ml_assets.graph import Stage
from ml_assets.history import (
    BATCH,
    CLUSTER,
    GROUP,
    ID,
    LABEL,
    PART,
    RULE,
    TIME,
    TRUTH,
    WEIGHT,
    clusters_of,
    groups_of,
    labelled_batches,
    read_batches,
)
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore, Store
from ml_assets.stages.data_pipeline.rows import digest
from ml_assets.statistics.splitting import hash_parts, time_parts


@dataclass(frozen=True)
class TrainingSet:
    """The assembled rows and what is to be known of them."""

    frame: pd.DataFrame
    classes: tuple[str, ...]
    batches: tuple[str, ...]
    features: tuple[str, ...]
    unlabelled: int


def build_training_set(solution: Solution) -> dg.AssetsDefinition:
    """The asset ``training_set``."""
    stage = Stage(solution, "data_pipeline")

    @stage.asset(
        "training_set",
        "Newest labelled rows a model may learn from: selected features, encoded truth, the part of each row, recency weight, audit groups.",
        kinds=["pandas", "gold"],
        deps=["features", "labels", "selected_columns"],
        sections=["business_case", "data_selection", "data_bias", "model"],
    )
    def training_set(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return _store(solution, store.of(solution.name))

    return training_set


def _store(solution: Solution, store: SolutionStore) -> dg.MaterializeResult[Any]:
    made = assemble(solution, store)
    store.write_frame("training_set", made.frame)
    parts = made.frame[PART].value_counts().to_dict()
    rows_digest = digest(made.frame)
    newest = made.frame[TIME].max().isoformat() if TIME in made.frame.columns else None
    facts = {
        "rows": len(made.frame),
        "parts": parts,
        "classes": made.classes,
        "batches": made.batches,
        "features": made.features,
        "digest": rows_digest,
        "newest_event": newest,
        "unlabelled": made.unlabelled,
        "declaration": solution.version(),
    }
    store.write_facts("training_set", facts)
    by_part = [_part_row(name, made.frame[made.frame[PART] == name]) for name in ("train", "validation", "test")]
    metadata = {
        "dagster/row_count": len(made.frame),
        "features": len(made.features),
        "first_batch": made.batches[0],
        "last_batch": made.batches[-1],
        "parts": table(by_part),
        "newest_event": newest or "no event time",
        "dagster/column_lineage": _lineage(solution, store, made.features),
        "dagster/column_schema": dg.TableSchema([dg.TableColumn(f, str(made.frame[f].dtype)) for f in made.features]),
    }
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(rows_digest))


def _part_row(name: str, rows: pd.DataFrame) -> dict[str, object]:
    batches = rows[BATCH]
    return {
        "part": name,
        "rows": len(rows),
        "mean truth": float(rows[TRUTH].mean()),
        "from": batches.min(),
        "to": batches.max(),
    }


def _lineage(solution: Solution, store: SolutionStore, features: tuple[str, ...]) -> dg.TableColumnLineage:
    """Column lineage as the UI draws it: raw column → feature, as measured."""
    measured: dict[str, list[str]] = store.read_facts("selected_columns")["lineage"]
    raw = dg.AssetKey([solution.name, "raw_data"])
    deps = {f: [dg.TableColumnDep(asset_key=raw, column_name=c) for c in measured.get(f, [])] for f in features}
    return dg.TableColumnLineage(deps_by_column=deps)


def assemble(solution: Solution, store: SolutionStore) -> TrainingSet:
    """Join features, labels and audit columns of the window's batches; encode; divide."""
    batches = labelled_batches(solution, store)
    selected = tuple(store.read_facts("selected_columns")["features"])
    features = read_batches(store, "features", batches, [*selected, ID])
    labels = read_batches(store, "labels", batches)[[ID, LABEL]]
    audit = _audit_columns(solution, read_batches(store, "valid_data", batches))
    joined = features.merge(labels, on=ID, how="inner", validate="one_to_one").merge(
        audit, on=ID, how="inner", validate="one_to_one"
    )
    target = solution.business_case.target
    encoded = encode_target(joined[LABEL], task=solution.task, positive=target.positive)
    known = ~encoded.missing
    frame = joined.loc[known].drop(columns=[LABEL]).assign(**{TRUTH: encoded.truth[known]}).reset_index(drop=True)
    minimum = solution.data_selection.minimum_rows
    if len(frame) < minimum:
        raise DataError(
            "there are too few labelled rows to train on",
            got=f"{len(frame)}",
            allowed=f"at least {minimum}",
            do="Wait for more batches to mature, or lower data_selection.minimum_rows",
        )
    rank = frame[BATCH].rank(method="dense").astype(int).to_numpy() - 1
    frame = frame.assign(**{PART: _parts(solution, frame, rank), WEIGHT: _recency(solution, rank)})
    return TrainingSet(frame, encoded.classes, tuple(batches), selected, int((~known).sum()))


def _audit_columns(solution: Solution, rows: pd.DataFrame) -> pd.DataFrame:
    groups = groups_of(solution, rows).add_prefix(GROUP)
    own = rows[[c for c in (ID, TIME) if c in rows.columns]]
    out = pd.concat([own.reset_index(drop=True), groups.reset_index(drop=True)], axis=1)
    shared = clusters_of(solution, rows)
    if shared is not None:
        out = out.assign(**{CLUSTER: shared})
    if solution.business_case.simple_rule is not None:
        out = out.assign(**{RULE: ask_rule(solution, rows)})
    return out


def ask_rule(solution: Solution, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The simple rule's decision on rows, one per row."""
    path = str(solution.business_case.simple_rule)
    answer = np.asarray(load_function(path)(rows.drop(columns=[solution.target], errors="ignore")))
    if answer.shape != (len(rows),):
        raise DataError(
            f"{path} must decide every row",
            got=f"shape {answer.shape}",
            allowed=f"({len(rows)},)",
            do="Return one decision per row",
        )
    return answer.astype(float) if solution.task != "multiclass" else answer.astype(str)


def _parts(solution: Solution, frame: pd.DataFrame, rank: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    model = solution.model
    if not solution.time_split:
        # rows of equal content share the hash of their id's stem, so that copies never stand on both sides
        stems = frame[ID].str.replace(r"-\d+$", "", regex=True) if solution.data_pipeline.id is None else frame[ID]
        stems = frame[CLUSTER] if CLUSTER in frame.columns else stems
        return hash_parts(
            stems.to_numpy(),
            shares=(1 - model.validation - model.test, model.validation, model.test),
            salt=solution.name,
        )
    count = int(rank.max()) + 1
    period = solution.data_pipeline.period
    test = model.test_span.batches(period) if isinstance(model.test_span, Span) else max(1, round(model.test * count))
    validation = (
        model.validation_span.batches(period)
        if isinstance(model.validation_span, Span)
        else max(1, round(model.validation * count))
    )
    return time_parts(rank, validation=validation, test=test)


def _recency(solution: Solution, rank: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """0.5 to the power of age over half-life, ages in batches from the newest; ones without a half-life."""
    span = solution.model.half_life
    if not isinstance(span, Span):
        return np.ones(len(rank))
    amount, unit = span
    period = solution.data_pipeline.period
    half_life = amount if unit == "batches" or period is None else amount / period.total_seconds()
    weight: np.ndarray[Any, Any] = 0.5 ** ((rank.max() - rank) / half_life)
    return weight

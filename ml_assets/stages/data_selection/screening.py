"""Every raw column, screened: availability, usefulness alone, missing values, leaks, proxies."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.evidence import table
from ml_assets.graph import Stage
from ml_assets.history import BATCH, ID, LABEL, OWN, groups_of, labelled_history
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore, Store
from ml_assets.statistics.dates import DateLikeText, date_like
from ml_assets.statistics.screening import ColumnFacts, ColumnScreening, screen

NEWEST_ROWS = 40_000


def build_screening(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "column_screening",
        "Every raw column: availability, usefulness alone, missing values, leaks, proxies; a verdict and its reasons.",
        kinds=["pandas", "table"],
        deps=["valid_data", "labels"],
        sections=["data_bias"],
    )
    def column_screening(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        found = examine(solution, store.of(solution.name))
        store.of(solution.name).write_facts("column_screening", {"columns": list(found)})
        rows = [
            {
                "column": c.column,
                "verdict": c.verdict,
                "why": "; ".join(c.reasons),
                "alone": c.usefulness.value,
                "missing": c.missing_share,
                "distinct": c.distinct,
                "cost": c.cost,
                "proxy of": c.proxy_of or "",
                "proxy strength": c.proxy_strength,
            }
            for c in found
        ]
        counts = {f"{v}_columns": sum(c.verdict == v for c in found) for v in ("use", "review", "drop")}
        return dg.MaterializeResult(metadata={"columns": table(rows), **counts})

    return column_screening


def examine(solution: Solution, store: SolutionStore) -> tuple[ColumnScreening, ...]:
    """Screen the raw columns of the newest labelled rows, never reading the truth of rows that will judge a model."""
    rows = labelled_history(solution, store, most_rows=NEWEST_ROWS)
    target = solution.business_case.target
    encoded = encode_target(rows[LABEL], task=solution.task, positive=target.positive)
    rows, truth = rows.loc[~encoded.missing].reset_index(drop=True), encoded.truth[~encoded.missing]
    own = [c for c in rows.columns if c.startswith(OWN)]
    candidates = rows.drop(columns=[*own, solution.target], errors="ignore").drop(
        columns=[c for c in (solution.data_pipeline.id,) if c], errors="ignore"
    )
    declared = {
        c: ColumnFacts(r.available, r.cost, r.reason)
        for c, r in solution.data_selection.columns.items()
        if c in candidates.columns
    }
    missing = sorted(set(solution.data_selection.columns) - set(candidates.columns))
    if missing:
        raise DataError(
            "data_selection.columns names columns that are not there",
            got=", ".join(missing),
            allowed=", ".join(candidates.columns),
            do="Correct the names",
        )
    order = rows[BATCH].rank(method="dense").astype(int).to_numpy() - 1 if solution.data_pipeline.is_stream else None
    attributes = groups_of(solution, rows) if solution.data_bias.protected else None
    protected = [solution.data_bias.columns_of(a) for a in solution.data_bias.protected]
    parts = _likely_parts(solution, rows)
    return screen(
        candidates,
        truth,
        task=solution.task,
        target=solution.target,
        declared=declared,
        groups=attributes,
        protected=protected,
        dates=_date_like(solution, candidates),
        order=order,
        parts=parts,
        seed=solution.model.seed,
    )


def _date_like(solution: Solution, candidates: pd.DataFrame) -> dict[str, DateLikeText | None]:
    """How far the columns that may become inputs look like dates: the time of a row and what is hidden are none."""
    arrival = solution.data_pipeline.arrival
    apart = solution.never_inputs | ({arrival.event_time} if arrival is not None else set())
    return {str(c): date_like(candidates[c]) for c in candidates.columns if c not in apart}


def _likely_parts(solution: Solution, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The newest fifth of a stream, or the ids that hash into the test part, stay unread."""
    from ml_assets.statistics.splitting import hash_parts

    model = solution.model
    if solution.time_split:
        rank = rows[BATCH].rank(method="dense", pct=True).to_numpy()
        return (
            np.where(rank > 1 - model.test, "test", "train")
            if rows[BATCH].nunique() > 1
            else np.full(len(rows), "train")
        )
    stems = rows[ID].str.replace(r"-\d+$", "", regex=True) if solution.data_pipeline.id is None else rows[ID]
    return hash_parts(
        stems.to_numpy(), shares=(1 - model.validation - model.test, model.validation, model.test), salt=solution.name
    )

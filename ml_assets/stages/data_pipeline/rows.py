"""What is done to the rows of one batch; no Dagster here, so that each step can be tried alone."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration._types import load_function
from ml_assets.declaration.arrival import Batch
from ml_assets.declaration.contract import (
    BROKEN,
    ColumnDraft,
    Validated,
    declared_schema,
    draft,
    drafted_schema,
    validate,
)
from ml_assets.declaration.sources import FilesSource, content_ids
from ml_assets.errors import DataError
from ml_assets.history import ID, LABEL, OWN, TIME
from ml_assets.resources.store import SolutionStore
from ml_assets.statistics.grid import Grid, make_grid
from ml_assets.statistics.profile import Profile, profile


@dataclass(frozen=True)
class Divided:
    """A batch after its contract: what goes on, what is kept apart and why, and whether the batch is blocked."""

    valid: pd.DataFrame
    quarantined: pd.DataFrame
    rules: dict[str, int]
    extra_columns: tuple[str, ...]
    blocked: bool
    share: float
    limit: float


def digest(frame: pd.DataFrame) -> str:
    """A hash of the content of a table: equal for equal rows in equal order, whatever made them."""
    hashed = pd.util.hash_pandas_object(frame.astype("string"), index=False)
    return hashlib.sha256(("\x1f".join(map(str, frame.columns))).encode() + hashed.to_numpy().tobytes()).hexdigest()[
        :16
    ]


def load(solution: Solution, batch: Batch) -> pd.DataFrame:
    """The rows of a batch as the source has them."""
    frame = solution.data_pipeline.source.load(batch, solution.data_pipeline.arrival)
    own = [c for c in map(str, frame.columns) if c.startswith(OWN)]
    if own:
        raise DataError(
            "a source uses names this package reserves",
            got=", ".join(own),
            allowed=f"names that do not begin with {OWN!r}",
            do="Rename the columns",
        )
    return frame.reset_index(drop=True)


def contract_of(solution: Solution, store: SolutionStore, frame: pd.DataFrame) -> Any:
    """The declared contract, or the one drafted from the first batch with rows (stored, so that it stays the same)."""
    if solution.data_pipeline.contract is not None:
        return declared_schema(solution.data_pipeline.contract)
    facts = store.find_facts("contract")
    if facts is None:
        if frame.empty:
            raise DataError(
                "a contract cannot be drafted from an empty batch",
                got="0 rows",
                allowed="a first batch with rows",
                do="Start the stream at its first batch with rows, or declare data_pipeline.contract",
            )
        facts = store.write_facts("contract", {"columns": _drafted(solution, frame)})
    return drafted_schema(tuple(ColumnDraft(**c) for c in facts["columns"]))


def _drafted(solution: Solution, frame: pd.DataFrame) -> tuple[ColumnDraft, ...]:
    """The draft without the target; an id must be there and has no range: running numbers leave every range in time."""
    kept = _stay_text(solution, [str(c) for c in frame.columns])
    columns = draft(frame.drop(columns=[solution.target], errors="ignore"), as_text=kept)
    return tuple(ColumnDraft(c.column, "text") if c.column == solution.data_pipeline.id else c for c in columns)


def _stay_text(solution: Solution, columns: Collection[str]) -> frozenset[str]:
    """Columns whose text names something (a batch, a group, a cluster) or has its type declared: no dates for a model."""
    pipeline = solution.data_pipeline
    timed = pipeline.arrival.event_time if pipeline.arrival is not None else None
    named = (timed, solution.model.cluster, *map(solution.data_bias.columns_of, solution.group_names))
    typed = pipeline.source.typed(columns) if isinstance(pipeline.source, FilesSource) else frozenset()
    return frozenset(c for c in named if c is not None) | typed


def divide(solution: Solution, store: SolutionStore, frame: pd.DataFrame) -> Divided:
    """Set the rows that break the contract apart; block the batch when they are too many."""
    limit = solution.data_pipeline.quarantine_at_most
    if frame.empty:
        return Divided(_named(solution, frame), frame.assign(**{BROKEN: ""}), {}, (), True, 0.0, limit)
    found = _with_target(solution, validate(frame, contract_of(solution, store, frame)))
    named = _named(solution, found.valid)
    valid, apart = _first_of_each(named)
    broken = _together(found.broken, apart)
    rules = found.rules | {str(rule): int(n) for rule, n in apart[BROKEN].value_counts().items()}
    share = len(broken) / len(frame)
    return Divided(valid, broken, rules, found.extra_columns, share > limit or valid.empty, share, limit)


def _together(broken: pd.DataFrame, apart: pd.DataFrame) -> pd.DataFrame:
    """Rows as the source had them above rows that the contract already coerced: where the types differ, any."""
    parts = [part for part in (broken, apart) if len(part)]
    if len(parts) < 2:
        return (parts or [broken])[0].reset_index(drop=True)
    shared = [c for c in apart.columns if c in broken.columns]
    differ = {c: object for c in shared if broken[c].dtype != apart[c].dtype}
    return pd.concat([part.astype(differ) for part in parts], ignore_index=True)


def _with_target(solution: Solution, found: Validated) -> Validated:
    """A target in the same table must be there; its values are the business of ``labels``."""
    if solution.data_pipeline.labels is None and len(found.valid) and solution.target not in found.valid.columns:
        raise DataError(
            "the target column is missing",
            got=", ".join(map(str, found.valid.columns)),
            allowed=f"a column {solution.target!r}",
            do="Correct business_case.target.column, or declare data_pipeline.labels",
        )
    return found


def _named(solution: Solution, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with their id and time under this package's own names."""
    pipeline = solution.data_pipeline
    timed = pipeline.arrival.event_time if pipeline.arrival is not None else None
    if frame.empty:
        own: dict[str, Any] = {ID: pd.Series(dtype=object)}
        return frame.assign(**(own | ({TIME: pd.Series(dtype="datetime64[us]")} if timed is not None else {})))
    _require_own(frame, pipeline.id, "data_pipeline.id", "id")
    _require_own(frame, timed, "data_pipeline.arrival.event_time", "time")
    own = {ID: frame[pipeline.id].astype(str) if pipeline.id is not None else content_ids(frame)}
    if timed is not None:
        times = pd.to_datetime(frame[timed], errors="coerce", utc=True, format="mixed")
        own[TIME] = times.dt.tz_localize(None).astype("datetime64[us]")
    return frame.assign(**own)


def _require_own(frame: pd.DataFrame, column: str | None, where: str, what: str) -> None:
    """A column that names or dates a row; one that the contract knows is quarantined before this."""
    if column is not None and column not in frame.columns:
        raise DataError(
            f"the {what} column is missing",
            got=", ".join(map(str, frame.columns)),
            allowed=f"a column {column!r}",
            do=f"Correct {where}",
        )


def _first_of_each(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per id, and the ones that are set apart: repeated ids, empty ids, times that do not parse."""
    empty = frame[ID].isin(["nan", "None", "<NA>", ""])
    undated = frame[TIME].isna() if TIME in frame.columns else pd.Series(False, index=frame.index)
    repeated = frame[ID].duplicated(keep="first") & ~empty
    reasons = pd.Series("", index=frame.index)
    for rule, rows in (("empty id", empty), ("repeated id", repeated), ("time does not parse", undated)):
        reasons = reasons.where(~rows, (reasons + "; " + rule).str.removeprefix("; "))
    bad = reasons != ""
    apart = frame.loc[bad].drop(columns=[c for c in (ID, TIME) if c in frame.columns]).assign(**{BROKEN: reasons[bad]})
    return frame.loc[~bad].reset_index(drop=True), apart


def permitted(solution: Solution, rows: pd.DataFrame) -> pd.DataFrame:
    """What a feature function may see: everything but the target, the protected, the excluded and the late columns."""
    hidden = solution.never_inputs | {c for c in rows.columns if str(c).startswith(OWN)}
    return rows[[c for c in rows.columns if c not in hidden]]


def make_features(solution: Solution, rows: pd.DataFrame) -> pd.DataFrame:
    """Features of a batch, with the ids of their rows."""
    visible = permitted(solution, rows)
    if solution.data_pipeline.features is None:
        out = (
            visible.drop(columns=[solution.data_pipeline.arrival.event_time], errors="ignore")
            if solution.data_pipeline.arrival
            else visible
        )
    else:
        out = _call_features(solution, visible)
    return out.reset_index(drop=True).assign(**{ID: rows[ID].to_numpy()})


def _call_features(solution: Solution, visible: pd.DataFrame) -> pd.DataFrame:
    path = str(solution.data_pipeline.features)
    try:
        out = load_function(path)(visible.copy())
    except KeyError as error:
        hidden = ", ".join(sorted(solution.never_inputs)) or "none"
        raise DataError(
            f"{path} asks for a column it may not see or that is not there",
            got=str(error),
            allowed=", ".join(map(str, visible.columns)),
            do=f"Use permitted columns only (kept from it: {hidden})",
        ) from error
    if not isinstance(out, pd.DataFrame) or len(out) != len(visible):
        got = f"{len(out)} rows" if isinstance(out, pd.DataFrame) else type(out).__name__
        raise DataError(
            f"{path} must return one row of features per row",
            got=got,
            allowed=f"a DataFrame of {len(visible)} rows",
            do="Keep every row, in order",
        )
    return out


def read_labels(solution: Solution, store: SolutionStore, batch: Batch, now: datetime) -> pd.DataFrame:
    """Ids and labels of a batch's rows, as far as they are known at ``now``."""
    pipeline, target = solution.data_pipeline, solution.business_case.target
    rows = store.read_frame("valid_data", batch.key)
    if pipeline.labels is None:
        out = rows[[ID]].assign(**{LABEL: rows[target.column]})
    else:
        found = pipeline.labels.source.load(batch, pipeline.arrival)
        column = pipeline.labels.column or target.column
        _require_columns(found, (pipeline.labels.id, column))
        found = pd.DataFrame({ID: found[pipeline.labels.id].astype(str), LABEL: found[column]}).drop_duplicates(
            ID, keep="last"
        )
        out = rows[[ID]].merge(found, on=ID, how="left")
    if TIME in rows.columns and target.delay_or_zero > timedelta(0):
        out = out.assign(**{LABEL: out[LABEL].where((rows[TIME] + target.delay_or_zero <= now).to_numpy())})
    return out[out[LABEL].notna()].reset_index(drop=True)


def _require_columns(frame: pd.DataFrame, columns: tuple[str, ...]) -> None:
    absent = [c for c in columns if c not in frame.columns]
    if absent:
        raise DataError(
            "the source of labels lacks a column",
            got=", ".join(map(str, frame.columns)),
            allowed=", ".join(columns),
            do="Correct data_pipeline.labels",
        )


def grid_of(store: SolutionStore, features: pd.DataFrame) -> Grid:
    """The solution's fixed grid, made once from the first batch, so that all profiles can be merged and compared."""
    facts = store.find_facts("grid")
    if facts is None:
        facts = store.write_facts("grid", make_grid(features).to_dict())
    return Grid.from_dict(facts)


def sum_up(store: SolutionStore, features: pd.DataFrame) -> Profile:
    """The profile of a batch's features."""
    inputs = features.drop(columns=[ID])
    return profile(inputs, grid_of(store, inputs))

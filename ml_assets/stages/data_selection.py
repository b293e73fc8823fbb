"""Part 3: columns by availability and usefulness, each with a verdict and its reason."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration._types import load_function
from ml_assets.errors import DataError
from ml_assets.evidence import Verdict, numbers, table
from ml_assets.graph import Stage, solution_check
from ml_assets.history import BATCH, ID, LABEL, OWN, PART, groups_of, labelled_history
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.lineage import measured_lineage
from ml_assets.statistics.screening import ColumnFacts, ColumnScreening, screen
from ml_assets.statistics.splitting import duplicates_across

STAGE = "data_selection"
NEWEST_ROWS = 40_000


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "selected_columns",
            "no_leak",
            _no_leak,
            blocking=True,
            description="No column that was chosen is, or may be, known only after the outcome.",
        ),
        solution_check(
            solution,
            "selected_columns",
            "no_protected",
            lambda s: _no_protected(solution, s),
            blocking=True,
            description="No chosen feature is made from a protected column.",
        ),
        solution_check(
            solution,
            "training_set",
            "no_duplicates_across_split",
            _no_duplicates,
            description="No row of the test part repeats a row the model was trained on.",
        ),
        solution_check(
            solution,
            "training_set",
            "enough_rows",
            lambda s: _enough(solution, s),
            description="Every part has the labelled rows that training and judging need.",
        ),
    ]
    return dg.Definitions(assets=[_column_screening(stage), _selected_columns(stage)], asset_checks=checks)


def _column_screening(stage: Stage) -> dg.AssetsDefinition:
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
        order=order,
        parts=parts,
        seed=solution.model.seed,
    )


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


def _selected_columns(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "selected_columns",
        "Which columns and features a model may use, and why each other one may not.",
        kinds=["table"],
        deps=["column_screening", "features"],
        sections=["data_pipeline"],
    )
    def selected_columns(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = store.of(solution.name).write_facts("selected_columns", choose(solution, store.of(solution.name)))
        rows = [{"feature": f, "made from": ", ".join(facts["lineage"].get(f, []))} for f in facts["features"]]
        dropped = [{"column": c, "why": why} for c, why in facts["dropped"].items()]
        raw = dg.AssetKey([solution.name, "raw_data"])
        deps = {
            f: [dg.TableColumnDep(asset_key=raw, column_name=c) for c in facts["lineage"].get(f, [])]
            for f in facts["features"]
        }
        cost = sum(
            solution.data_selection.columns[c].cost for c in facts["raw"] if c in solution.data_selection.columns
        )
        return dg.MaterializeResult(
            metadata={
                "features": table(rows),
                "left_out": table(dropped),
                "chosen": len(rows),
                "dropped": len(dropped),
                "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=deps),
                **numbers({"cost_per_row": cost}),
            }
        )

    return selected_columns


def choose(solution: Solution, store: SolutionStore) -> Facts:
    """Features all of whose raw columns may be used.

    A column under suspicion (review) is held back unless the declaration says it is available at prediction: a suspicion of
    a leak costs less than a leak. Proxies are held to their figure in the report, not dropped by themselves.
    """
    screening = {c["column"]: c for c in store.read_facts("column_screening")["columns"]}
    refused = {c: "; ".join(s["reasons"]) for c, s in screening.items() if s["verdict"] == "drop"}
    for column, found in screening.items():
        rule = solution.data_selection.columns.get(column)
        declared = rule is not None and rule.available == "at_prediction"
        if found["verdict"] == "review" and not declared and is_suspicion(found):
            refused[column] = "held back until declared available at_prediction: " + "; ".join(found["reasons"])
    for column in sorted(solution.never_inputs):
        if column in screening:
            refused[column] = _declared_reason(solution, column)
    features, lineage = _traced(solution, store)
    dropped = dict(refused)
    kept = []
    for feature in features:
        # a feature that depends on nothing measurable stands for the column of its own name
        bad = [c for c in (lineage.get(feature) or (feature,)) if c in refused]
        if bad:
            dropped.setdefault(feature, f"made from {', '.join(bad)}")
        else:
            kept.append(feature)
    if not kept:
        raise DataError(
            "no feature is left to learn from",
            got="; ".join(f"{c}: {w}" for c, w in dropped.items()),
            allowed="at least one usable column",
            do="Declare data_selection.columns.<name>.available: at_prediction where that is true",
        )
    raw = sorted({c for f in kept for c in lineage.get(f, ())})
    return {"features": kept, "raw": raw, "dropped": dropped, "lineage": {f: list(lineage.get(f, ())) for f in kept}}


def is_suspicion(found: Facts) -> bool:
    """Whether a review is about what a column knows (a leak, the passing of time), not about a proxy, cost or staleness."""
    return knows_the_outcome(found) or "marks the time" in " ".join(found["reasons"]).lower()


def knows_the_outcome(found: Facts) -> bool:
    """Whether the reasons say that a column may tell what is only known later."""
    text = " ".join(found["reasons"]).lower()
    return any(word in text for word in ("too good", "outcome", "leak", "sum"))


def _declared_reason(solution: Solution, column: str) -> str:
    rule = solution.data_selection.columns.get(column)
    if rule is not None and rule.available == "after_outcome":
        return f"declared available after the outcome only{f': {rule.reason}' if rule.reason else ''}"
    if column in solution.data_selection.exclude:
        return "excluded by declaration"
    if column in solution.data_bias.hidden_columns:
        return "protected: for audit only"
    return "id or target"


def _traced(solution: Solution, store: SolutionStore) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The features of the newest batch, and the raw columns each was measured to depend on."""
    from ml_assets.history import is_blocked

    batches = [b for b in store.batches("features") if not is_blocked(store, b)]
    if not batches:
        raise DataError(
            "no features have been made",
            got="no batch",
            allowed="at least one unblocked batch",
            do="Materialize features first",
        )
    features = [c for c in store.read_frame("features", batches[-1]).columns if c != ID]
    path = solution.data_pipeline.features
    if path is None:
        return features, {f: (f,) for f in features}
    rows = store.read_frame("valid_data", batches[-1])
    visible = rows[[c for c in rows.columns if c not in solution.never_inputs and not c.startswith(OWN)]]
    try:
        return features, dict(measured_lineage(load_function(path), visible, seed=solution.model.seed))
    except KeyError as error:
        raise DataError(
            f"{path} asks for a column it may not see or that is not there",
            got=str(error),
            allowed=", ".join(map(str, visible.columns)),
            do="Use permitted columns only",
        ) from error


def _no_leak(store: SolutionStore) -> Verdict:
    chosen = set(store.read_facts("selected_columns")["raw"])
    screening = store.read_facts("column_screening")["columns"]
    # screening lifts a suspicion that the declaration answers; the check still says that a word is all there is
    accepted = [c for c in screening if c["column"] in chosen and c["verdict"] != "drop" and knows_the_outcome(c)]
    leaks = [c for c in screening if c["column"] in chosen and c["verdict"] == "drop"]
    rows = [
        {"column": c["column"], "verdict": c["verdict"], "why": "; ".join(c["reasons"])} for c in (*leaks, *accepted)
    ]
    sentence = (
        f"{', '.join(c['column'] for c in leaks)} must not be used"
        if leaks
        else f"{', '.join(c['column'] for c in accepted)} used on the declaration's word alone"
        if accepted
        else f"none of {len(chosen)} columns is known after the outcome or too good to be true"
    )
    return Verdict(
        not leaks and not accepted,
        sentence,
        {"leaks": len(leaks), "on_declared_word": len(accepted)},
        rows,
        act=bool(leaks),
    )


def _no_protected(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("selected_columns")
    hidden = solution.data_bias.hidden_columns
    found = [f for f in facts["features"] if f in hidden or hidden & set(facts["lineage"].get(f, []))]
    allowed = solution.data_bias.as_input
    sentence = (
        f"{', '.join(found)} made from protected columns"
        if found
        else f"none of {len(facts['features'])} features is made from {', '.join(sorted(hidden)) or 'a protected column'}"
    )
    if allowed:
        sentence += "; allowed by declaration: " + "; ".join(f"{c} ({why})" for c, why in allowed.items())
    return Verdict(not found, sentence, {"protected_features": len(found)})


def _no_duplicates(store: SolutionStore) -> Verdict:
    facts = store.read_facts("training_set")
    frame = store.read_frame("training_set")
    test = int((frame[PART] == "test").sum())
    copies = duplicates_across(frame[[*facts["features"]]], frame[PART].to_numpy(str))
    share = copies / max(test, 1)
    sentence = f"{copies:,} of {test:,} test rows ({share:.2%}) repeat the features of a training or validation row; alarm above 5 %"
    return Verdict(share <= 0.05, sentence, {"duplicates": copies, "duplicate_share": share}, act=False)


def _enough(solution: Solution, store: SolutionStore) -> Verdict:
    facts = store.read_facts("training_set")
    parts: dict[str, int] = facts["parts"]
    needed = {"train": solution.data_selection.minimum_rows // 2, "validation": 30, "test": 30}
    short = [f"{p} has {parts.get(p, 0):,} rows, needs {n}" for p, n in needed.items() if parts.get(p, 0) < n]
    sentence = "; ".join(short) or ", ".join(f"{p} {n:,}" for p, n in parts.items())
    return Verdict(not short, sentence, {f"{p}_rows": n for p, n in parts.items()})

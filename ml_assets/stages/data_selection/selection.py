"""Which columns and features a model may use, and why each other one may not."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration._types import load_function
from ml_assets.errors import DataError
from ml_assets.evidence import numbers, table
from ml_assets.graph import Stage
from ml_assets.history import ID, OWN
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.lineage import measured_lineage


def build_selection(stage: Stage) -> dg.AssetsDefinition:
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
    hidden = solution.data_bias.hidden
    if column in hidden:
        return "protected: for audit only" if hidden[column].startswith("protected") else hidden[column]
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

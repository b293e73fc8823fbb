"""The weight of every training row: recency times reweighing."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.evidence import numbers, table
from ml_assets.graph import Stage
from ml_assets.history import training_rows
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.representation import reweighing


def build_weights(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "sample_weights",
        "Weight of every training row: recency times reweighing (group and label made independent).",
        kinds=["numpy", "parquet"],
        deps=["training_set", "bias_remediation_plan"],
        sections=["model"],
    )
    def sample_weights(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = weigh(solution, store.of(solution.name))
        return dg.MaterializeResult(
            metadata={
                "by_group": table(facts["groups"]),
                **numbers(facts["figures"]),
                "reweighed_by": facts["attribute"] or "nothing",
            }
        )

    return sample_weights


def weigh(solution: Solution, store: SolutionStore) -> Facts:
    """Kamiran and Calders' weights over the attributes whose label gap is a finding, on the training part alone."""
    rows = training_rows(solution, store, weights=False)
    entries = store.read_facts("bias_remediation_plan")["entries"]
    named = {e["finding"].split("=")[0] for e in entries if e["kind"] == "label gap" and e["action"] == "reweigh"}
    attributes = (
        [a for a in solution.data_bias.protected if a in named] if solution.data_bias.mitigation == "reweigh" else []
    )
    recency = rows.table.weight
    fair = np.ones(len(recency))
    train = rows.table.part == "train"
    joint = rows.groups[attributes].agg(" & ".join, axis=1) if attributes else pd.Series("all", index=rows.groups.index)
    if attributes:
        fair[train] = reweighing(joint[train], rows.table.truth[train], task=solution.task)
    frame = pd.DataFrame({"ml:id": rows.table.ids, "weight": recency * fair, "recency": recency, "reweighing": fair})
    store.write_frame("sample_weights", frame)
    truth = rows.table.truth[train]
    summary = pd.DataFrame({"group": joint[train].to_numpy(), "truth": truth, "w": fair[train]})
    by_group: list[dict[str, Any]] = [
        {
            "group": g,
            "rows": len(part),
            "mean truth": float(part["truth"].mean()),
            "weighted": float(np.average(part["truth"], weights=part["w"])),
        }
        for g, part in summary.groupby("group")
    ]
    plain = [float(g["mean truth"]) for g in by_group]
    weighted = [float(g["weighted"]) for g in by_group]
    figures = {
        "gap_before": max(plain) - min(plain),
        "gap_after": max(weighted) - min(weighted),
        "largest_weight": float(frame["weight"].max()),
        "effective_rows": float(frame.loc[train, "weight"].sum() ** 2 / (frame.loc[train, "weight"] ** 2).sum()),
    }
    return store.write_facts(
        "sample_weights", {"attribute": " & ".join(attributes), "groups": by_group, "figures": figures}
    )

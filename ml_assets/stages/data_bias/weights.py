"""The weight of every training row: recency times reweighing; what it leaves of the gaps, and who is in which part."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, numbers, table
from ml_assets.graph import Stage
from ml_assets.history import Learned, training_rows
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts, plain
from ml_assets.stages.data_bias.effects import of_data
from ml_assets.stages.data_bias.findings import LABEL_KINDS
from ml_assets.statistics.crossings import JOIN, crossed
from ml_assets.statistics.disclosure import masked_groups
from ml_assets.statistics.representation import reweighing
from ml_assets.statistics.split_mix import split_mix
from ml_assets.statistics.weighted_gaps import weighted_gaps

PART = "part"


def build_weights(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "sample_weights",
        "Weight of every training row: recency times reweighing (group and label made independent); with the groups of each part.",
        kinds=["numpy", "parquet"],
        deps=["training_set", "bias_remediation_plan"],
        sections=["model"],
    )
    def sample_weights(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = weigh(solution, store.of(solution.name))
        return dg.MaterializeResult(
            metadata={
                "by_group": table(facts["groups"]),
                "mix": table(mix_rows(facts["mix"])),
                "effects": table([{"answer": o["answer"], "effect": o["sentence"]} for o in facts["effects"]]),
                **numbers(facts["figures"]),
                "reweighed_by": facts["attribute"] or "nothing",
            }
        )

    return sample_weights


def weigh(solution: Solution, store: SolutionStore) -> Facts:
    """Kamiran and Calders' weights over the attributes whose label gap is a finding, on the training part alone."""
    rows = training_rows(solution, store, weights=False)
    attributes = _attributes(solution, store.read_facts("bias_remediation_plan"))
    train, recency = rows.table.part == "train", rows.table.weight
    fair = np.ones(len(recency))
    joint = rows.groups[attributes].agg(JOIN.join, axis=1) if attributes else pd.Series("all", index=rows.groups.index)
    if attributes:
        fair[train] = reweighing(joint[train], rows.table.truth[train], task=solution.task)
    frame = pd.DataFrame({"ml:id": rows.table.ids, "weight": recency * fair, "recency": recency, "reweighing": fair})
    store.write_frame("sample_weights", frame)
    learned = rows.part("train")
    by_group = _by_group(joint[train], learned, fair[train])
    plain_rates, weighted = ([float(g[k]) for g in by_group] for k in ("mean truth", "weighted"))
    weight = frame.loc[train, "weight"]
    figures = {
        "gap_before": max(plain_rates) - min(plain_rates),
        "gap_after": max(weighted) - min(weighted),
        "largest_weight": float(frame["weight"].max()),
        "effective_rows": float(weight.sum() ** 2 / (weight**2).sum()),
    }
    return store.write_facts(
        "sample_weights",
        {
            "attribute": JOIN.join(attributes),
            "groups": _masked(by_group, solution.data_bias.disclosure),
            "figures": figures,
            "mix": _mix(solution, rows),
            "effects": list(of_data(store, _left(solution, learned, fair[train]))),
        },
    )


def _attributes(solution: Solution, plan: Facts) -> list[str]:
    """Protected attributes of label findings that are to be reweighed; of a crossing only when a person decided so.

    Every further attribute cuts the training rows into smaller cells, whose weights are mostly noise.
    """
    if solution.data_bias.mitigation != "reweigh":
        return []
    groups = [
        f["groups"][0].partition("=")[0]
        for f in plan["findings"]
        if f["decision"]["chosen"] == "reweigh" and (f["status"] == "approved" or _whole(f))
    ]
    named = {part for name in groups for part in (name, *name.split(JOIN))}
    return [a for a in solution.data_bias.protected if a in named]


def _whole(finding: Facts) -> bool:
    """A gap in the label rate of a group of one attribute."""
    return bool(finding["kind"] == LABEL_KINDS[0] and JOIN not in finding["groups"][0].partition("=")[0])


def _left(solution: Solution, learned: Learned, fair: "np.ndarray[Any, Any]") -> Any:
    """Label gaps under the weights, of the protected groups and their crossings."""
    bias = solution.data_bias
    if not bias.protected:
        return ()
    made = crossed(learned.groups[list(bias.protected)], depth=bias.crossing_depth, only=bias.intersections)
    return weighted_gaps(made.frame, learned.table.truth, fair, task=solution.task, cluster=learned.table.cluster)


def _by_group(joint: "pd.Series[Any]", learned: Learned, fair: "np.ndarray[Any, Any]") -> list[dict[str, Any]]:
    summary = pd.DataFrame({"group": joint.to_numpy(), "truth": learned.table.truth, "w": fair})
    return [
        {
            "group": g,
            "rows": len(part),
            "mean truth": float(part["truth"].mean()),
            "weighted": float(np.average(part["truth"], weights=part["w"])),
        }
        for g, part in summary.groupby("group")
    ]


def _masked(by_group: list[dict[str, Any]], threshold: int) -> list[dict[str, Any]]:
    """The same without small groups' figures, and without the count of the next one."""
    labels = pd.Series(
        np.repeat([g["group"] for g in by_group], [g["rows"] for g in by_group]), name="group", dtype=object
    )
    masked = masked_groups(crossed(labels.to_frame()), threshold=threshold)["group"]
    hidden: dict[str, dict[str, Any]] = {
        "small": {"rows": f"<{threshold}", "mean truth": None, "weighted": None},
        "complementary": {"rows": "not shown"},
    }
    return [g | hidden.get(masked.get(g["group"], ""), {}) for g in by_group]


def _mix(solution: Solution, rows: Learned) -> Facts:
    """Who is in which part: a test per attribute, each group against training, and which counts may not be shown."""
    protected = list(solution.data_bias.protected)
    if not protected:
        return {"tests": [], "shares": [], "masked": {}, "threshold": solution.data_bias.disclosure}
    groups = rows.groups[protected]
    made = crossed(groups.assign(**{PART: rows.table.part}), only=[(a, PART) for a in protected])
    masked = masked_groups(made, threshold=solution.data_bias.disclosure)
    found = split_mix(groups, rows.table.part)
    facts: Facts = plain(found)
    return facts | {"masked": masked, "threshold": solution.data_bias.disclosure}


def mix_rows(mix: Facts) -> list[dict[str, object]]:
    """Groups by part as a table, small counts masked."""
    return list(_mix_rows(mix))


def _mix_rows(mix: Facts) -> Iterator[dict[str, object]]:
    for s in mix["shares"]:
        why = mix["masked"].get(f"{s['attribute']}{JOIN}{PART}", {}).get(f"{s['group']}{JOIN}{s['part']}")
        difference = s["difference"]
        row: dict[str, object] = {"group": f"{s['attribute']}={s['group']}", "part": s["part"]}
        if why is not None:
            n = f"<{mix['threshold']}" if why == "small" else "not shown"
            yield row | {"n": n, "verdict": s["verdict"]}
            continue
        yield row | {
            "n": s["n"],
            "share": s["share"],
            "difference to training": difference["value"],
            "low": difference["low"],
            "high": difference["high"],
            "verdict": "absent" if s["absent"] else s["verdict"],
        }
    for t in mix["tests"]:
        yield {"group": f"{t['attribute']} (all)", "part": "all", "n": t["n"], "p": t["p_value"], "V": t["strength"]}


def groups_in_every_part(store: SolutionStore) -> Verdict:
    mix = store.read_facts("sample_weights")["mix"]
    if not mix["shares"]:
        return Verdict(True, "no attribute is protected: there is no group to look for", {"groups": 0})
    absent = [s for s in mix["shares"] if s["absent"]]
    moved = [s for s in mix["shares"] if s["verdict"] == "fail" and not s["absent"]]
    names = [f"{s['attribute']}={s['group']} is absent from the {s['part']} rows" for s in absent[:4]]
    names += [
        f"{s['attribute']}={s['group']} has {s['difference']['value']:+.1%} of the {s['part']} rows against training ({s['verdict']})"
        for s in moved[:4]
    ]
    sentence = "; ".join(names) or "every group has about the same share of each part as of training"
    figures = {"absent": len(absent), "moved": len(moved)}
    return Verdict(not absent and not moved, sentence, figures, mix_rows(mix), act=False)

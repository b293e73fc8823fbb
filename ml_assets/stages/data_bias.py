"""Part 4: who is in the data, whose labels differ, what is done about it, and the weights that do it."""

from datetime import date
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.data_bias import PlanEntry
from ml_assets.evidence import Verdict, intervals, numbers, table
from ml_assets.graph import Stage, solution_check
from ml_assets.history import LABEL, groups_of, labelled_history, training_rows
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.representation import (
    GroupGap,
    GroupShare,
    label_gaps,
    missingness_gaps,
    representation,
    reweighing,
)

STAGE = "data_bias"
OPEN = ("fail", "suspect", "not declared")


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "data_bias_report",
            "groups_represented",
            _represented,
            description="Every group has its share of the declared reference population.",
        ),
        solution_check(
            solution,
            "bias_remediation_plan",
            "findings_covered",
            _covered,
            description="Every finding of bias in the data is inside its tolerance or has an approved plan that has not expired.",
        ),
    ]
    return dg.Definitions(assets=[_report(stage), _plan(stage), _weights(stage)], asset_checks=checks)


def _report(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "data_bias_report",
        "Shares of the groups against the reference population, label gaps, and missing values by group, with intervals.",
        kinds=["report"],
        deps=["valid_data", "labels"],
        sections=["business_case"],
    )
    def data_bias_report(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = examine(solution, store.of(solution.name))
        shares, gaps, missing = facts["shares"], facts["gaps"], facts["missing"]
        metadata: dict[str, Any] = {
            "shares": table(
                [
                    {
                        "group": f"{s['attribute']}={s['group']}",
                        "n": s["n"],
                        "share": s["share"]["value"],
                        "reference": s["reference"],
                        "verdict": s["verdict"],
                        "finding": s["sentence"],
                    }
                    for s in shares
                ]
            ),
            "label_gaps": table([_gap_row(g) for g in gaps]),
            "missing_values": table(
                [
                    {
                        "column": m["column"],
                        "group": f"{m['attribute']}={m['group']}",
                        "difference": m["difference"]["value"],
                        "verdict": m["verdict"],
                        "finding": m["sentence"],
                    }
                    for m in missing
                    if m["verdict"] in ("fail", "suspect")
                ]
            ),
            "rows": facts["rows"],
            "findings": sum(1 for f in (*shares, *gaps, *missing) if f["verdict"] in OPEN),
        }
        if gaps:
            estimates = [
                Estimate(**{**g["difference"], "name": f"{g['attribute']}={g['group']}"})
                for g in gaps
                if g["difference"]["value"] is not None
            ]
            metadata["picture"] = dg.MetadataValue.md(intervals("label rate: group less rest", estimates, limit=0.0))
        return dg.MaterializeResult(metadata=metadata)

    return data_bias_report


def _gap_row(gap: Facts) -> dict[str, object]:
    return {
        "group": f"{gap['attribute']}={gap['group']}",
        "n": gap["n"],
        "rate": gap["rate"]["value"],
        "rest": gap["rest_rate"],
        "difference": gap["difference"]["value"],
        "low": gap["difference"]["low"],
        "high": gap["difference"]["high"],
        "verdict": gap["verdict"],
        "finding": gap["sentence"],
    }


def examine(solution: Solution, store: SolutionStore) -> Facts:
    """Shares, label gaps and missing values of every protected attribute on the labelled window."""
    rows = labelled_history(solution, store)
    target, bias = solution.business_case.target, solution.data_bias
    encoded = encode_target(rows[LABEL], task=solution.task, positive=target.positive)
    rows, truth = rows.loc[~encoded.missing].reset_index(drop=True), encoded.truth[~encoded.missing]
    shares: list[GroupShare] = []
    gaps: tuple[GroupGap, ...] = ()
    missing: list[Any] = []
    if bias.protected:
        groups = groups_of(solution, rows)[list(bias.protected)]
        for attribute in bias.protected:
            found = representation(
                groups[attribute],
                reference=bias.reference_population.get(attribute),
                ratio_limit=bias.tolerance.representation_ratio,
            )
            shares += found
        gaps = label_gaps(groups, truth, tolerance=bias.tolerance.label_rate_difference, task=solution.task)
        inputs = rows[[c for c in rows.columns if c not in solution.never_inputs and not c.startswith("ml:")]]
        missing = [m for m in missingness_gaps(inputs, groups) if m.missing]
    return store.write_facts(
        "data_bias_report", {"rows": len(rows), "shares": shares, "gaps": list(gaps), "missing": missing}
    )


def _represented(store: SolutionStore) -> Verdict:
    shares = store.read_facts("data_bias_report")["shares"]
    if not shares:
        return Verdict(True, "no attribute is protected: there is no group to look for", {"groups": 0})
    failing = [s for s in shares if s["verdict"] in ("fail", "suspect")]
    undeclared = sorted({s["attribute"] for s in shares if s["verdict"] == "not declared"})
    sentence = "; ".join(s["sentence"] for s in failing[:4])
    if undeclared:
        sentence = "; ".join(
            filter(
                None,
                [
                    sentence,
                    f"no reference population is declared for {', '.join(undeclared)}: absence cannot be noticed",
                ],
            )
        )
    rows = [
        {
            "group": f"{s['attribute']}={s['group']}",
            "n": s["n"],
            "share": s["share"]["value"],
            "reference": s["reference"],
            "verdict": s["verdict"],
        }
        for s in shares
    ]
    passed = not failing and not undeclared
    return Verdict(
        passed,
        sentence or f"all {len(shares)} groups have their share",
        {"findings": len(failing), "undeclared": len(undeclared)},
        rows,
        act=any(s["verdict"] == "fail" for s in failing),
    )


def _plan(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "bias_remediation_plan",
        "Finding → action → expected effect; drafted from the findings, approved only in the declaration.",
        kinds=["json", "report"],
        deps=["data_bias_report"],
    )
    def bias_remediation_plan(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = draft_plan(solution, store.of(solution.name), today=date.today())
        rows = [
            {k: e[k] for k in ("finding", "evidence", "action", "expected_effect", "status", "approved_by", "expires")}
            for e in facts["entries"]
        ]
        return dg.MaterializeResult(metadata={"plan": table(rows), "entries": len(rows), "open": facts["open"]})

    return bias_remediation_plan


def draft_plan(solution: Solution, store: SolutionStore, *, today: date) -> Facts:
    """One entry per finding, matched with what the declaration decided about it."""
    report = store.read_facts("data_bias_report")
    found = [(f, "representation") for f in report["shares"] if f["verdict"] in ("fail", "suspect")]
    found += [(f, "label gap") for f in report["gaps"] if f["verdict"] in ("fail", "suspect")]
    found += [(f, f"missing values of {f['column']}") for f in report["missing"] if f["verdict"] in ("fail", "suspect")]
    entries = [_entry(solution, finding, kind, today) for finding, kind in found]
    return store.write_facts(
        "bias_remediation_plan",
        {"entries": entries, "open": sum(e["status"] != "approved" for e in entries), "as_of": today},
    )


def _entry(solution: Solution, finding: Facts, kind: str, today: date) -> Facts:
    name = f"{finding['attribute']}={finding['group']}"
    decided = next((p for p in solution.data_bias.plan if p.finding in (name, finding["attribute"])), None)
    action, effect = _remedy(solution, finding, kind, decided)
    status = "open" if decided is None else "expired" if decided.expires < today else "approved"
    return {
        "finding": name,
        "kind": kind,
        "evidence": finding["sentence"],
        "verdict": finding["verdict"],
        "action": action,
        "expected_effect": effect,
        "status": status,
        "approved_by": decided.approved_by if decided else None,
        "expires": decided.expires if decided else None,
        "reason": decided.reason if decided else None,
    }


def _remedy(solution: Solution, finding: Facts, kind: str, decided: PlanEntry | None) -> tuple[str, str]:
    """The action (declared, or the one this finding suggests) and the effect it is expected to have."""
    weighs = solution.data_bias.mitigation == "reweigh"
    action = decided.action if decided else "reweigh" if weighs and kind == "label gap" else "collect_data"
    if action == "reweigh":
        gap = finding.get("difference", {}).get("value")
        return (
            action,
            f"weighted label gap in training falls from {gap:+.3f} to 0; the gap of the decisions is not larger than without"
            if gap is not None
            else "weighted gap 0",
        )
    if action == "collect_data":
        reference, n = finding.get("reference"), finding["n"]
        if reference and finding["share"]["value"]:
            total = n / finding["share"]["value"]
            return (
                action,
                f"about {max(0, int((reference * total - n) / max(1 - reference, 1e-9))):,} more rows of this group bring it to its share",
            )
        return action, "the interval narrows until the gap is proven or gone"
    return action, {
        "accept": "none: the risk is accepted",
        "drop_column": "the column no longer tells the group apart",
        "group_thresholds": "the gap of the decisions falls inside its tolerance",
    }[action]


def _covered(store: SolutionStore) -> Verdict:
    entries = store.read_facts("bias_remediation_plan")["entries"]
    opened = [e for e in entries if e["status"] != "approved"]
    proven = [e for e in opened if e["verdict"] == "fail"]
    if not entries:
        return Verdict(
            True, "no finding: label gaps and shares are inside their tolerances", {"findings": 0, "open": 0}
        )
    sentence = f"{len(entries) - len(opened)} of {len(entries)} findings have an approved plan"
    if opened:
        sentence += "; open: " + ", ".join(f"{e['finding']} ({e['kind']}, {e['status']})" for e in opened[:5])
    rows = [{k: e[k] for k in ("finding", "kind", "verdict", "action", "status")} for e in entries]
    return Verdict(
        not opened,
        sentence,
        {"findings": len(entries), "open": len(opened), "proven_open": len(proven)},
        rows,
        act=bool(proven),
    )


def _weights(stage: Stage) -> dg.AssetsDefinition:
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

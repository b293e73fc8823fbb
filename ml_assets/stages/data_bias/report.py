"""Shares of the groups, label gaps and missing values by group."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, intervals, table
from ml_assets.graph import Stage
from ml_assets.history import LABEL, groups_of, labelled_history
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.representation import GroupGap, GroupShare, label_gaps, missingness_gaps, representation

OPEN = ("fail", "suspect", "not declared")


def build_report(stage: Stage) -> dg.AssetsDefinition:
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


def represented(store: SolutionStore) -> Verdict:
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

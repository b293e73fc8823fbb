"""Who is in the data, whose labels and values differ, what stands in for a group; and the check on shares."""

from typing import Any

import dagster as dg

from ml_assets.evidence import Verdict
from ml_assets.graph import Stage
from ml_assets.resources import SolutionStore, Store
from ml_assets.stages.data_bias.examining import examine
from ml_assets.stages.data_bias.findings import findings
from ml_assets.stages.data_bias.showing import Curtain, report_metadata, shown_shares


def build_report(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "data_bias_report",
        "Groups and their crossings: shares against the reference population, label gaps (plain, among comparable people, under "
        "wrong labels), missing values, proxies; every figure with n and interval, small groups masked.",
        kinds=["report"],
        deps=["valid_data", "labels"],
        sections=["business_case"],
    )
    def data_bias_report(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = examine(solution, store.of(solution.name))
        found = len(findings(solution, facts))
        undeclared = sum(s["verdict"] == "not declared" for s in facts["shares"])
        return dg.MaterializeResult(metadata=report_metadata(facts) | {"findings": found + undeclared})

    return data_bias_report


def represented(store: SolutionStore) -> Verdict:
    facts = store.read_facts("data_bias_report")
    shares, curtain = facts["shares"], Curtain.of(facts)
    if not shares:
        return Verdict(True, "no attribute is protected: there is no group to look for", {"groups": 0})
    failing = [s for s in shares if s["verdict"] in ("fail", "suspect")]
    undeclared = sorted({s["attribute"] for s in shares if s["verdict"] == "not declared" and s["group"] != "unknown"})
    said = [curtain.sentence(s) for s in failing[:4]]
    if undeclared:
        said.append(f"no reference population is declared for {', '.join(undeclared)}: absence cannot be noticed")
    rows = [{k: v for k, v in row.items() if k != "finding"} for row in shown_shares(facts)]
    return Verdict(
        not failing and not undeclared,
        "; ".join(said) or f"all {len(shares)} groups have their share",
        {"findings": len(failing), "undeclared": len(undeclared)},
        rows,
        act=any(s["verdict"] == "fail" for s in failing),
    )

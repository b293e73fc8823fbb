"""``model_bias_report``: what the final decisions come to in every group of the test part."""

from typing import Any

import dagster as dg

from ml_assets.evidence import Verdict
from ml_assets.graph import Stage
from ml_assets.resources import SolutionStore, Store
from ml_assets.stages.model_bias.examining import examine
from ml_assets.stages.model_bias.showing import audit_sentence, disparity_row, report_metadata, visible


def build_report(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "model_bias_report",
        "The final decisions on the test part by group: rates, ranking, calibration and money, each with interval and n; "
        "the gated gaps with limit and verdict, out of fold where the test part is too small to tell.",
        kinds=["report"],
        deps=["mitigation", "evaluation", "bias_remediation_plan"],
        sections=["data_bias", "business_case"],
    )
    def model_bias_report(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(metadata=report_metadata(examine(solution, store.of(solution.name))))

    return model_bias_report


def inside(store: SolutionStore) -> Verdict:
    facts = store.read_facts("model_bias_report")
    found = facts["disparities"]
    if not found:
        return Verdict(True, "no attribute is protected: there is no gap to judge", {"gaps": 0})
    counts = {
        v: sum(d["verdict"] == v for d in found) for v in ("pass", "suspect", "fail", "inconclusive", "not_estimable")
    }
    bad = [d for d in found if d["verdict"] in ("fail", "suspect")]
    sentence = (
        "; ".join(d["sentence"] for d in bad[:4])
        or f"{facts['verdict']}: {counts['pass']} of {len(found)} gaps inside their tolerance, {counts['inconclusive']} cannot be told"
    )
    return Verdict(
        facts["verdict"] not in ("fail", "suspect"),
        f"{sentence}; {audit_sentence(facts)}",
        {f"gaps_{k}": n for k, n in counts.items()} | {"out_of_fold": facts["audit"]["decided"]},
        [disparity_row(d) for d in visible(facts, found)],
        act=facts["verdict"] == "fail",
    )

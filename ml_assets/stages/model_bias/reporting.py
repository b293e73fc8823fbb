"""``model_bias_report``: gaps between groups in the final decisions on the test part."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, intervals, table
from ml_assets.graph import Stage
from ml_assets.history import training_rows
from ml_assets.releases import challenger
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate


def build_report(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "model_bias_report",
        "Gaps between groups in the final decisions on the test part: value, interval, n, limit and verdict of each.",
        kinds=["report"],
        deps=["mitigation", "evaluation"],
        sections=["data_bias", "business_case"],
    )
    def model_bias_report(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = examine(solution, store.of(solution.name))
        rows = [disparity_row(d) for d in facts["disparities"]]
        metadata: dict[str, Any] = {"gaps": table(rows), "verdict": facts["verdict"], "test_rows": facts["rows"]}
        named = [
            Estimate(
                f"{d['metric'][:14]} {d['attribute']}={d['group']}",
                d["value"]["value"],
                d["value"]["low"],
                d["value"]["high"],
                d["value"]["n"],
            )
            for d in facts["disparities"]
            if d["value"]["value"] is not None and d["value"]["low"] is not None and d["value"]["high"] is not None
        ]
        if named:
            metadata["picture"] = dg.MetadataValue.md(intervals("gap: group against the rest", named))
        return dg.MaterializeResult(metadata=metadata)

    return model_bias_report


def disparity_row(found: Facts) -> dict[str, object]:
    """One comparison as a table row."""
    value = found["value"]
    return {
        "metric": found["metric"],
        "group": f"{found['attribute']}={found['group']}",
        "value": value["value"],
        "low": value["low"],
        "high": value["high"],
        "n": value["n"],
        "limit": found["limit"],
        "verdict": found["verdict"],
    }


def examine(solution: Solution, store: SolutionStore) -> Facts:
    """Disparities of the final decisions on the test part."""
    from ml_assets.statistics.disparity import disparities, overall_verdict
    from ml_assets.statistics.tensor import CountTensor

    test = training_rows(solution, store).part("test")
    attributes = list(solution.data_bias.protected)
    digest = store.read_facts("mitigation")["digest"]
    if not attributes:
        return store.write_facts(
            "model_bias_report", {"disparities": [], "verdict": "pass", "rows": len(test.table), "digest": digest}
        )
    answer = challenger(store).predict(test.table.features, groups=test.groups)
    found = disparities(
        test.groups[attributes],
        test.table.truth,
        answer.decision,
        metrics=solution.fairness_limits,
        task=solution.task,
        favourable=solution.favourable_code,
    )
    facts = {"disparities": list(found), "verdict": overall_verdict(found), "rows": len(test.table), "digest": digest}
    if solution.task != "regression":
        counted = CountTensor.of(test.groups[attributes], test.table.truth, answer.decision)
        facts |= {"counts": counted.to_dict()}
    return store.write_facts("model_bias_report", facts)


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
        sentence,
        {f"gaps_{k}": n for k, n in counts.items()},
        [disparity_row(d) for d in found],
        act=facts["verdict"] == "fail",
    )

"""``model_bias_report``: gaps between groups in the final decisions on the test part."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.solution import FAIRNESS_LIMITS
from ml_assets.evidence import Verdict, intervals, table
from ml_assets.graph import Stage
from ml_assets.history import Learned, training_rows
from ml_assets.releases import challenger
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.learning.artifact import Prediction
    from ml_assets.statistics.disparity import Disparity


def build_report(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "model_bias_report",
        "Gaps between groups in the final decisions on the test part: value, interval, n, limit and verdict of each.",
        kinds=["report"],
        deps=["mitigation", "evaluation", "bias_remediation_plan"],
        sections=["data_bias", "business_case"],
    )
    def model_bias_report(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = examine(solution, store.of(solution.name))
        rows = [disparity_row(d) for d in facts["disparities"]]
        promised = [disparity_row(d) for d in facts["promised"]]
        metadata: dict[str, Any] = {"gaps": table(rows), "verdict": facts["verdict"], "test_rows": facts["rows"]}
        if promised:
            metadata["promised by the plan"] = table(promised)
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
    """Disparities of the final decisions on the test part, and whatever else of them the plan of part 4 promised."""
    from ml_assets.statistics.disparity import overall_verdict
    from ml_assets.statistics.tensor import CountTensor

    test = training_rows(solution, store).part("test")
    attributes = list(solution.data_bias.protected)
    facts: Facts = {"rows": len(test.table), "digest": store.read_facts("mitigation")["digest"]}
    if not attributes:
        return store.write_facts("model_bias_report", {"disparities": [], "promised": [], "verdict": "pass"} | facts)
    answer = challenger(store).predict(test.table.features, groups=test.groups)
    found = _gaps(solution, test.groups[attributes], test, answer, solution.fairness_limits)
    promised = _promised(solution, store, test, answer)
    facts |= {"disparities": list(found), "promised": list(promised), "verdict": overall_verdict(found)}
    if solution.task != "regression":
        counted = CountTensor.of(test.groups[attributes], test.table.truth, answer.decision)
        facts |= {"counts": counted.to_dict()}
    return store.write_facts("model_bias_report", facts)


def _gaps(
    solution: Solution, groups: "pd.DataFrame", test: Learned, answer: "Prediction", limits: dict[str, float]
) -> "tuple[Disparity, ...]":
    from ml_assets.statistics.disparity import disparities

    return disparities(
        groups,
        test.table.truth,
        answer.decision,
        metrics=limits,
        task=solution.task,
        favourable=solution.favourable_code,
        score=answer.score if solution.task == "binary" else None,
    )


def _promised(solution: Solution, store: SolutionStore, test: Learned, answer: "Prediction") -> "tuple[Disparity, ...]":
    """Gaps that the plan made a promise about and that are no gate of part 8: another metric, or crossed attributes."""
    from ml_assets.statistics.crossings import JOIN, crossed
    from ml_assets.statistics.promises import Promise, about_decisions

    stored = [Promise(**p) for p in store.read_facts("bias_remediation_plan")["promises"]]
    wanted = {(p.metric, p.group.partition("=")[0]) for p in about_decisions(stored)}
    known, gated = list(solution.data_bias.protected), solution.fairness_limits
    wanted = {(m, a) for m, a in wanted if set(a.split(JOIN)) <= set(known) and not (m in gated and a in known)}
    if not wanted:
        return ()
    crossings = sorted({tuple(a.split(JOIN)) for _, a in wanted if a not in known})
    limits = {m: FAIRNESS_LIMITS.get(m, 0.1) for m in sorted({m for m, _ in wanted})}
    found = _gaps(solution, crossed(test.groups[known], only=crossings).frame, test, answer, limits)
    return tuple(d for d in found if (d.metric, d.attribute) in wanted)


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

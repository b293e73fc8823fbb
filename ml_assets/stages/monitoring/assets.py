"""Assets of part 9, one per question, made per batch."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.graph import Stage, each_batch
from ml_assets.resources import Registry, Store
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.showing import show_drift, show_estimate, show_fairness, show_performance, show_value

STAGE = "monitoring"
Body = Callable[[Any, Batch], Facts]


def build_assets(solution: Solution) -> list[dg.AssetsDefinition]:
    """drift_report, performance_estimate, performance_report, fairness_report, value_report."""
    stage = Stage(solution, STAGE)
    return [
        _report(
            stage,
            "drift_report",
            "Inputs and scores against the reference of the model that scored them; what moved, and whether it matters to the model.",
            ["profile", "predictions"],
            _drift,
            show_drift,
        ),
        _report(
            stage,
            "performance_estimate",
            "What the scores themselves promise before labels come; blind to a change of the concept.",
            ["predictions"],
            _estimate,
            show_estimate,
        ),
        _report(
            stage,
            "performance_report",
            "The model that was live, on matured labels, against what it showed at its release.",
            ["predictions", "labels"],
            _performance,
            show_performance,
        ),
        _report(
            stage,
            "fairness_report",
            "Gaps between groups in the decisions that were made, by the rule that gated the release.",
            ["predictions", "labels"],
            lambda judge, batch: _fairness(solution, judge, batch),
            show_fairness,
        ),
        _report(
            stage,
            "value_report",
            "Money the decisions earned, against the best constant decision and what the case promised.",
            ["predictions", "labels"],
            _value,
            show_value,
        ),
    ]


def _report(
    stage: Stage, asset: str, description: str, deps: list[str], body: Body, show: Callable[[Facts], dict[str, Any]]
) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        asset,
        description,
        kinds=["report"],
        deps=deps,
        sections=["business_case", "model_bias", "data_bias"],
        per_batch=True,
    )
    def report(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], registry: dg.ResourceParam[Registry]
    ) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.monitoring.judge import Judge

        judge = Judge(solution, store.of(solution.name), registry.models)
        return dg.MaterializeResult(metadata=each_batch(context, solution, lambda b: show(body(judge, b))))

    return report


def _drift(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.drifting import judge_drift_of

    return judge_drift_of(judge, batch)


def _estimate(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.estimating import estimate_performance

    return estimate_performance(judge, batch)


def _performance(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_performance

    return judge_performance(judge, batch)


def _fairness(solution: Solution, judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_fairness

    return judge_fairness(judge, batch, solution.fairness_limits, solution.favourable_code)


def _value(judge: Any, batch: Batch) -> Facts:
    from ml_assets.stages.monitoring.judging import judge_value

    return judge_value(judge, batch)

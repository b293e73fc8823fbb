"""Part 8: whom the final decisions favour, what was tried against it, what that cost, and what was chosen."""

from functools import partial

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.graph import Stage, solution_check
from ml_assets.stages.model_bias.mitigating import build_mitigation, plan_kept, protected_absent
from ml_assets.stages.model_bias.reporting import build_report, inside

STAGE = "model_bias"


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "model_bias_report",
            "disparity",
            inside,
            description="No gap between groups in the final decisions is proven to be beyond its tolerance.",
        ),
        solution_check(
            solution,
            "mitigation",
            "plan_kept",
            plan_kept,
            description="The remedy that part 4 planned did not widen the gap it was to narrow.",
        ),
        solution_check(
            solution,
            "mitigation",
            "protected_absent",
            partial(protected_absent, solution),
            description="No input of the final model is, is made from, or repeats a protected column or a proxy it may not see.",
        ),
    ]
    return dg.Definitions(assets=[build_mitigation(stage), build_report(stage)], asset_checks=checks)

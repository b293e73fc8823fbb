"""Part 4: who is in the data, whose labels differ, what is done about it, and the weights that do it."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.graph import Stage, solution_check
from ml_assets.stages.data_bias.plan import build_plan, covered
from ml_assets.stages.data_bias.report import build_report, represented
from ml_assets.stages.data_bias.weights import build_weights

STAGE = "data_bias"


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "data_bias_report",
            "groups_represented",
            represented,
            description="Every group has its share of the declared reference population.",
        ),
        solution_check(
            solution,
            "bias_remediation_plan",
            "findings_covered",
            covered,
            description="Every finding of bias in the data is inside its tolerance or has an approved plan that has not expired.",
        ),
    ]
    return dg.Definitions(assets=[build_report(stage), build_plan(stage), build_weights(stage)], asset_checks=checks)

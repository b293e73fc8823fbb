"""Part 4: who is in the data, whose labels differ, what is done about it, and the weights that do it."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.graph import Stage, solution_check
from ml_assets.stages.data_bias.effects import data_effects_met, decision_effects_met
from ml_assets.stages.data_bias.plan import build_plan, covered
from ml_assets.stages.data_bias.report import build_report, represented
from ml_assets.stages.data_bias.weights import build_weights, groups_in_every_part

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
            description="Every finding of bias in the data has an approved plan that has not expired.",
        ),
        solution_check(
            solution,
            "sample_weights",
            "plan_effect_met",
            data_effects_met,
            description="What approved entries of the plan promised of the data and its weights has come.",
        ),
        solution_check(
            solution,
            "model_bias_report",
            "plan_effect_met",
            decision_effects_met,
            description="What approved entries of the plan promised of the decisions has come.",
        ),
        solution_check(
            solution,
            "sample_weights",
            "groups_in_every_part",
            groups_in_every_part,
            description="Validation and test rows hold the groups of the training rows, in about the same shares.",
        ),
    ]
    return dg.Definitions(assets=[build_report(stage), build_plan(stage), build_weights(stage)], asset_checks=checks)

"""Part 3: columns by availability and usefulness, each with a verdict and its reason."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.graph import Stage, solution_check
from ml_assets.stages.data_selection.checks import enough, no_duplicates, no_leak, no_protected
from ml_assets.stages.data_selection.screening import build_screening
from ml_assets.stages.data_selection.selection import build_selection

STAGE = "data_selection"


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    checks = [
        solution_check(
            solution,
            "selected_columns",
            "no_leak",
            no_leak,
            blocking=True,
            description="No column that was chosen is, or may be, known only after the outcome.",
        ),
        solution_check(
            solution,
            "selected_columns",
            "no_protected",
            lambda s: no_protected(solution, s),
            blocking=True,
            description="No chosen feature is made from a protected column.",
        ),
        solution_check(
            solution,
            "training_set",
            "no_duplicates_across_split",
            no_duplicates,
            description="No row of the test part repeats a row the model was trained on.",
        ),
        solution_check(
            solution,
            "training_set",
            "enough_rows",
            lambda s: enough(solution, s),
            description="Every part has the labelled rows that training and judging need.",
        ),
    ]
    return dg.Definitions(assets=[build_screening(stage), build_selection(stage)], asset_checks=checks)

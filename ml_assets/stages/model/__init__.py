"""Part 6: baselines, candidates, the model, its evaluation and explanation."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.stages.model.assets import build_assets
from ml_assets.stages.model.checks import build_checks


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    return dg.Definitions(assets=build_assets(solution), asset_checks=build_checks(solution))

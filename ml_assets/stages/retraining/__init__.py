"""Part 10: when to train again, whether that policy pays, and what every retraining was for."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.stages.retraining.assets import build_assets, build_checks
from ml_assets.stages.retraining.sensors import build_sensors


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    return dg.Definitions(
        assets=build_assets(solution), asset_checks=build_checks(solution), sensors=build_sensors(solution)
    )

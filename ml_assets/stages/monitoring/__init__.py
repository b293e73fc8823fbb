"""Part 9: drift, performance, its estimate, fairness and value, batch by batch, of the model that was live."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.stages.monitoring.assets import build_assets
from ml_assets.stages.monitoring.checks import build_checks
from ml_assets.stages.monitoring.sensors import build_sensors


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    return dg.Definitions(
        assets=build_assets(solution), asset_checks=build_checks(solution), sensors=build_sensors(solution)
    )

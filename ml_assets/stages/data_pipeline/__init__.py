"""Part 5: capture, contract and quarantine, features, labels, profile; one batch at a time."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.stages.data_pipeline.assets import build_assets
from ml_assets.stages.data_pipeline.checks import build_checks
from ml_assets.stages.data_pipeline.sensors import build_sensors
from ml_assets.stages.data_pipeline.training import build_training_set


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    return dg.Definitions(
        assets=[*build_assets(solution), build_training_set(solution)],
        asset_checks=build_checks(solution),
        sensors=build_sensors(solution),
    )

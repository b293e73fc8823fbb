"""Part 7: the release decision, the live model, and what it predicts."""

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.stages.deployment.predictions import build_predictions
from ml_assets.stages.deployment.release import build_champion


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    champion, champion_checks = build_champion(solution)
    predictions, prediction_checks = build_predictions(solution)
    return dg.Definitions(assets=[champion, predictions], asset_checks=[*champion_checks, *prediction_checks])

"""The reference a model is watched against: made once, at release, and kept with the model."""

from functools import reduce

import numpy as np
import pandas as pd

from ml_assets.history import DECISION, SCORE
from ml_assets.learning.artifact import Prediction, SolutionArtifact
from ml_assets.learning.table import TrainingTable
from ml_assets.resources import SolutionStore
from ml_assets.statistics.profile import Grid, Profile, make_grid, profile


def features_profile(store: SolutionStore, batches: list[str]) -> Profile:
    """The profiles of the batches a model learned from, merged; no row is read again."""
    return reduce(lambda a, b: a.merge(b), (Profile.from_dict(store.read_facts("profile", b)) for b in batches))


def predictions_profile(artifact: SolutionArtifact, rows: TrainingTable) -> Profile:
    """Scores and decisions on the validation part, on a grid of their own."""
    frame = prediction_columns(artifact.predict(rows.features))
    return profile(frame, make_grid(frame))


def profile_of(prediction: pd.DataFrame, grid: Grid) -> Profile:
    """Scores and decisions of a batch on the reference's grid."""
    return profile(prediction[[SCORE, DECISION]].astype({DECISION: str}), grid)


def prediction_columns(prediction: Prediction) -> pd.DataFrame:
    """Score and decision as two columns; for several classes the score is the highest probability."""
    score = np.asarray(prediction.score)
    decision = pd.Series(prediction.decision).astype(str)
    return pd.DataFrame({SCORE: score.max(axis=1) if score.ndim == 2 else score, DECISION: decision})

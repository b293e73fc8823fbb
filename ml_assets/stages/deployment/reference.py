"""The reference a model is watched against: made once, at release, and kept with the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.history import DECISION, SCORE, TRUTH, Learned
from ml_assets.learning.artifact import Prediction, SolutionArtifact
from ml_assets.resources import SolutionStore
from ml_assets.statistics.grid import Grid, make_grid
from ml_assets.statistics.profile import Profile, profile
from ml_assets.statistics.regridding import new_grid, outgrown, over

REPEATS = 5
"""Rows per distinct score from which on scores are a few values, as those of a single feature in bins or of few leaves."""
SAMPLE_ROWS = 5_000
"""Rows of the calibration sample at most: a figure's error then comes from the batch, not from the sample."""


def features_profile(store: SolutionStore, batches: list[str]) -> Profile:
    """The profiles of the batches a model learned from, merged over the solution's grid; no row is read again."""
    grid = Grid.from_dict(store.read_facts("grid"))
    summed = (over(Profile.from_dict(store.read_facts("profile", b)), grid) for b in batches)
    return reduce(lambda a, b: a.merge(b), summed)


def renew_grid(store: SolutionStore, batches: list[str]) -> tuple[str, ...]:
    """Cut the solution's grid anew where the rows a model learned from have outgrown it; the columns it was cut for."""
    merged = features_profile(store, batches)
    columns = outgrown(merged)
    if columns:
        store.write_facts("grid", new_grid(merged, columns).to_dict())
    return columns


@dataclass(frozen=True)
class Unseen:
    """Who may be asked about which rows: ``before`` the last fit about validation rows, the ``final`` solution about test rows."""

    before: SolutionArtifact
    final: SolutionArtifact

    def answers(self, rows: Learned) -> pd.DataFrame:
        """Scores and decisions of rows, training rows left out; none by a model that learned from the row where scores are a scale.

        Where they are a few values, the last fit moved each of them: counted value by value, the old ones would make every
        later batch look like another world. Then the final solution answers about validation rows too; with ``REPEATS``
        rows at each value, none of them can weigh much in its own.
        """
        validation, test = (_asked(m, rows.part(p)) for m, p in ((self.before, "validation"), (self.final, "test")))
        if len(validation) and validation[SCORE].nunique() * REPEATS <= len(validation):
            validation = _asked(self.final, rows.part("validation"))
        return pd.concat([part for part in (validation, test) if len(part)], ignore_index=True)


def _asked(model: SolutionArtifact, rows: Learned) -> pd.DataFrame:
    """Score and decision of each row; empty without rows."""
    if not len(rows.table):
        return pd.DataFrame()
    return prediction_columns(model.predict(rows.table.features, groups=rows.groups))


def predictions_profile(unseen: Unseen, rows: Learned, grid: Grid | None = None) -> Profile:
    """Scores and decisions on rows the model was not fitted on, over a grid of their own."""
    frame = unseen.answers(rows)
    return profile(frame, grid or make_grid(frame))


def by_season(
    solution: Solution,
    store: SolutionStore,
    batches: list[str],
    unseen: Unseen,
    held_out: Learned,
    grid: Grid,
) -> dict[str, dict[str, Any]]:
    """The same two references for every season of the declaration that the model has seen; empty without seasons.

    ``held_out`` are the rows the scores are taken from; a season that is not among them has no reference of scores.
    """
    kind = solution.monitoring.drift.season
    seasons = {b: solution.data_pipeline.batch(b).season(kind) for b in {*batches, *held_out.batch}}
    found: dict[str, dict[str, Any]] = {}
    for season in sorted({s for s in seasons.values() if s is not None}):
        learned = [b for b in batches if seasons[b] == season]
        at = np.flatnonzero([seasons[b] == season for b in held_out.batch])
        found[season] = {
            "reference": features_profile(store, learned).to_dict() if learned else None,
            "prediction_reference": predictions_profile(unseen, held_out.rows(at), grid).to_dict() if len(at) else None,
        }
    return found


def prediction_columns(prediction: Prediction) -> pd.DataFrame:
    """Score and decision as two columns; for several classes the score is the highest probability."""
    score = np.asarray(prediction.score)
    decision = pd.Series(prediction.decision).astype(str)
    return pd.DataFrame({SCORE: score.max(axis=1) if score.ndim == 2 else score, DECISION: decision})


def calibration_sample(artifact: SolutionArtifact, rows: Learned, inputs: Sequence[str]) -> pd.DataFrame:
    """At most ``SAMPLE_ROWS`` validation rows, evenly chosen: the model's inputs, truth, score(s) and decision.

    What later batches are compared with to estimate a figure before labels come. ``artifact`` must not have learned from
    them: it is the solution before its last fit, whose calibration the final one keeps. It was calibrated and its
    threshold chosen on these very rows, so they flatter it a little: each estimate therefore shows how often earlier
    ones held. Only ``inputs``, those of the released model, are kept, hence no protected column.
    """
    at = np.unique(
        np.linspace(0, max(len(rows.table) - 1, 0), min(len(rows.table), SAMPLE_ROWS)).round().astype(np.int64)
    )
    part = rows.rows(at)
    kept = part.table
    answer = artifact.predict(kept.features, groups=part.groups)
    score = np.asarray(answer.score)
    columns = {SCORE: score.max(axis=1) if score.ndim == 2 else score, DECISION: answer.decision, TRUTH: kept.truth}
    if score.ndim == 2:
        columns |= {f"{SCORE}:{c}": score[:, i] for i, c in enumerate(artifact.classes)}
    return kept.features[list(inputs)].assign(**columns)

"""The final solution judged on more rows than the test part has: each by a model made the same way that did not see it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml_assets.errors import DataError
from ml_assets.learning.artifact import Prediction
from ml_assets.learning.remedies.repeating import UNTREATED, Repeatable
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.resampling import Fold, OutOfFold, out_of_fold
from ml_assets.learning.table import TrainingTable

MOST_FITS = 5
"""Five folds teach with four fifths of the rows, and answer each of them once."""


def audit(situation: Situation, folds: Sequence[Fold], *, remedy: Repeatable = UNTREATED) -> OutOfFold:
    """Score and final decision of the rows that ``folds`` hold out, one fit per fold.

    In each fold the family and recipe of the base are fitted on "learn"; "stop" says when to stop, fits the calibration and
    sets the threshold, as the validation part does for the final solution. ``remedy`` is done anew with the rows of the fold.
    The held-out rows are not even in the table that is fitted on. What is not repeated is what was chosen once with these
    rows: columns, family, and parameters that a search found.

    Raises ``DataError`` for more than five folds, or where a fold is left without rows to calibrate and cut on.
    """
    if len(folds) > MOST_FITS or any(not len(fold.stop) for fold in folds):
        got = (
            f"{len(folds)} folds, {min((len(fold.stop) for fold in folds), default=0)} rows to stop on in the smallest"
        )
        raise DataError(
            "The solution cannot be made again in folds",
            got=got,
            allowed=f"at most {MOST_FITS} folds, each with rows to stop on",
            do="Deliver more labelled rows",
        )

    def answer(rows: TrainingTable, fold: Fold) -> Prediction:
        taught = rows.rows(np.flatnonzero(rows.part != "test"))
        groups = situation.groups.iloc[np.concatenate([fold.learn, fold.stop])].reset_index(drop=True)
        return remedy.fit(replace(situation, rows=taught, groups=groups)).predict(rows.take("test").features)

    return out_of_fold(situation.rows, folds, answer)

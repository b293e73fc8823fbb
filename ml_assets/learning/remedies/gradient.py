"""fairlearn's exponentiated gradient as one more rung, for those who install it: slow, and last."""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from ml_assets.errors import DeclarationError
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.frontier import Candidate
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.repeating import finished
from ml_assets.learning.remedies.rungs import Made, Rung
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.table import TrainingTable

NAME = "exponentiated gradient"
BOUND, ITERATIONS = 0.02, 30
MOST_FITS = 60
"""Its own count is not known beforehand; each iteration fits once or twice."""


class _Learner:
    """A family of models as fairlearn calls it: rows come as positions, and weights with every fit.

    fairlearn clones it by its attributes, so it is no frozen dataclass.
    """

    def __init__(self, situation: Situation, rows: TrainingTable) -> None:
        self.situation, self.rows = situation, rows
        self.predictor: Predictor | None = None

    def __deepcopy__(self, _: object) -> "_Learner":
        return _Learner(self.situation, self.rows)

    def __sklearn_clone__(self) -> "_Learner":
        return self.__deepcopy__(None)

    def fit(self, x: Any, y: Any, sample_weight: Any) -> "_Learner":
        """One fit on the training rows, relabelled and weighed as the reduction wants."""
        at = np.asarray(x).reshape(-1).astype(np.int64)
        told = replace(self.rows.rows(at), truth=np.asarray(y, dtype=np.float64))
        weighed = told.weighted(told.weight * np.asarray(sample_weight, dtype=np.float64))
        self.predictor = fit_candidate(self.situation.base.predictor.family, weighed, recipe=self.situation.recipe)
        return self

    def predict(self, x: Any) -> Any:
        """Decisions at one half."""
        assert self.predictor is not None
        at = np.asarray(x).reshape(-1).astype(np.int64)
        return (self.predictor.predict(self.rows.features.iloc[at]) >= 0.5).astype(np.int64)


def _make(situation: Situation, aim: Aim, _: Mapping[str, Candidate]) -> Made:
    """The heaviest member of the mixture: a mixture decides by lot, one of its members does not.

    Raises ``DeclarationError`` when fairlearn is not installed.
    Source: Agarwal and others, A reductions approach to fair classification, ICML 2018.
    """
    reductions = _reductions()
    at = situation.part("train")
    rows = situation.rows.rows(at)
    kind = _constraint(aim, situation.favourable)
    learner = _Learner(situation, rows)
    search = reductions.ExponentiatedGradient(
        learner, getattr(reductions, kind)(difference_bound=BOUND), max_iter=ITERATIONS
    )
    labels = aim.labels(situation.groups.iloc[at])
    search.fit(np.arange(len(rows))[:, None], rows.truth.astype(np.int64), sensitive_features=labels.to_numpy())
    heaviest = search.predictors_[int(np.asarray(search.weights_).argmax())]
    yield NAME, Candidate(situation.marked(finished(heaviest.predictor, situation), NAME))


def _constraint(aim: Aim, favourable: int) -> str:
    """fairlearn's name of the strata: it counts decisions of 1."""
    strata = set(aim.strata)
    if {"favourable", "unfavourable"} <= strata:
        return "EqualizedOdds"
    if "everyone" in strata:
        return "DemographicParity"
    return "TruePositiveRateParity" if ("favourable" in strata) == (favourable == 1) else "FalsePositiveRateParity"


def _reductions() -> Any:
    try:
        return import_module("fairlearn.reductions")
    except ImportError as error:
        raise DeclarationError(
            "The exponentiated gradient needs a package that is not installed",
            got=str(error),
            allowed="fairlearn >= 0.15, < 0.16",
            do="Install ml-assets[fairness], or leave this rung out",
        ) from error


def _refusal(situation: Situation, aim: Aim) -> str | None:
    if situation.rows.task != "binary":
        return f"it needs a binary decision, this is {situation.rows.task}"
    moved = set(aim.strata) - {"right"}
    return None if moved else "the findings are no gap of a rate that it moves"


GRADIENT = Rung(NAME, 0, MOST_FITS, _refusal, _make)
"""Not among the rungs that are climbed by themselves: ``climb(…, rungs=(*RUNGS, GRADIENT), most_fits=75)``."""

"""A candidate that averages the two kinds of boosted trees: what one of them draws from noise, the other does not."""

from collections.abc import Mapping
from dataclasses import replace

from ml_assets.learning.ensembles import fit_hist_gradient_boosting, fit_xgboost
from ml_assets.learning.job import Job
from ml_assets.learning.predictors import BlendPredictor, Parameters, Predictor

BLEND = "blend"
_FITS = {"xgboost": fit_xgboost, "hist_gradient_boosting": fit_hist_gradient_boosting}
MEMBERS = tuple(_FITS)
"""Families that are averaged, each with half of the weight."""


def fit_blend(job: Job) -> Predictor:
    """Every member fitted on the rows and stopped on the rows of the blend, with its own part of the parameters.

    The mean of the scores: where the members err alike nothing is gained, where they err apart errors cancel.
    Source: Breiman, Bagging predictors, Machine Learning 24 (1996) 123, section 4 (why means of unstable models win).
    """
    members = [
        fit(replace(job, family=name, parameters=of_member(job.parameters, name))) for name, fit in _FITS.items()
    ]
    return BlendPredictor(job.family, job.parameters, tuple(members))


def of_member(parameters: Parameters, member: str) -> Parameters:
    """What of a blend's parameters is one member's, by its own names."""
    head = f"{member}."
    return {name.removeprefix(head): value for name, value in parameters.items() if name.startswith(head)}


def of_blend(parameters: Mapping[str, Parameters]) -> Parameters:
    """The members' parameters, family → parameters, as those of the blend: ``family.name``; of other families nothing."""
    return {f"{member}.{name}": value for member in MEMBERS for name, value in parameters.get(member, {}).items()}

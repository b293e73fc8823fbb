"""A candidate that averages boosted trees of both kinds: what one of them draws from noise, the others do not."""

import re
from collections.abc import Mapping
from dataclasses import replace

from ml_assets.errors import DeclarationError
from ml_assets.learning.ensembles import BOOSTED, HISTOGRAM, fit_hist_gradient_boosting, fit_xgboost
from ml_assets.learning.job import Job
from ml_assets.learning.predictors import BlendPredictor, Parameters, Predictor

BLEND = "blend"
_FITS = {"xgboost": fit_xgboost, "hist_gradient_boosting": fit_hist_gradient_boosting}
_DEFAULTS = {"xgboost": BOOSTED, "hist_gradient_boosting": HISTOGRAM}
MEMBERS = tuple(_FITS)
"""Families that are averaged, each member with the same weight."""
EACH = 2
"""Members of each family at most; each is one more fit wherever the blend is fitted."""
WHO = "members"
"""The parameter that names the members: a family, or a family with a number where it takes part several times."""
_LABEL = re.compile(rf"({'|'.join(MEMBERS)})(_2)?")


def fit_blend(job: Job) -> Predictor:
    """Every member fitted on the rows and stopped on the rows of the blend, with its own part of the parameters.

    The mean of the scores: where the members err alike nothing is gained, where they err apart errors cancel.
    Source: Breiman, Bagging predictors, Machine Learning 24 (1996) 123, section 4 (why means of unstable models win).
    """
    labels = labels_of(job.parameters)
    members = [
        _FITS[family_of(label)](replace(job, family=family_of(label), parameters=of_member(job.parameters, label)))
        for label in labels
    ]
    return BlendPredictor(job.family, job.parameters, tuple(members), labels)


def labels_of(parameters: Parameters) -> tuple[str, ...]:
    """The members of these parameters; one of each family where they are not named.

    Raises ``DeclarationError`` for none, for one twice, or for a name that is no family's.
    """
    given = parameters.get(WHO, ", ".join(MEMBERS))
    labels = tuple(label.strip() for label in str(given).split(","))
    if len(set(labels)) < len(labels) or not all(_LABEL.fullmatch(label) for label in labels):
        allowed = f"{' and '.join(MEMBERS)}, each also with _2, separated by commas, each once"
        do = "Correct it, or leave it out for one of each"
        raise DeclarationError("Members of a blend cannot be read", got=repr(given), allowed=allowed, do=do)
    return labels


def family_of(label: str) -> str:
    """Of which family a member is; "" for what is no member."""
    found = _LABEL.fullmatch(label)
    return found.group(1) if found else ""


def numbered(family: str, count: int) -> tuple[str, ...]:
    """So many members of one family: the second is ``family_2``."""
    return tuple(family if at == 0 else f"{family}_{at + 1}" for at in range(count))


def blend_defaults(given: Parameters) -> Parameters:
    """What a blend of the given members begins with: each member's own defaults."""
    return blend_of({label: _DEFAULTS[family_of(label)] for label in labels_of(given)})


def alike(parameters: Mapping[str, Parameters]) -> str:
    """Families that take part twice with the same parameters, of those declared: the second would be the first once more.

    ``parameters``: family → parameters, those of the blend among them.
    """
    own = parameters.get(BLEND, {})
    given = [
        (family_of(label), {**parameters.get(family_of(label), {}), **of_member(own, label)})
        for label in labels_of(own)
    ]
    return ", ".join(one[0] for at, one in enumerate(given) if one in given[:at])


def of_member(parameters: Parameters, label: str) -> Parameters:
    """What of a blend's parameters is one member's, by its own names."""
    head = f"{label}."
    return {name.removeprefix(head): value for name, value in parameters.items() if name.startswith(head)}


def of_blend(parameters: Mapping[str, Parameters]) -> Parameters:
    """The members' parameters, member → parameters, as those of the blend: ``member.name``; of other families nothing."""
    return {f"{label}.{name}": v for label, own in parameters.items() if family_of(label) for name, v in own.items()}


def blend_of(parameters: Mapping[str, Parameters]) -> Parameters:
    """The parameters of a blend of exactly these members."""
    return {WHO: ", ".join(parameters), **of_blend(parameters)}


def declared_over(found: Parameters, declared: Parameters) -> Parameters:
    """The members that were found, with what is declared of their families; declared members, with what was found for them.

    What is declared of a member that does not take part is left out.
    """
    named = WHO in declared
    labels = labels_of(declared if named else found)
    return blend_of(
        {one: {**of_member(found, one), **of_member(declared, one if named else family_of(one))} for one in labels}
    )

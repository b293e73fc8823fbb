"""The rungs of the ladder: each makes candidates of one kind, and says where it does not apply."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.artifact import DEFAULT_THRESHOLD
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.frontier import Candidate
from ml_assets.learning.remedies.aims import Aim
from ml_assets.learning.remedies.cells import cell_factors
from ml_assets.learning.remedies.repeating import Penalised, Reweighed
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.remedies.thresholds import TOLERANCES, ThresholdRule, cross_fitted, fit_thresholds
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.value import BinaryValue

ADAPTIVE_STEPS = 5
STRENGTHS = (2.0, 4.0, 8.0, 16.0)
CROSS_FITS = 5
PLAIN = "reweigh"

Made = Iterator[tuple[str, Candidate]]


@dataclass(frozen=True)
class Rung:
    """One kind of remedy.

    ``refusal`` says why it does not apply (None: it does); ``make`` yields candidates one by one and is given those made
    before it. The first costs ``once`` fits, and every one of them ``fits``.
    """

    name: str
    once: int
    fits: int
    refusal: Callable[[Situation, Aim], str | None]
    make: Callable[[Situation, Aim, Mapping[str, Candidate]], Made]


def _reweigh(situation: Situation, aim: Aim, _: Mapping[str, Candidate]) -> Made:
    yield PLAIN, _fitted(situation, Reweighed(aim.attributes, plain=True), PLAIN)


def _adaptive(situation: Situation, aim: Aim, made: Mapping[str, Candidate]) -> Made:
    table, groups = situation.judged
    labels = aim.labels(groups)
    weights: dict[tuple[str, bool], float] = {}
    # Independent group and label is already most of the way to equal selection.
    plain = "everyone" in aim.strata and PLAIN in made
    current = made[PLAIN].artifact if plain else situation.base
    for step in range(1, ADAPTIVE_STEPS + 1):
        decision = current.predict(table.features, groups=groups).decision
        factors = cell_factors(labels, table.truth, decision, strata=aim.strata, favourable=situation.favourable)
        weights = {cell: weights.get(cell, 1.0) * factor for cell, factor in factors.items()}
        cells = tuple((group, good, weight) for (group, good), weight in weights.items())
        name = f"adaptive {step}"
        candidate = _fitted(situation, Reweighed(aim.attributes, plain, cells), name)
        current = candidate.artifact
        yield name, candidate


def _penalised(situation: Situation, aim: Aim, _: Mapping[str, Candidate]) -> Made:
    for strength in STRENGTHS:
        name = f"penalty {strength:g}"
        yield name, _fitted(situation, Penalised(aim.attributes, _movable(aim), strength), name)


def _thresholds(situation: Situation, aim: Aim, _: Mapping[str, Candidate]) -> Made:
    base = situation.base
    seen = scored_rows(situation, aim.attributes[0])
    threshold = DEFAULT_THRESHOLD if base.threshold is None else base.threshold
    for tolerance in TOLERANCES:
        rule = ThresholdRule(
            _movable(aim),
            _binary(situation),
            situation.favourable,
            tolerance,
            harm=situation.largest_tpr_loss,
            capacity=situation.capacity,
        )
        rows: dict[str, Any] = {"threshold": threshold, "rule": rule}
        fitted = fit_thresholds(seen.labels, seen.truth, seen.score, **rows)
        decision = cross_fitted(seen.labels, seen.truth, seen.score, **rows, seed=situation.recipe.seed)
        name = f"thresholds {tolerance:g}"
        artifact = replace(base, group_thresholds=fitted, group_at_decision="allowed")
        # The judged rows come first.
        yield name, Candidate(situation.marked(artifact, name), decision[: len(situation.part("validation"))])


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Rows with scores by models that did not learn from them: the validation rows first, then training rows."""

    labels: "pd.Series[Any]"
    truth: NDArray[Any]
    score: FloatArray


def scored_rows(situation: Situation, attribute: str) -> ScoredRows:
    """The validation rows, and the training rows scored out of fold by five models of the same family.

    A group of a few hundred validation rows leaves its rates uncertain by some points; training rows, four times as
    many in usual splits, halve that. Their scores go through the calibration of the base.
    """
    table, groups = situation.judged
    train_at = situation.part("train")
    fold = np.random.default_rng(situation.recipe.seed).permutation(len(train_at)) % CROSS_FITS
    score = np.empty(len(train_at))
    for part in range(CROSS_FITS):
        held = train_at[fold == part]
        kept = np.setdiff1d(np.arange(len(situation.rows)), held)
        fitted = fit_candidate(
            situation.base.predictor.family,
            situation.rows.rows(kept),
            recipe=situation.recipe,
        )
        raw = fitted.predict(situation.rows.rows(held).features)
        score[fold == part] = np.asarray(situation.base.calibration.apply(raw))
    own = np.asarray(situation.base.score(table.features), dtype=np.float64)
    labels = pd.concat([groups[attribute], situation.groups[attribute].iloc[train_at]], ignore_index=True)
    truth = np.concatenate([table.truth, situation.rows.truth[train_at]])
    return ScoredRows(labels, truth, np.concatenate([own, score]))


def _movable(aim: Aim) -> tuple[Any, ...]:
    return tuple(stratum for stratum in aim.strata if stratum != "right")


def _binary(situation: Situation) -> BinaryValue:
    assert isinstance(situation.value, BinaryValue)  # the refusals saw to it
    return situation.value


def _needs_groups(situation: Situation, aim: Aim) -> str | None:
    labels = aim.labels(situation.groups.iloc[situation.part("train")])
    return None if labels.nunique() > 1 else f"one group of {labels.name} among the training rows"


def _needs_rates(situation: Situation, aim: Aim) -> str | None:
    if situation.rows.task == "regression":
        return "a regression has no rate of favourable decisions to move"
    return _needs_groups(situation, aim) if aim.strata else "the findings are no gap of a rate that weights move"


def _needs_margins(situation: Situation, aim: Aim) -> str | None:
    if situation.rows.task != "binary" or not isinstance(situation.value, BinaryValue):
        return f"a penalty needs a binary decision, this is {situation.rows.task}"
    if situation.base.predictor.family != "xgboost":
        return f"a penalty needs xgboost, the model is {situation.base.predictor.family}"
    return None if _movable(aim) else "the findings are no gap of a rate that a penalty moves"


def _needs_permission(situation: Situation, aim: Aim) -> str | None:
    if situation.rows.task != "binary" or not isinstance(situation.value, BinaryValue):
        return f"a threshold needs a binary decision, this is {situation.rows.task}"
    if situation.group_at_decision != "allowed":
        return "group_at_decision is forbidden"
    return None if _movable(aim) else "the findings are no gap of a rate that thresholds move"


RUNGS = (
    Rung("reweighing", 0, 1, _needs_groups, _reweigh),
    Rung("adaptive reweighing", 0, 1, _needs_rates, _adaptive),
    Rung("penalty", 0, 1, _needs_margins, _penalised),
    Rung("group thresholds", CROSS_FITS, 0, _needs_permission, _thresholds),
)
"""From the least to the most intrusive; one row more is one remedy more."""


def _fitted(situation: Situation, remedy: Reweighed | Penalised, name: str) -> Candidate:
    """The solution with a remedy, which goes with it to be repeated on other rows."""
    return Candidate(situation.marked(remedy.fit(situation), name), remedy=remedy)

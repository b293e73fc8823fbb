"""What a remedy does to a fit, said so that it can be done again on other rows: of another fold, or of the next training.

Group thresholds are not here: they were fitted on the scores of one model and mean nothing to another.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.finishing import finish
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.remedies.aims import Aim, Stratum
from ml_assets.learning.remedies.cells import cell_weights
from ml_assets.learning.remedies.penalty import fit_penalised
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.representation import reweighing
from ml_assets.statistics.value import BinaryValue, break_even


class Repeatable(Protocol):
    """A way to fit the solution that any rows with groups can be given to."""

    def fit(self, situation: Situation) -> SolutionArtifact:
        """The solution, calibrated and cut as the base was, with the facts of the base."""
        ...


@dataclass(frozen=True, slots=True)
class Reweighed:
    """Weights of rows: Kamiran and Calders' over the joint groups of ``attributes`` (``plain``), times those of cells.

    ``cells``: (group, favourable truth, weight), as the adaptive remedy found them. Nothing of both: no remedy.
    """

    attributes: tuple[str, ...] = ()
    plain: bool = False
    cells: tuple[tuple[str, bool, float], ...] = ()
    kind: Literal["weights"] = "weights"

    def factors(self, situation: Situation) -> FloatArray:
        """What the weights of the rows are multiplied by (n,): those of the training rows are, the others are not used."""
        rows = situation.rows
        factor: FloatArray = np.ones(len(rows))
        if not self.attributes:
            return factor
        labels, at = Aim(self.attributes, ()).labels(situation.groups), situation.part("train")
        if self.plain:
            factor[at] = reweighing(labels.iloc[at], rows.truth[at], task=rows.task)
        if self.cells:
            weights = {(group, good): weight for group, good, weight in self.cells}
            factor = factor * cell_weights(labels, rows.truth, weights, favourable=situation.favourable)
        return factor

    def weighted(self, situation: Situation) -> TrainingTable:
        """The rows, each training weight times its factor."""
        rows = situation.rows
        weight: NDArray[np.float64] = np.where(rows.part == "train", rows.weight * self.factors(situation), rows.weight)
        return rows.weighted(weight)

    def predictor(self, situation: Situation) -> Predictor:
        """The same family on the same rows with other weights."""
        return fit_candidate(situation.base.predictor.family, self.weighted(situation), recipe=situation.recipe)

    def fit(self, situation: Situation) -> SolutionArtifact:
        """The solution with that model."""
        return finished(self.predictor(situation), situation)


@dataclass(frozen=True, slots=True)
class Penalised:
    """Boosting charged for gaps between the joint groups of ``attributes`` in ``strata``, with one strength."""

    attributes: tuple[str, ...]
    strata: tuple[Stratum, ...]
    strength: float
    kind: Literal["penalty"] = "penalty"

    def predictor(self, situation: Situation) -> Predictor:
        """Fitted on the rows with their labels; binary with money alone, else ``DataError``."""
        if not isinstance(situation.value, BinaryValue):
            got = type(situation.value).__name__
            raise DataError("No penalty without a binary decision", got=got, allowed="BinaryValue", do="Reweigh")
        return fit_penalised(
            situation.rows,
            Aim(self.attributes, self.strata).labels(situation.groups),
            strength=self.strength,
            strata=self.strata,
            favourable=situation.favourable,
            break_even=break_even(situation.value),
            recipe=situation.recipe,
        )

    def fit(self, situation: Situation) -> SolutionArtifact:
        """The solution with that model."""
        return finished(self.predictor(situation), situation)


def finished(predictor: Predictor, situation: Situation) -> SolutionArtifact:
    """The solution with this model, calibrated and cut on the validation rows as the base was, with the facts of the base."""
    return finish(
        predictor,
        situation.rows,
        solution=situation.base.solution,
        value=situation.value,
        calibration=situation.calibration,
        excluded_groups=situation.base.excluded_groups,
        facts=situation.base.facts,
        seed=situation.recipe.seed,
    ).artifact


UNTREATED = Reweighed()
"""No remedy."""


def stored(remedy: "Reweighed | Penalised") -> dict[str, Any]:
    """A remedy as JSON-able facts."""
    return asdict(remedy)


def restored(facts: Mapping[str, Any]) -> "Reweighed | Penalised":
    """The inverse of :func:`stored`, also after JSON; ``DataError`` for another kind."""
    kind, attributes = facts.get("kind"), tuple(facts.get("attributes", ()))
    if kind == "weights":
        cells = tuple((str(group), bool(good), float(weight)) for group, good, weight in facts["cells"])
        return Reweighed(attributes, bool(facts["plain"]), cells)
    if kind == "penalty":
        return Penalised(attributes, tuple(facts["strata"]), float(facts["strength"]))
    raise DataError("a remedy that cannot be repeated", got=kind, allowed="weights, penalty", do="Find remedies again")

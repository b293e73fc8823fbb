"""What every remedy works on: the solution as it is, its rows and groups, and what is allowed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.resampling import mixed
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.value import Value


@dataclass(frozen=True, eq=False)
class Situation:
    """The base solution and everything a remedy may know.

    ``rows``: training and validation rows, with the weights the base was fitted with; ``groups``: text labels of the same
    rows. ``metrics``: gated fairness metrics with their limits; ``accuracy_budget``: share of money and accuracy a remedy
    may lose (0.01 = one percent). ``group_at_decision``: whether a decision may read the group; ``largest_tpr_loss``: the
    most the true positive rate of any group may fall by group thresholds (0.05 = five points); ``capacity``: the largest
    share of rows that may be decided positive. ``recipe`` and ``calibration`` are those the base was fitted with.

    Validation rows are missing in the situation of a last fit alone (:meth:`joined`), which judges nothing.

    Raises ``DataError`` when rows and groups differ, or when there is a test part.
    """

    base: SolutionArtifact
    rows: TrainingTable
    groups: pd.DataFrame
    value: Value
    favourable: int
    metrics: Mapping[str, float]
    accuracy_budget: float = 0.02
    group_at_decision: Literal["forbidden", "allowed"] = "forbidden"
    largest_tpr_loss: float = 0.05
    capacity: float | None = None
    recipe: Recipe = field(default_factory=Recipe)
    calibration: Literal["auto", "none", "sigmoid", "isotonic"] = "auto"

    def __post_init__(self) -> None:
        parts = sorted(set(self.rows.part.tolist()))
        if len(self.groups) != len(self.rows) or parts not in (["train", "validation"], ["train"]):
            raise DataError(
                "Remedies cannot be sought on these rows",
                got=f"{len(self.rows)} rows of {', '.join(parts)}, {len(self.groups)} rows of groups",
                allowed="training and validation rows, with the groups of each",
                do="Leave the test part out: the chosen remedy is gated there",
            )

    @property
    def judged(self) -> tuple[TrainingTable, pd.DataFrame]:
        """The validation rows with their groups: what every candidate is measured on; ``DataError`` where there are none."""
        at = self.part("validation")
        if not len(at):
            do = "Divide the rows first: a last fit has nothing left to judge"
            raise DataError("No rows to judge a remedy on", got="training rows alone", allowed="validation rows", do=do)
        return self.rows.rows(at), self.groups.iloc[at].reset_index(drop=True)

    def part(self, name: str) -> NDArray[np.int64]:
        """Positions of the rows of a part."""
        return np.flatnonzero(self.rows.part == name)

    def joined(self, stopped: Parameters) -> "Situation":
        """For a last fit: all rows teach, and the fit ends where ``stopped`` says that an earlier one did."""
        recipe = self.recipe.given({**self.recipe.parameters, **stopped})
        return replace(self, rows=self.rows.joined(), recipe=recipe)

    def mixed(self) -> "Situation | None":
        """All rows, a random seventh of them to stop on: where a fit ends that knows what is new in the validation rows.

        None where there are too few rows for it.
        """
        rows = mixed(self.rows, seed=self.recipe.seed)
        return None if rows is None else replace(self, rows=rows)

    def marked(self, artifact: SolutionArtifact, remedy: str) -> SolutionArtifact:
        """The same solution with the facts of the base, and the remedy named in them."""
        return replace(artifact, facts={**self.base.facts, "remedy": remedy})

"""The order every fit receives, whatever the family."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ml_assets.learning.losses import SQUARED, Loss
from ml_assets.learning.predictors import Parameters
from ml_assets.learning.preprocessing import FeatureSpec
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted: one value wherever a model is fitted, and fitted again.

    ``parameters`` replace defaults of the family. ``loss``: what a regression minimises. ``monotone``: feature → 1 where
    the score may only rise with it, -1 where it may only fall; held by trees for numeric features of a binary or
    regression target, by the other families not (what they do is checked afterwards). ``device`` reaches xgboost alone.
    """

    parameters: Parameters = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    loss: Loss = SQUARED
    monotone: Mapping[str, Literal[1, -1]] = field(default_factory=dict)

    def directions(self, specs: Sequence[FeatureSpec], task: Task) -> tuple[int, ...]:
        """Per input: 1 rising, -1 falling, 0 free; all free for classes beyond two, and for categories."""
        held = {} if task == "multiclass" else self.monotone
        return tuple(held.get(spec.name, 0) if spec.kind == "numeric" else 0 for spec in specs)

    def given(self, parameters: Parameters) -> "Recipe":
        """The same with these parameters instead."""
        return replace(self, parameters=parameters)


@dataclass(frozen=True, eq=False)
class Job:
    """What every fit gets: rows to learn from, rows to stop on (may be none), inputs, and the complete parameters."""

    family: str
    train: TrainingTable
    validation: TrainingTable
    specs: tuple[FeatureSpec, ...]
    parameters: Parameters
    recipe: Recipe

    @property
    def n_classes(self) -> int:
        """K; 0 for regression."""
        return len(self.train.classes)

    @property
    def seed(self) -> int:
        """Of every draw of the fit."""
        return self.recipe.seed

    @property
    def loss(self) -> Loss:
        """What a regression minimises; classes are learned by their likelihood."""
        return self.recipe.loss if self.train.task == "regression" else SQUARED

    @property
    def directions(self) -> tuple[int, ...]:
        """Per input: 1 rising, -1 falling, 0 free."""
        return self.recipe.directions(self.specs, self.train.task)

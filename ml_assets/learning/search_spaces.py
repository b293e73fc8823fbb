"""Where parameters are looked for: one row per parameter of a family, with the reason where the range is not the usual one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ml_assets.learning.predictors import Parameter, Parameters


class Asked(Protocol):
    """What an Optuna trial offers."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number between the bounds."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number between the bounds."""


STEP = "learning_rate"
"""What trades rounds for accuracy, alike in all boosted trees."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A parameter and its range; ``whole`` numbers only, on a ``log`` scale, both bounds included."""

    name: str
    low: float
    high: float
    log: bool = False
    whole: bool = False

    def ask(self, trial: Asked) -> Parameter:
        """The value a trial gives it."""
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def holds(self, value: object) -> bool:
        """Whether a trial can be told to begin with this value."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return self.low <= value <= self.high and (not self.whole or value == int(value))


@dataclass(frozen=True)
class Space:
    """What is looked for, what is fixed while looking, and where to begin: far apart, each good for some table.

    ``patience``: the parameter that says after how many rounds without gain a fit stops, and the way it has to have gone by
    then, in steps times their size: fifty steps of 0.01 are no more than five of 0.1, and stop where noise is level.
    """

    dimensions: tuple[Dimension, ...]
    fixed: Mapping[str, Parameter]
    starts: tuple[Parameters, ...] = ()
    patience: tuple[str, float] | None = None

    def without(self, declared: Parameters) -> "Space":
        """The same, declared parameters left as they are."""
        left = tuple(d for d in self.dimensions if d.name not in declared)
        return Space(left, {k: v for k, v in self.fixed.items() if k not in declared}, self.starts, self.patience)

    def settled(self, asked: Parameters) -> Parameters:
        """What a trial fits with: what it asked for, what is fixed, and patience enough for its steps."""
        found = {**self.fixed, **asked}
        if (
            self.patience is None
            or self.patience[0] not in self.fixed
            or not isinstance(step := asked.get(STEP), float)
        ):
            return found
        name, way = self.patience
        return {**found, name: max(int(str(self.fixed[name])), math.ceil(way / step))}

    def finer(self, parameters: Parameters) -> dict[str, Any] | None:
        """The same point with a third of the step; None where steps are not looked for, or none smaller is allowed."""
        step = next((d for d in self.dimensions if d.name == STEP), None)
        now = parameters.get(STEP)
        if step is None or not isinstance(now, float) or now <= step.low:
            return None
        return self.begin({**parameters, STEP: max(step.low, now / 3)})

    def begin(self, parameters: Parameters) -> dict[str, Any]:
        """These parameters as a point to begin at; those outside the range are left to the sampler."""
        return {d.name: parameters[d.name] for d in self.dimensions if d.holds(parameters.get(d.name))}


SPACES: Mapping[str, Space] = {
    "logistic_regression": Space((Dimension("C", 1e-3, 1e2, log=True),), {}),
    "xgboost": Space(
        (
            Dimension("learning_rate", 0.01, 0.3, log=True),
            Dimension("max_depth", 2, 10, whole=True),
            Dimension("min_child_weight", 0.5, 64, log=True),
            Dimension("subsample", 0.5, 1.0),
            Dimension("colsample_bytree", 0.3, 1.0),
            Dimension("reg_lambda", 1e-2, 1e2, log=True),
            Dimension("reg_alpha", 1e-3, 1e1, log=True),
            Dimension("max_cat_to_onehot", 2, 64, log=True, whole=True),
        ),
        # Early stopping finds the number of rounds; the ceiling only has to be out of the way of a small step.
        {"rounds": 3000, "early_stopping_rounds": 50, "max_bin": 256},
        # Deep with much said by each pair of inputs; shallow and held back, for few or noisy rows.
        (
            {"learning_rate": 0.05, "max_depth": 7, "min_child_weight": 4.0, "subsample": 0.8}
            | {"colsample_bytree": 0.7, "reg_lambda": 1.0, "reg_alpha": 0.01, "max_cat_to_onehot": 8},
            {"learning_rate": 0.05, "max_depth": 4, "min_child_weight": 8.0, "subsample": 0.75}
            | {"colsample_bytree": 0.5, "reg_lambda": 10.0, "reg_alpha": 0.1, "max_cat_to_onehot": 8},
        ),
        patience=("early_stopping_rounds", 2.5),
    ),
    "hist_gradient_boosting": Space(
        (
            Dimension("learning_rate", 0.015, 0.3, log=True),
            Dimension("max_leaf_nodes", 4, 128, log=True, whole=True),
            Dimension("min_samples_leaf", 5, 200, log=True, whole=True),
            Dimension("l2_regularization", 1e-3, 1e2, log=True),
        ),
        {"max_iter": 2000, "n_iter_no_change": 30},
        (
            {"learning_rate": 0.05, "max_leaf_nodes": 63, "min_samples_leaf": 20, "l2_regularization": 1.0},
            {"learning_rate": 0.05, "max_leaf_nodes": 10, "min_samples_leaf": 50, "l2_regularization": 10.0},
        ),
        patience=("n_iter_no_change", 1.5),
    ),
    "random_forest": Space(
        (
            Dimension("min_samples_leaf", 1, 100, log=True, whole=True),
            Dimension("max_features", 0.1, 1.0),
            Dimension("max_samples", 0.3, 0.99),
        ),
        {"n_estimators": 200},
    ),
}
"""Families not named here have nothing to look for: they have no parameters, or settle them by themselves."""

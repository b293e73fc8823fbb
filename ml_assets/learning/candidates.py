"""The families of models that may compete: a typed table, and one function that fits any of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ml_assets.errors import DataError, DeclarationError
from ml_assets.learning.blending import BLEND, blend_defaults, fit_blend
from ml_assets.learning.ensembles import (
    BOOSTED,
    HISTOGRAM,
    factory,
    fit_factory,
    fit_hist_gradient_boosting,
    fit_random_forest,
    fit_xgboost,
)
from ml_assets.learning.job import Job, Recipe
from ml_assets.learning.linear import (
    fit_dummy,
    fit_linear_regression,
    fit_logistic_regression,
    fit_single_feature,
)
from ml_assets.learning.predictors import Parameter, Parameters, Predictor
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.wide_levels import NATIVE_LEVELS
from ml_assets.statistics.metrics import Task

EVERY_TASK: frozenset[Task] = frozenset({"binary", "multiclass", "regression"})
CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
EVERY_LOSS = frozenset({"squared", "absolute", "quantile"})
SQUARED_ALONE = frozenset({"squared"})
USUAL_LEVELS = NATIVE_LEVELS
ENCODED_LEVELS = 10_000
"""Levels of a category where a family has a number for each."""


@dataclass(frozen=True)
class Family:
    """A kind of model.

    ``complexity`` orders families by simplicity (0 = nothing learned). ``defaults`` are its parameters; no other name
    is accepted, except where ``open_parameters`` says that they are handed to a user's function, or where ``spread`` says
    which there are in view of those that are given.
    """

    name: str
    tasks: frozenset[Task]
    complexity: int
    fit: Callable[[Job], Predictor]
    defaults: Mapping[str, Parameter] = field(default_factory=dict)
    open_parameters: bool = False
    losses: frozenset[str] = EVERY_LOSS
    levels: int = USUAL_LEVELS
    spread: Callable[[Parameters], Parameters] | None = None

    def starting(self, given: Parameters) -> Parameters:
        """Its parameters before those that are given; ``DeclarationError`` where these cannot be read."""
        return self.defaults if self.spread is None else self.spread(given)


_FOREST: Mapping[str, Parameter] = {
    "n_estimators": 100,
    "min_samples_leaf": 10,
    "max_depth": None,
    "max_features": "sqrt",
    "max_samples": 0.4,
}
_LOGISTIC: Mapping[str, Parameter] = {"C": 1.0, "max_iter": 200}
_TABLE = (
    Family("dummy", EVERY_TASK, 0, fit_dummy),
    Family("single_feature", EVERY_TASK, 1, fit_single_feature, {"bins": 20, "prior_rows": 20.0}),
    Family(
        "linear_regression", frozenset({"regression"}), 2, fit_linear_regression, {"alpha": None}, levels=ENCODED_LEVELS
    ),
    Family("logistic_regression", CLASSES, 2, fit_logistic_regression, _LOGISTIC, levels=ENCODED_LEVELS),
    Family("xgboost", EVERY_TASK, 3, fit_xgboost, BOOSTED, levels=ENCODED_LEVELS),
    Family("hist_gradient_boosting", EVERY_TASK, 3, fit_hist_gradient_boosting, HISTOGRAM, levels=ENCODED_LEVELS),
    Family("random_forest", EVERY_TASK, 4, fit_random_forest, _FOREST, losses=SQUARED_ALONE, levels=ENCODED_LEVELS),
    Family(BLEND, EVERY_TASK, 5, fit_blend, blend_defaults({}), levels=ENCODED_LEVELS, spread=blend_defaults),
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in _TABLE}
"""Every family by name; one row more is one candidate more."""

DEFAULT_CANDIDATES: Mapping[Task, tuple[str, ...]] = {
    "binary": ("dummy", "single_feature", "logistic_regression", "xgboost"),
    "multiclass": ("dummy", "single_feature", "logistic_regression", "xgboost"),
    "regression": ("dummy", "single_feature", "linear_regression", "xgboost"),
}
FACTORY_COMPLEXITY = 6
PLAIN = Recipe()
"""Defaults, seed 0, squared error."""


def family(name: str) -> Family:
    """The family of this name; a dotted path becomes a family of its own, fitted by the estimator its function returns.

    Raises ``DeclarationError`` when the name is unknown or the path cannot be imported.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if "." in name:
        factory(name)
        return Family(name, EVERY_TASK, FACTORY_COMPLEXITY, fit_factory, open_parameters=True)
    raise DeclarationError(
        "Candidate is unknown",
        got=repr(name),
        allowed=f"{', '.join(FAMILIES)}, or a dotted path",
        do="Use one of these, or the path of a function that returns a scikit-learn estimator",
    )


def fit_candidate(name: str, table: TrainingTable, *, recipe: Recipe = PLAIN) -> Predictor:
    """Fit one candidate on the "train" part; the "validation" part, when there is one, only says when to stop.

    The "test" part is never read. Same table and recipe give the same predictions in every process.

    Raises ``DeclarationError`` for a family, parameter or loss that does not exist or does not fit the task, ``DataError``
    when there is nothing to learn from (no training rows, one class, no usable column).
    """
    chosen = family(name)
    _refuse_unfit(chosen, table.task, recipe)
    train, validation = table.take("train"), table.take("validation")
    _refuse_empty(train, table)
    specs = feature_specs(train.features, max_categories=_levels(chosen, table))
    if not specs and name != "dummy":
        do = "Select columns that hold values"
        raise DataError("No column to learn from", got=list(table.features.columns), allowed="at least one", do=do)
    return chosen.fit(
        Job(name, train, validation, specs, {**chosen.starting(recipe.parameters), **recipe.parameters}, recipe)
    )


def _levels(chosen: Family, table: TrainingTable) -> int:
    outputs = len(table.classes) if table.task == "multiclass" else 1
    return max(min(chosen.levels, USUAL_LEVELS), chosen.levels // outputs)


def _refuse_unfit(chosen: Family, task: Task, recipe: Recipe) -> None:
    if task not in chosen.tasks:
        allowed = [other.name for other in _TABLE if task in other.tasks]
        what = f"Candidate {chosen.name!r} cannot learn {task}"
        raise DeclarationError(what, got=chosen.name, allowed=allowed, do="Use one")
    if task == "regression" and recipe.loss.kind not in chosen.losses:
        allowed = [other.name for other in _TABLE if task in other.tasks and recipe.loss.kind in other.losses]
        what = f"Candidate {chosen.name!r} cannot minimise {recipe.loss.name} loss"
        do = "Use one of these, or declare model.loss: squared"
        raise DeclarationError(what, got=chosen.name, allowed=allowed, do=do)
    _refuse_unknown(chosen, recipe.parameters)


def _refuse_unknown(chosen: Family, given: Parameters) -> None:
    known = chosen.starting(given)
    unknown = sorted(set(given) - set(known))
    if unknown and not chosen.open_parameters:
        allowed = ", ".join(known) or "none"
        what = f"Candidate {chosen.name!r} has no such parameter"
        raise DeclarationError(what, got=unknown, allowed=allowed, do="Remove or correct it")


def _refuse_empty(train: TrainingTable, table: TrainingTable) -> None:
    if not len(train) or not train.weight.sum() > 0:
        do = "Check the split and the weights"
        raise DataError("No training rows", got=f"{len(train)} rows", allowed="rows with weight", do=do)
    if train.task != "regression" and len(np.unique(train.truth)) < 2:
        got = f"one class in the training part ({_counted(table)})"
        do = "Widen the training part, deliver more rows of the rarer class, or declare another split"
        raise DataError("Nothing to tell apart", got=got, allowed="two classes", do=do)
    if not np.isfinite(np.asarray(train.truth, dtype=np.float64)).all():
        raise DataError("Training rows lack labels", got="missing labels", allowed="labelled rows", do="Drop the rest")


def _counted(table: TrainingTable) -> str:
    """Rows of every class, part by part."""
    parts = [(part, table.take(part).truth) for part in ("train", "validation", "test") if (table.part == part).any()]
    told = [
        f"{part}: " + ", ".join(f"{int((truth == code).sum()):,} {label}" for code, label in enumerate(table.classes))
        for part, truth in parts
    ]
    return "; ".join(told)

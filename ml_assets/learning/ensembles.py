"""Fits of trees (xgboost, scikit-learn) and of a user's own scikit-learn estimator."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import numpy as np

from ml_assets.errors import DeclarationError
from ml_assets.learning.design import Design
from ml_assets.learning.job import Job
from ml_assets.learning.predictors import (
    Parameter,
    Predictor,
    SkopsPredictor,
    XGBoostPredictor,
    feature_types,
    limited,
    threads,
)
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, prepare
from ml_assets.learning.table import TrainingTable
from ml_assets.learning.target_encoding import training_design, tree_inputs
from ml_assets.learning.wide_levels import NARROW, WideLevels
from ml_assets.statistics.metrics import Task

OBJECTIVES: dict[Task, str] = {"binary": "binary:logistic", "multiclass": "multi:softprob"}
BOOSTED_LOSSES = {"squared": "reg:squarederror", "absolute": "reg:absoluteerror", "quantile": "reg:quantileerror"}
BINNED_ROWS = 200_000
"""Rows that scikit-learn's histogram boosting bins at most (``_BinMapper.subsample``)."""
SEEN = 40
FEWEST_DRAWN = 10
"""Rows a tree of a forest is drawn at least, where there are so many."""
HISTOGRAM_LOSSES = {"squared": "squared_error", "absolute": "absolute_error", "quantile": "quantile"}
BOOSTED: Mapping[str, Parameter] = {
    "rounds": 400,
    "early_stopping_rounds": 25,
    "learning_rate": 0.12,
    "max_depth": 5,
    "max_bin": 128,
    "min_child_weight": 2.0,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "reg_lambda": 1.0,
    "reg_alpha": 0.0,
    "gamma": 0.0,
    "max_cat_to_onehot": 8,
    "max_cat_threshold": 64,
    "max_delta_step": 0.0,
    "scale_pos_weight": 1.0,
}
"""Of xgboost, where nothing else is said."""
HISTOGRAM: Mapping[str, Parameter] = {
    "max_iter": 300,
    "n_iter_no_change": 15,
    "learning_rate": 0.1,
    "max_leaf_nodes": 31,
    "max_depth": None,
    "min_samples_leaf": 20,
    "l2_regularization": 0.0,
    "max_bins": 255,
}
"""Of scikit-learn's histogram boosting."""


def fit_xgboost(job: Job) -> Predictor:
    """Boosted trees on native categories and missing values, stopped where the validation part stops improving."""
    import xgboost

    wide, taught = _taught(job)

    settings: dict[str, Any] = dict(job.parameters)
    rounds, patience = int(settings.pop("rounds")), int(settings.pop("early_stopping_rounds"))
    cores = threads(len(job.train) * len(job.specs))
    settings |= {
        **_objective(job, wide),
        "tree_method": "hist",
        "seed": job.seed,
        "nthread": cores,
        "device": job.recipe.device,
        "verbosity": 0,
    }
    max_bin = int(settings["max_bin"])
    train = xgboost.QuantileDMatrix(
        **boosting_matrix(job.train, job.specs, wide, taught), max_bin=max_bin, nthread=cores
    )
    if not len(job.validation) or not patience:
        return _boosted(job, xgboost.train(settings, train, rounds), wide)
    held = xgboost.QuantileDMatrix(
        **boosting_matrix(job.validation, job.specs, wide), ref=train, max_bin=max_bin, nthread=cores
    )
    booster = xgboost.train(
        settings, train, rounds, evals=[(held, "held")], early_stopping_rounds=patience, verbose_eval=False
    )
    return _boosted(job, booster[: booster.best_iteration + 1], wide)


def _taught(job: Job) -> tuple[WideLevels, FloatArray]:
    """The wide categories, and the matrix that teaches trees."""
    return tree_inputs(prepare(job.train.features, job.specs), job.specs, job.train, seed=job.seed)


def _directions(job: Job, wide: WideLevels) -> list[int]:
    """Per matrix column: 1 rising, -1 falling, 0 free."""
    return [*job.directions, *[0] * wide.width]


def _objective(job: Job, wide: WideLevels) -> dict[str, Any]:
    """What xgboost minimises, and under which constraints."""
    if job.train.task == "multiclass":
        return {"objective": OBJECTIVES["multiclass"], "num_class": job.n_classes}
    found: dict[str, Any] = {"objective": OBJECTIVES.get(job.train.task) or BOOSTED_LOSSES[job.loss.kind]}
    if job.train.task == "regression" and job.loss.kind == "quantile":
        found["quantile_alpha"] = job.loss.quantile
    if any(job.directions):
        found["monotone_constraints"] = str(tuple(_directions(job, wide)))
    return found


def fit_hist_gradient_boosting(job: Job) -> Predictor:
    """scikit-learn's histogram boosting, stopped on the validation part where there is one."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingRegressor if job.train.task == "regression" else HistGradientBoostingClassifier
    settings: dict[str, Any] = dict(job.parameters)
    if job.train.task == "regression":
        settings["loss"] = HISTOGRAM_LOSSES[job.loss.kind]
        settings["quantile"] = job.loss.quantile if job.loss.kind == "quantile" else None
    wide, taught = _taught(job)
    held = _held(job, wide)
    model = make(
        **settings,
        early_stopping=bool(held),
        random_state=job.seed,
        categorical_features=[spec.kind == "categorical" for spec in job.specs] + [False] * wide.width,
        monotonic_cst=_directions(job, wide) if any(job.directions) else None,
    )
    return _grown(job, model, wide, taught, held)


def _held(job: Job, wide: WideLevels) -> dict[str, Any]:
    """The rows to stop on as scikit-learn's fit takes them, none where there are none; it refuses an unlearned class."""
    known = np.ones(len(job.validation), dtype=np.bool_)
    if job.train.task != "regression":
        known = np.isin(job.validation.truth, job.train.truth)
    rows = job.validation.rows(np.flatnonzero(known & (job.validation.weight > 0)))
    if not len(rows):
        return {}
    x = wide.matrix(prepare(rows.features, job.specs), job.specs)
    return {"X_val": x, "y_val": _truth(rows), "sample_weight_val": rows.weight}


def fit_random_forest(job: Job) -> Predictor:
    """A forest on numbers and category codes; missing values take their own side of a split."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    make = RandomForestRegressor if job.train.task == "regression" else RandomForestClassifier
    settings: dict[str, Any] = dict(job.parameters)
    wide, taught = _taught(job)
    held = any(job.directions) and not np.isnan(taught).any()
    settings["monotonic_cst"] = _directions(job, wide) if held else None  # it takes no constraint beside missing values
    if isinstance(share := settings["max_samples"], float):  # of rows, not of weight: a tree needs some rows
        settings["max_samples"] = max(int(share * len(job.train)), min(FEWEST_DRAWN, len(job.train)))
    model = make(**settings, random_state=job.seed, n_jobs=threads(job.train.features.size))
    return _grown(job, model, wide, taught, {})


def fit_factory(job: Job) -> Predictor:
    """An estimator made by the user's ``factory(**parameters)``, named by dotted path.

    A scikit-learn ``Pipeline`` gets the prepared DataFrame (float64 and categorical columns); any other estimator gets
    the matrix of the linear models (standardised, one-hot, nothing missing). An open ``random_state`` gets the seed.
    """
    from sklearn.pipeline import Pipeline

    estimator = factory(job.family)(**job.parameters)
    wanted = "predict" if job.train.task == "regression" else "predict_proba"
    if not hasattr(estimator, wanted) or not hasattr(estimator, "fit"):
        raise DeclarationError(
            f"Candidate {job.family!r} does not make a usable estimator",
            got=type(estimator).__name__,
            allowed=f"an estimator with fit and {wanted}",
            do="Return one, for instance wrapped in CalibratedClassifierCV",
        )
    unset = {name: job.seed for name, value in _random_states(estimator).items() if value is None}
    if unset:
        estimator.set_params(**unset)
    return _fitted(job, estimator, "frame" if isinstance(estimator, Pipeline) else "design")


def factory(path: str) -> Callable[..., Any]:
    """The callable a dotted path (``package.module.name``) names; ``DeclarationError`` when there is none."""
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DeclarationError(
            f"Candidate {path!r} cannot be imported",
            got=f"{type(error).__name__}: {error}",
            allowed="the dotted path of a function that returns a scikit-learn estimator",
            do="Correct the path or put its package on the python path",
        ) from error
    if not callable(found):
        got = type(found).__name__
        raise DeclarationError(f"Candidate {path!r} cannot be called", got=got, allowed="a function", do="Name one")
    return cast(Callable[..., Any], found)


def _boosted(job: Job, booster: Any, wide: WideLevels) -> XGBoostPredictor:
    """Trees that are asked on the processor, wherever they grew: the rows to score lie in its memory."""
    booster.set_param({"nthread": 1, "device": "cpu"})
    return XGBoostPredictor(job.family, job.parameters, job.specs, booster, job.train.task, job.n_classes, wide)


def boosting_matrix(
    table: TrainingTable, specs: tuple[FeatureSpec, ...], wide: WideLevels = NARROW, taught: FloatArray | None = None
) -> dict[str, Any]:
    """Rows as the arguments of an xgboost matrix: native categories and missing values, weights, labels.

    ``taught`` stands for what the rows themselves say, where they teach.
    """
    x = wide.matrix(prepare(table.features, specs), specs) if taught is None else taught
    return {
        "data": x.astype(np.float32),
        "label": np.asarray(table.truth, dtype=np.float32),
        "weight": table.weight,
        "feature_names": [f"f{position}" for position in range(x.shape[1])],  # xgboost refuses [ ] < in names
        "feature_types": feature_types(specs, wide),
        "enable_categorical": True,
    }


def _grown(job: Job, model: Any, wide: WideLevels, taught: FloatArray, options: dict[str, Any]) -> SkopsPredictor:
    """Trees of scikit-learn."""
    x, weight, kinds = _learnable(taught, job.train.weight), job.train.weight, (job.train.task, job.n_classes)
    with limited(job.train.features.size):
        model.fit(x, _truth(job.train), **options, sample_weight=weight)
    return SkopsPredictor(job.family, job.parameters, job.specs, model, "codes", None, *kinds, wide=wide)


def _fitted(job: Job, model: Any, inputs: Literal["design", "frame"]) -> SkopsPredictor:
    """A user's estimator."""
    prepared = prepare(job.train.features, job.specs)
    design: Design | None = None
    x: Any = prepared
    if inputs == "design":
        design, x = training_design(prepared, job.specs, job.train, seed=job.seed)
    alike = (job.train.weight == 1).all()
    options = {} if alike else _weight_option(model, job.train.weight)
    with limited(job.train.features.size):
        model.fit(x, _truth(job.train), **options)
    return SkopsPredictor(job.family, job.parameters, job.specs, model, inputs, design, job.train.task, job.n_classes)


def _learnable(x: FloatArray, weight: FloatArray) -> FloatArray:
    """``x`` with zeros for columns that trees could learn nothing of, so that none splits on them.

    scikit-learn's histogram boosting fails on a column without a value among the rows it bins: those with weight, and of
    more than ``BINNED_ROWS`` rows a sample of that size drawn by weight. A column with ``SEEN`` values expected in such
    a sample is missed by it with probability e^-40.
    """
    share = weight @ np.isfinite(x) / weight.sum()
    least = SEEN / BINNED_ROWS if len(x) > BINNED_ROWS else 0.0
    return np.where(share > least, x, 0.0)


def _weight_option(model: Any, weight: Any) -> dict[str, Any]:
    """The fit option that hands row weights over: by itself, or to the last step of a Pipeline."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.validation import has_fit_parameter

    last = model.steps[-1] if isinstance(model, Pipeline) else ("", model)
    name = f"{last[0]}__sample_weight" if last[0] else "sample_weight"
    if has_fit_parameter(last[1], "sample_weight"):
        return {name: weight}
    raise DeclarationError(
        f"{type(last[1]).__name__} cannot use row weights",
        got="weights other than 1",
        allowed="an estimator whose fit takes sample_weight",
        do="Choose another candidate, or a plan without reweighing",
    )


def _truth(table: TrainingTable) -> Any:
    return table.truth if table.task == "regression" else table.truth.astype(np.int64)


def _random_states(estimator: Any) -> dict[str, Any]:
    if not hasattr(estimator, "get_params"):
        return {}
    return {
        name: value
        for name, value in estimator.get_params(deep=True).items()
        if name == "random_state" or name.endswith("__random_state")
    }

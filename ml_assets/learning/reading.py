"""A stored model read back from its files, after each type in them was found on an allow-list."""

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from ml_assets.errors import ArtifactError
from ml_assets.learning.design import Design
from ml_assets.learning.predictors import (
    MODEL_JSON,
    MODEL_SKOPS,
    MODEL_UBJ,
    BlendPredictor,
    LinearPredictor,
    Predictor,
    SkopsPredictor,
    XGBoostPredictor,
)
from ml_assets.learning.preprocessing import FeatureSpec
from ml_assets.learning.trust import load_trusted
from ml_assets.learning.wide_levels import WideLevels


def load_predictor(files: Mapping[str, bytes], *, trusted: Collection[str] = ()) -> Predictor:
    """The predictor of the files that ``save`` wrote, given as name → content.

    ``trusted`` names types a skops file may hold beyond the allow-list.
    Raises ``ArtifactError`` when a file is missing or unreadable, or a skops file holds a type that is not trusted.
    """
    try:
        state = json.loads(files[MODEL_JSON])
        kind = str(state["kind"])
        reader = _READERS[kind]
        return reader(_common(state), state, files, tuple(trusted))
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            "Model files cannot be read",
            got=f"{type(error).__name__}: {error} in {sorted(files)}",
            allowed=f"kinds {', '.join(_READERS)} as this version writes them",
            do="Train again, or load it with the version that wrote it",
        ) from error


def _linear(common: dict[str, Any], state: Mapping[str, Any], _: Mapping[str, bytes], __: tuple[str, ...]) -> Predictor:
    design = Design.from_dict(state["design"])
    intercept = np.asarray(state["intercept"], dtype=np.float64)
    coefficients = np.asarray(state["coefficients"], dtype=np.float64).reshape(len(design.names), len(intercept))
    return LinearPredictor(**common, design=design, intercept=intercept, coefficients=coefficients, link=state["link"])


def _xgboost(
    common: dict[str, Any], state: Mapping[str, Any], files: Mapping[str, bytes], _: tuple[str, ...]
) -> Predictor:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(files[MODEL_UBJ]))
    booster.set_param({"nthread": 1})
    kinds = {"task": state["task"], "n_classes": int(state["n_classes"]), "wide": _wide(state)}
    return XGBoostPredictor(**common, booster=booster, **kinds)


def _skops(
    common: dict[str, Any], state: Mapping[str, Any], files: Mapping[str, bytes], trusted: tuple[str, ...]
) -> Predictor:
    return SkopsPredictor(
        **common,
        estimator=load_trusted(files[MODEL_SKOPS], trusted=trusted),
        inputs=state["inputs"],
        design=None if state["design"] is None else Design.from_dict(state["design"]),
        task=state["task"],
        n_classes=int(state["n_classes"]),
        trusted=trusted,
        wide=_wide(state),
    )


def _blend(
    common: dict[str, Any], state: Mapping[str, Any], files: Mapping[str, bytes], trusted: tuple[str, ...]
) -> Predictor:
    members = []
    for label in state["members"]:
        own = {name.removeprefix(f"{label}."): files[name] for name in files if name.startswith(f"{label}.")}
        members.append(load_predictor(own, trusted=trusted))
    if not members:
        raise ValueError("a blend of nothing")
    return BlendPredictor(common["family"], common["parameters"], tuple(members), tuple(state["members"]))


def _wide(state: Mapping[str, Any]) -> WideLevels:
    return WideLevels.from_list(state.get("wide", ()))


_READERS = {"linear-json": _linear, "xgboost-ubj": _xgboost, "skops": _skops, "blend": _blend}


def _common(state: Mapping[str, Any]) -> dict[str, Any]:
    specs = tuple(FeatureSpec(**{**spec, "categories": tuple(spec["categories"])}) for spec in state["specs"])
    return {"family": state["family"], "parameters": state["parameters"], "specs": specs}

"""The declarations the stage tests run: a daily stream, and single tables with a number and with three classes as target."""

from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution

HERE = "ml_assets_tests.stages"
STREAM: dict[str, Any] = {
    "name": "stream",
    "business_case": {
        "decision": "lend or not",
        "owner": "team:tests",
        "prediction": "probability of default",
        "target": {"column": "defaulted", "positive": 1, "delay": "1 day"},
        "value": {"true_positive": 0, "false_positive": -40, "false_negative": -100, "true_negative": 20},
        "favourable": "negative",
        "simple_rule": f"{HERE}.world.rule",
        "area": "operations",
    },
    "success_criteria": [
        {"metric": "roc_auc", "at_least": 0.7},
        {"metric": "value_per_decision", "better_than": "dummy", "by": 6},
    ],
    "data_bias": {
        "groups": {"job_group": {"column": "job"}, "age_band": {"column": "age", "edges": [35, 50]}},
        "protected": ["sex"],
        "tolerance": {"label_rate_difference": 0.04},
        "reference_population": {"sex": {"f": 0.5, "m": 0.5}},
        "plan": [
            {"finding": "sex", "action": "reweigh", "reason": "known", "approved_by": "tests", "expires": "2099-01-01"}
        ],
    },
    "data_pipeline": {
        "source": {"type": "function", "load": f"{HERE}.world.rows"},
        "labels": {"source": {"type": "function", "load": f"{HERE}.world.labels"}, "id": "row"},
        "arrival": {"every": "day", "event_time": "at", "start": "2026-01-01", "clock": f"{HERE}.world.now"},
        "id": "row",
        "features": f"{HERE}.world.features",
    },
    "model": {
        "candidates": ["logistic_regression"],
        "test_span": "3 days",
        "validation_span": "3 days",
        "monotone": {"income": -1, "debt": 1},
    },
    "monitoring": {"performance": {"metric": "roc_auc", "drop": 0.05}},
    "retraining": {"on": ["drift", "performance", "freshness"], "k_of_n": [2, 3], "cool_down": "1 day"},
}
TABLE: dict[str, Any] = {
    "name": "table",
    "business_case": {
        "decision": "how much to stock",
        "owner": "team:tests",
        "prediction": "units sold",
        "target": {"column": "sold", "task": "regression"},
        "value": {"per_unit_over": -1, "per_unit_under": -2},
    },
    "data_pipeline": {"source": {"type": "function", "load": f"{HERE}.declarations.shops"}, "id": "shop"},
    "model": {"candidates": ["linear_regression"]},
}
CLASSES: dict[str, Any] = {
    "name": "classes",
    "business_case": {
        "decision": "where to route",
        "owner": "team:tests",
        "prediction": "kind of parcel",
        "target": {"column": "kind", "task": "multiclass"},
        "value": {"matrix": {"small": {"small": 1}, "large": {"large": 3}, "odd": {"odd": 2, "small": -1}}},
    },
    "data_bias": {"protected": ["region"], "reference_population": {"region": {"north": 0.5, "south": 0.5}}},
    "data_pipeline": {"source": {"type": "function", "load": f"{HERE}.declarations.parcels"}},
    "model": {"candidates": ["logistic_regression"]},
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The base with nested keys replaced; a key that ends in ``!`` replaces as a whole."""
    out = deepcopy(base)
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(out.get(name), dict):
            out[name] = merged(out[name], value)
        else:
            out[name.removesuffix("!")] = value
    return out


def declared(base: dict[str, Any], **changes: Any) -> Solution:
    """A solution, and what is different about it."""
    return Solution.model_validate(merged(base, changes))


def signed(solution: Solution) -> Solution:
    """The same, signed in the version that runs."""
    raw = solution.model_dump(mode="json", by_alias=True, exclude_unset=True)
    raw["business_case"]["signed_off"] = {"by": "tests", "date": "2026-01-01", "version": solution.case_version}
    return Solution.model_validate(raw)


def shops() -> pd.DataFrame:
    """600 shops: what they sell follows size and weekday."""
    rng = np.random.default_rng(1)
    size, weekday = rng.normal(100, 20, 600), rng.integers(0, 7, 600)
    return pd.DataFrame(
        {
            "shop": [f"s{i}" for i in range(600)],
            "size": size,
            "weekday": weekday,
            "noise": rng.normal(size=600),
            "sold": size + 5 * weekday + rng.normal(0, 10, 600),
        }
    )


def parcels() -> pd.DataFrame:
    """900 parcels of three kinds, in two regions; no id."""
    rng = np.random.default_rng(2)
    weight, length = rng.normal(5, 2, 900), rng.normal(40, 10, 900)
    wild = rng.normal(0, 0.6, 900)
    kind = np.where(weight + wild > 6.5, "large", np.where(length + 5 * wild > 50, "odd", "small"))
    region = rng.choice(["north", "south"], 900)
    return pd.DataFrame({"weight": weight, "length": length, "region": region, "kind": kind})

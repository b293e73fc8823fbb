"""Where boosted trees really grow: xgboost goes on without a GPU that it does not find, and keeps that to itself."""

import json
import warnings

import numpy as np


def device_in_use(declared: str) -> str:
    """The device xgboost takes on this machine when told ``declared``, such as ``cuda:0``; ``cpu`` where no GPU is found.

    Asked of a tree on two rows, since the library has no other answer that holds for its build, driver and machine alike.
    """
    if declared == "cpu":
        return declared
    import xgboost

    rows = xgboost.DMatrix(np.array([[0.0], [1.0]]), label=np.array([0.0, 1.0]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*GPU")
        booster = xgboost.train({"device": declared, "verbosity": 0, "nthread": 1}, rows, 1)
        config = json.loads(booster.save_config())
    return str(config["learner"]["generic_param"]["device"])


def device_told(declared: str) -> str:
    """The same as a sentence."""
    found = device_in_use(declared)
    if found.split(":")[0] == declared:
        return f"xgboost runs on {found}"
    return f"{declared} is declared, but xgboost finds no GPU here: trained on {found}"

"""What a model really takes: by name, by origin, under other values, and let in with a reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from upath import UPath

from ml_assets.declaration import Solution
from ml_assets.inputs import judge_inputs
from ml_assets.resources import SolutionStore
from ml_assets_tests.declaration.minimal import changed

ORIGIN = {"income": ["income"], "area": ["area"], "shade": ["area", "income"], "house": ["house"], "tone": ["income"]}


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    """Two good batches of 200 rows, then a blocked one; ``tone`` follows the area value by value."""
    made = SolutionStore(UPath(tmp_path) / "churn")
    rng = np.random.default_rng(0)
    for batch in ("2026-01-01", "2026-01-02", "2026-01-03"):
        area = rng.choice(["north", "south", "west"], 200)
        rows = pd.DataFrame({"sex": rng.choice(["f", "m"], 200), "area": area, "income": rng.normal(size=200)})
        house = rows["sex"].map({"f": 1, "m": 0})
        features = rows[["income", "area"]].assign(shade=rng.normal(size=200), house=house)
        tone = pd.Series(area).map({"north": 9, "south": 7, "west": 8})
        made.write_frame("valid_data", rows, batch)
        made.write_frame("features", features.assign(tone=tone), batch)
        made.write_facts("valid_data", {"blocked": batch == "2026-01-03"}, batch)
    made.write_facts("selected_columns", {"features": list(ORIGIN), "lineage": ORIGIN})
    return made


def declared(**bias: Any) -> Solution:
    return Solution.model_validate(changed(data_bias={"protected": ["sex"], **bias}))


def test_nothing_is_found_where_nothing_is_wrong(store: SolutionStore) -> None:
    found = judge_inputs(declared(proxies={"area": "sex"}), store, ["income"])
    assert (found.found, found.let_in) == ((), ())
    assert found.sentence == "none of area, sex among 1 inputs of the model"


@pytest.mark.parametrize(
    ("inputs", "bias", "sentence"),
    [
        (["sex"], {}, "sex is an input (protected)"),
        (["house"], {}, "house repeats sex (protected)"),
        (["area"], {"proxies": {"area": "sex"}}, "area is an input (declared proxy of sex)"),
        (["shade"], {"proxies": {"area": "sex"}}, "shade is made from area (declared proxy of sex)"),
        (["tone"], {"proxies": {"area": "sex"}}, "tone repeats area (declared proxy of sex)"),
        (["other"], {}, "other is an input that is not among the selected columns"),
        (["income"], {"proxies": {"aera": "sex"}}, "aera is no column of the data"),
    ],
)
def test_each_way_in_is_found(store: SolutionStore, inputs: list[str], bias: dict[str, Any], sentence: str) -> None:
    found = judge_inputs(declared(**bias), store, inputs)
    assert sentence in found.sentence
    assert not judge_inputs(declared(), store, ["income", "area", "shade", "tone"]).found


def test_what_the_plan_dropped_is_no_input(store: SolutionStore) -> None:
    entry = {"finding": "D-proxy-sex", "action": "drop_column", "reason": "r", "expires": "2020-01-01"}
    plan = [entry | {"columns": ["area"]}]
    assert not judge_inputs(declared(plan=plan), store, ["area"]).found
    approved = [plan[0] | {"approved_by": "Ann"}]
    (found,) = judge_inputs(declared(plan=approved), store, ["area"]).found
    assert found == "area is an input (dropped by the plan about D-proxy-sex)"


def test_a_reason_lets_in_what_it_names_and_is_told(store: SolutionStore) -> None:
    reason = {"area": "the law asks for it"}
    bias = {"proxies": {"area": "sex"}, "as_input": reason}
    found = judge_inputs(declared(**bias), store, ["area", "shade", "tone"])
    assert not found.found
    assert "let in by declaration: area (the law asks for it)" in found.sentence
    assert not judge_inputs(declared(**bias), store, ["income"]).let_in
    assert judge_inputs(declared(**bias), store, ["house"]).found

"""The audit out of fold on the way to a release: it finds what the test part is too small for, and never outvotes it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.resources.store import Facts
from ml_assets.running import ROW_ASSETS, TRAINING_ASSETS
from ml_assets.stages.deployment.gates import gates
from ml_assets.stages.model_bias import auditing, examining
from ml_assets_tests.stages.declarations import declared
from ml_assets_tests.stages.lab import Lab, open_instance, said

GAPS = "gaps between groups inside tolerance"
METRIC = "selection_rate_difference"
BASE: dict[str, Any] = {
    "name": "audited",
    "business_case": {
        "decision": "lend or not", "owner": "team:tests", "prediction": "probability of default", "favourable": "negative",
        "target": {"column": "left", "positive": 1},
        "value": {"true_positive": 0, "false_positive": -40, "false_negative": -100, "true_negative": 20},
    },
    "data_bias": {"protected": ["sex"], "reference_population": {"sex": {"f": 0.5, "m": 0.5}}, "mitigation": "none"},
    "data_pipeline": {"id": "person"},
    "model": {"candidates": ["logistic_regression"], "test": 0.1},
    "model_bias": {"metrics": [METRIC], "tolerance": {METRIC: 0.1}, "remedies": "planned"},
}  # fmt: skip
Frame = pd.DataFrame


def people(poorer: float, n: int = 1_500, seed: int = 3) -> Frame:
    """Who leaves follows income and debt alone; women earn ``poorer`` less, so that the decisions differ by their income."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    income, debt = rng.normal(50, 10, n) - poorer * (sex == "f"), rng.normal(20, 5, n)
    chance = 1 / (1 + np.exp(0.16 * (income - 50) - 0.2 * (debt - 20)))
    left = (rng.random(n) < chance).astype(int)
    return pd.DataFrame(
        {"person": [f"p{i}" for i in range(n)], "income": income, "debt": debt, "sex": sex, "left": left}
    )


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Lab]]:
    """Rows to release decision; what is different about the declaration."""
    made: list[Lab] = []

    def travel(frame: Frame, **changes: Any) -> Lab:
        folder: Path = tmp_path_factory.mktemp("audited")
        frame.to_parquet(folder / "rows.parquet")
        source = {"source": {"type": "files", "path": str(folder / "rows.parquet")}}
        lab = Lab(declared(BASE, data_pipeline=source, **changes), open_instance(folder / "made"), folder / "made")
        lab.ok(*ROW_ASSETS)
        lab.ok(*TRAINING_ASSETS)
        made.append(lab)
        return lab

    yield travel
    for lab in made:
        lab.instance.dispose()


@pytest.fixture(scope="module")
def fair(journey: Callable[..., Lab]) -> Lab:
    """A world where the group makes no difference. Each test writes what it changes anew."""
    return journey(people(0.0))


@pytest.fixture
def mended(fair: Lab) -> Iterator[Lab]:
    """The fair world, to break: its rows and remedies are put back."""
    rows, remedies = fair.store.read_frame("training_set"), fair.store.read_facts("mitigation")
    yield fair
    fair.store.write_frame("training_set", rows)
    fair.store.write_facts("mitigation", remedies)


def report(lab: Lab) -> tuple[Facts, Facts]:
    """The report, made again, and what it says of women."""
    lab.ok("model_bias_report")
    facts = lab.store.read_facts("model_bias_report")
    (women,) = (d for d in facts["disparities"] if d["group"] == "f")
    return facts, women


def gate(lab: Lab) -> tuple[bool, str]:
    """The gate on gaps, as the report there is now makes it."""
    (found,) = (g for g in gates(lab.solution, lab.store, None)[0] if g.name == GAPS)
    return found.passed, found.sentence


def test_a_small_gap_is_found_out_of_fold_and_blocks_the_release(journey: Callable[..., Lab]) -> None:
    lab = journey(people(5.0, seed=5))
    facts, women = report(lab)
    assert (women["test_verdict"], women["out_of_fold_verdict"], women["verdict"]) == ("inconclusive", "fail", "fail")
    assert women["basis"] == "out of fold"
    assert women["out_of_fold"]["n"] > 5 * women["value"]["n"]
    assert facts["audit"]["fits"] == 5
    assert facts["audit"]["rows"] + facts["rows"] == 1_500
    found = lab.verdict("model_bias_report", "disparity")
    assert not found.passed
    assert "Out of fold" in said(found)
    assert "2 on 1,355 rows out of fold (cross-validation, 5 fits)" in said(found)
    passed, sentence = gate(lab)
    assert not passed
    assert "fail" in sentence


def test_a_fair_world_passes_out_of_fold_and_both_figures_are_shown(fair: Lab) -> None:
    facts, women = report(fair)
    assert (women["test_verdict"], women["verdict"], facts["verdict"]) == ("inconclusive", "pass", "pass")
    assert fair.verdict("model_bias_report", "disparity").passed
    assert gate(fair) == (True, "verdict pass on 145 rows, 2 of 2 gaps by 1,355 rows out of fold")
    shown = fair.metadata("model_bias_report")
    (line,) = (line for line in shown["gaps"].splitlines() if "sex=f" in line)
    cells = [cell.strip() for cell in line.split("|")]
    assert {"66", "712", "inconclusive", "pass", "out of fold"} <= set(cells)
    assert "0 of 2 comparisons rest on the test part (145 rows), 2 on 1,355 rows out of fold" in shown["audit"]


def test_a_contradicting_test_part_gives_no_pass(mended: Lab) -> None:
    """In the test part alone women are suddenly poor: what was learned before says nothing about that."""
    rows = mended.store.read_frame("training_set")
    hit = (rows["ml:part"] == "test") & (rows["ml:group:sex"] == "f")
    mended.store.write_frame("training_set", rows.assign(income=rows["income"] - 9.0 * hit))
    facts, women = report(mended)
    assert (women["out_of_fold_verdict"], women["test_verdict"]) == ("pass", "suspect")
    assert (women["contradicted"], women["basis"], women["verdict"]) == (True, "test part", "suspect")
    assert facts["verdict"] != "pass"
    assert facts["audit"]["contradicted"] == 2
    assert "contradicts" in women["sentence"]
    assert "contradicted by the test part" in said(mended.verdict("model_bias_report", "disparity"))


def test_an_audit_without_the_remedy_decides_nothing(mended: Lab) -> None:
    facts = mended.store.read_facts("mitigation")
    mended.store.write_facts("mitigation", facts | {"chosen": "thresholds 0.05", "remedy": None})
    found, women = report(mended)
    assert (women["out_of_fold_verdict"], women["verdict"], found["verdict"]) == (
        "pass",
        "inconclusive",
        "inconclusive",
    )
    assert "lack the remedy thresholds 0.05" in mended.metadata("model_bias_report")["audit"]
    assert gate(mended)[1] == "verdict inconclusive on 145 rows"


def test_weights_are_given_in_every_fold(mended: Lab) -> None:
    """Weights that teach that women stay, where income tells women apart: the models of the folds learn it too."""
    lab = mended.but(model={"calibration": "none"})
    rows, facts = lab.store.read_frame("training_set"), lab.store.read_facts("mitigation")
    lab.store.write_frame("training_set", rows.assign(income=rows["income"] - 10.0 * (rows["ml:group:sex"] == "f")))
    _, plain = report(lab)
    cells = [["f", True, 5.0], ["f", False, 0.2], ["m", True, 0.2], ["m", False, 5.0]]
    help_them = {"kind": "weights", "attributes": ["sex"], "plain": False, "cells": cells}
    lab.store.write_facts("mitigation", facts | {"chosen": "adaptive 3", "remedy": help_them})
    found, after = report(lab)
    assert found["audit"]["of_final"]
    assert after["out_of_fold"]["value"] > plain["out_of_fold"]["value"] + 0.2
    assert after["value"] == plain["value"], "the final artifact is what it was"


def test_nothing_is_fitted_where_the_test_part_decides(mended: Lab) -> None:
    lab = mended.but(model_bias={"tolerance": {METRIC: 0.5}})
    facts, women = report(lab)
    assert (facts["audit"]["made"], facts["audit"]["fits"]) == (False, 0)
    assert (women["verdict"], women["out_of_fold"], women["basis"]) == ("pass", None, "test part")
    assert "the test part decides every comparison" in lab.metadata("model_bias_report")["audit"]


def test_where_no_folds_can_be_made_it_is_said(mended: Lab) -> None:
    """Everybody in one cluster: there is nothing to hold out."""
    rows = mended.store.read_frame("training_set")
    mended.store.write_frame("training_set", rows.assign(**{"ml:cluster": "one"}))
    lab = mended.but(model={"cluster": "debt"})
    facts, women = report(lab)
    assert not facts["audit"]["made"]
    assert "not possible: Too few rows to hold some out" in facts["audit"]["why"]
    assert women["verdict"] == "inconclusive"


def test_a_stream_rolls_and_its_planned_weights_are_repeated(fork: Lab) -> None:
    lab = fork.but(model_bias={"tolerance": {"selection_rate_ratio": 0.97, "equal_opportunity_difference": 0.02}})
    lab.ok("mitigation", "model_bias_report")
    facts = lab.store.read_facts("model_bias_report")
    assert facts["audit"]["folds"] == "rolling origin"
    assert 0 < facts["audit"]["fits"] <= 5
    rows = lab.store.read_frame("training_set")
    assert 0 < facts["audit"]["rows"] < int((rows["ml:part"] != "test").sum())
    assert all(d["out_of_fold"]["n"] > 0 for d in facts["disparities"])


def test_a_small_group_of_the_larger_audit_is_not_shown_either() -> None:
    from ml_assets.statistics.crossings import crossed

    test = crossed(pd.DataFrame({"sex": ["f"] * 60 + ["m"] * 60 + ["x"] * 20}))
    larger = pd.DataFrame({"sex": ["f"] * 200 + ["m"] * 200 + ["x"] * 4})
    made = auditing.Audit((), larger, True, {})
    assert examining.masked(test, made, 10) == {"sex": {"x": "small", "f": "complementary"}}
    assert examining.masked(test, auditing.NOT_NEEDED, 10).get("sex", {}) == {}

"""Declared invariances and cases: tried on the test part, held by the check, refused before training when misspelt."""

from typing import Any

import dagster as dg
import pytest

from ml_assets.errors import DeclarationError
from ml_assets.stages.model.behaving import require_behaviour
from ml_assets_tests.stages.lab import Lab, said

RICH: dict[str, Any] = {"name": "rich", "row": {"income": 90, "debt": 5}, "at_most": 0.05, "decision": "0"}
POOR: dict[str, Any] = {"name": "poor", "row": {"income": 20, "job": "driver"}, "at_least": 0.9, "decision": "1"}


def _judged(lab: Lab) -> dg.AssetCheckEvaluation:
    lab.ok("evaluation")
    return lab.verdict("evaluation", "behaviour")


def test_what_the_model_ignores_and_knows_passes(fork: Lab) -> None:
    found = _judged(fork.but(model={"invariant": ["sex"], "cases": [RICH, POOR]}))
    assert found.passed, said(found)
    for part in ("exchanging sex", "case rich: score", "case poor: score", "raising income by one spread"):
        assert part in said(found)
    assert {k: v.value for k, v in found.metadata.items()}["case rich"] == 0.0


@pytest.mark.parametrize(
    ("planted", "sentence"),
    [
        ({"invariant": ["job"]}, "exchanging job between 900 rows, 5 times, moves the decision in"),
        ({"cases": [{**RICH, "at_most": 0.00001}]}, "case rich: score"),
        ({"cases": [{**POOR, "decision": "0"}]}, "decision 1 instead of 0"),
    ],
)
def test_a_planted_fault_fails_and_only_it_is_named(fork: Lab, planted: dict[str, Any], sentence: str) -> None:
    found = _judged(fork.but(model=planted))
    assert not found.passed
    assert sentence in said(found)
    assert "raising" not in said(found)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"cases": [{**RICH, "row": {"incme": 90}}]},
            r"model\.cases, row of 'rich' .*'incme'; allowed: income, debt, job",
        ),
        ({"cases": [{**RICH, "decision": "maybe"}]}, r"model\.cases, decision of 'rich' .*'maybe'; allowed: 0, 1"),
        ({"invariant": ["shoe_size"]}, r"model\.invariant names an unknown column: got 'shoe_size'"),
    ],
)
def test_what_does_not_exist_is_refused_before_training(fork: Lab, wrong: dict[str, Any], says: str) -> None:
    lab = fork.but(model=wrong)
    with pytest.raises(DeclarationError, match=says):
        require_behaviour(lab.solution, lab.store)
    assert not lab.run("baselines").success


def test_a_column_that_was_found_unfit_does_not_stop_training(classes: Lab) -> None:
    assert "weight" in classes.store.read_facts("selected_columns")["dropped"]
    case = {"name": "heavy", "row": {"weight": 12}, "decision": "large"}
    require_behaviour(classes.but(model={"invariant": ["weight"], "cases": [case]}).solution, classes.store)


def test_classes_and_numbers_have_cases_too(table: Lab, classes: Lab) -> None:
    require_behaviour(
        table.but(model={"cases": [{"name": "big", "row": {"size": 200}, "at_least": 150}]}).solution, table.store
    )
    heavy = {"name": "long", "row": {"length": 90}, "decision": "large"}
    require_behaviour(classes.but(model={"cases": [heavy]}).solution, classes.store)
    with pytest.raises(DeclarationError, match="'huge'; allowed: large, odd, small"):
        require_behaviour(classes.but(model={"cases": [{**heavy, "decision": "huge"}]}).solution, classes.store)

"""``plan`` shows every default and everything that is built."""

import warnings

import pytest
import yaml

from ml_assets.components import find_solution
from ml_assets.declaration import SECTIONS
from ml_assets.plan import Plan, plan_of


@pytest.fixture(scope="module")
def plan() -> Plan:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plan_of(*find_solution("disease_progression"))


def test_every_default_is_visible(plan: Plan) -> None:
    text = plan.as_text()
    shown = yaml.safe_load(text.split("# builds")[0])["attributes"]
    assert set(shown) == {"name", *SECTIONS}
    assert shown["retraining"]["k_of_n"] == [2, 3]
    assert shown["data_pipeline"]["quarantine_at_most"] == 0.02
    assert shown["monitoring"]["drift"]["effect"] == 0.03


def test_the_printed_declaration_is_the_declaration(plan: Plan) -> None:
    shown = yaml.safe_load(plan.as_text().split("# builds")[0])["attributes"]
    assert type(plan.solution).model_validate(shown) == plan.solution


def test_all_that_is_built_is_listed_under_its_part(plan: Plan) -> None:
    assert len(plan.assets) == 32
    assert ("champion", "deployment", "") in plan.assets
    assert ("valid_data", "contract", True) in plan.checks
    assert plan.sensors == ("disease_progression_alerts", "disease_progression_retraining")
    text = plan.as_text()
    positions = [text.index(f"\n{section}\n") for section in SECTIONS]
    assert positions == sorted(positions)

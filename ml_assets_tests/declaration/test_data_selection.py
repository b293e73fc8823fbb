"""Columns by availability and cost."""

from ml_assets.declaration.data_selection import ColumnRule, DataSelection
from ml_assets_tests.declaration.minimal import refusal


def test_defaults() -> None:
    rule = ColumnRule()
    assert (rule.available, rule.cost, rule.reason) == ("unknown", 0.0, "")
    assert DataSelection().minimum_rows == 200


def test_bounds_and_words() -> None:
    assert refusal(ColumnRule, {"available": "later", "cost": -1}) == [
        "available: Input should be 'at_prediction', 'after_outcome' or 'unknown'",
        "cost: Input should be greater than or equal to 0",
    ]
    assert refusal(DataSelection, {"minimum_rows": 9}) == ["minimum_rows: Input should be greater than or equal to 10"]
    assert DataSelection(minimum_rows=10).minimum_rows == 10

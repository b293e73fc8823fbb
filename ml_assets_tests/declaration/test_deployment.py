"""Who releases, and against which margin."""

from ml_assets.declaration.deployment import Deployment
from ml_assets_tests.declaration.minimal import refusal


def test_defaults_gate_and_release() -> None:
    assert Deployment().model_dump() == {"approval": "automatic", "non_inferiority": 0.005, "minimum_rows": 100}


def test_bounds_and_words() -> None:
    assert refusal(Deployment, {"approval": "maybe", "non_inferiority": -0.1, "minimum_rows": 5}) == [
        "approval: Input should be 'automatic' or 'manual'",
        "non_inferiority: Input should be greater than or equal to 0",
        "minimum_rows: Input should be greater than or equal to 30",
    ]

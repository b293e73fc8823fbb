"""When to train again."""

from datetime import timedelta

import pytest
import yaml

from ml_assets.declaration.retraining import Retraining
from ml_assets_tests.declaration.minimal import refusal


def test_the_bare_key_on_of_yaml_is_a_word() -> None:
    raw = yaml.safe_load("on: [drift]\ncool_down: 2 days\nat_most: 4 per month\n")
    assert True in raw
    found = Retraining.model_validate(raw)
    assert (found.on, found.cool_down, found.at_most) == (("drift",), timedelta(days=2), (4, timedelta(days=30)))


@pytest.mark.parametrize("pair", [[0, 3], [4, 3], [1, 51]])
def test_k_of_n(pair: list[int]) -> None:
    assert refusal(Retraining, {"k_of_n": pair}) == [f"k_of_n: got {pair}; allowed: 1 ≤ k ≤ n ≤ 50"]
    assert Retraining(k_of_n=(1, 1)).k_of_n == (1, 1)
    assert Retraining(k_of_n=(50, 50)).k_of_n == (50, 50)


def test_words_and_bounds() -> None:
    assert refusal(Retraining, {"on": ["mood"], "cost": -1}) == [
        "on.0: Input should be 'drift', 'performance', 'freshness', 'fairness' or 'age'",
        "cost: Input should be greater than or equal to 0",
    ]


def test_what_is_written_is_read_again() -> None:
    first = Retraining.model_validate({"cool_down": "36 hours", "at_most": "4 per month", "poll": "5 seconds"})
    assert Retraining.model_validate(first.model_dump(mode="json")) == first

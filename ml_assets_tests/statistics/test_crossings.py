"""Crossed groups: names, depth, what each lies in, what is left out, and measurements without bands."""

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.crossings import MOST_GROUPS, crossed, refuse_unbanded

PEOPLE = pd.DataFrame(
    {"sex": ["f", "m", "f", "unknown"], "race": ["a", "a", "b", "b"], "age": ["<25", ">=25", "<25", "<25"]}
)


def test_depth_one_crosses_nothing() -> None:
    assert list(crossed(PEOPLE).frame) == ["sex", "race", "age"]


def test_pairs_and_triples_have_names_and_parents() -> None:
    found = crossed(PEOPLE, depth=3)
    assert list(found.frame) == ["sex", "race", "age", "sex & race", "sex & age", "race & age", "sex & race & age"]
    assert list(found.frame["sex & race"]) == ["f & a", "m & a", "f & b", "unknown & b"]
    assert found.parents["sex & race", "f & b"] == (("sex", "f"), ("race", "b"))
    assert found.made_of["sex & race & age"] == ("sex", "race", "age")


def test_only_the_named_crossings_are_made() -> None:
    assert list(crossed(PEOPLE, depth=3, only=[("race", "age")]).frame) == ["sex", "race", "age", "race & age"]


def test_a_name_that_holds_the_separator_keeps_its_parents() -> None:
    found = crossed(pd.DataFrame({"a": ["x & y", "x"], "b": ["z", "y & z"]}), depth=2)
    assert found.parents["a & b", "x & y & z"] in ((("a", "x & y"), ("b", "z")), (("a", "x"), ("b", "y & z")))


def test_a_crossing_of_hundreds_of_groups_is_left_out_by_name() -> None:
    groups = pd.DataFrame({"zip": [f"z{i % 101}" for i in range(606)], "sex": [str(i % 3) for i in range(606)]})
    found = crossed(groups, depth=2)
    assert list(found.frame) == ["zip", "sex"]
    assert found.left_out == {"zip & sex": 303}
    assert MOST_GROUPS < 303


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(DataError, match="attributes that are not there: got job; allowed: sex, race, age"):
        crossed(PEOPLE, only=[("sex", "job")])


def test_a_measurement_without_bands_is_refused_with_what_to_do() -> None:
    wage = pd.Series(np.linspace(800.5, 4000.0, 300), name="wage")
    with pytest.raises(DataError, match=r"got 300 different numbers .* edges: \[2.4e\+03\]"):
        refuse_unbanded(wage, "wage")


@pytest.mark.parametrize(
    "column", [[1.0, 2.0, None] * 20, list(map(float, range(90))), ["a"] * 60, [0.5, 1.5] * 30, list(range(100))]
)
def test_codes_and_few_values_are_groups(column: list[object]) -> None:
    refuse_unbanded(pd.Series(column, name="c"), "c")

"""Masked counts: small ones, those that would give them away, and no table from which a sum brings one back."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.crossings import crossed
from ml_assets.statistics.disclosure import Masked, masked_groups


def people(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"g": [name for name, n in counts.items() for _ in range(n)]}, dtype=object)


def test_a_small_group_is_masked_with_the_next_smallest() -> None:
    assert masked_groups(crossed(people(a=3, b=40, c=90))) == {"g": {"a": "small", "b": "complementary"}}


def test_two_small_groups_protect_each_other_when_they_sum_to_the_threshold() -> None:
    assert masked_groups(crossed(people(a=4, b=6, c=90))) == {"g": {"a": "small", "b": "small"}}
    assert masked_groups(crossed(people(a=4, b=5, c=90))) == {"g": {"a": "small", "b": "small", "c": "complementary"}}


@pytest.mark.parametrize("counts", [{"a": 10, "b": 90}, {"a": 100}, {}])
def test_nothing_is_masked_where_nothing_is_small(counts: dict[str, int]) -> None:
    assert masked_groups(crossed(people(**counts))) == {"g": {}}


def test_a_threshold_of_one_shows_all() -> None:
    assert masked_groups(crossed(people(a=1, b=2)), threshold=1) == {"g": {}}
    with pytest.raises(DataError, match="got 0; allowed: 1 or more"):
        masked_groups(crossed(people(a=1)), threshold=0)


def test_a_masked_margin_cannot_be_added_up_from_the_crossing() -> None:
    frame = pd.DataFrame({"a": ["x"] * 4 + ["y"] * 50 + ["z"] * 40, "b": ["p", "q"] * 47})
    found = masked_groups(crossed(frame, depth=2))
    assert found["a"] == {"x": "small", "z": "complementary"}
    assert {c for c in found["a & b"] if c.startswith("z")}


@given(st.lists(st.integers(0, 30), min_size=4, max_size=12), st.integers(2, 12))
def test_no_row_or_column_holds_a_single_masked_count(counts: list[int], threshold: int) -> None:
    width = len(counts) // 2
    cells = list(product(("x", "y"), [f"c{i}" for i in range(width)]))
    rows = [cell for cell, n in zip(cells, counts[: 2 * width], strict=True) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=object)
    found: Masked = masked_groups(crossed(frame, depth=2), threshold=threshold)
    sizes = {tuple(str(k).split(" & ")): n for k, n in (frame["a"] + " & " + frame["b"]).value_counts().items()}
    hidden = {tuple(cell.split(" & ")) for cell in found["a & b"]}
    assert {cell for cell, n in sizes.items() if n < threshold} <= hidden
    for at, margin in ((0, "a"), (1, "b")):
        for label in {cell[at] for cell in sizes}:
            cells_of = [cell for cell in sizes if cell[at] == label]
            masked = [cell for cell in cells_of if cell in hidden]
            all_masked = len(masked) == len(cells_of)
            if label in found[margin]:
                assert masked
            elif masked and not all_masked:
                assert len(masked) > 1
                assert sum(sizes[cell] for cell in masked) >= threshold

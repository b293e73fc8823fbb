"""Sketches hold their stated errors however the rows are split, and the same rows give the same text."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.statistics.sketches import HEAVY_SHARE, RANK_ERROR, Heavy, Tails

SHAPES: dict[str, Any] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_cauchy(n),
    "whole": lambda rng, n: rng.poisson(3, n).astype(float),
    "sorted": lambda rng, n: np.sort(rng.exponential(size=n)),
}


@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 12), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_ranks_hold_their_error_for_any_split(shape: str, parts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = SHAPES[shape](rng, 6_000)
    cuts = np.quantile(values, [0.001, 0.01, 0.2, 0.5, 0.8, 0.99, 0.999])
    pieces = [Tails.of(piece) for piece in np.array_split(values, sorted(rng.integers(0, 6_000, parts - 1)))]
    merged = pieces[0]
    for piece in pieces[1:]:
        merged = merged.merge(piece)
    assert merged.n == 6_000
    found = merged.below(cuts) / 6_000
    low = np.searchsorted(np.sort(values), cuts, side="left") / 6_000
    high = np.searchsorted(np.sort(values), cuts, side="right") / 6_000
    assert (found >= low - RANK_ERROR).all()
    assert (found <= high + RANK_ERROR).all()


def test_the_same_rows_give_the_same_few_kilobytes() -> None:
    values = np.random.default_rng(0).normal(size=100_000)
    assert Tails.of(values) == Tails.of(values.copy())
    assert len(Tails.of(values).text) < 8_000


def test_nothing_is_an_empty_text() -> None:
    assert Tails.of(np.array([])) == Tails() == Tails().merge(Tails())
    assert Tails().n == 0
    assert Tails().below([1.0, 2.0]).tolist() == [0.0, 0.0]
    one = Tails.of(np.array([4.0]))
    assert Tails().merge(one) == one.merge(Tails()) == one
    assert Heavy.of({}) == Heavy() == Heavy().merge(Heavy())
    assert Heavy().heaviest(3) == {}
    assert Heavy().bounds("x") == (0, 0)


@given(st.dictionaries(st.text(max_size=8), st.integers(1, 1_000), min_size=1, max_size=300), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_few_values_are_counted_exactly(counts: dict[str, int], parts: int) -> None:
    names = list(counts)
    merged = Heavy()
    for i in range(parts):
        merged = merged.merge(Heavy.of({name: counts[name] for name in names[i::parts]}))
    assert merged.heaviest(1_000) == {name: (n, n) for name, n in counts.items()}


def test_of_many_values_the_heavy_ones_are_found_with_bounds_that_hold() -> None:
    rng = np.random.default_rng(2)
    counts = {f"v{i}": int(n) for i, n in enumerate(rng.integers(1, 4, 20_000))} | {"hot": 2_000, "warm": 1_200}
    names = list(counts)
    merged = Heavy()
    for i in range(7):
        merged = merged.merge(Heavy.of({name: counts[name] for name in names[i::7]}))
    total = sum(counts.values())
    found = merged.heaviest(10)
    assert list(found)[:2] == ["hot", "warm"]
    assert HEAVY_SHARE * total < 1_200
    for name, (low, high) in found.items():
        assert low <= counts[name] <= high
    low, high = merged.bounds("v0")
    assert low <= counts["v0"] <= high
    assert found["hot"][0] == pytest.approx(2_000, abs=HEAVY_SHARE * total)
    assert len(merged.text) < 32_000

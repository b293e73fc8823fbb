"""Counting without sorting gives the very counts of a search, whatever the cuts and the values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_assets.statistics.cells import FEW_CUTS, CellCounter
from ml_assets.statistics.reading import Floats

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def counted(values: Floats, cuts: Floats) -> list[int]:
    """Cells ``[cut, next cut)``, one value at a time."""
    cell = [int((cuts <= value).sum()) for value in values]
    return [cell.count(i) for i in range(len(cuts) + 1)]


@given(arrays(np.float64, st.integers(1, 200), elements=NUMBERS, unique=True), st.integers(0, 2**32 - 1))
def test_any_number_finds_its_cell(cuts: Floats, seed: int) -> None:
    cuts = np.sort(cuts)
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore"):
        near = np.concatenate([cuts, np.nextafter(cuts, -np.inf), np.nextafter(cuts, np.inf)])
        between = cuts[:-1] / 2 + cuts[1:] / 2
    values = np.concatenate([near, between, rng.normal(size=50), [0.0, -0.0]])
    values = values[np.isfinite(values)]
    assert CellCounter.of(cuts).counts(values).tolist() == counted(values, cuts)


@pytest.mark.parametrize("draw", ["normal", "lognormal", "standard_cauchy", "uniform"])
def test_quantile_cells_of_common_shapes(draw: str) -> None:
    rng = np.random.default_rng(1)
    make = getattr(rng, draw)
    cuts = np.quantile(make(size=50_000), np.arange(1, 128) / 128)
    values = make(size=20_000)
    counter = CellCounter.of(cuts)
    assert counter.scale > 0
    assert counter.counts(values).tolist() == np.histogram(values, np.r_[-np.inf, cuts, np.inf])[0].tolist()


def test_few_cuts_and_none() -> None:
    assert CellCounter.of(np.array([])).counts(np.array([1.0, 2.0])).tolist() == [2]
    assert CellCounter.of(np.array([0.0])).counts(np.array([-1.0, 0.0, 2.0])).tolist() == [1, 2]
    assert CellCounter.of(np.arange(FEW_CUTS - 1.0)).scale == 0


def test_cuts_that_span_all_floats_or_nothing() -> None:
    wide = np.linspace(-1.0, 1.0, 64) * np.finfo(np.float64).max
    values = np.array([-1e308, -1.0, 0.0, 5e-324, 1e308])
    assert CellCounter.of(wide).counts(values).tolist() == counted(values, wide)
    narrow = 1.0 + np.arange(64) * np.finfo(np.float64).eps
    assert CellCounter.of(narrow).counts(narrow).tolist() == [0, *[1] * 64]

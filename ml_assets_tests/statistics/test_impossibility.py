"""What cannot hold at once: the identity, a published case, and silence where base rates are alike."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.statistics.impossibility import cannot_hold, implied_false_positive_rate
from ml_assets.statistics.tensor import CountTensor

Counts = dict[str, tuple[int, int, int, int]]
# Angwin and others, How we analyzed the COMPAS recidivism algorithm (ProPublica, 2016): true positives, false positives,
# false negatives, true negatives at "medium or high"; false positive rates 44.85 and 23.45, PPV 0.63 and 0.59
COMPAS: Counts = {"black": (1369, 805, 532, 990), "white": (505, 349, 461, 1139)}


def tensor_of(counts: Counts) -> CountTensor:
    kinds = ((1, 1), (0, 1), (1, 0), (0, 0))
    rows = [(g, y, d) for g, n in counts.items() for (y, d), k in zip(kinds, n, strict=True) for _ in range(k)]
    frame = pd.DataFrame(rows, columns=["race", "truth", "decision"])
    return CountTensor.of(frame[["race"]], frame["truth"], frame["decision"])


@given(st.integers(1, 500), st.integers(0, 500), st.integers(0, 500), st.integers(1, 500))
def test_the_identity_holds_for_any_decision(tp: int, fp: int, fn: int, tn: int) -> None:
    n = tp + fp + fn + tn
    found = implied_false_positive_rate((tp + fn) / n, tp / (tp + fp), tp / (tp + fn))
    assert float(found) == pytest.approx(fp / (fp + tn), abs=1e-12)


def test_the_published_case() -> None:
    rates = [float(implied_false_positive_rate(p, ppv, tpr)) for p, ppv, tpr in (
        (1901 / 3696, 1369 / 2174, 1369 / 1901), (966 / 2454, 505 / 854, 505 / 966))]  # fmt: skip
    assert [round(100 * r, 2) for r in rates] == [44.85, 23.45]
    black, white = cannot_hold(tensor_of(COMPAS))
    # by hand: PPV 1874/3028, TPR 1874/2867, odds 1901/1795 and 966/1488
    factor = (1154 / 1874) * (1874 / 2867)
    assert black.implied_gap.value == pytest.approx(factor * (1901 / 1795 - 966 / 1488))
    assert black.implied_gap.value == pytest.approx(0.165, abs=5e-4)
    assert black.measured_gap.value == pytest.approx(805 / 1795 - 349 / 1488)
    assert white.implied_gap.value == pytest.approx(-black.implied_gap.value)
    assert 0.12 < black.implied_gap.low < 0.165 < black.implied_gap.high < 0.21
    assert black.n == black.implied_gap.n == 3696
    assert "cannot be equal at once" in black.sentence
    assert "+0.165" in black.sentence


def test_the_interval_agrees_with_the_delta_method() -> None:
    (black, _) = cannot_hold(tensor_of(COMPAS), draws=4_000)
    # only the base rates and the shared factor vary; derivative of each count's share by differences
    cells = np.array([COMPAS["black"], COMPAS["white"]], dtype=float).ravel()

    def gap(c: np.ndarray) -> float:
        (tp, fp, fn, tn), (a, b, e, f) = c.reshape(2, 4)
        return float((fp + b) / (tp + a + fn + e) * ((tp + fn) / (fp + tn) - (a + e) / (b + f)))

    step = 1e-3
    slopes = np.array([(gap(cells + step * unit) - gap(cells - step * unit)) / 2 / step for unit in np.eye(8)])
    n = cells.sum()
    variance = (slopes**2 @ cells) - (slopes @ cells) ** 2 / n
    half = (black.implied_gap.high - black.implied_gap.low) / 2
    assert half == pytest.approx(1.96 * np.sqrt(variance), rel=0.06)


def test_nothing_is_said_where_base_rates_do_not_differ_beyond_noise() -> None:
    assert cannot_hold(tensor_of({"a": (300, 100, 100, 500), "b": (310, 100, 95, 495)})) == ()
    assert cannot_hold(tensor_of({"a": (3, 1, 2, 4), "b": (1, 1, 2, 6)})) == ()
    said = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = pd.DataFrame({"g": rng.integers(0, 5, 1_500).astype(str)})
        found = cannot_hold(CountTensor.of(groups, rng.integers(0, 2, 1_500), rng.integers(0, 2, 1_500)), draws=50)
        said += bool(found)
    assert said <= 7


@pytest.mark.parametrize(
    "counts",
    [
        {"a": (400, 0, 100, 500), "b": (100, 0, 100, 800)},  # perfect precision rules nothing out
        {"a": (0, 0, 500, 500), "b": (0, 0, 200, 800)},  # nobody is selected
        {"a": (0, 50, 500, 450), "b": (0, 50, 200, 750)},  # every decision is wrong
        {"a": (500, 100, 0, 0), "only": (0, 0, 0, 0)},
    ],
)
def test_nothing_is_ruled_out_where_the_identity_says_nothing(counts: Counts) -> None:
    assert cannot_hold(tensor_of(counts)) == ()


def test_a_rate_above_one_is_said_to_be_out_of_reach() -> None:
    (found, _) = cannot_hold(tensor_of({"a": (800, 50, 100, 50), "b": (400, 500, 100, 4_000)}))
    assert found.implied > 1
    assert "out of reach" in found.sentence

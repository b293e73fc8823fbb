"""Other outcomes of the same scores: against scipy, by hand, by simulation, and silent where only the rows changed."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency

from ml_assets.errors import DataError
from ml_assets.statistics.concept import concept_test, row_excess

Floats = npt.NDArray[np.float64]
Relation = Callable[[Floats], Floats]


def squashed(logit: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-logit))
    return p


def drawn(rng: np.random.Generator, p: Floats) -> Floats:
    y: Floats = (rng.random(p.size) < p).astype(np.float64)
    return y


def binary_sides(
    rng: np.random.Generator, n: int, m: int, *, moved: float = 0.0, base: float = -1.0, now: Relation | None = None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Truth and calibrated score of a batch whose rows moved, and of the reference; ``now``: what scores mean now."""
    p1, p0 = squashed(rng.normal(base + moved, 1.5, n)), squashed(rng.normal(base, 1.5, m))
    return drawn(rng, p1 if now is None else now(p1)), p1, drawn(rng, p0), p0


def alarms(sides: Callable[[np.random.Generator], tuple[Any, ...]], *, runs: int = 120, **how: Any) -> int:
    rng = np.random.default_rng(20)
    return sum(concept_test(*sides(rng), alpha=0.05, **how).changed for _ in range(runs))


def within_bounds(count: int, runs: int, rate: float = 0.05) -> bool:
    return count <= int(binom.ppf(0.999, runs, rate))


@pytest.mark.parametrize(("n", "m"), [(200, 1_000), (1_000, 1_000), (1_000, 10_000)])
@pytest.mark.parametrize(("moved", "base"), [(0.0, -1.0), (1.0, -1.0), (-1.5, -1.0), (1.0, -5.0)])
def test_other_rows_alone_raise_no_alarm(n: int, m: int, moved: float, base: float) -> None:
    assert within_bounds(alarms(lambda rng: binary_sides(rng, n, m, moved=moved, base=base)), 120)


def test_the_score_need_not_be_calibrated_to_be_silent() -> None:
    def overconfident(rng: np.random.Generator) -> tuple[Floats, ...]:
        y1, p1, y0, p0 = binary_sides(rng, 1_000, 4_000, moved=1.0)
        return y1, p1**3 / (p1**3 + (1 - p1) ** 3), y0, p0**3

    def cubed(rng: np.random.Generator) -> tuple[Floats, ...]:
        y1, p1, y0, p0 = binary_sides(rng, 1_000, 4_000, moved=1.0)
        return y1, p1**3, y0, p0**3

    assert within_bounds(alarms(cubed), 120)
    assert alarms(overconfident, runs=20) == 20  # two different scores are no one score


@pytest.mark.parametrize(
    ("now", "least"),
    [
        (lambda p: 0.5 * p / (0.5 * p + 1 - p), 20),  # prior shift: positives halved
        (lambda p: 0.84 * p + 0.16 * (1 - p), 20),  # the opposite in 16 % of the rows
        (lambda p: squashed(np.log(p / (1 - p)) + 0.5), 19),
        (lambda p: 1 - p, 20),
    ],
)
def test_another_relation_is_loud_at_1000_rows(now: Relation, least: int) -> None:
    assert alarms(lambda rng: binary_sides(rng, 1_000, 10_000, moved=0.5, now=now), runs=20) >= least


def test_weights_silence_what_the_score_leaves_out() -> None:
    def sides(rng: np.random.Generator) -> tuple[Floats, ...]:
        hidden1, hidden0 = rng.random(2_000) < 0.6, rng.random(5_000) < 0.3
        p1, p0 = squashed(rng.normal(0, 1, 2_000)), squashed(rng.normal(0, 1, 5_000))
        weight = np.where(hidden0, 0.6 / 0.3, 0.4 / 0.7)
        return (
            drawn(rng, p1 * np.where(hidden1, 0.5, 1.0)),
            p1,
            drawn(rng, p0 * np.where(hidden0, 0.5, 1.0)),
            p0,
            weight,
        )

    rng = np.random.default_rng(3)
    runs = [sides(rng) for _ in range(80)]
    assert sum(concept_test(*run[:4]).changed for run in runs) > 74
    weighed = sum(concept_test(*run[:4], weight=run[4], alpha=0.05).changed for run in runs)
    assert within_bounds(weighed, 80)


@settings(max_examples=60, deadline=None)
@given(st.integers(10, 90), st.integers(10, 190), st.integers(0, 10))
def test_equal_scores_give_the_chi_square_of_the_two_by_two_table(x1: int, x0: int, extra: int) -> None:
    n, m = 100 + extra, 200
    y1, y0 = (np.arange(n) < x1) * 1.0, (np.arange(m) < x0) * 1.0
    found = concept_test(y1, np.full(n, 0.3), y0, np.full(m, 0.3))
    known = chi2_contingency([[x1, n - x1], [x0, m - x0]], correction=False)
    assert found.freedom == 1
    assert found.statistic == pytest.approx(known.statistic)
    assert found.p_value == pytest.approx(min(known.pvalue, 0.9), rel=1e-6, abs=1e-12)  # cut by the combination
    assert found.mean_excess.value == pytest.approx(x1 / n - x0 / m)


def test_a_hand_worked_pair_of_bands() -> None:
    score = np.repeat([0.2, 0.8], 50)
    reference = np.r_[np.ones(10), np.zeros(40), np.ones(40), np.zeros(10)]
    batch = np.r_[np.ones(20), np.zeros(30), np.ones(40), np.zeros(10)]
    found = concept_test(batch, score, reference, score)
    assert [(b.low, b.high, b.observed, b.expected) for b in found.bands] == [
        (0.2, 0.2, 0.4, 0.2),
        (0.8, 0.8, 0.8, 0.8),
    ]
    # pooled rate 0.3: 0.2 / sqrt(0.3 * 0.7 * 2 / 50) = 2.182, squared 4.762; the other band adds nothing
    assert found.statistic == pytest.approx(0.04 / (0.3 * 0.7 / 25))
    assert found.mean_excess.value == pytest.approx(0.1)
    error = math.sqrt((0.24 + 0.16) / 50 + (0.16 + 0.16) / 50) / 2
    assert found.mean_excess.high == pytest.approx(0.1 + 1.959964 * error, rel=1e-5)
    assert (found.mean_excess.n, found.reference_n, found.outside) == (100, 100, 0)


def test_scores_beyond_the_reference_are_counted_and_not_extrapolated() -> None:
    rng = np.random.default_rng(0)
    y, p = drawn(rng, np.full(900, 0.5)), rng.uniform(0.2, 0.5, 900)
    found = concept_test(y, np.r_[p[:600], rng.uniform(0.6, 0.9, 300)], y, p)
    assert found.outside >= 300
    assert found.mean_excess.n == 900 - found.outside
    assert "beyond" in found.sentence
    nothing = concept_test(y, p + 0.4, y, p)
    assert not nothing.mean_excess.estimable
    assert (nothing.p_value, nothing.changed) == (1.0, False)
    assert "too few" in nothing.sentence


def test_the_effect_is_free_of_noise_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(8)
    for shift in (0.0, 0.04, 0.1):
        values, held = [], 0
        for _ in range(100):
            p1, p0 = rng.uniform(0.2, 0.8, 800), rng.uniform(0.2, 0.8, 8_000)
            tilted = np.where(p1 < 0.5, p1 + shift, p1 - shift)  # no mean excess, but one in every band
            found = concept_test(drawn(rng, tilted), p1, drawn(rng, p0), p0)
            values.append(found.band_excess.value)
            held += found.band_excess.low <= shift <= found.band_excess.high
            assert found.band_excess.low <= found.band_excess.value <= found.band_excess.high
        assert abs(float(np.mean(values)) - shift) < 0.015  # the raw mean distance is 0.04 without any change
        assert held >= 85


def test_intervals_of_the_mean_excess_hold_it() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(200):
        found = concept_test(*binary_sides(rng, 500, 2_000, now=lambda p: np.minimum(p + 0.05, 1.0)))
        held += found.mean_excess.low <= 0.049 <= found.mean_excess.high
    assert 180 <= held <= 199


def regression_sides(
    rng: np.random.Generator, noise: str = "normal", *, moved: float = 0.0, up: float = 0.0, wider: float = 1.0
) -> tuple[Floats, ...]:
    x1, x0 = rng.normal(moved, 1, 1_000), rng.normal(0, 1, 2_000)
    draws: dict[str, Callable[[int], Floats]] = {
        "normal": lambda n: rng.normal(size=n),
        "heavy": lambda n: rng.standard_t(3, n),
        "skewed": lambda n: rng.exponential(1.0, n),
    }
    draw = draws[noise]
    grown1, grown0 = np.exp(0.3 * x1), np.exp(0.3 * x0)
    return x1 + up + wider * grown1 * draw(1_000), x1, x0 + grown0 * draw(2_000), x0


@pytest.mark.parametrize("noise", ["normal", "heavy", "skewed"])
@pytest.mark.parametrize("moved", [0.0, 0.7])
def test_a_regression_is_silent_when_other_rows_come(noise: str, moved: float) -> None:
    # Errors that grow with the score and have long tails: up to 8 % where 5 % is said.
    assert within_bounds(alarms(lambda rng: regression_sides(rng, noise, moved=moved), task="regression"), 120, 0.08)


def test_a_regression_sees_another_mean_and_another_spread() -> None:
    rng = np.random.default_rng(2)
    up = concept_test(*regression_sides(rng, up=0.3, moved=0.5), task="regression")
    assert up.changed
    assert up.mean_excess.low <= 0.3 <= up.mean_excess.high
    assert up.spread.low <= 1.0 <= up.spread.high
    wide = concept_test(*regression_sides(rng, wider=1.5, moved=0.5), task="regression")
    assert wide.changed
    assert wide.spread.low <= 1.5 <= wide.spread.high
    assert wide.mean_excess.low <= 0.0 <= wide.mean_excess.high


def multiclass_sides(rng: np.random.Generator, tilt: float) -> tuple[Any, ...]:
    def side(n: int, moved: float, tilted: float) -> tuple[npt.NDArray[np.int64], Floats]:
        logits = rng.normal(0, 1.2, (n, 4)) + np.array([0.5 + moved, 0.0, -1.0, -7.0])
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        q = p * [1.0, tilted, 1.0, 1.0]
        q /= q.sum(axis=1, keepdims=True)
        drawn_class = (q.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
        return np.minimum(drawn_class, 3), p

    return *side(1_000, 1.0, tilt), *side(4_000, 0.0, 1.0)


def test_classes_together_keep_the_false_alarms_and_name_the_changed_one() -> None:
    assert within_bounds(alarms(lambda rng: multiclass_sides(rng, 1.0), task="multiclass", runs=100), 100)
    found = concept_test(*multiclass_sides(np.random.default_rng(1), 2.0), task="multiclass")
    assert found.changed
    assert found.classes[1].changed
    assert found.classes[1].mean_excess.low > 0
    assert "class 1" in found.sentence
    assert found.classes[3].freedom == 0  # too rare for a band, hence not tested
    assert "too rare" in found.sentence


def test_two_classes_as_a_matrix_say_what_the_binary_test_says() -> None:
    y1, p1, y0, p0 = binary_sides(np.random.default_rng(6), 1_000, 3_000, now=lambda p: p**1.2)
    binary = concept_test(y1, p1, y0, p0)
    both = concept_test(y1, np.c_[1 - p1, p1], y0, np.c_[1 - p0, p0], task="multiclass")
    assert both.classes[1].statistic == pytest.approx(binary.statistic)
    assert both.band_excess.value == pytest.approx(
        (both.classes[0].band_excess.value + both.classes[1].band_excess.value) / 2
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 400), st.integers(0, 400), st.sampled_from(["binary", "regression"]))
def test_any_sample_gives_a_probability_and_ordered_intervals(seed: int, n: int, m: int, task: Any) -> None:
    rng = np.random.default_rng(seed)
    p1, p0 = np.round(rng.random(n), 1), np.round(rng.random(m), 1)
    found = concept_test(drawn(rng, p1), p1, drawn(rng, p0), p0, task=task)
    assert 0 <= found.p_value <= 1
    assert sum(band.excess.n for band in found.bands) in (0, n - found.outside)
    for estimate in (found.mean_excess, found.band_excess, *(band.excess for band in found.bands)):
        assert not estimate.estimable or estimate.low <= estimate.value <= estimate.high


def test_perfect_predictions_on_both_sides_are_no_change() -> None:
    x = np.linspace(0, 1, 300)
    same = concept_test(x, x, x, x, task="regression")
    assert same.p_value > 0.5
    off = concept_test(x + 1, x, x, x, task="regression")
    assert off.changed
    assert off.mean_excess.value == pytest.approx(1.0)


def test_row_excess_is_the_outcome_less_the_line_of_the_reference() -> None:
    y1, p1, y0, p0 = binary_sides(np.random.default_rng(9), 800, 4_000, moved=0.5)
    ours, theirs = row_excess(y1, p1, y0, p0)
    assert theirs.mean() == pytest.approx(0.0, abs=1e-12)
    inside = (p1 >= p0.min()) & (p1 <= p0.max())
    full = concept_test(y1[inside], p1[inside], y0, p0)
    if full.freedom == 10:
        assert ours[inside].mean() == pytest.approx(full.mean_excess.value)
    assert np.abs(ours).max() < 1.5
    constant, _ = row_excess([1.0, 0.0], [0.5, 0.9], [1.0, 0.0], [0.5, 0.5])
    assert constant.tolist() == [0.5, -0.5]


@pytest.mark.parametrize(
    ("args", "how"),
    [
        (([0, 2], [0.1, 0.2], [0, 1], [0.1, 0.2]), {}),
        (([0, 1], [0.1, 1.2], [0, 1], [0.1, 0.2]), {}),
        (([0, 1], [0.1], [0, 1], [0.1, 0.2]), {}),
        (([0, 1], [0.1, math.nan], [0, 1], [0.1, 0.2]), {}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"task": "ranking"}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"task": "multiclass"}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"bands": 0}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"alpha": 1.0}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"level": 2.0}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"weight": [1.0]}),
        (([0, 1], [0.1, 0.2], [0, 1], [0.1, 0.2]), {"weight": [-1.0, 3.0]}),
        (([0, 2], [[0.1, 0.9], [0.5, 0.5]], [0, 1], [[0.1, 0.9], [0.5, 0.5]]), {"task": "multiclass"}),
        (([0], [[0.1, 0.9]], [0], [[0.1, 0.4, 0.5]]), {"task": "multiclass"}),
    ],
)
def test_what_cannot_be_compared_is_refused(args: tuple[Any, ...], how: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"got .*; allowed: .*\. \w+"):
        concept_test(*args, **how)


def test_row_excess_refuses_classes_and_an_empty_reference() -> None:
    with pytest.raises(DataError, match="no excess"):
        row_excess([0, 1], [[0.5, 0.5], [0.5, 0.5]], [0, 1], [[0.5, 0.5], [0.5, 0.5]], task="multiclass")
    with pytest.raises(DataError, match="no excess"):
        row_excess([0, 1], [0.5, 0.5], [], [])

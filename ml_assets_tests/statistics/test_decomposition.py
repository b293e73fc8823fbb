"""The change of a mean loss, split in two: by hand, by simulation, and not told where the rows do not allow it."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.decomposition import decompose, importance_weights

Floats = npt.NDArray[np.float64]


def squashed(logit: Floats) -> Floats:
    p: Floats = 1 / (1 + np.exp(-logit))
    return p


def drawn(rng: np.random.Generator, p: Floats) -> Floats:
    y: Floats = (rng.random(p.size) < p).astype(np.float64)
    return y


def test_a_hand_worked_split() -> None:
    reference = np.r_[np.full(500, 1.0), np.full(500, 3.0)]
    weight = np.r_[np.full(500, 0.5), np.full(500, 1.5)]
    split = decompose(np.r_[np.full(250, 2.0), np.full(750, 4.0)], reference, weight, name="log_loss")
    assert split.change.value == pytest.approx(1.5)  # 3.5 - 2.0
    assert split.covariate.value == pytest.approx(0.5)  # weighted 2.5
    assert split.concept.value == pytest.approx(1.0)
    assert split.effective == pytest.approx(1_000**2 / (500 * 0.25 + 500 * 2.25))
    # influences (w (l - 2.5) - (l - 2)) / 1000: -.75 + 1 = .25 and .75 - 1 = -.25; and .75 from the mean of 1,000 rows
    error = math.sqrt(1_000 * 0.25**2 / 1_000**2 + 0.75 / 1_000)
    assert split.covariate.high - split.covariate.value == pytest.approx(1.959964 * error, rel=1e-5)
    error = math.sqrt(np.var([2] * 250 + [4] * 750, ddof=1) / 1_000 + 0.75**2 / 1_000)
    assert split.concept.high - split.concept.value == pytest.approx(1.959964 * error, rel=1e-5)
    assert split.sentence.startswith("log loss rose by 1.5 [")
    assert "+0.5 [" in split.sentence
    assert "because other rows came, +1 [" in split.sentence
    assert "n = 1,000 against 1,000, 800 effective" in split.sentence


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50.0))
def test_the_parts_add_up_and_the_scale_of_weights_is_nothing(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    loss, reference, weight = rng.exponential(1, 300), rng.exponential(2, 400), rng.uniform(0.2, 2, 400)
    split, scaled = decompose(loss, reference, weight), decompose(loss, reference, weight * scale)
    assert split.covariate.value + split.concept.value == pytest.approx(split.change.value)
    assert scaled.concept.value == pytest.approx(split.concept.value)
    equal = decompose(loss, reference, np.ones(400))
    assert equal.covariate.value == pytest.approx(0.0, abs=1e-12)
    assert equal.effective == pytest.approx(400)


@pytest.mark.parametrize(("moved", "concept"), [(0.0, 0.1), (0.7, 0.0), (0.7, 0.1)])
def test_intervals_hold_the_true_parts(moved: float, concept: float) -> None:
    rng = np.random.default_rng(11)

    def loss(x: Floats, more: float) -> Floats:
        p = squashed(1.2 * x - 1)
        y = drawn(rng, np.clip(p + more, 0, 1))
        return -np.log(np.where(y == 1, p, 1 - p))

    many0, many1 = rng.normal(0, 1, 400_000), rng.normal(moved, 1, 400_000)
    before, moved_only, after = loss(many0, 0.0).mean(), loss(many1, 0.0).mean(), loss(many1, concept).mean()
    held = np.zeros(3)
    for _ in range(200):
        x0, x1 = rng.normal(0, 1, 3_000), rng.normal(moved, 1, 800)
        weight = np.exp(x0 * x1.mean() - x1.mean() ** 2 / 2)  # learnt from the batch, as it will be
        split = decompose(loss(x1, concept), loss(x0, 0.0), weight)
        truths = (after - before, moved_only - before, after - moved_only)
        parts = (split.change, split.covariate, split.concept)
        held += [part.low <= truth <= part.high for part, truth in zip(parts, truths, strict=True)]
    assert (held >= 180).all(), held  # 95 % of 200 less five standard deviations; the covariate part is wide on purpose


def test_without_overlap_or_rows_there_is_no_split() -> None:
    rng = np.random.default_rng(5)
    reference, loss = rng.exponential(1, 5_000), rng.exponential(1, 500)
    thin = decompose(loss, reference, np.r_[np.full(20, 250.0), np.zeros(4_980)])
    assert thin.effective == pytest.approx(20)
    assert thin.change.estimable
    assert not thin.covariate.estimable
    assert not thin.concept.estimable
    assert "20 effective rows of 5,000" in thin.reason
    assert thin.reason in thin.sentence
    share = decompose(loss, np.tile(reference, 4), np.r_[np.full(300, 1.0), np.zeros(19_700)])
    assert "1.5%" in share.reason  # rows enough, but of a corner of the reference
    assert "too few rows" in decompose(loss[:5], reference, np.ones(5_000)).reason
    empty = decompose([], [], [])
    assert not empty.change.estimable
    assert "not estimable" in empty.sentence


@pytest.mark.parametrize(
    ("loss", "reference", "weight"),
    [([1.0], [1.0, 2.0], [1.0]), ([1.0], [1.0, 2.0], [1.0, -0.1]), ([math.nan], [1.0], [1.0]), ([1.0], [1.0], [0.0])],
)
def test_weights_and_losses_that_do_not_fit_are_refused(loss: Any, reference: Any, weight: Any) -> None:
    with pytest.raises(DataError, match=r"got .*; allowed: .*\. \w+"):
        decompose(loss, reference, weight)


def test_weights_are_rescaled_to_a_mean_of_one_and_none_are_equal() -> None:
    assert importance_weights([1.0, 3.0], 2).tolist() == [0.5, 1.5]
    assert importance_weights([0.0, 5.0], 2).tolist() == [0.0, 2.0]
    assert importance_weights(None, 3).tolist() == [1.0, 1.0, 1.0]
    assert importance_weights(None, 0).size == 0

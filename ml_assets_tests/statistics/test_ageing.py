"""What age costs: a planted decay by hand and by simulation, no decay, and what cannot be told."""

import math

import numpy as np
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.ageing import cost_of_age, sentence_of_age
from ml_assets.statistics.arrays import FloatArray

BLOCKS = 8


def _gains(decay: float, *, seed: int = 0, noise: float = 0.3, per_block: int = 500) -> FloatArray:
    """Money that falls by ``decay`` per decision and block of age; blocks are good or bad, models lucky or not."""
    rng = np.random.default_rng(seed)
    age = np.arange(BLOCKS)[None, :] - np.arange(BLOCKS)[:, None] - 1
    block = 3 * rng.normal(size=BLOCKS)
    per_decision = 10 + block - decay * age + noise * rng.normal(size=(BLOCKS, BLOCKS))
    return np.where(age >= 0, per_decision * per_block, 0.0)


def test_three_blocks_by_hand() -> None:
    gains = np.array([[0, 100, 60], [0, 0, 90], [0, 0, 0]])
    (found,) = cost_of_age(gains, [10, 10, 30], unit="EUR")
    # block 2: the freshest model (trained at 1) brings 90, the older one (at 0) 60: 30 over 30 decisions
    assert (found.age, found.loss.value, found.loss.n, found.decisions) == (1, 1.0, 1, 30)
    assert (found.loss.low, found.loss.high) == (-math.inf, math.inf)
    assert math.isnan(found.p_value)
    assert not found.shown


def test_blocks_count_once_whatever_their_size() -> None:
    gains = np.array([[0, 0, 10, 0], [0, 0, 30, 100], [0, 0, 0, 500], [0, 0, 0, 0]])
    first = cost_of_age(gains, [10, 10, 10, 100])[0]
    assert first.loss.value == pytest.approx((20 / 10 + 400 / 100) / 2)
    assert (first.loss.n, first.decisions) == (2, 110)


def test_a_planted_decay_is_found_exactly_without_noise() -> None:
    found = cost_of_age(_gains(0.5, noise=0.0), [500] * BLOCKS)
    assert [one.age for one in found] == [1, 2, 3, 4, 5, 6]
    assert [one.loss.value for one in found] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert [one.loss.n for one in found] == [6, 5, 4, 3, 2, 1]
    assert all(one.shown for one in found[:4])
    assert not any(one.shown for one in found[4:])


def test_a_planted_decay_is_shown_through_noise_and_said() -> None:
    found = cost_of_age(_gains(1.0), [500] * BLOCKS, unit="EUR")
    assert found[1].shown
    text = sentence_of_age(found, block="about 2 days")
    assert text.startswith("a model 4 blocks of about 2 days older than the freshest loses ")
    assert " EUR per decision [" in text
    assert "(3 blocks, n = 1,500 decisions)" in text
    assert "beyond chance from 1 block on" in text


def test_the_interval_holds_the_decay_as_often_as_it_says() -> None:
    losses = [cost_of_age(_gains(1.0, seed=s), [500] * BLOCKS)[1].loss for s in range(400)]
    assert 0.92 <= np.mean([e.low <= 2.0 <= e.high for e in losses]) <= 0.98


def test_without_decay_no_age_is_called_costly_more_often_than_by_chance() -> None:
    # the loss at each age and block is noise about 0: the freshest is as good as any
    called = sum(any(one.shown for one in cost_of_age(_gains(0.0, seed=s), [500] * BLOCKS)) for s in range(400))
    assert called / 400 <= 0.09
    assert "no age loses beyond chance" in sentence_of_age(cost_of_age(_gains(0.0, seed=1), [500] * BLOCKS))


def test_an_older_model_that_earns_more_is_not_a_loss() -> None:
    found = cost_of_age(_gains(-1.0), [500] * BLOCKS)
    assert all(one.loss.value < 0 for one in found[:4])
    assert not any(one.shown for one in found)


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_too_few_blocks_have_no_ages(blocks: int) -> None:
    found = cost_of_age(np.zeros((blocks, blocks)), np.ones(blocks))
    assert found == ()
    assert sentence_of_age(found).startswith("what age costs cannot be told: 0 ages")


def test_what_lies_on_and_below_the_diagonal_is_not_read() -> None:
    gains = _gains(0.5)
    spoilt = np.where(np.tri(BLOCKS, dtype=bool), np.nan, gains)
    assert cost_of_age(spoilt, [500] * BLOCKS)[:4] == cost_of_age(gains, [500] * BLOCKS)[:4]


@pytest.mark.parametrize(
    ("gains", "rows", "words"),
    [
        (np.zeros((3, 2)), [1, 1, 1], "does not fit"),
        (np.full((3, 3), np.nan), [1, 1, 1], "not a number"),
        (np.zeros((3, 3)), [1, 0, 1], "without decisions"),
    ],
)
def test_what_cannot_be_read_is_refused(gains: FloatArray, rows: list[int], words: str) -> None:
    with pytest.raises(DataError, match=words):
        cost_of_age(gains, rows)

"""Planted power laws are recovered, what is saturated is said to be, and shares are nested, whole and even."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.candidates import fit_candidate
from ml_assets.learning.job import Recipe
from ml_assets.learning.learning_curve import (
    DRAWS,
    SHARES,
    Judged,
    LearningCurve,
    Share,
    learning_curve,
    measure_shares,
    nested_shares,
)
from ml_assets.learning.losses import row_loss
from ml_assets.learning.table import TrainingTable

ROWS = 5_000


def _planted(floor: float, scale: float, power: float, *, seed: int = 0, noise: float = 0.1) -> tuple[Share, ...]:
    """Losses floor + scale·n^-power of rows that are hard or easy, and of teaching rows that were lucky or not."""
    rng = np.random.default_rng(seed)
    hard = rng.gamma(2, 0.5, 1_500)
    shares = []
    for share in SHARES:
        n, draws = int(share * ROWS), DRAWS if share < 1 else 1
        means = floor + scale * n**-power + rng.normal(size=(draws, 1)) * noise / np.sqrt(n)
        shares.append(Share(n, means * hard + 0.05 * rng.normal(size=(draws, 1_500))))
    return tuple(shares)


def test_a_planted_law_is_recovered_and_twice_the_rows_help() -> None:
    found = learning_curve(_planted(0.3, 5.0, 0.5, noise=0.0))
    assert found.law is not None
    assert found.law.power == pytest.approx(0.5, abs=0.15)
    assert found.law.floor == pytest.approx(0.3, abs=0.05)
    assert found.law.at(2 * ROWS) == pytest.approx(0.3 + 5 * (2 * ROWS) ** -0.5, abs=0.01)
    assert found.answer == "yes"
    assert found.sentence.startswith("Twice the rows would help: 10,000 rows instead of 5,000")
    assert "(n = 1,500)" in found.sentence


def test_a_law_without_noise_is_recovered_exactly() -> None:
    shares = [Share(n, np.full((1, 40), 0.2 + 3.0 * n**-0.7)) for n in (500, 1_000, 2_000, 3_500, 5_000)]
    found = learning_curve(shares)
    assert found.law is not None
    assert (found.law.floor, found.law.scale, found.law.power) == pytest.approx((0.2, 3.0, 0.7), rel=1e-3)
    assert found.gain.value == pytest.approx(3.0 * (5_000**-0.7 - 10_000**-0.7))


@pytest.mark.parametrize(("scale", "power"), [(5.0, 0.5), (20.0, 1.0), (2.0, 0.2), (0.0, 0.5)])
def test_the_interval_holds_the_gain_at_least_as_often_as_it_says(scale: float, power: float) -> None:
    truth = scale * ROWS**-power * (1 - 2**-power)
    gains = [learning_curve(_planted(0.3, scale, power, seed=s), seed=s).gain for s in range(60)]
    assert sum(g.low <= truth <= g.high for g in gains) >= 54


def test_saturated_data_say_no() -> None:
    answers = [learning_curve(_planted(0.4, 0.0, 0.5, seed=s)).answer for s in range(20)]
    assert answers.count("no") >= 18
    assert "yes" not in answers
    assert "would not help" in learning_curve(_planted(0.4, 0.0, 0.5)).sentence


def test_rows_that_mislead_say_no() -> None:
    found = learning_curve(_planted(0.9, -5.0, 0.5))
    assert found.gain.high < 0
    assert found.answer == "no"


def test_a_noisy_curve_is_undecided() -> None:
    found = learning_curve(_planted(0.3, 0.2, 0.3, noise=3.0))
    assert found.gain.low < 0 < found.gain.high
    assert found.answer == "undecided"


def test_validation_rows_of_few_customers_widen_the_interval() -> None:
    shares, customers = _planted(0.3, 5.0, 0.5, noise=0.0), np.arange(1_500)
    copied = [Share(s.rows, np.repeat(s.losses, 4, axis=1)) for s in shares]

    def width(curve: LearningCurve) -> float:
        return curve.points[-1].loss.high - curve.points[-1].loss.low

    honest = learning_curve(copied, cluster=np.repeat(customers, 4))
    assert width(honest) == pytest.approx(width(learning_curve(shares)))
    assert width(learning_curve(copied)) < 0.6 * width(honest)


@pytest.mark.parametrize("few", [(), (Share(100, np.ones((1, 50))),), (Share(100, np.ones((1, 50))),) * 2])
def test_too_few_points_are_undecided(few: tuple[Share, ...]) -> None:
    found = learning_curve(few)
    assert (found.answer, found.law, found.gain.estimable) == ("undecided", None, False)
    assert f"{len(few)} points of a curve" in found.sentence


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 99),
    clusters=st.integers(1, 60),
    batches=st.integers(1, 6),
    rows=st.integers(1, 300),
)
def test_shares_are_nested_and_clusters_whole(seed: int, clusters: int, batches: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    cluster, batch = rng.integers(0, clusters, rows), rng.integers(0, batches, rows)
    found = nested_shares(cluster, batch, seed=seed)
    assert found[-1].tolist() == list(range(rows))
    largest = int(np.bincount(cluster).max())
    for share, at in zip(SHARES, found, strict=True):
        assert share * rows - 1e-9 <= len(at) < share * rows + largest
        assert set(cluster[at]).isdisjoint(set(np.delete(cluster, at)))
    assert all(set(a) <= set(b) for a, b in pairwise(found))


def test_every_batch_is_thinned_alike() -> None:
    batch = np.repeat(["2026-01-01", "2026-01-02", "2026-01-03"], [500, 100, 400])
    at = nested_shares(np.arange(1_000), batch, shares=(0.2,))[0]
    days, counts = np.unique(batch[at], return_counts=True)
    assert dict(zip(days.tolist(), counts.tolist(), strict=True)) == {
        "2026-01-01": pytest.approx(100, abs=2),
        "2026-01-02": pytest.approx(20, abs=2),
        "2026-01-03": pytest.approx(80, abs=2),
    }
    assert at.tolist() != nested_shares(np.arange(1_000), batch, shares=(0.2,), seed=1)[0].tolist()


def test_a_share_outside_its_range_is_refused() -> None:
    with pytest.raises(DataError, match="Shares of the rows"):
        nested_shares(np.arange(3), np.zeros(3), shares=(0.5, 1.5))


def test_shares_without_a_class_or_rows_are_left_out() -> None:
    taught: list[int] = []

    def judge(at: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int) -> Judged:
        taught.append(len(at))
        return Judged(np.full(10, float(len(at))), np.full(10, float(seed)))

    one = np.zeros(100)
    losses, money = measure_shares(np.arange(100), one, None, judge, seed=5)
    assert [s.rows for s in losses] == [40, 70, 100]  # 10 and 20 rows are fewer than 30
    assert taught == [40, 40, 40, 70, 70, 70, 100]
    assert losses[-1].losses.shape == (1, 10)
    assert money[0].losses[:, 0].tolist() == [-5.0, -6.0, -7.0]
    rare = (np.arange(100) % 20 == 0).astype(float)  # five rows: only the whole holds them all
    assert [s.rows for s in measure_shares(np.arange(100), one, rare, judge)[0]] == [100]


@pytest.mark.parametrize(("noise", "answer"), [(1.0, "no"), (0.0, "yes")])
def test_a_line_is_saturated_early_and_a_rough_surface_is_not(noise: float, answer: str) -> None:
    """3,000 rows are plenty for a line with noise; for a wavy surface without noise trees want ever more."""
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (4_000, 3))
    truth = x[:, 0] + noise * rng.normal(size=4_000) if noise else np.sin(9 * x[:, 0]) * np.sin(9 * x[:, 1])
    part = np.where(np.arange(4_000) < 3_000, "train", "validation")
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    table = TrainingTable(frame, truth, part, np.ones(4_000), np.arange(4_000), "regression", ())
    held = table.take("validation")
    family = "linear_regression" if noise else "hist_gradient_boosting"

    def judge(at: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int) -> Judged:
        rows = table.rows(np.concatenate([at, np.arange(3_000, 4_000)]))
        model = fit_candidate(family, rows, recipe=Recipe(seed=seed))
        loss = row_loss(held.truth, np.asarray(model.predict(held.features)), task="regression")
        return Judged(loss, -loss)

    losses, _ = measure_shares(np.arange(3_000), np.zeros(3_000), None, judge)
    assert learning_curve(losses).answer == answer

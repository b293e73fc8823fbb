"""Importance weights: they undo a shift that is known, stay at one without a shift, and say when they cannot be used."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.learning.shift import ShiftWeights, shift_weights


def rows(n: int, seed: int, *, mean: float = 0.0, narrow: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, 1, n)
    return pd.DataFrame(
        {
            "x": x,
            "z": narrow * rng.normal(0, 1, n),
            "job": rng.choice(["cook", "clerk"], n),
            "gap": np.where(x > 1, np.nan, x),
        }
    )


def found(reference: pd.DataFrame, batch: pd.DataFrame) -> ShiftWeights:
    return shift_weights(reference, batch, feature_specs(reference))


def test_without_a_shift_every_row_counts_as_one() -> None:
    w = found(rows(1_500, 1), rows(500, 2))
    assert w.usable
    assert w.effective_rows > 1_400
    assert w.domain_auc.value == pytest.approx(0.5, abs=0.04)
    assert w.domain_auc.low < w.domain_auc.value < w.domain_auc.high
    assert "resembles" in w.sentence


@pytest.mark.parametrize("change", [{"mean": 0.8}, {"narrow": 0.4}])
def test_weighted_reference_rows_have_the_moments_of_the_batch(change: dict[str, float]) -> None:
    reference, batch = rows(3_000, 3), rows(2_000, 4, **change)
    w = found(reference, batch)
    assert w.usable
    assert w.effective_rows < 2_600
    for power, column in ((1, "x"), (2, "z")):
        plain, wanted = (float((f[column] ** power).mean()) for f in (reference, batch))
        weighted = float(np.average(reference[column] ** power, weights=w.weights))
        assert abs(weighted - wanted) < 0.25 * max(abs(plain - wanted), 0.4)


def test_rows_the_reference_does_not_have_make_the_weights_unusable() -> None:
    w = found(rows(1_000, 5), rows(400, 6, mean=8.0))
    assert not w.usable
    assert w.domain_auc.low > 0.99
    assert w.covered < 0.1
    assert "does not resemble" in w.sentence
    assert "domain AUC of 0.9 or more" in w.sentence


def test_a_fifth_of_the_batch_from_elsewhere_is_not_covered() -> None:
    mixed = pd.concat([rows(800, 7), rows(200, 8, mean=9.0)], ignore_index=True)
    w = found(rows(3_000, 9), mixed)
    assert w.domain_auc.value < 0.9
    assert w.covered == pytest.approx(0.8, abs=0.05)
    assert not w.usable
    assert "less than 90% of the batch covered" in w.sentence


def test_few_reference_rows_are_not_enough() -> None:
    w = found(rows(150, 10), rows(300, 11))
    assert not w.usable
    assert "fewer than 200 effective rows" in w.sentence


@settings(max_examples=8, deadline=None)
@given(st.integers(5, 60), st.integers(5, 60), st.floats(-3, 3))
def test_weights_are_positive_with_mean_one(n: int, m: int, mean: float) -> None:
    w = found(rows(n, 12), rows(m, 13, mean=mean))
    assert w.weights.shape == (n,)
    assert w.weights.mean() == pytest.approx(1.0)
    assert (w.weights > 0).all()
    assert 1 <= w.effective_rows <= n + 1e-6
    assert 0 <= w.covered <= 1


def test_the_same_rows_give_the_same_weights() -> None:
    one, other = (found(rows(300, 14), rows(300, 15, mean=1.0)) for _ in range(2))
    assert (one.weights == other.weights).all()


def test_a_column_the_batch_no_longer_fills_is_a_shift() -> None:
    w = found(rows(800, 16), rows(400, 17).assign(z=np.nan))
    assert not w.usable


@pytest.mark.parametrize(("n", "m", "columns"), [(4, 50, 2), (50, 4, 2), (50, 50, 0)])
def test_too_little_to_compare_is_refused(n: int, m: int, columns: int) -> None:
    reference, batch = rows(n, 18), rows(m, 19)
    with pytest.raises(DataError, match="rows to compare"):
        shift_weights(reference, batch, feature_specs(reference)[:columns])


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(DataError, match="missing"):
        found(rows(50, 20), rows(50, 21).drop(columns="z"))


@pytest.mark.parametrize("levels", [65, 300])
def test_a_category_of_many_levels_is_compared_by_its_commonest(levels: int) -> None:
    """Towns in the batch as in the reference, then mostly those of one half: only the second is a shift."""
    rng = np.random.default_rng(12)
    names = np.array([f"town {i}" for i in range(levels)])
    share = 1.0 / np.arange(3, levels + 3)

    def towns(n: int, favoured: float) -> pd.DataFrame:
        p = share * np.where(np.arange(levels) % 2, favoured, 1.0)
        return pd.DataFrame({"town": rng.choice(names, n, p=p / p.sum()), "x": rng.normal(size=n)})

    reference = towns(2_000, 1.0)
    alike, moved = found(reference, towns(1_000, 1.0)), found(reference, towns(1_000, 4.0))
    assert alike.usable
    assert alike.domain_auc.value == pytest.approx(0.5, abs=0.05)
    assert moved.usable
    assert moved.domain_auc.low > 0.55
    odd = reference["town"].isin(names[1::2]).to_numpy()
    assert moved.weights[odd].mean() > 1.5 * moved.weights[~odd].mean()

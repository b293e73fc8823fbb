"""The linear programme: a case worked by hand, and what must hold for any points."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.learning.remedies.aims import Stratum
from ml_assets.learning.remedies.points import GroupPoints
from ml_assets.learning.remedies.programme import Mixture, best_mixture, expected_decisions
from ml_assets.statistics.arrays import FloatArray

CUTS = np.array([0.0, 0.5, 1.0])


def points(group: str, hit: list[float], false: list[float], share: float = 0.5) -> GroupPoints:
    """Half of the rows positive, a right decision earns 1; the middle threshold is in use."""
    h, f = np.array(hit), np.array(false)
    decided = (h + f) / 2
    rates: dict[Stratum, FloatArray] = {"everyone": decided, "favourable": h, "unfavourable": f}
    return GroupPoints(group, share, CUTS, rates, decided, (h + 1 - f) / 2, 1)


# Group b is told apart perfectly in the middle, group a only in part.
A, B = points("a", [1.0, 0.6, 0.0], [1.0, 0.2, 0.0]), points("b", [1.0, 1.0, 0.0], [1.0, 0.0, 0.0])


def test_without_a_constraint_each_group_gets_its_best_threshold() -> None:
    found = best_mixture((A, B), strata=("favourable",), tolerance=1.0, harm=1.0)
    assert found is not None
    assert [weights.round(9).tolist() for weights in found.weights] == [[0, 1, 0], [0, 1, 0]]
    assert found.money == pytest.approx(0.5 * 0.7 + 0.5 * 1.0)


def test_equal_true_positive_rates_by_hand() -> None:
    # On a's frontier money = 0.7 at rate 0.6 and 0.5 at rate 1: lifting a by r costs r / 2 of its own money per unit;
    # lowering b from 1 to rate r costs (1 - r) / 2. Both slopes are 1/2, so any common rate from 0.6 to 1 is optimal:
    # money = 0.5 * (0.7 - (r - 0.6) / 2) + 0.5 * (1 - (1 - r) / 2) = 0.75 throughout.
    found = best_mixture((A, B), strata=("favourable",), tolerance=0.0, harm=1.0)
    assert found is not None
    assert found.money == pytest.approx(0.75)
    assert 0.6 - 1e-9 <= found.levels[0] <= 1.0 + 1e-9
    # With no harm to b the rate must be 1, and a decides everybody positive.
    unharmed = best_mixture((A, B), strata=("favourable",), tolerance=0.0, harm=0.0)
    assert unharmed is not None
    assert unharmed.levels[0] == pytest.approx(1.0)
    assert unharmed.weights[0].round(9).tolist() == [1, 0, 0]


def test_capacity_bounds_the_positive_decisions() -> None:
    found = best_mixture((A, B), strata=("everyone",), tolerance=1.0, harm=1.0, capacity=0.2)
    assert found is not None
    used = sum(0.5 * float(w @ p.positive) for w, p in zip(found.weights, (A, B), strict=True))
    assert used == pytest.approx(0.2)
    assert best_mixture((A, B), strata=("everyone",), tolerance=0.0, harm=0.0, capacity=0.1) is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=2, max_size=4),
    st.floats(0, 0.5),
    st.sampled_from([("favourable",), ("unfavourable",), ("favourable", "unfavourable"), ("everyone",)]),
)
def test_the_rates_of_the_mixture_differ_by_no_more_than_allowed(
    raw: list[list[float]], tolerance: float, strata: tuple[Stratum, ...]
) -> None:
    groups = tuple(
        points(str(i), [1.0, max(h, f), 0.0], [1.0, min(h, f), 0.0], 1 / len(raw)) for i, (h, f, _) in enumerate(raw)
    )
    found = best_mixture(groups, strata=strata, tolerance=tolerance, harm=1.0)
    assert found is not None  # deciding everybody alike is always possible
    for stratum in strata:
        rates = [float(w @ p.rates[stratum]) for w, p in zip(found.weights, groups, strict=True)]
        assert max(rates) - min(rates) <= tolerance + 1e-6
    free = best_mixture(groups, strata=strata, tolerance=1.0, harm=1.0)
    assert free is not None
    assert free.money >= found.money - 1e-7


def test_expected_decisions_by_hand() -> None:
    chances = Mixture((np.array([0.5, 0.25, 0.25]), np.array([0.0, 1.0, 0.0])), (0.0,), 0.0)
    labels, score = pd.Series(["a", "a", "b", "b", "c"]), np.array([0.2, 0.7, 0.49, 0.5, 0.9])
    found = expected_decisions(chances, (A, B), labels, score, fallback=0.8)
    assert found.tolist() == [0.5, 0.75, 0.0, 1.0, 1.0]


def test_what_makes_no_programme_is_refused() -> None:
    with pytest.raises(DataError, match="two with enough rows"):
        best_mixture((A,), strata=("favourable",), tolerance=0.0, harm=1.0)
    with pytest.raises(DataError, match="allowed: everyone, favourable, unfavourable"):
        best_mixture((A, B), strata=("right",), tolerance=0.0, harm=1.0)
    with pytest.raises(DataError, match="0 to 1"):
        best_mixture((A, B), strata=("favourable",), tolerance=2.0, harm=1.0)

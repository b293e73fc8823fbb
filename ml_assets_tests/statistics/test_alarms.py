"""One rule for every alarm: right by hand, at its rate by simulation, silent within chance."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import DataError
from ml_assets.statistics.alarms import Direction, fallen, per_look, worse_than
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import mean_interval


def estimate(value: float, half: float, *, level: float = 0.95) -> Estimate:
    return Estimate("m", value, value - half, value + half, 100, level=level)


def test_a_rate_is_divided_over_the_looks() -> None:
    assert per_look(0.05, 1) == pytest.approx(0.05)
    assert per_look(0.05, 30) == pytest.approx(1 - 0.95 ** (1 / 30))
    assert 1 - (1 - per_look(0.2, 12)) ** 12 == pytest.approx(0.2)
    for rate, looks in ((0.0, 3), (1.0, 3), (0.05, 0.5)):
        with pytest.raises(DataError, match="error rate to divide"):
            per_look(rate, looks)


def test_a_fixed_limit_by_hand() -> None:
    """A 95 % half width of 0.196 is a standard error of 0.1; one-sided 5 % needs 0.1645."""
    assert worse_than(estimate(0.83, 0.196), 1.0, error=0.05).alarm
    near = worse_than(estimate(0.84, 0.196), 1.0, error=0.05)
    assert (near.beyond, near.proven, near.alarm) == (True, False, False)
    assert "within chance" in near.words
    assert worse_than(estimate(1.2, 0.01), 1.0, error=0.05).words == ""
    assert worse_than(estimate(1.2, 0.196), 1.0, better="lower", error=0.05).alarm


def test_a_fall_counts_the_error_of_both_sides() -> None:
    """Errors of 0.3 and 0.4 make 0.5; one-sided 5 % needs a loss of 0.822."""
    now, before = estimate(9.17, 0.3 * 1.959964), estimate(10.0, 0.4 * 1.959964)
    assert fallen(now, before, drop=0.5, error=0.05).alarm
    assert not fallen(estimate(9.19, 0.3 * 1.959964), before, drop=0.5, error=0.05).alarm
    assert not fallen(now, before, drop=0.9, error=0.05).beyond
    assert fallen(now, before, drop=0.5, error=0.05).limit == 9.5
    rise = fallen(before, now, drop=0.5, better="lower", error=0.05)
    assert (rise.alarm, rise.limit) == (True, 9.67)
    assert "beyond chance" in rise.words


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_without_a_change_it_alarms_at_its_rate(better: Direction) -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(2_000):
        sides = []
        for n in (150, 400):
            rows = rng.exponential(1.0, n)
            sides.append(Estimate("m", float(rows.mean()), *mean_interval(rows), n))
        alarms += fallen(sides[0], sides[1], drop=1e-9, better=better, error=0.05).alarm
    assert 0.03 <= alarms / 2_000 <= 0.075


@given(st.floats(-5, 5), st.floats(0.01, 3), st.sampled_from([0.8, 0.9, 0.99]))
def test_the_level_an_interval_is_shown_at_changes_nothing(value: float, error: float, level: float) -> None:
    z = {0.8: 1.2815515655, 0.9: 1.6448536270, 0.99: 2.5758293035}[level]
    shown = worse_than(estimate(value, z * error, level=level), 0.123, error=0.01)
    usual = worse_than(estimate(value, 1.9599639845 * error), 0.123, error=0.01)
    assert shown.alarm == usual.alarm


def test_nothing_is_proven_without_an_interval() -> None:
    assert not worse_than(Estimate("m", 0.0, -math.inf, math.inf, 1), 9.0, error=0.05).proven
    assert not worse_than(not_estimable("m"), 9.0, error=0.05).alarm
    for error in (0.0, 0.5, 2.0):
        with pytest.raises(DataError, match="error rate of an alarm"):
            worse_than(estimate(1, 1), 0.0, error=error)


def test_an_estimate_survives_json() -> None:
    given_ = Estimate("m", 1.5, -math.inf, 2.0, 7, "EUR", 0.9)
    assert Estimate.from_row(given_.as_row()) == given_
    lost = Estimate.from_row(given_.as_row() | {"value": None, "low": None})
    assert not lost.estimable
    assert math.isnan(lost.low)

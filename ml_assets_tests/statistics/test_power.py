import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ml_assets.errors import DataError
from ml_assets.statistics.intervals import delong, hanley_mcneil_variance, mean_interval, wilson
from ml_assets.statistics.metrics import METRICS
from ml_assets.statistics.power import detectable_gap, rows_for_auc, rows_for_mean, rows_for_rate_floor, rows_needed

Z = 1.959964 + 0.841621


def _chance_to_clear(n: int, expected: float, floor: float) -> float:
    """The exact chance that Wilson's interval of n rows lies above ``floor`` (or below a ceiling)."""
    clears = [k for k in range(n + 1) if (wilson(k, n)[0] > floor if expected > floor else wilson(k, n)[1] < floor)]
    return float(np.sum(binom.pmf(clears, n, expected)))


@pytest.mark.parametrize(("expected", "floor"), [(0.8, 0.7), (0.6, 0.5), (0.9, 0.8), (0.3, 0.4), (0.95, 0.9)])
def test_a_rate_clears_its_limit_as_often_as_promised(expected: float, floor: float) -> None:
    n = rows_for_rate_floor(expected, floor)
    assert _chance_to_clear(n, expected, floor) == pytest.approx(0.8, abs=0.05)
    assert _chance_to_clear(n // 2, expected, floor) < 0.7


def test_a_perfect_rate_needs_what_wilson_needs() -> None:
    n = rows_for_rate_floor(1.0, 0.9)
    assert wilson(n, n)[0] >= 0.9 > wilson(n - 1, n - 1)[0]


@pytest.mark.parametrize(("effect", "rows"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_a_mean_needs_the_published_rows(effect: float, rows: int) -> None:
    # One-sample t test, two-sided 5 %, power 80 %, Cohen's small, medium and large effect (G*Power 3 manual).
    assert rows_for_mean(1.0, effect) == rows


def test_a_mean_clears_its_limit_as_often_as_promised() -> None:
    n = rows_for_mean(2.0, 0.5)
    rng = np.random.default_rng(0)
    cleared = np.mean([mean_interval(rng.normal(0.5, 2.0, n))[0] > 0 for _ in range(800)])
    # Four standard errors of 800 draws.
    assert cleared == pytest.approx(0.8, abs=0.057)


def test_an_area_needs_the_fewest_rows_whose_standard_error_fits() -> None:
    n = rows_for_auc(0.8, 0.75, 0.3)
    errors = [math.sqrt(hanley_mcneil_variance(0.8, m * 0.3, m * 0.7)) for m in (n - 1, n)]
    assert errors[0] * Z > 0.05 >= errors[1] * Z - 1e-6
    assert rows_for_auc(1.0, 0.9, 0.5) > 4


def test_an_area_clears_its_limit_about_as_often_as_promised() -> None:
    n = rows_for_auc(0.8, 0.7, 0.4)
    rng = np.random.default_rng(1)
    # Normal scores d apart have area Phi(d / sqrt 2): 0.8 at d = 1.1902.
    truth = np.arange(n) < round(0.4 * n)
    cleared = np.mean([delong(truth, rng.normal(truth * 1.1902, 1)).low > 0.7 for _ in range(400)])
    # Hanley and McNeil's variance leans to more rows for normal scores; four standard errors of 400 draws.
    assert 0.72 <= cleared <= 0.9


@given(st.floats(0.55, 0.95), st.floats(0.01, 0.3), st.floats(0.05, 0.5))
def test_smaller_gaps_higher_levels_and_rarer_classes_need_more_rows(e: float, gap: float, share: float) -> None:
    floor = e - gap
    assert rows_for_rate_floor(e, floor) <= rows_for_rate_floor(e, e - gap / 2)
    assert rows_for_rate_floor(e, floor) <= rows_for_rate_floor(e, floor, level=0.99)
    assert rows_for_rate_floor(e, floor) <= rows_for_rate_floor(e, floor, power=0.9)
    assert rows_for_auc(e, floor, share) <= rows_for_auc(e, floor, share / 2)
    assert rows_for_mean(1.0, gap) <= rows_for_mean(2.0, gap)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_a_size_that_grows_as_the_margin_shrinks(name: str) -> None:
    wide, narrow = (rows_needed(name, limit=0.5, margin=m, prevalence=0.2, sd=1.0) for m in (0.1, 0.02))
    assert 10 <= wide < narrow


def test_class_metrics_count_the_rows_of_the_whole_part() -> None:
    of_class = rows_for_rate_floor(0.8, 0.7)
    assert rows_needed("accuracy", limit=0.7, margin=0.1) == rows_for_rate_floor(0.7 + 0.1, 0.7)
    assert rows_needed("recall", limit=0.7, margin=0.1, prevalence=0.1) == pytest.approx(of_class / 0.1, abs=10)
    assert rows_needed("specificity", limit=0.7, margin=0.1, prevalence=0.1) == pytest.approx(of_class / 0.9, abs=2)
    # Two classes of equal size: the mean of two recalls varies as one rate over all rows.
    assert rows_needed("balanced_accuracy", limit=0.7, margin=0.1, prevalence=0.5) == of_class
    # F1 of 0.8 where a tenth is positive and decided so: 8 % hits, 2 % missed, 2 % false: 12 % in truth or decision.
    f1 = rows_needed("f1", limit=0.7, margin=0.1, prevalence=0.1)
    assert f1 == pytest.approx(rows_for_rate_floor(8 / 12, 0.7 / 1.3) / 0.12, abs=10)


def test_metrics_where_lower_is_better_look_below_their_limit() -> None:
    assert rows_needed("log_loss", limit=0.5, margin=0.1, sd=0.7) == rows_for_mean(0.7, 0.1)
    with pytest.raises(DataError, match="cannot be that good"):
        rows_needed("log_loss", limit=0.05, margin=0.1, sd=0.7)
    # The root mean squared error of normal errors has standard error rmse / sqrt(2n).
    assert rows_needed("root_mean_squared_error", limit=2.0, margin=0.2) == rows_for_mean(2.0 / math.sqrt(2), 0.2)


@pytest.mark.parametrize(
    ("name", "facts", "said"),
    [
        ("auc", {"limit": 0.7, "margin": 0.1}, "unknown metric"),
        ("recall", {"limit": 0.7, "margin": 0.1}, "share of its class"),
        ("recall", {"limit": 0.7, "margin": 0.1, "prevalence": 1.0}, "share of its class"),
        ("log_loss", {"limit": 0.7, "margin": 0.1}, "spread of a row"),
        ("accuracy", {"limit": 0.95, "margin": 0.1}, "cannot be that good"),
        ("accuracy", {"limit": 0.7, "margin": 0.0}, "no distance"),
        ("accuracy", {"limit": 0.7, "margin": 0.1, "power": 1.0}, "power"),
        ("accuracy", {"limit": 0.7, "margin": 0.1, "level": 1.0}, "confidence level"),
    ],
)
def test_sizes_that_cannot_be_answered_say_why(name: str, facts: dict[str, float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        rows_needed(name, **facts)


def test_questions_without_distance_are_refused() -> None:
    with pytest.raises(DataError, match="no distance"):
        rows_for_rate_floor(0.5, 0.5)
    with pytest.raises(DataError, match="no distance"):
        rows_for_mean(1.0, 0.0)
    with pytest.raises(DataError, match="no distance"):
        rows_for_auc(0.7, 0.7, 0.5)
    with pytest.raises(DataError, match="standard deviation"):
        rows_for_mean(-1.0, 0.1)
    with pytest.raises(DataError, match="not a share"):
        rows_for_rate_floor(1.2, 0.5)


def test_the_detectable_gap_by_hand() -> None:
    assert detectable_gap(100, 0.5) == pytest.approx(Z * 0.05, abs=1e-5)
    assert detectable_gap(100, 0.5, other=100) == pytest.approx(Z * 0.05 * math.sqrt(2), abs=1e-5)
    assert detectable_gap(0, 0.5) == detectable_gap(10, 0.5, other=0) == 1.0
    assert detectable_gap(1, 0.5) == 1.0
    with pytest.raises(DataError, match="negative number of rows"):
        detectable_gap(-1, 0.5)


@given(st.integers(100, 10_000), st.floats(0.2, 0.8))
def test_the_detectable_gap_needs_about_the_rows_it_was_computed_from(n: int, rate: float) -> None:
    gap = detectable_gap(n, rate)
    assert gap == pytest.approx(Z * math.sqrt(rate * (1 - rate) / n), abs=1e-5)
    assert detectable_gap(4 * n, rate) == pytest.approx(gap / 2)

"""Metrics of rows that share a cause: copies tell nothing new, intervals hold what they say, influence values by hand."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from ml_assets.errors import DataError
from ml_assets.statistics.clustered_metrics import (
    CLUSTERED,
    average_precision_pulls,
    balanced_ends,
    clustered_ends,
    macro_f1_pulls,
    roc_auc_ends,
)
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import delong, hanley_mcneil_variance, normal_quantile, t_quantile, wilson
from ml_assets.statistics.measures import Figure, How
from ml_assets.statistics.metrics import METRICS, evaluate

Floats = NDArray[np.float64]
HELD = (
    "roc_auc",
    "average_precision",
    "log_loss",
    "expected_calibration_error",
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "macro_f1",
    "value_per_decision",
    "root_mean_squared_error",
    "r2",
)
RESAMPLED = ("average_precision", "macro_f1", "expected_calibration_error")
"""Slow by rows."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What a model said of rows, what happened, and whose they are."""

    cluster: NDArray[Any]
    truth: Floats
    score: Floats
    money: Floats
    number: Floats
    predicted: Floats

    def copied(self, times: int) -> "Rows":
        return Rows(*(np.repeat(getattr(self, name), times) for name in self.__dataclass_fields__))

    def evaluate(self, name: str, cluster: NDArray[Any] | None, *, seed: int = 0, draws: int = 200) -> Estimate:
        number = METRICS[name].tasks == {"regression"}
        return evaluate(
            name,
            self.number if number else self.truth,
            score=self.predicted if number else self.score,
            decision=self.score > 0.4,
            money=self.money,
            cluster=cluster,
            seed=seed,
            draws=draws,
        )


def customers(rng: np.random.Generator, count: int, most: int = 19) -> Rows:
    """Customers of 1 to ``most`` rows, who share half of the variance of the input, and half of that of the outcome."""
    who = np.repeat(np.arange(count), rng.integers(1, most + 1, count))

    def shared() -> Floats:
        return np.asarray(np.sqrt(0.5) * (rng.normal(size=count)[who] + rng.normal(size=len(who))))

    known, noise = shared(), shared()
    truth, score = (known + noise > 0.5).astype(float), np.asarray(ndtr(known - 0.5))
    gain = np.where(truth == (score > 0.4), 1.0, -3.0) * np.exp(0.5 * rng.normal(size=len(who)))
    return Rows(who, truth, score, gain, 3 * noise + known, known)


EVERYBODY = customers(np.random.default_rng(0), 40_000)


def tells_no_more(once: Estimate, copied: Estimate) -> bool:
    """Whether an interval of copies is about as wide as that of the rows once: never a tenth part narrower."""
    return 0.9 <= (copied.high - copied.low) / (once.high - once.low) <= 1.15


@pytest.mark.parametrize("name", list(METRICS))
def test_ten_copies_of_a_row_tell_as_much_as_the_row(name: str) -> None:
    rows = customers(np.random.default_rng(1), 80, most=1)
    once, ten = rows.evaluate(name, None), rows.copied(10)
    found = ten.evaluate(name, ten.cluster)
    assert found.value == pytest.approx(once.value)
    assert found.n == 10 * once.n
    assert found.low <= found.value <= found.high
    assert tells_no_more(once, found)
    assert not tells_no_more(once, ten.evaluate(name, None))  # row by row copies would count


@pytest.mark.parametrize("name", list(METRICS))
def test_rows_that_stand_alone_change_nothing(name: str) -> None:
    rows = customers(np.random.default_rng(2), 90, most=1)
    alone = np.random.default_rng(3).permutation(90).astype(str)
    assert rows.evaluate(name, alone) == rows.evaluate(name, None)


@pytest.mark.parametrize("name", list(METRICS))
def test_one_customer_has_a_value_and_no_bounds(name: str) -> None:
    rows = customers(np.random.default_rng(4), 60)
    found, plain = rows.evaluate(name, np.zeros(len(rows.truth))), rows.evaluate(name, None)
    assert (found.value, found.n) == (plain.value, plain.n)
    assert (found.low, found.high) == (METRICS[name].lowest, METRICS[name].highest)


@pytest.mark.parametrize("name", list(METRICS))
def test_names_of_clusters_and_the_order_of_rows_do_not_matter(name: str) -> None:
    rows = customers(np.random.default_rng(5), 50)
    order = np.random.default_rng(6).permutation(len(rows.truth))
    mixed = Rows(*(getattr(rows, field)[order] for field in rows.__dataclass_fields__))
    found, other = rows.evaluate(name, rows.cluster), mixed.evaluate(name, np.char.add("c", mixed.cluster.astype(str)))
    assert (other.low, other.high) == pytest.approx((found.low, found.high), abs=0.005)


def test_every_metric_has_its_ends_by_cluster() -> None:
    assert set(CLUSTERED) == set(METRICS)


def test_clusters_must_match_the_rows_and_no_value_has_no_ends() -> None:
    with pytest.raises(DataError, match="Clusters do not match the rows"):
        evaluate("accuracy", [0, 1], decision=[0, 1], cluster=np.zeros(3))
    none = evaluate("recall", [0, 0, 0], decision=[0, 1, 1], cluster=np.array([1, 1, 2]))
    assert (none.estimable, none.n) == (False, 0)
    assert not evaluate("accuracy", [], decision=[], cluster=np.zeros(0)).estimable
    nothing = Figure(math.nan, math.nan, math.nan, 0)
    ends = clustered_ends("r2", np.zeros(0), np.zeros(0), cluster=np.zeros(0, dtype=int), figure=nothing, how=How())
    assert np.isnan(ends).all()


@pytest.mark.parametrize("count", [60, 200])
def test_intervals_by_customer_hold_the_figure_as_often_as_they_say_and_those_by_row_do_not(count: int) -> None:
    """Customers of 1 to 19 rows, 95 % nominal. Of 500 samples a share is known to a point, of 150 by row to three."""
    rng, times, by_row = np.random.default_rng(7), 500, 150
    known = {name: EVERYBODY.evaluate(name, None, draws=2).value for name in HELD}
    held, plain = dict.fromkeys(HELD, 0), dict.fromkeys(HELD, 0)
    for seed in range(times):
        rows = customers(rng, count)
        for name in HELD:
            found = rows.evaluate(name, rows.cluster, seed=seed, draws=100)
            held[name] += found.low <= known[name] <= found.high
            if seed < by_row and name not in RESAMPLED:
                found = rows.evaluate(name, None)
                plain[name] += found.low <= known[name] <= found.high
    assert {n: x / times for n, x in held.items() if not 0.92 <= x / times <= 0.98} == {}
    assert {n: x / by_row for n, x in plain.items() if x / by_row > 0.9} == {}


def test_of_rows_alone_the_area_has_delongs_error() -> None:
    rng = np.random.default_rng(8)
    truth = (rng.random(70) < 0.4).astype(float)
    score = rng.normal(truth, 1.2).round(1)
    found, smaller = delong(truth, score), int(min(truth.sum(), (1 - truth).sum()))
    figure = Figure(found.value, found.low, found.high, 70)
    low, high = roc_auc_ends(truth, score, np.arange(70), figure, How())
    stretch = t_quantile(0.95, smaller - 1) / normal_quantile(0.95)
    assert high - low == pytest.approx((found.high - found.low) * stretch)
    assert (low + high) / 2 == pytest.approx(found.value)


def test_an_area_of_four_customers_by_hand() -> None:
    # Positives 0.8 (a), 0.4 (b), 0.9 (b); negatives 0.5 (a), 0.6 (c), 0.1 (d). Below each positive: 1, 1/3, 1; above each
    # negative: 2/3, 2/3, 1. Area 7/9. Pulls: a (1 - 7/9)/3 = 2/27 and (2/3 - 7/9)/3 = -1/27; b (1/3 - 7/9 + 1 - 7/9)/3
    # = -2/27; c -1/27; d 2/27. Of positives 2 customers: 2·(4 + 4); of negatives 3: 3/2·(1 + 1 + 4); both 4/3·2·(-2); in 1/27².
    truth, score = np.array([1.0, 1, 1, 0, 0, 0]), np.array([0.8, 0.4, 0.9, 0.5, 0.6, 0.1])
    low, high = roc_auc_ends(truth, score, np.array([0, 1, 1, 0, 2, 3]), Figure(7 / 9, 0, 1, 6), How())
    half = t_quantile(0.95, 1) * math.sqrt(16 + 9 - 16 / 3) / 27
    assert (low, high) == pytest.approx((7 / 9 - half, 7 / 9 + half))


def test_an_area_whose_positives_are_one_customers_and_one_of_exactly_one() -> None:
    truth, score = np.array([1.0, 1, 0, 0, 0, 0]), np.array([0.8, 0.4, 0.5, 0.6, 0.1, 0.2])
    shared, value = np.array([0, 0, 1, 2, 3, 3]), 6 / 8
    low, high = roc_auc_ends(truth, score, shared, Figure(value, 0, 1, 6), How())
    assert (high - low) / 2 == pytest.approx(1.959964 * math.sqrt(hanley_mcneil_variance(value, 1, 3)))
    perfect = evaluate("roc_auc", truth, score=truth, cluster=np.array([0, 1, 2, 2, 3, 3]))
    assert (perfect.low, perfect.high) == (wilson(2, 2)[0], 1.0)


@pytest.mark.parametrize("metric", ["average precision", "macro F1"])
def test_influence_values_are_what_a_little_more_weight_of_a_row_changes(metric: str) -> None:
    from sklearn.metrics import average_precision_score, f1_score

    rng = np.random.default_rng(9)
    if metric == "macro F1":
        truth, said = rng.integers(0, 3, 40).astype(float), rng.integers(0, 3, 40).astype(float)
        pulls = macro_f1_pulls(truth, said)
    else:
        truth, said = (rng.random(40) < 0.4).astype(float), rng.normal(size=40).round(1)  # with ties
        pulls = average_precision_pulls(truth, said)

    def value(weight: Floats) -> float:
        if metric == "macro F1":
            return float(f1_score(truth, said, average="macro", sample_weight=weight))
        return float(average_precision_score(truth, said, sample_weight=weight))

    step = 1e-6 * np.eye(40)
    moved = [(value(1 + one) - value(1 - one)) / 2e-6 for one in step]
    assert pulls == pytest.approx(np.array(moved), abs=1e-6)
    assert pulls.sum() == pytest.approx(0, abs=1e-12)


def test_recalls_that_rise_and_fall_together_add_up_and_others_add_as_squares() -> None:
    """Customers of one row of each class, both right or both wrong, against the same rows of twice as many customers."""
    right = np.array([1.0, 1, 1, 0, 1, 0, 1, 1, 1, 1] * 6)
    truth = np.repeat([0.0, 1.0], 60)
    decision = np.where(np.tile(right, 2) == 1, truth, 1 - truth)
    together = evaluate("balanced_accuracy", truth, decision=decision, cluster=np.tile(np.arange(60), 2))
    one = evaluate("accuracy", truth[:60], decision=decision[:60])
    figure = Figure(0.8, 0, 1, 120)
    alone = balanced_ends(truth, decision, np.arange(120), figure, How())
    assert together.high - together.low == pytest.approx(one.high - one.low, rel=0.05)
    assert together.high - together.low == pytest.approx((alone[1] - alone[0]) * math.sqrt(2), rel=0.05)


def test_perfect_decisions_are_as_sure_as_their_customers_are_many() -> None:
    truth = np.repeat([0.0, 1.0], 200)
    who = np.arange(400) // 20
    found = {n: evaluate(n, truth, decision=truth, cluster=who).low for n in ("accuracy", "recall", "macro_f1")}
    assert found == pytest.approx(
        {"accuracy": wilson(20, 20)[0], "recall": wilson(10, 10)[0], "macro_f1": wilson(20, 20)[0]}
    )
    ranked = evaluate("average_precision", truth, score=truth, cluster=who)
    assert (ranked.low, ranked.high) == (wilson(10, 10)[0], 1.0)
    balanced = evaluate("balanced_accuracy", truth, decision=truth, cluster=who)
    assert balanced.low == pytest.approx(1 - (1 - wilson(10, 10)[0]) / math.sqrt(2))


def test_several_classes_too() -> None:
    rng = np.random.default_rng(10)
    truth, score, who = rng.integers(0, 3, 90), rng.dirichlet([1, 1, 1], 90), np.repeat(np.arange(90), 10)

    def found(name: str, at: NDArray[Any], cluster: NDArray[Any] | None) -> Estimate:
        said = score[at]
        decision = said.argmax(axis=1)
        return evaluate(name, truth[at], score=said, decision=decision, money=said[:, 0], cluster=cluster)

    for name in (n for n, row in METRICS.items() if "multiclass" in row.tasks):
        assert tells_no_more(found(name, np.arange(90), None), found(name, who, who))
        assert not tells_no_more(found(name, np.arange(90), None), found(name, who, None))

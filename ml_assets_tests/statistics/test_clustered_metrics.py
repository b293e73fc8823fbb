"""Rows of a customer count once in every metric: copies tell nothing new, and intervals hold what they promise."""

import math
from typing import Any

import numpy as np
import pytest

from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered_metrics import INFLUENCES, influence_of, stretch
from ml_assets.statistics.metrics import METRICS, evaluate

Rows = dict[str, FloatArray]


def rows_for(name: str, n: int = 80, seed: int = 0) -> Rows:
    """Rows of the first task of a metric, none of them perfect."""
    rng, metric = np.random.default_rng(seed), METRICS[name]
    if "binary" in metric.tasks:
        lead = rng.normal(size=n)
        score = 1 / (1 + np.exp(-lead))
        truth = (rng.random(n) < score).astype(np.float64)
        return {"truth": truth, "score": score, "decision": (score > 0.5).astype(np.float64), "money": 5 * truth - 2}
    truth = rng.normal(size=n)
    return {"truth": truth, "score": truth + rng.normal(0.1, 0.5, n), "money": truth}


def judged(name: str, rows: Rows, cluster: Any = None, level: float = 0.95) -> tuple[float, float, float]:
    score, decision, money = (rows.get(k) for k in ("score", "decision", "money"))
    found = evaluate(name, rows["truth"], score=score, decision=decision, money=money, cluster=cluster, level=level)
    return found.low, found.value, found.high


@pytest.mark.parametrize("name", METRICS)
def test_ten_copies_of_a_row_tell_what_one_tells(name: str) -> None:
    one = rows_for(name)
    many = {k: np.repeat(v, 10) for k, v in one.items()}
    who = np.repeat(np.arange(80), 10)
    low, value, high = judged(name, one)
    copied_low, copied, copied_high = judged(name, many, who)
    row_low, _, row_high = judged(name, many)
    assert copied == pytest.approx(value)
    assert row_high - row_low < 0.5 * (high - low)  # what counting copies as rows claims
    assert copied_high - copied_low == pytest.approx(high - low, rel=0.25)


@pytest.mark.parametrize("name", METRICS)
def test_rows_that_stand_alone_change_nothing(name: str) -> None:
    rows = rows_for(name)
    assert judged(name, rows, np.array([f"c{i}" for i in range(80)])) == judged(name, rows)


@pytest.mark.parametrize("name", METRICS)
def test_one_customer_tells_nothing(name: str) -> None:
    low, value, high = judged(name, rows_for(name), np.zeros(80))
    assert (low, high) == (METRICS[name].lowest, METRICS[name].highest)
    assert low <= value <= high


@pytest.mark.parametrize("name", [n for n in METRICS if n in INFLUENCES and n != "expected_calibration_error"])
def test_influence_is_what_leaving_a_row_out_changes(name: str) -> None:
    """The jackknife by definition, in units that cancel; average precision only follows the ranking."""
    rows = rows_for(name, 200, seed=3)
    values = rows[METRICS[name].needs]
    own = influence_of(name, METRICS[name].rows, rows["truth"], values)
    assert own.sum() == pytest.approx(0.0, abs=1e-9)
    left = [judged(name, {k: np.delete(v, i) for k, v in rows.items()}, level=0.5)[1] for i in range(200)]
    found = float(np.corrcoef(own, -np.array(left))[0, 1])
    assert found > (0.5 if name == "average_precision" else 0.99)


def customers(rng: np.random.Generator, count: int) -> tuple[Rows, Rows, Any, Any]:
    """Customers of 1-19 rows; half of the variance of each error is the customer's. Binary rows and those of a number."""
    who = np.repeat(np.arange(count), rng.integers(1, 20, count))

    def shared() -> FloatArray:
        return np.asarray((rng.normal(size=count)[who] + rng.normal(size=len(who))) / math.sqrt(2), dtype=np.float64)

    lead, error = shared(), shared()
    truth = (lead + error > 0.4).astype(np.float64)
    score = 1 / (1 + np.exp(-2 * lead))
    binary = {"truth": truth, "score": score, "decision": (score > 0.5).astype(np.float64), "money": 5 * truth - 2}
    number = shared()
    return binary, {"truth": number, "score": number + 0.5 * shared(), "money": number}, who, None


COVERED = ("roc_auc", "accuracy", "precision", "recall", "f1", "balanced_accuracy", "log_loss", "value_per_decision")


@pytest.mark.parametrize("count", [60, 200])
def test_intervals_by_customers_hold_and_those_by_rows_do_not(count: int) -> None:
    """95 % nominal: 92 to 98 in 100 by customers, far below by rows; truth from a large sample."""
    rng, repeats = np.random.default_rng(11), 300
    large = customers(rng, 20_000)
    names = [(n, 0) for n in COVERED] + [(n, 1) for n in ("root_mean_squared_error", "r2", "mean_absolute_error")]
    true = {n: judged(n, large[kind])[1] for n, kind in names}
    held: dict[str, list[int]] = {n: [0, 0] for n, _ in names}
    for _ in range(repeats):
        drawn = customers(rng, count)
        for n, kind in names:
            for way, cluster in enumerate((drawn[2], None)):
                low, _, high = judged(n, drawn[kind], cluster)
                held[n][way] += low <= true[n] <= high
    shares = {n: (a / repeats, b / repeats) for n, (a, b) in held.items()}
    assert all(0.91 <= by_customer <= 0.985 for by_customer, _ in shares.values()), shares
    assert all(by_row < 0.88 for _, by_row in shares.values()), shares


def test_stretch_by_hand() -> None:
    """Two customers who agree within: sums ±2 of two rows each, so twice the variance; t of 1 for t of 3 degrees."""
    influence, who = np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1])
    assert stretch(influence, who, 0.95) == pytest.approx(
        math.sqrt((8 * 2) / (4 * 4 / 3)) * 12.706205 / 3.182446, rel=1e-5
    )
    assert stretch(influence, np.array([0, 1, 0, 1]), 0.95) == pytest.approx(
        12.706205 / 3.182446, rel=1e-5
    )  # never less
    nothing = np.zeros(40)
    assert stretch(nothing, np.repeat(np.arange(20), 2), 0.95) > math.sqrt(2)
    assert math.isinf(stretch(influence, np.zeros(4), 0.95))

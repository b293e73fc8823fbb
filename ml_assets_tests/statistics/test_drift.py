"""Drift verdicts: silent without drift, loud on planted faults, weighed by importance; then speed and light imports."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.drift import ColumnDrift, column_drift, judge_drift, nothing_changed, per_look
from ml_assets.statistics.profile import Profile, make_grid, profile

CARDINALITIES = (2, 5, 30, 400)
HALF: dict[str, float] = {"n0": 0.5, "n1": 0.5}


def window(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """16 numeric columns of different shapes and 4 categorical ones with long tails."""
    data: dict[str, Any] = {f"n{i}": rng.normal(i, 1 + i, n) for i in range(8)}
    data |= {f"n{i}": rng.lognormal(0.0, 0.8, n) for i in range(8, 12)}
    data |= {"n12": rng.poisson(3, n), "n13": rng.random(n) < 0.1, "n14": rng.integers(1, 6, n)}
    data["n15"] = np.where(rng.random(n) < 0.6, 0.0, rng.gamma(2.0, 30.0, n))
    for size in CARDINALITIES:
        weights = 1.0 / np.arange(1, size + 1) ** 0.8
        codes = rng.choice(size, n, p=weights / weights.sum())
        names = pd.Index([f"v{i}" for i in range(size)])
        data[f"c{size}"] = pd.Categorical.from_codes(codes.tolist(), categories=names)
    return pd.DataFrame(data)


def compare(reference: pd.DataFrame, current: pd.DataFrame) -> tuple[ColumnDrift, ...]:
    grid = make_grid(reference)
    return column_drift(profile(reference, grid), profile(current, grid))


def planted(fault: Callable[[pd.DataFrame, np.random.Generator], None], *, n: int, seed: int) -> dict[str, ColumnDrift]:
    rng = np.random.default_rng(seed)
    reference, current = window(rng, 5_000), window(rng, n)
    fault(current, rng)
    return {item.column: item for item in compare(reference, current)}


def shift(frame: pd.DataFrame, _rng: np.random.Generator) -> None:
    frame["n1"] += 0.25 * 2.0


def empty_some(frame: pd.DataFrame, rng: np.random.Generator) -> None:
    frame.loc[rng.random(len(frame)) < 0.05, "n1"] = math.nan


@pytest.mark.parametrize("n", [500, 5_000])
def test_without_drift_alarms_stay_within_alpha(n: int) -> None:
    """The strictest reading: no floor at all, any significant column of 20 is an alarm."""
    alpha, repetitions = 0.05, 200
    rng = np.random.default_rng(n)
    alarms = declared = small = 0
    for _ in range(repetitions // 2):
        one, two = window(rng, n), window(rng, n)
        for reference, current in ((one, two), (two, one)):
            columns = compare(reference, current)
            bare = judge_drift(columns, importance={}, effect_floor=0.0, weighted_floor=0.01, alpha=alpha)
            alarms += bare.drifted
            declared += judge_drift(columns, importance={"n0": 1.0}, alpha=alpha).drifted
            small += sum(item.p_value <= alpha for item in columns)
    noise = 2.6 * math.sqrt(alpha * (1 - alpha) / (repetitions / 2))  # the two directions of a pair are one draw
    assert alarms / repetitions <= alpha + noise
    assert declared / repetitions <= alpha / 2
    assert small / (repetitions * 20) <= alpha + 0.01


@pytest.mark.parametrize("n", [500, 3_000])
def test_a_reference_of_another_size_raises_no_alarm(n: int) -> None:
    rng = np.random.default_rng(n + 1)
    big = window(rng, 20_000)
    grid = make_grid(big)
    reference = profile(big, grid)
    found = [
        item.significant
        for _ in range(30)
        for item in column_drift(reference, profile(window(rng, n), grid), alpha=0.01)
    ]
    assert np.mean(found) <= 0.003


def test_many_equally_rare_values_are_no_drift() -> None:
    """The 200 listed of 4,000 values were lucky in the reference: they must not look shrunk now."""
    rng = np.random.default_rng(5)
    reference, current = (pd.DataFrame({"id": rng.integers(0, 4_000, 40_000).astype(str)}) for _ in range(2))
    (found,) = compare(reference, current)
    assert not found.significant
    assert found.effect < 0.01


def test_a_quarter_sd_in_an_important_column_is_found_at_two_thousand_rows() -> None:
    hits = 0
    for seed in range(25):
        columns = planted(shift, n=2_000, seed=seed)
        verdict = judge_drift(list(columns.values()), importance=HALF)
        hits += verdict.drifted and verdict.matter == ("n1",)
    assert hits >= 23


def test_five_percent_missing_are_found() -> None:
    for seed in range(10):
        columns = planted(empty_some, n=2_000, seed=seed)
        verdict = judge_drift(list(columns.values()), importance=HALF)
        assert verdict.drifted
        assert verdict.matter == ("n1",)
        assert columns["n1"].missing_change == pytest.approx(0.05, abs=0.02)
        assert "missing 0.0% →" in columns["n1"].sentence


def test_drift_in_a_column_that_does_not_matter_is_named_and_does_not_fail() -> None:
    columns = planted(shift, n=5_000, seed=1)
    verdict = judge_drift(list(columns.values()), importance={"n0": 0.95, "n1": 0.05})
    assert not verdict.drifted
    assert verdict.share == pytest.approx(0.05)
    assert verdict.moved == ("n1",)
    assert verdict.sentence.startswith("no drift that matters (n = 5,000); drifted: n1 (effect 0.")
    nothing = judge_drift(list(columns.values()), importance={"n0": 1.0})
    assert nothing.sentence.endswith("moved without deciding: n1")
    assert nothing.score == 0.0


def test_importance_decides_at_its_limit() -> None:
    columns = list(planted(shift, n=5_000, seed=1).values())
    assert judge_drift(columns, importance={"n0": 4.0, "n1": 1.0}).drifted  # exactly the fifth it takes
    assert not judge_drift(columns, importance={"n0": 4.1, "n1": 1.0}).drifted
    assert judge_drift(columns, importance={"n0": -3.0, "n1": 1.0}).share == 1.0
    equal = judge_drift(columns, importance={}, weighted_floor=0.04)
    assert equal.drifted
    assert equal.share == pytest.approx(1 / 20)
    assert not judge_drift(columns, importance={"gone": 9.0, "n1": 1.0}).drifted


def test_predictions_fail_on_their_own() -> None:
    rng = np.random.default_rng(9)
    reference, current = window(rng, 3_000), window(rng, 3_000)
    reference["ml:score"], current["ml:score"] = rng.beta(2, 5, 3_000), rng.beta(2.6, 5, 3_000)
    columns = compare(reference, current)
    verdict = judge_drift(columns, importance={"n0": 1.0})
    assert verdict.drifted
    assert verdict.matter == ()
    assert verdict.prediction_effect >= verdict.prediction_limit
    assert "predictions moved by" in verdict.sentence
    assert not judge_drift(columns, importance={"n0": 1.0}, prediction_floor=5.0).drifted
    assert judge_drift(columns, importance={}).share == 0.0


def test_new_values_and_a_vanished_column_are_found() -> None:
    rng = np.random.default_rng(11)
    reference, current = window(rng, 3_000), window(rng, 3_000)
    codes = current["c5"].astype(str).to_numpy(dtype=object)
    codes[rng.random(3_000) < 0.05] = "never seen"
    current["c5"] = codes
    current["n3"] = math.nan
    found = {item.column: item for item in compare(reference, current)}
    assert found["c5"].verdict == "drifted"
    assert found["c5"].new_share == pytest.approx(0.05, abs=0.015)
    assert "unseen values" in found["c5"].sentence
    assert (found["n3"].verdict, found["n3"].missing_change) == ("drifted", 1.0)
    assert math.isnan(found["n3"].wasserstein_sd)
    assert {name for name, item in found.items() if item.verdict != "stable"} == {"c5", "n3"}


def test_a_sentinel_value_is_found() -> None:
    def fault(frame: pd.DataFrame, rng: np.random.Generator) -> None:
        frame.loc[rng.random(len(frame)) < 0.05, "n2"] = -999.0

    found = planted(fault, n=2_000, seed=2)["n2"]
    assert found.verdict == "drifted"
    assert found.new_share == pytest.approx(0.05, abs=0.02)  # below everything the grid was cut from


def test_the_size_of_a_shift_by_hand() -> None:
    rng = np.random.default_rng(12)
    values = rng.normal(50, 10, 50_000)
    (found,) = compare(pd.DataFrame({"x": values}), pd.DataFrame({"x": values + 5.0}))
    assert found.wasserstein_sd == pytest.approx(0.5, rel=0.05)
    assert found.effect == pytest.approx(0.25, rel=0.1)  # d² of half a standard deviation
    assert found.total_variation == pytest.approx(0.197, abs=0.02)  # 2 Φ(0.25) - 1


def test_constants() -> None:
    one, two = pd.DataFrame({"x": [3.0] * 100}), pd.DataFrame({"x": [4.0] * 100})
    (same,) = compare(one, one)
    assert (same.p_value, same.effect, same.wasserstein_sd, same.verdict) == (1.0, 0.0, 0.0, "stable")
    (moved,) = compare(one, two)
    assert (moved.verdict, moved.wasserstein_sd, moved.total_variation) == ("drifted", math.inf, 1.0)


def test_few_rows_decide_nothing_and_no_rows_do_no_harm() -> None:
    reference = pd.DataFrame({"x": np.arange(1_000.0), "w": ["a", "b"] * 500})
    for current in (reference[:0], reference[-20:]):
        columns = compare(reference, current)
        assert all(item.p_value == 1.0 and item.verdict == "stable" for item in columns)
        assert columns[0].sentence.endswith("too few rows to tell")
    assert not judge_drift((), importance={}).drifted


def test_different_grids_and_impossible_rules_are_refused() -> None:
    one, two = pd.DataFrame({"x": [1.0, 2.0]}), pd.DataFrame({"x": [1.0, 5.0]})
    with pytest.raises(DataError, match="different grids"):
        column_drift(profile(one, make_grid(one)), profile(two, make_grid(two)))
    for rule in ({"alpha": 0.0}, {"weighted_floor": 0.0}, {"effect_floor": -1.0}):
        with pytest.raises(DataError, match="drift rule"):
            judge_drift((), importance={}, pairs=(), **rule)


def test_comparing_stored_profiles_is_the_same_and_takes_less_than_fifty_milliseconds() -> None:
    rng = np.random.default_rng(13)
    wide = [window(rng, 5_000), window(rng, 5_000)]
    frames = [frame.join(frame.add_prefix("again_").iloc[:, :10]) for frame in wide]
    grid = make_grid(frames[0])
    reference, current = (profile(frame, grid) for frame in frames)
    stored = Profile.from_dict(json.loads(json.dumps(reference.to_dict())))
    expected = column_drift(reference, current)  # also loads scipy.special, once per process
    start = time.process_time()
    again = column_drift(stored, current)
    assert time.process_time() - start < 0.05
    assert [item.sentence for item in again] == [item.sentence for item in expected]


def test_importing_loads_numpy_and_pandas_at_most() -> None:
    names = ("profile", "drift", "estimation", "policy", "backtest", "divergence", "reading")
    modules = ", ".join(f"ml_assets.statistics.{name}" for name in names)
    heavy = "{'scipy', 'sklearn', 'xgboost', 'mlflow', 'dagster', 'skops', 'matplotlib'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_rate_is_divided_over_the_looks() -> None:
    assert per_look(0.05, 1) == pytest.approx(0.05)
    assert per_look(0.05, 30) == pytest.approx(1 - 0.95 ** (1 / 30))
    assert 1 - (1 - per_look(0.2, 12)) ** 12 == pytest.approx(0.2)
    for rate, looks in ((0.0, 3), (1.0, 3), (0.05, 0.5)):
        with pytest.raises(DataError, match="error rate to divide"):
            per_look(rate, looks)


def test_one_p_value_for_the_batch_is_the_smallest_adjusted_one() -> None:
    rng = np.random.default_rng(6)
    before = window(rng, 2_000)
    grid = make_grid(before)
    columns = column_drift(profile(before, grid), profile(window(rng, 2_000), grid))
    p_values = sorted(c.p_value for c in columns)
    assert nothing_changed(columns) == pytest.approx(min(p * len(p_values) / (i + 1) for i, p in enumerate(p_values)))
    assert nothing_changed(()) == 1.0

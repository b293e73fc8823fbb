"""Drift verdicts: silent without drift, loud on planted faults, weighed by importance; then light imports."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import DataError
from ml_assets.statistics.column_change import ColumnDrift
from ml_assets.statistics.drift import column_drift, judge_drift, judged_columns, nothing_changed, pair_drift
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import Profile, profile

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


ALL_RENAMED = [(20_000, 250), (3_000, 150), (600, 150), (300, 150)]


@pytest.mark.parametrize(("n", "values"), ALL_RENAMED)
def test_values_that_were_all_renamed_share_nothing_with_the_reference(n: int, values: int) -> None:
    """250 values are more than a grid lists, 150 are not; of 600 rows none is heavy enough to be tested alone."""
    before, now = (pd.DataFrame({"id": [f"{letter}{i % values}" for i in range(n)]}) for letter in "ab")
    (found,) = compare(before, now)
    assert found.verdict == "drifted"
    assert found.p_value < 1e-9
    assert found.total_variation == pytest.approx(1.0)
    assert found.new_share == 1.0
    (same,) = compare(before, before)
    assert (same.verdict, same.effect, same.total_variation) == ("stable", 0.0, 0.0)


def test_thousands_of_values_that_were_all_renamed_are_found() -> None:
    """More than a profile can name: only the 200 it lists are known to be gone, less the rows they may have had by luck."""
    before, now = (pd.DataFrame({"id": [f"{letter}{i % 2_000}" for i in range(200_000)]}) for letter in "ab")
    (found,) = compare(before, now)
    assert found.verdict == "drifted"
    assert 0.05 < found.total_variation < 0.1


def test_a_tenth_of_new_shops_is_found_though_each_is_small() -> None:
    rng = np.random.default_rng(3)
    before, now = (pd.DataFrame({"shop": rng.integers(0, 120, 1_200).astype(str)}) for _ in range(2))
    now.loc[:119, "shop"] = [f"new {i % 20}" for i in range(120)]
    (found,) = compare(before, now)
    assert found.verdict == "drifted"
    assert found.new_share == pytest.approx(0.1)


MANY = [(150, 300, 300), (150, 1_000, 300), (190, 400, 4_000), (250, 1_000, 1_000), (400, 10_000, 10_000)]


@pytest.mark.parametrize(("values", "n", "m"), [*MANY, (600, 1_000, 5_000), (2_000, 900, 900), (100_000, 900, 900)])
def test_values_that_come_and_go_by_chance_raise_no_alarm(values: int, n: int, m: int) -> None:
    """Equally rare values are the hardest: the listed ones were lucky, and many are seen for the first time."""
    rng = np.random.default_rng([values, n, m])
    names = pd.Index([f"v{i}" for i in range(values)])
    small = alarms = 0
    for _ in range(40):
        before, now = (
            pd.DataFrame({"id": pd.Categorical.from_codes(rng.integers(0, values, rows).tolist(), names)})
            for rows in (n, m)
        )
        (found,) = compare(before, now)
        small += found.p_value <= 0.05
        alarms += found.verdict == "drifted"
    assert small <= 6  # of 40: at 5 % more than that once in 290
    assert alarms <= 1


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
        verdict = judge_drift(columns, importance={})
        assert (verdict.drifted, verdict.told) == (False, False)
        assert verdict.sentence == f"too few rows to tell (n = {len(current)})"
    nothing = judge_drift((), importance={})
    assert (nothing.drifted, nothing.told) == (False, False)
    few = compare(reference[:29], reference)
    assert not judge_drift(few, importance={}).told
    enough = judge_drift(compare(reference, reference[:30]), importance={})
    assert enough.told
    assert "too few" not in enough.sentence


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "0.5", 10**400, 1j])
def test_an_importance_that_is_no_number_is_refused(value: Any) -> None:
    columns = compare(pd.DataFrame({"x": [1.0, 2.0]}), pd.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(DataError, match=r"^importance of columns: got n1: .*; allowed: finite numbers\."):
        judge_drift(columns, importance={"x": 1.0, "n1": value})


def test_an_importance_of_any_size_and_type_weighs() -> None:
    columns = list(planted(shift, n=5_000, seed=1).values())
    sizes: tuple[dict[str, Any], ...] = (
        {"n0": 1e308, "n1": 1.5e308},
        {"n0": np.float32(1), "n1": np.int64(1)},
        {"n0": 5e-324, "n1": 1},
    )
    for weights in sizes:
        assert judge_drift(columns, importance=weights).share >= 0.5


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 5.0, math.nan, "0.05", None])
def test_an_alpha_that_is_no_probability_is_refused_everywhere(alpha: Any) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0] * 50, "y": [1.0, 2.0, 3.0, 4.0] * 25})
    one = profile(frame, make_grid(frame))
    columns = column_drift(one, one)
    judges: tuple[Callable[[], object], ...] = (
        lambda: column_drift(one, one, alpha=alpha),
        lambda: pair_drift(one, one, alpha=alpha),
        lambda: judged_columns(columns, alpha=alpha),
        lambda: judge_drift(columns, importance={}, alpha=alpha),
    )
    for judge in judges:
        with pytest.raises(DataError, match=r"drift rule: got alpha .*allowed: 0 < alpha < 1"):
            judge()
    floors: tuple[dict[str, Any], ...] = ({"association_floor": -1.0}, {"association_floor": math.nan})
    for floor in floors:
        with pytest.raises(DataError, match="drift rule"):
            judge_drift(columns, importance={}, **floor)
    with pytest.raises(DataError, match="drift rule"):
        judged_columns(columns, effect_floor=-1.0)


def test_different_grids_and_impossible_rules_are_refused() -> None:
    one, two = pd.DataFrame({"x": [1.0, 2.0]}), pd.DataFrame({"x": [1.0, 5.0]})
    with pytest.raises(DataError, match="different grids"):
        column_drift(profile(one, make_grid(one)), profile(two, make_grid(two)))
    with pytest.raises(DataError, match="different grids"):
        pair_drift(profile(one, make_grid(one)), profile(two, make_grid(two)))
    impossible: tuple[dict[str, Any], ...] = ({"alpha": 0.0}, {"weighted_floor": 0.0}, {"effect_floor": -1.0})
    for rule in impossible:
        with pytest.raises(DataError, match="drift rule"):
            judge_drift((), importance={}, pairs=(), **rule)


def test_comparing_stored_profiles_is_the_same() -> None:
    rng = np.random.default_rng(13)
    wide = [window(rng, 5_000), window(rng, 5_000)]
    frames = [frame.join(frame.add_prefix("again_").iloc[:, :10]) for frame in wide]
    grid = make_grid(frames[0])
    reference, current = (profile(frame, grid) for frame in frames)
    stored = Profile.from_dict(json.loads(json.dumps(reference.to_dict())))
    expected = column_drift(reference, current)
    again = column_drift(stored, current)
    assert [item.sentence for item in again] == [item.sentence for item in expected]


def test_importing_loads_numpy_and_pandas_at_most() -> None:
    names = ("profile", "drift", "estimation", "policy", "backtest", "divergence", "reading")
    modules = ", ".join(f"ml_assets.statistics.{name}" for name in names)
    heavy = "{'scipy', 'sklearn', 'xgboost', 'mlflow', 'dagster', 'skops', 'matplotlib'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_p_value_for_the_batch_is_the_smallest_adjusted_one() -> None:
    rng = np.random.default_rng(6)
    before = window(rng, 2_000)
    grid = make_grid(before)
    columns = column_drift(profile(before, grid), profile(window(rng, 2_000), grid))
    p_values = sorted(c.p_value for c in columns)
    assert nothing_changed(columns) == pytest.approx(min(p * len(p_values) / (i + 1) for i, p in enumerate(p_values)))
    assert nothing_changed(()) == 1.0


def test_a_new_heavy_value_among_thousands_is_named_and_chance_is_not() -> None:
    """The 5,000 values of the column come and go; one that was never there takes two percent of the rows."""
    rng = np.random.default_rng(5)
    names = np.array([f"v{i}" for i in range(5_000)])
    weights = 1.0 / np.arange(1, 5_001) ** 0.6

    def rows(n: int) -> pd.DataFrame:
        return pd.DataFrame({"shop": rng.choice(names, n, p=weights / weights.sum())})

    quiet = 0
    for _ in range(60):
        (same,) = compare(rows(4_000), rows(4_000))
        quiet += same.p_value > 0.05
    assert quiet >= 52
    reference, current = rows(4_000), rows(4_000)
    current.loc[rng.random(4_000) < 0.02, "shop"] = "fraud_ring"
    (found,) = compare(reference, current)
    assert found.verdict == "drifted"
    assert "'fraud_ring' came from 0.1% at most to" in found.sentence


def test_a_constant_column_that_begins_to_vary_is_named_as_such_and_the_reverse() -> None:
    rng = np.random.default_rng(6)
    reference = pd.DataFrame({"x": np.full(500, 0.004), "y": rng.normal(size=500)})
    current = pd.DataFrame({"x": rng.normal(size=500), "y": np.full(500, 1.5)})
    x, y = compare(reference, current)
    assert "was always 0.004, now varies from" in x.sentence
    assert "now always 1.5" in y.sentence
    assert x.verdict == y.verdict == "drifted"

"""How often monitoring alarms when nothing has changed, and how surely when something has: 20 numeric, 10 categorical columns.

Each repetition draws a reference and a current window of n rows; the rules judge the same windows. "ours" is the decision on
the batch (p-value of "nothing has changed" at 5 %), "ours, large enough" adds the floors on effects. The common rules are
computed here with scipy. Sixty daily looks share one reference of 10,000 rows.
"""

import sys
import time
from collections.abc import Iterator
from functools import reduce

import numpy as np
import pandas as pd
from measuring import Goal, arguments, report
from numpy.typing import NDArray

from ml_assets.statistics.alarms import per_look
from ml_assets.statistics.drift import column_drift, judge_drift, many_moved, nothing_changed, pair_drift
from ml_assets.statistics.grid import make_grid
from ml_assets.statistics.profile import profile

CATEGORIES = (2, 2, 3, 4, 5, 8, 12, 30, 100, 500)
RATE = 0.05
LOOKS, SEASONAL = "60 daily looks, no drift", "28 daily looks, weekly season of 0.2 sd"
SCENARIOS = {
    "no drift": "",
    "0.10 sd in one column": "number_00",
    "0.25 sd in one column": "number_00",
    "0.10 sd in ten columns": "number_00",
    "missing 0 to 3 %": "number_02",
    "category by 2 points": "text_04",
    "correlation 0.6 to 0": "",
    "variance +20 %": "number_03",
    "new category 2 %": "text_05",
}
"""Each with the column that must be named, where one is."""
# scenario, rows, power aimed at
POWER = (
    ("0.25 sd in one column", 500, 0.65),
    ("0.25 sd in one column", 5000, 0.99),
    ("0.10 sd in one column", 5000, 0.90),
    ("0.10 sd in ten columns", 500, 0.55),
    ("missing 0 to 3 %", 500, 0.75),
    ("category by 2 points", 5000, 0.35),
    ("correlation 0.6 to 0", 500, 0.99),
    ("correlation 0.6 to 0", 5000, 0.99),
)


def window(rng: np.random.Generator, n: int, scenario: str = "no drift") -> pd.DataFrame:
    """One window of rows."""
    normal = rng.standard_normal((n, 8))
    rho = 0.0 if scenario.startswith("correlation") else 0.6
    normal[:, 1] = rho * normal[:, 0] + np.sqrt(1 - rho**2) * normal[:, 1]
    shift = {"0.10": 0.10, "0.25": 0.25}.get(scenario[:4], 0.0)
    moved = 10 if scenario.endswith("ten columns") else 1
    columns: dict[str, object] = {}
    for i in range(20):
        x, sd = _numbers(rng, normal, i, n)
        if i < moved:
            x = x + shift * sd
        if scenario.startswith("variance") and i == 3:
            x = x * np.sqrt(1.2)
        if scenario.startswith("missing") and i == 2:
            x[rng.random(n) < 0.03] = np.nan
        columns[f"number_{i:02d}"] = x
    for i, k in enumerate(CATEGORIES):
        weight = 1.0 / np.arange(1, k + 1) ** 0.8
        share = weight / weight.sum()
        if scenario.startswith("category") and i == 4:
            share[0], share[-1] = share[0] - 0.02, share[-1] + 0.02
        code = np.searchsorted(np.cumsum(share)[:-1], rng.random(n))
        if scenario.startswith("new category") and i == 5:
            code[rng.random(n) < 0.02] = k
        columns[f"text_{i:02d}"] = pd.Categorical.from_codes(
            code.tolist(), pd.Index([f"v{j:03d}" for j in range(k + 1)])
        )
    return pd.DataFrame(columns)


def _numbers(
    rng: np.random.Generator, normal: NDArray[np.float64], i: int, n: int
) -> tuple[NDArray[np.float64], float]:
    if i < 8:
        return normal[:, i], 1.0
    if i < 12:
        spread = (0.4, 0.6, 0.8, 1.0)[i - 8]
        return rng.lognormal(0, spread, n), float(np.sqrt((np.exp(spread**2) - 1) * np.exp(spread**2)))
    if i < 14:
        return rng.exponential(1, n), 1.0
    if i < 16:
        return rng.uniform(-1, 1, n), 0.577
    if i < 18:
        mean = (3, 40)[i - 16]
        return rng.poisson(mean, n).astype(float), float(np.sqrt(mean))
    return (
        (np.where(rng.random(n) < 0.6, 0.0, rng.gamma(2, 30, n)), 1.0)
        if i == 18
        else (rng.integers(1, 6, n).astype(float), 1.0)
    )


def judged(reference: pd.DataFrame, current: pd.DataFrame, named: str) -> dict[str, bool]:
    """What each rule says of two windows; ``named``: the column that must be among those significant."""
    grid = make_grid(reference)
    before, now = profile(reference, grid), profile(current, grid)
    columns = column_drift(before, now, alpha=RATE)
    pairs = pair_drift(before, now, alpha=RATE)
    p_values = _common(reference, current)
    return {
        "ours": nothing_changed(columns, pairs, many_moved(before, now, columns)) <= RATE,
        "ours, the column named": any(c.significant for c in columns if c.column == named),
        "ours, large enough": judge_drift(columns, importance={}, pairs=pairs, weighted_floor=1e-6, alpha=RATE).drifted,
        "any KS or chi-square p < 0.05": min(p_values) < RATE,
        "KS and chi-square, Bonferroni": min(p_values) * len(p_values) < RATE,
        "any PSI > 0.2 (deciles)": _psi(reference, current) > 0.2,
    }


def _common(reference: pd.DataFrame, current: pd.DataFrame) -> list[float]:
    from scipy.stats import chi2_contingency, ks_2samp

    found = []
    for name in reference:
        a, b = reference[name], current[name]
        if str(name).startswith("number"):
            found.append(float(ks_2samp(a.dropna(), b.dropna(), method="asymp").pvalue))
        else:
            counts = np.array([a.value_counts(sort=False), b.value_counts(sort=False)])
            found.append(float(chi2_contingency(counts[:, counts.sum(0) > 0]).pvalue))
    return found


def _psi(reference: pd.DataFrame, current: pd.DataFrame) -> float:
    largest = 0.0
    for name in reference:
        a, b = reference[name], current[name]
        if str(name).startswith("number"):
            cuts = np.unique(np.nanquantile(a, np.arange(1, 10) / 10))
            counts = [
                np.bincount(np.searchsorted(cuts, s.dropna(), side="right"), minlength=len(cuts) + 1).astype(np.int64)
                for s in (a, b)
            ]
        else:
            counts = [np.asarray(s.value_counts(sort=False), dtype=np.int64) for s in (a, b)]
        p, q = (np.maximum(c / c.sum(), 1e-4) for c in counts)
        largest = max(largest, float(((q - p) * np.log(q / p)).sum()))
    return largest


def looks(rng: np.random.Generator, days: int) -> dict[str, bool]:
    """Whether any of so many daily looks at batches without drift alarms."""
    reference = window(rng, 10_000)
    grid = make_grid(reference)
    before = profile(reference, grid)
    alpha = per_look(RATE, days)
    p_values, large = [], False
    for _ in range(days):
        now = profile(window(rng, 1_000), grid)
        columns = column_drift(before, now, alpha=alpha)
        pairs = pair_drift(before, now, alpha=alpha)
        p_values.append(nothing_changed(columns, pairs, many_moved(before, now, columns)))
        large = large or any(c.verdict == "drifted" for c in columns)
    return {
        "ours, looks paid for": min(p_values) <= alpha,
        "ours, paid for and large enough": large,
        "5 % at each look": min(p_values) <= RATE,
    }


def seasons(rng: np.random.Generator, days: int) -> dict[str, bool]:
    """Whether any of so many looks alarms when a column follows the weekday by ±0.2 sd: against its like, and against all."""
    past = [weekday(rng, d, 1_000) for d in range(8 * 7)]
    grid = make_grid(pd.concat(past, ignore_index=True))
    profiles = [profile(frame, grid) for frame in past]
    like = [reduce(lambda a, b: a.merge(b), profiles[d::7]) for d in range(7)]
    whole = reduce(lambda a, b: a.merge(b), like)
    alpha = per_look(RATE, days)
    found = {"compared with its weekday": False, "compared with all days": False}
    for day in range(days):
        now = profile(weekday(rng, day, 1_000), grid)
        for name, before in (("compared with its weekday", like[day % 7]), ("compared with all days", whole)):
            columns, pairs = column_drift(before, now, alpha=alpha), pair_drift(before, now, alpha=alpha)
            found[name] |= nothing_changed(columns, pairs, many_moved(before, now, columns)) <= alpha
    return found


def weekday(rng: np.random.Generator, day: int, n: int) -> pd.DataFrame:
    """A window whose first column follows the weekday."""
    frame = window(rng, n)
    frame["number_00"] += 0.2 * np.sqrt(2) * np.sin(2 * np.pi * (day % 7) / 7)
    return frame


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="60 repetitions, up to 5,000 rows, 20 series of looks")
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--sizes", type=int, nargs="*", default=(500, 5_000, 50_000))
    chosen = parser.parse_args()
    repetitions = 60 if chosen.quick else chosen.repetitions
    sizes = (500, 5_000) if chosen.quick else tuple(chosen.sizes)
    shares: dict[tuple[str, int, str], float] = {}
    for scenario, named in SCENARIOS.items():
        for n in sizes if scenario == "no drift" else sizes[:2]:
            begun = time.perf_counter()
            runs = []
            for i in range(repetitions):
                rng = np.random.default_rng([n, i])
                runs.append(judged(window(rng, n), window(rng, n, scenario), named))
            for rule in runs[0]:
                shares[scenario, n, rule] = sum(r[rule] for r in runs) / len(runs)
            said = "  ".join(f"{rule} {shares[scenario, n, rule]:.3f}" for rule in runs[0])
            print(f"{scenario:<24} n = {n:>6,}  {said}  ({time.perf_counter() - begun:.0f} s)", flush=True)
    series = [looks(np.random.default_rng([60, i]), 60) for i in range(20 if chosen.quick else 200)]
    _series(shares, LOOKS, series)
    weeks = [seasons(np.random.default_rng([7, i]), 28) for i in range(10 if chosen.quick else 100)]
    _series(shares, SEASONAL, weeks)
    rows = [
        {"scenario": s, "n": n, "rule": r, "share": v, "repetitions": repetitions} for (s, n, r), v in shares.items()
    ]
    report("drift_calibration", rows, _goals(shares, sizes), chosen.json)
    return 0


def _series(shares: dict[tuple[str, int, str], float], name: str, runs: list[dict[str, bool]]) -> None:
    """Shares of whole series of looks with any alarm."""
    for rule in runs[0]:
        shares[name, 1_000, rule] = sum(r[rule] for r in runs) / len(runs)
        print(f"{name}: any alarm, {rule}: {shares[name, 1_000, rule]:.3f} (n = {len(runs)})", flush=True)


def _goals(shares: dict[tuple[str, int, str], float], sizes: tuple[int, ...]) -> Iterator[Goal]:
    for n in sizes:
        rate = shares["no drift", n, "ours"]
        yield Goal(f"false alarms at n = {n:,}", "2 % to 6 %", f"{rate:.1%}", 0.02 <= rate <= 0.06)
    for scenario, n, aim in (p for p in POWER if p[1] in sizes):
        rule = "ours, the column named" if SCENARIOS[scenario] and "ten" not in scenario else "ours"
        power = shares[scenario, n, rule]
        yield Goal(f"{scenario} at n = {n:,}", f"at least {aim:.0%}", f"{power:.1%}", power >= aim)
    series = (
        ("any false alarm in 60 daily looks", LOOKS, "ours, looks paid for", 0.08),
        ("28 looks at a weekly season, compared with its weekday", SEASONAL, "compared with its weekday", 0.12),
    )
    for name, scenario, rule, most in series:
        rate = shares[scenario, 1000, rule]
        yield Goal(name, f"at most {RATE:.0%} plus chance", f"{rate:.1%}", rate <= most)


if __name__ == "__main__":
    sys.exit(main())

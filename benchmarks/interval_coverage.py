"""Whether the statistics of part 6 keep what they state: coverage of every interval, wrong releases, power.

Coverage: rows are drawn from a population whose figures are known (2 million rows for each task), every metric is evaluated
with its 95 % interval, and the share of intervals that hold the population's figure is counted at n = 50, 500 and 5,000.
Wrong releases: a challenger that is truly worse by exactly the margin meets the champion on rows whose money is skewed (a few
per cent of the rows decide most of it), and the share that would be released is counted. Power: as many rows as
``statistics.power`` asks for, a metric that truly is what was expected, and the share of intervals that clear the limit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from measuring import Goal, arguments, report
from numpy.typing import NDArray

from ml_assets.statistics.comparison import paired_comparison
from ml_assets.statistics.metrics import METRICS, Task, evaluate, names_for
from ml_assets.statistics.power import rows_for_mean, rows_for_rate_floor, rows_needed

Floats = NDArray[np.float64]
POPULATION, SIZES, LEVEL, POWER = 2_000_000, (50, 500, 5_000), 0.95, 0.8
LOW, HIGH, WRONG = 0.93, 0.97, 0.05


@dataclass(frozen=True, eq=False)
class World:
    """Everybody: truth, score, decision and money per row."""

    task: Task
    truth: Floats
    score: Floats
    decision: Floats
    money: Floats

    def figure(self, name: str, at: NDArray[np.int64] | None, *, draws: int, seed: int = 0) -> Any:
        """A metric on these rows; of everybody for None."""
        rows = slice(None) if at is None else at
        return evaluate(
            name, self.truth[rows], score=self.score[rows], decision=self.decision[rows], money=self.money[rows],
            draws=draws, seed=seed,
        )  # fmt: skip


def world(task: Task, rows: int) -> World:
    """A model that is useful, a little overconfident, with money that hangs on a few rows."""
    rng = np.random.default_rng({"binary": 1, "multiclass": 2, "regression": 3}[task])
    amount = rng.lognormal(0.0, 1.0, rows)
    if task == "regression":
        score = rng.normal(50, 10, rows)
        truth = score + rng.standard_t(5, rows) * 5
        return World(task, truth, score, score, -amount * np.abs(truth - score))
    latent = rng.normal(size=rows)
    if task == "binary":
        rate = 1 / (1 + np.exp(-(1.5 * latent - 1.2)))
        truth = (rng.random(rows) < rate).astype(np.float64)
        score = 1 / (1 + np.exp(-(1.8 * latent - 1.2)))
        decision = (score >= 0.35).astype(np.float64)
    else:
        margins = np.column_stack([np.zeros(rows), latent, rng.normal(size=rows) - 0.5])
        score = np.exp(1.2 * margins) / np.exp(1.2 * margins).sum(axis=1, keepdims=True)
        rates = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
        truth = (rng.random(rows)[:, None] > rates.cumsum(axis=1)).sum(axis=1).astype(np.float64)
        decision = score.argmax(axis=1).astype(np.float64)
    return World(task, truth, score, decision, amount * np.where(truth == decision, 1.0, -3.0))


def coverage(task: Task, *, repeats: int, population: int) -> Iterator[dict[str, Any]]:
    """The share of intervals that hold the population's figure, by metric and n."""
    everybody, rng = world(task, population), np.random.default_rng(11)
    for name in names_for(task):
        known = everybody.figure(name, None, draws=2).value
        for n in SIZES:
            # resampled intervals cost a thousand times the others; their share is known to one point less
            times = repeats if n < 5_000 or METRICS[name].needs != "score" else max(repeats // 2, 100)
            held = possible = 0
            for seed in range(times):
                found = everybody.figure(name, rng.integers(0, population, n), draws=400, seed=seed)
                possible += found.estimable
                held += found.estimable and found.low <= known <= found.high
            share = held / possible if possible else float("nan")
            yield {"part": "coverage", "what": f"{task}: {name}", "n": n, "share": share, "of": possible}


def skewed(rng: np.random.Generator, n: int) -> Floats:
    """Money of a row: small for most, large losses for three in a hundred; mean 0 and spread 1."""
    drawn = np.where(rng.random(n) < 0.03, rng.lognormal(2.0, 0.5, n), rng.normal(0, 0.5, n))
    mean = 0.03 * np.exp(2.0 + 0.125)
    square = 0.03 * np.exp(4.0 + 0.5) + 0.97 * 0.25
    return np.asarray((drawn - mean) / np.sqrt(square - mean**2), dtype=np.float64)


def wrong_releases(*, repeats: int) -> Iterator[dict[str, Any]]:
    """How often a challenger that loses exactly the margin per row is found not to be worse, with losses on either tail."""
    rng = np.random.default_rng(12)
    for tail, sign in (("large losses", -1.0), ("large gains", 1.0)):
        for n in SIZES:
            margin, released = 0.2, 0
            for _ in range(repeats):
                champion = rng.normal(size=n)
                gap = sign * skewed(rng, n) - margin
                released += paired_comparison(champion + gap, champion, margin=margin).verdict in (
                    "better",
                    "not_worse",
                )
            yield {"part": "wrong release", "what": tail, "n": n, "share": released / repeats, "of": repeats}


def powers(*, repeats: int) -> Iterator[dict[str, Any]]:
    """How often the interval clears the limit with the rows that were asked for."""
    rng = np.random.default_rng(13)
    n = rows_for_rate_floor(0.85, 0.8)
    cleared = sum(
        evaluate("accuracy", np.ones(n), decision=(rng.random(n) < 0.85).astype(float)).low > 0.8
        for _ in range(repeats)
    )
    yield {"part": "power", "what": "accuracy 0.85 above 0.80", "n": n, "share": cleared / repeats, "of": repeats}
    n = rows_for_mean(1.0, 0.2)
    won = 0
    for _ in range(repeats):
        champion = rng.normal(size=n)
        won += paired_comparison(champion + rng.normal(size=n), champion, margin=0.2).verdict in ("better", "not_worse")
    yield {"part": "power", "what": "equal challenger, margin 0.2 sd", "n": n, "share": won / repeats, "of": repeats}
    everybody = world("binary", 400_000)
    known = everybody.figure("roc_auc", None, draws=2).value
    n = rows_needed("roc_auc", limit=known - 0.05, margin=0.05, prevalence=float(everybody.truth.mean()))
    hits = sum(
        everybody.figure("roc_auc", rng.integers(0, 400_000, n), draws=2).low > known - 0.05 for _ in range(repeats)
    )
    yield {"part": "power", "what": "ROC AUC 0.05 above its floor", "n": n, "share": hits / repeats, "of": repeats}


def goals(rows: Sequence[dict[str, Any]]) -> Iterator[Goal]:
    """One line per kind: every share inside its bounds, up to two standard errors of the simulation."""
    for n in SIZES:
        some = [r for r in rows if r["part"] == "coverage" and r["n"] == n]
        out = [r for r in some if not LOW - _error(r) <= r["share"] <= HIGH + _error(r)]
        told = "; ".join(f"{r['what']} {r['share']:.3f}" for r in out) or f"all {len(some)} metrics inside"
        yield Goal(f"coverage at n = {n:,}", f"{LOW:.0%} to {HIGH:.0%} for every metric", told, not out)
    worst = max((r for r in rows if r["part"] == "wrong release"), key=lambda r: r["share"])
    told = f"at most {worst['share']:.3f} ({worst['what']}, n = {worst['n']:,})"
    yield Goal("release of a challenger worse by the margin", f"at most {WRONG:.0%}", told, worst["share"] <= WRONG)
    for r in rows:
        if r["part"] == "power":
            met = r["share"] >= POWER - _error(r)
            yield Goal(f"power: {r['what']}", f"{POWER:.0%}", f"{r['share']:.3f} at n = {r['n']:,}", met)


def _error(row: dict[str, Any]) -> float:
    """Two standard errors of a simulated share."""
    share = min(max(row["share"], 0.01), 0.99)
    return float(2 * np.sqrt(share * (1 - share) / max(row["of"], 1)))


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, quick="150 repetitions of each").parse_args()
    repeats, population = (150, 200_000) if asked.quick else (1_000, POPULATION)
    rows: list[dict[str, Any]] = []
    parts = [coverage(t, repeats=repeats, population=population) for t in ("binary", "multiclass", "regression")]
    for part in (*parts, wrong_releases(repeats=5 * repeats), powers(repeats=repeats)):
        for row in part:
            rows.append(row)
            print(
                f"{row['part']:14s} {row['what']:45s} n = {row['n']:6,}  {row['share']:.3f}  (of {row['of']:,})",
                flush=True,
            )
    report("interval_coverage", rows, goals(rows), asked.json)


if __name__ == "__main__":
    main()

"""Whether the statistics of part 6 keep what they state: coverage of every interval, wrong releases, power.

Coverage: rows are drawn from a population whose figures are known (2 million rows for each task), every metric is evaluated
with its 95 % interval, and the share of intervals that hold the population's figure is counted at n = 50, 500 and 5,000.
Wrong releases: a challenger that is truly worse by exactly the margin meets the champion on rows whose money is skewed (a few
per cent of the rows, down to one in a thousand, decide most of it), or that belong to customers with many rows each, and the
share that would be released is counted, with and without knowledge of what a row can lose. Power: as many rows as
``statistics.power`` asks for, a metric that truly is what was expected, and the share of intervals that clear the limit.
"""

from collections.abc import Iterable, Iterator, Sequence
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


@dataclass(frozen=True)
class Losses:
    """Differences of a challenger that is worse by exactly ``MARGIN``: ``share`` of the rows lose, by up to ``lowest``.

    The others are the ``rest``: equal ("same"), a little different ("near"), or as often better as worse by half the
    largest loss in one row of ten ("apart"). All is shifted to the mean that is wanted.
    """

    share: float
    rest: str

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Floats, float]:
        """Differences (n,) of mean -MARGIN, and the least there can be."""
        deep, body = -MARGIN / self.share, np.zeros(n)
        if self.rest == "near":
            body = rng.uniform(-1, 1, n) * MARGIN
        if self.rest == "apart":
            body = np.where(rng.random(n) < 0.1, rng.choice([-0.5, 0.5], n), 0.0) * -deep
        return np.where(rng.random(n) < self.share, deep, body), deep


MARGIN = 0.2
TAILS = {"large losses": -1.0, "large gains": 1.0}
KNOWN = [Losses(share, rest) for share in (0.1, 0.03, 0.01, 0.003, 0.001) for rest in ("same", "near", "apart")]
CUSTOMERS = (50, 150, 500)
WIDEST = 4.0
RELEASED = ("better", "not_worse")


def wrong_releases(*, repeats: int) -> Iterator[dict[str, Any]]:
    """How often a challenger that loses exactly the margin per row is found not to be worse."""
    rng = np.random.default_rng(12)
    for tail, sign in TAILS.items():
        for n in (50, 150, 200, 500, 5_000):
            tails = ((sign * skewed(rng, n) - MARGIN, None, None) for _ in range(repeats))
            yield _released(f"{tail}, no lowest known", n, tails, repeats)
    for n in (50, 150, 500):
        drawn = [skewed(rng, n) for _ in range(repeats)]
        seen = ((-money - MARGIN, float((-money - MARGIN).min()), None) for money in drawn)
        yield _released("large losses, lowest of these rows", n, seen, repeats, declared=False)
    for kind in KNOWN:
        for n in (50, 200, 500, 1_000, 5_000):
            gaps = ((*kind.draw(rng, n), None) for _ in range(repeats))
            yield _released(f"{kind.share:.1%} of rows lose, rest {kind.rest}", n, gaps, repeats)
    for count in CUSTOMERS:
        rows = [shared(rng, count) for _ in range(repeats)]
        yield _released("ten rows a customer, by customer", count, ((g, None, c) for g, c in rows), repeats)
        known = ((g, -WIDEST - MARGIN, c) for g, c in rows)
        yield _released("ten rows a customer, by customer, lowest known", count, known, repeats)
        plain = _released("ten rows a customer, row by row", count, ((g, None, None) for g, _ in rows), repeats)
        yield plain | {"part": "for comparison"}


def shared(rng: np.random.Generator, customers: int) -> tuple[Floats, NDArray[np.int64]]:
    """Differences of mean -MARGIN whose rows share half their spread with the other rows of a customer; 1 to 19 rows each."""
    who = np.repeat(np.arange(customers), rng.integers(1, 20, customers))
    noise = rng.normal(0, 1, customers)[who] + rng.normal(0, 1, who.size)
    return np.clip(noise, -WIDEST, WIDEST) - MARGIN, who


def _released(
    what: str,
    n: int,
    gaps: Iterable[tuple[Floats, float | None, NDArray[np.int64] | None]],
    repeats: int,
    *,
    declared: bool = True,
) -> dict[str, Any]:
    """The share of comparisons that end in a release."""
    found = (
        paired_comparison(
            gap, np.zeros(gap.size), margin=MARGIN, lowest=lowest, declared=declared, cluster=cluster
        ).verdict
        in RELEASED
        for gap, lowest, cluster in gaps
    )
    return {"part": "wrong release", "what": what, "n": n, "share": sum(found) / repeats, "of": repeats}


LARGEST = 800 / float(np.sqrt(0.1 * (0.3 * 800**2 + 0.7 * 250**2)))
"""The larger of two losses of 800 and 250, in standard deviations of :func:`differing`."""


def differing(rng: np.random.Generator, n: int) -> Floats:
    """Two binary models that part on one row in ten, equally good: 800 each way on three of these in ten, else 250; spread 1."""
    size = np.where(rng.random(n) < 0.3, 800.0, 250.0) * rng.choice([-1.0, 1.0], n)
    return np.where(rng.random(n) < 0.1, size, 0.0) * LARGEST / 800


def powers(*, repeats: int) -> Iterator[dict[str, Any]]:
    """How often the interval clears the limit with the rows that were asked for."""
    rng = np.random.default_rng(13)
    n = rows_for_rate_floor(0.85, 0.8)
    cleared = sum(
        evaluate("accuracy", np.ones(n), decision=(rng.random(n) < 0.85).astype(float)).low > 0.8
        for _ in range(repeats)
    )
    yield {"part": "power", "what": "accuracy 0.85 above 0.80", "n": n, "share": cleared / repeats, "of": repeats}
    for what, lowest, margin, draw in (
        ("equal challenger, margin 0.2 sd", None, MARGIN, lambda n: rng.normal(size=n)),
        ("the same, lowest -4 sd known", -4.0, MARGIN, lambda n: np.clip(rng.normal(size=n), -4, 4)),
        ("one row in ten differs, lowest known", -LARGEST, MARGIN / 2, lambda n: differing(rng, n)),
    ):
        n = rows_for_mean(1.0, margin)
        won = sum(
            paired_comparison(draw(n), np.zeros(n), margin=margin, lowest=lowest).verdict in RELEASED
            for _ in range(repeats)
        )
        yield {"part": "power", "what": what, "n": n, "share": won / repeats, "of": repeats}
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
        if not some:
            continue
        out = [r for r in some if not LOW - _error(r) <= r["share"] <= HIGH + _error(r)]
        told = "; ".join(f"{r['what']} {r['share']:.3f}" for r in out) or f"all {len(some)} metrics inside"
        yield Goal(f"coverage at n = {n:,}", f"{LOW:.0%} to {HIGH:.0%} for every metric", told, not out)
    worst = max((r for r in rows if r["part"] == "wrong release"), key=lambda r: r["share"])
    told = f"at most {worst['share']:.3f} ({worst['what']}, n = {worst['n']:,})"
    yield Goal(
        "release of a challenger worse by the margin",
        f"at most {WRONG:.0%}",
        told,
        worst["share"] <= WRONG + _error(worst),
    )
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
    parser = arguments(__doc__, quick="150 repetitions of each")
    parser.add_argument("--releases", action="store_true", help="wrong releases and power alone")
    asked = parser.parse_args()
    repeats, population = (150, 200_000) if asked.quick else (1_000, POPULATION)
    rows: list[dict[str, Any]] = []
    parts = (
        []
        if asked.releases
        else [coverage(t, repeats=repeats, population=population) for t in ("binary", "multiclass", "regression")]
    )
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

"""How often a gate on gaps between groups errs: tables of known truth, judged by our gate and by the common rules.

Every repetition draws each row's decision anew, at a rate of 0.30 or as far from it as the scenario says; the measure is
the difference of selection rates, tolerated within 0.10. Ours is the whole audit, ``disparities`` of the rows and
``overall_verdict``: pass, fail, suspect or inconclusive. The common rules know pass and fail; they are computed here from
the counts of the same rows. Each share stands with its simulation error, half of Wilson's 95 % interval; a goal is judged
by that interval, and is left open where it holds both answers.

Coverage needs no draws: it is summed over all counts that can occur (but for 1e-9 of the probability at each end), a
group of n rows against 5,000 others. Beside a few cells stands every rate from 0.05 to 0.50 in steps of 0.01: counts are
whole, so coverage jumps with the rate, and the lowest of many cells is lower than that of a few.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from measuring import Goal, arguments, report
from numpy.typing import NDArray

from ml_assets.statistics.disparity import disparities, overall_verdict
from ml_assets.statistics.groups import intersections
from ml_assets.statistics.intervals import Interval, newcombe_difference, ratio_interval, wilson

TOLERANCE, BASE, REST = 0.10, 0.30, 5_000
BOOTSTRAP = 200
OURS = "ours"
DIFFERENCE, RATIO, RATE = "difference (Newcombe)", "ratio (Katz)", "rate (Wilson)"
ANSWERS = ("pass", "fail", "suspect", "inconclusive")
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scenario:
    """Groups with their sizes; one more group may be wronged by ``gap``.

    ``crossed``: the groups are pairs of two attributes. ``times``: more repetitions, for a share close to its limit.
    """

    letter: str
    text: str
    sizes: tuple[int, ...]
    wronged: int = 0
    gap: float = 0.0
    crossed: bool = False
    times: int = 1

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows of each group."""
        return np.array([*self.sizes, *([self.wronged] if self.wronged else [])])

    @cached_property
    def rates(self) -> Numbers:
        """True selection rate of each group."""
        return np.where(np.arange(self.rows.size) < len(self.sizes), BASE, BASE + self.gap)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The groups of every row as text."""
        code = np.repeat(np.arange(self.rows.size), self.rows)
        if self.crossed:
            pair = pd.DataFrame({"first": code // 8, "second": code % 8}).astype(str)
            return intersections(pair)
        return pd.DataFrame({"group": code}).astype(str)


@dataclass(frozen=True, slots=True)
class Share:
    """How often one rule gave one answer."""

    scenario: str
    rule: str
    answer: str
    share: float
    low: float
    high: float
    repetitions: int

    @property
    def error(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of the 95 % interval of a kind: a group of ``n`` rows with ``rate`` against 5,000 with ``rest_rate``.

    A rate by itself has no rest.
    """

    interval: str
    n: int
    rate: float
    rest_rate: float | None
    coverage: float

    @property
    def where(self) -> str:
        return f"{self.rate:g}" if self.rest_rate is None else f"{self.rate:g} against {self.rest_rate:g}"


def falling(groups: int, rows: int, least: int) -> tuple[int, ...]:
    """Sizes that fall as 1/rank^1.3, as intersections do."""
    weight = 1 / np.arange(1, groups + 1) ** 1.3
    return tuple(int(size) for size in np.maximum(least, rows * weight / weight.sum()))


FORTY = falling(40, 20_000, 10)
SCENARIOS = (
    Scenario("A", "fair, 4 groups of 5,000", (5_000,) * 4),
    Scenario("B", "fair, 40 intersections, 20,000 rows", FORTY),
    Scenario("B2", "B, judged with its two attributes", FORTY, crossed=True),
    Scenario("C", "B and a group of 40 at -0.25", FORTY, 40, -0.25, times=8),
    Scenario("G", "B and a group of 150 at -0.25", FORTY, 150, -0.25),
    Scenario("D", "8 groups of 2,500 and one of 400 at -0.20", (2_500,) * 8, 400, -0.20),
    Scenario("F", "4 groups of 5,000 and one of 2,000 at -0.15", (5_000,) * 4, 2_000, -0.15),
    Scenario("E", "4 groups of 5,000 and one at -0.05, tolerable", (5_000,) * 4, 5_000, -0.05),
)


def gate(scenario: Scenario, decision: NDArray[np.int64]) -> str:
    """Our answer to one table."""
    truth = np.zeros(decision.size, dtype=np.int64)
    found = disparities(scenario.frame, truth, decision, metrics={"selection_rate_difference": TOLERANCE})
    return overall_verdict(found)


def common(n: Numbers, x: Numbers, rng: np.random.Generator) -> dict[str, bool]:
    """Whether each common rule fails groups of ``n`` rows, ``x`` of them selected."""
    rate, rest = x / n, (x.sum() - x) / (n.sum() - n)
    pooled = x.sum() / n.sum()
    z = (rate - rest) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / (n.sum() - n)))
    again = rng.binomial(n.astype(np.int64), rate, size=(BOOTSTRAP, n.size)) / n
    return {
        "max - min": bool(np.ptp(rate) > TOLERANCE),
        "max - min, n >= 30": bool(np.ptp(rate[n >= 30]) > TOLERANCE),
        "max - min, >= 2 % of rows": bool(np.ptp(rate[n >= 0.02 * n.sum()]) > TOLERANCE),
        "p < 0.05 and gap > 0.10": bool(((abs(z) > 1.96) & (abs(rate - rest) > TOLERANCE)).any()),
        "bootstrap of max - min": bool(np.quantile(np.ptp(again, axis=1), 0.025) > TOLERANCE),
    }


def simulated(scenario: Scenario, repetitions: int) -> list[Share]:
    """The answers of every rule to so many tables."""
    chance = np.repeat(scenario.rates, scenario.rows)
    starts = np.r_[0, np.cumsum(scenario.rows)[:-1]]
    answers: dict[str, list[str]] = {}
    for i in range(repetitions):
        rng = np.random.default_rng([i, *scenario.letter.encode()])
        decision = (rng.random(chance.size) < chance).astype(np.int64)
        selected = np.add.reduceat(decision, starts).astype(np.float64)
        told = common(scenario.rows.astype(np.float64), selected, rng)
        for rule, failed in told.items():
            answers.setdefault(rule, []).append("fail" if failed else "pass")
        answers.setdefault(OURS, []).append(gate(scenario, decision))
    return [
        share(scenario.letter, rule, answer, given.count(answer), repetitions)
        for rule, given in answers.items()
        for answer in (ANSWERS if rule == OURS else ANSWERS[:2])
    ]


def share(scenario: str, rule: str, answer: str, count: int, repetitions: int) -> Share:
    """A share with Wilson's interval."""
    return Share(scenario, rule, answer, count / repetitions, *wilson(count, repetitions), repetitions)


def counts(n: int, rate: float) -> tuple[list[int], Numbers]:
    """The counts of a binomial that occur, with their probabilities; 1e-9 is left out at either end."""
    from scipy.stats import binom

    some = range(int(binom.ppf(1e-9, n, rate)), int(binom.isf(1e-9, n, rate)) + 1)
    return list(some), np.asarray(binom.pmf(some, n, rate), dtype=np.float64)


# the interval of x of n rows against y of the rest, and the true figure of two rates
KINDS: dict[str, tuple[Callable[[int, int, int], Interval], Callable[[float, float], float]]] = {
    DIFFERENCE: (lambda x, n, y: newcombe_difference(x, n, y, REST), lambda rate, rest: rate - rest),
    RATIO: (lambda x, n, y: ratio_interval(x, n, y, REST), lambda rate, rest: rate / rest),
    RATE: (lambda x, n, _y: wilson(x, n), lambda rate, _rest: rate),
}


def coverage(kind: str, n: int, rate: float, rest_rate: float | None) -> Coverage:
    """The probability that the interval holds the truth."""
    interval, figure = KINDS[kind]
    truth = figure(rate, rate if rest_rate is None else rest_rate)
    own, own_chance = counts(n, rate)
    others, chance = ([0], np.ones(1)) if rest_rate is None else counts(REST, rest_rate)
    inside = np.array([[low <= truth <= high for low, high in (interval(x, n, y) for y in others)] for x in own])
    total = own_chance.sum() * chance.sum()
    return Coverage(kind, n, rate, rest_rate, float(own_chance @ inside @ chance / total))


def covered(some: list[tuple[int, float, float]]) -> list[Coverage]:
    """Each kind of interval in each cell; of a rate by itself, each size and rate once."""
    alone = dict.fromkeys((n, rate) for n, rate, _rest in some)
    pairs = [coverage(kind, *cell) for kind in (DIFFERENCE, RATIO) for cell in some]
    return pairs + [coverage(RATE, n, rate, None) for n, rate in alone]


def cells() -> Iterator[tuple[int, float, float]]:
    """A few cells: n, rate of the group, rate of the rest."""
    for rest, gap, n in product((0.30, 0.05), (0.0, -0.10), (12, 30, 100, 500)):
        yield n, max(rest + gap, 0.005), rest


def line(scenario: Scenario, found: list[Share], seconds: float) -> str:
    """One scenario, a row a rule: each answer in per cent ± simulation error."""
    told = [f"{scenario.letter:<3} {scenario.text} ({scenario.rows.size} groups; {seconds:.0f} s)"]
    for rule in dict.fromkeys(s.rule for s in found):
        parts = [f"{s.answer} {s.share:>6.1%} ± {s.error:.1%}" for s in found if s.rule == rule]
        told.append(f"      {rule:<26} {'   '.join(parts)}")
    return "\n".join(told)


def many_cells(quick: bool) -> Iterator[tuple[int, float, float]]:
    """Every rate of the group in steps of 0.01 (``quick``: of 0.05), the rest the same or 0.10 apart, none below 0.05."""
    rates = [round(0.05 + i * (0.05 if quick else 0.01), 2) for i in range(10 if quick else 46)]
    for n, gap, rate in product((12, 30) if quick else (12, 20, 30, 50, 100), (0.0, 0.10, -0.10), rates):
        if rate - gap >= 0.05:
            yield n, rate, round(rate - gap, 2)


def say_coverage(title: str, found: list[Coverage]) -> None:
    """A line per kind and size: lowest and mean coverage."""
    print(f"coverage of 95 % intervals, {title}: lowest (at which rate), mean")
    for kind, n in dict.fromkeys((c.interval, c.n) for c in found):
        some = [c for c in found if (c.interval, c.n) == (kind, n)]
        least = min(some, key=lambda c: c.coverage)
        mean = float(np.mean([c.coverage for c in some]))
        print(f"      {kind:<26} n = {n:>4}   {least.coverage:.1%} ({least.where})   {mean:.1%}")


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="200 repetitions, coverage at fewer rates")
    parser.add_argument("--repetitions", type=int, default=4_000)
    chosen = parser.parse_args()
    repetitions = 200 if chosen.quick else chosen.repetitions
    shares: list[Share] = []
    for scenario in SCENARIOS:
        begun = time.process_time()
        found = simulated(scenario, scenario.times * repetitions)
        print(line(scenario, found, time.process_time() - begun), flush=True)
        shares += found
    few, many = covered([*cells()]), covered([*many_cells(chosen.quick)])
    say_coverage("a few cells", few)
    say_coverage("every rate from 0.05 to 0.50, gaps of 0 and 0.10", many)
    rows = [*(asdict(one) for one in shares), *(asdict(one) for one in (*few, *many))]
    report("fairness_gate", rows, (*_gate_goals(shares), *_coverage_goals(few, many)), chosen.json)
    return 0


def _gate_goals(shares: list[Share]) -> Iterator[Goal]:
    found = {(s.scenario, s.answer): s for s in shares if s.rule == OURS}
    wanted = (
        ("B", "fail", "at most", 0.01),
        ("B", "pass", "at least", 0.75),
        ("D", "fail", "at least", 0.99),
        ("C", "pass", "at most", 0.12),
    )
    for letter, answer, side, limit in wanted:
        one = found[letter, answer]
        text = next(s.text for s in SCENARIOS if s.letter == letter)
        low, high = (one.low, one.high) if side == "at most" else (-one.high, -one.low)
        edge = limit if side == "at most" else -limit
        met = True if high <= edge else False if low > edge else None
        said = f"{one.share:.2%} [{one.low:.2%}, {one.high:.2%}]"
        yield Goal(f"{text}: {answer}", f"{side} {limit:.0%}", said, met)


def _coverage_goals(few: list[Coverage], many: list[Coverage]) -> Iterator[Goal]:
    for title, kind in product(("a few cells", "every rate"), KINDS):
        found = few if title == "a few cells" else many
        some = [c for c in found if c.interval == kind and c.rate >= 0.05]
        least = min(some, key=lambda c: c.coverage)
        below = sum(c.coverage < 0.92 for c in some)
        said = f"{least.coverage:.1%} at n = {least.n}, {least.where}"
        name = f"lowest coverage, {kind}, n >= 12 and rates >= 0.05, {title}"
        yield Goal(name, "at least 92 %", f"{said}; below in {below} of {len(some)} cells", least.coverage >= 0.92)


if __name__ == "__main__":
    sys.exit(main())

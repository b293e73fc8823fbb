"""Two audits of the same gaps: a small one of the very model, and a larger one by models made as it was.

The test part judges the final artifact but is often too small to say anything. Rows scored out of fold are several times as
many, but they are judged by other models of the same recipe. So a comparison that the test part leaves open gets the answer
of the larger audit, and only where the test part does not contradict it:

- a *pass* needs that the test part suspects nothing itself, that the two gaps differ by no more than chance, and that the
  90 % interval of the test part, the one that equivalence is shown with, reaches the tolerated range;
- a *finding* (fail, suspect) needs that the gap of the test part points the same way, or that the two gaps differ by no
  more than chance.

"No more than chance": the interval of the difference of the two gaps holds 0 (of two ratios: of their logarithms). It is
made of both intervals by the squares of the distances of their ends (Zou and Donner, Statistics in Medicine 27 (2008) 1693)
at the level 1 - (1 - level)/m for m open comparisons, so that equal models seldom contradict each other by chance. What the
test part decides alone stays decided: it is the model itself. A gap that is tolerated exactly at its limit is then called
proven with a chance of at most twice 1 - level, once by each audit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from ml_assets.statistics.disparity import Disparity, Judged
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import Interval
from ml_assets.statistics.verdicts import PASS_LEVEL, Contrast, Verdict

Basis = Literal["test part", "out of fold"]
FINDINGS: tuple[Verdict, ...] = ("fail", "suspect")
_NEAR_ZERO = 1e-12


@dataclass(frozen=True, slots=True)
class Audited(Disparity):
    """A gated comparison as both audits see it.

    ``n``, ``value`` and ``detectable`` are those of the test part, ``out_of_fold`` is the gap of the larger audit (None
    where there was none), each audit with its own verdict. ``verdict``, ``resolvable`` and ``sentence`` are what holds, and
    ``basis`` says which audit it rests on. ``contradicted``: the larger audit had an answer that the test part contradicts.
    """

    test_verdict: Verdict
    out_of_fold: Estimate | None
    out_of_fold_verdict: Verdict | None
    basis: Basis
    contradicted: bool


def is_open(one: Disparity) -> bool:
    """Whether the rows leave a comparison open: inconclusive, or merely suspected or not estimable on too few of them."""
    return one.verdict == "inconclusive" or (not one.resolvable and one.verdict in ("suspect", "not_estimable"))


def confirm(
    test: Sequence[Judged], larger: Sequence[Judged], *, of_final: bool = True, level: float = 0.95
) -> tuple[Audited, ...]:
    """Every comparison of the test part, with the answer of the larger audit where it is open; then what only that one has.

    ``of_final``: whether the models of the larger audit are made as the final one is. Where they are not, its figures are
    told and decide nothing. A group of which the test part has no row can be found wanting, and can never pass.
    """
    known = {_key(one): one for one in larger}
    pairs = [(one, known.pop(_key(one), None)) for one in test]
    pairs += [(_absent(one), one) for one in known.values()]
    strict = 1 - (1 - level) / max(sum(is_open(one.disparity) for one, _ in pairs), 1)
    return tuple(_audited(one, more, of_final, strict) for one, more in pairs)


def contradicts(test: Judged, larger: Judged, *, level: float = 0.95) -> bool:
    """Whether the test part contradicts the answer of the larger audit, by the rule of this module.

    Without a figure on either side nothing is contradicted, and an answer that is none cannot be.
    """
    answer, values = larger.disparity.verdict, (test.contrast.value, larger.contrast.value)
    if not all(math.isfinite(value) for value in values) or answer not in ("pass", *FINDINGS):
        return False
    apart = _apart(test.contrast, larger.contrast, level)
    if answer == "pass":
        suspected = test.disparity.verdict in FINDINGS
        return suspected or apart or test.contrast.outside(test.contrast.interval(PASS_LEVEL))
    return apart and _away(test.contrast, values[0]) * _away(larger.contrast, values[1]) <= 0


def _audited(test: Judged, larger: Judged | None, of_final: bool, level: float) -> Audited:
    mine = test.disparity
    if larger is None:
        return _made(mine, None, mine.verdict, mine.resolvable, "test part", False, mine.sentence)
    theirs = larger.disparity
    against = of_final and is_open(mine) and contradicts(test, larger, level=level)
    if not is_open(mine) or not of_final or against or not _usable(mine, theirs):
        resolvable = mine.resolvable or (of_final and theirs.resolvable and mine.verdict != "not_estimable")
        told = f"{mine.sentence} {_remark(mine, theirs, of_final, against)}".rstrip()
        return _made(mine, theirs, mine.verdict, resolvable, "test part", against, told)
    told = f"{theirs.sentence} Out of fold; {_short(mine)} on the test part does not contradict it."
    return _made(mine, theirs, theirs.verdict, theirs.resolvable or mine.resolvable, "out of fold", False, told)


def _usable(mine: Disparity, theirs: Disparity) -> bool:
    """Whether the larger audit has an answer that the test part can confirm; a finding needs no confirmation."""
    return theirs.verdict in FINDINGS or (theirs.verdict == "pass" and mine.verdict != "not_estimable")


def _remark(mine: Disparity, theirs: Disparity, of_final: bool, against: bool) -> str:
    """What is told of a larger audit that decides nothing."""
    if not is_open(mine):
        return ""
    seen = f"Out of fold it is {_short(theirs)}"
    if not of_final:
        return f"{seen}, without the remedy, which decides nothing here."
    if against:
        return f"{seen}, which the test part contradicts."
    if theirs.verdict == "pass":
        return f"{seen}, and no row of the test part confirms it."
    return f"{seen}."


def _short(one: Disparity) -> str:
    value = one.value
    if not value.estimable:
        return f"not estimable (n = {value.n:,})"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}] (n = {value.n:,}, {one.verdict})"


def _made(
    mine: Disparity,
    theirs: Disparity | None,
    verdict: Verdict,
    resolvable: bool,
    basis: Basis,
    contradicted: bool,
    sentence: str,
) -> Audited:
    held = replace(mine, verdict=verdict, resolvable=resolvable, sentence=sentence)
    own: dict[str, Any] = {one.name: getattr(held, one.name) for one in fields(Disparity)}
    return Audited(
        **own,
        test_verdict=mine.verdict,
        out_of_fold=None if theirs is None else theirs.value,
        out_of_fold_verdict=None if theirs is None else theirs.verdict,
        basis=basis,
        contradicted=contradicted,
    )


def _key(one: Judged) -> tuple[str, str, str]:
    return one.disparity.metric, one.disparity.attribute, one.disparity.group


def _absent(one: Judged) -> Judged:
    """The comparison of a group of which the test part has no row."""
    found, told = one.disparity, one.contrast
    none = replace(
        found,
        n=0,
        value=not_estimable(found.value.name, unit=found.value.unit, level=found.value.level),
        verdict="not_estimable",
        sentence=f"{found.attribute} = {found.group}: no row in the test part.",
        resolvable=False,
        detectable=math.inf,
    )
    nothing: Interval = (math.nan, math.nan)
    return Judged(none, Contrast(math.nan, told.lowest, told.highest, 1.0, False, math.inf, lambda _level: nothing))


def _apart(one: Contrast, other: Contrast, level: float) -> bool:
    """Whether the interval of the difference of two independent gaps leaves 0 out."""
    (v, low, high), (w, below, above) = (_on_scale(side, level) for side in (one, other))
    down, up = math.hypot(v - low, above - w), math.hypot(high - v, w - below)
    return v - w - down > 0 or v - w + up < 0


def _on_scale(one: Contrast, level: float) -> tuple[float, float, float]:
    """Value, low and high; of a ratio their logarithms, in which no ratio is 0 or without end."""
    figures = (one.value, *one.interval(level))
    if one.lowest <= 0:
        return figures
    v, low, high = (math.log(min(max(figure, _NEAR_ZERO), 1 / _NEAR_ZERO)) for figure in figures)
    return v, low, high


def _away(one: Contrast, value: float) -> float:
    """The distance from equal treatment with its sign."""
    return value - (1.0 if one.lowest > 0 else 0.0)

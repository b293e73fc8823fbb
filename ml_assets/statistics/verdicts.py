"""When is a gap between a group and the rest proven, tolerable, suspicious, or simply not known?

Four answers, because two are not enough: with few rows neither "there is a gap" nor "there is none" is shown. The rule,
for m comparisons made together:

- ``fail``: the interval at the Bonferroni level 1 - (1 - level)/m lies wholly outside what is tolerated;
- ``suspect``: the figure itself lies outside, and Benjamini and Hochberg's q is below 0.10;
- ``pass``: the 90 % interval lies wholly inside (two one-sided tests at 5 %);
- ``inconclusive``: everything else.

A comparison is *resolvable* when its rows would pass an equal group 9 times in 10; only resolvable ones are needed for
an overall pass, the others stay listed with the smallest gap that their rows could rule out.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, finite
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import Moments
from ml_assets.statistics.intervals import Interval, newcombe_difference, ratio_interval, t_quantile, wilson

Verdict = Literal["pass", "suspect", "fail", "inconclusive", "not_estimable"]

SUSPECT_Q = 0.10
PASS_LEVEL = 0.90
# 1.645 for the equivalence test at 5 % plus 1.645 for 90 % power at no gap.
_RESOLVING_Z = 3.29
_SPREADLESS_ROWS = 30


@dataclass(frozen=True)
class Contrast:
    """One comparison with what is tolerated of it.

    ``value`` in [``lowest``, ``highest``] is tolerated; ``interval`` gives its interval at any level; ``p_value`` is
    that of no gap at all (two-sided); ``detectable`` is the smallest tolerance these rows could clear, in the unit of a
    difference (for a ratio: of its natural logarithm). A contrast without denominator has the value nan.
    """

    value: float
    lowest: float
    highest: float
    p_value: float
    resolvable: bool
    detectable: float
    interval: Callable[[float], Interval]

    def inside(self, interval: Interval) -> bool:
        """Whether the whole interval is tolerated."""
        return self.lowest <= interval[0] and interval[1] <= self.highest

    def outside(self, interval: Interval) -> bool:
        """Whether nothing of the interval is tolerated."""
        return interval[1] < self.lowest or interval[0] > self.highest

    def estimate(self, name: str, n: int, *, unit: str = "", level: float = 0.95) -> Estimate:
        """The value with its interval at ``level``; ``n`` are the rows of the group's own denominator."""
        low, high = self.interval(level) if math.isfinite(self.value) else (math.nan, math.nan)
        return Estimate(name, self.value, low, high, n, unit, level)


def rate_difference(x1: float, n1: float, x2: float, n2: float, *, tolerance: float) -> Contrast:
    """Group rate minus rest rate, tolerated within ±``tolerance``; 0 means equal rates (Newcombe's interval)."""
    _check_tolerance(tolerance)
    if n1 == 0 or n2 == 0:
        return _empty(-tolerance, tolerance)
    pooled = (x1 + x2) / (n1 + n2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    value = x1 / n1 - x2 / n2
    equal = newcombe_difference(pooled * n1, n1, pooled * n2, n2, level=PASS_LEVEL)
    detectable = max(_RESOLVING_Z * error, equal[1], -equal[0])
    return Contrast(
        value,
        -tolerance,
        tolerance,
        _p_value(value, error),
        detectable <= tolerance,
        detectable,
        lambda level: newcombe_difference(x1, n1, x2, n2, level=level),
    )


def rate_ratio(x1: float, n1: float, x2: float, n2: float, *, limit: float) -> Contrast:
    """Group rate over rest rate, tolerated from ``limit`` to 1/``limit``; 1 means equal rates.

    Not estimable where the rest has no success at all: the other groups' ratios then are 0 and carry the finding.
    """
    _check_limit(limit)
    if n1 == 0 or n2 == 0 or x2 == 0:
        return _empty(limit, 1 / limit)
    pooled = (x1 + x2) / (n1 + n2)
    error = math.sqrt((1 - pooled) / pooled * (1 / n1 + 1 / n2))
    equal = ratio_interval(pooled * n1, n1, pooled * n2, n2, level=PASS_LEVEL)
    detectable = max(_RESOLVING_Z * error, math.log(equal[1]), -math.log(equal[0]))
    return Contrast(
        (x1 / n1) / (x2 / n2),
        limit,
        1 / limit,
        _p_value(x1 / n1 - x2 / n2, pooled * error),
        detectable <= -math.log(limit),
        detectable,
        lambda level: ratio_interval(x1, n1, x2, n2, level=level),
    )


def mean_difference(group: Moments, rest: Moments, *, scale: float, tolerance: float) -> Contrast:
    """Group mean minus rest mean in units of ``scale``, tolerated within ±``tolerance`` (Welch's interval).

    Not estimable: a side of one row, a scale of 0, or fewer than 30 rows without any spread, because their spread is
    then not known.
    """
    _check_tolerance(tolerance)
    if min(group.n, rest.n) < 2 or not scale > 0:
        return _empty(-tolerance, tolerance)
    a, b = group.variance / group.n, rest.variance / rest.n
    if a + b == 0 and min(group.n, rest.n) < _SPREADLESS_ROWS:
        return _empty(-tolerance, tolerance)
    error = math.sqrt(a + b) / scale
    freedom = (a + b) ** 2 / (a * a / (group.n - 1) + b * b / (rest.n - 1)) if a + b > 0 else 1.0
    value = (group.mean - rest.mean) / scale

    def interval(level: float) -> Interval:
        half = t_quantile(level, freedom) * error
        return value - half, value + half

    detectable = max(_RESOLVING_Z, 2 * t_quantile(PASS_LEVEL, freedom)) * error
    return Contrast(value, -tolerance, tolerance, _p_value(value, error), detectable <= tolerance, detectable, interval)


def share_ratio(x: float, n: float, reference: float, *, limit: float) -> Contrast:
    """Share ``x/n`` over a ``reference`` share, tolerated from ``limit`` to 1/``limit``; 1 is as in the reference."""
    _check_limit(limit)
    if n == 0:
        return _empty(limit, 1 / limit)

    def over_reference(interval: Interval) -> Interval:
        return interval[0] / reference, interval[1] / reference

    error = math.sqrt(reference * (1 - reference) / n)
    equal = over_reference(wilson(reference * n, n, level=PASS_LEVEL))
    detectable = max(_RESOLVING_Z * error / reference, math.log(equal[1]), -math.log(max(equal[0], 1e-12)))
    return Contrast(
        x / n / reference,
        limit,
        1 / limit,
        _p_value(x / n - reference, error),
        detectable <= -math.log(limit),
        detectable,
        lambda level: over_reference(wilson(x, n, level=level)),
    )


def verdicts(contrasts: Sequence[Contrast], *, level: float = 0.95) -> tuple[Verdict, ...]:
    """The four-state answer to each of the comparisons made together; ``not_estimable`` without rows."""
    known = [contrast for contrast in contrasts if math.isfinite(contrast.value)]
    q_values = iter(benjamini_hochberg([contrast.p_value for contrast in known]))
    strict = 1 - (1 - level) / max(len(known), 1)
    return tuple(
        _verdict(contrast, float(next(q_values)), strict) if math.isfinite(contrast.value) else "not_estimable"
        for contrast in contrasts
    )


def overall(answers: Sequence[Verdict], resolvable: Sequence[bool]) -> Verdict:
    """One answer for many: the worst finding; else ``pass`` if every resolvable comparison passes and one exists."""
    for finding in ("fail", "suspect"):
        if finding in answers:
            return "fail" if finding == "fail" else "suspect"
    gated = [answer for answer, able in zip(answers, resolvable, strict=True) if able]
    if gated and all(answer == "pass" for answer in gated):
        return "pass"
    return "not_estimable" if all(answer == "not_estimable" for answer in answers) else "inconclusive"


def benjamini_hochberg(p_values: npt.ArrayLike) -> FloatArray:
    """q-values of p-values (m,): the false-discovery rate at which each would be called a finding.

    Source: Benjamini and Hochberg, JRSS B 57 (1995) 289.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty_like(p)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's adjusted p-values (m,): reject those below alpha, and the chance of any false rejection is at most alpha.

    The k-th smallest becomes the largest of (m - j + 1)·p_j over j ≤ k, at most 1.
    Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65.
    """
    p = finite(p_values, "p_values")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))), 1.0)
    return adjusted


def gap_sentence(
    who: str, what: str, sides: tuple[float, float], gap: Estimate, contrast: Contrast, verdict: Verdict
) -> str:
    """The whole finding in one sentence: both sides, the gap with interval and rows, the tolerance, the answer."""
    kind = "ratio" if contrast.lowest > 0 else "difference"
    if verdict == "not_estimable":
        return f"{who}: {what} not estimable against the rest (n = {gap.n:,})."
    few = " Too few rows to show that an equal group is equal."
    unit = f" {gap.unit}" if gap.unit else ""
    return (
        f"{who}: {what} {sides[0]:.3g} against {sides[1]:.3g} in the rest, {kind} {gap.value:.3f}{unit} "
        f"[{gap.low:.3f}, {gap.high:.3f}] (n = {gap.n:,}), tolerated {contrast.lowest:.2f} to {contrast.highest:.2f}: "
        f"{verdict}.{few if verdict == 'inconclusive' and not contrast.resolvable else ''}"
    )


def _verdict(contrast: Contrast, q_value: float, strict: float) -> Verdict:
    if contrast.outside(contrast.interval(strict)):
        return "fail"
    if not contrast.lowest <= contrast.value <= contrast.highest and q_value < SUSPECT_Q:
        return "suspect"
    return "pass" if contrast.inside(contrast.interval(PASS_LEVEL)) else "inconclusive"


def _p_value(value: float, error: float) -> float:
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(value) / error)


def _empty(lowest: float, highest: float) -> Contrast:
    return Contrast(math.nan, lowest, highest, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))


def _check_tolerance(tolerance: float) -> None:
    if not tolerance > 0:
        raise DataError("a tolerance outside its range", got=tolerance, allowed="above 0", do="Use 0.1 for instance")


def _check_limit(limit: float) -> None:
    if not 0 < limit < 1:
        raise DataError(
            "a ratio limit outside its range", got=limit, allowed="between 0 and 1", do="Use 0.8 for instance"
        )

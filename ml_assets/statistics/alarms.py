"""One rule for every alarm: a figure alarms when it is beyond its limit and that is not chance at the declared rate.

Figures come with an interval at their own level; a bound at another error rate is read off it by the normal quantile, on
the side that matters.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ml_assets.errors import DataError
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import normal_quantile

Direction = Literal["higher", "lower"]
"""What is better."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """``alarm``: ``beyond`` the limit and ``proven``, that is not chance at ``error``."""

    limit: float
    beyond: bool
    proven: bool
    error: float

    @property
    def alarm(self) -> bool:
        return self.beyond and self.proven

    @property
    def words(self) -> str:
        """What the rule found, for the end of a sentence; empty when nothing is beyond."""
        if not self.beyond:
            return ""
        return "beyond the limit, and beyond chance" if self.proven else "beyond the limit, but within chance"


def per_look(rate: float, looks: float) -> float:
    """The error each of ``looks`` independent looks may have so that any of them errs with probability ``rate``.

    ``1 - (1 - rate)^(1 / looks)`` (Šidák 1967); without independence up to ``-ln(1 - rate)``.
    """
    if not (0 < rate < 1 and looks >= 1):
        got = f"rate {rate}, {looks} looks"
        raise DataError(
            "an error rate to divide", got=got, allowed="0 < rate < 1, 1 look or more", do="Correct the rule"
        )
    return -math.expm1(math.log1p(-rate) / looks)


def worse_than(now: Estimate, limit: float, *, better: Direction = "higher", error: float) -> Alarm:
    """Whether a figure is worse than a fixed ``limit``; wrongly with probability ``error`` when it is at the limit."""
    _check(error)
    beyond = now.value < limit if better == "higher" else now.value > limit
    gap = abs(now.value - limit)
    return Alarm(limit, beyond, beyond and gap > _quantile(error) * _error(now, _upward(better)), error)


def fallen(now: Estimate, before: Estimate, *, drop: float, better: Direction = "higher", error: float) -> Alarm:
    """Whether a figure is worse than an earlier one by more than ``drop``, both being estimates of independent rows.

    It alarms wrongly with probability ``error`` at most when nothing has changed: the loss must be proven against
    no loss, and be larger than ``drop``.
    """
    _check(error)
    sign = 1.0 if better == "higher" else -1.0
    loss = sign * (before.value - now.value)
    spread = math.hypot(_error(now, _upward(better)), _error(before, not _upward(better)))
    return Alarm(before.value - sign * drop, loss > drop, loss > _quantile(error) * spread, error)


def _upward(better: Direction) -> bool:
    return better == "higher"


def _error(of: Estimate, upward: bool) -> float:
    """Standard error on one side of a figure, from its interval; infinite where the interval is."""
    half = of.high - of.value if upward else of.value - of.low
    return half / normal_quantile(of.level) if math.isfinite(half) else math.inf


def _quantile(error: float) -> float:
    return normal_quantile(1 - 2 * error)


def _check(error: float) -> None:
    if not 0 < error < 0.5:
        raise DataError("an error rate of an alarm", got=error, allowed="above 0, below 0.5", do="Correct the rule")

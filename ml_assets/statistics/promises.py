"""A promised effect, and whether it came: what a plan of remedies is held to by the next training."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ml_assets.errors import DataError
from ml_assets.statistics.disparity import FAIRNESS_METRICS

Answer = Literal["met", "not met", "not measured"]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a plan entry promises: a metric of a group inside a bound. A difference is held by its size, without its sign."""

    finding: str
    metric: str
    group: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            got = f"at_most {self.at_most}, at_least {self.at_least}"
            raise DataError("a promise has one bound", got=got, allowed="at_most or at_least", do="Give one")


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure as a promise needs it; nan when it cannot be estimated."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """A promise beside what was measured. ``not measured`` is no success: nothing was shown."""

    promise: Promise
    measured: Measured | None
    answer: Answer
    sentence: str


def figures(rows: Iterable[tuple[str, str, Mapping[str, Any] | None]]) -> dict[tuple[str, str], Measured]:
    """Measured figures from (metric, group, estimate as a record); a record without a value is not estimable."""
    return {(metric, group): _measured(record) for metric, group, record in rows if record is not None}


def _measured(record: Mapping[str, Any]) -> Measured:
    value, low, high = (math.nan if record.get(k) is None else float(record[k]) for k in ("value", "low", "high"))
    return Measured(value, low, high, int(record["n"]))


def about_decisions(promises: Iterable[Promise]) -> tuple[Promise, ...]:
    """The promises that only the decisions of a model can keep: those about a fairness metric."""
    return tuple(p for p in promises if p.metric in FAIRNESS_METRICS)


def decision_outcomes(promises: Iterable[Promise], gaps: Iterable[Mapping[str, Any]]) -> tuple[Outcome, ...]:
    """The promises about decisions against the gaps of a model.

    ``gaps`` are records with ``metric``, ``attribute``, ``group`` and ``value`` (an estimate). A promise without a figure
    among them is "not measured".
    """
    rows = ((str(g["metric"]), f"{g['attribute']}={g['group']}", g["value"]) for g in gaps)
    return outcomes(about_decisions(promises), figures(rows))


def outcomes(promises: Sequence[Promise], measured: Mapping[tuple[str, str], Measured]) -> tuple[Outcome, ...]:
    """Each promise against the measured figures, by (metric, ``attribute=group``).

    A promise about an attribute without a group is held by its worst group. The estimate decides, and its interval is told:
    a bound that only an interval breaks is a matter of more rows.
    """
    return tuple(_outcome(one, _worst(one, measured)) for one in promises)


def _worst(promise: Promise, measured: Mapping[tuple[str, str], Measured]) -> Measured | None:
    found = [
        m
        for (metric, group), m in measured.items()
        if metric == promise.metric and (group == promise.group or group.split("=")[0] == promise.group)
    ]
    found = [m for m in found if math.isfinite(m.value)]
    if not found:
        return None
    if promise.at_most is not None:
        return max(found, key=lambda m: abs(m.value))
    return min(found, key=lambda m: m.value)


def _outcome(promise: Promise, found: Measured | None) -> Outcome:
    bound = f"at most {promise.at_most:g}" if promise.at_most is not None else f"at least {promise.at_least:g}"
    what = f"{promise.finding}: {promise.metric} of {promise.group} promised {bound}"
    if found is None:
        return Outcome(promise, None, "not measured", f"{what}, not measured.")
    kept = (
        abs(found.value) <= promise.at_most + 1e-9
        if promise.at_most is not None
        else found.value >= (promise.at_least or 0.0) - 1e-9
    )
    answer: Answer = "met" if kept else "not met"
    interval = f" [{found.low:.3f}, {found.high:.3f}]" if math.isfinite(found.low) and math.isfinite(found.high) else ""
    return Outcome(promise, found, answer, f"{what}, is {found.value:.3f}{interval} (n = {found.n:,}): {answer}.")

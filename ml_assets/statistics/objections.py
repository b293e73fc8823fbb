"""What speaks against letting a model learn from a column? One small rule per reason, each with its figure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ml_assets.statistics.columns import Column
from ml_assets.statistics.dates import DateLikeText
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.leakage import Leak
from ml_assets.statistics.proxies import Proxy

Screened = Literal["use", "drop", "review"]

MISSING_LIMIT = 0.95
ID_SHARE = 0.95
PROXY_LIMIT = 0.5
STALE_LIMIT = 0.999
UNSEEN_LIMIT = 0.9
# With fewer rows distinct values are no sign of an identifier.
_ID_ROWS = 20


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What people know about a column: when it is available, what it costs per row (money), and why it is there."""

    available: Literal["at_prediction", "after_outcome", "unknown"] = "unknown"
    cost: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of one column that the rules read.

    ``running``: whole numbers that run on with the rows; ``dates``: how far its text looks like dates.
    """

    column: Column
    facts: ColumnFacts
    missing_share: float
    distinct: int
    running: bool
    usefulness: Estimate
    stale: float
    stale_before: float
    unseen: float
    proxy: Proxy
    dates: DateLikeText | None = None

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.column.missing.size)


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules know beyond the column: the target's name, protected columns, and suspected leaks."""

    target: str
    protected: frozenset[str]
    leaks: Mapping[str, Leak]


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason with its figures; "use" marks a note that asks for nothing."""

    verdict: Screened
    sentence: str


def objections(one: Measured, context: Context) -> tuple[Finding, ...]:
    """Every finding about one column, in the order of the rules; empty when nothing speaks against it."""
    return tuple(finding for rule in _RULES if (finding := rule(one, context)) is not None)


def _is_target(one: Measured, context: Context) -> Finding | None:
    return Finding("drop", "It is the target itself.") if one.name == context.target else None


def _empty(one: Measured, _: Context) -> Finding | None:
    if one.missing_share < MISSING_LIMIT:
        return None
    return Finding("drop", f"{one.missing_share:.1%} of {one.rows:,} rows have no value (limit {MISSING_LIMIT:.0%}).")


def _constant(one: Measured, _: Context) -> Finding | None:
    # One value beside missing ones still tells the rows apart.
    if one.distinct != 1 or one.missing_share > 0:
        return None
    return Finding("drop", f"It has one value in all {one.rows:,} rows.")


def _identifier(one: Measured, _: Context) -> Finding | None:
    present = one.rows - int(one.column.missing.sum())
    if present < _ID_ROWS or one.distinct < ID_SHARE * present:
        return None
    if one.column.kind != "categorical" and not one.running:
        return None
    return Finding("drop", f"It identifies rows: {one.distinct:,} different values in {present:,} rows.")


def _after_outcome(one: Measured, _: Context) -> Finding | None:
    if one.facts.available != "after_outcome":
        return None
    why = f": {one.facts.reason.rstrip('.')}" if one.facts.reason else ""
    return Finding("drop", f"Declared to be known only after the outcome{why}.")


def _leak(one: Measured, context: Context) -> Finding | None:
    leak = context.leaks.get(one.name)
    if leak is None:
        return None
    if one.facts.available == "at_prediction":
        # A person answered the question; what practically is the target is asked about again all the same.
        return Finding("review" if leak.certain else "use", f"{leak.sentence} Declared to be known at prediction.")
    if leak.certain:
        return Finding("drop", leak.sentence)
    return Finding("review", f"{leak.sentence} Is it known before the outcome? Declare when it becomes available.")


def _stale(one: Measured, _: Context) -> Finding | None:
    if not one.stale >= STALE_LIMIT or one.stale_before >= MISSING_LIMIT:
        return None
    return Finding(
        "review",
        f"It stands still: one value fills {one.stale:.1%} of the newest third of batches, "
        f"{one.stale_before:.1%} before.",
    )


def _clock(one: Measured, _: Context) -> Finding | None:
    if not one.unseen >= UNSEEN_LIMIT:
        return None
    return Finding(
        "review",
        f"It marks the time: {one.unseen:.1%} of its values in the newest third of batches never occurred before.",
    )


def _protected(one: Measured, context: Context) -> Finding | None:
    return Finding("review", "It is a protected attribute itself.") if one.name in context.protected else None


def _proxy(one: Measured, context: Context) -> Finding | None:
    if one.name in context.protected or not one.proxy.strength >= PROXY_LIMIT:
        return None
    return Finding(
        "review",
        f"It stands in for {one.proxy.attribute}: Cramér's V {one.proxy.strength:.2f} (limit {PROXY_LIMIT}). "
        "Keep it only with a justification.",
    )


def _paid_for_nothing(one: Measured, _: Context) -> Finding | None:
    useless = 0.0 if one.usefulness.name == "rank_correlation" else 0.5
    if one.facts.cost <= 0 or not one.usefulness.low <= useless:
        return None
    return Finding("review", f"It costs {one.facts.cost:g} per row and alone tells nothing: {one.usefulness}.")


def _dates_as_text(one: Measured, _: Context) -> Finding | None:
    found = one.dates
    if found is None or not found.mostly:
        return None
    seen = f"{found.iso + found.other:,} of {found.present:,} values look like dates and stay categories, where each new date is unseen"
    if found.example is None:
        return Finding("use", f"{seen}: declare its type, datetime64, in data_pipeline.contract.")
    return Finding(
        "use",
        f"{seen}, since {found.example[:40]!r} is no ISO-8601 date: have the source write each as 2024-01-31, "
        "or make numbers of them in data_pipeline.features.",
    )


_RULES: tuple[Callable[[Measured, Context], Finding | None], ...] = (
    _is_target,
    _empty,
    _constant,
    _identifier,
    _after_outcome,
    _leak,
    _stale,
    _clock,
    _protected,
    _proxy,
    _paid_for_nothing,
    _dates_as_text,
)

"""When rows arrive, and how the stream is cut into batches."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import model_validator

from ml_assets.declaration._base import Declaration
from ml_assets.declaration._types import Duration, FunctionPath, load_function

Every = Literal["hour", "day", "week", "month", "file"]
WHOLE_TABLE = "all"
"""Key of the only batch of a single table."""
PERIODS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
}
Season = Literal["none", "hour", "weekday", "month"]
SEASONS: dict[Season, str] = {"hour": "%H:00", "weekday": "%A", "month": "%B"}
KEY_FORMATS = {"hour": "%Y-%m-%d-%H:%M", "day": "%Y-%m-%d", "week": "%Y-%m-%d", "month": "%Y-%m-%d"}


@dataclass(frozen=True, slots=True)
class Batch:
    """One arrival of rows: its key, and for streams its window ``[start, end)`` in UTC without zone."""

    key: str
    start: datetime | None = None
    end: datetime | None = None

    def season(self, kind: "Season") -> str | None:
        """The part of the day, week or year it starts in, as a word; None without a window, or for ``none``."""
        return self.start.strftime(SEASONS[kind]) if self.start is not None and kind in SEASONS else None


class Arrival(Declaration):
    """How rows arrive."""

    every: Every
    event_time: str | None = None
    """Column with the time of the row; required but for files."""
    start: date | datetime | None = None
    end: date | datetime | None = None
    """Last moment of a stream that is over (a replay of history)."""
    late_after: Duration | None = None
    """Age of the newest row at which the feed counts as late; twice the period when left out."""
    clock: FunctionPath | None = None
    """() → the present time of the source system; the machine's clock when left out."""

    @model_validator(mode="after")
    def _complete(self) -> "Arrival":
        if self.every != "file" and (self.event_time is None or self.start is None):
            raise ValueError(f"got every: {self.every} without event_time or start; allowed: both, or every: file")
        return self

    @property
    def period(self) -> timedelta | None:
        return PERIODS.get(self.every)

    @property
    def late_limit(self) -> timedelta | None:
        return self.late_after or (2 * self.period if self.period else None)

    def now(self) -> datetime:
        """The present, in UTC without zone."""
        if self.clock is None:
            return datetime.now(UTC).replace(tzinfo=None)
        value = load_function(self.clock)()
        if not isinstance(value, datetime):
            raise TypeError(f"{self.clock} returned {value!r}; a clock returns a datetime")
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value

    def batch(self, key: str) -> Batch:
        """The batch behind a partition key."""
        if self.every == "file":
            return Batch(key)
        start = datetime.strptime(key, KEY_FORMATS[self.every])
        return Batch(key, start, _next(start, self.every))


def _next(start: datetime, every: Every) -> datetime:
    if every == "month":
        return (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return start + PERIODS[every]

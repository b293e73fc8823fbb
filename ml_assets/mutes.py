"""Acknowledged alarms: a check, or one drifting column, told to ask for nothing until a date, by whom and why.

A muted alarm stays visible as a failed check that asks for a look; it neither retrains nor notifies. After the date it
alarms again by itself. Checks that block a batch cannot be muted.
"""

import getpass
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime

from ml_assets.declaration.arrival import Batch
from ml_assets.errors import StoreError
from ml_assets.evidence import Verdict
from ml_assets.resources.store import SolutionStore

MUTES = "mutes"
DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Mute:
    """``check`` asks for nothing before ``until`` (of data time for streams); ``column``: only that column of ``drift``."""

    check: str
    until: date
    reason: str
    by: str
    given: str
    column: str | None = None

    def covers(self, batch: Batch) -> bool:
        """Whether it stands for a batch: by its start, or for batches without a time by today."""
        day = batch.start.date() if batch.start is not None else datetime.now(UTC).date()
        return day < self.until

    @property
    def sentence(self) -> str:
        """The mute in words."""
        what = f"{self.check} of {self.column}" if self.column else self.check
        return f"{what} muted until {self.until} by {self.by}: {self.reason}"


def mutes(store: SolutionStore) -> list[Mute]:
    """Every mute that was given and not taken back, oldest first."""
    facts = store.find_facts(MUTES)
    return [Mute(**{**m, "until": date.fromisoformat(m["until"])}) for m in facts["mutes"]] if facts else []


def mute(
    store: SolutionStore, check: str, *, until: date, reason: str, allowed: Collection[str], column: str | None = None
) -> Mute:
    """Acknowledge an alarm until a date; a second mute of the same thing replaces the first.

    ``allowed``: the checks that can be muted. Raises ``StoreError`` for another check, a column where it has no meaning,
    or an empty reason.
    """
    if check not in allowed:
        raise StoreError(
            "this check cannot be muted", got=check, allowed=", ".join(sorted(allowed)), do="Name one of them"
        )
    _require_column(store, check, column)
    if not reason.strip():
        raise StoreError("a mute without a reason", got="nothing", allowed="why it may be ignored", do="Give --reason")
    given = Mute(check, until, reason.strip(), _person(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", column)
    _write(store, [*(m for m in mutes(store) if (m.check, m.column) != (check, column)), given])
    return given


def _person() -> str:
    """Who runs this; a container may know no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "an unnamed user"


def _require_column(store: SolutionStore, check: str, column: str | None) -> None:
    if column is None:
        return
    if check != DRIFT:
        raise StoreError("only drift is muted by column", got=check, allowed=DRIFT, do="Leave --column out")
    grid = store.find_facts("grid")
    if grid is not None:
        known = [*grid["edges"], *grid["categories"], "ml:score", "ml:decision"]
        if column not in known:
            raise StoreError("no such column is watched", got=column, allowed=", ".join(known), do="Correct --column")


def unmute(store: SolutionStore, check: str, *, column: str | None = None) -> Mute:
    """Take a mute back. Raises ``StoreError`` when there is none."""
    standing = mutes(store)
    found = [m for m in standing if (m.check, m.column) == (check, column)]
    if not found:
        allowed = "; ".join(m.sentence for m in standing) or "nothing is muted"
        raise StoreError("there is no such mute", got=f"{check} {column or ''}".strip(), allowed=allowed, do="Name one")
    _write(store, [m for m in standing if m not in found])
    return found[0]


def _write(store: SolutionStore, standing: list[Mute]) -> None:
    store.write_facts(MUTES, {"mutes": [asdict(m) | {"until": m.until.isoformat()} for m in standing]})


def acknowledged(store: SolutionStore, check: str, batch: Batch, verdict: Verdict) -> Verdict:
    """The verdict, asking for nothing when the whole check is muted for the batch; a passed one as it is."""
    if verdict.passed or not verdict.act:
        return verdict
    found = [m for m in mutes(store) if m.check == check and m.column is None and m.covers(batch)]
    return replace(verdict, act=False, sentence=f"{found[0].sentence}. {verdict.sentence}") if found else verdict


def muted_columns(store: SolutionStore, batch: Batch) -> dict[str, Mute]:
    """Columns whose drift asks for nothing in a batch."""
    return {m.column: m for m in mutes(store) if m.check == DRIFT and m.column and m.covers(batch)}

"""When to retrain: evidence in, one decision with its reason out. Pure; it reads no clock and no store.

A retraining is requested when a watched check fails often enough, once per piece of evidence, never because of broken
data, never while another one runs, never sooner than the cool-down and never beyond the budget. Every answer is a
sentence.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from ml_assets.errors import DataError

Kind = Literal["drift", "performance", "freshness", "fairness", "age"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Mark = tuple[str, float]

MAX_ATTEMPTS = 3
STATE_VERSION = 1
_REMEMBERED = 200  # requests and failures kept in the state: more than any budget asks for, yet a small cursor


@dataclass(frozen=True, slots=True)
class Evidence:
    """One evaluation of one watched check on one batch.

    ``mark`` is unique and grows with time within a check (the id of the evaluation, or the time a freshness state
    changed): it is what makes a piece of evidence request once. A batch that is evaluated again counts with its
    newest mark only.
    """

    kind: Kind
    check: str
    batch: str
    mark: float
    passed: bool
    sentence: str

    @property
    def key(self) -> str:
        """The line of evidence it belongs to: marks are compared within it only."""
        return f"{self.kind}:{self.check}"


@dataclass(frozen=True, slots=True)
class RetrainingRule:
    """What is watched and how patient the policy is.

    A check asks for a retraining when ``k`` of its last ``n`` batches failed (freshness and age: at once, 1 of 1: what is
    too old does not get younger). ``cool_down_seconds`` counts from the last request; ``at_most = (count, seconds)``
    allows that many requests within any such span, ``None`` any number.
    """

    on: tuple[Kind, ...] = KINDS
    k: int = 2
    n: int = 3
    cool_down_seconds: float = 86_400.0
    at_most: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.on if kind not in KINDS]
        if unknown:
            raise DataError("kind of evidence to watch", got=unknown, allowed=", ".join(KINDS), do="Correct `on`")
        if not 1 <= self.k <= self.n:
            raise DataError("persistence", got=f"{self.k} of {self.n}", allowed="1 <= k <= n", do="Correct `k` and `n`")
        if self.cool_down_seconds < 0:
            raise DataError("cool-down", got=f"{self.cool_down_seconds} s", allowed="0 s or more", do="Correct it")
        if self.at_most is not None and (self.at_most[0] < 1 or self.at_most[1] <= 0):
            raise DataError(
                "budget", got=self.at_most, allowed="(at least 1, more than 0 seconds)", do="Correct `at_most`"
            )

    def persistence(self, kind: Kind) -> tuple[int, int]:
        """``(k, n)`` for one kind of evidence."""
        return (1, 1) if kind in ("freshness", "age") else (self.k, self.n)


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What the policy remembers between looks; small, and JSON both ways.

    ``handled``: highest mark per line of evidence that a request has answered. ``reopened``: marks below it that are
    pending again, because their retraining failed. ``attempts``: failed requests per such mark. ``failures``: failed
    runs already counted. ``last_request`` and ``requests``: timestamps in seconds, oldest first.
    """

    handled: Mapping[str, float] = field(default_factory=dict)
    last_request: float | None = None
    requests: tuple[float, ...] = ()
    reopened: tuple[Mark, ...] = ()
    attempts: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[str, ...] = ()

    def has_handled(self, evidence: Evidence) -> bool:
        """Whether a request has already answered this evidence and has not failed since."""
        mark = float(evidence.mark)
        return mark <= self.handled.get(evidence.key, -float("inf")) and (evidence.key, mark) not in self.reopened

    def to_json(self) -> str:
        """The state as one line of JSON (the cursor of a sensor)."""
        facts = {
            "version": STATE_VERSION,
            "handled": dict(self.handled),
            "last_request": self.last_request,
            "requests": list(self.requests),
            "reopened": [list(mark) for mark in self.reopened],
            "attempts": dict(self.attempts),
            "failures": list(self.failures),
        }
        return json.dumps(facts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | None) -> "PolicyState":
        """The inverse of :meth:`to_json`; nothing (a first look) is the empty state.

        Raises ``DataError`` for text that no version of this class wrote: starting from empty would request a second
        time.
        """
        if not text:
            return cls()
        try:
            facts = json.loads(text)
            if facts["version"] != STATE_VERSION:
                raise KeyError("version")
            return _state_from(facts)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                "state of the retraining policy",
                got=repr(text[:80]),
                allowed=f"JSON of version {STATE_VERSION}",
                do="Reset the cursor of the sensor if its memory may be lost",
            ) from error


def _state_from(facts: Mapping[str, Any]) -> PolicyState:
    last = facts["last_request"]
    return PolicyState(
        handled={str(key): float(mark) for key, mark in facts["handled"].items()},
        last_request=None if last is None else float(last),
        requests=tuple(float(time) for time in facts["requests"]),
        reopened=tuple((str(key), float(mark)) for key, mark in facts["reopened"]),
        attempts={str(key): int(count) for key, count in facts["attempts"].items()},
        failures=tuple(str(failure) for failure in facts["failures"]),
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """``retrain`` with the evidence that asked for it, or ``skip`` with what held it back.

    ``evidence`` holds the failing evaluations the sentence is about (when skipping: the pending ones); ``state`` is
    what to remember: unchanged on a skip.
    """

    action: Literal["retrain", "skip"]
    reason: str
    evidence: tuple[Evidence, ...]
    state: PolicyState

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What to hand to :func:`reopen` should the requested run fail: put them on the run."""
        return tuple((item.key, float(item.mark)) for item in self.evidence)


def decide(
    evidence: Sequence[Evidence],
    state: PolicyState,
    rule: RetrainingRule,
    *,
    now: float,
    in_flight: str | None = None,
    broken_data: str | None = None,
    nothing_new: str | None = None,
    broken_batches: Collection[str] = (),
) -> Decision:
    """Whether to request a retraining now.

    ``evidence`` is the history of the watched checks, newest last: the last ``n`` batches of each are looked at.
    ``now`` is in seconds on the clock of the state. ``in_flight`` names a retraining that runs, ``broken_data`` says
    what is wrong with the newest rows, ``nothing_new`` why there is nothing to learn from; each holds a request back
    and leaves its evidence pending. Evidence on ``broken_batches`` never counts. A request answers all watched
    evidence seen so far, also failures that had not persisted yet: they speak about the model that is being replaced.
    """
    windows = _windows(evidence, rule, broken_batches)
    failing = tuple(item for window in windows for item in window if not item.passed)
    if not failing:
        return Decision("skip", "all watched checks pass", (), state)
    open_windows = [tuple(i for i in window if not i.passed and not state.has_handled(i)) for window in windows]
    pending = tuple(item for window in open_windows for item in window)
    if not pending:
        return Decision("skip", f"already handled: {_say(failing)}", failing, state)
    causes = tuple(item for window in open_windows if _persists(window, rule) for item in window)
    if not causes:
        return Decision("skip", _waiting(open_windows, rule), pending, state)
    held = _held_back(state, rule, now, (broken_data, in_flight, nothing_new))
    if held:
        return Decision("skip", f"{held}; pending: {_say(causes)}", causes, state)
    return Decision("retrain", _say(causes), causes, _remember(state, windows, now))


def reopen(state: PolicyState, marks: Iterable[Mark], *, failure: str) -> PolicyState:
    """Make evidence pending again because the retraining it asked for failed.

    ``marks`` are :attr:`Decision.marks` of that request and ``failure`` names the failed run: reporting it again
    changes nothing. One piece of evidence is tried ``MAX_ATTEMPTS`` times in all, then it stays handled. The
    cool-down still counts.
    """
    if failure in state.failures:
        return state
    attempts = dict(state.attempts)
    again = set(state.reopened)
    for key, mark in marks:
        name = f"{key}@{float(mark)!r}"
        attempts[name] = attempts.get(name, 0) + 1
        if attempts[name] < MAX_ATTEMPTS:
            again.add((key, float(mark)))
    kept = dict(list(attempts.items())[-_REMEMBERED:])
    failures = (*state.failures, failure)[-_REMEMBERED:]
    return replace(state, reopened=tuple(sorted(again)), attempts=kept, failures=failures)


def _windows(
    evidence: Sequence[Evidence], rule: RetrainingRule, broken_batches: Collection[str]
) -> list[tuple[Evidence, ...]]:
    """Per line of evidence the newest evaluation of each of its last n batches, oldest first."""
    newest: dict[str, dict[str, Evidence]] = {}
    for item in sorted(evidence, key=lambda one: one.mark):
        if item.kind in rule.on and item.batch not in broken_batches:
            newest.setdefault(item.key, {})[item.batch] = item  # evaluated again, a batch keeps its place
    return [tuple(batches.values())[-rule.persistence(_kind(key))[1] :] for key, batches in newest.items()]


def _kind(key: str) -> Kind:
    return next(kind for kind in KINDS if key.startswith(f"{kind}:"))


def _persists(open_window: Sequence[Evidence], rule: RetrainingRule) -> bool:
    return bool(open_window) and len(open_window) >= rule.persistence(open_window[0].kind)[0]


def _say(items: Sequence[Evidence]) -> str:
    """One clause per line of evidence, the newest failure speaking for it."""
    newest = {item.key: item for item in items}
    counts: dict[str, int] = {}
    for item in items:
        counts[item.key] = counts.get(item.key, 0) + 1
    clauses = []
    for key, item in newest.items():
        batches = f"batch {item.batch}" if counts[key] == 1 else f"{counts[key]} batches, last {item.batch}"
        where = f" ({batches})" if item.batch else ""
        name = item.kind if item.kind == item.check else f"{item.kind} {item.check}"
        clauses.append(f"{name}{where}: {item.sentence}")
    return "; ".join(clauses)


def _waiting(open_windows: Iterable[tuple[Evidence, ...]], rule: RetrainingRule) -> str:
    parts = []
    for window in open_windows:
        if window:
            k, n = rule.persistence(window[0].kind)
            parts.append(f"{len(window)} of the {k} failures in {n} batches that {window[0].check} needs")
    return f"not persistent yet: {'; '.join(parts)}"


def _held_back(
    state: PolicyState, rule: RetrainingRule, now: float, outside: tuple[str | None, str | None, str | None]
) -> str | None:
    """The first guard that holds a request back, as a clause."""
    broken_data, in_flight, nothing_new = outside
    if broken_data:
        return f"broken data is no reason to retrain: {broken_data}"
    if in_flight:
        return f"a retraining is already in flight: {in_flight}"
    if nothing_new:
        return f"nothing new to learn from: {nothing_new}"
    left = 0.0 if state.last_request is None else state.last_request + rule.cool_down_seconds - now
    if left > 0:
        return f"cool-down: {left:,.0f} s left"
    return _over_budget(state, rule, now)


def _over_budget(state: PolicyState, rule: RetrainingRule, now: float) -> str | None:
    if rule.at_most is None:
        return None
    count, seconds = rule.at_most
    recent = sum(time > now - seconds for time in state.requests)
    return f"budget used up: {recent} of {count} requests within {seconds:,.0f} s" if recent >= count else None


def _remember(state: PolicyState, windows: Iterable[tuple[Evidence, ...]], now: float) -> PolicyState:
    newest = {window[0].key: max(float(item.mark) for item in window) for window in windows if window}
    handled = {**state.handled, **{key: max(state.handled.get(key, mark), mark) for key, mark in newest.items()}}
    reopened = tuple(mark for mark in state.reopened if mark[0] not in newest)
    requests = (*state.requests, now)[-_REMEMBERED:]
    return replace(state, handled=handled, reopened=reopened, last_request=now, requests=requests)

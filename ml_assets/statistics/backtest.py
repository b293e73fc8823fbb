"""What a retraining policy would have earned on the history there is, in the money of the business case.

``gains[t, s]`` is the money batch s brings under the model trained right after batch t, defined for s > t; the model
trained after batch 0 is where every policy starts. A policy sees the signals of a batch after it was scored and may
retrain then, at ``cost``; the new model works from the next batch on. The declared policy is replayed by the very
function that runs live.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.policy import KINDS, Evidence, Kind, PolicyState, RetrainingRule, decide

Signals = Mapping[str, npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class History:
    """A replayable past of T batches.

    ``gains``: (T, T), money, read above the diagonal. ``signals``: per watched check whether it failed on each batch,
    (T,); named ``kind`` or ``kind:check`` with the kinds of the policy. ``cost``: money of one retraining.
    ``broken``: batches whose data were broken, (T,): no policy that watches signals retrains on them.
    """

    gains: FloatArray
    signals: Signals
    cost: float
    broken: npt.NDArray[np.bool_]

    @property
    def batches(self) -> int:
        """T, with the one that only trains."""
        return len(self.gains)


class Policy(Protocol):
    """A way to choose the batches after which to retrain."""

    @property
    def name(self) -> str:
        """How it is called in a table."""
        ...

    def retrain_after(self, history: History, /) -> tuple[int, ...]:
        """The batches after which it retrains, ascending, each within 1..T-2."""
        ...


@dataclass(frozen=True, slots=True)
class Never:
    """Keep the first model."""

    name: str = "never"

    def retrain_after(self, _history: History, /) -> tuple[int, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Every:
    """Retrain after every k-th batch, whatever happens; ``remark``: how k was chosen, said with its name."""

    k: int
    remark: str = ""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise DataError("period of retraining", got=self.k, allowed="1 batch or more", do="Correct it")

    @property
    def name(self) -> str:
        """How it is called in a table."""
        name = "every batch" if self.k == 1 else f"every {self.k} batches"
        return f"{name}, {self.remark}" if self.remark else name

    def retrain_after(self, history: History, /) -> tuple[int, ...]:
        """Each k-th batch."""
        return tuple(range(self.k, history.batches - 1, self.k))


@dataclass(frozen=True, slots=True)
class OnSignal:
    """Retrain when watched signals persist: the live policy, with its times in batches of ``seconds_per_batch``."""

    rule: RetrainingRule
    seconds_per_batch: float = 86_400.0
    name: str = "declared policy"

    def retrain_after(self, history: History, /) -> tuple[int, ...]:
        """Where :func:`ml_assets.statistics.policy.decide` requests, every requested run succeeding."""
        evidence: list[Evidence] = []
        state = PolicyState()
        chosen: list[int] = []
        for batch in range(1, history.batches - 1):
            broken = f"batch {batch}" if history.broken[batch] else None
            if not broken:
                row = chosen[-1] if chosen else 0
                evidence += [
                    _evidence(name, batch, failed=_failed(bad, row, batch)) for name, bad in history.signals.items()
                ]
            watched = evidence[-len(history.signals) * self.rule.n :]
            decision = decide(watched, state, self.rule, now=batch * self.seconds_per_batch, broken_data=broken)
            state = decision.state
            if decision.action == "retrain":
                chosen.append(batch)
        return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Oracle:
    """The best that hindsight can do: dynamic programming over all retraining plans."""

    name: str = "oracle"

    def retrain_after(self, history: History, /) -> tuple[int, ...]:
        """The plan of greatest money less cost; on a tie the one that retrains later."""
        last = history.batches - 1
        best, following = np.zeros(last + 1), [last] * (last + 1)
        for trained in range(last - 1, -1, -1):
            # earned[i]: this model serves batches trained+1 .. trained+1+i, then the next one takes over
            earned = np.cumsum(history.gains[trained, trained + 1 :])
            after = best[trained + 1 :] - history.cost
            after[-1] = 0.0
            totals = earned + after
            choice = len(totals) - 1 - int(np.argmax(totals[::-1]))
            best[trained], following[trained] = totals[choice], trained + 1 + choice
        plan, batch = [], following[0]
        while batch < last:
            plan.append(batch)
            batch = following[batch]
        return tuple(plan)


@dataclass(frozen=True, slots=True)
class PolicyOutcome:
    """What one policy would have brought over T-1 scored batches.

    ``money``: earned before the cost of retraining; ``cost``: of its retrainings; ``regret``: 0 as good as the
    oracle, 1 no better than never retraining, above 1 worse; ``nan`` where retraining could not have paid at all.
    """

    name: str
    retrains: int
    money: float
    cost: float
    regret: float
    after: tuple[int, ...]

    @property
    def net(self) -> float:
        """Money less the cost of retraining."""
        return self.money - self.cost


def history(
    gains: npt.ArrayLike,
    signals: Mapping[str, npt.ArrayLike],
    *,
    cost: float,
    broken: npt.ArrayLike | None = None,
) -> History:
    """Check and align the past of a solution; see :class:`History` for shapes and units. Raises ``DataError``."""
    matrix = np.asarray(gains, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 2:
        raise DataError("gains", got=f"shape {matrix.shape}", allowed="(T, T) with T of 2 or more", do="Score again")
    if not np.isfinite(matrix[np.triu_indices(len(matrix), 1)]).all():
        raise DataError("gains", got="gaps above the diagonal", allowed="finite money", do="Score every later batch")
    if not (math.isfinite(cost) and cost >= 0):
        raise DataError("cost of a retraining", got=cost, allowed="0 or more", do="Correct it")
    every = {(len(matrix),), matrix.shape}
    known = {name: _flags(name, values, every) for name, values in signals.items()}
    for name in known:
        _kind(name)
    quiet = np.zeros(len(matrix), dtype=bool)
    return History(matrix, known, cost, quiet if broken is None else _flags("broken", broken, {(len(matrix),)}))


def replay(
    gains: npt.ArrayLike,
    signals: Mapping[str, npt.ArrayLike],
    policy: Policy,
    *,
    cost: float,
    broken: npt.ArrayLike | None = None,
) -> PolicyOutcome:
    """What ``policy`` would have brought; see :func:`history` for the arguments.

    Money counts each batch under the model in force when it arrived. Not a promise: the past is one draw, and a
    policy that was tuned on it looks better than it is.
    """
    return backtest(gains, signals, (policy,), cost=cost, broken=broken)[0]


def backtest(
    gains: npt.ArrayLike,
    signals: Mapping[str, npt.ArrayLike],
    policies: Sequence[Policy],
    *,
    cost: float,
    broken: npt.ArrayLike | None = None,
) -> tuple[PolicyOutcome, ...]:
    """:func:`replay` of several policies on one past, in their order; regret is measured against never and oracle."""
    past = history(gains, signals, cost=cost, broken=broken)
    ends = (_net(past, Never().retrain_after(past)), _net(past, Oracle().retrain_after(past)))
    return tuple(_outcome(past, policy, ends) for policy in policies)


def _outcome(past: History, policy: Policy, ends: tuple[float, float]) -> PolicyOutcome:
    after = policy.retrain_after(past)
    never, oracle = ends
    cost = past.cost * len(after)
    money = _money(past, after)
    room = oracle - never
    regret = (oracle - (money - cost)) / room if room > 1e-9 * max(1.0, abs(oracle)) else math.nan
    return PolicyOutcome(policy.name, len(after), money, cost, regret, after)


def _money(past: History, after: tuple[int, ...]) -> float:
    starts, ends = (0, *after), (*after, past.batches - 1)
    return float(sum(past.gains[s, s + 1 : e + 1].sum() for s, e in zip(starts, ends, strict=True)))


def _net(past: History, after: tuple[int, ...]) -> float:
    return _money(past, after) - past.cost * len(after)


def _evidence(name: str, batch: int, *, failed: bool) -> Evidence:
    said = "failed" if failed else "passed"
    return Evidence(_kind(name), name.partition(":")[2] or name, str(batch), batch, not failed, said)


def _failed(flags: npt.NDArray[np.bool_], trained: int, batch: int) -> bool:
    return bool(flags[batch] if flags.ndim == 1 else flags[trained, batch])


def _kind(name: str) -> Kind:
    kind = name.partition(":")[0]
    if kind not in KINDS:
        raise DataError("signal", got=name, allowed=", ".join(KINDS) + ", with :check or without", do="Rename it")
    return kind


def _flags(name: str, values: npt.ArrayLike, shapes: set[tuple[int, ...]]) -> npt.NDArray[np.bool_]:
    flags = np.asarray(values)
    if flags.shape not in shapes or flags.dtype != np.bool_:
        got, allowed = f"{flags.dtype} of shape {flags.shape}", " or ".join(map(str, sorted(shapes)))
        raise DataError(f"signal {name}", got=got, allowed=f"bool of shape {allowed}", do="One flag per batch")
    return flags

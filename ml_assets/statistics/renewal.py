"""After how many blocks of service a model should be replaced: what age costs against what a retraining costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.ageing import FEWEST_BLOCKS, CostOfAge, cost_of_age
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Renewal:
    """The answer; money is that of the losses, ``decisions`` those of one block.

    ``blocks``: a model serves so many and is then replaced; None where no age can be named. ``loss``: money per decision
    that it would lose in the next block, ``lost``: money lost by age while it serves (None with ``blocks``). ``cost``: of
    one retraining; ``rate``: of both per block. ``kept``: money lost per block by one that is kept for all blocks whose
    age was measured, without any cost.

    The interval of ``lost`` adds up those of its ages, as if they erred together: it is wide rather than narrow. n counts
    the blocks of the oldest of them.
    """

    blocks: int | None
    loss: Estimate | None
    lost: Estimate | None
    cost: float
    rate: float
    kept: float
    sentence: str


def renewal(ages: Sequence[CostOfAge], *, decisions: float, cost: float, unit: str = "", block: str = "") -> Renewal:
    """The number of blocks k with the least mean cost per block, (cost + decisions · Σ_{a<k} loss(a)) / k, for k up to the
    oldest age that was measured.

    ``ages`` are those of :func:`~ml_assets.statistics.ageing.cost_of_age`, youngest first; those on fewer than three
    blocks are not read. loss(0) = 0; losses are taken as non-decreasing in age (isotonic least squares, weighted by their
    blocks), and as 0 below the first age whose loss is beyond chance (Holm over all ages): noise makes no case, and the
    answer is late rather than early. On a tie the later k. No age is named where no loss is beyond chance, or where a
    model that is kept for all ages measured loses less than renewing it costs.

    The losses are those of the blocks at hand, and k is chosen on them: what it saves there flatters it. ``decisions``:
    of a block, above 0; ``cost`` ≥ 0; ``block``: how long a block is ("about 2 days").
    Source: the age replacement policy of renewal theory, Barlow and Proschan, Mathematical Theory of Reliability (1965), ch. 3-4.
    Errors: ``DataError`` for decisions or a cost outside their range.
    """
    if not (np.isfinite(decisions) and decisions > 0 and np.isfinite(cost) and cost >= 0):
        got = f"{decisions} decisions, cost {cost}"
        raise DataError("No renewal to weigh", got=got, allowed="decisions above 0, cost 0 or more", do="Correct them")
    known = [one for one in ages if one.loss.n >= FEWEST_BLOCKS]
    first = next((one.age for one in known if one.shown), None)
    if first is None:
        text = "no age of the model asks for a retraining: no loss by age is beyond chance"
        return Renewal(None, None, None, cost, 0.0, 0.0, text)
    losses = np.concatenate([[0.0], _rising(known, first)])
    lost = decisions * np.cumsum(losses)  # lost[k - 1]: in blocks of age 0 to k - 1
    spans = np.arange(1, len(lost) + 1)
    rate = (cost + lost) / spans
    kept = float(lost[-1] / spans[-1])
    usable = rate[:-1]
    best = int(np.flatnonzero(usable <= usable.min() + 1e-12 * max(abs(usable.min()), 1.0))[-1])
    length = f"block{'s' if best else ''}{f' of {block}' if block else ''}"
    if rate[best] >= kept:
        text = f"no age of the model asks for a retraining: the cheapest, after {best + 1} {length}, costs {_money(rate[best], unit)} per block, losses by age are {_money(kept, unit)} per block"
        return Renewal(None, None, None, cost, float(rate[best]), kept, text)
    total = _total(known[: best + 1], float(lost[best]), decisions)
    text = _sentence(known[best], total, first, f"{best + 1} {length}", _money(cost, unit))
    return Renewal(best + 1, known[best].loss, total, cost, float(rate[best]), kept, text)


def known_by_then(gains: npt.ArrayLike, rows: npt.ArrayLike, *, cost: float) -> tuple[int | None, ...]:
    """For each block the age :func:`renewal` named from the blocks up to it alone, as it was known once that one was
    scored; None where it named none.

    ``gains`` (T, T) and ``rows`` (T,) as :func:`~ml_assets.statistics.ageing.cost_of_age` takes them. Retraining by what
    was known by then looks at no block ahead, so that its money is not flattered by the choice of the age. Each block
    tests anew: in a world that stays the chance that some block names an age is above that of one
    look (about a fifth over fourteen blocks, at no cost).
    """
    money, sizes = np.asarray(gains, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    ends = range(1, len(money) + 1)
    past = [(cost_of_age(money[:end, :end], sizes[:end]), float(sizes[:end].mean())) for end in ends]
    return tuple(renewal(ages, decisions=decisions, cost=cost).blocks for ages, decisions in past)


def _rising(known: Sequence[CostOfAge], first: int) -> FloatArray:
    from scipy.optimize import isotonic_regression

    value = np.array([one.loss.value for one in known])
    rising = np.maximum(isotonic_regression(value, weights=[one.loss.n for one in known]).x, 0.0)
    return np.where(np.array([one.age for one in known]) >= first, rising, 0.0)


def _total(served: Sequence[CostOfAge], lost: float, decisions: float) -> Estimate:
    """``lost`` within the sums of the bounds of the ages that are served; the age of the last is where it ends."""
    inside = [one.loss for one in served[:-1]]
    low, high = (decisions * sum(side) for side in ([e.low for e in inside], [e.high for e in inside]))
    last = served[max(len(inside) - 1, 0)].loss
    return Estimate("lost by age", lost, min(low, lost), max(high, lost), last.n, last.unit, last.level)


def _sentence(at: CostOfAge, lost: Estimate, first: int, span: str, cost: str) -> str:
    e = at.loss
    younger = f" (losses before {first} blocks of age are not beyond chance and count as 0)" if first > 1 else ""
    return (
        f"a model should be replaced after {span}: from then on it loses {_money(e.value, e.unit)} per decision "
        f"[{e.low:.4g}, {e.high:.4g}] ({e.n} blocks, n = {at.decisions:,} decisions); by then age has cost "
        f"{_money(lost.value, e.unit)} [{_money(lost.low)}, {_money(lost.high)}]{younger} and a retraining costs {cost}; "
        "chosen on the same blocks"
    )


def _money(value: float, unit: str = "") -> str:
    """Whole from a thousand on, four digits below."""
    return f"{value:{',.0f' if abs(value) >= 1000 else '.4g'}} {unit}".rstrip()

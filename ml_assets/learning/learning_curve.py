"""Would more rows help? The loss of the same recipe on growing shares of the rows, the law it follows, and what is next."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics.clustered import clustered_mean, covariance_of_means
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Answer = Literal["yes", "no", "undecided"]

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
DRAWS = 3
"""Orders of the rows in which each share but the whole is drawn."""
FEWEST = 30
"""Rows below which a share is left out."""
FEWEST_OF_A_CLASS = 5
SMALL = 0.01
"""Share of the present loss below which a gain would not matter."""
POWERS = np.linspace(0.1, 2.0, 39)
_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Judged:
    """A model on the validation rows: loss (m,) and money (m,) of each; lower loss and higher money are better."""

    loss: FloatArray
    money: FloatArray


@dataclass(frozen=True, eq=False)
class Share:
    """``rows`` that taught, and the losses (draws, m) of the same m validation rows by each model they taught."""

    rows: int
    losses: FloatArray


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Loss = ``floor`` + ``scale``·rows^(-``power``): what no rows can take away, and what more rows still do.

    A negative ``scale`` says that more rows made it worse.
    """

    floor: float
    scale: float
    power: float

    def at(self, rows: float) -> float:
        """The loss promised for so many rows."""
        return self.floor + self.scale * math.pow(rows, -self.power)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Mean validation loss of models taught by ``rows``, its interval over validation rows and over ``draws``."""

    rows: int
    draws: int
    loss: Estimate


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """The curve, smallest share first; ``gain``: expected fall of the loss with twice the rows; the ``answer`` to
    whether they would help, against the ``margin`` below which a gain would not matter; all of it in a sentence.
    """

    points: tuple[CurvePoint, ...]
    law: PowerLaw | None
    gain: Estimate
    margin: float
    answer: Answer
    sentence: str


def nested_shares(
    cluster: NDArray[Any], batch: NDArray[Any], *, shares: Sequence[float] = SHARES, seed: int = 0
) -> tuple[IntArray, ...]:
    """Row positions (in order) of growing shares, each within the next: whole clusters, each batch thinned alike.

    ``cluster`` and ``batch`` (n,). A cluster in several batches counts in its newest. Thinning keeps the newest batches in
    every share: the question is about more rows like these, not about older ones.
    """
    if not shares or not all(0 < share <= 1 for share in shares):
        raise DataError("Shares of the rows", got=list(shares), allowed="above 0, at most 1", do="Use 0.1 for instance")
    _, code = np.unique(cluster, return_inverse=True)
    sizes = np.bincount(code)
    _, rank = np.unique(batch, return_inverse=True)
    home = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(home, code, rank)
    order = _interleaved(home, np.random.default_rng(seed))
    reached = np.cumsum(sizes[order])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    counts = [max(1, int(np.searchsorted(reached, share * len(code) - 1e-9)) + 1) for share in shares]
    return tuple(np.flatnonzero(place[code] < count) for count in counts)


def _interleaved(home: IntArray, rng: np.random.Generator) -> IntArray:
    """Clusters in random order, such that every beginning of it holds each batch by its share."""
    order = rng.permutation(len(home))
    position = np.empty(len(home))
    for one in np.unique(home):
        members = order[home[order] == one]
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(position, kind="stable")


def measure_shares(
    cluster: NDArray[Any],
    batch: NDArray[Any],
    truth: NDArray[Any] | None,
    judge: Callable[[IntArray, int], Judged],
    *,
    shares: Sequence[float] = SHARES,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[tuple[Share, ...], tuple[Share, ...]]:
    """Teach with each share, the whole once: its losses on the same validation rows, and the money lost on them (-money).

    ``judge(positions, seed)`` fits on these rows and judges every validation row. ``truth`` (n,) are class codes, None for
    regression: shares that lack ``FEWEST`` rows, or five rows of a class, are left out.
    """
    orders = [nested_shares(cluster, batch, shares=shares, seed=seed + d) for d in range(draws)]
    losses, money = [], []
    for i, share in enumerate(shares):
        picked = [order[i] for order in orders[: draws if share < 1 else 1]]
        if all(enough_of_each(at, truth) for at in picked):
            taught = [judge(at, seed + d) for d, at in enumerate(picked)]
            rows = round(float(np.mean([len(at) for at in picked])))
            losses.append(Share(rows, np.array([one.loss for one in taught])))
            money.append(Share(rows, -np.array([one.money for one in taught])))
    return tuple(losses), tuple(money)


def enough_of_each(at: IntArray, truth: NDArray[Any] | None) -> bool:
    """Whether the rows ``at`` are 30 and hold five of every class that there is; ``truth`` (n,) is None for regression."""
    if len(at) < FEWEST:
        return False
    if truth is None:
        return True
    counts = np.bincount(truth[at].astype(np.int64), minlength=int(truth.max()) + 1)
    return bool((counts[np.unique(truth.astype(np.int64))] >= FEWEST_OF_A_CLASS).all())


def learning_curve(
    shares: Sequence[Share],
    *,
    cluster: NDArray[Any] | None = None,
    small: float | None = None,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> LearningCurve:
    """The curve, its law ``a + b·n^-c`` by least squares (weights n, c from 0.1 to 2), and the gain of twice the rows.

    gain = b·n^-c·(1 - 2^-c) at all rows. Its interval holds two noises: validation rows (drawn together for all points, a
    ``cluster`` (m,) at a time) and which rows taught (the spread between draws, pooled, falling as 1/n), drawn 2,000
    times, the law fitted each time. ``small``: gain below which more rows would not matter (1 % of the loss at all rows
    where None). Answer: "yes", the gain is above 0 beyond noise and is not small; "no", the whole interval is below
    what matters; else "undecided", as with fewer than three points or 30 validation rows.

    It promises for rows like these from the same world, and the same recipe: a larger model may use more rows.
    Source: Hestness and others, Deep Learning Scaling is Predictable, Empirically (2017), section 2, for the law.
    """
    points = tuple(_point(share, variance, cluster, unit, level) for share, variance in _with_variance(shares))
    margin = (SMALL * abs(points[-1].loss.value) if small is None else small) if points else math.nan
    if len(points) < 3 or points[-1].loss.n < FEWEST:
        gain = not_estimable("gain of twice the rows", unit=unit, level=level)
        return LearningCurve(points, None, gain, margin, "undecided", _too_short(points))
    rows = np.array([share.rows for share in shares], dtype=np.float64)
    means = np.array([[point.loss.value for point in points]])
    drawn = _drawn(shares, means[0], cluster, np.random.default_rng(seed))
    floor, scale, power = (float(part[0]) for part in _fit(rows, means))
    low, high = np.quantile(_gains(rows, drawn), [0.5 - level / 2, 0.5 + level / 2]).tolist()
    value = float(_gains(rows, means)[0])
    bounds = min(low, value), max(high, value)
    gain = Estimate("gain of twice the rows", value, *bounds, points[-1].loss.n, unit, level)
    answer = _answer(gain, margin)
    law = PowerLaw(floor, scale * float(rows[-1]) ** power, power)
    return LearningCurve(points, law, gain, margin, answer, _sentence(points[-1], gain, margin, answer))


def _with_variance(shares: Sequence[Share]) -> list[tuple[Share, float]]:
    """Each share with the variance of its mean over draws: pooled between draws as v/n, over its number of draws.

    Draws without replacement from n of N rows differ less than fresh rows would, by 1 - n/N: that is put back.
    """
    if not shares:
        return []
    total = shares[-1].rows
    scaled = [
        (len(s.losses) - 1, s.rows * float(s.losses.mean(axis=1).var(ddof=1)) / max(1 - s.rows / total, 0.05))
        for s in shares
        if len(s.losses) > 1
    ]
    freedom = sum(f for f, _ in scaled)
    pooled = sum(f * v for f, v in scaled) / freedom if freedom else 0.0
    return [(s, pooled / s.rows / len(s.losses)) for s in shares]


def _point(share: Share, variance: float, cluster: NDArray[Any] | None, unit: str, level: float) -> CurvePoint:
    mean = clustered_mean(share.losses.mean(axis=0), cluster)
    half = normal_quantile(level) * math.sqrt(mean.error**2 + variance) if mean.freedom > 0 else math.inf
    loss = Estimate("validation loss", mean.value, mean.value - half, mean.value + half, mean.n, unit, level)
    return CurvePoint(share.rows, len(share.losses), loss)


def _drawn(
    shares: Sequence[Share], means: FloatArray, cluster: NDArray[Any] | None, rng: np.random.Generator
) -> FloatArray:
    """Curves (draws, k) as other validation rows and other rows to learn from would have given them."""
    together = covariance_of_means(np.array([s.losses.mean(axis=0) for s in shares]).T, cluster)
    covariance = together + np.diag([variance for _, variance in _with_variance(shares)])
    return rng.multivariate_normal(means, covariance, size=_RESAMPLES, method="eigh")


def _fit(rows: FloatArray, curves: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Floor, scale (of (n/N)^-c) and power of each curve (d, k), by weighted least squares on a grid of powers."""
    weight = rows / rows.sum()
    best = np.full(len(curves), math.inf)
    floor, scale, power = (np.zeros(len(curves)) for _ in range(3))
    centre = curves @ weight
    for c in POWERS:
        x = (rows / rows[-1]) ** -c
        middle = float(weight @ x)
        slope = ((curves - centre[:, np.newaxis]) * weight) @ (x - middle) / float(weight @ (x - middle) ** 2)
        start = centre - slope * middle
        misfit = ((curves - start[:, np.newaxis] - np.outer(slope, x)) ** 2) @ weight
        better = misfit < best
        best, floor = np.where(better, misfit, best), np.where(better, start, floor)
        scale, power = np.where(better, slope, scale), np.where(better, c, power)
    return floor, scale, power


def _gains(rows: FloatArray, curves: FloatArray) -> FloatArray:
    _, scale, power = _fit(rows, curves)
    gains: FloatArray = scale * (1 - 2.0**-power)
    return gains


def _answer(gain: Estimate, margin: float) -> Answer:
    if gain.low > 0 and gain.value >= margin:
        return "yes"
    return "no" if gain.high < margin else "undecided"


def _too_short(points: Sequence[CurvePoint]) -> str:
    return f"Undecided whether twice the rows would help: {len(points)} points of a curve, at least 3 are needed."


def _sentence(last: CurvePoint, gain: Estimate, margin: float, answer: Answer) -> str:
    lead = {
        "yes": "Twice the rows would help",
        "no": "Twice the rows would not help",
        "undecided": "Undecided whether twice the rows would help",
    }
    return (
        f"{lead[answer]}: {2 * last.rows:,} rows instead of {last.rows:,} are expected to lower the validation loss of "
        f"{last.loss.value:.4g} by {gain.value:.3g} [{gain.low:.3g}, {gain.high:.3g}] (n = {gain.n:,}); "
        f"below {margin:.3g} it would not matter."
    )

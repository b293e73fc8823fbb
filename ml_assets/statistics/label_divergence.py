"""How far apart are the whole label distributions of a group and the rest? Four distances, less what chance gives."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray, codes, finite, same_rows
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.intervals import Interval, normal_quantile, t_over_z
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.support import Support, supports
from ml_assets.statistics.verdicts import Contrast, Verdict, verdicts

CELLS = 10
_DRAWS = 1_000
_RESOLVING_Z = 3.29


def kullback_leibler(p: FloatArray, q: FloatArray) -> FloatArray:
    """Σ p ln(p / q) in nats over the last axis: 0 alike, without bound; infinite where q is 0 and p is not.

    Source: Kullback and Leibler, Annals of Mathematical Statistics 22 (1951) 79.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log(p / q), 0.0)
    return np.asarray(terms.sum(axis=-1), dtype=np.float64)


def jensen_shannon(p: FloatArray, q: FloatArray) -> FloatArray:
    """Mean divergence of both from their middle, in nats: 0 alike, ln 2 = 0.693 without overlap (Lin 1991)."""
    middle = (p + q) / 2
    return np.asarray((kullback_leibler(p, middle) + kullback_leibler(q, middle)) / 2, dtype=np.float64)


def total_variation_distance(p: FloatArray, q: FloatArray) -> FloatArray:
    """Half the summed differences: 0 alike, 1 without overlap; no event's rate differs by more."""
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2, dtype=np.float64)


def kolmogorov_smirnov(p: FloatArray, q: FloatArray) -> FloatArray:
    """Largest difference of the cumulated shares of ordered cells: 0 alike, 1 apart."""
    return np.asarray(np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1), dtype=np.float64)


_Distance = Callable[[FloatArray, FloatArray], FloatArray]
DISTANCES: Mapping[str, _Distance] = {
    "kullback_leibler": kullback_leibler,
    "jensen_shannon": jensen_shannon,
    "total_variation": total_variation_distance,
    "kolmogorov_smirnov": kolmogorov_smirnov,
}
_LINEAR = ("total_variation", "kolmogorov_smirnov")


@dataclass(frozen=True, slots=True)
class LabelDivergence:
    """The label distribution of a group against the rest's: each distance, at least 0, less what chance alone gives.

    ``verdict`` is that of the total variation, whose limit is one of label rates.
    """

    attribute: str
    group: str
    n: int
    kullback_leibler: Estimate
    jensen_shannon: Estimate
    total_variation: Estimate
    kolmogorov_smirnov: Estimate
    verdict: Verdict
    support: Support
    sentence: str


def label_divergences(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    task: Task = "binary",
    tolerance: float = 0.1,
    cluster: npt.NDArray[Any] | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[LabelDivergence, ...]:
    """KL(group ‖ rest), JS, total variation and Kolmogorov-Smirnov of the labels of every group of every attribute.

    Labels are the classes; numbers fall into up to 10 cells of equal weight, which can only make the distances smaller. Half
    a row is added to every cell for KL and JS (Jeffreys). A distance between samples of one population is above 0:
    what exchanged group labels give is taken off (of TV and KS: off its square), and the result is at least 0. Intervals by drawing both sides again.
    KS needs an order: without one (three and more classes) it is not estimable. A total variation up to ``tolerance`` is
    tolerated. Of rows that share a ``cluster`` (n,), such as a customer, as many are drawn on either side as the clusters
    are worth (:func:`design_of_shares`). Not for weighted rows.
    """
    place = _cells(truth, task)
    same_rows(groups=groups.index.to_numpy(), truth=place)
    ordered = task != "multiclass" or int(place.max(initial=0)) < 2
    rng = np.random.default_rng(seed)
    sides = [(t, code, *_counts(t, code, place)) for t in groupings(groups) for code in range(len(t.labels))]
    worth = [(1.0, 1.0)] * len(sides)
    if cluster is not None:
        shared = cluster_codes(cluster, len(place))
        masks = [table.codes == code for table, code, _, _ in sides]
        worth = [
            (design_of_shares(place[m], shared[m], level), design_of_shares(place[~m], shared[~m], level))
            for m in masks
        ]
    found = [
        _distances(ours, rest, ordered, rng, level, one) for (_, _, ours, rest), one in zip(sides, worth, strict=True)
    ]
    contrasts = [_contrast(one["total_variation"], tolerance) for one in found]
    answers = zip(sides, found, verdicts(contrasts, level=level), supports(contrasts), strict=True)
    return tuple(
        _divergence(table, code, int(ours.sum()), distances, verdict, support, tolerance)
        for (table, code, ours, _), distances, verdict, support in answers
    )


def design_of_shares(place: IntArray, cluster: IntArray, level: float = 0.95) -> float:
    """How many rows (n,) tell as much of the shares of k cells, ``place`` (n,), as one independent row; at least 1.

    The mean over the cells of the variance of a share by cluster, over that of rows: n · Σ_j v_j / p_j / (k - 1); rows over
    clusters where all are in one cell. More by (t/z)² at the ``level``, as it is itself estimated.
    Source: Rao and Scott, JASA 76 (1981) 221, the first-order correction.
    """
    n, code = place.size, np.unique(cluster, return_inverse=True)[1]
    clusters = int(code.max(initial=-1)) + 1
    if clusters in (0, n):
        return 1.0
    cells, where = np.unique(place, return_inverse=True)
    if clusters < 2 or cells.size < 2:
        return n / clusters
    counts = np.bincount(code * cells.size + where, minlength=clusters * cells.size).reshape(clusters, -1)
    share = counts.sum(axis=0) / n
    away = counts - counts.sum(axis=1, keepdims=True) * share
    variance = (away**2).sum(axis=0) * clusters / (clusters - 1) / n**2
    effect = n * float((variance / share).sum()) / (cells.size - 1)
    return max(effect, 1.0) * t_over_z(level, clusters - 1) ** 2


@dataclass(frozen=True, slots=True)
class _Measured:
    """A distance less its noise, what it may be off by, and how often exchanged labels reach it."""

    estimate: Estimate
    error: float
    p_value: float


def _cells(truth: npt.ArrayLike, task: Task) -> IntArray:
    if task != "regression":
        return codes(truth)
    y = finite(truth, "truth")
    cuts = np.unique(np.quantile(y, np.arange(1, CELLS) / CELLS)) if y.size else np.empty(0)
    return np.searchsorted(cuts, y, side="right").astype(np.int64)


def _counts(table: Grouping, code: int, place: IntArray) -> tuple[FloatArray, FloatArray]:
    k, ours = int(place.max(initial=-1)) + 1, table.codes == code
    return (
        np.bincount(place[ours], minlength=k).astype(np.float64),
        np.bincount(place[~ours], minlength=k).astype(np.float64),
    )


def _distances(
    ours: FloatArray,
    rest: FloatArray,
    ordered: bool,
    rng: np.random.Generator,
    level: float,
    worth: tuple[float, float],
) -> dict[str, _Measured]:
    n, m = int(ours.sum()), int(rest.sum())
    if n == 0 or m == 0:
        return {name: _nothing(name, n, level) for name in DISTANCES}
    pooled = (ours + rest) / (n + m)
    own, others = (max(round(rows / one), 1) for rows, one in zip((n, m), worth, strict=True))
    again = rng.multinomial(own, ours / n, _DRAWS), rng.multinomial(others, rest / m, _DRAWS)
    exchanged = rng.multinomial(own, pooled, _DRAWS), rng.multinomial(others, pooled, _DRAWS)
    known = ours / worth[0], rest / worth[1]
    out: dict[str, _Measured] = {}
    for name, distance in DISTANCES.items():
        if name == "kolmogorov_smirnov" and not ordered:
            out[name] = _nothing(name, n, level)
            continue
        added = 0.0 if name in _LINEAR else 0.5
        raw, drawn, null = (distance(_shares(a, added), _shares(b, added)) for a, b in (known, again, exchanged))
        out[name] = _less_noise(name, float(raw), drawn, null, n, level)
    return out


def _shares(counts: npt.NDArray[np.generic], added: float) -> FloatArray:
    filled = counts.astype(np.float64) + added
    return np.asarray(filled / filled.sum(axis=-1, keepdims=True), dtype=np.float64)


def _less_noise(name: str, raw: float, drawn: FloatArray, null: FloatArray, n: int, level: float) -> _Measured:
    """KL and JS grow with the square of a difference: noise adds to them. The others grow with it: noise adds to their square."""
    spread = float(max(drawn.std(ddof=1), null.std(ddof=1)))
    value, error = max(raw - float(null.mean()), 0.0), spread
    if name in _LINEAR:
        noise = math.sqrt(float((null**2).mean()))
        # A few rows all alike have no spread of their own: the size of the noise is what they may be off by.
        value, error = math.sqrt(max(raw**2 - noise**2, 0.0)), max(spread, noise)
    half = normal_quantile(level) * error
    reached = (1 + int((null >= raw).sum())) / (_DRAWS + 1)
    return _Measured(Estimate(name, value, max(value - half, 0.0), value + half, n, level=level), error, reached)


def _nothing(name: str, n: int, level: float) -> _Measured:
    return _Measured(not_estimable(name, n=n, level=level), math.nan, 1.0)


def _contrast(found: _Measured, tolerance: float) -> Contrast:
    value, error = found.estimate.value, found.error
    if not math.isfinite(value):
        return Contrast(math.nan, 0.0, tolerance, 1.0, False, math.inf, lambda _level: (math.nan, math.nan))

    def interval(level: float) -> Interval:
        half = normal_quantile(level) * error
        return max(value - half, 0.0), value + half

    detectable = _RESOLVING_Z * error
    return Contrast(value, 0.0, tolerance, found.p_value, detectable <= tolerance, detectable, interval)


def _divergence(
    table: Grouping,
    code: int,
    n: int,
    found: Mapping[str, _Measured],
    verdict: Verdict,
    support: Support,
    tolerance: float,
) -> LabelDivergence:
    who, far = f"{table.attribute} = {table.labels[code]}", found["total_variation"].estimate
    sentence = f"{who}: distance of the label distributions not estimable against the rest (n = {n:,})."
    if far.estimable:
        sentence = (
            f"{who}: labels are distributed {far.value:.3f} [{far.low:.3f}, {far.high:.3f}] apart from the rest's in "
            f"total variation (n = {n:,}), tolerated up to {tolerance:.2f}: {verdict}."
        )
    kl, js, tv, ks = (found[name].estimate for name in DISTANCES)
    return LabelDivergence(table.attribute, table.labels[code], n, kl, js, tv, ks, verdict, support, sentence)

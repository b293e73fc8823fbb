"""The change of a mean row loss in two parts: because other rows came, and because the same rows turn out differently.

The two ask for different cures. Whether the same scores turn out differently at all is tested by
:mod:`ml_assets.statistics.concept`.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics import arrays
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.bands import wald
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile

EFFECTIVE_ROWS = 100.0
EFFECTIVE_SHARE = 0.02
_FEWEST_ROWS = 30


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The ``change`` of a mean row loss and its two parts, ``reason`` saying why a part is not estimable.

    ``covariate``: because other rows came; ``concept``: because the same rows turn out differently. They add up to
    the change. ``effective`` is the number of equally weighted reference rows that the weights leave.
    """

    change: Estimate
    covariate: Estimate
    concept: Estimate
    effective: float
    reference_n: int
    reason: str
    sentence: str


def importance_weights(weight: npt.ArrayLike | None, rows: int) -> FloatArray:
    """Weights of the reference rows (n_ref,) rescaled to a mean of 1, all 1 for none; refused unless one per row >= 0."""
    w = np.ones(rows) if weight is None else arrays.finite(weight, "weight")
    if w.size != rows or (rows and (w.min() < 0 or w.sum() <= 0)):
        got = f"{w.size} weights for {rows} reference rows, from {w.min(initial=0.0):g}"
        raise DataError("importance weights", got=got, allowed="one per row, none below 0", do="Pass density ratios")
    return w * (rows / w.sum()) if rows else w


def interval_words(estimate: Estimate) -> str:
    """The interval of an estimate as a sentence tells it."""
    return f"[{estimate.low:.2g}, {estimate.high:.2g}]"


def decompose(
    loss: npt.ArrayLike,
    reference_loss: npt.ArrayLike,
    weight: npt.ArrayLike,
    *,
    name: str = "loss",
    unit: str = "",
    level: float = 0.95,
    fewest_effective: float = EFFECTIVE_ROWS,
    lowest_share: float = EFFECTIVE_SHARE,
) -> Decomposition:
    """Split the change of a mean row loss (or of money per decision) between reference rows and a batch.

    ``loss`` (n,) of the batch, ``reference_loss`` (n_ref,) with ``weight`` (n_ref,): density of the batch over that of
    the reference, mean 1 (rescaled to it). Covariate part = weighted reference loss - reference loss, concept part =
    batch loss - weighted reference loss; 0 is none. Intervals by the delta method; the covariate part also carries the
    noise of a mean over the batch rows, since weights are learnt from these, so that it errs on the wide side.

    Without ``fewest_effective`` rows (Kish: (Σw)² / Σw²), or ``lowest_share`` of the reference rows, the two sides
    overlap too little: the parts are not estimable. Errors of the weights themselves are not in the intervals.
    Source: Cai, Namkoong and Yadlowsky (arXiv:2303.02011); Owen, Monte Carlo theory (2013), chapter 9.
    """
    batch, reference = arrays.finite(loss, "loss"), arrays.finite(reference_loss, "reference_loss")
    w, z, n, m = importance_weights(weight, reference.size), normal_quantile(level), batch.size, reference.size
    effective = float(w.sum() ** 2 / (w**2).sum()) if m else 0.0
    names = (name, f"{name}: other rows", f"{name}: same rows")
    parts = [not_estimable(label, n=n, unit=unit, level=level) for label in names]
    reason = _objection(n, m, effective, fewest_effective, lowest_share)
    if min(n, m) >= 2:
        figures = zip(names, _changes(batch, reference, w), strict=True)
        told = [wald(label, *figure, z=z, n=n, unit=unit, level=level) for label, figure in figures]
        parts = [told[0], *parts[1:]] if reason else told
    answer = Decomposition(parts[0], parts[1], parts[2], effective, m, reason, "")
    return replace(answer, sentence=_sentence(answer, name.replace("_", " ")))


def _changes(batch: FloatArray, reference: FloatArray, w: FloatArray) -> tuple[tuple[float, float], ...]:
    """Value and variance: of the whole change, of the part of other rows, of the part of the same rows."""
    n, m = batch.size, reference.size
    before, now, weighted = float(reference.mean()), float(batch.mean()), float(w @ reference / m)
    plain, pulled = (reference - before) / m, w * (reference - weighted) / m
    of_batch, like_batch = float(batch.var(ddof=1)) / n, float(w @ (reference - weighted) ** 2) / m / n
    return (
        (now - before, of_batch + float(plain @ plain)),
        (weighted - before, like_batch + float((pulled - plain) @ (pulled - plain))),
        (now - weighted, of_batch + float(pulled @ pulled)),
    )


def _objection(n: int, m: int, effective: float, fewest: float, lowest: float) -> str:
    if min(n, m) < _FEWEST_ROWS:
        return f"too few rows to say: {n:,} against {m:,}, {_FEWEST_ROWS} are needed on both sides"
    if effective < max(fewest, lowest * m):
        rule = f"{fewest:,.0f} and {lowest:.0%} are needed"
        return f"the weights leave {effective:,.0f} effective rows of {m:,} ({effective / m:.1%}), {rule}"
    return ""


def _sentence(split: Decomposition, name: str) -> str:
    n = f"n = {split.change.n:,} against {split.reference_n:,}"
    if not split.change.estimable:
        return f"change of {name} not estimable ({n})."
    moved = "rose" if split.change.value >= 0 else "fell"
    by = f"{name} {moved} by {abs(split.change.value):.2g} {interval_words(split.change)}"
    if split.reason:
        return f"{by}; why is not estimable: {split.reason}."
    # A part below a billionth of the change is rounding.
    smallest = 1e-9 * abs(split.change.value)
    parts = [
        f"{part.value if abs(part.value) > smallest else 0.0:+.2g} {interval_words(part)}"
        for part in (split.covariate, split.concept)
    ]
    why = f"{parts[0]} because other rows came, {parts[1]} because the same rows turn out differently"
    return f"{by}: {why}; {n}, {split.effective:,.0f} effective."

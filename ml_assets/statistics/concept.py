"""Once the labels of a batch have come: do rows of one score turn out as they did on the reference?

The question is asked whatever rows came: :func:`concept_test` answers for a batch, :func:`row_excess` row by row.
Which part of a changed figure is due to it says :mod:`ml_assets.statistics.decomposition`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics import arrays
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.bands import Band, BandedRows, BandGaps, ScoredRows, band_cuts, band_gaps, band_lines, wald
from ml_assets.statistics.decomposition import importance_weights, interval_words
from ml_assets.statistics.divergence import combined, normal_tail
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.verdicts import holm

ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class ConceptShift:
    """Whether rows of one score turn out as on the reference.

    ``p_value`` is that of "they do", ``changed`` that it is below ``alpha``; of one of several ``classes`` it is
    Holm's. ``statistic`` is chi-square on ``freedom`` bands. ``mean_excess`` is signed (outcome less expectation),
    ``band_excess`` the mean distance over the bands without its noise, 0 for no change (of several classes: half the
    sum, the share of rows that land in another class). ``spread`` is, for a regression, the mean absolute error
    around the band's own mean over the expected one, 1 for no change. ``outside`` rows scored beyond every reference
    row are not compared.
    """

    subject: str
    changed: bool
    p_value: float
    statistic: float
    freedom: int
    mean_excess: Estimate
    band_excess: Estimate
    spread: Estimate
    bands: tuple[Band, ...]
    classes: tuple["ConceptShift", ...]
    outside: int
    reference_n: int
    sentence: str


@dataclass(frozen=True, slots=True)
class _Question:
    """How one subject is asked about: the options of :func:`concept_test`, checked."""

    task: Task
    bands: int
    alpha: float
    z: float
    level: float


def concept_test(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    reference_truth: npt.ArrayLike,
    reference_score: npt.ArrayLike,
    *,
    task: Task = "binary",
    weight: npt.ArrayLike | None = None,
    bands: int = 10,
    alpha: float = ALPHA,
    level: float = 0.95,
) -> ConceptShift:
    """Is the relation of outcome to score the same as on the reference rows?

    Truth (n,): 0/1, class codes, or numbers; score (n,): probability or prediction, (n, K) of K classes. In bands of
    the score (reference quantiles, merged until filled) the mean outcome is compared with a straight line through the
    reference rows of that band, read at the batch's own scores: rows moving within a band change nothing, and the score
    need not be calibrated. The error of the reference line counts. One p-value (Cauchy combination) from the
    chi-square over bands, the mean excess and, for a regression, the same two of the spread; over classes from each
    against the rest. A class or batch too small for one band is not tested: p-value 1, "not estimable".

    Silent when other rows come whose outcome depends on the inputs as before through the score. Where the score leaves
    out what matters, other rows of one score do turn out differently; ``weight`` (n_ref,), importance weights of the
    reference rows towards the batch, takes that away. Not for rows the model was fitted on as a reference.
    Sources: Hosmer and Lemeshow, Communications in Statistics A9 (1980) 1043, for two samples; Liu and Xie, JASA 115
    (2020) 393; Holm, Scandinavian Journal of Statistics 6 (1979) 65.
    """
    if bands < 1 or not 0 < alpha < 1:
        got = f"{bands} bands, alpha {alpha}"
        raise DataError("a concept test", got=got, allowed="1 or more, 0 to 1", do="Mend it")
    asked = _Question(task, bands, alpha, normal_quantile(level), level)
    y1, p1 = _checked(truth, score, task)
    y0, p0 = _checked(reference_truth, reference_score, task)
    w = importance_weights(weight, y0.size)
    if p1.shape[1:] != p0.shape[1:]:
        raise DataError("classes of the scores", got=f"{p1.shape} and {p0.shape}", allowed="the same", do="Align them")
    if task != "multiclass":
        return _of_subject("the score", ScoredRows(y1, p1), ScoredRows(y0, p0), w, asked)
    each = [
        _of_subject(
            f"class {k}", ScoredRows((y1 == k) * 1.0, p1[:, k]), ScoredRows((y0 == k) * 1.0, p0[:, k]), w, asked
        )
        for k in range(p1.shape[1])
    ]
    return _of_classes(each, y1.size, y0.size, asked)


def row_excess(
    truth: npt.ArrayLike,
    score: npt.ArrayLike,
    reference_truth: npt.ArrayLike,
    reference_score: npt.ArrayLike,
    *,
    task: Task = "binary",
    bands: int = 10,
) -> tuple[FloatArray, FloatArray]:
    """Outcome less what reference rows of that score lead to expect: of the batch rows (n,), of the reference (n_ref,).

    The expectation is that of :func:`concept_test`; a score beyond every reference row is read at the nearest one.
    Says row by row what a search for segments asks. Not for several classes: pass one against the rest as binary.
    """
    y1, p1 = _checked(truth, score, task)
    y0, p0 = _checked(reference_truth, reference_score, task)
    if task == "multiclass" or y0.size < 2:
        got = f"{task}, {y0.size} reference rows"
        raise DataError("no excess to compute", got=got, allowed="binary or regression, 2 rows", do="Pass one class")
    batch, reference = ScoredRows(y1, np.clip(p1, p0.min(), p0.max())), ScoredRows(y0, p0)
    equal = np.ones(y0.size)
    cuts = band_cuts(reference, reference, equal, task=task, bands=bands)
    cuts = np.empty(0) if cuts is None else cuts
    rows1, rows0 = batch.banded(cuts), reference.banded(cuts)
    lines = band_lines(rows0, equal, bands=cuts.size + 1)
    return y1 - lines.at(rows1.score, rows1.band), y0 - lines.at(p0, rows0.band)


def _of_subject(
    subject: str, batch: ScoredRows, reference: ScoredRows, w: FloatArray, asked: _Question
) -> ConceptShift:
    n, m = batch.score.size, reference.score.size
    inside = np.zeros(n, dtype=bool)
    if m:
        inside = (batch.score >= reference.score.min()) & (batch.score <= reference.score.max())
    compared, outside = ScoredRows(batch.outcome[inside], batch.score[inside]), int(n - inside.sum())
    cuts = band_cuts(compared, reference, w, task=asked.task, bands=asked.bands)
    if cuts is None:
        return _untested(subject, n - outside, m, outside, asked.level)
    rows = compared.banded(cuts)
    gaps, spread, p_values = _tested(rows, reference.banded(cuts), w, asked)
    p_value, statistic, freedom, distance = combined(p_values), gaps.chi_square, gaps.n.size, _distance(gaps, asked)
    excess, variance = float(gaps.share @ gaps.gap), float(gaps.share**2 @ gaps.variance)
    mean = wald("mean excess", excess, variance, z=asked.z, n=n - outside, level=asked.level)
    listed, changed = gaps.listed(rows, z=asked.z, level=asked.level), p_value < asked.alpha
    figures = (p_value, statistic, freedom, mean, distance, spread, listed)
    shift = ConceptShift(subject, changed, *figures, (), outside, m, "")
    return replace(shift, sentence=_sentence(shift, gaps))


def _untested(subject: str, n: int, m: int, outside: int, level: float) -> ConceptShift:
    mean, distance, spread = (
        not_estimable(name, n=n, level=level) for name in ("mean excess", "band excess", "spread")
    )
    few = f"{subject}: too few comparable rows to tell whether it means what it did (n = {n:,} against {m:,})"
    return ConceptShift(subject, False, 1.0, math.nan, 0, mean, distance, spread, (), (), outside, m, few)


def _tested(
    batch: BandedRows, reference: BandedRows, w: FloatArray, asked: _Question
) -> tuple[BandGaps, Estimate, list[float]]:
    """The gaps of the outcome, the spread of a regression, and the p-values of both."""
    gaps = band_gaps(batch, reference, w, task=asked.task)
    if asked.task != "regression":
        return gaps, not_estimable("spread", n=batch.score.size, level=asked.level), _p_values(gaps)
    errors1, errors0 = batch._replace(outcome=gaps.batch_error), reference._replace(outcome=gaps.reference_error)
    wide = band_gaps(errors1, errors0, w, task=asked.task)
    return gaps, _ratio(wide, asked), _p_values(gaps) + _p_values(wide)


def _of_classes(each: list[ConceptShift], n: int, m: int, asked: _Question) -> ConceptShift:
    tested = sorted((part for part in each if part.freedom), key=lambda part: part.p_value)
    adjusted = _holm(tested, asked.alpha)
    parts = tuple(adjusted.get(part.subject, part) for part in each)
    none, spread, distance = (
        not_estimable(name, n=n, level=asked.level) for name in ("mean excess", "spread", "band excess")
    )
    if tested:
        ends = [(part.band_excess.value, part.band_excess.low, part.band_excess.high) for part in tested]
        value, low, high = (np.array(ends).sum(axis=0) / 2).tolist()
        distance = Estimate("band excess", value, low, high, n, level=asked.level)
    p_value = combined([part.p_value for part in tested])
    changed, named = p_value < asked.alpha, [part.subject for part in parts if part.changed]
    lead = "the same scores turn out differently" if changed else "no sign that the same scores turn out differently"
    which = f": {', '.join(named)}" if named else ""
    rest = f", {len(each) - len(tested)} classes too rare to compare" if len(tested) < len(each) else ""
    say = f"{lead}{which}; {distance}, p {_p(p_value)}{rest} (against {m:,} reference rows)"
    outside = max((part.outside for part in each), default=0)
    everyone, nan = "all classes", math.nan
    return ConceptShift(everyone, changed, p_value, nan, 0, none, distance, spread, (), parts, outside, m, say)


def _holm(tested: list[ConceptShift], alpha: float) -> dict[str, ConceptShift]:
    """Each class with the p-value that takes all into account, smallest first; its sentence speaks of it alone."""
    adjusted = holm([part.p_value for part in tested]).tolist() if tested else []
    return {
        part.subject: replace(part, p_value=p_value, changed=p_value < alpha)
        for part, p_value in zip(tested, adjusted, strict=True)
    }


def _p_values(gaps: BandGaps) -> list[float]:
    """Of the chi-square over the bands, and of the mean excess over all of them."""
    from scipy.special import gammaincc

    of_bands = float(gammaincc(gaps.n.size / 2, gaps.chi_square / 2))
    weight = gaps.share * (np.sqrt(gaps.variance) + 1e-300)
    return [of_bands, normal_tail(float(weight @ gaps.z / np.sqrt(weight @ weight)))]


def _distance(gaps: BandGaps, asked: _Question) -> Estimate:
    """Mean distance over the bands less its noise: the size of a change whose expected |gap| is the one seen.

    The gaps are taken as λ times a pattern plus normal noise, |gap| as folded normal; λ solves for the figure seen,
    and for the figure at the ends of its spread (test inversion).
    """
    from scipy.special import ndtr

    share, sd, gap = gaps.share, np.sqrt(gaps.variance), np.abs(gaps.gap)
    pattern, seen = np.hypot(gap, sd), float(share @ gap)

    def folded(size: float, quantile: float) -> float:
        mu = size * pattern
        at = np.where(sd > 0, mu / np.where(sd > 0, sd, 1.0), np.inf)
        mean = sd * math.sqrt(2 / math.pi) * np.exp(-(at**2) / 2) + mu * (2 * ndtr(at) - 1)
        spread = np.maximum(mu**2 + sd**2 - mean**2, 0.0)
        return float(share @ mean) + quantile * math.sqrt(float(share**2 @ spread))

    z, scale = asked.z, float(share @ pattern)
    value, low, high = (_solved(folded, quantile, seen, 1 + 2 * z) for quantile in (0.0, z, -z))
    return Estimate("band excess", value * scale, low * scale, high * scale, int(gaps.n.sum()), level=asked.level)


def _solved(rising: Callable[[float, float], float], quantile: float, target: float, highest: float) -> float:
    """The size, from 0 on, at which a rising function reaches ``target``; 0 when it starts above."""
    low, high = 0.0, highest
    if rising(low, quantile) >= target:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle, quantile) < target else (low, middle)
    return high


def _ratio(wide: BandGaps, asked: _Question) -> Estimate:
    share, n, level = wide.share, int(wide.n.sum()), asked.level
    now, before = float(share @ wide.observed), float(share @ wide.expected)
    if not (now > 0 and before > 0):
        return not_estimable("spread", n=n, level=level)
    half = asked.z * math.sqrt(float(share**2 @ wide.variance)) / before
    return Estimate("spread", now / before, max(now / before - half, 0.0), now / before + half, n, level=level)


def _sentence(shift: ConceptShift, gaps: BandGaps) -> str:
    sign = "" if shift.changed else "no sign that "
    n, beyond = shift.mean_excess.n, f", {shift.outside:,} rows scored beyond all of them" if shift.outside else ""
    observed, expected = (float(gaps.n @ side / gaps.n.sum()) for side in (gaps.observed, gaps.expected))
    spread = f", spread {shift.spread.value:.3g}-fold {interval_words(shift.spread)}" if shift.spread.estimable else ""
    return (
        f"{sign}{shift.subject} means something else than on the reference: observed {observed:.3g}, expected "
        f"{expected:.3g} at the same scores, excess {shift.mean_excess.value:+.2g} {interval_words(shift.mean_excess)}, by band "
        f"{shift.band_excess.value:.2g} {interval_words(shift.band_excess)}{spread}, chi-square {shift.statistic:.1f} on "
        f"{shift.freedom}, p {_p(shift.p_value)} (n = {n:,} against {shift.reference_n:,}{beyond})"
    )


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _checked(truth: npt.ArrayLike, score: npt.ArrayLike, task: Task) -> tuple[FloatArray, FloatArray]:
    if task not in get_args(Task):
        raise DataError("an unknown task", got=repr(task), allowed=", ".join(get_args(Task)), do="Use one of these")
    if task == "regression":
        y, p = arrays.finite(truth, "truth"), arrays.finite(score, "score")
    elif task == "binary":
        y, p = arrays.binary(truth), arrays.finite(arrays.probabilities(score), "score")
    else:
        y, p = arrays.codes(truth).astype(np.float64), arrays.probabilities(score)
        if p.ndim != 2 or (y.size and y.max() >= p.shape[1]):
            got = f"score {p.shape}, highest code {y.max(initial=0):g}"
            raise DataError("classes without a score", got=got, allowed="(n, K), codes 0 to K - 1", do="Score all")
    arrays.same_rows(truth=y, score=p)
    return y, p

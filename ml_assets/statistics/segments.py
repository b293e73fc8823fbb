"""Where did it happen: the parts of the rows, in words of their inputs, whose outcome left what was expected.

A search over thousands of segments finds something in any noise. So segments are found on one half of the rows, and
named only when the other half, which the search never saw, confirms them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics import arrays
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.conditions import Condition, Rows, cut_columns, known_rows, require_columns
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import normal_quantile, t_quantile
from ml_assets.statistics.segment_search import Gap, Rule, find_segments
from ml_assets.statistics.verdicts import benjamini_hochberg

ALPHA = 0.05
FEWEST = 30
MOST = 5
_SEARCH_ROWS = 30_000
_FEWEST_CONFIRMING = 10
_SURE_ROWS = 200  # from there on a segment knows its own variance
_SHRINK = 20.0  # rows' worth of the overall variance in that of a segment


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the rows that left what was expected; figures are of the ``n`` rows of the half that confirmed it.

    ``rows`` of the whole batch belong to it. ``observed``: their mean residual; ``expected``: that of the reference
    rows of the same segment (0 without reference). ``difference``: observed less expected, less the same of all other
    rows, segments listed before it put at the level of theirs. ``share``: the part of the whole change that comes from
    its rows, 1 for all of it (more where others went the other way). ``q_value``: Benjamini and Hochberg's.
    """

    words: str
    columns: tuple[str, ...]
    rows: int
    n: int
    observed: float
    expected: float
    difference: Estimate
    share: Estimate
    p_value: float
    q_value: float
    sentence: str


@dataclass(frozen=True, slots=True)
class WorstSegments:
    """The confirmed ``segments``, clearest first; ``candidates`` were found and tested, ``searched`` looked at.

    ``left_out`` rows hold a value (a new category, a range) that no reference row holds: they cannot have turned out
    otherwise than there. ``excess``: observed less expected over all rows of the confirming half, 0 for none on average.
    """

    segments: tuple[Segment, ...]
    candidates: int
    searched: int
    left_out: int
    excess: Estimate
    sentence: str


def worst_segments(
    frame: pd.DataFrame,
    residual: npt.ArrayLike,
    *,
    reference_frame: pd.DataFrame | None = None,
    reference_residual: npt.ArrayLike | None = None,
    depth: int = 2,
    alpha: float = ALPHA,
    fewest: int = FEWEST,
    most: int = MOST,
    unit: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> WorstSegments:
    """Segments of a batch whose residuals differ from those of the other rows by more than chance and the reference.

    ``frame`` (n rows) holds inputs of any type, ``residual`` (n,) outcome less expectation (or any row figure, such as
    a loss). Without reference rows the expectation is taken as exact; with them (best: their own residuals under the
    same expectation) what was already off there is no news, and their error counts. A segment is one condition (a band
    of numbers or dates, a frequent category, missing) or, at ``depth`` 2, two on different columns, with ``fewest``
    rows in either half. One half of the rows (drawn by ``seed``, at most 30,000) is searched: the clearest segment by
    z² less the price of the search (2 ln of the segments of its kind), its excess taken out, then the next, so that
    what a segment explains is not found again. The other half confirms, at a false-discovery rate of ``alpha``: with no
    change that differs between rows, something is named with at most that probability. A change common to all rows has
    no worst segment. With more than 30 columns only the 30 clearest by themselves are searched at all, singly and in
    pairs: what shows in two columns together and in neither alone is then missed.

    Errors: ``DataError`` for unequal lengths, gaps in residuals, repeated columns, columns that the reference lacks.
    Sources: Chung et al., Slice Finder (ICDE 2019); Cox, Biometrika 62 (1975) 441, on splitting;
    Benjamini and Hochberg (1995).
    """
    rule = Rule(depth, alpha, fewest, most, unit, level)
    e, e0 = _checked(frame, residual, reference_frame, reference_residual, rule)
    n, m, needed, alone = e.size, e0.size, 4 * fewest, reference_frame is None
    if n < needed or (m < needed and not alone):
        return _too_few(n, None if alone else m, 0, rule)
    cells, conditions = cut_columns(frame, reference_frame)
    known = known_rows(cells, n)
    batch, out = Rows(cells[:n], e).take(known), n - int(known.sum())
    if n - out < needed:
        return _too_few(n - out, None if alone else m, out, rule)
    rng = np.random.default_rng(seed)
    halves = [rows.halves(rng, most=_SEARCH_ROWS) for rows in ([batch] if alone else [batch, Rows(cells[n:], e0)])]
    found, searched = find_segments([half[0] for half in halves], conditions, rule)
    sides = [half[1] for half in halves]
    segments = _confirmed(sides, found, batch, rule)
    lead = "; ".join(segment.sentence for segment in segments) or "no segment differs from the rest"
    looked = f"{len(segments)} of {len(found)} candidates confirmed, {searched:,} segments searched"
    say = f"{lead} ({looked}, n = {n - out:,}{_left_out(out)})"
    return WorstSegments(segments, len(found), searched, out, _whole(sides, rule), say)


def _too_few(n: int, m: int | None, out: int, rule: Rule) -> WorstSegments:
    against = "" if m is None else f" and {m:,} reference rows"
    few = f"too few rows to say (n = {n:,}{against}, {4 * rule.fewest:,} are needed{_left_out(out)})"
    return WorstSegments((), 0, 0, out, not_estimable("excess", n=n, unit=rule.unit, level=rule.level), few)


def _left_out(rows: int) -> str:
    return f", {rows:,} rows left out: they hold values that no reference row holds" if rows else ""


def _confirmed(sides: Sequence[Rows], found: list[list[Condition]], batch: Rows, rule: Rule) -> tuple[Segment, ...]:
    """Of the segments found, those that rows which the search has not seen confirm."""
    gaps = segment_gaps(sides, found)
    q_values = benjamini_hochberg([gap.p_value for gap in gaps]).tolist() if found else []
    return tuple(
        _told(sides, conditions, gap, q, int(batch.inside(conditions).sum()), rule)
        for conditions, gap, q in zip(found, gaps, q_values, strict=True)
        if q <= rule.alpha
    )


def segment_gaps(sides: Sequence[Rows], found: Sequence[Sequence[Condition]]) -> list[Gap]:
    """The gap of each segment, those listed before it taken out."""
    residuals, gaps = [sides[0].figure.copy(), *(side.figure for side in sides[1:])], list[Gap]()
    for conditions in found:
        masks = [side.inside(conditions) for side in sides]
        parts = zip(residuals, masks, strict=True)
        moments = [_moment(r[keep], r[~keep]) for r, inside in parts for keep in (inside, ~inside)]
        value = sum(m[0] * sign for m, sign in zip(moments, (1, -1, -1, 1), strict=False))
        variance = sum(m[1] for m in moments)
        freedom = variance**2 / max(sum(m[1] ** 2 / max(m[2] - 1, 1) for m in moments), 1e-300)
        gaps.append(Gap(value, variance, freedom))
        if math.isfinite(value):
            residuals[0][masks[0]] -= value
    return gaps


def _moment(values: FloatArray, others: FloatArray) -> tuple[float, float, int]:
    """Mean, its variance, and rows; a few rows that happen to be alike do not make their mean certain."""
    n = values.size
    if min(n, others.size) < _FEWEST_CONFIRMING:
        return math.nan, math.nan, n
    own, shrunk = float(values.var(ddof=1)), (n * float(values.var()) + _SHRINK * float(others.var())) / (n + _SHRINK)
    return float(values.mean()), max(own, shrunk if n < _SURE_ROWS else 0.0) / n, n


def _whole(sides: Sequence[Rows], rule: Rule) -> Estimate:
    means = [float(side.figure.mean()) for side in sides]
    error = math.sqrt(sum(float(side.figure.var(ddof=1)) / side.figure.size for side in sides))
    value, half = means[0] - sum(means[1:]), normal_quantile(rule.level) * error
    return Estimate("excess", value, value - half, value + half, sides[0].figure.size, rule.unit, rule.level)


def _told(
    sides: Sequence[Rows], conditions: Sequence[Condition], gap: Gap, q_value: float, rows: int, rule: Rule
) -> Segment:
    masks = [side.inside(conditions) for side in sides]
    means = [float(side.figure[mask].mean()) for side, mask in zip(sides, masks, strict=True)]
    n, words = int(masks[0].sum()), " and ".join(one.words for one in conditions)
    half = t_quantile(rule.level, gap.freedom) * math.sqrt(gap.variance)
    difference = Estimate("difference", gap.value, gap.value - half, gap.value + half, n, rule.unit, rule.level)
    share, expected = _share(sides, masks, rule.level), sum(means[1:])
    part = f", {share.value:.0%} [{share.low:.0%}, {share.high:.0%}] of the whole change" if share.estimable else ""
    sentence = (
        f"{words}: observed {means[0]:.3g}, expected {expected:.3g}, off the other rows by {gap.value:+.3g} "
        f"[{difference.low:.3g}, {difference.high:.3g}] (n = {n:,}){part}"
    )
    columns, figures = tuple(one.name for one in conditions), (means[0], expected, difference, share)
    return Segment(words, columns, rows, n, *figures, gap.p_value, q_value, sentence)


def _share(sides: Sequence[Rows], masks: Sequence[npt.NDArray[np.bool_]], level: float) -> Estimate:
    """Excess of the segment's rows over that of all rows of the batch; not estimable where that may be none."""
    weight, n, z = float(masks[0].mean()), int(masks[0].sum()), normal_quantile(level)
    values, errors = [], []
    for flip in (False, True):
        parts = [side.figure[mask != flip] for side, mask in zip(sides, masks, strict=True)]
        values.append(float(parts[0].mean()) - sum(float(part.mean()) for part in parts[1:]))
        errors.append(sum(float(part.var(ddof=1)) / part.size for part in parts))
    whole = weight * values[0] + (1 - weight) * values[1]
    if abs(whole) <= z * math.sqrt(weight**2 * errors[0] + (1 - weight) ** 2 * errors[1]):
        return not_estimable("share of the change", n=n, level=level)
    share = weight * values[0] / whole
    slopes = weight * (1 - share) / whole, share * (1 - weight) / whole
    half = z * math.sqrt(slopes[0] ** 2 * errors[0] + slopes[1] ** 2 * errors[1])
    return Estimate("share of the change", share, share - half, share + half, n, level=level)


def _checked(
    frame: pd.DataFrame,
    residual: npt.ArrayLike,
    reference_frame: pd.DataFrame | None,
    reference_residual: npt.ArrayLike | None,
    rule: Rule,
) -> tuple[FloatArray, FloatArray]:
    if rule.depth not in (1, 2) or not 0 < rule.alpha < 1 or rule.fewest < _FEWEST_CONFIRMING or rule.most < 1:
        got = f"depth {rule.depth}, alpha {rule.alpha}, fewest {rule.fewest}, most {rule.most}"
        allowed = f"depth 1 or 2, alpha between 0 and 1, fewest from {_FEWEST_CONFIRMING}, most from 1"
        raise DataError("a search for segments", got=got, allowed=allowed, do="Correct the rule")
    if (reference_frame is None) != (reference_residual is None):
        raise DataError("half a reference", got="rows or residuals alone", allowed="both or none", do="Pass both")
    e = arrays.finite(residual, "residual")
    e0 = arrays.finite([] if reference_residual is None else reference_residual, "reference_residual")
    require_columns(frame, reference_frame)
    for side, rows in ((frame, e), (reference_frame, e0)):
        if side is not None and len(side) != rows.size:
            got = f"{rows.size} residuals for {len(side)} rows"
            raise DataError("residuals of other rows", got=got, allowed="one per row", do="Pass the same rows")
    return e, e0

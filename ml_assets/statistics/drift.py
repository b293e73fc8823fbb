"""Has the data moved, where, and does it matter to the model: two profiles compared from their counts alone.

A column counts as drifted only when the change is both beyond chance (one combined test for location, spread, shape,
missing and new values; false discoveries controlled over all columns) and large enough to care about. The verdict on
the batch weighs columns by what they mean to the model. No marginal comparison sees that the same rows earn other
labels now: that needs labels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.statistics import divergence as div
from ml_assets.statistics.association import PairDrift, any_pair, association_drift
from ml_assets.statistics.divergence import Counts
from ml_assets.statistics.profile import CategoricalSummary, NumericSummary, Profile, require_same_grid
from ml_assets.statistics.reading import ColumnKind
from ml_assets.statistics.verdicts import benjamini_hochberg

DriftLabel = Literal["stable", "moved", "drifted"]

PREDICTION_PREFIX = "ml:"
EFFECT_FLOOR = 0.03  # a normal column shifted by d sd has effect d²: 0.17 sd; 0.25 sd is then found from 2,000 rows on
WEIGHTED_FLOOR = 0.2
PREDICTION_FLOOR = 0.1
ASSOCIATION_FLOOR = 0.2
ALPHA = 0.01
_VISIBLE_EFFECT = 0.01
_VISIBLE_SHARE = 0.01
_FEWEST_ROWS = 30
_MOST_CELLS = 20
_COMMONEST = 0.8  # of a column that is nearly constant one coincidence makes a correlation
_SELECTION_SD = 4.0  # how clear of the lightest listed category a heavy one must be to have been listed without luck


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How one column of ``n`` current rows differs from the reference.

    ``effect`` is the stability index over at most 20 cells (missing values are a cell) less its expectation under no
    drift: 0 none, d² for a normal column shifted by d sd; ``psi`` is the same with its noise. ``total_variation`` is
    0..1, ``wasserstein_sd`` in reference standard deviations (``nan`` for categories), ``missing_change`` a
    difference of shares, ``new_share`` the share of current rows with unseen categories, or numbers outside the range
    the grid was cut from. ``p_value`` is for this column alone; ``significant`` and ``verdict`` take all compared
    columns into account.
    """

    column: str
    kind: ColumnKind
    n: int
    effect: float
    psi: float
    total_variation: float
    wasserstein_sd: float
    missing_change: float
    new_share: float
    p_value: float
    significant: bool
    verdict: DriftLabel
    sentence: str


@dataclass(frozen=True, slots=True)
class DriftVerdict:
    """Whether the batch has drifted in a way the model feels.

    ``share``: part of the model's importance carried by drifted columns, to be compared with ``limit``. ``score``:
    the sum of importance · min(effect, 1) over them, 0..1: for a trend line. ``prediction_effect``: the largest
    effect among significant ``ml:`` columns, to be compared with ``prediction_limit``. ``matter``: drifted columns
    with importance, heaviest first; ``moved``: those that changed beyond chance without reaching the verdict;
    ``apart``: pairs whose correlation changed beyond chance and enough, the largest change first.
    """

    drifted: bool
    score: float
    share: float
    limit: float
    prediction_effect: float
    prediction_limit: float
    n: int
    matter: tuple[str, ...]
    moved: tuple[str, ...]
    sentence: str
    apart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Comparison:
    cells: tuple[Counts, Counts]
    p_values: tuple[float, ...]
    wasserstein_sd: float
    new_share: float
    words: str


def column_drift(reference: Profile, current: Profile, *, alpha: float = ALPHA) -> tuple[ColumnDrift, ...]:
    """Compare every column of two profiles over one grid.

    With fewer than 30 rows on a side nothing is called significant. Not for two windows that share rows: the tests
    take the samples as independent. Raises ``DataError`` when the grids differ.
    """
    require_same_grid(reference, current)
    compared = [_column(name, reference, current) for name in (*reference.numeric, *reference.categorical)]
    return _judged(compared, alpha=alpha, effect_floor=EFFECT_FLOOR)[0]


def pair_drift(
    reference: Profile, current: Profile, *, alpha: float = ALPHA, only: Sequence[str] | None = None
) -> tuple[PairDrift, ...]:
    """Changes of correlation between numeric columns, the largest first; none where a profile holds no pairs.

    Columns with more than 80 % of their values in one cell, on either side, are not compared. ``only`` limits the columns.
    """
    if reference.pairs is None or current.pairs is None:
        return ()
    names = [c for c in current.pairs.columns if only is None or c in only]
    varied = [c for c in names if all(_varies(side.numeric[c]) for side in (reference, current))]
    return association_drift(reference.pairs, current.pairs, alpha=alpha, only=varied)


def _varies(column: NumericSummary) -> bool:
    return max(column.counts) <= _COMMONEST * column.n


def nothing_changed(columns: Sequence[ColumnDrift], pairs: Sequence[PairDrift] = ()) -> float:
    """One p-value for "no column and no pair has changed": at most ``alpha`` with probability ``alpha`` without drift.

    The smallest Benjamini-Hochberg adjusted p-value (Simes 1986) over the columns and the pairs taken as one.
    """
    return min(_adjusted(columns, pairs), default=1.0)


def _adjusted(columns: Sequence[ColumnDrift], pairs: Sequence[PairDrift]) -> list[float]:
    family = [item.p_value for item in columns] + ([any_pair(pairs)] if pairs else [])
    return [float(q) for q in benjamini_hochberg(family)]


def per_look(rate: float, looks: float) -> float:
    """The error each of ``looks`` independent looks may have so that any of them errs with probability ``rate``.

    ``1 - (1 - rate)^(1 / looks)`` (Šidák 1967); without independence up to ``-ln(1 - rate)``.
    """
    if not (0 < rate < 1 and looks >= 1):
        got = f"rate {rate}, {looks} looks"
        raise DataError(
            "an error rate to divide", got=got, allowed="0 < rate < 1, 1 look or more", do="Correct the rule"
        )
    return -math.expm1(math.log1p(-rate) / looks)


def judge_drift(
    columns: Sequence[ColumnDrift],
    *,
    importance: Mapping[str, float],
    pairs: Sequence[PairDrift] = (),
    effect_floor: float = EFFECT_FLOOR,
    weighted_floor: float = WEIGHTED_FLOOR,
    prediction_floor: float = PREDICTION_FLOOR,
    association_floor: float = ASSOCIATION_FLOOR,
    alpha: float = ALPHA,
) -> DriftVerdict:
    """One verdict for the batch: drifted when what moved matters.

    It fails only when columns that moved beyond chance (Benjamini-Hochberg at ``alpha`` over all columns and the pairs
    taken as one, so that a batch without drift fails with probability ``alpha`` at most) by at least ``effect_floor``,
    or whose correlation with another one changed by ``association_floor``, carry ``weighted_floor`` of the model's
    importance, or when a column of the predictions (``ml:…``) moved by ``prediction_floor``. ``importance`` in any
    unit, negative counts as none; columns it does not name weigh nothing; empty means all weigh the same.
    """
    _check_rule(effect_floor, weighted_floor, prediction_floor, alpha)
    judged, together = _judged(columns, pairs, alpha=alpha, effect_floor=effect_floor)
    weights = _weights([item.column for item in judged], importance)
    apart = [f for f in pairs if together and f.p_value * len(pairs) <= alpha and abs(f.change) >= association_floor]
    torn = {name for f in apart for name in (f.one, f.other)}
    drifted = [i for i in judged if (i.verdict == "drifted" or i.column in torn) and i.column in weights]
    matter = sorted((item for item in drifted if weights[item.column] > 0), key=lambda item: -weights[item.column])
    share = sum(weights[item.column] for item in matter)
    predictions = [i.effect for i in judged if i.significant and i.column.startswith(PREDICTION_PREFIX)]
    strongest = max(predictions, default=0.0)
    enough = bool(matter) and share >= weighted_floor * (1 - 1e-9)
    failing = enough or (bool(predictions) and strongest >= prediction_floor)
    named = {item.column for item in matter} if enough else set()
    moved = tuple(i.column for i in judged if i.verdict != "stable" and i.column not in named)
    verdict = DriftVerdict(
        drifted=failing,
        score=sum(weights[item.column] * min(item.effect, 1.0) for item in matter),
        share=share,
        limit=weighted_floor,
        prediction_effect=strongest,
        prediction_limit=prediction_floor,
        n=max((item.n for item in judged), default=0),
        matter=tuple(item.column for item in matter),
        moved=moved,
        sentence="",
        apart=tuple(f.sentence for f in apart),
    )
    return replace(verdict, sentence=_say(verdict, judged, weights))


def _judged(
    columns: Sequence[ColumnDrift], pairs: Sequence[PairDrift] = (), *, alpha: float, effect_floor: float
) -> tuple[tuple[ColumnDrift, ...], bool]:
    """Significance over all columns and the pairs together: the verdict per column, and whether any pair changed."""
    q_values = _adjusted(columns, pairs)
    judged = []
    for item, q_value in zip(columns, q_values, strict=False):
        found = bool(q_value <= alpha)
        judged.append(replace(item, significant=found, verdict=_label(item, found, effect_floor)))
    return tuple(judged), bool(pairs) and bool(q_values[-1] <= alpha)


def _label(item: ColumnDrift, significant: bool, effect_floor: float) -> DriftLabel:
    if not significant:
        return "stable"
    if item.effect >= effect_floor:
        return "drifted"
    shares = max(abs(item.missing_change), item.new_share if item.kind == "categorical" else 0.0)
    return "moved" if item.effect >= _VISIBLE_EFFECT or shares >= _VISIBLE_SHARE else "stable"


def _column(name: str, reference: Profile, current: Profile) -> ColumnDrift:
    n, m = reference.n, current.n
    kind = reference.grid.kind(name)
    if kind == "numeric":
        old, new = reference.numeric[name], current.numeric[name]
        missing = (float(old.missing), float(new.missing))
        seen = _compare_numbers(old, new, reference.grid.edges[name])
    else:
        before, now = reference.categorical[name], current.categorical[name]
        missing = (float(before.missing), float(now.missing))
        seen = _compare_categories(before, now, truncated=name in reference.grid.truncated)
    a, b = np.append(seen.cells[0], missing[0]), np.append(seen.cells[1], missing[1])
    psi, effect = div.stability_index(a, b)
    p_value = 1.0
    if min(n, m) >= _FEWEST_ROWS:
        p_value = div.combined([*seen.p_values, *_if_any(missing[0], n, missing[1], m)])
    change = missing[1] / m - missing[0] / n if n and m else 0.0
    gap = f", missing {missing[0] / n:.1%} → {missing[1] / m:.1%}" if change else ""
    few = "; too few rows to tell" if min(n, m) < _FEWEST_ROWS else ""
    return ColumnDrift(
        column=name,
        kind=kind,
        n=m,
        effect=effect,
        psi=psi,
        total_variation=div.total_variation(a, b),
        wasserstein_sd=seen.wasserstein_sd,
        missing_change=change,
        new_share=seen.new_share,
        p_value=p_value,
        significant=False,
        verdict="stable",
        sentence=f"{name}: {seen.words}{gap}, effect {effect:.3f}, p {_p(p_value)} (n = {m:,} against {n:,}){few}",
    )


def _compare_numbers(old: NumericSummary, new: NumericSummary, edges: tuple[float, ...]) -> _Comparison:
    a, b = np.array(old.counts, dtype=np.float64), np.array(new.counts, dtype=np.float64)
    infinite = (float(old.infinite), float(new.infinite))
    p_values = (*div.rank_p_values(a, b), *_if_any(infinite[0], old.n + infinite[0], infinite[1], new.n + infinite[1]))
    merged = div.even_cells(a, b, most=_MOST_CELLS)
    cells = (np.append(merged[0], infinite[0]), np.append(merged[1], infinite[1]))
    outside = (new.counts[0] + new.counts[-1]) / new.n if new.n and edges else 0.0
    known = old.n > 0 and new.n > 0
    words = f"mean {old.mean:.4g} → {new.mean:.4g}" if known else "no numbers to compare"
    return _Comparison(cells, p_values, _wasserstein_sd(a, b, old, new, edges), outside, words)


def _wasserstein_sd(a: Counts, b: Counts, old: NumericSummary, new: NumericSummary, edges: tuple[float, ...]) -> float:
    ends = [end for one in (old, new) for end in (one.minimum, one.maximum) if end is not None]
    if len(ends) < 4 or not edges:
        return math.nan
    knots = np.array([min(*ends, edges[0]), *edges, max(*ends, edges[-1])])
    distance = div.earth_movers(a, b, knots)
    spread = old.sd or new.sd
    return distance / spread if spread else 0.0 if old.mean == new.mean else math.inf


def _compare_categories(old: CategoricalSummary, new: CategoricalSummary, *, truncated: bool) -> _Comparison:
    a, b = np.array(old.counts, dtype=np.float64), np.array(new.counts, dtype=np.float64)
    n, m = a.sum() + old.other + old.new, b.sum() + new.other + new.new
    kept = _filled(a, b, n, m, truncated=truncated)
    listed = np.flatnonzero(kept)
    rare = (n - a[kept].sum(), m - b[kept].sum())
    p_values = list(_if_any(rare[0], n, rare[1], m))
    tested = (a[kept], b[kept])
    if n + m and sum(rare) * min(n, m) / (n + m) >= div.FEWEST:
        tested = (np.append(a[kept], rare[0]), np.append(b[kept], rare[1]))
    if len(tested[0]) > 1:
        p_values.append(div.homogeneity_p_value(*tested))
    heaviest = listed[np.argsort(-(a + b)[listed], kind="stable")[: _MOST_CELLS - 1]]
    cells = (np.append(a[heaviest], n - a[heaviest].sum()), np.append(b[heaviest], m - b[heaviest].sum()))
    share = new.new / m if m else 0.0
    tell = f"shares differ by {div.total_variation(*cells):.1%}" if n and m else "no values to compare"
    words = f"{tell}, unseen values {share:.1%}" if share else tell
    return _Comparison(cells, tuple(p_values), math.nan, share, words)


def _filled(a: Counts, b: Counts, n: float, m: float, *, truncated: bool) -> NDArray[np.bool_]:
    """Which listed categories are heavy enough to stand alone; all else is pooled with the unseen.

    The rule looks at both sides alike: a rule on the reference would make its lucky categories look shrunk. Where
    only the heaviest were listed, one must stand clear of the lightest of them for the same reason.
    """
    both = a + b
    kept = both * (min(n, m) / max(n + m, 1.0)) >= div.FEWEST
    if truncated and kept.any():
        part = n / (n + m)
        kept &= both * part - _SELECTION_SD * np.sqrt(both * part * (1 - part)) > a.min()
    return kept


def _if_any(x: float, n: float, y: float, m: float) -> tuple[float, ...]:
    return (div.rate_p_value(x, n, y, m),) if x + y else ()


def _weights(columns: Sequence[str], importance: Mapping[str, float]) -> dict[str, float]:
    """Importance of the inputs, summing to one; predictions are judged apart."""
    inputs = [name for name in columns if not name.startswith(PREDICTION_PREFIX)]
    total = sum(max(float(value), 0.0) for value in importance.values())
    if total <= 0:
        return {name: 1.0 / len(inputs) for name in inputs}
    return {name: max(float(importance.get(name, 0.0)), 0.0) / total for name in inputs}


def _check_rule(effect_floor: float, weighted_floor: float, prediction_floor: float, alpha: float) -> None:
    if not (0 < alpha < 1 and 0 < weighted_floor <= 1 and effect_floor >= 0 and prediction_floor >= 0):
        raise DataError(
            "drift rule",
            got=f"alpha {alpha}, weighted floor {weighted_floor}, floors {effect_floor} and {prediction_floor}",
            allowed="0 < alpha < 1, 0 < weighted floor <= 1, floors of 0 or more",
            do="Correct the rule",
        )


def _say(verdict: DriftVerdict, columns: Sequence[ColumnDrift], weights: Mapping[str, float]) -> str:
    effects = {item.column: item.effect for item in columns}
    parts = [f"{'drift that matters' if verdict.drifted else 'no drift that matters'} (n = {verdict.n:,})"]
    named = ", ".join(f"{name} (effect {effects[name]:.2f}, weight {weights[name]:.0%})" for name in verdict.matter[:5])
    carried = f"carrying {verdict.share:.0%} of the importance, limit {verdict.limit:.0%}"
    parts.append(f"drifted: {named}, {carried}" if named else "no important column drifted")
    if verdict.apart:
        parts.append(f"no longer move together as they did: {', '.join(verdict.apart[:3])}")
    if verdict.prediction_effect:
        parts.append(f"predictions moved by {verdict.prediction_effect:.2f}, limit {verdict.prediction_limit:.2f}")
    rest = [name for name in verdict.moved if name not in verdict.matter]
    if rest:
        more = f" and {len(rest) - 5} more" if len(rest) > 5 else ""
        parts.append(f"moved without deciding: {', '.join(rest[:5])}{more}")
    return "; ".join(parts)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

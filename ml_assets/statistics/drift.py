"""Has the data moved, where, and does it matter to the model: two profiles compared from their counts alone.

A column counts as drifted only when the change is both beyond chance (one combined test for location, spread, shape,
missing and new values; false discoveries controlled over all columns) and large enough to care about. The verdict on
the batch weighs columns by what they mean to the model. No marginal comparison sees that the same rows earn other
labels now: that needs labels.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real

from ml_assets.errors import DataError
from ml_assets.statistics.association import PairDrift, any_pair, association_drift
from ml_assets.statistics.column_change import ColumnDrift, DriftLabel, column_change
from ml_assets.statistics.joint import JointShift, joint_shift
from ml_assets.statistics.profile import NumericSummary, Profile, require_same_grid
from ml_assets.statistics.verdicts import benjamini_hochberg

PREDICTION_PREFIX = "ml:"
EFFECT_FLOOR = 0.03  # a normal column shifted by d sd has effect d²: 0.17 sd; 0.25 sd is then found from 2,000 rows on
WEIGHTED_FLOOR = 0.2
PREDICTION_FLOOR = 0.1
ASSOCIATION_FLOOR = 0.2
ALPHA = 0.01
_VISIBLE_EFFECT = 0.01
_VISIBLE_SHARE = 0.01
_TOGETHER = 0.2  # of alpha, for the joint shift: common, and large where it is, so that it needs less
_COMMONEST = 0.8  # of a column that is nearly constant one coincidence makes a correlation


@dataclass(frozen=True, slots=True)
class DriftVerdict:
    """Whether the batch has drifted in a way the model feels.

    ``share``: part of the model's importance carried by drifted columns, to be compared with ``limit``. ``score``:
    the sum of importance · min(effect, 1) over them, 0..1: for a trend line. ``prediction_effect``: the largest
    effect among significant ``ml:`` columns, to be compared with ``prediction_limit``. ``matter``: drifted columns
    with importance, heaviest first; ``moved``: those that changed beyond chance without reaching the verdict;
    ``apart``: pairs whose correlation changed beyond chance and enough, the largest change first; ``together``: the shift
    of many columns at once, where it is beyond chance; ``muted``: columns told not to count. ``told`` is False when no column
    has enough rows to be compared: then ``drifted`` says nothing.
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
    together: str = ""
    muted: tuple[str, ...] = ()
    told: bool = True


def column_drift(reference: Profile, current: Profile, *, alpha: float = ALPHA) -> tuple[ColumnDrift, ...]:
    """Compare every column of two profiles over one grid.

    With fewer than 30 rows on a side nothing is called significant. Not for two windows that share rows: the tests
    take the samples as independent. Raises ``DataError`` when the grids differ, or ``alpha`` is not between 0 and 1.
    """
    _check_rule(alpha=alpha)
    require_same_grid(reference, current)
    compared = [column_change(name, reference, current) for name in (*reference.numeric, *reference.categorical)]
    return judged_columns(compared, alpha=alpha)


def pair_drift(
    reference: Profile, current: Profile, *, alpha: float = ALPHA, only: Sequence[str] | None = None
) -> tuple[PairDrift, ...]:
    """Changes of correlation between numeric columns, the largest first; none where a profile holds no pairs.

    Columns with more than 80 % of their values in one cell, on either side, are not compared. ``only`` limits the columns.
    Raises ``DataError`` when the grids differ, or ``alpha`` is not between 0 and 1.
    """
    _check_rule(alpha=alpha)
    require_same_grid(reference, current)
    if reference.pairs is None or current.pairs is None:
        return ()
    names = [c for c in current.pairs.columns if only is None or c in only]
    varied = [c for c in names if all(_varies(side.numeric[c]) for side in (reference, current))]
    return association_drift(reference.pairs, current.pairs, alpha=alpha, only=varied)


def _varies(column: NumericSummary) -> bool:
    return max(column.counts) <= _COMMONEST * column.n


def many_moved(reference: Profile, current: Profile, columns: Sequence[ColumnDrift]) -> JointShift | None:
    """Whether the compared numeric columns moved together; None where a profile holds no pairs."""
    if reference.pairs is None or current.pairs is None:
        return None
    location = {c.column: c.location for c in columns if c.column in reference.numeric}
    return joint_shift(location, reference.pairs, current.pairs, n=reference.n, m=current.n)


def nothing_changed(
    columns: Sequence[ColumnDrift], pairs: Sequence[PairDrift] = (), together: JointShift | None = None
) -> float:
    """One p-value for "nothing has changed": at most ``alpha`` with probability ``alpha`` without drift.

    The smallest Benjamini-Hochberg adjusted p-value (Simes 1986) over the columns and the pairs taken as one sees the one
    column that moved much; the joint shift sees the many that moved little. The first spends four fifths of ``alpha``,
    the second one fifth (weighted Bonferroni; Holm 1979), which holds however the two depend on each other.
    """
    single = min(_adjusted(columns, pairs), default=1.0)
    if together is None or not together.columns:
        return single
    return min(1.0, single / (1 - _TOGETHER), together.p_value / _TOGETHER)


def _adjusted(columns: Sequence[ColumnDrift], pairs: Sequence[PairDrift]) -> list[float]:
    family = [item.p_value for item in columns] + ([any_pair(pairs)] if pairs else [])
    return [float(q) for q in benjamini_hochberg(family)]


def judge_drift(
    columns: Sequence[ColumnDrift],
    *,
    importance: Mapping[str, float],
    pairs: Sequence[PairDrift] = (),
    together: JointShift | None = None,
    muted: Collection[str] = (),
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
    unit, negative counts as none; columns it does not name weigh nothing; empty means all weigh the same. ``muted``
    columns are compared, and told, but never count. ``together`` is told, and decides nothing: what many small shifts do to
    the model shows in its predictions. Raises ``DataError`` for a rule or an importance that means nothing.
    """
    floors = (effect_floor, prediction_floor, association_floor)
    _check_rule(alpha=alpha, weighted_floor=weighted_floor, floors=floors)
    judged, torn_apart = _judged(columns, pairs, alpha=alpha, effect_floor=effect_floor)
    weights = _weights([item.column for item in judged], importance)
    apart = [f for f in pairs if torn_apart and f.p_value * len(pairs) <= alpha and abs(f.change) >= association_floor]
    torn = {name for f in apart for name in (f.one, f.other)}
    drifted = [i for i in judged if i.verdict == "drifted" or i.column in torn]
    heavy = [i for i in drifted if weights.get(i.column, 0.0) > 0 and i.column not in muted]
    matter = sorted(heavy, key=lambda item: -weights[item.column])
    share = sum(weights[item.column] for item in matter)
    predictions = [
        i.effect for i in judged if i.significant and i.column.startswith(PREDICTION_PREFIX) and i.column not in muted
    ]
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
        together=together.sentence if together is not None and together.p_value <= alpha else "",
        muted=tuple(item.column for item in drifted if item.column in muted),
        told=any(item.told for item in judged),
    )
    return replace(verdict, sentence=_say(verdict, judged, weights))


def judged_columns(
    columns: Sequence[ColumnDrift],
    pairs: Sequence[PairDrift] = (),
    *,
    alpha: float = ALPHA,
    effect_floor: float = EFFECT_FLOOR,
) -> tuple[ColumnDrift, ...]:
    """The columns with significance over all of them and the pairs, and the verdict that follows."""
    _check_rule(alpha=alpha, floors=(effect_floor,))
    return _judged(columns, pairs, alpha=alpha, effect_floor=effect_floor)[0]


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


def _weights(columns: Sequence[str], importance: Mapping[str, float]) -> dict[str, float]:
    """Importance of the inputs, summing to one; predictions are judged apart."""
    wrong = {name: value for name, value in importance.items() if not _is_number(value)}
    if wrong:
        got = ", ".join(f"{name}: {value!r}" for name, value in wrong.items())
        raise DataError("importance of columns", got=got, allowed="finite numbers", do="Correct or leave them out")
    inputs = [name for name in columns if not name.startswith(PREDICTION_PREFIX)]
    known = {name: max(float(value), 0.0) for name, value in importance.items()}
    most = max(known.values(), default=0.0)
    if not most:
        return {name: 1.0 / len(inputs) for name in inputs}
    total = sum(value / most for value in known.values())
    return {name: known.get(name, 0.0) / most / total for name in inputs}


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, Real) and math.isfinite(value)
    except OverflowError:
        return False


def _check_rule(*, alpha: float, weighted_floor: float = 1.0, floors: Sequence[float] = ()) -> None:
    given = (alpha, weighted_floor, *floors)
    real = all(isinstance(one, Real) for one in given)
    if not real or not (0 < alpha < 1 and 0 < weighted_floor <= 1 and all(one >= 0 for one in floors)):
        raise DataError(
            "drift rule",
            got=f"alpha {alpha}, weighted floor {weighted_floor}, floors {', '.join(map(str, floors)) or 'none'}",
            allowed="0 < alpha < 1, 0 < weighted floor <= 1, floors of 0 or more",
            do="Correct the rule",
        )


def _say(verdict: DriftVerdict, columns: Sequence[ColumnDrift], weights: Mapping[str, float]) -> str:
    if not verdict.told:
        return f"too few rows to tell (n = {verdict.n:,})"
    effects = {i.column: f"effect {i.effect:.2f}" if i.verdict == "drifted" else "its correlations" for i in columns}
    parts = [f"{'drift that matters' if verdict.drifted else 'no drift that matters'} (n = {verdict.n:,})"]
    named = ", ".join(f"{name} ({effects[name]}, weight {weights[name]:.0%})" for name in verdict.matter[:5])
    carried = f"carrying {verdict.share:.0%} of the importance, limit {verdict.limit:.0%}"
    parts.append(f"drifted: {named}, {carried}" if named else "no important column drifted")
    if verdict.apart:
        parts.append(f"no longer move together as they did: {', '.join(verdict.apart[:3])}")
    if verdict.prediction_effect:
        parts.append(f"predictions moved by {verdict.prediction_effect:.2f}, limit {verdict.prediction_limit:.2f}")
    if verdict.together:
        parts.append(verdict.together)
    if verdict.muted:
        parts.append(f"not counted: {', '.join(verdict.muted)}")
    rest = [name for name in verdict.moved if name not in (*verdict.matter, *verdict.muted)]
    if rest:
        more = f" and {len(rest) - 5} more" if len(rest) > 5 else ""
        parts.append(f"moved without deciding: {', '.join(rest[:5])}{more}")
    return "; ".join(parts)

"""One column before and now: how far apart, how surely, and in what respect; from the counts of two profiles alone."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics import divergence as div
from ml_assets.statistics.divergence import Counts
from ml_assets.statistics.profile import CategoricalSummary, NumericSummary, Profile
from ml_assets.statistics.reading import ColumnKind

DriftLabel = Literal["stable", "moved", "drifted"]

FEWEST_ROWS = 30
_MOST_CELLS = 20
_HEAVIEST = 20
_ALL = 10_000
_SURE = 0.001
_SELECTION_SD = 4.0  # how clear of the lightest listed category a heavy one must be to have been listed without luck


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How one column of ``n`` current rows differs from the reference.

    ``effect`` is the stability index over at most 20 cells (missing values are a cell) less its expectation under no
    drift: 0 none, d² for a normal column shifted by d sd, with its 95 % interval ``low`` to ``high``; ``psi`` is the same
    with its noise. ``location``: z-score of the rank test for location (``nan`` for categories). ``total_variation`` is
    0..1, ``wasserstein_sd`` in reference standard deviations (``nan`` for categories), ``missing_change`` a
    difference of shares, ``new_share`` the share of current rows with unseen categories, or numbers outside the range
    the grid was cut from. ``p_value`` is for this column alone; ``significant`` and ``verdict`` take all compared
    columns into account. ``told`` is False with fewer than 30 rows on a side: nothing can be said then.
    """

    column: str
    kind: ColumnKind
    n: int
    effect: float
    low: float
    high: float
    psi: float
    location: float
    total_variation: float
    wasserstein_sd: float
    missing_change: float
    new_share: float
    p_value: float
    significant: bool
    verdict: DriftLabel
    sentence: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class _Comparison:
    cells: tuple[Counts, Counts]
    p_values: tuple[float, ...]
    location: float
    wasserstein_sd: float
    new_share: float
    words: str


def column_change(name: str, reference: Profile, current: Profile) -> ColumnDrift:
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
    low, high = div.stability_interval(a, b)
    told = min(n, m) >= FEWEST_ROWS
    p_value = div.combined([*seen.p_values, *_if_any(missing[0], n, missing[1], m)]) if told else 1.0
    change = missing[1] / m - missing[0] / n if n and m else 0.0
    gap = f", missing {missing[0] / n:.1%} → {missing[1] / m:.1%}" if change else ""
    few = "" if told else "; too few rows to tell"
    return ColumnDrift(
        column=name,
        kind=kind,
        n=m,
        effect=effect,
        low=low,
        high=high,
        psi=psi,
        location=seen.location,
        total_variation=div.total_variation(a, b),
        wasserstein_sd=seen.wasserstein_sd,
        missing_change=change,
        new_share=seen.new_share,
        p_value=p_value,
        significant=False,
        verdict="stable",
        sentence=f"{name}: {seen.words}{gap}, effect {effect:.3f} [{low:.3f}, {high:.3f}], p {_p(p_value)} (n = {m:,} against {n:,}){few}",
        told=told,
    )


def _compare_numbers(old: NumericSummary, new: NumericSummary, edges: tuple[float, ...]) -> _Comparison:
    a, b = np.array(old.counts, dtype=np.float64), np.array(new.counts, dtype=np.float64)
    n, m = old.n + old.infinite, new.n + new.infinite
    infinite = _infinite(old, new)
    ranks = div.rank_tests(a, b)
    p_values = [*ranks.p_values, *(p for x, y in infinite for p in _if_any(x, n, y, m))]
    merged = div.even_cells(a, b, most=_MOST_CELLS)
    cells = (np.append(merged[0], [x for x, _ in infinite]), np.append(merged[1], [y for _, y in infinite]))
    outside = (new.counts[0] + new.counts[-1]) / new.n if new.n and edges else 0.0
    return _Comparison(
        cells, tuple(p_values), ranks.location, _wasserstein_sd(a, b, old, new, edges), outside, _number_words(old, new)
    )


def _infinite(old: NumericSummary, new: NumericSummary) -> list[tuple[float, float]]:
    """Infinite rows before and now: below and above all numbers apart, where both sides tell."""
    if old.minus_infinite is None or new.minus_infinite is None:
        return [(old.infinite, new.infinite)]
    below = (old.minus_infinite, new.minus_infinite)
    return [below, (old.infinite - below[0], new.infinite - below[1])]


def _number_words(old: NumericSummary, new: NumericSummary) -> str:
    """What changed; a column that was constant and varies now, or the reverse, is named as such."""
    if not old.n or not new.n:
        return "no numbers to compare"
    was, now = (one.minimum if one.minimum == one.maximum else None for one in (old, new))
    if was is not None and now is None:
        return f"was always {was:.4g}, now varies from {new.minimum:.4g} to {new.maximum:.4g}"
    if was is None and now is not None:
        return f"varied from {old.minimum:.4g} to {old.maximum:.4g}, now always {now:.4g}"
    if was is not None and now is not None and was != now:
        return f"was always {was:.4g}, now always {now:.4g}"
    return f"mean {old.mean:.4g} → {new.mean:.4g}"


def _wasserstein_sd(a: Counts, b: Counts, old: NumericSummary, new: NumericSummary, edges: tuple[float, ...]) -> float:
    ends = [end for one in (old, new) for end in (one.minimum, one.maximum) if end is not None]
    if len(ends) < 4 or not edges:
        return math.nan
    knots = np.array([min(*ends, edges[0]), *edges, max(*ends, edges[-1])])
    with np.errstate(over="ignore", invalid="ignore"):
        distance = div.earth_movers(a, b, knots)
    spread = old.sd or new.sd
    return distance / spread if spread else math.inf if distance else 0.0


def _compare_categories(old: CategoricalSummary, new: CategoricalSummary, *, truncated: bool) -> _Comparison:
    a, b = np.array(old.counts, dtype=np.float64), np.array(new.counts, dtype=np.float64)
    n, m = a.sum() + old.other + old.new, b.sum() + new.other + new.new
    kept = _filled(a, b, n, m, truncated=truncated)
    rare = (n - a[kept].sum(), m - b[kept].sum())
    came, unseen = _newcomer(old, new, n, m), _unseen(old, new, n, m)
    gone = _gone(a, b, kept, n, m) if truncated else None
    p_values = [*_if_any(rare[0], n, rare[1], m), *(one.p_value for one in (came, unseen, gone) if one)]
    tested = (a[kept], b[kept])
    if n + m and sum(rare) * min(n, m) / (n + m) >= div.FEWEST:
        tested = (np.append(a[kept], rare[0]), np.append(b[kept], rare[1]))
    if len(tested[0]) > 1:
        p_values.append(div.homogeneity_p_value(*tested))
    listed = np.flatnonzero(kept)
    heaviest = listed[np.argsort(-(a + b)[listed], kind="stable")[: _MOST_CELLS - 1]]
    apart = _cells_apart(came, unseen, gone)
    shown = [np.append(side[heaviest], [one[i] for one in apart]) for i, side in enumerate((a, b))]
    cells = (np.append(shown[0], max(n - shown[0].sum(), 0)), np.append(shown[1], max(m - shown[1].sum(), 0)))
    fresh = unseen.now if unseen and unseen.p_value < _SURE else 0.0
    share = max(float(new.new), fresh) / m if m else 0.0
    return _Comparison(cells, tuple(p_values), math.nan, math.nan, share, _category_words(cells, share, came, n, m))


def _cells_apart(came: "_Apart | None", unseen: "_Apart | None", gone: "_Apart | None") -> list[tuple[float, float]]:
    """Rows before and now of the cells beside those of the heaviest values; no row is in two of them."""
    sure = [(one.before, one.now) for one in (came, gone) if one and one.p_value < _SURE]
    if not unseen:
        return sure
    named = came.now if came and came.p_value < _SURE and not came.before else 0.0
    return [*sure, (unseen.before, max(unseen.now - named, 0.0))]


def _category_words(cells: tuple[Counts, Counts], share: float, came: "_Apart | None", n: float, m: float) -> str:
    if not (n and m):
        return "no values to compare"
    words = f"shares differ by {div.total_variation(*cells):.1%}"
    if came and came.p_value < _SURE:
        words += f", {came.value!r} came from {came.before / n:.1%} at most to {came.now / m:.1%}"
    return f"{words}, unseen values {share:.1%}" if share else words


@dataclass(frozen=True, slots=True)
class _Apart:
    """Rows that stand out, ``before`` and ``now``; ``value`` names them if they have one value."""

    before: float
    now: float
    p_value: float
    value: str = ""


def _newcomer(old: CategoricalSummary, new: CategoricalSummary, n: float, m: float) -> _Apart | None:
    """The unlisted value that grew most surely, by the most rows it can have had and the least it has.

    Paid for by all the values that could have grown heavy.
    """
    candidates = max(float(_HEAVIEST), (new.other + new.new) / 2)  # fewer than two rows expected never make ten
    found = []
    for value, (least, _) in new.heavy.heaviest(_HEAVIEST).items() if n and m else ():
        most = old.heavy.bounds(value)[1]
        if least >= div.FEWEST and least / m > most / n:
            p_value = min(1.0, div.rate_p_value(most, n, least, m) * candidates)
            found.append(_Apart(float(most), float(least), p_value, value))
    return min(found, key=lambda one: one.p_value, default=None)


def _unseen(old: CategoricalSummary, new: CategoricalSummary, n: float, m: float) -> _Apart | None:
    """Rows of unlisted values never seen before, if more such values came than chance brings.

    Whichever side a row is from by chance, a value of c rows on both is never seen before with probability (m / (n + m))^c;
    their number is Poisson at most. Before, the rows of the values seen once stand for them (Good, Biometrika 40 (1953)
    237). ``None`` where there were too many values to know all of them.
    """
    from scipy.special import gammainc

    x, y = ({value: least for value, (least, _) in side.heavy.heaviest(_ALL).items()} for side in (old, new))
    if sum(x.values()) != old.other + old.new or sum(y.values()) != new.other + new.new or not n or not m:
        return None
    before = np.array([*old.counts, *x.values(), *(0 for value in y if value not in x)], dtype=np.float64)
    both = np.array([*new.counts, *(y.get(value, 0) for value in x), *(y[v] for v in y if v not in x)]) + before
    came = int(((before == 0) & (both > 0)).sum())
    expected = float(((m / (n + m)) ** both[both > 0]).sum())
    once, now = float((before == 1).sum()), float(sum(rows for value, rows in y.items() if value not in x))
    if came <= expected or now / m <= once / n:
        return None
    return _Apart(once, now, float(gammainc(came, expected)))


def _gone(a: Counts, b: Counts, kept: NDArray[np.bool_], n: float, m: float) -> _Apart | None:
    """The listed values too light to stand alone, if they lost more rows together than they can have had by luck.

    Of all values those with k rows or more were listed: by luck they have at most as many rows too many as all rows
    times the chance that a Poisson variable of mean k - 1 is just that (E[(X - λ) 1{X ≥ k}] = λ P(X = k - 1)).
    """
    from scipy.special import gammaln

    light = np.flatnonzero(~kept & (a > 0))
    if not len(light) or not m:
        return None
    light = light[np.argsort(-a[light], kind="stable")]
    mean = a[light] - 1
    chance = np.exp(mean * np.log(np.maximum(mean, 1)) - mean - gammaln(mean + 1))
    least = np.cumsum(a[light]) - (n - a[kept].sum()) * chance
    best = int(np.argmax(least))
    before, now = float(least[best]), float(b[light[: best + 1]].sum())
    return _Apart(before, now, div.rate_p_value(before, n, now, m)) if before / n > now / m else None


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


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

"""How well do all inputs together tell a protected attribute, and which of them carry it?

A model that does not see the attribute can still treat its groups apart through columns that stand in for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.predictors import limited
from ml_assets.learning.preprocessing import (
    FeatureSpec,
    FloatArray,
    codes,
    feature_specs,
    prepare,
    without_empty_columns,
)
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import UNKNOWN
from ml_assets.statistics.intervals import delong, midranks, normal_quantile

IntArray = NDArray[np.int64]

FOLDS = 3
MOST_ROWS = 6_000
FEWEST = 20
"""Groups with fewer rows are too small to be learned; they count as the others'."""
_CATEGORIES = 60
_PERMUTATIONS = 400
_CARRIERS = 5


@dataclass(frozen=True, slots=True)
class Carrier:
    """A column, and the area under the curve that is lost when its values are shuffled in held-out rows."""

    column: str
    loss: float


@dataclass(frozen=True, slots=True)
class JointProxy:
    """How well the inputs tell one group of an attribute from the others, in rows no model learned from.

    ``auc``: 0.5 not at all, 1 perfectly. ``chance``: the same after the group labels were exchanged at random, its upper
    95 % bound; ``p_value`` of no more than chance. ``carriers``: the columns that carry it, most first. ``without``: the
    area after the two strongest were dropped and all was learned anew: dropping columns is not removing a proxy.
    ``group`` is the group that is told best. Too few rows: not estimable.
    """

    attribute: str
    group: str
    n: int
    auc: Estimate
    chance: float
    p_value: float
    carriers: tuple[Carrier, ...]
    dropped: tuple[str, ...]
    without: Estimate
    sentence: str


def joint_proxy(inputs: pd.DataFrame, groups: "pd.Series[Any]", *, level: float = 0.95, seed: int = 0) -> JointProxy:
    """Area under the curve of boosted trees that tell the groups of an attribute from ``inputs``, cross-fitted in 3 folds.

    Each group against the others, the best-told one is reported, and the null takes the best of the groups too. Rows of
    unknown group are left out, at most 6,000 are looked at, and groups of fewer than 20 rows are not told apart. Areas are
    taken within folds and averaged, so that a fold's own share of a group is no signal. Not for rows that repeat a
    person: the model would know the person.
    Sources: Feldman and others, KDD 2015 (predictability of the attribute as the measure of indirect discrimination);
    Ojala and Garriga, JMLR 11 (2010) 1833 (permutation null).
    """
    known = groups.astype(str).to_numpy() != UNKNOWN
    rows = np.flatnonzero(known)
    if rows.size > MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
    label = groups.astype(str).to_numpy()[rows]
    names, counts = np.unique(label, return_counts=True)
    told = [str(name) for name, n in zip(names, counts, strict=True) if FEWEST <= n <= label.size - FEWEST]
    frame = inputs.iloc[rows].reset_index(drop=True)
    specs = feature_specs(frame, max_categories=_CATEGORIES)
    if not told or not specs:
        return _too_few(str(groups.name), label.size, len(specs), level)
    with limited(0):  # the machine is shared: idle threads of small fits only spin
        return _measure(str(groups.name), frame, specs, label, told, level, seed)


def _too_few(attribute: str, n: int, columns: int, level: float) -> JointProxy:
    nothing = not_estimable("proxy_auc", n=n, level=level)
    why = "no input has a value" if not columns else f"no two sides of {FEWEST} rows"
    sentence = f"{attribute}: too few to say how well the inputs tell it, {why} (n = {n:,})."
    return JointProxy(attribute, "", n, nothing, math.nan, 1.0, (), (), nothing, sentence)


def _measure(
    attribute: str,
    frame: pd.DataFrame,
    specs: Sequence[FeatureSpec],
    label: NDArray[Any],
    told: list[str],
    level: float,
    seed: int,
) -> JointProxy:
    x = codes(prepare(frame, specs), specs)
    fold = _folds(label, seed)
    models = _fit(x, specs, label, fold, seed)
    scores = _scores(models, x, fold, told)
    areas = [_area(label == name, scores[:, k], fold, level) for k, name in enumerate(told)]
    best = int(np.argmax([one.value for one in areas]))
    chance, p_value = _chance(label, scores, told, fold, areas[best].value, seed)
    carriers = _carriers(models, x, specs, label, told[best], fold, areas[best].value, seed)
    dropped = tuple(c.column for c in carriers[:2])
    kept = [spec for spec in specs if spec.name not in dropped]
    without = not_estimable("proxy_auc", n=label.size, level=level)
    if kept:
        left = codes(prepare(frame, kept), kept)
        again = _scores(_fit(left, kept, label, fold, seed), left, fold, [told[best]])
        without = _area(label == told[best], again[:, 0], fold, level)
    sentence = _sentence(attribute, told[best], areas[best], chance, p_value, carriers, dropped, without)
    return JointProxy(
        attribute, told[best], label.size, areas[best], chance, p_value, carriers, dropped, without, sentence
    )


def _folds(label: NDArray[Any], seed: int) -> IntArray:
    """Folds in which every group has its share."""
    fold = np.empty(label.size, dtype=np.int64)
    rng = np.random.default_rng(seed)
    for name in np.unique(label):
        at = rng.permutation(np.flatnonzero(label == name))
        fold[at] = (np.arange(at.size) + rng.integers(FOLDS)) % FOLDS
    return fold


def _fit(x: FloatArray, specs: Sequence[FeatureSpec], label: NDArray[Any], fold: IntArray, seed: int) -> list[Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    models = []
    for k in range(FOLDS):
        shown = fold != k
        model = HistGradientBoostingClassifier(
            max_iter=40,
            max_leaf_nodes=8,
            min_samples_leaf=20,
            l2_regularization=1.0,
            max_bins=64,
            early_stopping=False,
            random_state=seed,
            categorical_features=[s.kind == "categorical" for s in specs],
        )
        models.append(model.fit(without_empty_columns(x[shown], x[shown]), label[shown]))
    return models


def _scores(models: Sequence[Any], x: FloatArray, fold: IntArray, told: Sequence[str]) -> FloatArray:
    """Out-of-fold probability of each told group (n, groups)."""
    out = np.empty((len(x), len(told)))
    for k, model in enumerate(models):
        held = fold == k
        place = [list(model.classes_).index(name) for name in told]
        out[held] = model.predict_proba(without_empty_columns(x[held], x[~held]))[:, place]
    return out


def _area(ours: NDArray[np.bool_], score: FloatArray, fold: IntArray, level: float) -> Estimate:
    """Mean of the folds' areas, with the interval of independent folds."""
    z = normal_quantile(level)
    parts = [delong(ours[fold == k].astype(np.float64), score[fold == k], level=level) for k in range(FOLDS)]
    value = float(np.mean([p.value for p in parts]))
    half = math.sqrt(sum(((p.high - p.low) / (2 * z)) ** 2 for p in parts)) / FOLDS * z
    return Estimate("proxy_auc", value, max(value - half, 0.0), min(value + half, 1.0), ours.size, level=level)


def _chance(
    label: NDArray[Any], scores: FloatArray, told: Sequence[str], fold: IntArray, found: float, seed: int
) -> tuple[float, float]:
    """Upper 95 % bound of the best area under labels exchanged within folds, and how often it reaches ``found``.

    The scores stay: a row's score does not depend on its own label, so exchanging held-out labels is the null.
    """
    rng = np.random.default_rng(seed + 1)
    ranks = np.empty_like(scores)
    for k in range(FOLDS):
        held = fold == k
        ranks[held] = np.stack([midranks(column) for column in scores[held].T], axis=1)
    best = np.empty(_PERMUTATIONS)
    for draw in range(_PERMUTATIONS):
        areas = np.zeros(len(told))
        for k in range(FOLDS):
            held = fold == k
            areas += _areas(rng.permutation(label[held]), ranks[held], told)
        best[draw] = areas.max() / FOLDS
    p_value = (1 + int((best >= found).sum())) / (_PERMUTATIONS + 1)
    return float(np.quantile(best, 0.95)), p_value


def _areas(label: NDArray[Any], ranks: FloatArray, told: Sequence[str]) -> FloatArray:
    ours = label[:, None] == np.asarray(told)[None, :]
    n = ours.sum(axis=0)
    return np.asarray(((ranks * ours).sum(axis=0) - n * (n + 1) / 2) / (n * (len(label) - n)), dtype=np.float64)


def _carriers(
    models: Sequence[Any],
    x: FloatArray,
    specs: Sequence[FeatureSpec],
    label: NDArray[Any],
    group: str,
    fold: IntArray,
    area: float,
    seed: int,
) -> tuple[Carrier, ...]:
    rng = np.random.default_rng(seed + 2)
    losses = []
    for j, spec in enumerate(specs):
        shuffled = x.copy()
        for k in range(FOLDS):
            at = np.flatnonzero(fold == k)
            shuffled[at, j] = x[rng.permutation(at), j]
        left = _area(label == group, _scores(models, shuffled, fold, [group])[:, 0], fold, 0.95)
        losses.append(Carrier(spec.name, area - left.value))
    return tuple(sorted(losses, key=lambda one: -one.loss)[:_CARRIERS])


def _sentence(
    attribute: str,
    group: str,
    auc: Estimate,
    chance: float,
    p_value: float,
    carriers: Sequence[Carrier],
    dropped: Sequence[str],
    without: Estimate,
) -> str:
    found = (
        f"{attribute} = {group}: all inputs together tell it with an AUC of {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] "
        f"(n = {auc.n:,}; by chance up to {chance:.3f}, p = {p_value:.3f})"
    )
    carried = ", ".join(f"{c.column} ({c.loss:.3f})" for c in carriers[:3] if c.loss > 0.005) or "no column by itself"
    left = f"still {without.value:.3f}" if without.estimable else "nothing is left"
    return f"{found}; carried by {carried}; without {' and '.join(dropped)} {left}."

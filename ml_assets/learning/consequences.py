"""What a change of the rows does to the decisions and the money of a model, before any label has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.artifact import Prediction, SolutionArtifact
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, numbers, prepare, texts
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.intervals import mean_interval
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.profile import Profile
from ml_assets.statistics.restoration import restored_categories, restored_numbers
from ml_assets.statistics.value import BinaryValue, MulticlassValue, Value

MOST_ROWS = 2_000
TOGETHER = "all of them"
CHANGED_SHARE = "decisions changed"
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Consequence:
    """What the change of one column (or of all of them) did to the answers for the batch.

    ``changed``: share of rows decided otherwise than with the column as it was before; for regression the mean absolute change of
    the prediction. ``decided``: mean decision now less what it would be (binary, regression). ``money``: expected money
    per decision now less what it would be, by the scores alone (binary, multiclass). Not estimable where it does not apply.
    """

    column: str
    changed: Estimate
    decided: Estimate
    money: Estimate


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Mean absolute change of the score when a column's values are exchanged between rows: 0 = the score ignores it."""

    column: str
    change: Estimate
    share: float


def consequences(
    artifact: SolutionArtifact,
    features: pd.DataFrame,
    reference: Profile,
    columns: Sequence[str],
    *,
    groups: pd.DataFrame | None = None,
    value: Value | None = None,
    unit: str = "",
    seed: int = 0,
) -> tuple[Consequence, ...]:
    """Answers for the rows as they are against answers with columns given back their distribution of before.

    The heaviest consequence in money (else in decisions) first; the last row is all columns given back at once. At
    most ``MOST_ROWS`` evenly spaced rows. It speaks of the model's answers: what the rows turn out to be is not known yet, and
    the money is what calibrated scores promise. Columns that are no inputs are left out. ``groups``: for a solution that decides by
    group, the groups of the rows.
    """
    rows = _spaced(features)
    audit = None if groups is None else _spaced(groups)
    specs = {s.name: s for s in artifact.specs}
    inputs = [c for c in columns if c in specs and (c in reference.numeric or c in reference.categorical)]
    if not len(rows) or not inputs:
        return ()
    rng = np.random.default_rng(seed)
    now = artifact.predict(rows, groups=audit)
    back = {c: restored(rows[c], specs[c], reference, rng) for c in inputs}
    decide = partial(artifact.predict, groups=audit)
    found = [_consequence(c, artifact.task, now, decide(rows.assign(**{c: back[c]})), value, unit) for c in inputs]
    found.sort(key=lambda one: (-abs(one.money.value) if one.money.estimable else 0.0, -one.changed.value))
    if len(inputs) > 1:
        found.append(_consequence(TOGETHER, artifact.task, now, decide(rows.assign(**back)), value, unit))
    return tuple(found)


def restored(
    column: "pd.Series[Any]", spec: FeatureSpec, reference: Profile, rng: np.random.Generator
) -> "pd.Series[Any]":
    """An input column with the distribution it had in the reference."""
    if spec.name in reference.numeric:
        unit = _DAY if spec.time else 1.0  # the model counts days, a profile seconds
        values = restored_numbers(
            numbers(column) * unit, reference.numeric[spec.name], reference.grid.edges[spec.name], rng
        )
        return pd.Series(values / unit, index=column.index)
    plain = texts(column).to_numpy(dtype=object, copy=True)
    plain[pd.isna(plain)] = None
    before = reference.categorical[spec.name]
    return pd.Series(
        restored_categories(plain, before, reference.grid.categories[spec.name], rng), index=column.index, dtype=object
    )


def sensitivities(artifact: SolutionArtifact, features: pd.DataFrame, *, seed: int = 0) -> tuple[Sensitivity, ...]:
    """How strongly the score of these rows hangs on each input, strongest first; needs no label.

    For several classes the change is half the summed change of the probabilities. Comparing a batch with the rows of the
    release tells attribution drift: the same model resting on other columns than it was judged with.
    """
    rows = prepare(_spaced(features), artifact.specs)
    if len(rows) < 2:
        return ()
    rng = np.random.default_rng(seed)
    base = artifact.score(rows)
    moved = {}
    for spec in artifact.specs:
        order = rng.permutation(len(rows))
        other = artifact.score(rows.assign(**{spec.name: rows[spec.name].array[order]}))
        gap = np.abs(other - base)
        moved[spec.name] = gap.sum(axis=1) / 2 if gap.ndim == 2 else gap
    total = sum(float(gap.mean()) for gap in moved.values())
    found = [
        Sensitivity(name, _mean("change of the score", gap, ""), float(gap.mean()) / total if total else 0.0)
        for name, gap in moved.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.share, one.column)))


def _spaced(features: pd.DataFrame) -> pd.DataFrame:
    n = len(features)
    at = np.arange(n) if n <= MOST_ROWS else np.linspace(0, n - 1, MOST_ROWS).astype(np.int64)
    return features.iloc[at].reset_index(drop=True)


def _consequence(
    column: str, task: Task, now: Prediction, then: Prediction, value: Value | None, unit: str
) -> Consequence:
    gap = np.asarray(now.decision, dtype=np.float64) - np.asarray(then.decision, dtype=np.float64)
    regression = task == "regression"
    nothing = not_estimable("difference")
    earned = [expected_money(p.score, p.decision, value) for p in (now, then)]
    money = nothing
    if earned[0] is not None and earned[1] is not None:
        money = _mean("expected money per decision", earned[0] - earned[1], unit)
    return Consequence(
        column,
        _mean("change of the prediction", np.abs(gap), "")
        if regression
        else _mean(CHANGED_SHARE, (gap != 0).astype(np.float64), ""),
        nothing if task == "multiclass" else _mean("mean decision", gap, ""),
        money,
    )


def expected_money(score: FloatArray, decision: NDArray[Any], value: Value | None) -> FloatArray | None:
    """Money each row promises by its own calibrated probabilities, shape (n,); None without probabilities or a value."""
    if isinstance(value, BinaryValue) and score.ndim == 1:
        if_positive = np.where(decision == 1, value.true_positive, value.false_negative)
        if_negative = np.where(decision == 1, value.false_positive, value.true_negative)
        return np.asarray(score * if_positive + (1 - score) * if_negative, dtype=np.float64)
    if isinstance(value, MulticlassValue) and score.ndim == 2:
        earned = np.array(value.matrix, dtype=np.float64).T[np.asarray(decision, dtype=np.int64)]
        return np.asarray((score * earned).sum(axis=1), dtype=np.float64)
    return None


def _mean(name: str, values: FloatArray, unit: str) -> Estimate:
    low, high = mean_interval(values)
    return Estimate(name, float(values.mean()), low, high, len(values), unit)

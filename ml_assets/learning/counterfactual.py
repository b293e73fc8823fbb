"""What if the person were of another group? Decisions again with the attribute exchanged and all else kept.

Only where the attribute, or a column that stands for it, is an input, or decides through group thresholds. It shows how
far the model itself leans on the column; not what the person's other columns would be if they had been of that group.
Source: Kusner and others, Counterfactual fairness, NeurIPS 2017 (whose causal model is not assumed here).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.artifact import Prediction, SolutionArtifact
from ml_assets.learning.preprocessing import FloatArray
from ml_assets.statistics.clustered import clustered_mean, clustered_share
from ml_assets.statistics.estimate import Estimate, not_estimable

MOST_GROUPS = 20
"""Groups that are set, the largest first: each costs one scoring of all rows."""


@dataclass(frozen=True, slots=True)
class Flip:
    """All rows outside of ``group`` decided again as if they were in it.

    ``changed``: share of them whose decision changes, 0 = none. ``gained`` and ``lost``: shares that get, and lose, the
    favourable decision; not estimable for a number. ``score``: mean change of the score of the positive class, of the
    number, or of several classes the mean share of probability that moves (half the sum of the changes). ``set_to``: the
    value the column was given; ``None`` where the group alone was exchanged.
    """

    attribute: str
    column: str
    group: str
    set_to: str | None
    n: int
    changed: Estimate
    gained: Estimate
    lost: Estimate
    score: Estimate


def reads(artifact: SolutionArtifact, attribute: str, column: str) -> bool:
    """Whether a solution looks at an attribute: its column is an input, or its thresholds differ by it."""
    inputs = {spec.name for spec in artifact.specs}
    by_group = artifact.group_thresholds is not None and artifact.group_thresholds.attribute == attribute
    return column in inputs or by_group


def flips(
    artifact: SolutionArtifact,
    features: pd.DataFrame,
    groups: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    favourable: int = 1,
    cluster: NDArray[Any] | None = None,
    level: float = 0.95,
) -> tuple[Flip, ...]:
    """Every attribute that the solution reads, set to each of its groups in turn.

    Args:
        features: (n, inputs) raw rows; ``groups`` (n, attributes) their labels as ``group_frame`` makes them.
        columns: attribute → the column it is made from.
        cluster: (n,) what rows share (one customer): they count as one draw in every interval.

    A group stands for one value of the column: the commonest in it, or the median one where it holds many numbers. At
    most 20 groups of an attribute, the largest. Empty where the solution reads none. ``DataError`` for an attribute that
    is no column of ``groups``.
    """
    unknown = sorted(set(columns) - set(groups.columns))
    if unknown:
        allowed = ", ".join(map(str, groups.columns))
        raise DataError("attributes without groups", got=unknown, allowed=allowed, do="Name attributes that are there")
    before = artifact.predict(features, groups=groups)
    found = []
    for attribute, column in columns.items():
        if reads(artifact, attribute, column):
            for group in groups[attribute].value_counts().index[:MOST_GROUPS]:
                to = (attribute, column, group)
                found.append(_flip(artifact, (features, groups, cluster), before, to, favourable, level))
    return tuple(found)


def standing_for(values: "pd.Series[Any]") -> Any:
    """The value of a column that stands for the rows of a group: the commonest; of many numbers a middle one of them."""
    known = values.dropna()
    if not len(known):
        return values.iloc[0]
    numeric = pd.api.types.is_numeric_dtype(known.dtype) and not pd.api.types.is_bool_dtype(known.dtype)
    if numeric and known.nunique() > 1:
        return known.sort_values(kind="stable").iloc[(len(known) - 1) // 2]
    counts = known.value_counts()
    return min(counts.index[counts == counts.iloc[0]], key=str)


def _flip(
    artifact: SolutionArtifact,
    rows: tuple[pd.DataFrame, pd.DataFrame, NDArray[Any] | None],
    before: Prediction,
    to: tuple[str, str, str],
    favourable: int,
    level: float,
) -> Flip:
    features, groups, cluster = rows
    attribute, column, group = to
    inside = (groups[attribute] == group).to_numpy()
    others = np.flatnonzero(~inside)
    is_input = column in {spec.name for spec in artifact.specs}
    value = standing_for(features.loc[inside, column]) if is_input else None
    told = str(value) if is_input else None
    if not others.size:
        nothing = [not_estimable(name, level=level) for name in ("changed", "gained", "lost", "score")]
        return Flip(attribute, column, group, told, 0, *nothing)
    moved = features.iloc[others]
    if is_input:
        moved = moved.assign(**{column: _filled(features[column], value, others.size, moved.index)})
    after = artifact.predict(moved, groups=groups.iloc[others].assign(**{attribute: group}))
    was = Prediction(before.score[others], before.decision[others])
    shared = None if cluster is None else cluster[others]
    changes = _changes(was, after, artifact.task, favourable, (shared, level))
    return Flip(attribute, column, group, told, others.size, *changes)


def _filled(column: "pd.Series[Any]", value: Any, n: int, index: "pd.Index[Any]") -> "pd.Series[Any]":
    """A column of one value, of the type it has."""
    return pd.Series([value] * n, index=index, dtype=column.dtype)


def _changes(
    before: Prediction,
    after: Prediction,
    task: str,
    favourable: int,
    by: tuple[NDArray[Any] | None, float],
) -> Sequence[Estimate]:
    (cluster, level), moved = by, after.score - before.score
    if task == "regression":
        beyond = np.abs(moved) > 1e-9 * np.maximum(np.abs(before.score), 1.0)
        gone = [not_estimable(name, level=level) for name in ("gained", "lost")]
        return [clustered_share("changed", beyond, cluster, level=level), *gone, _mean(moved, cluster, level)]
    other = after.decision != before.decision
    gained, lost = (other & (side.decision == favourable) for side in (after, before))
    shift = moved if moved.ndim == 1 else np.abs(moved).sum(axis=1) / 2
    shares = {"changed": other, "gained": gained, "lost": lost}
    told = [clustered_share(name, rows, cluster, level=level) for name, rows in shares.items()]
    return [*told, _mean(shift, cluster, level)]


def _mean(moved: FloatArray, cluster: NDArray[Any] | None, level: float) -> Estimate:
    return clustered_mean(moved, cluster).estimate("score", level=level)

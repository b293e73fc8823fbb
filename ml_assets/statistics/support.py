"""What stands behind a verdict: how surely there is any gap (q), and the smallest gap that the rows could rule out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.labels import label_contrasts
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.representation import GroupShare
from ml_assets.statistics.verdicts import (
    Contrast,
    benjamini_hochberg,
)


@dataclass(frozen=True, slots=True)
class Support:
    """``q``: false-discovery rate at which the comparison would be called a gap, among those made with it (1: no sign).

    ``detectable``: the smallest tolerance its rows could clear if there were no gap, in the unit of the difference (of a
    ratio: of its natural logarithm; infinite without rows). ``resolvable``: whether that is within the tolerance.
    """

    q: float
    detectable: float
    resolvable: bool


def supports(contrasts: Sequence[Contrast]) -> tuple[Support, ...]:
    """The support of comparisons made together; one without rows has q = 1."""
    known = [contrast for contrast in contrasts if contrast.value == contrast.value]
    q_values = iter(benjamini_hochberg([contrast.p_value for contrast in known]))
    return tuple(
        Support(float(next(q_values)) if c.value == c.value else 1.0, c.detectable, c.resolvable) for c in contrasts
    )


def share_supports(shares: Sequence[GroupShare], contrasts: Mapping[tuple[str, str], Contrast]) -> tuple[Support, ...]:
    """Of group shares against their references, compared by ``share_contrasts``; without a reference nothing is."""
    compared = [share for share in shares if share.reference is not None]
    found = supports([contrasts[s.attribute, s.group] for s in compared])
    by_name = {(s.attribute, s.group): one for s, one in zip(compared, found, strict=True)}
    nothing = Support(1.0, float("inf"), False)
    return tuple(by_name.get((s.attribute, s.group), nothing) for s in shares)


def gap_supports(
    groups: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    task: Task,
    tolerance: float,
    cluster: npt.NDArray[Any] | None = None,
) -> tuple[Support, ...]:
    """Of the label gaps that ``label_gaps`` finds in these rows, in its order."""
    return supports(label_contrasts(groups, truth, tolerance=tolerance, task=task, cluster=cluster))

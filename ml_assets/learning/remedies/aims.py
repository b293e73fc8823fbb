"""What a remedy is to narrow: rates of rows in strata of the truth, between the groups of some attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.statistics.disparity import Disparity
from ml_assets.statistics.groups import UNKNOWN

Stratum = Literal["everyone", "favourable", "unfavourable", "right"]
"""Rate of the favourable decision among all rows, among those with favourable or with unfavourable truth; or of being
right, among all rows."""

STRATUM_OF: Mapping[str, Stratum] = {
    "selection_rate_ratio": "everyone",
    "selection_rate_difference": "everyone",
    "equal_opportunity_difference": "favourable",
    "false_positive_rate_difference": "unfavourable",
    "accuracy_difference": "right",
}
"""Fairness metrics that are a gap of such a rate. The others (precision, calibration, residuals) no remedy here aims at."""


@dataclass(frozen=True, slots=True)
class Aim:
    """The attributes whose groups differ, and the strata in which they do."""

    attributes: tuple[str, ...]
    strata: tuple[Stratum, ...]

    def labels(self, groups: pd.DataFrame) -> "pd.Series[Any]":
        """One label per row over all aimed attributes: "f", or "f & 30-39" for two."""
        joint = groups[list(self.attributes)].astype(str).agg(" & ".join, axis=1)
        return joint.rename(" & ".join(self.attributes))


def aim_of(findings: Sequence[Disparity], close: Sequence[Disparity] = ()) -> Aim:
    """What findings (worst first, at least one) ask for; without strata where none is a gap of a rate that can be moved.

    ``close``: other comparisons that a remedy must keep an eye on because they are near their limit; their strata are
    aimed at too, for the same attributes.
    """
    movable = [one for one in findings if one.metric in STRATUM_OF]
    attributes = tuple(dict.fromkeys(one.attribute for one in movable or findings))
    watched = [one for one in close if one.metric in STRATUM_OF and one.attribute in attributes] if movable else []
    return Aim(attributes, tuple(dict.fromkeys(STRATUM_OF[one.metric] for one in (*movable, *watched))))


def among(truth: NDArray[Any], stratum: Stratum, *, favourable: int) -> NDArray[np.bool_]:
    """The rows (n,) a stratum counts."""
    if stratum in ("everyone", "right"):
        return np.ones(len(truth), dtype=np.bool_)
    return np.asarray((truth == favourable) == (stratum == "favourable"), dtype=np.bool_)


def event(truth: NDArray[Any], decision: NDArray[Any], stratum: Stratum, *, favourable: int) -> NDArray[np.bool_]:
    """What is counted in them (n,): the favourable decision, or being right."""
    return np.asarray(decision == (truth if stratum == "right" else favourable), dtype=np.bool_)


def named(labels: "pd.Series[Any]") -> list[str]:
    """The groups of a label column in order of name, without the unknown ones: nobody is treated as "unknown"."""
    return sorted({str(label) for label in labels.unique()} - {UNKNOWN})

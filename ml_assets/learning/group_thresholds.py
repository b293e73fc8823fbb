"""A decision threshold for each group: the one part of a solution that reads a person's group at decision time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import ArtifactError, DataError
from ml_assets.learning.preprocessing import FloatArray


@dataclass(frozen=True, slots=True)
class GroupThresholds:
    """Decide 1 where score >= the threshold of the row's group.

    ``attribute`` names the column of group labels, ``thresholds`` holds one threshold per group that had enough rows to
    fit it; every other group, and a missing label, gets ``fallback``, the threshold of the solution without groups.
    A threshold may be infinite (never). To decide by group is unequal treatment by law in many uses: not for those.
    Source: Hardt, Price and Srebro, Equality of opportunity in supervised learning, NeurIPS 2016, section 4.
    """

    attribute: str
    thresholds: Mapping[str, float]
    fallback: float

    def __post_init__(self) -> None:
        own = {str(group): float(threshold) for group, threshold in self.thresholds.items()}
        object.__setattr__(self, "thresholds", MappingProxyType(own))
        if not self.attribute or not own or any(math.isnan(t) for t in (*own.values(), self.fallback)):
            raise ArtifactError(
                "Group thresholds are incomplete",
                got=f"attribute {self.attribute!r}, thresholds {own}, fallback {self.fallback}",
                allowed="an attribute, at least one group, thresholds that are numbers",
                do="Fit them again",
            )

    def of(self, labels: "pd.Series[Any]") -> FloatArray:
        """The threshold of every row (n,)."""
        codes, names = pd.factorize(labels)
        known = [self.thresholds.get(str(name), self.fallback) for name in names]
        return np.asarray([*known, self.fallback], dtype=np.float64)[codes]

    def decide(self, score: FloatArray, groups: pd.DataFrame | None) -> NDArray[np.int64]:
        """Decisions (n,) of scores (n,) and of the groups of the same rows.

        Raises ``DataError`` without groups, without the attribute among them, or when the rows are not as many.
        """
        if groups is None or self.attribute not in groups.columns or len(groups) != len(score):
            got = "no groups" if groups is None else f"{len(groups)} rows of {', '.join(map(str, groups.columns))}"
            raise DataError(
                "This solution decides by group, and the groups are missing",
                got=got,
                allowed=f"a column {self.attribute!r} of group labels for {len(score)} rows",
                do="Call predict(frame, groups=...) with the audit groups of the same rows",
            )
        return (score >= self.of(groups[self.attribute])).astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able state; "inf" for a threshold that no score reaches."""
        return {
            "attribute": self.attribute,
            "thresholds": {group: _written(t) for group, t in sorted(self.thresholds.items())},
            "fallback": _written(self.fallback),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "GroupThresholds":
        """The inverse of :meth:`to_dict`."""
        thresholds = {str(group): float(t) for group, t in state["thresholds"].items()}
        return cls(str(state["attribute"]), thresholds, float(state["fallback"]))


def _written(threshold: float) -> float | str:
    return threshold if math.isfinite(threshold) else str(threshold)

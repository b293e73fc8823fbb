"""What happened to rows that share a cause, group by group: the draws behind a rate or a mean on either side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.clustered_gaps import Sides, clustered_moments
from ml_assets.statistics.groups import Grouping, GroupRule, group_frame, grouping
from ml_assets.statistics.tensor_metrics import Share, outcomes

Names = tuple[str, ...]
"""One group: its label in each of the attributes that are crossed."""


@dataclass(frozen=True, eq=False)
class SharedRows:
    """Rows (n,) by attribute, label, decision and ``cluster``: what counts in one table do not tell, who owns which.

    ``truth`` and ``decision`` are class codes, -1 an unknown label; empty where only means are asked for.
    """

    tables: tuple[Grouping, ...]
    truth: IntArray
    decision: IntArray
    cluster: IntArray
    _made: dict[Names, tuple[tuple[Names, ...], Grouping]] = field(default_factory=dict, init=False, repr=False)
    """What :meth:`crossed` has made, by attributes: every metric asks for the same."""

    @classmethod
    def of(
        cls,
        groups: pd.DataFrame,
        cluster: npt.NDArray[Any],
        *,
        truth: npt.ArrayLike = (),
        decision: npt.ArrayLike = (),
    ) -> "SharedRows":
        """``groups`` (n, attributes) of labels; ``DataError`` where there is not one cluster per row."""
        y, d = (np.asarray(values).astype(np.int64) for values in (truth, decision))
        named = group_frame(groups, groups={name: GroupRule(name) for name in groups.columns})
        tables = tuple(grouping(named[name]) for name in named.columns)
        return cls(tables, y, d, cluster_codes(np.asarray(cluster), len(groups)))

    def rates(self, attributes: Sequence[str], share: Share, *, positive: int) -> Mapping[Names, Sides]:
        """Both sides of a rate for every group of these attributes, crossed: as :func:`clustered_moments` gives them."""
        outcome = outcomes(self.truth, self.decision, positive)
        return self.means(attributes, np.isin(outcome, share.events).astype(float), np.isin(outcome, share.among))

    def means(
        self, attributes: Sequence[str], values: FloatArray, among: npt.NDArray[np.bool_] | None = None
    ) -> Mapping[Names, Sides]:
        """Both sides of the mean of ``values`` (n,) over the rows ``among``, all by default."""
        names, table = self.crossed(attributes)
        kept = np.ones(len(values), dtype=bool) if among is None else among
        here = replace(table, codes=table.codes[kept])
        return dict(zip(names, clustered_moments(here, values[kept], self.cluster[kept]), strict=True))

    def crossed(self, attributes: Sequence[str]) -> tuple[tuple[Names, ...], Grouping]:
        """The groups of several attributes at once, with their names; made once."""
        asked = tuple(attributes)
        if asked not in self._made:
            self._made[asked] = self._crossed(asked)
        return self._made[asked]

    def _crossed(self, attributes: Names) -> tuple[tuple[Names, ...], Grouping]:
        own = [next(table for table in self.tables if table.attribute == name) for name in attributes]
        code = np.zeros(len(self.cluster), dtype=np.int64)
        for table in own:
            code = code * len(table.labels) + table.codes
        used, where = np.unique(code, return_inverse=True)
        places = np.unravel_index(used, [len(table.labels) for table in own])
        names = tuple(
            tuple(table.labels[place] for table, place in zip(own, line, strict=True))
            for line in zip(*(column.tolist() for column in places), strict=True)
        )
        labels = tuple(" & ".join(name) for name in names)
        return names, Grouping(" & ".join(attributes), labels, where, np.bincount(where, minlength=len(labels)))

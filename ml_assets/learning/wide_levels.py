"""What trees see of a category with more levels than they can split on: the commonest as levels, and all of them as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.learning.design import TargetColumn
from ml_assets.learning.preprocessing import FeatureSpec, FloatArray, category_codes, codes

NATIVE_LEVELS = 200
"""Levels of a category that trees split on, the most frequent ones; the others count as missing there."""


@dataclass(frozen=True)
class WideColumn:
    """One such category: ``kept`` are the codes of the levels that trees split on, rising; ``encoded`` speaks of every level."""

    kept: tuple[int, ...]
    encoded: TargetColumn

    def native(self, prepared: pd.DataFrame) -> FloatArray:
        """Position among the kept levels (n,), nan for missing and for the others."""
        # Code -1 (missing) reads the last cell, as python indexing has it.
        return self._places[category_codes(prepared[self.encoded.name])]

    def numbers(self, prepared: pd.DataFrame) -> FloatArray:
        """What the target is like at the level of each row (n, K)."""
        return self._values[category_codes(prepared[self.encoded.name])]

    # Kept: to make arrays of thousands of levels takes as long as the rest of a row's answer.
    @cached_property
    def _places(self) -> FloatArray:
        place = np.full(self.encoded.cells, np.nan)
        place[list(self.kept)] = np.arange(len(self.kept))
        return place

    @cached_property
    def _values(self) -> FloatArray:
        return np.asarray(self.encoded.values, dtype=np.float64).reshape(self.encoded.cells, -1)


@dataclass(frozen=True, slots=True)
class WideLevels:
    """The wide categories among the inputs of a model of trees; usually none, and then rows are their plain codes."""

    columns: tuple[WideColumn, ...] = ()

    @property
    def width(self) -> int:
        """Matrix columns that stand behind those of the inputs."""
        return sum(len(column.encoded.names()) for column in self.columns)

    def matrix(self, prepared: pd.DataFrame, specs: Sequence[FeatureSpec]) -> FloatArray:
        """Prepared rows as trees read them (rows, specs + width): a column for each input, then the encoded ones."""
        x = codes(prepared, specs)
        names = [spec.name for spec in specs]
        for column in self.columns:
            x[:, names.index(column.encoded.name)] = column.native(prepared)
        return np.column_stack([x, *(column.numbers(prepared) for column in self.columns)]) if self.columns else x

    def owners(self, specs: Sequence[FeatureSpec]) -> NDArray[np.int64]:
        """Position of the input that each matrix column belongs to."""
        names = [spec.name for spec in specs]
        behind = [names.index(column.encoded.name) for column in self.columns for _ in column.encoded.names()]
        return np.array([*range(len(names)), *behind], dtype=np.int64)

    def to_list(self) -> list[dict[str, Any]]:
        """JSON-able state."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_list(cls, state: Sequence[Mapping[str, Any]]) -> "WideLevels":
        """What :meth:`to_list` gave."""
        return cls(tuple(WideColumn(tuple(one["kept"]), _target(one["encoded"])) for one in state))


def _target(state: Mapping[str, Any]) -> TargetColumn:
    return TargetColumn(state["name"], tuple(state["classes"]), tuple(state["values"]))


NARROW = WideLevels()
"""No wide category."""

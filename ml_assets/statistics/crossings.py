"""Groups of groups: attributes crossed with each other to a declared depth, and what each crossed group is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.errors import DataError

JOIN = " & "
MOST_GROUPS = 200
"""A crossing of more groups is left out, by name: comparisons by the hundred can prove nothing about any of them."""

Group = tuple[str, str]
"""An attribute and one of its groups."""


@dataclass(frozen=True)
class Crossed:
    """The attributes and their crossings, one text column each.

    ``made_of``: the attributes each column is made of (itself alone when it is not crossed). ``parents``: the groups each
    crossed group lies in. ``left_out``: crossings with too many groups, and how many they have.
    """

    frame: pd.DataFrame
    made_of: Mapping[str, tuple[str, ...]]
    parents: Mapping[Group, tuple[Group, ...]]
    left_out: Mapping[str, int]


def crossed(groups: pd.DataFrame, *, depth: int = 1, only: Sequence[Sequence[str]] = ()) -> Crossed:
    """Group labels (n, attributes) with every crossing of up to ``depth`` of them, or with those of ``only``.

    "sex" and "race" add "sex & race" with groups such as "female & black"; "unknown" is a group like the others. Errors:
    ``DataError`` for a crossing of attributes that are not there.
    """
    wanted = [tuple(one) for one in only] or [
        one for size in range(2, depth + 1) for one in combinations(groups.columns, size)
    ]
    _refuse_unknown(wanted, groups)
    columns: dict[str, Any] = {name: groups[name] for name in groups.columns}
    made_of: dict[str, tuple[str, ...]] = {str(name): (str(name),) for name in groups.columns}
    parents: dict[Group, tuple[Group, ...]] = {}
    left_out: dict[str, int] = {}
    for parts in wanted:
        name, cells = JOIN.join(parts), groups[list(parts)].drop_duplicates()
        if len(cells) > MOST_GROUPS:
            left_out[name] = len(cells)
            continue
        columns[name], made_of[name] = _joined(groups, parts), parts
        for labels in cells.astype(str).itertuples(index=False, name=None):
            parents[name, JOIN.join(labels)] = tuple(zip(parts, labels, strict=True))
    return Crossed(pd.DataFrame(columns, index=groups.index), made_of, parents, left_out)


def refuse_unbanded(column: "pd.Series[Any]", attribute: str, *, most: int = 20) -> None:
    """``DataError`` for a column of measurements used as groups without bands: every value would be its own group.

    Measurements are numbers of which some are not whole and of which more than ``most`` differ.
    """
    if not pd.api.types.is_float_dtype(column.dtype):
        return
    values = np.unique(column.dropna().to_numpy(dtype=np.float64))
    if values.size > most and (values != np.floor(values)).any():
        raise DataError(
            f"attribute {attribute!r} is a measurement, and no bands are declared for it",
            got=f"{values.size:,} different numbers from {values[0]:g} to {values[-1]:g}",
            allowed=f"at most {most} different values, or bands",
            do=f"Declare the edges between its bands in data_bias.groups, such as {attribute}_band: "
            f"{{column: {column.name}, edges: [{np.median(values):.3g}]}}, and protect {attribute}_band",
        )


def _joined(groups: pd.DataFrame, parts: Sequence[str]) -> "pd.Series[Any]":
    joined = groups[parts[0]].astype(str)
    for part in parts[1:]:
        joined = joined + JOIN + groups[part].astype(str)
    return joined


def _refuse_unknown(wanted: Sequence[Sequence[str]], groups: pd.DataFrame) -> None:
    unknown = sorted({part for parts in wanted for part in parts} - set(groups.columns))
    if unknown:
        raise DataError(
            "a crossing of attributes that are not there",
            got=", ".join(unknown),
            allowed=", ".join(groups.columns),
            do="Correct the names",
        )

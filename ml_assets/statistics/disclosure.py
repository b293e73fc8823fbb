"""Which counts may be shown? Small groups are masked, and enough others with them that no subtraction brings them back."""

from collections.abc import Iterator, Mapping
from typing import Literal

from ml_assets.errors import DataError
from ml_assets.statistics.crossings import JOIN, Crossed
from ml_assets.statistics.groups import UNKNOWN

Why = Literal["small", "complementary"]
Masked = dict[str, dict[str, Why]]
"""attribute → group → why its count is not shown."""

_Cell = tuple[str, ...]


def masked_groups(groups: Crossed, *, threshold: int = 10) -> Masked:
    """Groups whose count may not be shown: those of 1 to ``threshold`` - 1 rows, and complementary ones.

    In every row and column of a table whose sum is shown, a masked count never stands alone and the masked ones sum to
    at least ``threshold``: the smallest shown count is masked with it (a secondary suppression). Where a sum is masked
    itself, one of its cells is. This guards against subtraction within a table and its margins, not against combining
    several tables by linear programming. A threshold of 1 masks nothing. Zero is shown: nobody is disclosed, and an
    absent group must be seen. Source: Hundepool and others, Statistical Disclosure Control (2012), chapter 4.
    """
    if threshold < 1:
        raise DataError("a disclosure threshold", got=threshold, allowed="1 or more", do="Use 10 for instance")
    found: dict[tuple[str, ...], dict[_Cell, Why]] = {}
    for name, parts in sorted(groups.made_of.items(), key=lambda item: len(item[1])):
        counts = _counts(groups, name, parts)
        masked: dict[_Cell, Why] = {cell: "small" for cell, n in counts.items() if 0 < n < threshold}
        while (more := _next(counts, masked, parts, found, threshold)) is not None:
            masked[more] = "complementary"
        found[parts] = masked
    names = {parts: name for name, parts in groups.made_of.items()}
    return {names[parts]: {JOIN.join(cell): why for cell, why in masked.items()} for parts, masked in found.items()}


def _counts(groups: Crossed, name: str, parts: tuple[str, ...]) -> dict[_Cell, int]:
    sizes = groups.frame[name].fillna(UNKNOWN).astype(str).value_counts()
    if len(parts) == 1:
        return {(str(label),): int(n) for label, n in sizes.items()}
    return {tuple(label for _, label in groups.parents[name, str(cell)]): int(n) for cell, n in sizes.items()}


def _next(
    counts: Mapping[_Cell, int],
    masked: Mapping[_Cell, Why],
    parts: tuple[str, ...],
    lower: Mapping[tuple[str, ...], Mapping[_Cell, Why]],
    threshold: int,
) -> _Cell | None:
    """The next cell that has to be masked with those that are, or None."""
    for margin, cells in _slices(counts, parts, lower):
        hidden = [cell for cell in cells if cell in masked]
        open_cells = [cell for cell in cells if cell not in masked and counts[cell]]
        alone = bool(hidden) and not margin and (len(hidden) == 1 or sum(counts[c] for c in hidden) < threshold)
        if open_cells and (alone or (margin and not hidden)):
            return min(open_cells, key=lambda cell: (counts[cell], cell))
    return None


def _slices(
    counts: Mapping[_Cell, int], parts: tuple[str, ...], lower: Mapping[tuple[str, ...], Mapping[_Cell, Why]]
) -> Iterator[tuple[bool, list[_Cell]]]:
    """Every set of cells whose sum is a count of its own: whether that count is masked, and the cells."""
    for at in range(len(parts)):
        rest = parts[:at] + parts[at + 1 :]
        by_margin: dict[_Cell, list[_Cell]] = {}
        for cell in counts:
            by_margin.setdefault(cell[:at] + cell[at + 1 :], []).append(cell)
        for margin, cells in by_margin.items():
            yield bool(rest) and margin in lower.get(rest, {}), cells

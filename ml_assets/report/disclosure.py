"""What a published report keeps to itself: groups of few people, and a second group from which the first could be told.

A group below the declared threshold is masked wherever its figures stand, in tables and in sentences; it stays listed as
suppressed. Where one group of a total is masked, the smallest other is masked with it, because total less the rest would
give the first away; so for every row and column of a table over two attributes.
"""

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ml_assets.declaration import Solution
from ml_assets.resources.store import Facts

Key = TypeVar("Key", bound=Hashable)
Group = tuple[str, str]
DEFAULT = 10
WITHHELD = "suppressed: too few people"
_KINDS = ("metric", "rate", "column", "label")
_EVENTS = {"positives": True, "missing": False}
"""Counts inside of a group, and whether a small one makes every sentence about the group too telling."""
_COUNTED = re.compile(r"\bn = ([\d,]+)")


def threshold(solution: Solution) -> int:
    """The fewest people a published figure rests on: the declared one, or ten."""
    return int(getattr(solution.data_bias, "disclosure", None) or DEFAULT)


def masked(
    counts: Mapping[Key, int], lines: Iterable[Collection[Key]], least: int, *, also: Collection[Key] = ()
) -> frozenset[Key]:
    """The cells not to be shown: those below ``least``, those of ``also``, and their complements.

    Zero is shown: nobody is disclosed, and an absent group must be seen.

    ``lines``: sets of cells whose total is known, such as the groups of an attribute, or the rows and columns of a table.
    In each line either no cell is masked, or at least two that together hold ``least`` people, as far as there are more.
    """
    hidden = {cell for cell, n in counts.items() if 0 < n < least or cell in also}
    known = [[cell for cell in line if cell in counts] for line in lines]
    while more := next(filter(None, (_complement(counts, line, hidden, least) for line in known)), None):
        hidden.add(more[0])
    return frozenset(hidden)


def _complement(
    counts: Mapping[Key, int], line: Sequence[Key], hidden: Collection[Key], least: int
) -> tuple[Key] | None:
    """One more cell of a line to mask, in a tuple; None where the line gives nothing away."""
    inside = [cell for cell in line if cell in hidden]
    open_cells = [cell for cell in line if cell not in hidden and counts[cell]]
    if not inside or not open_cells or (len(inside) > 1 and sum(counts[cell] for cell in inside) >= least):
        return None
    return (min(open_cells, key=lambda cell: (counts[cell], str(cell))),)


def small_groups(facts: object, least: int) -> frozenset[Group]:
    """The (attribute, group) that are masked in any list of a document."""
    found = (row for rows in _lists(facts) for row in _masked_rows(rows, least))
    return frozenset((row.attribute, row.group) for row in found if row.grave and row.attribute) | _told(facts)


def _told(facts: object) -> frozenset[Group]:
    """The groups a document itself names as masked."""
    own = facts.get("masked") if isinstance(facts, dict) else None
    return frozenset((a, g) for a, groups in own.items() for g in groups) if isinstance(own, dict) else frozenset()


def disclosed(facts: Any, least: int, small: Collection[Group] = ()) -> Any:
    """A document as it may be published: figures of small groups gone, sentences about them withheld.

    ``small``: groups that are masked in other documents, so that no sentence here speaks of them.
    """
    return _Cleaner(facts, least, small).clean(facts)


def disclosed_text(text: str, least: int, small: Collection[Group]) -> str:
    """A sentence as it may be published: the parts that speak of small groups, or of fewer people, withheld."""
    found = [_names(g) for g in small]

    def speaks(part: str) -> bool:
        few = any(0 < int(n.replace(",", "") or 0) < least for n in _COUNTED.findall(part))
        return few or any(pattern.search(part) for pattern in found)

    if not speaks(text):
        return text
    parts = text.split("; ")
    kept = [WITHHELD if speaks(p) else p for p in parts]
    return "; ".join(dict.fromkeys(kept)) if WITHHELD in kept else WITHHELD


def suppressed(rows: Iterable[Facts]) -> list[str]:
    """Names of the masked groups among rows, each once."""
    return list(dict.fromkeys(f"{r['attribute']} = {r['group']}" for r in rows if r.get("suppressed")))


def shown(rows: Iterable[Facts]) -> list[Facts]:
    """The rows that may be shown."""
    return [r for r in rows if not r.get("suppressed")]


def _names(group: Group) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(group[0])}\s*=\s*{re.escape(group[1])}(?!\w)")


def _is_group(row: object) -> bool:
    return isinstance(row, dict) and "group" in row and _people(row) is not None


def _people(row: Facts) -> int | None:
    """The people a row rests on: its own count, or that of the figure it holds."""
    for name in ("n", "rows"):
        if isinstance(row.get(name), int):
            return int(row[name])
    inner = row.get("estimate") or row.get("after")
    return int(inner["n"]) if isinstance(inner, dict) and "n" in inner else None


def _lists(facts: object) -> Iterator[list[Facts]]:
    if isinstance(facts, dict):
        for value in facts.values():
            yield from _lists(value)
    elif isinstance(facts, list):
        if facts and all(_is_group(row) for row in facts):
            yield facts
        for value in facts:
            yield from _lists(value)


@dataclass(frozen=True, slots=True)
class _Hidden:
    """A masked row: where it stands in its list, whose and of what kind it is, and whether the group itself is small."""

    place: int
    attribute: str
    group: str
    kind: tuple[str | None, ...]
    grave: bool


def _kind(row: Facts) -> tuple[str | None, ...]:
    return tuple(row[k] if isinstance(row.get(k), str) else None for k in _KINDS)


def _masked_rows(rows: Sequence[Facts], least: int) -> Iterator[_Hidden]:
    """The masked rows of a list; each kind of figure is a total of its own."""
    totals: dict[tuple[object, ...], list[int]] = {}
    for place, row in enumerate(rows):
        totals.setdefault((row.get("attribute", ""), *_kind(row)), []).append(place)
    for places in totals.values():
        people = {p: _people(rows[p]) or 0 for p in places}
        hidden = dict.fromkeys(masked(people, [places], least), True)
        for name, grave in _EVENTS.items():
            if all(isinstance(rows[p].get(name), int) for p in places):
                # none at all tells of everybody in the group, so it is as telling as one
                either = {p: max(1, min(rows[p][name], people[p] - rows[p][name])) for p in places}
                hidden = dict.fromkeys(masked(either, [places], least), grave) | hidden
        for p in sorted(hidden):
            yield _Hidden(p, str(rows[p].get("attribute", "")), str(rows[p]["group"]), _kind(rows[p]), hidden[p])


class _Cleaner:
    """Walks a document once its small groups are known."""

    def __init__(self, facts: object, least: int, small: Collection[Group]) -> None:
        found = [row for rows in _lists(facts) for row in _masked_rows(rows, least)]
        self.least = least
        self.small = frozenset(small) | {(h.attribute, h.group) for h in found if h.grave and h.attribute}
        self.told = _told(facts)
        self.small |= self.told
        self.hidden = {(h.attribute, h.group, h.kind) for h in found}

    def clean(self, facts: Any) -> Any:
        if isinstance(facts, dict):
            return self._mapping(facts)
        if isinstance(facts, list):
            return [self.clean(v) for v in facts]
        return disclosed_text(facts, self.least, self.small) if isinstance(facts, str) else facts

    def _mapping(self, facts: Facts) -> Facts:
        if _is_group(facts) and self._is_hidden(facts):
            kept = {k: facts[k] for k in ("attribute", "group", *_KINDS) if isinstance(facts.get(k), str)}
            return {"attribute": "", **kept, "suppressed": True}
        about = facts.get("finding")
        secret = isinstance(about, str) and any(_names(g).fullmatch(about) for g in self.small)
        held = ("evidence", "expected_effect") if secret else ()
        plain = ("attribute", "group", "finding")
        return {k: WITHHELD if k in held else v if k in plain else self.clean(v) for k, v in facts.items()}

    def _is_hidden(self, row: Facts) -> bool:
        group = (str(row.get("attribute", "")), str(row["group"]))
        few = 0 < (_people(row) or 0) < self.least
        return few or group in self.told or (*group, _kind(row)) in self.hidden

"""Favourable decisions by group and by pairs of groups, read from recorded counts.

The bias report's own counts come first (``counts``: rows per group, label and decision of the test part). Without them
the selection rates that part 8 recorded for its chosen remedy on the validation part are taken; those have no pairs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ml_assets.report.disclosure import masked
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import UNKNOWN
from ml_assets.statistics.intervals import wilson
from ml_assets.statistics.tensor import CountTensor
from ml_assets.statistics.tensor_metrics import count_metric, estimate, events, tables

COUNTS = "counts"
SELECTION = "selection_rate"


@dataclass(frozen=True)
class Cell:
    """One group of one attribute, or one pair of groups: its people and how many got the favourable decision.

    ``counts``: people by outcome, where labels were counted too.
    """

    attributes: tuple[str, ...]
    groups: tuple[str, ...]
    people: int
    favourable: int
    counts: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """``sex = female and origin = native``."""
        return " and ".join(f"{a} = {g}" for a, g in zip(self.attributes, self.groups, strict=True))

    @property
    def unknown(self) -> bool:
        """Whether an attribute of these people is not known."""
        return UNKNOWN in self.groups

    def figure(self, metric: str) -> Estimate:
        """A rate of the cell with its interval; not estimable where labels were not counted."""
        if self.counts:
            return estimate(count_metric(metric), self.counts)
        if metric != SELECTION or not self.people:
            return not_estimable(metric)
        return Estimate(metric, self.favourable / self.people, *wilson(self.favourable, self.people), self.people)


@dataclass(frozen=True)
class Rates:
    """Cells over single attributes and pairs, with the part of the rows they were counted on."""

    cells: tuple[Cell, ...]
    part: str
    crossed: bool

    def over(self, attributes: Sequence[str]) -> list[Cell]:
        """The cells over exactly these attributes."""
        return [c for c in self.cells if c.attributes == tuple(attributes)]

    def hidden(self, least: int) -> frozenset[Cell]:
        """Cells that may not be shown: of few people, or from which such a cell could be told.

        A pair with a group that is itself masked is masked too: the pairs of a group sum to it.
        """
        single = [c for c in self.cells if len(c.groups) == 1]
        kinds = dict.fromkeys(c.attributes for c in single)
        groups = frozenset(c for kind in kinds for c in _masked(self.over(kind), least))
        small = {(c.attributes[0], c.groups[0]) for c in groups}
        pairs = dict.fromkeys(c.attributes for c in self.cells if len(c.groups) > 1)
        return groups | {c for kind in pairs for c in _masked(self.over(kind), least, small)}


def _masked(cells: Sequence[Cell], least: int, small: Collection[tuple[str, str]] = ()) -> frozenset[Cell]:
    people = {c: c.people for c in cells}
    also = [c for c in cells if any(pair in small for pair in zip(c.attributes, c.groups, strict=True))]
    if all(len(c.groups) == 1 for c in cells):
        return masked(people, [cells], least, also=also)
    sides = range(len(cells[0].groups))
    lines = [
        [c for c in cells if c.groups[i] == level] for i in sides for level in dict.fromkeys(c.groups[i] for c in cells)
    ]
    return masked(people, lines, least, also=also)


def read_rates(recorded: Recorded) -> Rates | None:
    """The recorded rates; None where nothing of the kind is recorded, or decisions are not one of two."""
    if recorded.solution.task != "binary":
        return None
    report = recorded.facts("model_bias_report")
    if report is not None and report.get(COUNTS):
        return _from_counts(report[COUNTS], recorded.solution.favourable_code)
    return _from_effects(recorded)


def _from_counts(facts: Facts, favourable: int) -> Rates:
    tensor = CountTensor.from_dict(facts)
    share = count_metric(SELECTION).shares[0]
    cells = []
    for table in tables(tensor, depth=min(2, len(tensor.attributes)), positive=favourable):
        for groups, line in zip(table.groups, table.counts.tolist(), strict=True):
            selected, people = events(share, line)
            cells.append(Cell(table.attributes, groups, people, selected, tuple(line)))
    return Rates(tuple(cells), f"test part, {tensor.n:,} people", crossed=len(tensor.attributes) > 1)


def _from_effects(recorded: Recorded) -> Rates | None:
    """From the unmasked document: masking is done once, on the cells."""
    facts = recorded.store.find_facts("mitigation")
    chosen = next((r for r in facts["rows"] if r["name"] == facts["chosen"]), None) if facts else None
    effects = [e for e in chosen["effects"] if e["rate"] == "selection rate"] if chosen else []
    known = [e for e in effects if e["after"]["value"] is not None]
    if not known:
        return None
    cells = tuple(
        Cell((e["attribute"],), (e["group"],), e["after"]["n"], round(e["after"]["value"] * e["after"]["n"]))
        for e in known
    )
    first = known[0]["attribute"]
    people = sum(c.people for c in cells if c.attributes == (first,))
    return Rates(cells, f"validation part, {people:,} people", crossed=False)

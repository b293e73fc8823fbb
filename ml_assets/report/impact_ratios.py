"""Selection rates and impact ratios by sex and by race or ethnicity, and across both, as New York City's Local Law 144 asks.

The impact ratio of a category is its rate of favourable decisions over that of the category with the highest one. People
whose category is not known are counted and left out of the ratios. Categories below 2 % of the people are marked and
shown; they do not set the highest rate. The highest of many rates is high by luck too, so ratios carry intervals.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_assets.report.markup import Html, estimate_cells, heading, join, missing, note, table, tag, warning
from ml_assets.report.rates import SELECTION, Cell, Rates, read_rates
from ml_assets.report.recorded import Recorded
from ml_assets.resources.store import plain
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.intervals import ratio_interval

SOURCE = "https://www.nyc.gov/site/dca/about/automated-employment-decision-tools.page"
SMALL_SHARE = 0.02
SEX = re.compile(r"(^|_)(sex|gender)(_|$)", re.IGNORECASE)
RACE = re.compile(r"(^|_)(race|ethnic\w*|origin|colou?r)(_|$)", re.IGNORECASE)
COLUMNS = (
    "solution", "part", "kind", "category", "people", "selected", "selection_rate", "selection_rate_low",
    "selection_rate_high", "impact_ratio", "impact_ratio_low", "impact_ratio_high", "share_of_people",
    "below_2_percent", "highest_rate", "note",
)  # fmt: skip
NO_CATEGORY = "not in the table: category not known"


@dataclass(frozen=True)
class Line:
    """One category: its people, and, where they may be shown, how many were selected, rate and impact ratio."""

    kind: str
    category: str
    people: int | None
    selected: int | None = None
    rate: Estimate | None = None
    ratio: Estimate | None = None
    share: float | None = None
    below: bool = False
    highest: bool = False
    note: str = ""


def build(recorded: Recorded) -> Html:
    """The section."""
    rates = read_rates(recorded)
    law = tag("a", "rules of New York City on Local Law 144 (6 RCNY § 5-301)", href=SOURCE)
    intro = note(
        "After the ", law, ". Shown, not gated: the gates are in the section on bias. Not an independent audit."
    )
    if recorded.solution.task != "binary":
        return join([intro, note("The decision is not one of two: there is no selection rate.")])
    if rates is None:
        return join([intro, missing("model_bias_report", "its fact counts"), missing("mitigation")])
    sexes, races = attributes(rates, SEX), attributes(rates, RACE)
    head = note("Read as sex: ", ", ".join(sexes) or "no attribute", "; as race or ethnicity: ", ", ".join(races) or "no attribute", f". Counted on the {rates.part}.")  # fmt: skip
    parts: list[object] = [intro, warning(recorded.subject), head]
    for kind in _kinds(rates, sexes, races):
        lines = list(lines_of(rates, kind, recorded.least))
        parts += [heading(" and ".join(kind)), table([_row(line) for line in lines], caption="Impact ratios by " + " and ".join(kind))]  # fmt: skip
    if sexes and races and not rates.crossed:
        parts += [heading("Intersections"), missing("model_bias_report", "its fact counts: people per pair of groups")]
    return join(parts)


def attributes(rates: Rates, pattern: re.Pattern[str]) -> list[str]:
    """The protected attributes whose name says that they are of a kind."""
    names = dict.fromkeys(a for c in rates.cells for a in c.attributes)
    return [n for n in names if pattern.search(n)]


def _kinds(rates: Rates, sexes: Sequence[str], races: Sequence[str]) -> list[tuple[str, ...]]:
    there = dict.fromkeys(c.attributes for c in rates.cells)
    single = [(a,) for a in (*sexes, *races)]
    return single + [k for k in there if len(k) == 2 and {*k} & {*sexes} and {*k} & {*races}]


def all_lines(recorded: Recorded) -> list[Line]:
    """Every line of every table; none where nothing is recorded."""
    rates = read_rates(recorded)
    if rates is None:
        return []
    kinds = _kinds(rates, attributes(rates, SEX), attributes(rates, RACE))
    return [line for kind in kinds for line in lines_of(rates, kind, recorded.least)]


def lines_of(rates: Rates, kind: tuple[str, ...], least: int) -> Iterator[Line]:
    """The lines of one table, categories first, then the people without one."""
    cells, hidden = rates.over(kind), rates.hidden(least)
    known = [c for c in cells if not c.unknown]
    total = sum(c.people for c in known)
    open_cells = [c for c in known if c not in hidden]
    telling = _telling(open_cells, least)
    top = _highest([c for c in open_cells if c not in telling], total)
    name = " and ".join(kind)
    for cell in known:
        if cell in hidden:
            why = f"suppressed: fewer than {least} people, or needed to hide such a category"
            yield Line(name, cell.name, None, note=why)
        elif cell in telling:
            share = cell.people / total
            yield Line(name, cell.name, cell.people, share=share, below=share < SMALL_SHARE, note=telling[cell])
        else:
            yield _line(name, cell, top, total)
    unknown = [c for c in cells if c.unknown]
    withheld = any(c in hidden for c in unknown)
    people = None if withheld else sum(c.people for c in unknown)
    yield Line(name, "unknown", people, note=f"suppressed: fewer than {least}" if withheld else NO_CATEGORY)


def _telling(cells: Sequence[Cell], least: int) -> dict[Cell, str]:
    """Categories where fewer than ``least`` people were selected, or were not: a bound is said instead of the rate.

    The smallest other category is said to the nearest ten, because the total selected less the rest would give it away.
    """
    few = [c for c in cells if min(c.favourable, c.people - c.favourable) < least]
    found = {c: _bound(c, least) for c in few}
    others = sorted((c for c in cells if c not in found), key=lambda c: c.people)
    if few and others and (len(few) < 2):
        near = least * round(others[0].favourable / least)
        found[others[0]] = f"about {near:,} selected (rounded to {least}): rate about {near / others[0].people:.2f}"
    return found


def _bound(cell: Cell, least: int) -> str:
    if cell.favourable < least:
        return f"fewer than {least} selected: rate below {least / cell.people:.3g}"
    return f"fewer than {least} not selected: rate above {1 - least / cell.people:.3g}"


def _highest(cells: Sequence[Cell], total: int) -> Cell | None:
    """The category with the highest rate among those of 2 % or more."""
    large = [c for c in cells if c.people >= SMALL_SHARE * total and c.people]
    return max(large, key=lambda c: c.favourable / c.people, default=None)


def _line(name: str, cell: Cell, top: Cell | None, total: int) -> Line:
    rate, ratio = cell.figure(SELECTION), None
    if top is not None and top.favourable:
        value = rate.value / (top.favourable / top.people)
        bounds = (1.0, 1.0) if cell == top else ratio_interval(cell.favourable, cell.people, top.favourable, top.people)
        ratio = Estimate("impact_ratio", value, *bounds, cell.people)
    share = cell.people / total
    return Line(name, cell.name, cell.people, cell.favourable, rate, ratio, share, share < SMALL_SHARE, cell == top)


def _row(line: Line) -> dict[str, object]:
    rate = (
        estimate_cells(plain(line.rate), name="selection rate") if line.rate else {"selection rate": "", "interval": ""}
    )
    ratio = (
        estimate_cells(plain(line.ratio), name="impact ratio") if line.ratio else {"impact ratio": "", "interval": ""}
    )
    marks = [line.note, "below 2 % of the people" if line.below else "", "highest rate" if line.highest else ""]
    return {
        "category": line.category,
        "people": line.people if line.people is not None else "suppressed",
        "selected": line.selected if line.selected is not None else "",
        "selection rate": rate["selection rate"],
        "its interval": rate["interval"],
        "impact ratio": ratio["impact ratio"],
        "interval of the ratio": ratio["interval"],
        "share": line.share if line.share is not None else "",
        "remark": "; ".join(filter(None, marks)),
    }


def as_csv(recorded: Recorded) -> str:
    """The same lines as CSV; without recorded rates only the heads."""
    rates = read_rates(recorded)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in all_lines(recorded):
        rate, ratio = (_bounds(e) for e in (line.rate, line.ratio))
        writer.writerow(
            [recorded.solution.name, rates.part if rates else "", _plain_text(line.kind), _plain_text(line.category), _cell(line.people), _cell(line.selected), *rate, *ratio, _cell(line.share), "yes" if line.below else "no", "yes" if line.highest else "no", line.note]
        )  # fmt: skip
    return out.getvalue()


def _bounds(estimate: Estimate | None) -> list[object]:
    return ["", "", ""] if estimate is None else [estimate.value, estimate.low, estimate.high]


def _cell(value: float | None) -> object:
    return "" if value is None else value


def _plain_text(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

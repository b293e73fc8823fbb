"""HTML from facts: everything is escaped unless it is HTML already; a number keeps its full value beside what is shown."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ml_assets.pictures import Drawing
from ml_assets.pictures import short as short
from ml_assets.resources.store import Facts

Row = Mapping[str, object]
DASH = "–"
VOID = frozenset({"br", "img", "meta"})
"""Elements without content."""
_IMAGE = re.compile(r"!\[(.*)\]\((data:image/svg\+xml;base64,[A-Za-z0-9+/=]+)\)", re.DOTALL)
LONG = 50
"""Characters from which a cell gets the width of a sentence."""
VERDICT_CLASS = {
    "pass": "good", "released": "good", "met": "good", "stable": "good", "approved": "good",
    "fail": "bad", "refused": "bad", "missed": "bad", "failed": "bad", "expired": "bad", "drifted": "bad",
    "suspect": "warn", "inconclusive": "warn", "not_estimable": "warn", "open": "warn", "waiting for approval": "warn",
    "rolled back": "warn", "proposed": "warn", "not declared": "warn", "review": "warn",
}  # fmt: skip
"""Words that carry a judgement, and how they look."""


class Html(str):
    """Text that is HTML already; any other value is escaped when it is put into a page."""

    __slots__ = ()


def html(value: object) -> Html:
    """A value as HTML: text escaped, numbers short with their full value kept, several values one after another."""
    match value:
        case Html():
            return value
        case None:
            return Html(DASH)
        case bool():
            return Html("yes" if value else "no")
        case int():
            return Html(f'<data value="{value}">{value:,}</data>')
        case float():
            return _float(value)
        case list() | tuple():
            return join(value, ", ")
    return Html(escape(str(value), quote=True))


def _float(value: float) -> Html:
    if not math.isfinite(value):
        return Html(DASH)
    return Html(f'<data value="{value!r}">{short(value)}</data>')


def join(parts: Iterable[object], between: str = "") -> Html:
    """Values as HTML, one after another."""
    return Html(between.join(html(p) for p in parts))


def tag(name: str, *content: object, **attributes: object) -> Html:
    """An element; ``class_`` stands for class, and ``_`` for ``-``."""
    given = "".join(
        f' {k.rstrip("_").replace("_", "-")}="{escape(str(v), quote=True)}"'
        for k, v in attributes.items()
        if v is not None
    )
    return Html(f"<{name}{given}>" if name in VOID else f"<{name}{given}>{join(content)}</{name}>")


def paragraph(*content: object) -> Html:
    """A paragraph."""
    return tag("p", *content)


def heading(text: object, anchor: str | None = None) -> Html:
    """A heading inside of a section."""
    return tag("h3", text, id=anchor)


def note(*content: object) -> Html:
    """A remark beside the facts."""
    return tag("p", *content, class_="note")


def missing(asset: str, what: str = "") -> Html:
    """A fact that is not there, and what makes it."""
    detail = f" ({what})" if what else ""
    return tag("p", "not recorded: materialize ", tag("code", asset), detail, class_="missing")


def warning(sentence: str) -> Html:
    """A sentence that must not be overlooked; nothing where there is none."""
    return tag("p", sentence, class_="missing") if sentence else Html("")


def badge(word: object) -> Html:
    """A word of judgement in its colour."""
    return tag("span", word, class_=f"badge {VERDICT_CLASS.get(str(word), 'plain')}")


def bullets(items: Iterable[object]) -> Html:
    """A list."""
    return tag("ul", *(tag("li", item) for item in items))


def pairs(rows: Mapping[str, object]) -> Html:
    """Names with their values, as a list of definitions."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows.items()))


def table(rows: Sequence[Row], *, caption: str = "") -> Html:
    """Records as a table that scrolls inside of narrow screens; the heads are the keys, in the order they come."""
    if not rows:
        return tag("p", "nothing to show", class_="note")
    heads = list(dict.fromkeys(k for row in rows for k in row))
    head = tag("thead", tag("tr", *(tag("th", h, scope="col") for h in heads)))
    body = tag("tbody", *(tag("tr", *(_cell(row.get(h, "")) for h in heads)) for row in rows))
    title = tag("caption", caption) if caption else Html("")
    return tag("div", tag("table", title, head, body), class_="scroll", tabindex="0", role="region", aria_label=caption or None)  # fmt: skip


def _cell(value: object) -> Html:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(value, str) and not isinstance(value, Html) and value in VERDICT_CLASS:
        value = badge(value)
    long = isinstance(value, str) and not isinstance(value, Html) and len(value) > LONG
    return tag("td", value, class_="number" if numeric else "words" if long else None)


def interval(estimate: Facts) -> Html:
    """The bounds of an estimate, with their level where it is not the usual 95 %."""
    if estimate["low"] is None or estimate["high"] is None:
        return Html(DASH)
    level = float(estimate.get("level", 0.95))
    usual = math.isclose(level, 0.95)
    bounds = ["[", estimate["low"], ", ", estimate["high"], "]", "" if usual else f" at {level:.4g}"]
    return tag("span", *bounds, class_="interval")


def estimate_cells(estimate: Facts, *, name: str = "value") -> dict[str, object]:
    """A figure as table cells: value, interval, n; what has no denominator is said to be not estimable."""
    shown: object = estimate["value"] if estimate["value"] is not None else "not estimable"
    return {name: shown, "interval": interval(estimate), "n": estimate["n"]}


def estimate_text(estimate: Facts) -> Html:
    """A figure in a line of text, with interval and n."""
    if estimate["value"] is None:
        return join(["not estimable (n = ", estimate["n"], ")"])
    return join([estimate["value"], " ", interval(estimate), " (n = ", estimate["n"], ")"])


def figure(drawing: Drawing | None, *, small: bool = False) -> Html:
    """A drawing with its title under it; nothing where there is none."""
    if drawing is None:
        return Html("")
    shown = Html(drawing.svg(alone=False))
    return tag("figure", tag("figcaption", drawing.title), shown, class_="small" if small else "scroll")


def reused(picture: str) -> Html:
    """A picture made for the UI (an image in Markdown) as an image of the page; nothing where there is none."""
    found = _IMAGE.fullmatch(picture)
    return tag("figure", tag("img", src=found[2], alt=found[1]), class_="scroll") if found else Html("")

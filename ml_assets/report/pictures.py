"""Pictures as inline SVG: figures with intervals on a labelled axis, before and after, a frontier, a line over batches.

Where a picture of the Dagster UI fits it is taken from there (:func:`reused`).
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ml_assets.evidence import BLUE, GREY, RED
from ml_assets.report.markup import Html, html, short, tag

WIDTH, LEFT, RIGHT, LINE = 640, 210, 24, 24
INK, PALE = "#3a4250", "#dfe4ea"
_IMAGE = re.compile(r"!\[(.*)\]\((data:image/svg\+xml;base64,[A-Za-z0-9+/=]+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure on an axis, with its bounds where it has them."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight axis from ``low`` to ``high`` onto pixels ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, count: int = 4) -> list[float]:
        """Round numbers along the axis."""
        span = (self.high - self.low) or 1.0
        rough = span / count
        power = 10 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, first + count * 3) if k * step <= self.high + 1e-9 * span]


def scale(values: Iterable[float | None], start: float, end: float) -> Scale:
    """An axis that holds all values with a little room; unbounded ones are cut off."""
    known = [v for v in values if v is not None and math.isfinite(v)] or [0.0, 1.0]
    low, high = min(known), max(known)
    spread = high - low if high - low > 1e-9 * max(abs(high), abs(low), 1.0) else max(abs(high), 1.0)
    room = 0.05 * spread
    return Scale(low - room, high + room, start, end)


def reused(picture: str) -> Html:
    """A picture made for the UI (an image in Markdown) as an image of the page; nothing where there is none."""
    found = _IMAGE.fullmatch(picture)
    return tag("figure", tag("img", src=found[2], alt=found[1]), class_="scroll") if found else Html("")


def forest(title: str, marks: Sequence[Mark], *, limits: Sequence[float] = ()) -> Html:
    """Figures with their intervals, one under the other, and the limits they are held to."""
    if not marks:
        return Html("")
    x = scale([v for m in marks for v in (m.value, m.low, m.high)] + list(limits), LEFT, WIDTH - RIGHT)
    height = 20 + LINE * len(marks) + 22
    parts = _axis(x, height)
    for limit in limits:
        parts.append(_line(x(limit), 14, x(limit), height - 22, RED, dash=True))
    for i, m in enumerate(marks):
        y = 26 + LINE * i
        colour = INK if m.strong else BLUE
        parts.append(_text(8, y + 4, _cut(m.label), INK, weight=600 if m.strong else 400))
        if m.low is not None and m.high is not None:
            ends = [x(min(max(v, x.low), x.high)) for v in (m.low, m.high)]
            parts.append(_line(ends[0], y, ends[1], y, colour, width=2))
        parts.append(_dot(x(m.value), y, colour, m.label, m.value))
    return _figure(title, parts, height)


def before_and_after(title: str, rows: Sequence[tuple[str, float, float]], *, names: tuple[str, str]) -> Html:
    """A grey point before, a blue one after, joined: what changed for whom."""
    if not rows:
        return Html("")
    x = scale([v for _, a, b in rows for v in (a, b)], LEFT, WIDTH - RIGHT)
    height = 40 + LINE * len(rows) + 22
    parts = [
        *_axis(x, height),
        _text(LEFT, 14, f"● {names[0]}", "#6b7480"),
        _text(LEFT + 200, 14, f"● {names[1]}", BLUE),
    ]
    for i, (label, before, after) in enumerate(rows):
        y = 44 + LINE * i
        parts += [_text(8, y + 4, _cut(label), INK), _line(x(before), y, x(after), y, GREY, width=2)]
        parts += [_dot(x(before), y, "#8a94a0", label, before), _dot(x(after), y, BLUE, label, after)]
    return _figure(title, parts, height)


def frontier(title: str, points: Sequence[tuple[Mark, float]], *, across: str, up: str) -> Html:
    """Each remedy by its distance from equal treatment and its money, with the interval of the money; the chosen one strong."""
    if not points:
        return Html("")
    height = 300
    x = scale([d for _, d in points], 84, WIDTH - 150)
    y = scale([v for m, _ in points for v in (m.value, m.low, m.high)], height - 46, 30)
    parts = _axis(x, height - 20, top=20)
    for t in y.ticks():
        parts += [_line(84, y(t), WIDTH - RIGHT, y(t), PALE), _text(78, y(t) + 4, short(t), INK, anchor="end")]
    for m, distance in points:
        colour = RED if m.strong else BLUE
        if m.low is not None and m.high is not None:
            parts.append(_line(x(distance), y(m.low), x(distance), y(m.high), colour))
        parts.append(_dot(x(distance), y(m.value), colour, m.label, m.value, radius=6 if m.strong else 4))
        name = f"{m.label} (chosen)" if m.strong else m.label
        parts.append(_text(x(distance) + 9, y(m.value) + 4, name[:24], INK, weight=600 if m.strong else 400))
    parts += [_text(84, 14, up, INK), _text(WIDTH - RIGHT, height - 4, across, INK, anchor="end")]
    return _figure(title, parts, height)


def trend(title: str, marks: Sequence[Mark], *, limit: float | None = None) -> Html:
    """A small line over batches with the band of its intervals; ``strong`` batches failed."""
    if len(marks) < 2:
        return Html("")
    width, height, left = 300, 92, 58
    y = scale([v for m in marks for v in (m.value, m.low, m.high)] + [limit], height - 16, 8)
    x = Scale(0, len(marks) - 1, left, width - 8)
    at = [(x(i), m) for i, m in enumerate(marks)]
    banded = [(px, m) for px, m in at if m.low is not None and m.high is not None]
    edge = [f"{px},{y(m.high or 0)}" for px, m in banded] + [f"{px},{y(m.low or 0)}" for px, m in reversed(banded)]
    parts = [_raw(f'<polygon points="{" ".join(edge)}" fill="{BLUE}" fill-opacity="0.15"/>')] if banded else []
    if limit is not None:
        parts.append(_line(left, y(limit), width - 8, y(limit), RED, dash=True))
    points = " ".join(f"{px},{y(m.value)}" for px, m in at)
    parts.append(_raw(f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="1.5"/>'))
    parts += [_dot(px, y(m.value), RED if m.strong else BLUE, m.label, m.value, radius=2.5) for px, m in at]
    low, high = min(m.value for m in marks), max(m.value for m in marks)
    named = (low, high) if y(low) - y(high) > 10 else (high,)
    parts += [_text(left - 5, y(v) + 4, f"{v:.3g}", INK, anchor="end", size=10) for v in named]
    parts += [_text(left, height - 2, marks[0].label, INK, size=10), _text(width - 8, height - 2, marks[-1].label, INK, anchor="end", size=10)]  # fmt: skip
    return _figure(title, parts, height, width=width, small=True)


def _axis(x: Scale, height: float, *, top: float = 14) -> list[Html]:
    found = []
    for t in x.ticks():
        found += [_line(x(t), top, x(t), height - 22, PALE), _text(x(t), height - 8, short(t), INK, anchor="middle")]
    return found


def _figure(title: str, parts: Iterable[Html], height: float, *, width: int = WIDTH, small: bool = False) -> Html:
    drawing = tag("svg", tag("title", title), *parts, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img", aria_label=title)  # fmt: skip
    return tag("figure", tag("figcaption", title), drawing, class_="small" if small else "scroll")


def _raw(shape: str) -> Html:
    return Html(shape)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: bool = False) -> Html:
    dashes = ' stroke-dasharray="4 3"' if dash else ""
    return _raw(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dashes}/>')


def _dot(x: float, y: float, colour: str, label: str, value: float, *, radius: float = 4) -> Html:
    words = html(f"{label}: {short(value)}")
    return _raw(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"><title>{words}</title></circle>')


def _text(
    x: float, y: float, words: str, colour: str, *, anchor: str = "start", weight: int = 400, size: int = 12
) -> Html:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{colour}"'
    return _raw(f'<text x="{x}" y="{y}" {style}>{html(words)}</text>')


def _cut(label: str, most: int = 30) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"

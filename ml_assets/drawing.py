"""What every picture is drawn with: a canvas, straight scales with their axes, lines, points, words.

A :class:`Drawing` knows nothing of where it is shown: :mod:`ml_assets.evidence` puts it into Markdown, ``report`` into a
page. All words are escaped here. The pictures themselves are in :mod:`ml_assets.pictures`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, LINE = 640, 210, 24, 24
BLUE, GREY, RED, INK, PALE = "#3b6fb6", "#b8bfc9", "#c8453b", "#3a4250", "#dfe4ea"
SEVERAL = (BLUE, RED, "#3f8f5b", "#b07c1f", "#7b53a6", "#3a9aa5", "#8a5a44", "#6b7480")
"""Colours of lines that are told apart."""
_STYLE = "font-family:Inter,Arial,sans-serif;font-size:12px"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes on a canvas of ``width`` × ``height`` pixels, and what they show."""

    title: str
    parts: tuple[str, ...]
    width: int
    height: int

    def svg(self, *, alone: bool = True) -> str:
        """The picture: ``alone`` with its title and a white ground, otherwise for a page that has both."""
        space = 22 if alone else 0
        name = escape(self.title)
        size = f'width="{self.width}" height="{self.height + space}" viewBox="0 {-space} {self.width} {self.height + space}"'
        body = "".join(self.parts)
        if not alone:
            return f'<svg {size} role="img" aria-label="{name}"><title>{name}</title>{body}</svg>'
        ground = f'<rect y="{-space}" width="100%" height="100%" fill="white"/>'
        head = text(8, -6, self.title, INK, weight=600)
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{_STYLE}">{ground}{head}{body}</svg>'


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


def short(value: float) -> str:
    """A number for people: four significant digits, whole from a thousand on."""
    if abs(value) < 1e-12:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: bool = False) -> str:
    """A straight line."""
    dashes = ' stroke-dasharray="4 3"' if dash else ""
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def polyline(points: Sequence[tuple[float, float]], colour: str, *, width: float = 2, dash: bool = False) -> str:
    """A line through points."""
    at, dashes = " ".join(f"{x},{y}" for x, y in points), ' stroke-dasharray="4 3"' if dash else ""
    return f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def dot(x: float, y: float, colour: str, label: str, value: float, *, radius: float = 4) -> str:
    """A point that says what it is."""
    words = escape(f"{label}: {short(value)}")
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"><title>{words}</title></circle>'


def text(
    x: float,
    y: float,
    words: str,
    colour: str,
    *,
    anchor: str = "start",
    weight: int = 400,
    size: int = 12,
    more: str = "",
) -> str:
    """Words, escaped."""
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{colour}" {more}'.rstrip()
    return f'<text x="{x}" y="{y}" {style}>{escape(words)}</text>'


def axis(x: Scale, height: float, *, top: float = 14) -> list[str]:
    """Upright lines with their numbers below."""
    found = []
    for t in x.ticks():
        found += [line(x(t), top, x(t), height - 22, PALE), text(x(t), height - 8, short(t), INK, anchor="middle")]
    return found


def levels(y: Scale, left: float, right: float) -> list[str]:
    """Level lines with their numbers to the left."""
    found = []
    for t in y.ticks():
        found += [line(left, y(t), right, y(t), PALE), text(left - 6, y(t) + 4, short(t), INK, anchor="end")]
    return found

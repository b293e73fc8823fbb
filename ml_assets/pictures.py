"""Pictures for the UI and the documents, each of figures with their intervals: a forest, a frontier, a trend, curves, bars.

Where there is nothing to draw there is no drawing. What they are drawn with is in :mod:`ml_assets.drawing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_assets.drawing import (
    BLUE,
    GREY,
    INK,
    LEFT,
    LINE,
    RED,
    RIGHT,
    SEVERAL,
    WIDTH,
    Scale,
    axis,
    dot,
    levels,
    line,
    polyline,
    scale,
    text,
)
from ml_assets.drawing import Drawing as Drawing
from ml_assets.drawing import short as short


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure on an axis, with its bounds where it has them."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False


def forest(title: str, marks: Sequence[Mark], *, limits: Sequence[float] = ()) -> Drawing | None:
    """Figures with their intervals, one under the other, and the limits they are held to."""
    if not marks:
        return None
    x = scale([v for m in marks for v in (m.value, m.low, m.high)] + list(limits), LEFT, WIDTH - RIGHT)
    height = 20 + LINE * len(marks) + 22
    parts = axis(x, height)
    parts += [line(x(limit), 14, x(limit), height - 22, RED, dash=True) for limit in limits]
    for i, m in enumerate(marks):
        y = 26 + LINE * i
        colour = INK if m.strong else BLUE
        parts.append(text(8, y + 4, _cut(m.label), INK, weight=600 if m.strong else 400))
        if m.low is not None and m.high is not None:
            ends = [x(min(max(v, x.low), x.high)) for v in (m.low, m.high)]
            parts.append(line(ends[0], y, ends[1], y, colour, width=2))
        parts.append(dot(x(m.value), y, colour, m.label, m.value))
    return Drawing(title, tuple(parts), WIDTH, height)


def before_and_after(title: str, rows: Sequence[tuple[str, float, float]], *, names: tuple[str, str]) -> Drawing | None:
    """A grey point before, a blue one after, joined: what changed for whom."""
    if not rows:
        return None
    x = scale([v for _, a, b in rows for v in (a, b)], LEFT, WIDTH - RIGHT)
    height = 40 + LINE * len(rows) + 22
    parts = [*axis(x, height), text(LEFT, 14, f"● {names[0]}", "#6b7480"), text(LEFT + 200, 14, f"● {names[1]}", BLUE)]
    for i, (label, before, after) in enumerate(rows):
        y = 44 + LINE * i
        parts += [text(8, y + 4, _cut(label), INK), line(x(before), y, x(after), y, GREY, width=2)]
        parts += [dot(x(before), y, "#8a94a0", label, before), dot(x(after), y, BLUE, label, after)]
    return Drawing(title, tuple(parts), WIDTH, height)


def frontier(
    title: str,
    points: Sequence[tuple[Mark, float]],
    *,
    across: str,
    up: str,
    start: str = "",
    limit: float | None = None,
    spans: Mapping[str, tuple[float, float]] | None = None,
) -> Drawing | None:
    """Each remedy by its distance from equal treatment and its worth, with the intervals of both.

    The chosen point is the ``strong`` one; ``start`` names the point that was there before, in a ring; ``limit`` is the
    largest distance that is tolerated. ``spans``: label → nearest and furthest distance; the axis holds twice the points,
    what reaches further is cut off.
    """
    if not points:
        return None
    height, known = 300, spans or {}
    most = 2 * max(1.0, *(d for _, d in points))
    ends = [min(end, most) for m, _ in points for end in known.get(m.label, ())]
    x = scale([*(d for _, d in points), *ends, limit], 84, WIDTH - 150)
    y = scale([v for m, _ in points for v in (m.value, m.low, m.high)], height - 46, 30)
    parts = axis(x, height - 20, top=20) + levels(y, 84, WIDTH - RIGHT)
    if limit is not None:
        parts.append(line(x(limit), 20, x(limit), height - 42, RED, dash=True))
    beside = _apart([y(m.value) for m, _ in points])
    for (m, distance), name_at in zip(points, beside, strict=True):
        near, far = known.get(m.label, (distance, distance))
        parts += _point(m, x(distance), y, start, name_at)
        parts.append(line(x(near), y(m.value), x(min(far, x.high)), y(m.value), RED if m.strong else BLUE))
    parts += [text(84, 14, up, INK), text(WIDTH - RIGHT, height - 4, across, INK, anchor="end")]
    return Drawing(title, tuple(parts), WIDTH, height)


def _point(m: Mark, x: float, y: Scale, start: str, name_at: float) -> list[str]:
    """A remedy with the interval of its worth and its name."""
    colour = RED if m.strong else BLUE
    parts = [] if m.low is None or m.high is None else [line(x, y(m.low), x, y(m.high), colour)]
    if m.label == start:
        parts.append(f'<circle cx="{x}" cy="{y(m.value)}" r="9" fill="none" stroke="{INK}"/>')
    parts.append(dot(x, y(m.value), colour, m.label, m.value, radius=6 if m.strong else 4))
    return [*parts, text(x + 11, name_at - 8, _role(m, start), INK, weight=600 if m.strong else 400)]


def trend(title: str, marks: Sequence[Mark], *, limit: float | None = None) -> Drawing | None:
    """A small line over batches with the band of its intervals; ``strong`` batches failed."""
    if len(marks) < 2:
        return None
    width, height, left = 300, 92, 58
    y = scale([v for m in marks for v in (m.value, m.low, m.high)] + [limit], height - 16, 8)
    x = Scale(0, len(marks) - 1, left, width - 8)
    at = [(x(i), m) for i, m in enumerate(marks)]
    banded = [(px, m) for px, m in at if m.low is not None and m.high is not None]
    edge = [f"{px},{y(m.high or 0)}" for px, m in banded] + [f"{px},{y(m.low or 0)}" for px, m in reversed(banded)]
    parts = [f'<polygon points="{" ".join(edge)}" fill="{BLUE}" fill-opacity="0.15"/>'] if banded else []
    if limit is not None:
        parts.append(line(left, y(limit), width - 8, y(limit), RED, dash=True))
    parts.append(polyline([(px, y(m.value)) for px, m in at], BLUE, width=1.5))
    parts += [dot(px, y(m.value), RED if m.strong else BLUE, m.label, m.value, radius=2.5) for px, m in at]
    low, high = min(m.value for m in marks), max(m.value for m in marks)
    named = (low, high) if y(low) - y(high) > 10 else (high,)
    parts += [text(left - 5, y(v) + 4, f"{v:.3g}", INK, anchor="end", size=10) for v in named]
    parts += [text(left, height - 2, marks[0].label, INK, size=10), text(width - 8, height - 2, marks[-1].label, INK, anchor="end", size=10)]  # fmt: skip
    return Drawing(title, tuple(parts), width, height)


def curves(
    title: str,
    named: Mapping[str, Sequence[tuple[float, float]]],
    *,
    across: str = "",
    up: str = "",
    mark: float | None = None,
    diagonal: bool = False,
) -> Drawing | None:
    """A line through points for each name, in colours of their own; with a vertical mark, or the diagonal from 0 to 1."""
    drawn = {name: points for name, points in named.items() if points}
    if not drawn:
        return None
    width, height, left = 420 if len(drawn) > 1 else 360, 250, 60
    every = [p for points in drawn.values() for p in points]
    sides = (left, 350), (height - 42, 12)
    x, y = (Scale(0, 1, *side) if diagonal else scale([p[i] for p in every], *side) for i, side in enumerate(sides))
    parts = axis(x, height - 14, top=12)
    parts += levels(y, left, 350)
    if diagonal:
        parts.append(line(x(0), y(0), x(1), y(1), GREY, dash=True))
    if mark is not None:
        parts.append(line(x(mark), 12, x(mark), height - 42, RED, dash=True))
    for i, (name, points) in enumerate(drawn.items()):
        colour = SEVERAL[i % len(SEVERAL)]
        parts.append(polyline([(x(a), y(b)) for a, b in points], colour, dash=i >= len(SEVERAL)))
        if len(drawn) > 1:
            parts += [dot(x(a), y(b), colour, name, b, radius=2.5) for a, b in points]
            parts.append(text(356, 20 + 15 * i, f"● {name[:18]}", colour, size=11))
    parts += [text(left, 8, up, INK, size=11), text(350, height - 6, across, INK, anchor="end", size=11)]
    return Drawing(title, tuple(parts), width if len(drawn) == 1 else width + 60, max(height, 30 + 15 * len(drawn)))


def band(
    title: str, points: Sequence[tuple[float, float, float, float]], *, limits: Sequence[float] = (), across: str = ""
) -> Drawing | None:
    """A line through (x, y), within the band from low to high of each point (x, y, low, high), and limits."""
    if not points:
        return None
    height, left, right = 250, 60, 420
    x, y = (
        scale([p[0] for p in points], left, right),
        scale([v for p in points for v in p[1:]] + [*limits], height - 42, 12),
    )
    edge = [(x(p[0]), y(p[2])) for p in points] + [(x(p[0]), y(p[3])) for p in reversed(points)]
    around = " ".join(f"{a:g},{b:g}" for a, b in edge)
    parts = [*axis(x, height - 14, top=12), *levels(y, left, right)]
    parts.append(f'<polygon points="{around}" fill="{GREY}" fill-opacity="0.45"/>')
    parts += [line(left, y(limit), right, y(limit), RED, dash=True) for limit in limits]
    parts.append(polyline([(x(p[0]), y(p[1])) for p in points], BLUE))
    parts.append(text(right, height - 6, across, INK, anchor="end", size=11))
    return Drawing(title, tuple(parts), 440, height)


def bars(
    title: str, before: Mapping[str, float], now: Mapping[str, float], *, names: tuple[str, str] = ("reference", "now")
) -> Drawing:
    """Two distributions side by side: shares by category or band."""
    labels = list(dict.fromkeys((*before, *now)))[:24]
    top = max((*before.values(), *now.values(), 1e-12))
    width, base = max(260, 30 * len(labels) + 40), 117
    parts = [
        text(width - 150, 8, f"■ {names[0]}", "#8a94a0", size=11),
        text(width - 70, 8, f"■ {names[1]}", BLUE, size=11),
    ]
    for i, label in enumerate(labels):
        x = 20 + 30 * i
        for offset, value, colour in ((0, before.get(label, 0.0), GREY), (11, now.get(label, 0.0), BLUE)):
            h = 100 * value / top
            parts.append(f'<rect x="{x + offset}" y="{base - h:.1f}" width="10" height="{h:.1f}" fill="{colour}"/>')
        turn = f'transform="rotate(-35 {x + 10} {base + 12})"'
        parts.append(text(x + 10, base + 12, label[:9], INK, anchor="end", size=11, more=turn))
    return Drawing(title, tuple(parts), width, 166)


def _role(m: Mark, start: str) -> str:
    """The name of a point, and whether it was there before or is chosen."""
    roles = [word for word, held in (("start", m.label == start), ("chosen", m.strong)) if held]
    return f"{m.label[:24]} ({', '.join(roles)})" if roles else m.label[:24]


def _apart(places: Sequence[float], *, least: float = 13) -> list[float]:
    """Places of names beside points, moved down until none covers another."""
    found = list(places)
    for before, at in zip((order := sorted(range(len(places)), key=places.__getitem__)), order[1:], strict=False):
        found[at] = max(found[at], found[before] + least)
    return found


def _cut(label: str, most: int = 30) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"

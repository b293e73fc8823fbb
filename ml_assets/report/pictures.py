"""The drawings of :mod:`ml_assets.pictures` as figures of a page; a picture made for the UI is reused as it is."""

import re
from collections.abc import Mapping, Sequence

from ml_assets import pictures
from ml_assets.pictures import Drawing, Mark
from ml_assets.report.markup import Html, tag

_IMAGE = re.compile(r"!\[(.*)\]\((data:image/svg\+xml;base64,[A-Za-z0-9+/=]+)\)", re.DOTALL)


def reused(picture: str) -> Html:
    """A picture made for the UI (an image in Markdown) as an image of the page; nothing where there is none."""
    found = _IMAGE.fullmatch(picture)
    return tag("figure", tag("img", src=found[2], alt=found[1]), class_="scroll") if found else Html("")


def forest(title: str, marks: Sequence[Mark], *, limits: Sequence[float] = ()) -> Html:
    """Figures with their intervals, one under the other, and the limits they are held to."""
    return figure(pictures.forest(title, marks, limits=limits))


def before_and_after(title: str, rows: Sequence[tuple[str, float, float]], *, names: tuple[str, str]) -> Html:
    """A grey point before, a blue one after, joined: what changed for whom."""
    return figure(pictures.before_and_after(title, rows, names=names))


def frontier(
    title: str,
    points: Sequence[tuple[Mark, float]],
    *,
    across: str,
    up: str,
    start: str = "",
    limit: float | None = None,
    spans: Mapping[str, tuple[float, float]] | None = None,
) -> Html:
    """Each remedy by its distance from equal treatment and its worth; the chosen one strong, the start ringed."""
    return figure(pictures.frontier(title, points, across=across, up=up, start=start, limit=limit, spans=spans))


def trend(title: str, marks: Sequence[Mark], *, limit: float | None = None) -> Html:
    """A small line over batches with the band of its intervals; ``strong`` batches failed."""
    return figure(pictures.trend(title, marks, limit=limit), small=True)


def figure(drawing: Drawing | None, *, small: bool = False) -> Html:
    """A drawing with its title under it; nothing where there is none."""
    if drawing is None:
        return Html("")
    shown = Html(drawing.svg(alone=False))
    return tag("figure", tag("figcaption", drawing.title), shown, class_="small" if small else "scroll")

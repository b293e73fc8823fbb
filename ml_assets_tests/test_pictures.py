"""Pictures: every figure is drawn where it belongs, with its axis, and words are escaped."""

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from ml_assets.drawing import BLUE, RED
from ml_assets.pictures import (
    Drawing,
    Mark,
    bars,
    before_and_after,
    curves,
    forest,
    frontier,
    trend,
)

MARKS = [Mark("a", 0.2, 0.1, 0.3), Mark("<b>", 0.6, 0.5, 0.7, strong=True)]


def svg(drawing: Drawing | None) -> str:
    """The picture that stands alone; it must be well-formed XML."""
    assert drawing is not None
    assert ET.fromstring(drawing.svg()).tag == "{http://www.w3.org/2000/svg}svg"
    return drawing.svg()


def dots(drawn: str) -> list[tuple[float, float]]:
    """Centres of the filled points, in the order they are drawn."""
    return [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)" r="[\d.]+" fill="#', drawn)
    ]


def test_a_forest_draws_every_figure_with_its_interval() -> None:
    drawn = svg(forest("rates <of> groups", MARKS, limits=[0.4]))
    places = [x for x, _ in dots(drawn)]
    assert len(places) == 2
    assert places == sorted(places)
    assert drawn.count('stroke-width="2"') == 2
    assert drawn.count("stroke-dasharray") == 1
    assert "<b>" not in drawn


def test_unbounded_intervals_are_cut_off() -> None:
    assert "inf" not in svg(forest("t", [Mark("a", 0.2, 0.1, math.inf), MARKS[0]]))


def test_before_and_after() -> None:
    drawn = svg(before_and_after("rate", [("f", 0.2, 0.4), ("m", 0.5, 0.5)], names=("before", "after")))
    (f_before, f_after), (m_before, m_after) = zip(*[iter(dots(drawn))] * 2, strict=True)
    assert f_before[0] < f_after[0]
    assert m_before == m_after


def test_the_chosen_point_of_a_frontier_is_marked_and_the_start_is_ringed() -> None:
    points = [(m, d) for m, d in zip(MARKS, (2.5, 0.9), strict=True)]
    drawn = svg(frontier("price", points, across="gap", up="EUR", start="a", limit=1.0))
    assert "&lt;b&gt; (chosen)" in drawn
    assert "a (start)" in drawn
    assert drawn.count('fill="none"') == 1
    (a_x, a_y), (b_x, b_y) = dots(drawn)
    assert a_x > b_x, "further from equal treatment is further right"
    assert a_y > b_y, "more money is higher"
    assert (f'cx="{a_x}" cy="{a_y}" r="9"') in drawn
    assert re.search(rf'cx="{b_x}" cy="{b_y}" r="6" fill="{RED}"', drawn)
    (limit,) = re.findall(r'<line x1="([\d.]+)"[^>]*stroke-dasharray', drawn)
    assert b_x < float(limit) < a_x


def test_the_interval_of_the_distance_is_drawn_and_cut_where_it_has_no_end() -> None:
    points = [(MARKS[0], 2.0), (MARKS[1], 0.5)]
    drawn = svg(frontier("p", points, across="gap", up="EUR", spans={"a": (1.0, 3.0), "<b>": (0.0, math.inf)}))
    flat = re.findall(r'<line x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="\2" stroke="#[3c]', drawn)
    (a_x, _), (b_x, _) = dots(drawn)
    (near_a, _, far_a), (near_b, _, far_b) = [tuple(map(float, one)) for one in flat]
    assert a_x - near_a == pytest.approx(far_a - a_x, abs=0.2)
    assert near_b < b_x < far_b
    assert "inf" not in drawn


def test_names_of_points_that_lie_together_do_not_cover_each_other() -> None:
    points = [(Mark(f"remedy {i}", 1.0 + 1e-6 * i), 1.0) for i in range(5)]
    drawn = svg(frontier("price", [*points, (Mark("far", 9.0), 2.0)], across="gap", up="EUR"))
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)"[^>]*>remedy', drawn))
    assert all(b - a >= 12.9 for a, b in pairwise(heights))


def test_a_trend_shows_failed_batches_and_its_limit() -> None:
    drawn = svg(trend("auc", MARKS, limit=0.3))
    assert len(dots(drawn)) == 2
    assert "stroke-dasharray" in drawn
    assert "<polygon" in drawn


def test_each_line_has_its_name_and_colour_and_a_single_one_needs_neither() -> None:
    both = svg(curves("calibration", {"f": [(0.1, 0.2), (0.8, 0.6)], "m": [(0.2, 0.2)], "x": []}, diagonal=True))
    assert both.count("<polyline") == 2
    assert (both.count("● f"), both.count("● m"), both.count("● x")) == (1, 1, 0)
    assert f'stroke="{BLUE}"' in both
    assert f'stroke="{RED}"' in both
    (first, _, _) = dots(both)
    assert first[0] == 89.0  # a tenth of the way from 60 to 350
    alone = svg(curves("c", {"c": [(0, 0), (2, 4)]}, mark=1.0))
    assert not dots(alone)
    assert alone.count("stroke-dasharray") == 1


def test_bars_stand_in_proportion() -> None:
    drawn = svg(bars("<t>", {"a&b": 0.5, "": 0.25}, {"new": 1.0}))
    heights = [float(h) for h in re.findall(r'width="10" height="([\d.]+)"', drawn)]
    assert heights == [50.0, 0.0, 25.0, 0.0, 0.0, 100.0]
    assert svg(bars("empty", {}, {}))


@pytest.mark.parametrize(
    "drawing",
    [
        forest("t", []),
        before_and_after("t", [], names=("a", "b")),
        frontier("t", [], across="x", up="y"),
        trend("t", MARKS[:1]),
        curves("t", {"a": []}),
    ],
)
def test_nothing_is_drawn_of_nothing(drawing: Drawing | None) -> None:
    assert drawing is None

"""Pictures: every figure is drawn where it belongs, with its axis, and words are escaped."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evidence import curve
from ml_assets.report.pictures import Mark, before_and_after, forest, frontier, reused, scale, trend

MARKS = [Mark("a", 0.2, 0.1, 0.3), Mark("<b>", 0.6, 0.5, 0.7, strong=True)]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_scale_holds_its_values_and_rises(values: list[float]) -> None:
    x = scale(values, 0, 100)
    assert all(0 <= x(v) <= 100 for v in values)
    ticks = x.ticks()
    assert ticks == sorted(ticks)
    room = 1e-6 * (x.high - x.low)
    assert all(x.low - room <= t <= x.high + room for t in ticks)


def test_a_forest_draws_every_figure_with_its_interval() -> None:
    drawn = forest("rates <of> groups", MARKS, limits=[0.4])
    assert drawn.count("<circle") == 2
    assert drawn.count('stroke-width="2"') == 2
    assert drawn.count("stroke-dasharray") == 1
    assert "<b>" not in drawn
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawn)]
    assert places == sorted(places)


def test_before_and_after() -> None:
    drawn = before_and_after("rate", [("f", 0.2, 0.4), ("m", 0.5, 0.5)], names=("before", "after"))
    assert drawn.count("<circle") == 4


def test_the_chosen_point_of_a_frontier_is_marked() -> None:
    drawn = frontier("price", [(m, d) for m, d in zip(MARKS, (0.5, 0.9), strict=True)], across="gap", up="EUR")
    assert "&lt;b&gt; (chosen)" in drawn
    assert "a (chosen)" not in drawn


def test_a_trend_shows_failed_batches_and_its_limit() -> None:
    drawn = trend("auc", MARKS, limit=0.3)
    assert drawn.count("<circle") == 2
    assert "stroke-dasharray" in drawn
    assert "<polygon" in drawn


@pytest.mark.parametrize(
    "drawn",
    [
        forest("t", []),
        before_and_after("t", [], names=("a", "b")),
        frontier("t", [], across="x", up="y"),
        trend("t", MARKS[:1]),
    ],
)
def test_nothing_is_drawn_of_nothing(drawn: str) -> None:
    assert drawn == ""


def test_unbounded_intervals_are_cut_off() -> None:
    assert "inf" not in forest("t", [Mark("a", 0.2, 0.1, float("inf")), MARKS[0]])


def test_a_picture_of_the_ui_becomes_an_image_of_the_page() -> None:
    image = reused(curve("c", [(0, 0), (1, 1)]))
    assert image.startswith('<figure class="scroll"><img src="data:image/svg+xml;base64,')
    assert reused("no picture") == ""

"""What pictures are drawn with: scales hold their values, words are escaped, a page gives a drawing its title."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.drawing import INK, Drawing, Scale, axis, dot, levels, scale, short, text


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_scale_holds_its_values_and_rises(values: list[float]) -> None:
    x = scale(values, 0, 100)
    assert all(0 <= x(v) <= 100 for v in values)
    ticks = x.ticks()
    assert ticks == sorted(ticks)
    room = 1e-6 * (x.high - x.low)
    assert all(x.low - room <= t <= x.high + room for t in ticks)


def test_a_scale_of_one_value_or_of_none_is_still_an_axis() -> None:
    assert scale([5.0, 5.0], 0, 100)(5.0) == 50.0
    assert (scale([], 0, 100).low, scale([None, float("inf")], 0, 100).high) == pytest.approx((-0.05, 1.05))


def test_ticks_are_round_numbers() -> None:
    assert Scale(0.03, 0.97, 0, 100).ticks() == pytest.approx([0.25, 0.5, 0.75])
    assert Scale(-20, 60, 0, 100).ticks() == [-20, 0, 20, 40, 60]


def test_each_tick_of_an_axis_has_its_line_and_its_number() -> None:
    x = Scale(0, 4, 0, 100)
    assert x.ticks() == [0, 1, 2, 3, 4]
    for parts in (axis(x, 50), levels(x, 0, 100)):
        drawn = ET.fromstring(f"<svg>{''.join(parts)}</svg>")
        assert [t.text for t in drawn.iter("text")] == ["0", "1", "2", "3", "4"]
    upright = ET.fromstring(f"<svg>{''.join(axis(x, 50))}</svg>").iter("line")
    assert [(o.get("x1"), o.get("x2")) for o in upright] == [(v, v) for v in ("0.0", "25.0", "50.0", "75.0", "100.0")]


def test_words_are_escaped() -> None:
    words = '<b> & "c"'
    assert ET.fromstring(text(0, 0, words, INK)).text == words
    assert ET.fromstring(dot(0, 0, INK, words, 1234.5))[0].text == f"{words}: 1,234"


def test_a_drawing_for_a_page_has_no_title_of_its_own() -> None:
    drawing = Drawing("title", (), 10, 10)
    assert 'font-weight="600" font-size="12" fill="#3a4250">title<' in drawing.svg()
    assert ">title</text>" not in drawing.svg(alone=False)


@pytest.mark.parametrize(("value", "words"), [(0.0, "0"), (1e-15, "0"), (1234.5, "1,234"), (0.123456, "0.1235")])
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words

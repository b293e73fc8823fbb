"""What drawings are made of: axes that hold their values, words that are escaped."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.canvas import INK, Drawing, Scale, axis, dot, levels, scale, short, text


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_scale_holds_its_values_and_rises(values: list[float]) -> None:
    x = scale(values, 0, 100)
    assert all(0 <= x(v) <= 100 for v in values)
    ticks = x.ticks()
    assert ticks == sorted(ticks)
    room = 1e-6 * (x.high - x.low)
    assert all(x.low - room <= t <= x.high + room for t in ticks)


def test_a_scale_of_one_value_has_room_on_both_sides() -> None:
    assert scale([3.0], 0, 100)(3.0) == 50.0
    assert scale([], 0, 100)(0.5) == 50.0


def test_lines_of_an_axis_stand_at_its_round_numbers() -> None:
    x = Scale(0, 4, 0, 400)
    drawn = ET.fromstring(f"<g>{''.join(axis(x, 100))}</g>")
    assert [(float(e.attrib["x1"]), float(e.attrib["x2"])) for e in drawn.iter("line")] == [
        (100.0 * i,) * 2 for i in range(5)
    ]
    assert [e.text for e in drawn.iter("text")] == ["0", "1", "2", "3", "4"]
    across = ET.fromstring(f"<g>{''.join(levels(Scale(0, 4, 400, 0), 5, 9))}</g>")
    assert [float(e.attrib["y1"]) for e in across.iter("line")] == [400.0, 300.0, 200.0, 100.0, 0.0]
    assert {(e.attrib["x1"], e.attrib["x2"]) for e in across.iter("line")} == {("5", "9")}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20))
def test_words_of_any_kind_are_shown_as_they_are(words: str) -> None:
    drawing = Drawing(words, (text(1, 2, words, INK), dot(1, 2, INK, words, 0.5)), 10, 20)
    for alone in (True, False):
        whole = ET.fromstring(drawing.svg(alone=alone))
        assert words in [e.text or "" for e in whole.iter() if e.tag.endswith("text")]
        assert f"{words}: 0.5" in [e.text for e in whole.iter() if e.tag.endswith("title")]


@pytest.mark.parametrize(("value", "words"), [(0.0, "0"), (1e-15, "0"), (1234.5, "1,234"), (0.123456, "0.1235")])
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words

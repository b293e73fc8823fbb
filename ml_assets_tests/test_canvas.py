"""The canvas: scales hold their values, shapes say what they are, words are escaped."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.canvas import INK, Drawing, apart, axis, cut, dot, levels, scale, short, text


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_scale_holds_its_values_and_rises(values: list[float]) -> None:
    x = scale(values, 0, 100)
    assert all(0 <= x(v) <= 100 for v in values)
    ticks = x.ticks()
    assert ticks == sorted(ticks)
    room = 1e-6 * (x.high - x.low)
    assert all(x.low - room <= t <= x.high + room for t in ticks)


@pytest.mark.parametrize(("value", "words"), [(0.0, "0"), (1e-15, "0"), (1234.5, "1,234"), (0.123456, "0.1235")])
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words


def test_words_are_escaped_wherever_they_stand() -> None:
    parts = (text(1, 2, "<b> & c", INK), dot(3, 4, INK, "<i>", 0.5))
    drawn = Drawing("a < b", parts, 100, 50).svg()
    root = ET.fromstring(drawn)
    words = [node.text for node in root.iter() if node.text]
    assert words == ["a < b", "<b> & c", "<i>: 0.5"]


def test_ticks_stand_where_the_scale_puts_them() -> None:
    x = scale([0.0, 10.0], 0, 110)
    assert [part.count("<line") for part in axis(x, 100)] == [1, 0] * (len(axis(x, 100)) // 2)
    for tick in x.ticks():
        assert any(f'x1="{x(tick)}"' in part for part in axis(x, 100))
        assert any(f'y1="{x(tick)}"' in part for part in levels(x, 5, 50))


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_are_moved_apart_and_never_up(places: list[float]) -> None:
    found = apart(places, least=13)
    assert all(after >= before for before, after in zip(places, found, strict=True))
    rising = sorted(found)
    assert all(b - a >= 13 - 1e-9 for a, b in pairwise(rising))


def test_a_long_label_is_cut() -> None:
    assert cut("short") == "short"
    assert cut("x" * 40, 10) == "x" * 9 + "…"

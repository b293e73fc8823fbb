"""HTML: everything is escaped, numbers keep their full value, what is missing is said."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evidence import curve
from ml_assets.pictures import Mark, forest, trend
from ml_assets.report.markup import (
    Html,
    badge,
    bullets,
    estimate_cells,
    estimate_text,
    figure,
    html,
    missing,
    note,
    pairs,
    reused,
    short,
    table,
    tag,
    warning,
)
from ml_assets_tests.report.planted import estimate, numbers, words

HOSTILE = "<script>alert('x')</script>\"&"


@pytest.mark.parametrize(
    "page",
    [
        tag("p", HOSTILE), note(HOSTILE), badge(HOSTILE), bullets([HOSTILE]), missing("model", HOSTILE), warning(HOSTILE),
        pairs({HOSTILE: HOSTILE}), table([{HOSTILE: HOSTILE}], caption=HOSTILE), tag("p", title=HOSTILE), tag("p", [HOSTILE]),
    ],
)  # fmt: skip
def test_nothing_gets_through_unescaped(page: Html) -> None:
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_its_full_value(value: float) -> None:
    assert numbers(html(value)) == [value]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123456, "0.1235"), (12345.6, "12,346"), (12345, "12,345"), (True, "yes"), (None, "–"), (math.nan, "–"), (5e-17, "0")],
)  # fmt: skip
def test_numbers_are_short(value: object, shown: str) -> None:
    assert words(html(value)) == shown


def test_a_negative_number_is_short_too() -> None:
    assert short(-1234.5) == "-1,234"


def test_a_figure_never_stands_without_interval_and_n() -> None:
    assert words(estimate_text(estimate(0.5, 40))) == "0.5 [0.4, 0.6] (n = 40)"
    assert words(estimate_text(estimate(None, 0))) == "not estimable (n = 0)"
    cells = estimate_cells(estimate(0.5, 40, level=0.99))
    assert (cells["value"], words(html(cells["interval"])), cells["n"]) == (0.5, "[0.4, 0.6] at 0.99", 40)
    assert estimate_cells(estimate(None, 0))["value"] == "not estimable"


def test_what_is_missing_says_what_makes_it() -> None:
    assert words(missing("model")) == "not recorded: materialize model"
    assert warning("") == ""


def test_tables_take_every_key_in_order() -> None:
    assert words(table([{"a": 1}, {"b": "x", "a": 2}])) == "ab1 2 x"
    assert words(table([])) == "nothing to show"


def test_a_figure_holds_its_drawing_under_its_title_once() -> None:
    marks = [Mark("a", 0.2, 0.1, 0.3), Mark("<b>", 0.6, 0.5, 0.7, strong=True)]
    drawn = figure(forest("rates <of> groups", marks, limits=[0.4]))
    assert drawn.startswith('<figure class="scroll"><figcaption>rates &lt;of&gt; groups</figcaption><svg ')
    assert drawn.count("rates &lt;of&gt; groups") == 3  # caption, label and title of the picture
    assert "xmlns" not in drawn
    assert "<b>" not in drawn
    assert figure(trend("auc", marks), small=True).startswith('<figure class="small">')


def test_nothing_is_shown_of_no_drawing() -> None:
    assert figure(forest("t", [])) == ""


def test_a_picture_of_the_ui_becomes_an_image_of_the_page() -> None:
    image = reused(curve("c", [(0, 0), (1, 1)]))
    assert image.startswith('<figure class="scroll"><img src="data:image/svg+xml;base64,')
    assert reused("no picture") == ""

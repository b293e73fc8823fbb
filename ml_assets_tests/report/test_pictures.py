"""Drawings as figures of a page."""

import pytest

from ml_assets.evidence import curve
from ml_assets.pictures import Mark
from ml_assets.report.pictures import before_and_after, forest, frontier, reused, trend

MARKS = [Mark("a", 0.2, 0.1, 0.3), Mark("<b>", 0.6, 0.5, 0.7, strong=True)]


def test_a_figure_holds_its_drawing_under_its_title_once() -> None:
    drawn = forest("rates <of> groups", MARKS, limits=[0.4])
    assert drawn.startswith('<figure class="scroll"><figcaption>rates &lt;of&gt; groups</figcaption><svg ')
    assert drawn.count("rates &lt;of&gt; groups") == 3  # caption, label and title of the picture
    assert "xmlns" not in drawn
    assert "<b>" not in drawn
    assert trend("auc", MARKS).startswith('<figure class="small">')
    assert frontier("f", [(MARKS[0], 1.0)], across="gap", up="EUR", start="a").count("<svg") == 1


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


def test_a_picture_of_the_ui_becomes_an_image_of_the_page() -> None:
    image = reused(curve("c", [(0, 0), (1, 1)]))
    assert image.startswith('<figure class="scroll"><img src="data:image/svg+xml;base64,')
    assert reused("no picture") == ""

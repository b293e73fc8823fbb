"""From a result to what the UI shows."""

import base64
import math
import xml.etree.ElementTree as ET

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.evidence import (
    Verdict,
    band,
    bars,
    check_result,
    curve,
    estimate_figures,
    estimate_rows,
    image,
    images,
    intervals,
    markdown_table,
    numbers,
    show,
    summary_result,
)
from ml_assets.pictures import Mark, forest
from ml_assets.statistics.estimate import Estimate

GOOD = Verdict(True, "all is well (n = 10)", {"share": 0.5, "nothing": math.nan}, [{"a": 1}], "![p](data:x)")
WARN, ACT = Verdict(False, "look", act=False), Verdict(False, "act now")


def text(result: dg.AssetCheckResult, name: str) -> object:
    return result.metadata[name].value


def picture(markdown: str) -> ET.Element:
    """The SVG inside; it must be well-formed XML."""
    assert markdown.startswith("![")
    return ET.fromstring(base64.b64decode(markdown.split("base64,")[1].rstrip(")")))


def test_a_verdict_becomes_a_check_result() -> None:
    found = check_result(GOOD, batch="2026-01-01")
    assert (found.passed, found.description) == (True, "all is well (n = 10)")
    assert set(found.metadata) == {"sentence", "share", "batch", "picture", "table"}
    assert (text(found, "share"), text(found, "batch")) == (0.5, "2026-01-01")


def test_severity_tells_an_alarm_from_a_hint() -> None:
    assert check_result(ACT).severity == dg.AssetCheckSeverity.ERROR
    assert check_result(WARN).severity == dg.AssetCheckSeverity.WARN
    assert not check_result(WARN).passed


def test_a_range_passes_only_when_every_batch_does() -> None:
    assert summary_result({"a": GOOD, "b": GOOD}).description == "2 of 2 batches pass"
    found = summary_result({"a": GOOD, "b": ACT})
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description == "1 of 2 batches pass; failed: b (act now)"
    assert (text(found, "failed"), text(found, "batches")) == (1, 2)


def test_a_range_stops_what_follows_only_when_nothing_passes() -> None:
    assert summary_result({"a": ACT, "b": WARN}).severity == dg.AssetCheckSeverity.ERROR
    assert summary_result({"a": WARN, "b": WARN}).severity == dg.AssetCheckSeverity.WARN


def test_what_is_not_estimable_is_left_out_and_not_zero() -> None:
    assert set(numbers({"a": 1, "b": math.nan, "c": math.inf})) == {"a"}


def test_an_estimate_keeps_its_bounds_and_n() -> None:
    e = Estimate("roc_auc", 0.7, 0.6, 0.8, 120)
    assert estimate_figures([e]) == {"roc_auc": 0.7, "roc_auc_low": 0.6, "roc_auc_high": 0.8, "roc_auc_n": 120.0}
    assert estimate_rows([e]) == [{"metric": "roc_auc", "value": 0.7, "low": 0.6, "high": 0.8, "n": 120, "unit": ""}]


@pytest.mark.parametrize(
    ("value", "cell"),
    [(True, "yes"), (False, "no"), (0.123456, "0.1235"), (12345.678, "1.235e+04"), (12345, "12,345"), (math.nan, "–"),
     (None, "–"), ("a|b\nc", "a\\|b c"), (0, "0")],
)  # fmt: skip
def test_cells(value: object, cell: str) -> None:
    assert show(value) == cell


def test_a_table_shows_every_column_and_says_what_it_leaves_out() -> None:
    found = markdown_table([{"a": 1}, {"a": 2, "b": "x"}, {"a": 3}], most=2).splitlines()
    assert found[:4] == ["| a | b |", "|---|---|", "| 1 | – |", "| 2 | x |"]
    assert found[-1] == "… and 1 more"
    assert markdown_table([]) == "nothing to show"


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=8), min_size=1), min_size=1, max_size=5))
def test_no_value_breaks_a_table_apart(rows: list[dict[str, str]]) -> None:
    lines = markdown_table(rows).split("\n")
    assert len(lines) == 2 + len(rows)
    cells = [line.replace("\\|", "").count("|") for line in lines]
    assert len(set(cells)) == 1


def test_pictures_are_pictures_also_of_odd_names() -> None:
    estimates = [Estimate("<a> & b", 0.5, 0.4, 0.6, 10), Estimate("none", math.nan, math.nan, math.nan, 0)]
    for drawn in (
        bars("<t>", {"a&b": 0.5, "": 0.5}, {"new": 1.0}), bars("empty", {}, {}), intervals("i", estimates, limit=0.55),
        curve("c", [(0, 0), (1, 1)], mark=0.5), curve("c", [(0.2, 0.1)], diagonal=True),
    ):  # fmt: skip
        assert picture(drawn).tag.endswith("svg")
    assert curve("c", []) == intervals("i", []) == ""


def test_an_interval_is_drawn_from_low_to_high() -> None:
    drawn = picture(intervals("i", [Estimate("a", 0.5, 0.0, 1.0, 10), Estimate("b", 0.5, 0.25, 0.75, 10)]))
    lines = [x for x in drawn.iter() if x.tag.endswith("line") and x.get("stroke-width") == "2"]
    wide, narrow = [(float(x.get("x1", 0)), float(x.get("x2", 0))) for x in lines]
    quarter = (wide[1] - wide[0]) / 4
    assert narrow == pytest.approx((wide[0] + quarter, wide[1] - quarter), abs=0.1)


def test_several_drawings_stand_one_under_the_other_without_those_of_nothing() -> None:
    one = forest("rates", [Mark("a", 0.5)])
    assert images([one, forest("none", []), one]) == f"{image(one)}\n\n{image(one)}"
    assert images([None]) == image(None) == ""


def test_a_band_lies_around_its_line() -> None:
    drawn = picture(band("score by <age>", [(20.0, 0.2, 0.1, 0.4), (40.0, 0.6, 0.4, 0.9)], limits=[0.0]))
    names = {element.tag.split("}")[1]: element for element in drawn.iter()}

    def places(name: str) -> list[tuple[float, float]]:
        return [(float(a), float(b)) for a, b in (p.split(",") for p in str(names[name].get("points")).split())]

    (x1, y1), (x2, y2) = places("polyline")
    low1, low2, high2, high1 = places("polygon")
    assert (low1[0], high1[0], low2[0], high2[0]) == (x1, x1, x2, x2)
    # 0.1 below 0.2 below 0.4, and 0.4 below 0.6 below 0.9, all on one scale: 0.1 is as far as it is from 0.2 to 0.1
    unit = low1[1] - y1
    assert [y1 - high1[1], low2[1] - y2, y2 - high2[1]] == pytest.approx([2 * unit, 2 * unit, 3 * unit], abs=0.3)
    assert band("nothing", []) == ""

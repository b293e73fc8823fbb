"""The outline: every point is evidence with a link, or open."""

from collections.abc import Callable

from ml_assets.report.ai_act import ANNEX_IV, ARTICLE_10, build
from ml_assets.report.page import SECTIONS
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import words


def test_without_facts_everything_is_open_but_what_is_declared(hand_made: Callable[..., Recorded]) -> None:
    page = build(hand_made())
    assert page.count("see there") == 1  # the protected attributes are declared
    assert "No legal advice." in page


def test_every_point_of_the_law_is_there() -> None:
    assert {i.point for i in ARTICLE_10} >= {f"10(2)({c})" for c in "abcdefgh"} | {"10(3)", "10(4)", "10(5)"}
    assert {i.point[0] for i in ANNEX_IV} == set("123456789")


def test_evidence_leads_to_a_section() -> None:
    anchors = {s.anchor for s in SECTIONS}
    for item in (*ARTICLE_10, *ANNEX_IV):
        assert (item.told is None) == (item.anchor == "")
        assert item.anchor in anchors | {""}


def test_the_stream(of_stream: Recorded) -> None:
    text = words(build(of_stream))
    assert of_stream.store.read_facts("mitigation")["sentence"] in text
    assert of_stream.store.read_facts("model")["selection"]["sentence"] in text
    assert "to be written by people" in text

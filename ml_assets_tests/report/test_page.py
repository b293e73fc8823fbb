"""The whole report: every section, real facts, nothing from elsewhere, nothing invented, nothing that breaks out."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ml_assets.cli import main
from ml_assets.report.markup import VOID
from ml_assets.report.page import SECTIONS, page, write_report
from ml_assets.report.recorded import Recorded, read_recorded
from ml_assets_tests.report.planted import words
from ml_assets_tests.stages.lab import Lab


class _Balance(HTMLParser):
    """Whether every element that is opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Shapes of SVG close themselves."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="session")
def stream_page(of_stream: Recorded) -> str:
    return page(of_stream)


@pytest.fixture(params=["stream", "table", "classes"])
def any_page(request: pytest.FixtureRequest) -> str:
    lab: Lab = request.getfixturevalue(request.param)
    return page(read_recorded(lab.solution, lab.defs, lab.instance))


def test_every_section_is_there_and_readable(any_page: str) -> None:
    for section in SECTIONS:
        assert f'<section id="{section.anchor}"><h2>{section.title}</h2>' in any_page
        assert f'<a href="#{section.anchor}">{section.title}</a>' in any_page
    assert "cannot be read" not in any_page
    parser = _Balance()
    parser.feed(any_page)
    assert parser.open == []


def test_the_file_needs_nothing_else(any_page: str) -> None:
    assert "<script" not in any_page
    assert "@import" not in any_page
    assert re.findall(r'\bsrc="(?!data:image/svg\+xml;base64,)', any_page) == []
    assert re.findall(r"url\(", any_page) == []
    assert re.findall(r"<link\b", any_page) == []
    outside = re.findall(r'<(\w+)[^>]*href="https?:', any_page)
    assert set(outside) == {"a"}


def test_every_link_inside_leads_somewhere(any_page: str) -> None:
    targets = set(re.findall(r'href="#([^"]+)"', any_page))
    assert targets <= set(re.findall(r'id="([^"]+)"', any_page))


def test_a_solution_before_anything_ran_says_what_is_missing(empty: Callable[..., Lab]) -> None:
    lab = empty()
    text = words(page(read_recorded(lab.solution, lab.defs, lab.instance)))
    for asset in (
        "business_case", "champion", "model", "evaluation", "training_set", "data_bias_report", "bias_remediation_plan", "mitigation",
        "model_bias_report", "explanation", "data_worth", "drift_report", "performance_report", "fairness_report", "value_report",
        "performance_estimate", "retraining_log", "policy_backtest", "labels", "valid_data", "column_screening",
    ):  # fmt: skip
        assert f"not recorded: materialize {asset}" in text, asset
    assert "cannot be read" not in text


def test_hostile_text_in_facts_is_escaped(fork: Lab) -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=y>"
    for asset, key in (
        ("champion", "sentence"),
        ("champion", "reason"),
        ("business_case", "intended_use"),
        ("mitigation", "sentence"),
    ):
        fork.store.write_facts(asset, fork.store.read_facts(asset) | {key: hostile})
    model = fork.store.read_facts("explanation")
    model["importance"][0]["feature"] = hostile
    fork.store.write_facts("explanation", model)
    found = page(read_recorded(fork.solution, fork.defs, fork.instance))
    assert "<script" not in found
    assert "<img src=x" not in found
    assert found.count("&lt;script&gt;alert(1)") >= 5


def test_facts_of_another_shape_spoil_their_section_alone(fork: Lab) -> None:
    fork.store.write_facts("retraining_log", {"something": "else"})
    text = words(page(read_recorded(fork.solution, fork.defs, fork.instance)))
    assert text.count("This section cannot be read: KeyError: 'rows'") == 2  # the log, and the outline that counts it
    assert "Gates of the last decision" in text


def test_nothing_is_typed_by_hand_about_another_model(fork: Lab) -> None:
    facts = fork.store.read_facts("evaluation")
    fork.store.write_facts("evaluation", facts | {"digest": "f" * 64})
    text = words(page(read_recorded(fork.solution, fork.defs, fork.instance)))
    assert "speak of the model that was judged last (sha256 ffffffffffff…), not of the live version 1" in text


def test_files_are_written(stream: Lab, tmp_path: Path) -> None:
    out, law = tmp_path / "new" / "report.html", tmp_path / "law.csv"
    assert write_report(stream.solution, stream.defs, stream.instance, out=out, law144=law) == [out, law]
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert law.read_text(encoding="utf-8").startswith("solution,part,kind,category,people,selected")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(["report", "credit_default", "--law144", "law.csv"]) == 0
    assert capsys.readouterr().out.split() == ["credit_default_report.html", "law.csv"]
    assert "not recorded: materialize champion" in words((tmp_path / "credit_default_report.html").read_text())

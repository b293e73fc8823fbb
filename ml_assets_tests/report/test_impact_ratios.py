"""Local Law 144: rates, ratios to the highest rate, people without category, small categories, and the same as CSV."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from ml_assets.report.impact_ratios import COLUMNS, RACE, SEX, Line, all_lines, as_csv, build, lines_of
from ml_assets.report.rates import Cell, Rates
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import planted, words
from ml_assets_tests.report.test_rates import MITIGATION, counted
from ml_assets_tests.stages.declarations import TABLE, declared


def _lines(*cells: tuple[str, int, int]) -> dict[str, Line]:
    rates = Rates(tuple(Cell(("sex",), (g,), n, k) for g, n, k in cells), "test part", crossed=False)
    return {line.category: line for line in lines_of(rates, ("sex",), 10)}


def test_ratios_by_hand() -> None:
    found = _lines(("f", 200, 60), ("m", 400, 200), ("unknown", 30, 20))
    women, men = found["sex = f"], found["sex = m"]
    assert women.rate is not None
    assert women.ratio is not None
    assert (women.people, women.selected, women.rate.value, women.ratio.value) == (200, 60, 0.3, 0.6)
    assert women.ratio.low < 0.6 < women.ratio.high
    assert men.highest
    assert (found["unknown"].people, found["unknown"].rate) == (30, None)
    assert women.share == pytest.approx(200 / 600)


def test_a_category_below_two_percent_is_marked_shown_and_sets_no_highest_rate() -> None:
    found = _lines(("f", 900, 450), ("m", 900, 400), ("d", 25, 15))
    small = found["sex = d"]
    assert small.below
    assert small.ratio is not None
    assert small.ratio.value == pytest.approx(0.6 / 0.5)
    assert found["sex = f"].highest


def test_few_people_are_suppressed_with_another() -> None:
    found = _lines(("f", 200, 60), ("m", 400, 200), ("x", 4, 4))
    assert found["sex = x"].people is None
    assert found["sex = f"].people is None
    assert "suppressed" in found["sex = f"].note


def test_few_selected_are_told_as_a_bound_and_the_other_is_rounded() -> None:
    found = _lines(("f", 250, 8), ("m", 400, 203))
    assert found["sex = f"].selected is None
    assert found["sex = f"].note == "fewer than 10 selected: rate below 0.04"
    assert found["sex = m"].note == "about 200 selected (rounded to 10): rate about 0.50"


@pytest.mark.parametrize("name", ["sex", "gender", "applicant_sex"])
def test_names_of_sex(name: str) -> None:
    assert SEX.search(name)
    assert not RACE.search(name)


@pytest.mark.parametrize("name", ["race", "ethnicity", "origin", "national_origin", "colour", "Race"])
def test_names_of_race(name: str) -> None:
    assert RACE.search(name)


@pytest.mark.parametrize("name", ["sexism_score", "embraced", "region"])
def test_other_names(name: str) -> None:
    assert not SEX.search(name)
    assert not RACE.search(name)


def test_intersections_come_from_recorded_counts(hand_made: Callable[..., Recorded]) -> None:
    groups = pd.DataFrame({"sex": ["f", "m"] * 100, "origin": ["a", "a", "b", "b"] * 50})
    report = counted(groups, [0] * 200, [0, 0, 1, 0, 0, 1, 1, 0] * 25)
    bias = {"protected": ["sex", "origin"], "reference_population!": {}, "plan": []}
    recorded = hand_made({"model_bias_report": report}, data_bias=bias)
    kinds = list(dict.fromkeys(line.kind for line in all_lines(recorded)))
    assert kinds == ["sex", "origin", "sex and origin"]
    page = words(build(recorded))
    assert "sex = f and origin = a" in page
    assert "its fact counts" not in page


def test_without_counts_the_intersections_are_said_to_be_missing(hand_made: Callable[..., Recorded]) -> None:
    (row,) = MITIGATION["rows"]
    origins = [e | {"attribute": "origin"} for e in row["effects"]]
    both = {"rows": [{"name": "none", "effects": [*row["effects"], *origins]}], "chosen": "none"}
    page = words(build(hand_made({"mitigation": both})))
    assert "Read as sex: sex; as race or ethnicity: origin." in page
    assert "not recorded: materialize model_bias_report (its fact counts: people per pair of groups)" in page


def test_nothing_recorded_is_said(hand_made: Callable[..., Recorded]) -> None:
    assert "not recorded: materialize mitigation" in words(build(hand_made()))


def test_csv(hand_made: Callable[..., Recorded]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(hand_made({"mitigation": MITIGATION})))))
    assert tuple(rows[0]) == COLUMNS
    assert [(r["category"], r["people"], r["selected"], r["selection_rate"]) for r in rows[:2]] == [
        ("sex = f", "100", "40", "0.4"),
        ("sex = m", "60", "30", "0.5"),
    ]
    assert float(rows[0]["impact_ratio"]) == pytest.approx(0.8)
    assert (rows[1]["highest_rate"], rows[2]["category"], rows[2]["people"]) == ("yes", "unknown", "0")


def test_csv_without_facts_is_its_heads(hand_made: Callable[..., Recorded]) -> None:
    assert as_csv(hand_made()) == ",".join(COLUMNS) + "\n"


def test_a_csv_of_the_stream_equals_its_facts(of_stream: Recorded) -> None:
    facts = of_stream.store.read_facts("mitigation")
    chosen = next(r for r in facts["rows"] if r["name"] == facts["chosen"])
    recorded = {e["group"]: e["after"] for e in chosen["effects"] if e["rate"] == "selection rate"}
    rows = [r for r in csv.DictReader(io.StringIO(as_csv(of_stream))) if r["selected"]]
    if "counts" not in of_stream.store.read_facts("model_bias_report"):
        assert {r["category"][6:]: float(r["selection_rate"]) for r in rows} == {
            g: pytest.approx(e["value"]) for g, e in recorded.items() if g != "unknown"
        }
    assert rows


def test_a_solution_without_two_decisions_says_so(tmp_path: Path) -> None:
    other = planted(declared(TABLE), tmp_path, {})
    assert "there is no selection rate" in words(build(other))

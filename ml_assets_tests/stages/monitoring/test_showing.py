"""What a report shows: the heaviest consequence first, the causes, and nothing of what was not found."""

from ml_assets.stages.monitoring.showing import drift_rows, segment_rows, show_performance
from ml_assets_tests.stages.lab import Lab

DAY = "2026-01-15"


def test_columns_come_by_what_they_did_then_by_how_far_they_moved() -> None:
    def column(name: str, effect: float) -> dict[str, object]:
        return {
            "column": name, "verdict": "moved", "effect": effect, "p_value": 0.01, "missing_change": 0.0, "new_share": 0.0,
            "n": 9,
        }  # fmt: skip

    did = {"column": "b", "changed": {"value": 0.1}, "money": {"value": -2.0}}
    facts = {
        "columns": [column("a", 0.5), column("b", 0.1), column("c", 0.9)],
        "importance": {},
        "consequences": [did],
    }
    rows = drift_rows(facts)
    assert [row["column"] for row in rows] == ["b", "c", "a"]
    assert (rows[0]["decisions changed"], rows[0]["money per decision"]) == (0.1, -2.0)
    assert rows[1]["money per decision"] is None


def test_causes_are_shown_when_they_were_found(stream: Lab) -> None:
    facts = stream.store.read_facts("performance_report", DAY)
    shown = show_performance(facts)
    assert {"causes", "parts", "segments", "concept_changed"} <= set(shown)
    assert shown["concept_changed"] is False
    assert segment_rows(facts["causes"]) == []
    unfound = show_performance(facts | {"causes": {"judged": False, "sentence": "too few"}})
    assert unfound["causes"] == "too few"
    assert "parts" not in unfound
    assert "causes" not in show_performance(facts | {"causes": None})

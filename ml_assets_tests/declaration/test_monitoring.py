"""Drift, performance, freshness."""

from datetime import timedelta

from ml_assets.declaration.monitoring import Drift, Monitoring, Performance
from ml_assets_tests.declaration.minimal import refusal


def test_defaults_alarm() -> None:
    found = Monitoring()
    assert found.drift.effect > 0
    assert 0 < found.false_alarms < 0.1
    assert found.freshness is None


def test_words_are_read() -> None:
    found = Monitoring.model_validate({"freshness": "21 days", "drift": {"importance": "30 %"}})
    assert (found.freshness, found.drift.importance) == (timedelta(days=21), 0.3)


def test_bounds() -> None:
    assert refusal(Drift, {"effect": 0, "importance": 2, "prediction_effect": -1}) == [
        "effect: Input should be greater than 0",
        "importance: Input should be less than or equal to 1",
        "prediction_effect: Input should be greater than 0",
    ]
    assert refusal(Performance, {"drop": 0, "minimum_rows": 1}) == [
        "drop: Input should be greater than 0",
        "minimum_rows: Input should be greater than or equal to 30",
    ]


def test_a_rate_of_nothing_or_of_certainty_cannot_be_kept() -> None:
    assert refusal(Drift, {"importance": 0}) == ["importance: Input should be greater than 0"]
    assert refusal(Monitoring, {"false_alarms": 0}) == ["false_alarms: Input should be greater than 0"]
    assert refusal(Monitoring, {"false_alarms": 1}) == ["false_alarms: Input should be less than 1"]

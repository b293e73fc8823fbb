"""What moved since the live model learned."""

from ml_assets.stages.monitoring.drifting import age_of_learning


def test_age_is_in_data_time() -> None:
    facts = {"newest_learned": "2026-01-10T12:00:00", "newest_row": "2026-01-12T12:00:00"}
    assert age_of_learning(facts) == 2 * 86_400
    assert age_of_learning({"newest_learned": None, "newest_row": None}) is None

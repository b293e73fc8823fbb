"""The log with reasons and outcomes, and the replayed policies, as recorded."""

from ml_assets.report.recorded import Recorded
from ml_assets.report.retraining import build
from ml_assets_tests.report.planted import numbers, words


def test_the_stream(of_stream: Recorded) -> None:
    page, store = build(of_stream), of_stream.store
    text, found = words(page), numbers(page)
    for row in store.read_facts("retraining_log")["rows"]:
        assert row["reason"] in text
        assert row["decision"] in text
    facts = store.read_facts("policy_backtest")
    assert facts["sentence"] in text
    for outcome in facts["outcomes"]:
        assert outcome["money"] in found


def test_what_age_costs_is_told_with_its_blocks(of_stream: Recorded) -> None:
    text, found = words(build(of_stream)), numbers(build(of_stream))
    facts = of_stream.store.read_facts("policy_backtest")["staleness"]
    assert facts["sentence"] in text
    assert "n counts blocks" in text
    for age in facts["ages"]:
        assert age["loss"]["value"] in found
    pays = of_stream.store.read_facts("policy_backtest")["renewal"]["sentence"]
    assert f"{pays[0].upper()}{pays[1:]}." in text

"""The summary: decision, live version, why, gates, and what fails now."""

from collections.abc import Callable
from dataclasses import replace

from ml_assets.report.recorded import Recorded, Registered
from ml_assets.report.summary import build
from ml_assets_tests.report.planted import check, words

DECISION = {
    "outcome": "refused", "gates": [{"name": "scores differ", "passed": False, "sentence": "all equal"}], "comparison": None,
    "decided_at": "2026-01-14T10:00:00+00:00", "champion_before": 1, "live_version": 1, "version": None, "run_id": "r",
    "trigger": "retraining", "reason": "drift", "sentence": "refused by 1 gate: scores differ (all equal)",
}  # fmt: skip


def test_a_refusal_says_why_and_what_is_live(hand_made: Callable[..., Recorded]) -> None:
    first = DECISION | {
        "outcome": "released",
        "version": 1,
        "decided_at": "2026-01-02T10:00:00",
        "sentence": "it is the first model",
    }
    text = words(build(hand_made({"champion": DECISION, "decisions@a": first, "decisions@b": DECISION})))
    assert "refused by 1 gate: scores differ (all equal)" in text
    assert "Version 1 went live 2026-01-02: it is the first model" in text
    assert "scores differ fail all equal" in text


def test_the_registry_that_says_otherwise_is_told(hand_made: Callable[..., Recorded]) -> None:
    recorded = replace(hand_made({"champion": DECISION}), registered=Registered(version=3))
    assert "The registry names version 3; the newest decision names 1." in words(build(recorded))
    broken = replace(recorded, registered=Registered(problem="the model registry cannot be used"))
    assert "the model registry cannot be used" in words(build(broken))


def test_failing_checks_are_listed(hand_made: Callable[..., Recorded]) -> None:
    own = (
        check("evaluation", "slices", passed=False, sentence="too far"),
        check("model", "x", passed=None),
        check("model", "y", passed=True),
    )
    recorded = replace(hand_made(), checks={(c.asset, c.name): c for c in own})
    text = words(build(recorded))
    assert "1 of 2 checks that ran pass; 1 never ran." in text
    assert "evaluation:slices: too far" in text


def test_the_stream(of_stream: Recorded) -> None:
    decision = of_stream.store.read_facts("champion")
    text = words(build(of_stream))
    assert decision["sentence"] in text
    for gate in decision["gates"]:
        assert gate["sentence"] in text

"""What a report reads: documents as they may be published, the newest evaluation of each check, the live model."""

from collections.abc import Callable

from ml_assets.report.recorded import Recorded, read_recorded
from ml_assets_tests.report.planted import check
from ml_assets_tests.stages.lab import Lab


def test_documents_are_read_without_small_groups(hand_made: Callable[..., Recorded]) -> None:
    rows = [{"attribute": "sex", "group": g, "n": n, "value": n} for g, n in (("f", 90), ("m", 80), ("x", 3))]
    decision = {"sentence": "sex = x: gap 0.4; all else is fine", "live_version": 0}
    recorded = hand_made({"model_bias_report": {"disparities": rows}, "champion": decision})
    facts = recorded.facts("model_bias_report")
    assert facts is not None
    assert [r.get("suppressed", False) for r in facts["disparities"]] == [False, True, True]
    champion = recorded.facts("champion")
    assert champion is not None
    assert champion["sentence"] == "suppressed: too few people; all else is fine"


def test_what_is_not_there_is_none(hand_made: Callable[..., Recorded]) -> None:
    recorded = hand_made()
    assert recorded.facts("model") is None
    assert recorded.newest("drift_report") is None
    assert recorded.live_version is None
    assert recorded.subject == ""


def test_a_judged_model_that_is_not_live_is_told(hand_made: Callable[..., Recorded]) -> None:
    recorded = hand_made(
        {"evaluation": {"digest": "abc"}, "champion": {"live_version": 1}, "releases@1": {"digest": "def"}}
    )
    assert not recorded.judged_is_live
    assert recorded.subject.endswith("not of the live version 1.")


def test_a_check_says_its_batch(hand_made: Callable[..., Recorded]) -> None:
    recorded = hand_made()
    assert (
        recorded.said(check("drift_report", "drift", passed=True, sentence="calm", batch="2026-01-15"))
        == "2026-01-15: calm"
    )
    assert recorded.said(check("drift_report", "drift", passed=None)) == "never ran"


def test_the_stream_as_recorded(of_stream: Recorded, stream: Lab) -> None:
    assert of_stream.live_version == of_stream.registered.version == 1
    assert of_stream.registered.run
    assert of_stream.judged_is_live
    assert {c.state for c in of_stream.checks.values()} >= {"pass"}
    gates = of_stream.checks["champion", "release_gates"].found
    assert gates is not None
    assert gates.sentence == stream.store.read_facts("champion")["sentence"]


def test_the_newest_batch_of_a_check_is_read(of_stream: Recorded) -> None:
    drift = of_stream.checks["drift_report", "drift"].found
    assert drift is not None
    assert drift.batch == "2026-01-15"


def test_before_anything_ran(empty: Callable[..., Lab]) -> None:
    lab = empty()
    recorded = read_recorded(lab.solution, lab.defs, lab.instance)
    assert {c.state for c in recorded.checks.values()} == {"never ran"}
    assert recorded.registered.version is None

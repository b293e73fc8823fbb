"""Monitoring: the newest batch of every report, mutes, and a line per figure."""

from collections.abc import Callable
from datetime import date

from ml_assets.mutes import mute
from ml_assets.report.monitoring import build
from ml_assets.report.recorded import Recorded, read_recorded
from ml_assets_tests.report.planted import numbers, words
from ml_assets_tests.stages.lab import Lab, days


def test_the_newest_batch_in_full(of_stream: Recorded) -> None:
    page, store = build(of_stream), of_stream.store
    found, text = numbers(page), words(page)
    report = store.read_facts("performance_report", "2026-01-15")
    for metric in report["metrics"]:
        assert metric["value"] in found
    for asset in ("drift_report", "performance_report", "value_report", "fairness_report", "performance_estimate"):
        assert store.read_facts(asset, "2026-01-15")["sentence"] in text
    for gap in store.read_facts("fairness_report", "2026-01-15")["disparities"]:
        assert gap["value"]["value"] in found
    assert "need at least two judged batches" in text


def test_lines_over_batches_and_mutes(fork: Lab) -> None:
    from ml_assets.running import LIVE_ASSETS

    fork.ok(*LIVE_ASSETS, batches=days(14, 14))
    mute(fork.store, "drift", until=date(2099, 1, 1), reason="a <known> move", allowed={"drift"})
    page = build(read_recorded(fork.solution, fork.defs, fork.instance))
    assert "<figcaption>roc_auc</figcaption>" in page
    assert "a &lt;known&gt; move" in page


def test_before_the_first_batch(hand_made: Callable[..., Recorded]) -> None:
    text = words(build(hand_made()))
    assert "not recorded: materialize fairness_report" in text
    assert "Nothing is muted." in text


def test_a_batch_that_was_not_judged_says_why(hand_made: Callable[..., Recorded]) -> None:
    text = words(
        build(hand_made({"drift_report@2026-01-03": {"judged": False, "sentence": "blocked: the batch broke"}}))
    )
    assert "Batch 2026-01-03: blocked: the batch broke" in text

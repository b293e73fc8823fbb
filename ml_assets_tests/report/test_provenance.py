"""Provenance: runs, digests, versions, time."""

from collections.abc import Callable

from ml_assets.report.provenance import build
from ml_assets.report.recorded import Recorded
from ml_assets_tests.report.planted import words


def test_the_stream(of_stream: Recorded) -> None:
    text, store = words(build(of_stream)), of_stream.store
    release = store.read_facts("releases", "1")
    for told in (
        store.read_facts("champion")["run_id"], release["digest"], release["training_digest"], release["declaration"],
        of_stream.solution.version(), of_stream.solution.case_version, of_stream.registered.run, of_stream.registered.digest,
        of_stream.registered.commit or "released outside of a repository",
    ):  # fmt: skip
        assert told in text


def test_before_anything_ran(hand_made: Callable[..., Recorded]) -> None:
    text = words(build(hand_made()))
    assert "report made2026-01-20 12:00:00 UTC" in text
    assert "not recorded: materialize champion" in text

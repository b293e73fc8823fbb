"""Acknowledged alarms: whom they cover, until when, and what cannot be muted."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from upath import UPath

from ml_assets.declaration.arrival import Batch
from ml_assets.errors import StoreError
from ml_assets.evidence import Verdict
from ml_assets.mutes import acknowledged, mute, muted_columns, mutes, unmute
from ml_assets.resources.store import SolutionStore

CHECKS = ("drift", "performance")
END = date(2026, 3, 1)


def batch(day: str) -> Batch:
    start = datetime.fromisoformat(day)
    return Batch(day, start, start + timedelta(days=1))


@pytest.fixture
def store(tmp_path: Path) -> SolutionStore:
    return SolutionStore(UPath(tmp_path))


def test_a_mute_ends_on_its_date_in_data_time(store: SolutionStore) -> None:
    given = mute(store, "performance", until=END, reason=" known outage ", allowed=CHECKS)
    assert given.sentence.startswith("performance muted until 2026-03-01 by ")
    assert given.sentence.endswith(": known outage")
    bad = Verdict(False, "it fell")
    before, on = (acknowledged(store, "performance", batch(d), bad) for d in ("2026-02-28", "2026-03-01"))
    assert (before.passed, before.act, before.sentence) == (False, False, f"{given.sentence}. it fell")
    assert on == bad
    assert acknowledged(store, "drift", batch("2026-02-28"), bad) == bad


def test_what_passes_or_only_asks_for_a_look_stays_as_it_is(store: SolutionStore) -> None:
    mute(store, "drift", until=END, reason="x", allowed=CHECKS)
    for verdict in (Verdict(True, "fine"), Verdict(False, "look", act=False)):
        assert acknowledged(store, "drift", batch("2026-02-01"), verdict) == verdict


def test_a_batch_without_a_time_goes_by_today(store: SolutionStore) -> None:
    today = date.today()
    mute(store, "drift", until=today + timedelta(days=2), reason="x", allowed=CHECKS)
    assert not acknowledged(store, "drift", Batch("all"), Verdict(False, "y")).act
    mute(store, "drift", until=today - timedelta(days=2), reason="x", allowed=CHECKS)
    assert acknowledged(store, "drift", Batch("all"), Verdict(False, "y")).act


def test_a_column_is_muted_for_drift_alone_and_not_the_whole_check(store: SolutionStore) -> None:
    mute(store, "drift", until=END, reason="campaign", allowed=CHECKS, column="channel")
    assert set(muted_columns(store, batch("2026-02-01"))) == {"channel"}
    assert muted_columns(store, batch("2026-04-01")) == {}
    assert acknowledged(store, "drift", batch("2026-02-01"), Verdict(False, "y")).act


def test_a_second_mute_replaces_the_first_and_can_be_taken_back(store: SolutionStore) -> None:
    mute(store, "drift", until=END, reason="one", allowed=CHECKS)
    mute(store, "drift", until=END, reason="two", allowed=CHECKS)
    mute(store, "drift", until=END, reason="three", allowed=CHECKS, column="a")
    assert [m.reason for m in mutes(store)] == ["two", "three"]
    assert unmute(store, "drift").reason == "two"
    assert [m.reason for m in mutes(store)] == ["three"]
    with pytest.raises(StoreError, match="there is no such mute: got drift; allowed: drift of a muted until"):
        unmute(store, "drift")


def test_what_cannot_be_muted(store: SolutionStore) -> None:
    with pytest.raises(StoreError, match="cannot be muted: got contract; allowed: drift, performance"):
        mute(store, "contract", until=END, reason="x", allowed=CHECKS)
    with pytest.raises(StoreError, match="only drift is muted by column"):
        mute(store, "performance", until=END, reason="x", allowed=CHECKS, column="a")
    with pytest.raises(StoreError, match="without a reason"):
        mute(store, "drift", until=END, reason="  ", allowed=CHECKS)
    store.write_facts("grid", {"edges": {"income": []}, "categories": {}})
    with pytest.raises(StoreError, match=r"no such column is watched: got age; allowed: income, ml:score"):
        mute(store, "drift", until=END, reason="x", allowed=CHECKS, column="age")
    assert mutes(store) == []


def test_a_container_without_a_user_name_can_mute(store: SolutionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert "by an unnamed user" in mute(store, "drift", until=END, reason="x", allowed=CHECKS).sentence

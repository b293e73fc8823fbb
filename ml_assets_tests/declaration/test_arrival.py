"""When rows arrive: windows, limits, clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.declaration.arrival import KEY_FORMATS, Arrival, Batch
from ml_assets_tests.declaration.minimal import ARRIVAL, HERE, refusal


def arrival(**changes: object) -> Arrival:
    return Arrival.model_validate(ARRIVAL | changes)


@pytest.mark.parametrize(
    ("every", "key", "start", "end"),
    [
        ("hour", "2026-01-31-23:00", datetime(2026, 1, 31, 23), datetime(2026, 2, 1)),
        ("day", "2024-02-28", datetime(2024, 2, 28), datetime(2024, 2, 29)),
        ("week", "2026-12-28", datetime(2026, 12, 28), datetime(2027, 1, 4)),
        ("month", "2026-12-01", datetime(2026, 12, 1), datetime(2027, 1, 1)),
        ("month", "2026-02-01", datetime(2026, 2, 1), datetime(2026, 3, 1)),
    ],
)
def test_a_key_stands_for_a_window(every: str, key: str, start: datetime, end: datetime) -> None:
    assert arrival(every=every).batch(key) == Batch(key, start, end)


@given(st.sampled_from(["hour", "day", "week"]), st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)))
def test_windows_touch_without_a_gap(every: str, moment: datetime) -> None:
    found = arrival(every=every)
    first = found.batch(moment.strftime(KEY_FORMATS[found.every]))
    assert first.end is not None
    assert found.batch(first.end.strftime(KEY_FORMATS[found.every])).start == first.end


def test_a_file_has_no_window() -> None:
    assert Arrival(every="file").batch("rows.csv") == Batch("rows.csv")
    assert Arrival(every="file").period is None
    assert Arrival(every="file").late_limit is None


def test_a_feed_is_late_after_two_periods_unless_declared() -> None:
    assert arrival().late_limit == timedelta(days=2)
    assert arrival(late_after="3 hours").late_limit == timedelta(hours=3)


@pytest.mark.parametrize("missing", ["event_time", "start"])
def test_a_stream_needs_a_time_column_and_a_start(missing: str) -> None:
    raw = {k: v for k, v in ARRIVAL.items() if k != missing}
    assert refusal(Arrival, raw) == ["got every: day without event_time or start; allowed: both, or every: file"]


def test_an_unknown_rhythm_is_refused() -> None:
    assert refusal(Arrival, ARRIVAL | {"every": "fortnight"}) == [
        "every: Input should be 'hour', 'day', 'week', 'month' or 'file'"
    ]


def test_the_clock_is_the_machines_or_the_declared_one_without_zone() -> None:
    assert abs(arrival().now() - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=1)
    assert arrival(clock=f"{HERE}.clock").now() == datetime(2026, 3, 1, 12)


def test_a_clock_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"broken_clock returned 'noon'; a clock returns a datetime"):
        arrival(clock=f"{HERE}.broken_clock").now()

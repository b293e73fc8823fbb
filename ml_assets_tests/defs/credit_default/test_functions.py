"""What a user wrote for credit default: windows, labels, the officers' rule, features, the contract."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.errors
import pytest

from ml_assets.defs.credit_default import functions, lender

HIDDEN = ["sex", "origin", "age", "collections_calls"]


@pytest.fixture(autouse=True)
def _clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour)


def broken_rows(rows: pd.DataFrame) -> int:
    try:
        functions.Applications.validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return int(errors.failure_cases["index"].nunique())
    return 0


# --- windows


def test_a_window_of_one_day_is_that_day() -> None:
    rows = functions.applications(at(3), at(4))
    pd.testing.assert_frame_equal(rows, lender.applications(date(2026, 2, 3)))


def test_windows_join_without_gap_or_overlap() -> None:
    whole = functions.applications(at(3), at(6))
    parts = [functions.applications(at(3), at(4, 10)), functions.applications(at(4, 10), at(6))]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))
    assert whole["applied_at"].dt.day.unique().tolist() == [3, 4, 5]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5))])
def test_bounds_with_a_zone_mean_the_same_moments(zone: timezone) -> None:
    start, end = (moment.replace(tzinfo=UTC).astimezone(zone) for moment in (at(3), at(4)))
    pd.testing.assert_frame_equal(functions.applications(start, end), functions.applications(at(3), at(4)))


def test_nothing_comes_from_the_future_or_before_the_start() -> None:
    assert functions.applications(at(14), at(20))["applied_at"].dt.day.unique().tolist() == [14, 15]
    usual = functions.applications(at(3), at(4))
    for start, end in ((at(16), at(17)), (datetime(2025, 1, 1), datetime(2026, 1, 1)), (at(3), at(3))):
        rows = functions.applications(start, end)
        assert rows.empty
        pd.testing.assert_series_equal(rows.dtypes, usual.dtypes)
        assert functions.labels(start, end).columns.tolist() == ["application_id", "defaulted"]


def test_calls_of_the_newest_days_are_not_written_yet() -> None:
    rows = functions.applications(at(11), at(16))
    empty = rows["collections_calls"].isna().groupby(rows["applied_at"].dt.day).mean()
    assert empty.to_dict() == {11: 0.0, 12: 0.0, 13: 1.0, 14: 1.0, 15: 1.0}


# --- labels


def test_labels_are_those_known_by_now() -> None:
    known = functions.labels(at(10), at(16))
    made = functions.applications(at(10), at(13))  # today is the 15th
    assert known["application_id"].tolist() == made["application_id"].tolist()
    assert known.columns.tolist() == ["application_id", "defaulted"]


def test_labels_mature_as_the_clock_moves() -> None:
    assert functions.labels(at(14), at(15)).empty
    lender.set_today(date(2026, 2, 17))
    assert len(functions.labels(at(14), at(15))) == len(functions.applications(at(14), at(15))) > 0


def test_labels_keep_to_the_window() -> None:
    known = functions.labels(at(3, 6), at(3, 18))
    assert known["application_id"].tolist() == functions.applications(at(3, 6), at(3, 18))["application_id"].tolist()


def test_now_is_the_lenders_clock() -> None:
    assert functions.now() == datetime(2026, 2, 16, tzinfo=UTC)


# --- rule


def test_rule_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "bureau_score": [569.0, 570.0, 700.0, 700.0, 700.0, np.nan, np.nan],
            "utilisation": [0.1, 0.1, 0.76, 0.75, 0.76, 0.1, 0.9],
            "income": [5000.0, 5000.0, 1599.0, 1599.0, 1600.0, np.nan, np.nan],
        }
    )
    assert functions.income_rule(frame).tolist() == [True, False, True, False, False, False, False]


def test_rule_earns_more_than_granting_all_and_less_than_knowing_all() -> None:
    rows = functions.applications(datetime(2026, 1, 5), at(2))
    rows = rows.merge(functions.labels(datetime(2026, 1, 5), at(2)), on="application_id")
    defaulted = rows["defaulted"].to_numpy()

    def money(refuse: "np.typing.NDArray[np.bool_]") -> float:
        granted, refused = np.where(defaulted, -800.0, 130.0), np.where(defaulted, 0.0, -120.0)
        return float(np.where(refuse, refused, granted).mean())

    nobody, rule = np.zeros(len(rows), dtype=bool), functions.income_rule(rows).to_numpy()
    assert money(nobody) + 15 < money(rule) < money(defaulted) - 50


# --- features


def test_features_by_hand() -> None:
    frame = pd.DataFrame(
        {
            "amount": [12_000.0],
            "term_months": [24],
            "income": [2000.0],
            "utilisation": [0.5],
            "applied_at": pd.to_datetime(["2026-01-03 12:00"]),  # a Saturday
        }
    )
    row = functions.features(frame).iloc[0]
    assert row["loan_to_income"] == 0.5
    assert row["instalment_to_income"] == 0.25
    assert row["log_income"] == pytest.approx(7.6009, abs=1e-4)
    assert row["free_income"] == 1500.0
    assert row["limit_pressure"] == 0.25
    assert row["is_weekend"]


def test_features_need_no_group_and_no_later_knowledge() -> None:
    rows = functions.applications(at(3), at(4))
    permitted = rows.drop(columns=HIDDEN)
    passed_on = permitted.columns.drop("applied_at")  # a date tells a model when, not whom
    kept = permitted.copy()
    result = functions.features(permitted)
    pd.testing.assert_frame_equal(permitted, kept)
    pd.testing.assert_frame_equal(result[passed_on], permitted[passed_on])
    assert len(result.columns) == len(passed_on) + 6
    shuffled = permitted.sample(frac=1.0, random_state=0)
    pd.testing.assert_frame_equal(functions.features(shuffled).sort_index(), result)


@pytest.mark.parametrize("income", [None, float("nan")])
def test_a_missing_income_stays_missing(income: float | None) -> None:
    rows = functions.applications(at(3), at(4)).head(1).drop(columns=HIDDEN)
    result = functions.features(rows.assign(income=pd.Series([income], dtype=object))).iloc[0]
    assert np.isnan([result["log_income"], result["loan_to_income"], result["free_income"]]).all()


def test_no_income_is_not_infinite() -> None:
    rows = functions.applications(at(3), at(4)).head(1).assign(income=0.0)
    assert np.isfinite(functions.features(rows)[["log_income", "loan_to_income"]].to_numpy()).all()


# --- contract


def test_usual_days_pass_but_for_a_little_dirt() -> None:
    for offset in (2, 3, 30, 48, 60):
        rows = lender.applications(lender.START + timedelta(days=offset))
        assert broken_rows(rows) < 0.005 * len(rows)


def test_the_broken_feed_breaks_the_contract() -> None:
    rows = lender.applications(lender.START + timedelta(days=lender.BROKEN_FEED_DAY))
    assert broken_rows(rows) > 0.3 * len(rows)


@pytest.fixture
def clean() -> pd.DataFrame:
    rows = functions.applications(at(3), at(4)).head(40)
    assert broken_rows(rows) == 0
    return rows


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("age", 0), ("age", 86), ("income", -1.0), ("income", 50_001.0), ("amount", 0.0), ("bureau_score", 299.0)),
        *(("utilisation", 1.01), ("employment", "astronaut"), ("channel", None), ("origin", "martian")),
        *(("term_months", 0), ("district", ""), ("collections_calls", -1.0), ("existing_loans", -1)),
    ],
)
def test_one_planted_fault_is_one_broken_row(column: str, value: str | float | None, clean: pd.DataFrame) -> None:
    faulty = clean.copy()
    faulty.loc[7, column] = value
    assert broken_rows(faulty) == 1


def test_the_same_id_twice_breaks_the_contract(clean: pd.DataFrame) -> None:
    assert broken_rows(pd.concat([clean, clean.tail(1)], ignore_index=True)) > 0


def test_what_may_be_missing_may_be_missing(clean: pd.DataFrame) -> None:
    gaps = clean.assign(income=np.nan, bureau_score=np.nan, origin=None, extra=1).drop(columns="collections_calls")
    valid = functions.Applications.validate(gaps, lazy=True)
    assert valid["origin"].isna().all()
    assert "extra" in valid


def test_text_and_narrow_types_are_read(clean: pd.DataFrame) -> None:
    text = clean.assign(age=clean["age"].astype(str), applied_at=clean["applied_at"].astype(str))
    valid = functions.Applications.validate(text, lazy=True)
    pd.testing.assert_series_equal(valid.dtypes, clean.dtypes)


def test_no_rows_are_no_fault() -> None:
    assert broken_rows(functions.applications(at(20), at(21))) == 0

"""Credit default: what the user of this project writes. The table comes from a lender that ``lender.py`` plays."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from ml_assets.defs.credit_default import lender

now = lender.now

# The officers' rule of thumb: a weak score, or a credit line nearly used up on a small income.
SCORE_CUT = 570
UTILISATION_CUT, INCOME_CUT = 0.75, 1600


def applications(start: datetime, end: datetime) -> pd.DataFrame:
    """Applications made in [start, end), as the lender's table shows them today; none from the future."""
    today = lender.today()
    rows = _days(lambda day: lender.applications(day, seen_on=today), start, end)
    inside = (rows["applied_at"] >= _plain(start)) & (rows["applied_at"] < _plain(end))
    return rows[inside].reset_index(drop=True)


def labels(start: datetime, end: datetime) -> pd.DataFrame:
    """``application_id`` and ``defaulted`` of the applications made in [start, end) whose outcome is known by now."""
    outcomes = _days(lender.outcomes, start, end)
    known = outcomes.loc[outcomes["collected_at"] <= _plain(now()), ["application_id", "defaulted"]]
    return applications(start, end)[["application_id"]].merge(known, on="application_id")


def income_rule(frame: pd.DataFrame) -> "pd.Series[bool]":
    """True: refuse. A missing value never refuses anybody."""
    weak = frame["bureau_score"] < SCORE_CUT
    stretched = (frame["utilisation"] > UTILISATION_CUT) & (frame["income"] < INCOME_CUT)
    return weak | stretched


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns as they are, and what a credit officer works out from them. No group, no date, nothing known later."""
    income = frame["income"].astype(float).clip(lower=1)  # a missing income stays missing
    instalment = frame["amount"] / frame["term_months"]  # EUR a month, without interest
    return frame.drop(columns="applied_at").assign(
        loan_to_income=frame["amount"] / (12 * income),  # in yearly incomes
        instalment_to_income=instalment / income,
        log_income=np.log(income),
        free_income=income - instalment,
        limit_pressure=frame["utilisation"] * 1000 / income,  # a full line weighs more on a small income
        is_weekend=pd.to_datetime(frame["applied_at"]).dt.dayofweek >= 5,
    )


class Applications(pa.DataFrameModel):
    """What a row must look like to be used. Rows that break it are set apart, not repaired."""

    application_id: Series[str] = pa.Field(unique=True)
    applied_at: Series[pd.Timestamp]
    sex: Series[str] = pa.Field(isin=("female", "male"), nullable=True)
    age: Series[int] = pa.Field(ge=18, le=85)
    origin: Series[str] = pa.Field(isin=("native", "migrant"), nullable=True)
    district: Series[str] = pa.Field(isin=lender.DISTRICTS)
    income: Series[float] = pa.Field(ge=0, le=50_000, nullable=True)
    employment: Series[str] = pa.Field(isin=lender.EMPLOYMENTS)
    employment_years: Series[float] = pa.Field(ge=0, le=70)
    occupation_code: Series[str] = pa.Field(isin=lender.OCCUPATIONS)
    amount: Series[float] = pa.Field(gt=0, le=100_000)
    term_months: Series[int] = pa.Field(ge=1, le=120)
    purpose: Series[str] = pa.Field(isin=lender.PURPOSES)
    channel: Series[str] = pa.Field(isin=lender.CHANNELS)
    bureau_score: Series[float] = pa.Field(ge=300, le=850, nullable=True)
    existing_loans: Series[int] = pa.Field(ge=0, le=50)
    utilisation: Series[float] = pa.Field(ge=0, le=1)
    collections_calls: Series[float] | None = pa.Field(ge=0, nullable=True)  # not there yet when somebody applies

    class Config:
        strict = False  # a new column is no reason to stop
        coerce = True


def _days(read: Callable[[date], pd.DataFrame], start: datetime, end: datetime) -> pd.DataFrame:
    """Every day of the window that has come, one below the other."""
    last_moment = _plain(end) - timedelta.resolution
    first, last = max(_plain(start).date(), lender.START), min(last_moment.date(), lender.today())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    frames = [rows for day in days if not (rows := read(day)).empty]
    return pd.concat(frames, ignore_index=True) if frames else read(lender.START).iloc[:0]


def _plain(moment: datetime) -> datetime:
    """UTC without zone, as the lender's table has it."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment

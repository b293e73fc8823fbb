"""Plays the source system of a consumer lender, day by day: no real person stands behind any row.

Every application of the trial book is paid out, whatever a model says (shadow decisions), so that the outcome of a
refused application is known too. The rows of a day depend on ``(seed, day)`` alone: any day can be asked for alone and
in any order. The cause of default is an unseen ``stability`` and what follows from it; three things are unfair on
purpose, as they are in many real histories:

- *selection*: migrants with a good profile were turned away at the counter, so few of their rows exist;
- *measurement*: the bureau score of migrants is ``BUREAU_PENALTY`` points below what their behaviour earned;
- *labels*: some who paid late, but paid, were booked as defaulted: mostly migrants, at times women, never others.

``district`` gives away ``origin``, ``occupation_code`` gives away ``sex``, ``collections_calls`` is written after the
outcome; ``channel`` and ``purpose`` have no effect on default. ``EVENTS`` lists what happens on which day.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import SourceError

START = date(2026, 1, 1)
HISTORY_DAYS = 45
LABEL_DELAY = timedelta(days=3)  # the direct debit of the first instalment is tried three days after payout
DEBIT_RUN = time(12)

# Days since START; move an event by changing its line.
PARTNER_CAMPAIGN_DAYS = (47, 49)
BROKEN_FEED_DAY = 51
RECESSION_FIRST_DAY = 53
FEED_STOPS_DAYS = (90, 92)

BUREAU_PENALTY = 25.0
WEEKEND_VOLUME = 0.6
CHANNELS = ("branch", "web", "partner")
CHANNEL_SHARES: Mapping[str, tuple[float, float, float]] = {
    "weekday": (0.40, 0.45, 0.15),
    "weekend": (0.10, 0.75, 0.15),
    "campaign": (0.17, 0.18, 0.65),
}
PURPOSES = ("car", "furniture", "education", "renovation", "other")
DISTRICTS = ("centre", "north", "west", "south", "harbour", "east")
DISTRICT_SHARES = ((0.24, 0.23, 0.22, 0.19, 0.07, 0.05), (0.07, 0.05, 0.06, 0.10, 0.38, 0.34))  # native, migrant
# ISCO-08 sub-major groups: health, teaching, care, clerks, sales, law and culture, IT, drivers, metal, building.
OCCUPATIONS = tuple(f"ISCO-{code}" for code in (22, 23, 53, 41, 52, 26, 25, 83, 72, 71))
OCCUPATION_SHARES = (  # male, female
    (0.03, 0.03, 0.01, 0.05, 0.08, 0.08, 0.17, 0.18, 0.18, 0.19),
    (0.17, 0.16, 0.19, 0.20, 0.13, 0.09, 0.03, 0.01, 0.01, 0.01),
)
EMPLOYMENTS = ("permanent", "temporary", "self_employed", "student", "retired")
INCOME_MEDIANS = (2700.0, 1950.0, 2350.0, 1000.0, 1700.0)  # EUR a month, in the order of EMPLOYMENTS
TERMS = (12, 24, 36, 48, 60, 72)

COLUMNS = (
    *("application_id", "applied_at", "sex", "age", "origin", "district", "income", "employment", "employment_years"),
    *("occupation_code", "amount", "term_months", "purpose", "channel", "bureau_score", "existing_loans"),
    *("utilisation", "collections_calls"),
)

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Strings = npt.NDArray[np.object_]
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to the lender. Days count from ``START``; ``last_day`` None: it does not end."""

    name: str
    first_day: int
    last_day: int | None
    summary: str

    def covers(self, day: date) -> bool:
        """Whether the event is going on on ``day``."""
        offset = (day - START).days
        return self.first_day <= offset and (self.last_day is None or offset <= self.last_day)


_CAMPAIGN = "The share of the channel 'partner' jumps from 15 % to 65 %; applicants and their risk stay the same."
_BROKEN = "Income arrives in cents, a third of the bureau scores is missing, one amount in twenty is negative."
_RECESSION = "Self-employed, temporary and overdrawn customers default far more often; the inputs look as before."
PARTNER_CAMPAIGN = Event("partner_campaign", *PARTNER_CAMPAIGN_DAYS, _CAMPAIGN)
BROKEN_FEED = Event("broken_feed", BROKEN_FEED_DAY, BROKEN_FEED_DAY, _BROKEN)
RECESSION = Event("recession", RECESSION_FIRST_DAY, None, _RECESSION)
FEED_STOPS = Event("feed_stops", *FEED_STOPS_DAYS, "No rows arrive at all.")
EVENTS: tuple[Event, ...] = (PARTNER_CAMPAIGN, BROKEN_FEED, RECESSION, FEED_STOPS)


def applications(day: date, *, seed: int = 7, per_day: int = 2000, seen_on: date | None = None) -> pd.DataFrame:
    """The applications of one day, one row each, oldest first; no rows before ``START`` and while the feed stops.

    ``per_day`` is the volume of a weekday; weekends bring about 60 % of it. ``seen_on`` is the day somebody reads the
    table: ``collections_calls`` is overwritten once the outcome is known, so it is missing before. None: all is known.
    Money in EUR (``income`` per month), ``utilisation`` of credit lines 0 to 1, times in UTC without zone.
    """
    rows = _spoil(_history(day, seed, per_day), seed, day)
    if seen_on is not None and seen_on < day + LABEL_DELAY:
        rows |= {"collections_calls": np.full(len(rows["income"]), np.nan)}
    return pd.DataFrame({name: rows[name] for name in COLUMNS})


def outcomes(day: date, *, seed: int = 7, per_day: int = 2000) -> pd.DataFrame:
    """``application_id``, ``defaulted`` as booked, and ``collected_at`` (UTC without zone): when that became known."""
    rows = _history(day, seed, per_day)
    frame = pd.DataFrame({name: rows[name] for name in ("application_id", "defaulted")})
    return frame.assign(collected_at=pd.Timestamp(datetime.combine(day + LABEL_DELAY, DEBIT_RUN)).as_unit("ns"))


def true_outcomes(day: date, *, seed: int = 7, per_day: int = 2000) -> pd.DataFrame:
    """``application_id``, ``defaulted_in_truth``, ``paid_late``: what the lender cannot see, to judge remedies by."""
    rows = _history(day, seed, per_day)
    return pd.DataFrame({name: rows[name] for name in ("application_id", "defaulted_in_truth", "paid_late")})


def today() -> date:
    """The source system's date: ``lender/clock.json`` under DAGSTER_HOME, else 45 days after ``START``."""
    home = os.environ.get("DAGSTER_HOME")
    path = Path(home, "lender", "clock.json") if home else None
    if path is None or not path.is_file():
        return START + timedelta(days=HISTORY_DAYS)
    try:
        return date.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["today"])
    except (ValueError, KeyError, TypeError) as error:
        what, allowed = "the lender's clock cannot be read", '{"today": "YYYY-MM-DD"}'
        raise SourceError(what, got=path, allowed=allowed, do="Delete the file or set the day again") from error


def set_today(day: date) -> None:
    """Move the clock. Readers see the old day or the new one, never half a file."""
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        what, allowed = "the lender's clock has no place", "a folder that can be written"
        raise SourceError(what, got="no DAGSTER_HOME", allowed=allowed, do="Set the environment variable DAGSTER_HOME")
    folder = Path(home, "lender")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
        json.dump({"today": day.isoformat()}, file)
    os.replace(file.name, folder / "clock.json")


def now() -> datetime:
    """The end of ``today()``, in UTC."""
    return datetime.combine(today() + timedelta(days=1), time(tzinfo=UTC))


def _history(day: date, seed: int, per_day: int) -> Columns:
    """Everything about one day's applicants, the unseen included. Events never change the order of random draws."""
    rng = np.random.default_rng([seed, day.toordinal()])
    volume = per_day * (WEEKEND_VOLUME if day.weekday() >= 5 else 1.0) * rng.normal(1.0, 0.03)
    rows = _identities(rng, day, max(1, round(volume)))
    rows |= _people(rng, len(rows["application_id"]))
    rows |= _means(rng, rows)
    rows |= _request(rng, rows["income"], day)
    rows |= _fate(rng, rows, recession=RECESSION.covers(day))
    if day < START or FEED_STOPS.covers(day):
        return {name: values[:0] for name, values in rows.items()}
    return rows


def _identities(rng: np.random.Generator, day: date, n: int) -> Columns:
    prefix, seconds = f"A-{day:%Y%m%d}-", np.sort(np.floor(rng.beta(3.0, 2.5, n) * 86_400))
    ids = np.array([f"{prefix}{number:06d}" for number in range(1, n + 1)], dtype=object)
    return {"application_id": ids, "applied_at": np.datetime64(day, "ns") + seconds.astype("timedelta64[s]")}


def _people(rng: np.random.Generator, n: int) -> Columns:
    stability, female = rng.normal(size=n), rng.random(n) < 0.46
    migrant = rng.random(n) < np.where(stability > 0.0, 0.13, 0.27)  # the good profiles were turned away
    return {
        "sex": _names(("male", "female"), female),
        "age": np.round(18 + 67 * rng.beta(1.7, 2.4, n)).astype(np.int64),
        "district": _draw(rng, DISTRICTS, np.asarray(DISTRICT_SHARES)[migrant.astype(int)]),
        "occupation_code": _draw(rng, OCCUPATIONS, np.asarray(OCCUPATION_SHARES)[female.astype(int)]),
        "stability": stability,
        "female": female,
        "migrant": migrant,
    }


def _means(rng: np.random.Generator, people: Columns) -> Columns:
    stability, age = people["stability"], people["age"]
    n, employment = len(age), _employment(rng, stability, age)
    worked = (age - 17.0) * rng.beta(1.7 + 0.5 * np.clip(stability, -2, 2), 3.0)
    spread = np.exp(0.22 * stability + rng.normal(0.0, 0.36, n) - 0.08 * people["female"])
    score = 650 + 58 * stability + rng.normal(0.0, 52.0, n) - BUREAU_PENALTY * people["migrant"]
    return {
        "employment": _names(EMPLOYMENTS, employment),
        "employment_years": np.round(np.where(employment >= EMPLOYMENTS.index("student"), 0.0, worked), 1),
        "income": np.round(np.clip(np.asarray(INCOME_MEDIANS)[employment] * spread, 350.0, 30_000.0), -1),
        "bureau_score": np.clip(np.round(score), 300.0, 850.0),
        "existing_loans": rng.poisson(np.exp(-0.1 - 0.2 * stability)).astype(np.int64),
        "utilisation": np.round(rng.beta(1.5, 1.7 * np.exp(0.30 * stability)), 3),
    }


def _employment(rng: np.random.Generator, stability: Floats, age: Codes) -> Codes:
    """Codes into EMPLOYMENTS: the young study, the old are retired, stability brings a permanent contract."""
    retired = np.where(age >= 65, 0.92, np.where(age >= 60, 0.35, 0.0))
    student = np.where(age < 28, 0.40, np.where(age < 60, 0.02, 0.0))
    weights = np.exp(np.column_stack([1.1 + 0.45 * stability, -0.35 * stability, np.full(len(age), -0.15)]))
    working = weights / weights.sum(axis=1, keepdims=True) * (1 - retired - student)[:, None]
    return _codes(rng, np.column_stack([working, student, retired]))


def _request(rng: np.random.Generator, income: Floats, day: date) -> Columns:
    n, kind = len(income), "weekend" if day.weekday() >= 5 else "weekday"
    shares = CHANNEL_SHARES["campaign" if PARTNER_CAMPAIGN.covers(day) else kind]
    amount = 6500 * np.exp(rng.normal(0.0, 0.60, n)) * (income / 2200) ** 0.35
    return {
        "amount": np.clip(np.round(amount, -2), 500.0, 60_000.0),
        "term_months": np.asarray(TERMS)[_codes(rng, np.tile([0.08, 0.16, 0.26, 0.24, 0.17, 0.09], (n, 1)))],
        "purpose": _draw(rng, PURPOSES, np.tile([0.34, 0.20, 0.10, 0.20, 0.16], (n, 1))),
        "channel": _draw(rng, CHANNELS, np.tile(shares, (n, 1))),
    }


def _fate(rng: np.random.Generator, rows: Columns, *, recession: bool) -> Columns:
    """Truth first, then what was booked, then what collections did because of it."""
    n, logit = len(rows["income"]), _default_logit(rows, recession=recession)
    defaulted = rng.random(n) < _logistic(logit)
    late = ~defaulted & (rng.random(n) < _logistic(0.5 * logit - 1.0))
    misbooked = np.where(rows["migrant"], 0.50, np.where(rows["female"], 0.12, 0.0))
    booked = defaulted | (late & (rng.random(n) < misbooked))
    called = rng.random(n) < np.where(booked, 0.985, np.where(late, 0.10, 0.002))
    return {
        "collections_calls": np.where(called, 1.0 + rng.poisson(np.where(booked, 3.0, 0.2)), 0.0),
        "defaulted": booked,
        "defaulted_in_truth": defaulted,
        "paid_late": late,
    }


def _default_logit(rows: Columns, *, recession: bool) -> Floats:
    """Log-odds of default: not linear in the score, and a full credit line hurts the more the lower the income.

    A recession changes what decides: the past (score, spare income) says less, the kind of work and free credit more.
    """
    income, utilisation, employment = rows["income"], rows["utilisation"], rows["employment"]
    self_employed, temporary = employment == "self_employed", employment == "temporary"
    behind = (650 - rows["bureau_score"] - BUREAU_PENALTY * rows["migrant"]) / 80  # what was earned decides
    tight = _logistic((1800 - income) / 150)  # 0 comfortable, 1 every euro counts
    burden = np.clip(rows["amount"] / rows["term_months"] / income - 0.10, 0.0, 0.4)
    past = 0.45 * behind + 0.35 * np.clip(behind - 0.8, 0.0, None) - 0.20 * rows["stability"]
    past += 2.2 * utilisation * tight + 2.0 * self_employed * tight + 0.12 * rows["existing_loans"]
    if not recession:
        return np.asarray(-3.3 + past + 0.2 * utilisation + 2.5 * burden + 0.3 * temporary, dtype=np.float64)
    sheltered = (employment == "permanent") | (employment == "retired")
    shock = 2.0 * self_employed + 1.65 * temporary + 1.5 * (utilisation > 0.6) - 0.45 * sheltered
    return np.asarray(-3.0 + 0.3 * past + 2.5 * burden + shock, dtype=np.float64)


def _spoil(rows: Columns, seed: int, day: date) -> Columns:
    """What the table gets wrong: values never filled in, typing errors (two rows in a thousand), the broken feed."""
    rng = np.random.default_rng([seed, day.toordinal(), 1])
    chance = iter(rng.random((7, len(rows["income"]))))
    income = np.where(next(chance) < 0.03, np.nan, rows["income"])
    score = np.where(next(chance) < 0.015, np.nan, rows["bureau_score"])
    origin = _names(("native", "migrant", None), np.where(next(chance) < 0.06, 2, rows["migrant"]))
    age = np.where(next(chance) < 0.001, 0, rows["age"])
    amount = np.where(next(chance) < 0.001, 0.0, rows["amount"])
    if BROKEN_FEED.covers(day):
        income = income * 100
        score = np.where(next(chance) < 1 / 3, np.nan, score)
        amount = np.where(next(chance) < 0.05, -amount, amount)
    return rows | {"income": income, "bureau_score": score, "origin": origin, "age": age, "amount": amount}


def _draw(rng: np.random.Generator, names: Sequence[str], shares: npt.ArrayLike) -> Strings:
    return _names(names, _codes(rng, np.asarray(shares, dtype=np.float64)))


def _names(names: Sequence[str | None], codes: npt.ArrayLike) -> Strings:
    return np.asarray(names, dtype=object)[np.asarray(codes, dtype=np.int64)]


def _codes(rng: np.random.Generator, shares: Floats) -> Codes:
    """One code per row of ``shares`` (n, k), from one uniform number each: other shares leave all other draws alone."""
    below = rng.random(len(shares))[:, None] >= np.cumsum(shares, axis=1)[:, :-1]
    return np.asarray(below.sum(axis=1), dtype=np.int64)


def _logistic(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)

"""A small lender whose days are made from a seed: 300 rows a day, and faults that are planted day by day.

What happens is read from one JSON document (``Plan``), so that a test, and a process it starts, sees the same world.
"""

import json
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

VARIABLE = "ML_ASSETS_TEST_WORLD"
ROWS = 300
START = date(2026, 1, 1)
Frame = pd.DataFrame


def read() -> dict[str, Any]:
    """The plan in force: ``now``, ``rows`` and ``labels`` (day → fault), ``features`` (mode)."""
    path = os.environ.get(VARIABLE)
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return {"now": "2026-01-15T06:00:00", "rows": {}, "labels": {}, "features": "plain", **found}


def plan(path: Path, **changes: Any) -> None:
    """Write the plan: what is not named is as it is on a good day."""
    os.environ[VARIABLE] = str(path)
    path.write_text(json.dumps(changes), encoding="utf-8")


def now() -> datetime:
    """The clock of the source system."""
    return datetime.fromisoformat(read()["now"])


def _made(day: date) -> tuple[Frame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(day.toordinal())
    n = ROWS
    income, debt = rng.normal(50, 10, n), rng.normal(20, 5, n)
    job = rng.choice(["clerk", "cook", "driver"], n, p=[0.5, 0.3, 0.2])
    sex = rng.choice(["f", "m"], n)
    logit = -1.2 - 0.16 * (income - 50) + 0.2 * (debt - 20) + 1.4 * (job == "driver") + 0.4 * (sex == "m")
    truth = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    seconds = np.sort(rng.integers(0, 86_400, n))
    frame = pd.DataFrame(
        {
            "row": [f"{day:%m%d}-{i}" for i in range(n)],
            "at": pd.Timestamp(day) + pd.to_timedelta(seconds, unit="s"),
            "income": income,
            "debt": debt,
            "job": job,
            "sex": sex,
            "age": rng.integers(20, 70, n),
        }
    )
    return frame, truth


def rows(start: datetime, end: datetime) -> Frame:
    """The applications of one day, with the fault that is planted for it."""
    assert end - start == timedelta(days=1)
    day = start.date()
    fault = read()["rows"].get(day.isoformat())
    frame = _made(day)[0]
    return ROW_FAULTS[fault](frame, day) if fault else frame


def labels(start: datetime, end: datetime) -> Frame:
    """Who did not pay, of one day."""
    assert end > start
    day = start.date()
    frame, truth = _made(day)
    fault = read()["labels"].get(day.isoformat(), read()["labels"].get("*"))
    out = pd.DataFrame({"row": frame["row"], "defaulted": truth})
    return LABEL_FAULTS[fault](out, frame, day) if fault else out


def features(frame: Frame) -> Frame:
    """Three inputs; the plan may ask for bad practice."""
    out = frame[["income", "debt", "job"]]
    match read()["features"]:
        case "names_protected":
            return out.assign(sex=np.where(frame["income"] > 50, "x", "y"))
        case "repeats_protected":
            return out.assign(code=frame["salutation"].map({"Mr": 1, "Ms": 2}))
        case "with_hints":
            return out.assign(leak=frame["leak"], hint=frame["hint"])
        case "rounded":
            return out.assign(income=out["income"].round(0))
        case "with_age":
            return out.assign(age=frame["age"])
        case "crash":
            raise RuntimeError("the feature function is broken")
        case "kill":
            os.kill(os.getpid(), 9)
    return out


def rule(frame: Frame) -> "pd.Series[bool]":
    """The clerk's rule: poor people default."""
    return frame["income"] < 42


def oracle(frame: Frame) -> np.ndarray[Any, Any]:
    """A rule that knows the future; no model can beat it."""
    days = sorted({t.date() for t in pd.to_datetime(frame["at"])})
    known = pd.concat([labels(datetime(d.year, d.month, d.day), datetime(9999, 1, 1)) for d in days])
    return np.asarray(frame["row"].map(known.set_index("row")["defaulted"]) == 1)


def _raise(frame: Frame, day: date) -> Frame:
    raise ConnectionError(f"the source is down on {day} with {len(frame)} rows")


def _yesterday(frame: Frame, day: date) -> Frame:
    return frame.assign(row=_made(day - timedelta(days=1))[0]["row"])


def _copies(frame: Frame, day: date) -> Frame:
    old = _made(START)[0]
    return frame.assign(**{c: old[c] for c in ("income", "debt", "job")}, age=day.day + 20)


def _hints(frame: Frame, day: date) -> Frame:
    """One column that is the outcome, one that knows too much of it, and one without any value."""
    truth = _made(day)[1]
    noise = np.random.default_rng(day.day).normal(0, 1, len(truth))
    other = np.random.default_rng(100 + day.day).normal(0, 1, len(truth))
    return frame.assign(leak=truth + 0.1 * noise, hint=truth + 0.55 * other, debt=np.nan)


def _spoil(column: str, value: str | float, share: float = 0.4) -> Callable[[Frame, date], Frame]:
    def spoil(frame: Frame, day: date) -> Frame:
        assert day >= START
        at = frame.index < share * len(frame)
        return frame.assign(**{column: frame[column].astype(object).where(~at, value)})

    return spoil


ROW_FAULTS: dict[str, Callable[[Frame, date], Frame]] = {
    "down": _raise,
    "empty": lambda f, _: f.iloc[0:0],
    "few": lambda f, _: f.head(20),
    "many": lambda f, _: pd.concat([f.assign(row=f["row"] + f"-{i}") for i in range(6)], ignore_index=True),
    "missing_column": lambda f, _: f.drop(columns="debt"),
    "missing_id": lambda f, _: f.drop(columns="row"),
    "missing_time": lambda f, _: f.drop(columns="at"),
    "salutation": lambda f, _: f.assign(salutation=f["sex"].map({"m": "Mr", "f": "Ms"})),
    "together": lambda f, _: f.assign(income=np.sort(f["income"]), debt=np.sort(f["debt"])),
    "extra_column": lambda f, _: f.assign(shoe_size=40),
    "retyped": lambda f, _: f.assign(income=f["income"].map("{:.2f}".format)),
    "words": _spoil("income", "rich"),
    "a_few_words": _spoil("income", "rich", 0.01),
    "mixed": _spoil("job", 7),
    "infinite": _spoil("income", np.inf),
    "a_few_infinite": _spoil("income", np.inf, 0.01),
    "null_column": lambda f, _: f.assign(debt=np.nan),
    "null_inputs": lambda f, _: f.assign(income=np.nan, debt=np.nan, job=None),
    "new_category": _spoil("job", "astronaut"),
    "bad_dates": _spoil("at", "yesterday", 0.01),
    "all_bad_dates": lambda f, _: f.assign(at="yesterday"),
    "repeated_ids": lambda f, _: f.assign(row=f["row"].iloc[0]),
    "a_repeated_id": lambda f, _: f.assign(row=f["row"].where(f.index != 3, f["row"].iloc[0])),
    "yesterdays_ids": _yesterday,
    "hints": _hints,
    "copies": _copies,
    "drift": lambda f, _: f.assign(income=f["income"] - 15),
    "unfair": lambda f, _: f.assign(income=f["income"] + np.where(f["sex"] == "m", -20, 20)),
    "tiny_group": lambda f, _: f.assign(sex=np.where(f.index < 3, "x", f["sex"])),
}
LABEL_FAULTS: dict[str, Callable[[Frame, Frame, date], Frame]] = {
    "few": lambda o, _, __: o.head(60),
    "none_come": lambda o, _, __: o.iloc[0:0],
    "all_null": lambda o, _, __: o.assign(defaulted=None),
    "half_come": lambda o, _, __: o.head(len(o) // 2),
    "inverted": lambda o, _, __: o.assign(defaulted=1 - o["defaulted"]),
    "inverted_for_men": lambda o, f, _: o.assign(
        defaulted=np.where(f["sex"] == "m", 1 - o["defaulted"], o["defaulted"])
    ),
    "coin_for_cooks": lambda o, f, d: o.assign(
        defaulted=np.where(f["job"] == "cook", np.random.default_rng(d.day).integers(0, 2, len(o)), o["defaulted"])
    ),
    "coin": lambda o, _, d: o.assign(defaulted=np.random.default_rng(d.day).integers(0, 2, len(o))),
    "one_class": lambda o, _, __: o.assign(defaulted=0),
}

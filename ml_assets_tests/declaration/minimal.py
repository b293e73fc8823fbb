"""The least a declaration must say, ways to change it, and functions that declarations here name."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from pydantic import BaseModel, ValidationError

from ml_assets.declaration import Solution

HERE = "ml_assets_tests.declaration.minimal"
CASE: dict[str, Any] = {
    "decision": "whom to call",
    "owner": "team:crm",
    "prediction": "probability of leaving",
    "target": {"column": "left"},
}
MINIMAL: dict[str, Any] = {
    "name": "churn",
    "business_case": CASE,
    "data_pipeline": {"source": {"type": "files", "path": "customers.csv"}},
}
ARRIVAL: dict[str, Any] = {"every": "day", "event_time": "at", "start": "2026-01-01"}


def changed(**changes: Any) -> dict[str, Any]:
    """The minimal declaration with changes; ``a__b=1`` sets key b of section a."""
    out = deepcopy(MINIMAL)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = out
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return out


def solution(**changes: Any) -> Solution:
    """The minimal solution with changes."""
    return Solution.model_validate(changed(**changes))


def stream(**changes: Any) -> Solution:
    """The same as a daily stream."""
    return solution(**{"data_pipeline__arrival": ARRIVAL} | changes)


def refusal(model: type[BaseModel], raw: dict[str, Any]) -> list[str]:
    """What a declaration is refused with: ``place: sentence``, one for each fault."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(raw)
    return [
        ": ".join(p for p in (".".join(map(str, e["loc"])), e["msg"].removeprefix("Value error, ")) if p)
        for e in caught.value.errors()
    ]


def rows() -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2]})


def window(start: datetime, end: datetime) -> pd.DataFrame:
    return pd.DataFrame({"at": [start, end]})


def one_file(key: str) -> pd.DataFrame:
    return pd.DataFrame({"file": [key]})


def no_table(*_: object) -> list[int]:
    return [1, 2]


def with_time(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(at=pd.to_datetime(frame["day"], format="%d.%m.%Y"))


def clock() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


def broken_clock() -> str:
    return "noon"


class Applicants(pa.DataFrameModel):
    """A declared contract: coerced types, ranges, words."""

    age: float = pa.Field(ge=18, le=120, nullable=True)
    job: str = pa.Field(isin=["clerk", "driver"])

    class Config:
        coerce = True


STRICT = pa.DataFrameSchema({"age": pa.Column(float, pa.Check.ge(18))})

if 1 + 1 == 2:
    conditional = rows
try:
    imported = solution().name
except ImportError:
    raise
(first, second) = (rows, rows)
annotated: int = 3

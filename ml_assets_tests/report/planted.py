"""Documents written straight into a store, and a report's parts read back as text."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from upath import UPath

from ml_assets.automation import Evaluation
from ml_assets.declaration import Solution
from ml_assets.report.recorded import Check, Recorded, Registered
from ml_assets.resources.store import SolutionStore

Documents = Mapping[str, Any]
MADE_AT = datetime(2026, 1, 20, 12, tzinfo=UTC)


def planted(solution: Solution, folder: Path, documents: Documents, *checks: Check) -> Recorded:
    """A solution with these documents: asset → document, or ``asset@batch`` → document."""
    store = SolutionStore(UPath(folder) / solution.name)
    for name, facts in documents.items():
        asset, _, batch = name.partition("@")
        store.write_facts(asset, facts, *([batch] if batch else []))
    return Recorded(solution, store, {(c.asset, c.name): c for c in checks}, Registered(), MADE_AT)


def check(asset: str, name: str, *, passed: bool | None, sentence: str = "as told", batch: str = "") -> Check:
    """A check with its newest evaluation; None: it never ran."""
    found = None if passed is None else Evaluation(1, batch, passed, True, sentence, 0.0, "run")
    return Check(asset, name, "", found)


def estimate(value: float | None, n: int = 100, name: str = "figure", **more: Any) -> dict[str, Any]:
    """A figure as a document holds it."""
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    return {"name": name, "value": value, "low": low, "high": high, "n": n, "unit": "", "level": 0.95} | more


def words(page: str) -> str:
    """The text of HTML, its white space made even."""
    bare = re.sub(r"<(style|title)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", bare.replace("</td>", "</td> ")))).strip()


def numbers(page: str) -> list[float]:
    """Every number of the page in full."""
    return [float(v) for v in re.findall(r'<data value="([^"]+)">', page)]

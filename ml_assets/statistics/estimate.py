"""A figure with its interval and the rows it rests on: no figure of this package travels without them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """One estimated quantity.

    ``low`` and ``high`` bound it at confidence ``level``; ``n`` is the number of rows of its own denominator (positives for
    a recall, rows for an accuracy). A quantity without a denominator is ``nan`` with ``n = 0``: not estimable, never zero.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    level: float = 0.95

    @property
    def estimable(self) -> bool:
        """Whether there were rows to estimate it from."""
        return math.isfinite(self.value)

    def as_row(self) -> dict[str, object]:
        """The same facts as one flat record, for a table."""
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "unit": self.unit,
            "level": self.level,
        }

    @classmethod
    def from_row(cls, facts: Mapping[str, Any]) -> "Estimate":
        """The inverse of :meth:`as_row`; what JSON has no number for (``null``) is nan."""
        numbers = {k: math.nan if facts[k] is None else float(facts[k]) for k in ("value", "low", "high")}
        return cls(
            str(facts["name"]), **numbers, n=int(facts["n"]), unit=str(facts["unit"]), level=float(facts["level"])
        )

    def __str__(self) -> str:
        if not self.estimable:
            return f"{self.name} not estimable (n = {self.n:,})"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {self.value:.4g}{unit} [{self.low:.4g}, {self.high:.4g}] (n = {self.n:,})"


def not_estimable(name: str, *, n: int = 0, unit: str = "", level: float = 0.95) -> Estimate:
    """The answer where the denominator is empty."""
    nan = math.nan
    return Estimate(name, nan, nan, nan, n, unit, level)

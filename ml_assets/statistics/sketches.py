"""What a fixed grid cannot count, in a few kilobytes: the values outside its range, and the heavy ones it does not list.

Both are sketches of Apache DataSketches in its own open binary format, as base64 text: they merge in any order, with the
errors stated below. The same rows always give the same sketch.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_assets.statistics.reading import Floats

_COMPRESSION = 200
_LOG_COUNTERS = 10
RANK_ERROR = 0.01
"""Largest error of a rank, of 1, however the rows were split; measured below 0.002 (Dunning's t-digest gives no proof)."""
HEAVY_SHARE = 1 / 256
"""A value with more of the unlisted rows than this is among the heavy ones for certain (Misra & Gries)."""


@dataclass(frozen=True, slots=True)
class Tails:
    """Values outside the range of a grid: a t-digest, empty when there are none."""

    text: str = ""

    @classmethod
    def of(cls, values: Floats) -> "Tails":
        """The sketch of finite values (n,)."""
        if not values.size:
            return cls()
        digest = _digest()
        digest.update(np.ascontiguousarray(values))
        return cls(_packed(digest))

    def merge(self, other: "Tails") -> "Tails":
        """The sketch of both sets of values."""
        if not (self.text and other.text):
            return self if self.text else other
        merged = self._opened()
        merged.merge(other._opened())
        return Tails(_packed(merged))

    @property
    def n(self) -> int:
        """How many values it sums up."""
        return int(self._opened().get_total_weight()) if self.text else 0

    def below(self, cuts: Sequence[float]) -> Floats:
        """How many of the values lie below each cut, shape (cuts,), within ``RANK_ERROR`` of all of them."""
        if not self.text:
            return np.zeros(len(cuts))
        digest = self._opened()
        ranks = [digest.get_rank(float(cut)) if np.isfinite(cut) else float(cut > 0) for cut in cuts]
        return np.array(ranks, dtype=np.float64) * self.n

    def _opened(self) -> Any:
        return type(_digest()).deserialize(base64.b64decode(self.text))


@dataclass(frozen=True, slots=True)
class Heavy:
    """The heaviest of the values a truncated grid does not list, with bounds on their counts."""

    text: str = ""

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "Heavy":
        """The sketch of values and how often each occurred."""
        if not counts:
            return cls()
        sketch = _counters()
        for value, count in counts.items():
            sketch.update(value, count)
        return cls(_packed(sketch))

    def merge(self, other: "Heavy") -> "Heavy":
        """The sketch of both sets of rows."""
        if not (self.text and other.text):
            return self if self.text else other
        merged = self._opened()
        merged.merge(other._opened())
        return Heavy(_packed(merged))

    def heaviest(self, most: int) -> dict[str, tuple[int, int]]:
        """At most so many values with the least and the most rows each can have, heaviest first."""
        from datasketches import frequent_items_error_type

        if not self.text:
            return {}
        found = self._opened().get_frequent_items(frequent_items_error_type.NO_FALSE_NEGATIVES)
        ordered = sorted(found, key=lambda item: (-item[2], item[0]))
        return {str(item[0]): (int(item[2]), int(item[3])) for item in ordered[:most]}

    def bounds(self, value: str) -> tuple[int, int]:
        """The least and the most rows a value can have."""
        if not self.text:
            return 0, 0
        sketch = self._opened()
        return int(sketch.get_lower_bound(value)), int(sketch.get_upper_bound(value))

    def _opened(self) -> Any:
        return type(_counters()).deserialize(base64.b64decode(self.text))


def _digest() -> Any:
    from datasketches import tdigest_double

    return tdigest_double(_COMPRESSION)


def _counters() -> Any:
    from datasketches import frequent_strings_sketch

    return frequent_strings_sketch(_LOG_COUNTERS)


def _packed(sketch: Any) -> str:
    return base64.b64encode(sketch.serialize()).decode("ascii")

"""Which cell of a grid a number lies in, for many numbers at once and without sorting them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_assets.statistics.reading import Floats

IntArray = NDArray[np.int64]
SLOTS = 4096
FEW_CUTS = 32
"""Below this many cuts counting by sorting is as fast."""
ENDS = 32
"""One of so many cells at each end is left to the search: a long tail would make all slots as wide as itself."""


@dataclass(frozen=True, eq=False)
class CellCounter:
    """Counts numbers per cell ``[cut, next cut)``, exactly.

    The line between two inner cuts is divided into slots of equal width. Rounding keeps order, so a number in another slot
    than a cut lies on the side of it that the slots say: only numbers in a slot that holds a cut are compared with cuts.
    ``cell`` (slots,): the cell of a slot's numbers; ``torn`` (slots,): whether a cut lies in it.
    """

    cuts: Floats
    low: float
    scale: float
    cell: IntArray
    torn: NDArray[np.bool_]

    @classmethod
    def of(cls, cuts: Floats) -> "CellCounter":
        """The counter of rising cuts (k,)."""
        kept = len(cuts) // ENDS
        low, high = (float(cuts[kept]), float(cuts[-kept - 1])) if len(cuts) >= FEW_CUTS else (0.0, 0.0)
        with np.errstate(over="ignore"):
            scale = (SLOTS - 2) / (high - low) if high > low else 0.0
        usable = scale > 0 and np.isfinite(scale)
        if not usable:
            return cls(cuts, 0.0, 0.0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_))
        at = _slots(cuts, low, scale)
        torn = np.zeros(SLOTS, dtype=np.bool_)
        torn[at] = True
        torn[[0, -1]] = True
        return cls(cuts, low, scale, np.searchsorted(at, np.arange(SLOTS)).astype(np.int64), torn)

    def counts(self, values: Floats) -> IntArray:
        """How many of the finite ``values`` (n,) lie in each cell (k + 1,)."""
        cells = len(self.cuts) + 1
        if not self.scale:
            return np.histogram(values, np.concatenate(([-np.inf], self.cuts, [np.inf])))[0].astype(np.int64)
        slot = _slots(values, self.low, self.scale)
        torn = self.torn[slot]
        whole = np.bincount(slot, minlength=SLOTS)
        whole[self.torn] = 0
        found = np.zeros(cells, dtype=np.int64)
        np.add.at(found, self.cell, whole)
        return found + self._searched(values[torn])

    def _searched(self, values: Floats) -> IntArray:
        return np.bincount(np.searchsorted(self.cuts, values, side="right"), minlength=len(self.cuts) + 1)


def _slots(values: Floats, low: float, scale: float) -> IntArray:
    """The slot of each number; the first and the last hold all that lies outside."""
    with np.errstate(over="ignore"):
        place = (values - low) * scale
    place += 1.0
    np.clip(place, 0.0, SLOTS - 1.0, out=place)
    return place.astype(np.int64)

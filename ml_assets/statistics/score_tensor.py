"""Scores per group and label as a histogram of 1,024 cells: ranking, calibration and every threshold, without the rows.

A count tensor whose "decision" is the cell of the score: batches are counted, merged and stored the same way. Cell b
holds scores from b/1,024 up to (b+1)/1,024; a score of exactly 1 has a cell of its own, so that decisions at a threshold
on the grid are exact.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, probabilities
from ml_assets.statistics.tensor import UNLABELLED, CountTensor, class_codes, grouped
from ml_assets.statistics.tensor_metrics import group_names, subsets

BINS = 1_024
_BATCH = 1 << 17


@dataclass(frozen=True, eq=False)
class Histograms:
    """Labelled rows by label (0: negative, 1: positive) and cell of the score, (groups, 2, 1,025), of some groups."""

    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    counts: FloatArray
    total: FloatArray


@dataclass(frozen=True)
class ScoreTensor:
    """Rows per (level of each attribute, label, cell of the score), ``cells`` being counted as decisions of 0 to 1,024."""

    cells: CountTensor

    @classmethod
    def of(cls, groups: pd.DataFrame, truth: npt.ArrayLike | None, score: npt.ArrayLike) -> "ScoreTensor":
        """Count the rows of one batch.

        ``groups`` and ``truth`` as for :meth:`CountTensor.of`; ``score`` (n,) is the probability of one class.
        ``DataError`` for scores that are missing, infinite or outside 0 to 1.
        """
        bins = cells_of(score)
        known = np.full(bins.size, UNLABELLED, np.int8) if truth is None else class_codes(truth, "truth", gaps=True)
        return cls(CountTensor.of_codes(groups, known, bins))

    @property
    def n(self) -> int:
        """All rows."""
        return self.cells.n

    def merge(self, other: "ScoreTensor") -> "ScoreTensor":
        """The tensor of the rows of both."""
        return ScoreTensor(self.cells.merge(other.cells))

    def marginal(self, attributes: Sequence[str]) -> "ScoreTensor":
        """The tensor of some of the attributes."""
        return ScoreTensor(self.cells.marginal(attributes))

    def decided(self, threshold: float, *, positive: int = 1) -> CountTensor:
        """What deciding ``score >= threshold`` would count: labels and decisions are 1 for ``positive``, else 0.

        The threshold is moved to the nearest multiple of 1/1,024; above 1 nobody is selected.
        """
        if not threshold >= 0:
            raise DataError("a threshold outside its range", got=threshold, allowed="0 or more", do="Use a probability")
        first = BINS + 1 if threshold > 1 else round(threshold * BINS)
        cells = self.cells.cells.copy()
        cells[:, -2] = self._labels(positive)
        cells[:, -1] = cells[:, -1] >= first
        names = self.cells.attributes
        return CountTensor(names, self.cells.levels, cells, self.cells.counts).marginal(names)

    def histograms(self, *, depth: int | None = None, positive: int = 1, at_once: int = 512) -> Iterator[Histograms]:
        """The histograms of the groups of every subset of attributes up to ``depth``, ``at_once`` groups at a time."""
        label = self._labels(positive)
        known = label != UNLABELLED
        cells, rows, place = self.cells.cells[known], self.cells.counts[known], label[known]
        place = place * (BINS + 1) + cells[:, -1]
        width = 2 * (BINS + 1)
        total = np.bincount(place, weights=rows, minlength=width).reshape(2, -1).astype(np.float64)
        for chosen in subsets(self.cells.attributes, depth):
            places = [self.cells.attributes.index(name) for name in chosen]
            lines, where = grouped(cells[:, places])
            names = group_names(self.cells, places, lines)
            for start in range(0, len(lines), at_once):
                here = (where >= start) & (where < start + at_once)
                size = min(at_once, len(lines) - start)
                keys = (where[here] - start) * width + place[here]
                counts = np.bincount(keys, weights=rows[here], minlength=size * width).reshape(size, 2, -1)
                yield Histograms(chosen, names[start : start + size], counts.astype(np.float64), total)

    def to_dict(self) -> dict[str, Any]:
        """The tensor as JSON-able facts, with its version."""
        return {"bins": BINS, "cells": self.cells.to_dict()}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> "ScoreTensor":
        """The inverse of :meth:`to_dict`; ``DataError`` for another number of cells or version."""
        if facts.get("bins") != BINS:
            raise DataError("cells of a score tensor", got=facts.get("bins"), allowed=BINS, do="Count the rows again")
        cells = CountTensor.from_dict(facts["cells"])
        if cells.counts.size and not 0 <= cells.decisions.min() <= cells.decisions.max() <= BINS:
            got = f"cells up to {cells.decisions.max()}"
            raise DataError("cells of a score tensor", got=got, allowed=f"0 to {BINS}", do="Store to_dict() unchanged")
        return cls(cells)

    def _labels(self, positive: int) -> IntArray:
        labels = self.cells.labels
        found: IntArray = np.where(labels == UNLABELLED, UNLABELLED, labels == positive)
        return found


def middles() -> FloatArray:
    """The score that stands for each cell (1,025,): its middle; off by 1/2,048 at most."""
    return np.append((np.arange(BINS) + 0.5) / BINS, 1.0)


def cells_of(score: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """The cell (n,) of every score (n,), 0 to 1,024; ``DataError`` for what is no probability."""
    array = np.asarray(score)
    if array.ndim != 1 or array.dtype.kind not in "fbui":
        array = probabilities(score)
        if array.ndim != 1:
            raise DataError("scores of several classes", got=array.shape, allowed="(n,)", do="Pass those of one class")
    # looked at as a whole first, so that the message counts all wrong rows
    if array.size and not (math.isfinite(float(array.min())) and math.isfinite(float(array.max()))):
        probabilities(array)
    found = np.empty(array.size, dtype=np.int16)
    for start in range(0, array.size, _BATCH):
        part = probabilities(array[start : start + _BATCH])
        found[start : start + _BATCH] = part * BINS
    return found

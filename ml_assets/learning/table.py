"""The rows a model learns from and is judged on: features, encoded truth, part, weight and id, aligned row by row."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.preprocessing import label_text, numbers, texts
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.metrics import Task

MOST_CLASSES = 200


@dataclass(frozen=True, eq=False)
class TrainingTable:
    """Aligned rows.

    ``features``: what the model may see, index 0..n-1. ``truth`` (n,): 0/1 (1 = positive), codes 0..K-1, or a float.
    ``part`` (n,): "train", "validation" or "test". ``weight`` (n,): positive, 1 = an ordinary row. ``ids`` (n,).
    ``classes``: labels in code order, (negative, positive) for binary, () for regression. ``cluster`` (n,): what rows share
    that must not be torn apart, such as a customer; None where every row stands alone.
    Raises ``DataError`` when lengths differ or a weight is negative or not finite.
    """

    features: pd.DataFrame
    truth: NDArray[Any]
    part: NDArray[np.str_]
    weight: NDArray[np.float64]
    ids: NDArray[Any]
    task: Task
    classes: tuple[str, ...]
    cluster: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        aligned = ("features", "truth", "part", "weight", "ids", *(() if self.cluster is None else ("cluster",)))
        lengths = {name: len(getattr(self, name)) for name in aligned}
        if len(set(lengths.values())) != 1:
            raise DataError("Table is not aligned", got=lengths, allowed="one length", do="Select all by the same rows")
        if not np.isfinite(self.weight).all() or (self.weight < 0).any():
            raise DataError("Row weights are unusable", got="negative or not finite", allowed=">= 0", do="Correct them")

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, part: str) -> "TrainingTable":
        """The rows of one part, in their order, index again 0..n-1; no row is fine."""
        return self.rows(np.flatnonzero(self.part == part))

    def rows(self, index: NDArray[np.int64]) -> "TrainingTable":
        """The rows at these positions."""
        return replace(
            self,
            features=self.features.iloc[index].reset_index(drop=True),
            truth=self.truth[index],
            part=self.part[index],
            weight=self.weight[index],
            ids=self.ids[index],
            cluster=None if self.cluster is None else self.cluster[index],
        )

    def joined(self) -> "TrainingTable":
        """The "train" and "validation" rows together as "train", in their order; "test" rows are left out."""
        kept = self.rows(np.flatnonzero(self.part != "test"))
        return replace(kept, part=np.full(len(kept), "train"))

    def folds(self, count: int, *, seed: int) -> NDArray[np.int64]:
        """A fold 0..count-1 of each row (n,), drawn at random: folds a fit makes for itself. Clusters stay whole.

        Rows of one cluster alone are drawn as if each stood alone: there is nothing else to learn from.
        """
        rng = np.random.default_rng(seed)
        if self.cluster is not None:
            code = cluster_codes(self.cluster, len(self))
            if (groups := int(code.max(initial=-1)) + 1) > 1:
                return np.asarray((rng.permutation(groups) % count)[code], dtype=np.int64)
        return np.asarray(rng.permutation(len(self)) % count, dtype=np.int64)

    def weighted(self, weight: NDArray[np.float64]) -> "TrainingTable":
        """The same rows with other weights."""
        return replace(self, weight=np.asarray(weight, dtype=np.float64))


def targets(table: TrainingTable) -> NDArray[np.float64]:
    """Truth with one column per output: (n, K) indicators for multiclass, else (n, 1)."""
    if table.task == "multiclass":
        return np.eye(len(table.classes))[table.truth.astype(np.int64)]
    return np.asarray(table.truth, dtype=np.float64)[:, None]


@dataclass(frozen=True, eq=False)
class EncodedTarget:
    """A target as numbers.

    ``truth`` has a value for every row; where ``missing`` it is nan (binary, regression) or -1 (multiclass).
    """

    truth: NDArray[Any]
    classes: tuple[str, ...]
    missing: NDArray[np.bool_]


def encode_target(
    series: "pd.Series[Any]",
    *,
    task: Task,
    positive: object = None,
    classes: tuple[str, ...] | None = None,
) -> EncodedTarget:
    """The labels as 0/1, as codes 0..K-1 or as floats.

    ``positive`` names the label that counts as 1; it may be left out for 0/1 and False/True alone. ``classes`` are the
    labels of a model that exists already: codes follow them and one class alone is then fine (a quiet day).
    An infinite regression target counts as missing.

    Raises ``DataError`` when nothing is labelled, one class (or one value) is all there is, binary labels are not two,
    ``positive`` is none of them, or a label is not one of ``classes``.
    """
    if task == "regression":
        return _regression(series, learn=classes is None)
    names = texts(series)
    missing = np.asarray(names.isna(), dtype=np.bool_)
    order = classes if classes is not None else _classes(names, task, positive)
    code = names.map({label: position for position, label in enumerate(order)}).to_numpy(np.float64, na_value=np.nan)
    if bool((np.isnan(code) & ~missing).any()):
        strange = sorted(set(names[np.isnan(code) & ~missing].astype(str)))[:5]
        raise DataError("Labels are unknown", got=strange, allowed=list(order), do="Correct them or train again")
    if task == "binary":
        return EncodedTarget(code, order, missing)
    return EncodedTarget(np.where(missing, -1, code).astype(np.int64), order, missing)


def _regression(series: "pd.Series[Any]", *, learn: bool) -> EncodedTarget:
    truth = numbers(series)
    missing = np.isnan(truth)
    strange = series[missing & np.asarray(series.notna())]
    strange = strange[~strange.map(lambda value: isinstance(value, float))]
    if len(strange):
        got = repr(label_text(strange.iloc[0]))
        raise DataError("Regression target is not a number", got=got, allowed="numbers", do="Convert or drop it")
    if learn:
        _enough(np.unique(truth[~missing]).tolist(), "value")
    return EncodedTarget(truth, (), missing)


def _classes(names: "pd.Series[Any]", task: Task, positive: object) -> tuple[str, ...]:
    labels = sorted(str(name) for name in names.dropna().unique())
    _enough(labels, "class")
    if task == "multiclass":
        if len(labels) > MOST_CLASSES:
            got, allowed = f"{len(labels):,} classes", f"at most {MOST_CLASSES}"
            raise DataError("Target has too many classes", got=got, allowed=allowed, do="Use task regression, or group")
        return tuple(sorted(labels, key=_by_number))
    if len(labels) != 2:
        raise DataError("Binary target needs two labels", got=labels[:8], allowed=2, do="Use task multiclass, or map")
    return _ordered_pair(labels, positive)


def _ordered_pair(labels: list[str], positive: object) -> tuple[str, ...]:
    if positive is None and labels in (["0", "1"], ["False", "True"]):
        return tuple(labels)
    wanted = None if positive is None else label_text(positive)
    if wanted not in labels:
        raise DataError("Positive label is not among the labels", got=wanted, allowed=labels, do="Declare one of them")
    (negative,) = (label for label in labels if label != wanted)
    return (negative, wanted)


def _enough(distinct: list[Any], noun: str) -> None:
    if not distinct:
        raise DataError("No row is labelled", got="only missing labels", allowed="labelled rows", do="Wait for labels")
    if len(distinct) == 1:
        got = f"{distinct[0]!r} alone"
        raise DataError(f"Target has one {noun}", got=got, allowed="at least two", do="Widen the rows or the period")


def _by_number(label: str) -> tuple[int, float, str]:
    """Numbers by size before words by name: "10" comes after "9"."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)

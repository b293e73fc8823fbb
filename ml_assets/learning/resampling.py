"""Folds: which rows teach and which are held out, again and again, so that every figure comes from unseen rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_assets.errors import DataError
from ml_assets.learning.artifact import Prediction
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.metrics import Task

IntArray = NDArray[np.int64]
STOP = 0.15
"""Share of a fold's teaching rows that only says when to stop."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Positions of rows: ``learn`` teaches, ``stop`` says when to stop (may be none), ``held`` is judged on."""

    learn: IntArray
    stop: IntArray
    held: IntArray


def cross_validation(
    truth: NDArray[Any], *, task: Task, cluster: NDArray[Any] | None = None, count: int = 5, seed: int = 0
) -> tuple[Fold, ...]:
    """``count`` folds in which every row is held out once; classes keep their shares, rows of one cluster stay together.

    ``truth`` (n,); ``cluster`` (n,) or None. Fewer folds are made where there are fewer clusters, or fewer rows of the
    rarer class. Rows of ``stop`` are drawn like a fold from the teaching rows.
    Raises ``DataError`` where not even two folds can be made.
    """
    groups = np.arange(len(truth)) if cluster is None else cluster_codes(cluster, len(truth))
    held = _parts(truth, groups, task, count, seed)
    found = []
    for part in range(int(held.max(initial=-1)) + 1):
        teaching = np.flatnonzero(held != part)
        stopping = _stopping(truth[teaching], groups[teaching], task, seed + 1)
        found.append(Fold(teaching[~stopping], teaching[stopping], np.flatnonzero(held == part)))
    return tuple(found)


def rolling_origin(order: NDArray[np.int64], *, count: int = 5, span: int | None = None) -> tuple[Fold, ...]:
    """Up to ``count`` folds of a stream: learn from what was there, be judged on the batches that came next.

    ``order`` (n,): rank of each row's batch, 0 the oldest. The newest fold holds the newest ``span`` batches (by default
    an equal share of those that are left after the first third), the one before it the ``span`` before, and so on; the
    newest of the teaching batches say when to stop. A row is never judged by a model that saw a later one.
    Raises ``DataError`` for fewer than three batches.
    """
    batches, rank = np.unique(order, return_inverse=True)
    total = len(batches)
    if total < 3:
        do = "Wait for more batches, or split by hash"
        raise DataError("Too few batches for a rolling origin", got=total, allowed="at least 3", do=do)
    first = max(2, total // 3)
    width = span or max(1, (total - first) // count)
    found = []
    for back in range(count):
        end = total - back * width
        begin = end - width
        if begin < first:
            break
        stops = min(begin - 1, max(1, round(STOP * begin)))
        learn, stop = np.flatnonzero(rank < begin - stops), np.flatnonzero((rank >= begin - stops) & (rank < begin))
        found.append(Fold(learn, stop, np.flatnonzero((rank >= begin) & (rank < end))))
    if not found:
        begin = total - 1
        found = [
            Fold(np.flatnonzero(rank < begin - 1), np.flatnonzero(rank == begin - 1), np.flatnonzero(rank == begin))
        ]
    return tuple(reversed(found))


def fold_table(table: TrainingTable, fold: Fold) -> TrainingTable:
    """The rows of a fold as a table of their own: parts "train", "validation" (to stop on) and "test" (held out)."""
    at = np.concatenate([fold.learn, fold.stop, fold.held])
    part = np.repeat(["train", "validation", "test"], [len(fold.learn), len(fold.stop), len(fold.held)])
    return replace(table.rows(at), part=part)


def mixed(table: TrainingTable, *, seed: int) -> TrainingTable | None:
    """The rows of :meth:`TrainingTable.joined`, a seventh of them as "validation": drawn at random, classes and clusters kept.

    None where there are too few rows, clusters or rows of a class to leave a seventh out.
    """
    rows = table.joined()
    groups = np.arange(len(rows)) if rows.cluster is None else cluster_codes(rows.cluster, len(rows))
    drawn = _stopping(rows.truth, groups, rows.task, seed)
    lost = rows.task != "regression" and len(np.unique(rows.truth[~drawn])) < len(np.unique(rows.truth))
    return None if lost or not drawn.any() else replace(rows, part=np.where(drawn, "validation", "train"))


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Answers by models that did not learn from the row: ``at`` (m,) are its positions in the table, rising.

    ``answer`` holds score (m,) or (m, K) and decision (m,), aligned with ``at``; ``fits`` is the number of models.
    """

    at: IntArray
    answer: Prediction
    fits: int


def out_of_fold(
    table: TrainingTable, folds: Sequence[Fold], answer: Callable[[TrainingTable, Fold], Prediction]
) -> OutOfFold:
    """Every row that a fold holds out, answered by a model that did not see it.

    ``answer(rows, fold)`` fits on "train" (stopping, calibrating and cutting on "validation") of the table it is given and
    answers its "test" rows in their order; ``fold`` says where in ``table`` they stand. A row that no fold holds out (the
    oldest of a stream) is left out. Raises ``DataError`` without a fold, where two hold out one row, or where a fold teaches
    with a row it holds out.
    """
    held = np.concatenate([fold.held for fold in folds]) if folds else np.zeros(0, dtype=np.int64)
    seen = sum(len(np.intersect1d(np.concatenate([f.learn, f.stop]), f.held)) for f in folds)
    if not len(held) or len(np.unique(held)) < len(held) or seen:
        got = f"{len(folds)} folds, {len(held)} rows held out, {seen} of them also taught with"
        raise DataError("Rows cannot be answered out of fold", got=got, allowed="each row once", do="Make folds anew")
    found = [answer(fold_table(table, fold), fold) for fold in folds]
    order = np.argsort(held, kind="stable")
    score = np.concatenate([one.score for one in found])[order]
    decision = np.concatenate([one.decision for one in found])[order]
    return OutOfFold(held[order], Prediction(score, decision), len(folds))


def _stopping(truth: NDArray[Any], groups: IntArray, task: Task, seed: int) -> NDArray[np.bool_]:
    """Which teaching rows only say when to stop; none where they would take the last rows of a class."""
    inner = round(1 / STOP)
    rarest = len(truth) if task == "regression" else _rarest(truth)
    if min(rarest, len(np.unique(groups))) < 2 * inner:
        return np.zeros(len(truth), dtype=np.bool_)
    return np.asarray(_parts(truth, groups, task, inner, seed) == 0)


def _rarest(labels: NDArray[Any]) -> int:
    """Rows of the rarest class there is; 0 without rows."""
    return min(np.unique(labels, return_counts=True)[1].tolist(), default=0)


def _parts(truth: NDArray[Any], groups: IntArray, task: Task, count: int, seed: int) -> IntArray:
    """The fold of each row, by scikit-learn's splitters: with classes by strata, with shared clusters by group."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    labels = truth if task == "regression" else truth.astype(np.int64)
    distinct = len(np.unique(groups))
    rarest = distinct if task == "regression" else _rarest(labels)
    possible = min(count, distinct, rarest if task == "binary" else distinct)
    if possible < 2:
        got = f"{distinct} clusters, {rarest} rows of the rarest class"
        do = "Deliver more labelled rows"
        raise DataError("Too few rows to hold some out", got=got, allowed="at least 2 of each", do=do)
    spread = task != "regression" and rarest >= possible
    table: dict[tuple[bool, bool], Any] = {
        (False, True): KFold,
        (False, False): GroupKFold,
        (True, True): StratifiedKFold,
        (True, False): StratifiedGroupKFold,
    }
    alone = distinct == len(groups)
    splitter = table[spread, alone](possible, shuffle=True, random_state=seed)
    part = np.zeros(len(truth), dtype=np.int64)
    for number, (_, held) in enumerate(splitter.split(labels, labels, None if alone else groups)):
        part[held] = number
    return part

"""Which columns may a model learn from? One verdict per column, with the figures that led to it.

Nothing is dropped for being weak (it may matter together with others) or for being a proxy (that is a decision of
people); what is dropped cannot be learnt from, or would not be there at prediction.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray, IntArray, same_rows
from ml_assets.statistics.columns import Column, Kind, read_column
from ml_assets.statistics.dates import DateLikeText
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.leakage import Leak, exact_sum_leaks, single_column_leaks
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.objections import ColumnFacts as ColumnFacts
from ml_assets.statistics.objections import Context, Measured, Screened, objections
from ml_assets.statistics.proxies import Proxy, strongest_proxy
from ml_assets.statistics.staleness import newest_third, stale_share, unseen_share
from ml_assets.statistics.usefulness import usefulness

SAMPLE_ROWS = 20_000
RARE_ROWS = 200
"""Rows of each class that are read where there are so many: a random sample would lose a class of one in 10,000."""


@dataclass(frozen=True, slots=True)
class ColumnScreening:
    """The verdict on one column.

    ``missing_share`` 0..1; ``distinct`` values; ``usefulness`` alone (see :func:`usefulness`); ``stale_share`` of the
    newest third of batches (1 = nothing moves; nan without batches); ``proxy_strength`` Cramér's V with ``proxy_of``
    (0 none, 1 complete; nan without groups); ``cost`` as declared.
    """

    column: str
    kind: Kind
    verdict: Screened
    reasons: tuple[str, ...]
    missing_share: float
    distinct: int
    usefulness: Estimate
    stale_share: float
    proxy_strength: float
    proxy_of: str | None
    cost: float


def screen(
    frame: pd.DataFrame,
    truth: npt.ArrayLike,
    *,
    task: Task,
    target: str = "",
    declared: Mapping[str, ColumnFacts] | None = None,
    groups: pd.DataFrame | None = None,
    protected: Sequence[str] = (),
    dates: Mapping[str, DateLikeText | None] | None = None,
    order: npt.ArrayLike | None = None,
    parts: npt.ArrayLike | None = None,
    seed: int = 0,
) -> tuple[ColumnScreening, ...]:
    """One verdict per column of ``frame``, in its order.

    Args:
        frame, truth: rows (n) and their encoded truth (n,): 0/1, class codes, or numbers.
        target: name of the target column; dropped when it is still in ``frame``.
        declared: what people know about columns; unnamed ones are ``ColumnFacts()``.
        groups: text labels of protected attributes (n, attributes), to find proxies.
        protected: columns that are a protected attribute themselves.
        dates: how far the text of columns looks like dates (``date_like``), where that is to be told.
        order: rank of each row's batch, 0 oldest, to find columns that stand still or only mark the time.
        parts: "train", "validation" or "test" per row: the truth of test rows is then not read.
        seed: of the sample (20,000 rows, rare classes kept) on which all that needs the truth or the groups is measured.

    drop: no values (95 % missing), one value, an identifier, known only after the outcome, or practically the target.
    review: too good to be true, standing still, marking the time, a proxy, protected itself, or paid for nothing.
    ``DataError`` for unequal lengths, equal names, and declared columns that do not exist.
    """
    facts = declared or {}
    _refuse_names(frame, facts)
    y = np.asarray(truth, dtype=np.float64)
    batch = np.zeros(y.size, dtype=np.int64) if order is None else np.asarray(order, dtype=np.int64)
    part = np.full(y.size, "train") if parts is None else np.asarray(parts)
    people = pd.DataFrame(index=frame.index) if groups is None else groups
    same_rows(frame=frame.index.to_numpy(), truth=y, order=batch, parts=part, groups=people.index.to_numpy())
    columns = [read_column(frame[name]) for name in frame.columns]
    rows = _sample_rows(y, part, task, seed)
    attributes = tuple(groupings(people.iloc[rows]))
    newest = newest_third(batch)
    measured = [
        replace(
            _measure(column, y, rows, attributes, newest, facts.get(column.name, ColumnFacts()), task, seed),
            dates=(dates or {}).get(column.name),
        )
        for column in columns
    ]
    leaks = _leaks([one for one in measured if one.name != target], y, rows, task)
    context = Context(target, frozenset(protected), leaks)
    return tuple(_screening(one, context) for one in measured)


def _refuse_names(frame: pd.DataFrame, facts: Mapping[str, ColumnFacts]) -> None:
    if not frame.columns.is_unique:
        twice = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
        raise DataError("columns of the same name", got=", ".join(twice), allowed="one each", do="Rename them")
    unknown = sorted(set(facts) - {str(column) for column in frame.columns})
    if unknown:
        raise DataError(
            "facts declared about columns that are not there",
            got=", ".join(unknown),
            allowed=", ".join(map(str, frame.columns)),
            do="Correct the names",
        )


def _sample_rows(truth: FloatArray, parts: npt.NDArray[np.generic], task: Task, seed: int) -> IntArray:
    """Rows to measure on: known truth, not in the test part, in their order; ``SAMPLE_ROWS`` at random, and of each class
    what is missing to ``RARE_ROWS``.

    How a column orders two classes does not depend on how many rows of either are read.
    """
    rows = np.flatnonzero(np.isfinite(truth) & (parts.astype(str) != "test")).astype(np.int64)
    if rows.size <= SAMPLE_ROWS:
        return rows
    rng = np.random.default_rng(seed)
    kept = rng.choice(rows, size=SAMPLE_ROWS, replace=False)
    if task != "regression":
        classes = np.unique(truth[rows])
        least = min(RARE_ROWS, SAMPLE_ROWS // classes.size)
        rare = [code for code in classes if (truth[kept] == code).sum() < least]
        more = [rng.permutation(rows[truth[rows] == code])[:least] for code in rare]
        kept = np.concatenate([kept, *more])
    return np.unique(kept)


def _measure(
    column: Column,
    truth: FloatArray,
    rows: IntArray,
    attributes: Sequence[Grouping],
    newest: npt.NDArray[np.bool_],
    facts: ColumnFacts,
    task: Task,
    seed: int,
) -> Measured:
    distinct = column.distinct
    sampled = column.take(rows)
    alone = not_estimable("usefulness", n=rows.size)
    if distinct and rows.size:
        alone = usefulness(sampled, truth[rows], task=task, seed=seed)
    return Measured(
        column=column,
        facts=facts,
        missing_share=float(column.missing.mean()) if truth.size else math.nan,
        distinct=distinct,
        running=_running(column, distinct),
        usefulness=alone,
        stale=stale_share(column, newest),
        stale_before=stale_share(column, ~newest),
        unseen=unseen_share(column, newest),
        proxy=strongest_proxy(sampled, attributes) if distinct and rows.size else Proxy(None, math.nan),
    )


def _running(column: Column, distinct: int) -> bool:
    """Whether the values are whole numbers that run on with the rows, or leave almost no number out."""
    numbers = column.numbers[~column.missing] if column.kind == "numeric" else np.empty(0)
    if not numbers.size or (numbers != np.floor(numbers)).any():
        return False
    steps = np.diff(numbers)
    dense = float(np.ptp(numbers)) < 1.1 * distinct
    return dense or bool((steps >= 0).all() or (steps <= 0).all())


def _leaks(measured: Sequence[Measured], truth: FloatArray, rows: IntArray, task: Task) -> Mapping[str, Leak]:
    rarer = int(min((truth[rows] == 1).sum(), (truth[rows] == 0).sum())) if task == "binary" else None
    figures = {one.name: one.usefulness for one in measured}
    found = {leak.column: leak for leak in single_column_leaks(figures, rarer=rarer)}
    if task != "multiclass":
        sampled = [one.column.take(rows) for one in measured]
        found |= {leak.column: leak for leak in exact_sum_leaks(sampled, truth[rows])}
    return found


def _screening(one: Measured, context: Context) -> ColumnScreening:
    findings = objections(one, context)
    verdicts = {finding.verdict for finding in findings}
    verdict: Screened = "drop" if "drop" in verdicts else "review" if "review" in verdicts else "use"
    reasons = tuple(finding.sentence for finding in findings)
    return ColumnScreening(
        column=one.name,
        kind=one.column.kind,
        verdict=verdict,
        reasons=reasons or (f"Nothing against it: alone {one.usefulness}, {one.missing_share:.1%} missing.",),
        missing_share=one.missing_share,
        distinct=one.distinct,
        usefulness=one.usefulness,
        stale_share=one.stale,
        proxy_strength=one.proxy.strength,
        proxy_of=one.proxy.attribute,
        cost=one.facts.cost,
    )

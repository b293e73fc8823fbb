"""Checks of part 5."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.declaration._types import spell
from ml_assets.declaration.arrival import Batch
from ml_assets.evidence import Verdict
from ml_assets.graph import batch_check
from ml_assets.history import ID, OWN, is_blocked
from ml_assets.resources import SolutionStore
from ml_assets.statistics.proxies import repeats

VOLUME_WINDOW = 28
ID_WINDOW = 7


def build_checks(solution: Solution) -> list[dg.AssetChecksDefinition]:
    """Every check of this stage."""
    return [
        batch_check(
            solution, c.asset, c.name, partial(c.judge, solution), description=c.description, blocking=c.blocking
        )
        for c in CHECKS
        if c.where(solution)
    ]


def _not_empty(_: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    rows = int(store.read_facts("raw_data", batch.key)["rows"])
    return Verdict(
        rows > 0, f"{rows:,} rows" if rows else "the batch is empty: the feed delivered nothing", {"rows": rows}
    )


def _contract(_: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    facts = store.read_facts("valid_data", batch.key)
    broken = [{"rule": r, "rows": n} for r, n in sorted(facts["rules"].items(), key=lambda item: -item[1])]
    sentence = f"{facts['quarantined']:,} of {facts['quarantined'] + facts['rows']:,} rows ({facts['share']:.2%}) broke the contract; allowed {facts['limit']:.2%}"
    if facts["blocked"]:
        sentence += f"; the batch is blocked and reaches neither scoring nor training ({', '.join(str(b['rule']) for b in broken[:3])})"
    return Verdict(
        not facts["blocked"],
        sentence,
        {"quarantined": facts["quarantined"], "quarantined_share": facts["share"], "limit": facts["limit"]},
        broken,
    )


def _unique_ids(_: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    earlier = [b for b in store.batches("valid_data") if b < batch.key][-ID_WINDOW:]
    ids = (
        set(store.read_frame("valid_data", batch.key, [ID])[ID])
        if store.read_facts("valid_data", batch.key)["rows"]
        else set()
    )
    known: dict[str, int] = {}
    for other in earlier:
        if store.read_facts("valid_data", other)["rows"]:
            repeated = ids & set(store.read_frame("valid_data", other, [ID])[ID])
            if repeated:
                known[other] = len(repeated)
    total = sum(known.values())
    sentence = f"{total:,} of {len(ids):,} ids were seen in {len(earlier)} earlier batches" + (
        f" ({', '.join(known)})" if known else ""
    )
    return Verdict(
        total == 0, sentence, {"repeated_ids": total}, [{"batch": b, "repeated ids": n} for b, n in known.items()]
    )


def _no_new_columns(_: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    extra = store.read_facts("valid_data", batch.key)["extra_columns"]
    known = store.find_facts("contract")
    if known is not None:  # a drafted contract leaves the target out on purpose; columns of the first batch are known
        first = store.batches("raw_data", ".json")[0]
        extra = [c for c in extra if c not in store.read_facts("raw_data", first)["columns"]]
    return Verdict(
        not extra,
        f"new columns: {', '.join(extra)}" if extra else "no new column",
        {"new_columns": len(extra)},
        act=False,
    )


def _protected_absent(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    hidden, secret = sorted(solution.never_inputs), solution.data_bias.hidden
    if is_blocked(store, batch.key):
        return Verdict(False, "not judged: the batch is blocked, so no features were made", act=False)
    features = store.read_frame("features", batch.key)
    rows = store.read_frame("valid_data", batch.key)
    there = sorted(c for c in secret if c in rows.columns)
    named = [f"{c} is one of them{_called(secret, c)}" for c in features.columns if c in hidden and c != ID]
    repeated = [
        f"{f} repeats {c}{_called(secret, c)}"
        for c in there
        for f in features.columns
        if not f.startswith(OWN) and repeats(features[f], rows[c])
    ]
    found, n = [*named, *repeated], features.shape[1] - 1
    none = f"none of {', '.join(there) or 'no protected column'} among {n} features"
    return Verdict(not found, "; ".join(found) or none, {"features": n, "found": len(found)})


def _called(secret: Mapping[str, str], column: str) -> str:
    """What a hidden column is, in brackets; nothing where it is hidden for another reason than bias."""
    return f" ({secret[column]})" if column in secret else ""


def _label_arrival(_: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    facts = store.read_facts("labels", batch.key)
    figures = {"labelled_share": facts["share"], "labelled": facts["labelled"], "rows": facts["rows"]}
    if not facts["mature"]:
        return Verdict(
            True, f"{facts['labelled']:,} of {facts['rows']:,} labels so far; the rest is not due yet", figures
        )
    sentence = f"{facts['labelled']:,} of {facts['rows']:,} labels ({facts['share']:.1%}) after the declared delay"
    return Verdict(
        facts["share"] >= 0.9,
        sentence + ("" if facts["share"] >= 0.9 else "; at least 90 % are due"),
        figures,
        act=facts["share"] < 0.5,
    )


def _volume(solution: Solution, store: SolutionStore, batch: Batch) -> Verdict:
    kind = solution.monitoring.drift.season
    earlier = [solution.data_pipeline.batch(b) for b in store.batches("raw_data", ".json") if b < batch.key]
    before = [b.key for b in earlier if b.season(kind) == batch.season(kind)][-VOLUME_WINDOW:]
    counts = [n for n in (int(store.read_facts("raw_data", b)["rows"]) for b in before) if n]
    rows = int(store.read_facts("raw_data", batch.key)["rows"])
    if not counts:
        return Verdict(rows > 0, f"{rows:,} rows; there is none before it to compare with", {"rows": rows})
    low, high = solution.data_pipeline.volume
    usual = statistics.median(counts)
    ratio = rows / usual
    sentence = f"{rows:,} rows, {ratio:.2f} times the median of {len(counts)} batches before ({usual:,.0f}); allowed {low:g} to {high:g} times"
    return Verdict(low <= ratio <= high, sentence, {"rows": rows, "volume_ratio": ratio}, act=False)


def _data_time(solution: Solution, store: SolutionStore, _: Batch) -> Verdict:
    arrival = solution.data_pipeline.arrival
    assert arrival is not None
    limit = arrival.late_limit
    assert limit is not None
    times = [
        f["newest"]
        for f in (store.read_facts("raw_data", b) for b in store.batches("raw_data", ".json")[-60:])
        if f["newest"]
    ]
    if not times:
        return Verdict(False, "no event with a time has ever arrived")
    newest = datetime.fromisoformat(max(times))
    now = min(arrival.now(), _end(solution)) if arrival.end else arrival.now()
    age = now - newest
    sentence = f"the newest event is {spell(age) if age.total_seconds() % 60 == 0 else f'{age.total_seconds() / 3600:.1f} hours'} old; allowed {spell(limit)}"
    return Verdict(
        age <= limit, sentence, {"age_hours": age.total_seconds() / 3600, "limit_hours": limit.total_seconds() / 3600}
    )


def _end(solution: Solution) -> datetime:
    arrival = solution.data_pipeline.arrival
    assert arrival is not None
    assert arrival.end is not None
    return datetime.fromisoformat(str(arrival.end))


@dataclass(frozen=True)
class _Check:
    """One check of each batch, where it makes sense."""

    asset: str
    name: str
    judge: Callable[[Solution, SolutionStore, Batch], Verdict]
    description: str
    blocking: bool = False
    where: Callable[[Solution], bool] = lambda _: True


CHECKS = (
    _Check("raw_data", "not_empty", _not_empty, "The batch has rows; an empty one stops here.", blocking=True),
    _Check(
        "valid_data", "contract", _contract, blocking=True,
        description="Rows that break the contract stay below the declared share; above it the whole batch is blocked.",
    ),
    _Check(
        "valid_data", "unique_ids", _unique_ids,
        f"No id of this batch stands in one of the {ID_WINDOW} batches before it.",
    ),
    _Check("valid_data", "no_new_columns", _no_new_columns, "The source adds no column the contract does not know."),
    _Check(
        "features", "protected_absent", _protected_absent, blocking=True,
        description="No feature is, or repeats value by value, a protected column or a proxy the model may not see.",
    ),
    _Check("labels", "label_arrival", _label_arrival, "Labels are there once their delay has passed."),
    _Check(
        "raw_data", "volume", _volume, "Rows of the batch against the median of the batches before.",
        where=lambda s: s.data_pipeline.is_stream,
    ),
    _Check(
        "raw_data", "data_time_freshness", _data_time,
        "Age of the newest event in the data, whenever it was loaded.",
        where=lambda s: s.data_pipeline.period is not None,
    ),
)  # fmt: skip

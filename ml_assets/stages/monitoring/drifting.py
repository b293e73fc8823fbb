"""What has moved since the live model learned: a batch's profile against the model's own reference."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, SCORE, TIME
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.judging import Judge
from ml_assets.statistics.association import PairDrift
from ml_assets.statistics.drift import column_drift, judge_drift, pair_drift, per_look
from ml_assets.statistics.profile import Profile, profile


def judge_drift_of(judge: Judge, batch: Batch) -> Facts:
    """The batch's profile against the reference of the model that scored it: columns, joint verdict, scores."""
    skipped = judge.reason_to_pass(batch, labels=False)
    if skipped:
        return judge.write("drift_report", batch, {"judged": False, "sentence": skipped})
    answers = judge.answers(batch)
    version, released = judge.released(answers)
    reference, current = (
        Profile.from_dict(released["reference"]),
        Profile.from_dict(judge.store.read_facts("profile", batch.key)),
    )
    columns = [c for c in column_drift(reference, current) if c.column in set(released["features"])]
    scores = Profile.from_dict(released["prediction_reference"])
    columns += column_drift(scores, profile(answers[[SCORE, DECISION]].astype({DECISION: str}), scores.grid))
    rule = judge.solution.monitoring.drift
    alpha = per_look(rule.false_alarms, looks_per_month(judge.solution))
    pairs = pair_drift(reference, current, alpha=alpha, only=released["features"])
    verdict = judge_drift(
        columns,
        pairs=pairs,
        importance=released["importance"],
        effect_floor=rule.effect,
        weighted_floor=rule.importance,
        prediction_floor=rule.prediction_effect,
        association_floor=rule.association,
        alpha=alpha,
    )
    shares = _strongest_picture(columns, reference, current, scores, answers)
    return judge.write(
        "drift_report",
        batch,
        {
            "judged": True,
            "version": version,
            "verdict": verdict,
            "columns": columns,
            "pairs_compared": reference.pairs is not None and current.pairs is not None,
            "pairs": [plain_pair(p) for p in pairs[:20] if p.significant],
            "sentence": verdict.sentence,
            "importance": released["importance"],
            "picture": shares,
            "newest_learned": released["newest_event"],
            "newest_row": _newest_row(judge, batch),
        },
    )


def looks_per_month(solution: Solution) -> float:
    """Batches in thirty days; thirty for files, whose rhythm nobody declared, one for a single table."""
    period = solution.data_pipeline.period
    if period is not None:
        return max(1.0, timedelta(days=30) / period)
    return 30.0 if solution.data_pipeline.is_stream else 1.0


def plain_pair(pair: PairDrift) -> Facts:
    """One change of correlation as a row."""
    return {"columns": f"{pair.one} × {pair.other}", "before": pair.before, "now": pair.now, "n": pair.n}


def _newest_row(judge: Judge, batch: Batch) -> str | None:
    arrival = judge.solution.data_pipeline.arrival
    if arrival is None or arrival.event_time is None:
        return None
    times = judge.store.read_frame("valid_data", batch.key, [TIME])[TIME]
    return times.max().isoformat() if len(times) else None


def _strongest_picture(
    columns: list[Any], reference: Profile, current: Profile, scores: Profile, answers: pd.DataFrame
) -> Facts:
    """Shares of the column that moved most, reference against now."""
    top = max(columns, key=lambda c: c.effect)
    if top.column in (SCORE, DECISION):
        now = profile(answers[[SCORE, DECISION]].astype({DECISION: str}), scores.grid)
        return {"column": top.column, "before": _shares(scores, top.column), "now": _shares(now, top.column)}
    return {"column": top.column, "before": _shares(reference, top.column), "now": _shares(current, top.column)}


def _shares(of: Profile, column: str) -> dict[str, float]:
    """Shares by category, or by twelve bands of the grid."""
    if column in of.categorical:
        summary = of.categorical[column]
        counts = dict(zip(of.grid.categories[column], summary.counts, strict=False)) | {
            "other": summary.other,
            "new": summary.new,
            "missing": summary.missing,
        }
        top = sorted(counts.items(), key=lambda item: -item[1])[:12]
        return {str(k): v / max(of.n, 1) for k, v in top if v}
    edges = of.grid.edges[column]
    parts = np.array_split(np.asarray(of.numeric[column].counts, dtype=float), 12)
    position, shares = 0, {}
    for part in parts:
        if len(part):
            edge = edges[min(position, len(edges) - 1)] if edges else 0.0
            shares[f"{edge:.3g}" if f"{edge:.3g}" not in shares else f"{edge:.6g}"] = float(part.sum()) / max(of.n, 1)
        position += len(part)
    return shares


def age_of_learning(facts: Facts) -> float | None:
    """Seconds between the newest row the model learned from and the newest row of the batch."""
    if not facts.get("newest_learned") or not facts.get("newest_row"):
        return None
    return (
        datetime.fromisoformat(facts["newest_row"]) - datetime.fromisoformat(facts["newest_learned"])
    ).total_seconds()

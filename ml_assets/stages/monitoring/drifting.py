"""What has moved since the live model learned: a batch's profile against the model's own reference."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, ID, SCORE, TIME, groups_of
from ml_assets.learning.consequences import CHANGED_SHARE, TOGETHER, Consequence, consequences, sensitivities
from ml_assets.mutes import muted_columns
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.comparing import Compared, compared_with
from ml_assets.stages.monitoring.judge import Judge
from ml_assets.statistics.association import PairDrift
from ml_assets.statistics.column_change import ColumnDrift
from ml_assets.statistics.drift import DriftVerdict, column_drift, judge_drift, judged_columns, many_moved, pair_drift
from ml_assets.statistics.grid import Grid
from ml_assets.statistics.joint import JointShift
from ml_assets.statistics.profile import Profile, profile
from ml_assets.statistics.regridding import over

MOST_EXPLAINED = 8
"""Columns whose consequences are worked out one by one: the heaviest of those that moved."""


def judge_drift_of(judge: Judge, batch: Batch) -> Facts:
    """The batch's profile against its reference: columns, correlations, scores, and what the change does to decisions."""
    skipped = judge.reason_to_pass(batch, labels=False)
    if skipped:
        return judge.write("drift_report", batch, {"judged": False, "sentence": skipped})
    answers = judge.answers(batch)
    version, released = judge.released(answers)
    against = compared_with(judge.solution, judge.store, batch, version, released)
    seen = _Seen(
        over(Profile.from_dict(judge.store.read_facts("profile", batch.key)), against.rows.grid),
        profile_of_scores(answers, against.scores.grid),
    )
    inputs = [c for c in column_drift(against.rows, seen.rows) if c.column in set(released["features"])]
    pairs = pair_drift(against.rows, seen.rows, alpha=judge.solution.alarm_error, only=released["features"])
    columns = judged_columns(
        [*inputs, *column_drift(against.scores, seen.scores)],
        pairs,
        alpha=judge.solution.alarm_error,
        effect_floor=judge.solution.monitoring.drift.effect,
    )
    muted = muted_columns(judge.store, batch)
    silent = {*muted, *(() if against.scores_like else (SCORE, DECISION))}
    verdict = _verdict(judge.solution, columns, pairs, many_moved(against.rows, seen.rows, columns), released, silent)
    model = _Model(judge, batch, version, released)
    did = model.consequences(against, [*verdict.matter, *verdict.moved])
    return judge.write(
        "drift_report",
        batch,
        {
            "judged": True,
            "version": version,
            "verdict": verdict,
            "columns": columns,
            "pairs_compared": against.rows.pairs is not None and seen.rows.pairs is not None,
            "pairs": [plain_pair(p) for p in pairs[:20] if p.significant],
            "sentence": "; ".join([verdict.sentence, *_said(did), *(m.sentence for m in muted.values())]),
            "against": against.words,
            "like": against.rows_like,
            "consequences": did,
            "attribution": model.attribution(),
            "importance": released["importance"],
            "picture": _strongest_picture(columns, against, seen),
            "prediction_profile": seen.scores.to_dict(),
            "newest_learned": released["newest_event"],
            "newest_row": _newest_row(judge, batch),
        },
    )


@dataclass(frozen=True)
class _Seen:
    """A batch summed up: its rows, and the scores and decisions it got."""

    rows: Profile
    scores: Profile


def profile_of_scores(answers: pd.DataFrame, grid: Grid) -> Profile:
    """Scores and decisions of a batch over the grid of the released model's."""
    return profile(answers[[SCORE, DECISION]].astype({DECISION: str}), grid)


def _verdict(
    solution: Solution,
    columns: Sequence[ColumnDrift],
    pairs: Sequence[PairDrift],
    together: JointShift | None,
    released: Facts,
    muted: Collection[str],
) -> DriftVerdict:
    rule = solution.monitoring.drift
    return judge_drift(
        columns,
        pairs=pairs,
        together=together,
        muted=muted,
        importance=released["importance"],
        effect_floor=rule.effect,
        weighted_floor=rule.importance,
        prediction_floor=rule.prediction_effect,
        association_floor=rule.association,
        alpha=solution.alarm_error,
    )


class _Model:
    """The model that answered a batch, asked again about its rows."""

    def __init__(self, judge: Judge, batch: Batch, version: int, released: Facts) -> None:
        self.judge, self.batch, self.version, self.released = judge, batch, version, released
        features = judge.store.read_frame("features", batch.key)
        self.ids, self.features = features[ID], features.drop(columns=[ID])

    def consequences(self, against: Compared, columns: Sequence[str]) -> tuple[Consequence, ...]:
        """What each column that moved did to decisions and money."""
        inputs = [c for c in dict.fromkeys(columns) if c in set(self.released["features"])]
        if not inputs:
            return ()
        case = self.judge.solution.business_case
        value = case.money(tuple(self.released["classes"]))
        model = self.judge.artifact(self.version)
        return consequences(
            model,
            self.features,
            against.rows,
            inputs[:MOST_EXPLAINED],
            groups=None if model.group_thresholds is None else self._groups(),
            value=value,
            unit=case.currency,
        )

    def _groups(self) -> pd.DataFrame:
        valid = self.judge.store.read_frame("valid_data", self.batch.key).set_index(ID, drop=False)
        return groups_of(self.judge.solution, valid.loc[self.ids].reset_index(drop=True))

    def attribution(self) -> list[Facts]:
        """What the scores hang on now, and did at the release; empty for a model released before that was recorded."""
        before = {s["column"]: s for s in self.released.get("sensitivity", ())}
        if not before:
            return []
        return [
            {"column": s.column, "share": s.share, "at_release": before[s.column]["share"], "n": s.change.n}
            for s in sensitivities(self.judge.artifact(self.version), self.features)
        ]


def _said(did: Sequence[Consequence]) -> list[str]:
    """The heaviest consequence in one sentence."""
    if not did:
        return []
    whole = did[-1]
    one = whole if whole.column == TOGETHER else did[0]
    name = "the columns that moved" if one.column == TOGETHER else one.column
    if one.changed.name == CHANGED_SHARE:
        told = f"{one.changed.value:.1%} of the decisions differ because of {name}"
    else:
        told = f"predictions differ by {one.changed.value:.3g} on average because of {name}"
    if one.money.estimable:
        told += f", {one.money.value:+.3g} {one.money.unit} per decision [{one.money.low:+.3g}, {one.money.high:+.3g}] by the scores alone"
    if one.column == TOGETHER:
        told += f", most by {did[0].column}"
    return [f"{told} (n = {one.changed.n:,})"]


def plain_pair(pair: PairDrift) -> Facts:
    """One change of correlation as a row."""
    return {"columns": f"{pair.one} × {pair.other}", "before": pair.before, "now": pair.now, "n": pair.n}


def _newest_row(judge: Judge, batch: Batch) -> str | None:
    arrival = judge.solution.data_pipeline.arrival
    if arrival is None or arrival.event_time is None:
        return None
    times = judge.store.read_frame("valid_data", batch.key, [TIME])[TIME]
    return times.max().isoformat() if len(times) else None


def _strongest_picture(columns: Sequence[ColumnDrift], against: Compared, seen: _Seen) -> Facts:
    """Shares of the column that moved most, reference against now."""
    top = max(columns, key=lambda c: c.effect).column
    before, now = (against.scores, seen.scores) if top in (SCORE, DECISION) else (against.rows, seen.rows)
    return {"column": top, "before": _shares(before, top), "now": _shares(now, top)}


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
    parts = [p for p in np.array_split(np.asarray(of.numeric[column].counts, dtype=float), 12) if len(p)]
    names = _bands(of.grid.edges[column], np.cumsum([0, *map(len, parts[:-1])]).tolist())
    return {name: float(part.sum()) / max(of.n, 1) for name, part in zip(names, parts, strict=True)}


def _bands(edges: Sequence[float], first: Sequence[int]) -> list[str]:
    """Names of bands of cells by the first cell of each: the value it begins with, or beyond which value it lies."""
    if len(edges) < 2:
        return [f"cell {cell}" for cell in first]
    begins = [edges[max(cell - 1, 0)] for cell in first]
    digits = next((d for d in (3, 6) if len({f"{edge:.{d}g}" for edge in begins}) == len(set(begins))), 17)
    names = [f"{edge:.{digits}g}" for edge in begins]
    if first[1] == 1:
        names[0] = f"below {names[0]}"
    if first[-1] == len(edges):
        names[-1] = f"above {edges[-2]:.{digits}g}"
    return names


def age_of_learning(facts: Facts) -> float | None:
    """Seconds between the newest row the model learned from and the newest row of the batch."""
    if not facts.get("newest_learned") or not facts.get("newest_row"):
        return None
    return (
        datetime.fromisoformat(facts["newest_row"]) - datetime.fromisoformat(facts["newest_learned"])
    ).total_seconds()

"""Why a batch did as it did, once its labels have come: other rows, or the same rows turning out otherwise; and where."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, ID, TRUTH
from ml_assets.learning.losses import row_loss
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.learning.shift import shift_weights
from ml_assets.releases import version_sample
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.judge import Judge, scores_of
from ml_assets.statistics.concept import ConceptShift, concept_test, row_excess
from ml_assets.statistics.decomposition import Decomposition, decompose
from ml_assets.statistics.segments import WorstSegments, worst_segments

FEWEST = 100
"""Labelled rows, of the batch and of the reference, from which causes are looked for."""
LOSS_UNITS = {"binary": "nats", "multiclass": "nats", "regression": "squared units of the target"}
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Side:
    """Labelled rows: inputs, truth, score(s) and decision."""

    inputs: pd.DataFrame
    truth: Array
    score: Array
    decision: Array


def find_causes(judge: Judge, batch: Batch, rows: pd.DataFrame, truth: Array, version: int, released: Facts) -> Facts:
    """The concept test, the change of loss and money split in two, and the segments where it happened.

    Compared with the calibration sample that travels with the model: rows it was calibrated on, not fitted on.
    """
    sample = version_sample(judge.models, judge.store, judge.solution.name, version)
    if sample is None:
        return {"judged": False, "sentence": "causes unknown: this version was released without a calibration sample"}
    if min(len(rows), len(sample)) < FEWEST:
        return {"judged": False, "sentence": f"causes unknown: fewer than {FEWEST} labelled rows to compare"}
    names = [f for f in released["features"] if f in sample.columns]
    features = judge.store.read_frame("features", batch.key).set_index(ID).loc[rows[ID], names].reset_index(drop=True)
    now = Side(features, truth, scores_of(rows, released), rows[DECISION].to_numpy())
    before = Side(sample[names], sample[TRUTH].to_numpy(), scores_of(sample, released), sample[DECISION].to_numpy())
    return _found(judge, now, before, released)


def _found(judge: Judge, now: Side, before: Side, released: Facts) -> Facts:
    task, error = judge.solution.task, judge.solution.alarm_error
    specs = feature_specs(before.inputs)
    weights = shift_weights(before.inputs, now.inputs, specs, seed=judge.solution.model.seed) if specs else None
    weight = weights.weights if weights is not None and weights.usable else None
    concept = concept_test(now.truth, now.score, before.truth, before.score, task=task, weight=weight, alpha=error)
    splits = _splits(judge, now, before, weight, released) if weight is not None else []
    segments = _segments(now, before, task, error)
    why = f"not split into causes: {weights.sentence}" if weights is not None and weight is None else ""
    return {
        "judged": True,
        "concept": concept,
        "splits": splits,
        "segments": segments,
        "sentence": "; ".join(filter(None, _sentences(concept, splits, segments, why))),
    }


def _splits(judge: Judge, now: Side, before: Side, weight: Array, released: Facts) -> list[Decomposition]:
    """The change of the mean loss, and of the money per decision."""
    task, case = judge.solution.task, judge.solution.business_case
    value = case.money(tuple(released["classes"]))
    losses = [row_loss(side.truth, side.score, task=task) for side in (now, before)]
    money = [value.money(side.truth, side.decision) for side in (now, before)]
    return [
        decompose(losses[0], losses[1], weight, name="loss", unit=LOSS_UNITS[task]),
        decompose(money[0], money[1], weight, name="money per decision", unit=case.currency),
    ]


def _segments(now: Side, before: Side, task: str, error: float) -> WorstSegments:
    """Where outcomes differ from what the scores said; of several classes, where the decision is right less often."""
    if task == "multiclass":
        sides = [(_hit(side), _confidence(side)) for side in (now, before)]
        excess = row_excess(*sides[0], *sides[1], task="binary")
    else:
        excess = row_excess(
            now.truth, now.score, before.truth, before.score, task="binary" if task == "binary" else "regression"
        )
    return worst_segments(
        now.inputs, excess[0], reference_frame=before.inputs, reference_residual=excess[1], alpha=error
    )


def _hit(side: Side) -> Array:
    return np.asarray(side.truth == side.decision, dtype=np.float64)


def _confidence(side: Side) -> Array:
    return np.asarray(side.score[np.arange(len(side.score)), side.decision.astype(np.int64)], dtype=np.float64)


def _sentences(concept: ConceptShift, splits: list[Decomposition], segments: WorstSegments, why: str) -> list[str]:
    where = segments.sentence if segments.segments else ""
    return [concept.sentence, *(s.sentence for s in splits), why, where]

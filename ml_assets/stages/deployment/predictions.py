"""``predictions``: the live model's answers for a batch, logged by id; an answer is never rewritten by a later model."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.declaration.arrival import Batch
from ml_assets.errors import ArtifactError
from ml_assets.evidence import Verdict
from ml_assets.graph import Stage, batch_check, each_batch
from ml_assets.history import DECISION, ID, SCORE, VERSION, groups_of, is_blocked
from ml_assets.releases import Live, require_live
from ml_assets.resources import Registry, SolutionStore, Store

STAGE = "deployment"
CLASS_SCORE = "ml:score:"


def build_predictions(solution: Solution) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    """The asset and its checks."""
    stage = Stage(solution, STAGE)

    @stage.asset(
        "predictions",
        "Score and decision of the live model for every row, with model version, data and code version.",
        kinds=["parquet", "mlflow"],
        deps=["features", "champion"],
        per_batch=True,
    )
    def predictions(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], registry: dg.ResourceParam[Registry]
    ) -> dg.MaterializeResult[Any]:
        opened: list[Live] = []

        def score(batch: Batch) -> dict[str, Any]:
            if is_blocked(store.of(solution.name), batch.key):
                return {"rows": 0, "state": "blocked: the batch broke its contract"}
            if not opened:
                opened.append(require_live(registry.models, solution.name))
            return score_batch(solution, store.of(solution.name), opened[0], batch, run_id=context.run.run_id)

        return dg.MaterializeResult(metadata=each_batch(context, solution, score))

    checks = [
        batch_check(
            solution,
            "predictions",
            "complete",
            _complete,
            description="Every valid row of the batch has exactly one answer.",
        ),
        batch_check(
            solution, "predictions", "scores_are_sound", _sound, description="Scores are numbers, and not all the same."
        ),
    ]
    return predictions, checks


def score_batch(solution: Solution, store: SolutionStore, live: Live, batch: Batch, *, run_id: str) -> dict[str, Any]:
    """Answer the rows of a batch that have no answer yet (a table: none of this version), and append them to its log."""
    features = store.read_frame("features", batch.key)
    log = store.read_frame("predictions", batch.key) if store.has_frame("predictions", batch.key) else None
    known = (
        set()
        if log is None
        else set(log[ID] if solution.data_pipeline.is_stream else log.loc[log[VERSION] == live.version.version, ID])
    )
    new = features[~features[ID].isin(known)]
    if len(new):
        answered = answer(
            solution,
            live,
            new,
            data_digest=store.read_facts("features", batch.key)["digest"],
            run_id=run_id,
            groups=groups_to_decide_by(solution, store, live, batch, new),
        )
        log = answered if log is None else pd.concat([log, answered], ignore_index=True)
        store.write_frame("predictions", log, batch.key)
    assert log is not None
    newest = log[log[VERSION] == log[VERSION].max()] if not solution.data_pipeline.is_stream else log
    positive = float(newest[DECISION].astype(float).mean()) if solution.task == "binary" else float("nan")
    shown: dict[str, Any] = {
        "rows": len(newest),
        "new_rows": len(new),
        "model_version": int(newest[VERSION].max()),
        "mean_score": float(newest[SCORE].mean()),
        "dagster/row_count": len(newest),
        "state": "scored",
    }
    return shown | ({"decided_positive": positive} if positive == positive else {})


def groups_to_decide_by(
    solution: Solution, store: SolutionStore, live: Live, batch: Batch, rows: pd.DataFrame
) -> pd.DataFrame | None:
    """The audit groups of rows, made from the valid rows they came from; None for a model that does not read them.

    ``ArtifactError`` when the model decides by group and the declaration forbids it by now.
    """
    thresholds = live.artifact().group_thresholds
    if thresholds is None:
        return None
    if solution.model_bias.group_at_decision != "allowed":
        raise ArtifactError(
            "the live model decides by group, and the declaration forbids it",
            got=f"thresholds by {thresholds.attribute}",
            allowed="model_bias.group_at_decision: allowed, or a model without group thresholds",
            do="Roll back, or materialize mitigation … champion again",
        )
    valid = store.read_frame("valid_data", batch.key).set_index(ID, drop=False).loc[rows[ID]]
    return groups_of(solution, valid.reset_index(drop=True))


def answer(
    solution: Solution,
    live: Live,
    rows: pd.DataFrame,
    *,
    data_digest: str,
    run_id: str,
    groups: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Answers of the live model, one row per row, with everything needed to trace them."""
    artifact = live.artifact()
    found = artifact.predict(rows.drop(columns=[ID]), groups=groups)
    score = np.asarray(found.score)
    columns: dict[str, Any] = {
        ID: rows[ID].to_numpy(),
        SCORE: score.max(axis=1) if score.ndim == 2 else score,
        DECISION: np.asarray(found.decision),
    }
    if score.ndim == 2:
        columns |= {f"{CLASS_SCORE}{c}": score[:, i] for i, c in enumerate(artifact.classes)}
    out = pd.DataFrame(columns)
    return out.assign(
        **{
            VERSION: live.version.version,
            "ml:model_digest": live.facts["digest"][:16],
            "ml:data_digest": data_digest,
            "ml:declaration": solution.version(),
            "ml:run": run_id,
            "ml:scored_at": datetime.now(UTC).replace(tzinfo=None),
        }
    )


def newest_answers(store: SolutionStore, batch: str) -> pd.DataFrame:
    """One answer per id: the newest version's for a table that was scored by several."""
    log = store.read_frame("predictions", batch)
    return log.sort_values(VERSION, kind="stable").drop_duplicates(ID, keep="last").reset_index(drop=True)


def _complete(store: SolutionStore, batch: Batch) -> Verdict:
    if is_blocked(store, batch.key):
        return Verdict(False, "not scored: the batch is blocked", act=False)
    ids = store.read_frame("features", batch.key, [ID])[ID]
    log = store.read_frame("predictions", batch.key, [ID, VERSION])
    missing = int((~ids.isin(log[ID])).sum())
    double = int(log.duplicated([ID, VERSION]).sum())
    sentence = f"{len(ids):,} rows, {missing:,} without an answer, {double:,} answered twice by one version"
    return Verdict(missing == 0 and double == 0, sentence, {"missing": missing, "double": double, "rows": len(ids)})


def _sound(store: SolutionStore, batch: Batch) -> Verdict:
    if is_blocked(store, batch.key):
        return Verdict(False, "not scored: the batch is blocked", act=False)
    score = store.read_frame("predictions", batch.key, [SCORE])[SCORE]
    bad = int((~np.isfinite(score)).sum())
    constant = len(score) > 20 and float(score.max() - score.min()) == 0.0
    sentence = (
        f"{bad:,} of {len(score):,} scores are no numbers"
        if bad
        else "every row got the same score"
        if constant
        else f"{len(score):,} scores from {score.min():.3g} to {score.max():.3g}"
    )
    return Verdict(bad == 0 and not constant, sentence, {"bad_scores": bad, "mean_score": float(score.mean())})

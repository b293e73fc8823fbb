"""``champion``: the release decision with its evidence. Only this asset, an approval and a rollback move the alias."""

import shutil
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.errors import MLAssetsError
from ml_assets.evidence import Verdict, check_result, image, numbers, table
from ml_assets.graph import EVIDENCE_TAG, REASON_TAG, TRIGGER_TAG, Stage, key, solution_check
from ml_assets.releases import (
    ARTIFACT,
    SAMPLES,
    Live,
    challenger,
    live_model,
    open_version,
    require_judged,
    validated,
    write_release,
    write_sample,
)
from ml_assets.resources import Registry, SolutionStore, Store
from ml_assets.resources.packaging import write_mlmodel
from ml_assets.resources.registry import ModelRegistry
from ml_assets.resources.store import Facts, plain
from ml_assets.stages.deployment.recording import against_the_champion, training_record

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.history import Learned

STAGE = "deployment"
EXAMPLE_ROWS = 5
DEPS = (
    "evaluation",
    "explanation",
    "model_bias_report",
    "mitigation",
    "business_case",
    "success_criteria",
    "baseline_value",
    "bias_remediation_plan",
    "profile",
)


def build_champion(solution: Solution) -> tuple[dg.AssetsDefinition, list[dg.AssetChecksDefinition]]:
    """The asset and its checks."""
    stage = Stage(solution, STAGE)
    stale = solution.stale_after

    @stage.asset(
        "champion",
        "The live model: an alias in the registry, moved only when every gate passes; this asset is the decision and its evidence.",
        kinds=["mlflow"],
        deps=DEPS,
        freshness=stale,
        pool="model_registry",
    )
    def champion(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], registry: dg.ResourceParam[Registry]
    ) -> dg.MaterializeResult[Any]:
        facts = decide_release(solution, store.of(solution.name), registry.models, run=_run_facts(context))
        link = registry.models.link(solution.name, facts["mlflow_run"])
        shown = dg.MetadataValue.url(link) if link.startswith("http") else dg.MetadataValue.text(link)
        return dg.MaterializeResult(metadata=_shown(solution, facts) | {"mlflow_run": shown})

    @dg.asset_check(
        asset=key(solution, "champion"),
        name="released_model_intact",
        description="The alias leads to a model whose bytes are those that were released.",
    )
    def intact(registry: dg.ResourceParam[Registry]) -> dg.AssetCheckResult:
        return check_result(_intact(registry.models, solution.name))

    gates = solution_check(
        solution, "champion", "release_gates", _gates_verdict, description="Every gate of the release decision passed."
    )
    return champion, [gates, intact]


def _run_facts(context: dg.AssetExecutionContext) -> Facts:
    tags = context.run.tags
    return {
        "run_id": context.run.run_id,
        "trigger": tags.get(TRIGGER_TAG, "by hand"),
        "reason": tags.get(REASON_TAG, "materialized by hand"),
        "evidence": tags.get(EVIDENCE_TAG, ""),
    }


def decide_release(solution: Solution, store: SolutionStore, models: ModelRegistry, *, run: Facts) -> Facts:
    """Judge the final artifact by every gate; on success register it and, unless a person must approve, make it live."""
    from ml_assets.stages.deployment.gates import gates

    require_judged(store)
    live = live_model(models, solution.name)
    found, comparison = gates(solution, store, live)
    failed = [g for g in found if not g.passed]
    outcome = (
        "refused" if failed else "waiting for approval" if solution.deployment.approval == "manual" else "released"
    )
    decision: Facts = {
        "outcome": outcome,
        "gates": [asdict(g) for g in found],
        "comparison": comparison,
        "decided_at": datetime.now(UTC),
        "champion_before": live.version.version if live else None,
        "live_version": live.version.version if live else 0,
        "version": None,
        "mlflow_run": None,
        **run,
        "sentence": _sentence(
            outcome, [g.name for g in failed], [g.sentence for g in failed], comparison.sentence if comparison else None
        ),
    }
    if outcome == "refused":
        decision["mlflow_run"] = models.log(solution.name, training_record(solution, store, decision))
    else:
        version = _register(solution, store, models, decision)
        decision |= {"version": version, "live_version": version if outcome == "released" else decision["live_version"]}
    store.write_facts("decisions", decision, run["run_id"])
    return store.write_facts("champion", decision)


def _sentence(outcome: str, failed: list[str], why: list[str], comparison: str | None) -> str:
    if outcome == "refused":
        return f"refused by {len(failed)} gate{'s' if len(failed) > 1 else ''}: " + "; ".join(
            f"{n} ({w})" for n, w in zip(failed[:3], why[:3], strict=True)
        )
    return f"{outcome}: every gate passed" + (f"; {comparison}" if comparison else "; it is the first model")


def _register(solution: Solution, store: SolutionStore, models: ModelRegistry, decision: Facts) -> int:
    released = release_facts(solution, store) | {"champion_before": decision["champion_before"]}
    sample = _sample(solution, store)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        folder.mkdir()
        shutil.copytree(store.folder("mitigation", "final"), folder / ARTIFACT)
        released["calibration_sample"] = write_sample(folder, sample) if len(sample) else None
        digest = write_release(folder, plain(released))
        write_mlmodel(folder, challenger(store), ARTIFACT, _example(solution, store))
        training = training_record(solution, store, decision)
        version = models.register(solution.name, folder, digest=digest, training=training)
    decision["mlflow_run"] = version.run_id
    store.write_facts("releases", released, str(version.version))
    if len(sample):
        store.write_frame(SAMPLES, sample, str(version.version))
    if decision["outcome"] == "released":
        models.promote(version)
    return version.version


def _sample(solution: Solution, store: SolutionStore) -> "pd.DataFrame":
    from ml_assets.history import training_rows
    from ml_assets.stages.deployment.reference import calibration_sample

    validation = training_rows(solution, store, weights=False).part("validation")
    return calibration_sample(validated(store), validation, [s.name for s in challenger(store).specs])


def _example(solution: Solution, store: SolutionStore) -> "pd.DataFrame":
    """A few rows of features as the model is fed with them: the first of the validation part."""
    from ml_assets.history import training_rows

    return training_rows(solution, store, weights=False).part("validation").table.features.head(EXAMPLE_ROWS)


def release_facts(solution: Solution, store: SolutionStore) -> Facts:
    """What travels with the model: its hash, reference profiles, importance, released figures, and what it learned from."""
    from ml_assets.history import training_rows
    from ml_assets.learning.consequences import sensitivities
    from ml_assets.stages.deployment.gates import learned_batches
    from ml_assets.stages.deployment.reference import (
        Unseen,
        by_season,
        features_profile,
        predictions_profile,
        renew_grid,
    )

    digest = store.read_facts("mitigation")["digest"]
    artifact = challenger(store)
    training = store.read_facts("training_set")
    batches = learned_batches(store)
    renewed = renew_grid(store, batches)
    learned = training_rows(solution, store, weights=False)
    validation = learned.part("validation")
    held_out = learned.but("train")
    unseen = Unseen(validated(store), artifact)
    scores = predictions_profile(unseen, _score_reference(solution, learned))
    importance = {f["feature"]: f["share"] for f in store.read_facts("explanation")["importance"]}
    return {
        "digest": digest,
        "training_digest": training["digest"],
        "declaration": solution.version(),
        "learned_batches": batches,
        "batches": training["batches"],
        "newest_event": training["newest_event"],
        "features": [s.name for s in artifact.specs],
        "classes": list(artifact.classes),
        "importance": importance,
        "metrics": store.read_facts("evaluation")["metrics"],
        "family": artifact.predictor.family,
        "remedy": artifact.facts["remedy"],
        "refit": artifact.facts.get("refit"),
        "grid_renewed_for": list(renewed),
        "reference": features_profile(store, batches).to_dict(),
        "prediction_reference": scores.to_dict(),
        "seasons": by_season(solution, store, batches, unseen, held_out, scores.grid),
        "sensitivity": [plain(s) for s in sensitivities(artifact, validation.table.features)],
        "baseline_value": store.read_facts("baseline_value")["figures"],
        "fairness": store.read_facts("model_bias_report")["verdict"],
    }


def _score_reference(solution: Solution, learned: "Learned") -> "Learned":
    """The newest rows of a stream, under the final solution itself; of a table the validation rows, since it is watched on its
    test rows.
    """
    return learned.part("test" if solution.data_pipeline.is_stream else "validation")


def _shown(solution: Solution, facts: Facts) -> dict[str, Any]:
    gates = [{"gate": g["name"], "passed": g["passed"], "evidence": g["sentence"]} for g in facts["gates"]]
    metadata: dict[str, Any] = {
        "decision": facts["outcome"],
        "why": facts["sentence"],
        "gates": table(gates),
        "live_version": facts["live_version"],
        "trigger": facts["trigger"],
        "reason": facts["reason"],
        "failed_gates": sum(not g["passed"] for g in facts["gates"]),
        "rollback": f"ml-assets rollback {solution.name}",
    }
    if facts["comparison"]:
        metadata |= numbers({"gain_over_champion": facts["comparison"]["difference"]["value"]})
        if picture := image(against_the_champion(facts["comparison"])):
            metadata["against the champion"] = dg.MetadataValue.md(picture)
    return metadata


def _gates_verdict(store: SolutionStore) -> Verdict:
    facts = store.read_facts("champion")
    failed = [g for g in facts["gates"] if not g["passed"]]
    rows = [{"gate": g["name"], "passed": g["passed"], "evidence": g["sentence"]} for g in facts["gates"]]
    return Verdict(not failed, facts["sentence"], {"failed_gates": len(failed), "gates": len(rows)}, rows, act=False)


def _intact(models: ModelRegistry, solution: str) -> Verdict:
    version = models.champion(solution)
    if version is None:
        return Verdict(False, "there is no champion yet: no model has passed every gate", act=False)
    try:
        live: Live = open_version(models, version)
        live.artifact()
        live.calibration_sample()
    except MLAssetsError as error:
        return Verdict(False, str(error))
    return Verdict(
        True,
        f"version {version.version} is what was released (sha256 {live.facts['digest'][:12]}…)",
        {"version": version.version},
    )

"""Fit, compare, choose: what the assets of part 6 do with the training and validation parts."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from ml_assets.declaration import Solution
from ml_assets.history import Learned, training_rows
from ml_assets.learning.artifact import SolutionArtifact, load, save
from ml_assets.learning.blending import BLEND
from ml_assets.learning.candidates import DEFAULT_CANDIDATES, family
from ml_assets.learning.devices import device_in_use
from ml_assets.learning.finishing import Finished, finish, train
from ml_assets.learning.held_out import choosing_clusters, choosing_losses, enough
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Parameters, Predictor
from ml_assets.learning.resampling import Fold
from ml_assets.learning.selection import Scored, Selection, select
from ml_assets.recipes import declared_recipe
from ml_assets.releases import require_same_rows
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.stages.model.searching import look_for_parameters, search_facts, search_folds
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import evaluate, names_for

BASELINES = ("dummy", "single_feature")
RULE_NAME = "simple_rule"
GROWN_ON_A_DEVICE = ("xgboost", BLEND)
"""Families that are fitted on the declared device; every other one knows the processor alone."""


def candidate_names(solution: Solution) -> tuple[str, ...]:
    """Declared candidates, or those that suit the task; the baselines take part in any case."""
    declared = solution.model.candidates or DEFAULT_CANDIDATES[solution.task]
    return tuple(dict.fromkeys(c for c in declared if c not in BASELINES))


def fit_all(
    solution: Solution,
    store: SolutionStore,
    asset: str,
    names: tuple[str, ...],
    *,
    warm: Mapping[str, Parameters] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> Facts:
    """Fit models on the training part, judge them on the validation part, keep each as an artifact.

    Candidates are fitted with the parameters that the declared search found; ``warm`` are those it begins with.
    """
    rows = training_rows(solution, store)
    searched = look_for_parameters(solution, rows, names, warm=warm or {}, log=log) if asset == "candidates" else None
    validation = rows.part("validation")
    judged = {}
    device = device_in_use(solution.model.device)
    for name in names:
        recipe = declared_recipe(solution, name)
        if searched is not None and name in searched.found:
            recipe = recipe.given(searched.found[name])
        begun = time.perf_counter()
        artifact = _fitted(solution, rows, name, recipe)
        digest = save(artifact, store.folder(asset, name), overwrite=True)
        judged[name] = {
            "digest": digest,
            "seconds": time.perf_counter() - begun,
            "complexity": family(name).complexity,
            "inputs": [spec.name for spec in artifact.specs],
            "parameters": dict(artifact.predictor.parameters),
            "given": dict(recipe.parameters),
            "device": device if name in GROWN_ON_A_DEVICE else "cpu",
            "metrics": figures(solution, artifact, validation),
        }
    if asset == "baselines" and validation.rule is not None:
        judged[RULE_NAME] = {
            "digest": None,
            "seconds": 0.0,
            "complexity": -1,
            "inputs": [],
            "parameters": {},
            "given": {},
            "device": "cpu",
            "metrics": rule_figures(solution, validation),
        }
    return store.write_facts(
        asset,
        {
            "models": judged,
            "validation_rows": len(validation.table),
            "training_digest": store.read_facts("training_set")["digest"],
            "search": search_facts(searched) if searched is not None else None,
        },
    )


def _fitted(solution: Solution, rows: Learned, name: str, recipe: Recipe) -> SolutionArtifact:
    return train(
        name,
        rows.table,
        solution=solution.name,
        value=solution.business_case.money(rows.table.classes),
        recipe=recipe,
        calibration="none",
        excluded_groups=sorted(solution.never_inputs),
    ).artifact


def figures(solution: Solution, artifact: SolutionArtifact, rows: Learned) -> list[Estimate]:
    """Every metric of the task on rows, with intervals."""
    answer = artifact.predict(rows.table.features)
    return judge(solution, rows, score=answer.score, decision=answer.decision)


def rule_figures(solution: Solution, rows: Learned) -> list[Estimate]:
    """The same for the simple rule, which decides but gives no probability."""
    assert rows.rule is not None
    return judge(solution, rows, score=rows.rule if solution.task == "regression" else None, decision=rows.rule)


def judge(solution: Solution, rows: Learned, *, score: Any, decision: Any) -> list[Estimate]:
    """Metrics from scores and decisions, rows of one cluster as one draw; without a score those that need none."""
    table = rows.table
    money = solution.business_case.money(table.classes).money(table.truth, decision)
    cluster = None if table.cluster is None else cluster_codes(table.cluster, len(table))
    from ml_assets.statistics.metrics import METRICS

    found = []
    for name in names_for(solution.task):
        if METRICS[name].needs == "score" and score is None:
            continue
        found.append(
            evaluate(
                name,
                table.truth,
                score=score,
                decision=decision,
                money=money,
                seed=solution.model.seed,
                currency=solution.business_case.currency,
                cluster=cluster,
            )
        )
    return found


def _choosing_folds(solution: Solution, rows: Learned) -> tuple[Fold, ...]:
    """Of the training rows of a table, where validation rows alone are too few.

    None without a search, which is what pays for more fits; none of a stream, where the newest rows are the ones to ask.
    """
    if solution.model.search is None or solution.time_split or enough(rows.part("validation").table):
        return ()
    return search_folds(solution, rows.part("train"))


def _scored(
    solution: Solution, store: SolutionStore, rows: Learned, folds: tuple[Fold, ...]
) -> tuple[list[Scored], dict[str, Predictor]]:
    """Every stored model with the losses it is chosen by."""
    scored, found = [], {}
    for asset in ("baselines", "candidates"):
        require_same_rows(store, asset, str(store.read_facts(asset).get("training_digest", "unknown")))
        for name, facts in store.read_facts(asset)["models"].items():
            if facts["digest"] is None:
                continue
            artifact = load(store.folder(asset, name), digest=facts["digest"])
            recipe = declared_recipe(solution, name).given(facts["given"])
            loss = choosing_losses(name, artifact.score, rows.table, recipe=recipe, folds=folds)
            scored.append(Scored(name, facts["complexity"], loss))
            found[name] = artifact.predictor
    return scored, found


def choose(solution: Solution, store: SolutionStore) -> tuple[Finished, Selection, str]:
    """The simplest model within one standard error of the best, calibrated, with its threshold; stored as ``model``.

    Where a search was declared and validation rows of a table are few, the rows that its folds hold out have a say too.
    """
    rows = training_rows(solution, store)
    folds = _choosing_folds(solution, rows)
    scored, found = _scored(solution, store, rows, folds)
    told = "loss on validation rows and held-out folds" if folds else "validation loss"
    selection = select(scored, cluster=choosing_clusters(rows.table, folds), told=told)
    facts = store.read_facts("training_set")
    done = finish(
        found[selection.chosen],
        rows.table,
        solution=solution.name,
        value=solution.business_case.money(rows.table.classes),
        calibration=solution.model.calibration,
        excluded_groups=sorted(solution.never_inputs),
        seed=solution.model.seed,
        facts={
            "training_digest": facts["digest"],
            "declaration": solution.version(),
            "newest_event": facts["newest_event"],
            "batches": facts["batches"],
            "remedy": "as weighted",
            "seed": solution.model.seed,
        },
    )
    digest = save(done.artifact, store.folder("model", "current"), overwrite=True)
    return done, selection, digest

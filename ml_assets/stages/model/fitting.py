"""Fit, compare, choose: what the assets of part 6 do with the training and validation parts."""

import time
from typing import Any

import numpy as np

from ml_assets.declaration import Solution
from ml_assets.history import Learned, training_rows
from ml_assets.learning.artifact import SolutionArtifact, load, save
from ml_assets.learning.candidates import DEFAULT_CANDIDATES, family
from ml_assets.learning.finishing import Finished, finish, train
from ml_assets.learning.losses import row_loss
from ml_assets.learning.selection import Scored, Selection, select
from ml_assets.releases import require_same_rows
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import evaluate, names_for

BASELINES = ("dummy", "single_feature")
RULE_NAME = "simple_rule"


def candidate_names(solution: Solution) -> tuple[str, ...]:
    """Declared candidates, or those that suit the task; the baselines take part in any case."""
    declared = solution.model.candidates or DEFAULT_CANDIDATES[solution.task]
    return tuple(dict.fromkeys(c for c in declared if c not in BASELINES))


def fit_all(solution: Solution, store: SolutionStore, asset: str, names: tuple[str, ...]) -> Facts:
    """Fit models on the training part, judge them on the validation part, keep each as an artifact."""
    rows = training_rows(solution, store)
    money = solution.business_case.money(rows.table.classes)
    validation = rows.part("validation")
    judged = {}
    for name in names:
        begun = time.perf_counter()
        done = train(
            name,
            rows.table,
            solution=solution.name,
            value=money,
            seed=solution.model.seed,
            parameters=solution.model.parameters.get(name),
            device=solution.model.device,
            calibration="none",
            excluded_groups=sorted(solution.never_inputs),
        )
        digest = save(done.artifact, store.folder(asset, name), overwrite=True)
        judged[name] = {
            "digest": digest,
            "seconds": time.perf_counter() - begun,
            "complexity": family(name).complexity,
            "parameters": dict(done.artifact.predictor.parameters),
            "metrics": figures(solution, done.artifact, validation),
        }
    if asset == "baselines" and validation.rule is not None:
        judged[RULE_NAME] = {
            "digest": None,
            "seconds": 0.0,
            "complexity": -1,
            "parameters": {},
            "metrics": rule_figures(solution, validation),
        }
    return store.write_facts(
        asset,
        {
            "models": judged,
            "validation_rows": len(validation.table),
            "training_digest": store.read_facts("training_set")["digest"],
        },
    )


def figures(solution: Solution, artifact: SolutionArtifact, rows: Learned) -> list[Estimate]:
    """Every metric of the task on rows, with intervals."""
    answer = artifact.predict(rows.table.features)
    return judge(solution, rows, score=answer.score, decision=answer.decision)


def rule_figures(solution: Solution, rows: Learned) -> list[Estimate]:
    """The same for the simple rule, which decides but gives no probability."""
    assert rows.rule is not None
    return judge(solution, rows, score=rows.rule if solution.task == "regression" else None, decision=rows.rule)


def judge(solution: Solution, rows: Learned, *, score: Any, decision: Any) -> list[Estimate]:
    """Metrics from scores and decisions; those that need a score are left out where there is none."""
    table = rows.table
    money = solution.business_case.money(table.classes).money(table.truth, decision)
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
            )
        )
    return found


def choose(solution: Solution, store: SolutionStore) -> tuple[Finished, Selection, str]:
    """The simplest model within one standard error of the best, calibrated, with its threshold; stored as ``model``."""
    rows = training_rows(solution, store)
    validation = rows.part("validation")
    scored, found = [], {}
    for asset in ("baselines", "candidates"):
        require_same_rows(store, asset, str(store.read_facts(asset).get("training_digest", "unknown")))
        for name, facts in store.read_facts(asset)["models"].items():
            if facts["digest"] is None:
                continue
            artifact = load(store.folder(asset, name), digest=facts["digest"])
            loss = row_loss(
                validation.table.truth, np.asarray(artifact.score(validation.table.features)), task=solution.task
            )
            scored.append(Scored(name, facts["complexity"], loss))
            found[name] = artifact
    selection = select(scored)
    facts = store.read_facts("training_set")
    done = finish(
        found[selection.chosen].predictor,
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

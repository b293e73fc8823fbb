"""Assets of part 6."""

from typing import Any

import dagster as dg

from ml_assets.declaration import Solution
from ml_assets.evidence import curve, intervals, numbers, table
from ml_assets.graph import Stage
from ml_assets.resources import Registry, SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.stages.model.checks import worst_slice_rows
from ml_assets.statistics.estimate import Estimate

STAGE = "model"
FOLLOWED = 5
"""Strongest features of which the explanation draws how the score follows them."""


def build_assets(solution: Solution) -> list[dg.AssetsDefinition]:
    """baselines, candidates, model, evaluation, explanation, data_worth. Bodies import learning libraries when they run."""
    stage = Stage(solution, STAGE)
    return [
        _fitted(stage, "baselines"),
        _fitted(stage, "candidates"),
        _model(stage),
        _evaluation(stage),
        _explanation(stage),
        _data_worth(stage),
    ]


DESCRIPTIONS = {
    "baselines": "What must be beaten: a model that knows nothing, one that knows one feature, and the simple rule.",
    "candidates": "Models that compete, fitted on the training part and judged on the validation part.",
}


def _fitted(stage: Stage, asset: str) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        asset,
        DESCRIPTIONS[asset],
        kinds=["scikitlearn", "xgboost"] if asset == "candidates" else ["scikitlearn"],
        deps=["training_set", "sample_weights"],
    )
    def fitted(store: dg.ResourceParam[Store], registry: dg.ResourceParam[Registry]) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.model.behaving import require_behaviour
        from ml_assets.stages.model.fitting import BASELINES, candidate_names, fit_all
        from ml_assets.stages.model.searching import live_parameters, shown_search

        require_behaviour(solution, store.of(solution.name))
        names = BASELINES if asset == "baselines" else candidate_names(solution)
        warm = live_parameters(solution, registry.models) if asset == "candidates" and solution.model.search else {}
        log = dg.get_dagster_logger().info
        facts = fit_all(solution, store.of(solution.name), asset, names, warm=warm, log=log)
        shown = _compared(solution, facts) | shown_search(facts["search"])
        return dg.MaterializeResult(metadata=shown | (_device(solution) if asset == "candidates" else {}))

    return fitted


def _device(solution: Solution) -> dict[str, str]:
    """Where another device than the processor is declared: the one in use."""
    if solution.model.device == "cpu":
        return {}
    from ml_assets.learning.devices import device_told

    return {"device": device_told(solution.model.device)}


def _compared(solution: Solution, facts: Facts) -> dict[str, Any]:
    rows = []
    for name, found in facts["models"].items():
        rows.append({"model": name, "seconds": found["seconds"]} | {m["name"]: m["value"] for m in found["metrics"]})
    main = [
        Estimate(**{**m, "name": n, "value": _number(m["value"]), "low": _number(m["low"]), "high": _number(m["high"])})
        for n, f in facts["models"].items()
        for m in f["metrics"]
        if m["name"] == solution.main_metric
    ]
    shown: dict[str, Any] = {
        "validation": table(rows),
        "validation_rows": facts["validation_rows"],
        "seconds": float(sum(f["seconds"] for f in facts["models"].values())),
    }
    if main:
        shown["picture"] = dg.MetadataValue.md(intervals(f"{solution.main_metric} on validation", main))
    return shown


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _model(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "model",
        f"{solution.business_case.prediction}: the simplest candidate within one standard error of the best, calibrated, with its threshold.",
        kinds=["xgboost", "scikitlearn"],
        deps=["baselines", "candidates"],
    )
    def model(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return _choose(solution, store.of(solution.name))

    return model


def _choose(solution: Solution, store: SolutionStore) -> dg.MaterializeResult[Any]:
    from ml_assets.stages.model.fitting import choose

    done, selection, digest = choose(solution, store)
    threshold = done.threshold
    facts = store.write_facts(
        "model",
        {
            "digest": digest,
            "selection": selection,
            "threshold": threshold.threshold if threshold else None,
            "money_per_decision": threshold.money_per_decision if threshold else None,
            "calibration": done.calibration.reason if done.calibration else "not applicable",
            "calibration_kept": done.calibration.kept if done.calibration else False,
            "curve": list(threshold.curve) if threshold else [],
        },
    )
    rows = [
        {
            "candidate": r["name"],
            "loss": r["loss"]["value"],
            "behind the best": r["behind"],
            "its error": r["error"],
            "within one SE": r["eligible"],
            "chosen": r["chosen"],
        }
        for r in facts["selection"]["table"]
    ]
    metadata: dict[str, Any] = {
        "chosen": selection.chosen,
        "why": selection.sentence,
        "candidates": table(rows),
        "calibration": facts["calibration"],
        "digest": digest,
    }
    if threshold is not None:
        picture = curve(
            f"{solution.business_case.currency} per decision by threshold",
            [(a, b) for a, b in threshold.curve],
            mark=threshold.threshold,
        )
        metadata |= {
            "threshold": threshold.threshold,
            "money_per_decision": threshold.money_per_decision,
            "cost_curve": dg.MetadataValue.md(picture),
        }
        metadata = {
            k: v for k, v in metadata.items() if not (isinstance(v, float) and v in (float("inf"), float("-inf")))
        }
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(digest[:16]))


def _evaluation(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "evaluation",
        "The final solution on rows it has never seen: every metric with its interval, criteria, slices; the reads of the test part are counted.",
        kinds=["report"],
        deps=["model", "mitigation", "success_criteria", "training_set"],
        sections=["success_criteria", "business_case"],
    )
    def evaluation(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.model.judging import evaluate_final

        return dg.MaterializeResult(metadata=_shown(solution, evaluate_final(solution, store.of(solution.name))))

    return evaluation


def _shown(solution: Solution, facts: Facts) -> dict[str, Any]:
    from ml_assets.stages.model.explaining import contributions_shown

    rivals = [
        {"model": name} | {m["name"]: m["value"] for m in metrics} for name, metrics in facts["baselines"].items()
    ]
    slices = [
        {
            "slice": f"{s['attribute']}={s['group']}",
            "metric": s["metric"],
            "value": s["estimate"]["value"],
            "low": s["estimate"]["low"],
            "high": s["estimate"]["high"],
            "n": s["estimate"]["n"],
        }
        for s in facts["slices"]
    ]
    estimates = [
        Estimate(**{**m, "value": _number(m["value"]), "low": _number(m["low"]), "high": _number(m["high"])})
        for m in facts["metrics"]
    ]
    metadata: dict[str, Any] = {
        "metrics": table(
            [{"metric": e.name, "value": e.value, "low": e.low, "high": e.high, "n": e.n} for e in estimates]
        ),
        "criteria": table(
            [
                {"criterion": c["criterion"], "met": c["met"], "beyond doubt": c["sure"], "evidence": c["sentence"]}
                for c in facts["criteria"]
            ]
        ),
        "baselines": table(rivals),
        "slices": table(slices),
        "worst_slices": table(worst_slice_rows(facts["worst_slices"])),
        "worst_slices_searched": facts["worst_slices"]["searched"],
        "test_rows": facts["rows"],
        "reads_of_the_test_part": facts["reads"],
        **numbers({e.name: e.value for e in estimates}),
        **contributions_shown(facts["contributions"]),
    }
    if facts["reliability"]:
        points = [(b["mean_score"], b["rate"]["value"]) for b in facts["reliability"]]
        metadata["calibration"] = dg.MetadataValue.md(curve("promised against observed rate", points, diagonal=True))
    bounded = [e for e in estimates if e.estimable and 0 <= e.value <= 1]
    if bounded:
        metadata["picture"] = dg.MetadataValue.md(intervals(f"{solution.name}: test part", bounded))
    return metadata


def _explanation(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "explanation",
        "What the solution depends on: permutation importance with intervals on rows its fit had not seen, and how the score follows the strongest features.",
        kinds=["report"],
        deps=["evaluation"],
    )
    def explanation(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        return _explain(solution, store.of(solution.name))

    return explanation


def _explain(solution: Solution, store: SolutionStore) -> dg.MaterializeResult[Any]:
    from ml_assets.history import training_rows
    from ml_assets.learning.explanation import partial_dependence, permutation_importance
    from ml_assets.releases import challenger, validated
    from ml_assets.stages.model.explaining import commonest_class, dependence_shown

    artifact = challenger(store)
    held = training_rows(solution, store).part("validation")
    validation, (code, label) = held.table, commonest_class(solution, held)
    found = permutation_importance(validated(store), validation, seed=solution.model.seed, repeats=3, max_rows=3000)
    top = [f.feature for f in found[:FOLLOWED] if f.share > 0]
    dependence = partial_dependence(artifact, validation, top, code=code, points=20) if top else ()
    store.write_facts(
        "explanation",
        {"importance": list(found), "dependence": list(dependence), "digest": store.read_facts("mitigation")["digest"]},
    )
    rows = [
        {
            "feature": f.feature,
            "loss without it": f.importance.value,
            "low": f.importance.low,
            "high": f.importance.high,
            "share": f.share,
        }
        for f in found
    ]
    named = [
        Estimate(f.feature, f.importance.value, f.importance.low, f.importance.high, f.importance.n) for f in found[:15]
    ]
    metadata: dict[str, Any] = {
        "importance": table(rows),
        "picture": dg.MetadataValue.md(intervals("rise of the loss when the feature is shuffled", named, limit=0.0)),
    }
    return dg.MaterializeResult(metadata=metadata | dependence_shown(dependence, label))


def _data_worth(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "data_worth",
        "Whether twice the rows would help, and what each column is worth against its declared cost: the chosen family fitted on "
        "shares of the rows and without each column.",
        kinds=["report"],
        deps=["model", "candidates", "training_set"],
        sections=["business_case", "data_selection"],
    )
    def data_worth(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        from ml_assets.stages.model.worth import measure_worth, worth_shown

        facts = measure_worth(solution, store.of(solution.name), log=dg.get_dagster_logger().info)
        return dg.MaterializeResult(metadata=worth_shown(solution, facts))

    return data_worth

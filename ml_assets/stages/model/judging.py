"""The test part, read once per release decision: criteria, slices, calibration, and the same figures of the baselines."""

from typing import Any

import numpy as np

from ml_assets.declaration import Solution
from ml_assets.declaration.success_criteria import Criterion
from ml_assets.history import Learned, training_rows
from ml_assets.learning.artifact import SolutionArtifact, load
from ml_assets.learning.weak_slices import weak_slices
from ml_assets.releases import challenger, validated
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts, plain
from ml_assets.stages.model.behaving import behaviour_of
from ml_assets.stages.model.explaining import contributions_of
from ml_assets.stages.model.fitting import RULE_NAME, figures, judge, rule_figures
from ml_assets.stages.model.repeating import reproduce
from ml_assets.statistics.calibration import reliability
from ml_assets.statistics.calibration_noise import chance_limit
from ml_assets.statistics.clustered import cluster_codes
from ml_assets.statistics.comparison import PairedComparison, paired_comparison
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.metrics import METRICS, better
from ml_assets.statistics.slices import WorstSlices

SMALLEST_SLICE = 50
CALIBRATION_TOLERANCE = 0.05
REPEATED_ROWS = 5_000


def evaluate_final(solution: Solution, store: SolutionStore) -> Facts:
    """Everything the test part has to say about the final solution, in one reading of it."""
    rows = training_rows(solution, store)
    test = rows.part("test")
    artifact = challenger(store)
    answer = artifact.predict(test.table.features, groups=test.groups)
    own = judge(solution, test, score=answer.score, decision=answer.decision)
    others = baseline_figures(solution, store, test)
    slices = slice_figures(solution, test, answer.score, answer.decision)
    reads = 1 + int((store.find_facts("test_reads") or {}).get(store.read_facts("training_set")["digest"], 0))
    store.write_facts(
        "test_reads", (store.find_facts("test_reads") or {}) | {store.read_facts("training_set")["digest"]: reads}
    )
    bins = reliability(test.table.truth, answer.score) if solution.task == "binary" else ()
    facts = plain(
        {
            "metrics": own,
            "baselines": others,
            "single_feature_lead": single_feature_lead(solution, store, test, answer.decision),
            "slices": slices,
            "criteria": [decide(c, own, others, slices) for c in solution.criteria],
            "reads": reads,
            "rows": len(test.table),
            "reliability": list(bins),
            "calibration_limit": _calibration_limit(solution, test, answer.score),
            "digest": store.read_facts("mitigation")["digest"],
            "behaviour": behaviour_of(solution, artifact, test, train=rows.part("train")),
            "contributions": contributions_of(solution, artifact, test, train=rows.part("train")),
            "worst_slices": worst_slices_of(solution, (validated(store), artifact), rows),
            "reproduced": reproduce(solution, store, test.table.features.head(REPEATED_ROWS)),
            "constant_scores": bool(np.unique(np.round(np.asarray(answer.score), 9)).size == 1),
        }
    )
    return store.write_facts("evaluation", facts | {"lost_to": lost_to(facts)})


def _calibration_limit(solution: Solution, test: Learned, score: Any) -> float | None:
    """What the calibration error of these rows is held against; none for a number."""
    if solution.task == "regression":
        return None
    shared = test.table.cluster
    return chance_limit(
        np.asarray(score, dtype=np.float64),
        tolerance=CALIBRATION_TOLERANCE,
        truth=test.table.truth,
        cluster=None if shared is None else cluster_codes(shared, len(test.table)),
        seed=solution.model.seed,
    )


def baseline_figures(solution: Solution, store: SolutionStore, test: Learned) -> dict[str, list[Estimate]]:
    """The baselines on the same test rows."""
    found: dict[str, list[Estimate]] = {}
    for name, facts in store.read_facts("baselines")["models"].items():
        if facts["digest"] is not None:
            found[name] = figures(solution, load(store.folder("baselines", name), digest=facts["digest"]), test)
    if test.rule is not None:
        found[RULE_NAME] = rule_figures(solution, test)
    chosen = store.read_facts("model")["selection"]["chosen"]
    simpler = [
        r
        for r in store.read_facts("model")["selection"]["table"]
        if r["complexity"] < _complexity(store, chosen) and r["name"] not in found
    ]
    for row in simpler:
        asset = "candidates" if row["name"] in store.read_facts("candidates")["models"] else "baselines"
        digest = store.read_facts(asset)["models"][row["name"]]["digest"]
        found[f"simpler_model:{row['name']}"] = figures(
            solution, load(store.folder(asset, row["name"]), digest=digest), test
        )
    return found


def single_feature_lead(solution: Solution, store: SolutionStore, test: Learned, decision: Any) -> PairedComparison:
    """What one feature alone earns more than the solution, row by row; above zero beyond chance it is the better model."""
    digest = store.read_facts("baselines")["models"]["single_feature"]["digest"]
    alone = load(store.folder("baselines", "single_feature"), digest=digest).predict(test.table.features)
    money = solution.business_case.money(test.table.classes)
    gains = [money.money(test.table.truth, d) for d in (alone.decision, decision)]
    return paired_comparison(
        gains[0],
        gains[1],
        margin=0.0,
        lowest=money.least_difference(alone.decision, decision),
        declared=money.bounded,
        cluster=test.cluster,
        unit=solution.business_case.currency,
    )


def lost_to(facts: Facts) -> list[str]:
    """Baselines the solution does not beat: one that knows nothing and the simple rule must earn less on the test part; one
    feature alone must not be shown to earn more.
    """
    own = _money_of(facts["metrics"])
    beaten_by = [n for n, m in facts["baselines"].items() if n in ("dummy", RULE_NAME) and own <= _money_of(m)]
    return [*beaten_by, *(["single_feature"] if facts["single_feature_lead"]["verdict"] == "better" else [])]


def _money_of(metrics: list[Facts]) -> float:
    return next(float(m["value"]) for m in metrics if m["name"] == "value_per_decision")


def _complexity(store: SolutionStore, name: str) -> int:
    for asset in ("candidates", "baselines"):
        if name in store.read_facts(asset)["models"]:
            return int(store.read_facts(asset)["models"][name]["complexity"])
    return 0


def slice_figures(solution: Solution, test: Learned, score: Any, decision: Any) -> list[Facts]:
    """The metrics that criteria or the main metric name, in every group with enough rows; small groups say so."""
    wanted = sorted({c.metric for c in solution.criteria if c.in_each} | {solution.main_metric})
    found = []
    for attribute in test.groups.columns:
        for group in sorted(test.groups[attribute].unique()):
            at = np.flatnonzero((test.groups[attribute] == group).to_numpy())
            part = test.rows(at)
            estimates = {
                e.name: e for e in judge(solution, part, score=np.asarray(score)[at], decision=np.asarray(decision)[at])
            }
            found += [
                {
                    "attribute": attribute,
                    "group": group,
                    "metric": m,
                    "estimate": estimates[m],
                    "enough": len(at) >= SMALLEST_SLICE,
                }
                for m in wanted
            ]
    return found


def decide(
    criterion: Criterion,
    own: list[Estimate],
    others: dict[str, list[Estimate]],
    slices: list[Facts],
) -> Facts:
    """Whether one criterion is met, on the point estimate; the interval says how sure that is."""
    if criterion.in_each is not None:
        return _decide_each(criterion, slices)
    estimate = next(e for e in own if e.name == criterion.metric)
    if criterion.better_than is not None:
        return _decide_better(criterion, estimate, others)
    limit = criterion.at_least if criterion.at_least is not None else criterion.at_most
    met = estimate.estimable and _meets(criterion, estimate.value)
    return _outcome(
        criterion,
        met,
        estimate,
        f"{estimate} against {limit:g}",
        sure=met and _meets(criterion, estimate.low) and _meets(criterion, estimate.high),
    )


def _meets(criterion: Criterion, value: float) -> bool:
    if criterion.at_least is not None:
        return value >= criterion.at_least
    assert criterion.at_most is not None
    return value <= criterion.at_most


def _decide_each(criterion: Criterion, slices: list[Facts]) -> Facts:
    parts = [s for s in slices if s["attribute"] == criterion.in_each and s["metric"] == criterion.metric]
    large = [s for s in parts if s["enough"] and s["estimate"].estimable]
    failing = [s for s in large if not _meets(criterion, s["estimate"].value)]
    small = [s["group"] for s in parts if s not in large]
    sentence = "; ".join(f"{s['group']}: {s['estimate']}" for s in (failing or large)[:6]) + (
        f"; too few rows to say: {', '.join(small)}" if small else ""
    )
    worst = min(
        large,
        key=lambda s: s["estimate"].value if criterion.at_least is not None else -s["estimate"].value,
        default=None,
    )
    return _outcome(criterion, bool(large) and not failing, worst["estimate"] if worst else None, sentence, sure=False)


def _decide_better(criterion: Criterion, estimate: Estimate, others: dict[str, list[Estimate]]) -> Facts:
    names = [n for n in others if n == criterion.better_than or n.startswith(f"{criterion.better_than}:")]
    rivals = {n: e for n in names for e in others[n] if e.name == criterion.metric and e.estimable}
    if not rivals:
        none = criterion.better_than == "simpler_model"
        return _outcome(
            criterion,
            none,
            estimate,
            "the model chosen is the simplest there is"
            if none
            else f"{criterion.better_than} gives no {criterion.metric}",
            sure=none,
        )
    sign = 1.0 if METRICS[criterion.metric].direction == "higher" else -1.0
    name, rival = max(rivals.items(), key=lambda item: sign * item[1].value)
    met = (
        better(criterion.metric, estimate.value - sign * criterion.by, rival.value)
        or estimate.value - sign * criterion.by == rival.value != estimate.value
    )
    return _outcome(
        criterion,
        met,
        estimate,
        f"{estimate} against {name} {rival.value:.4g}, to be better by {criterion.by:g}",
        sure=False,
    )


def _outcome(criterion: Criterion, met: bool, estimate: Estimate | None, sentence: str, *, sure: bool) -> Facts:
    return {"criterion": criterion.name, "met": met, "sure": sure, "estimate": estimate, "sentence": sentence}


def worst_slices_of(
    solution: Solution, models: tuple[SolutionArtifact, SolutionArtifact], rows: Learned
) -> WorstSlices:
    """Slices that stand out on the validation part under the first model, which has not seen it, tested on the test part.

    The second model, the final one, is the one that is tested.
    """
    found, tested = rows.part("validation"), rows.part("test")
    return weak_slices(
        models,
        (found.table, tested.table),
        groups=(found.groups, tested.groups),
        loss=solution.training_loss,
        margin=solution.model.slice_margin,
        fewest=SMALLEST_SLICE,
        seed=solution.model.seed,
    )

"""The final decisions on the test part, looked at group by group: rows → facts of the report; gates also out of fold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.declaration import Solution
from ml_assets.declaration.solution import FAIRNESS_LIMITS
from ml_assets.history import Learned, training_rows
from ml_assets.releases import challenger
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.stages.model_bias.auditing import Audit, judge, larger_audit

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.learning.artifact import Prediction, SolutionArtifact
    from ml_assets.statistics.clustered_rates import SharedRows
    from ml_assets.statistics.crossings import Crossed
    from ml_assets.statistics.disparity import Disparity
    from ml_assets.statistics.group_calibration import GroupCalibration
    from ml_assets.statistics.group_figures import GroupFigure, OneClass
    from ml_assets.statistics.score_tensor import ScoreTensor
    from ml_assets.statistics.tensor import CountTensor

ASSET = "model_bias_report"
NOTHING: Facts = {
    "disparities": [], "promised": [], "verdict": "pass", "figures": [], "crossings": [], "crossed_figures": 0, "calibration": [],
    "cannot_hold": [], "flips": [], "read": [], "masked": {},
    "audit": {"made": False, "why": "no attribute is protected", "rows": 0, "fits": 0, "decided": 0, "contradicted": 0},
}  # fmt: skip


def examine(solution: Solution, store: SolutionStore) -> Facts:
    """Everything the report says of the final decisions on the test part."""
    from ml_assets.statistics.crossings import crossed

    test, bias = training_rows(solution, store).part("test"), solution.data_bias
    facts: Facts = {
        **NOTHING,
        "rows": len(test.table),
        "digest": store.read_facts("mitigation")["digest"],
        "threshold": bias.disclosure,
    }
    if not bias.protected:
        return store.write_facts(ASSET, facts)
    final = challenger(store)
    answer = final.predict(test.table.features, groups=test.groups)
    made = crossed(test.groups[list(bias.protected)], depth=bias.crossing_depth, only=bias.intersections)
    counted = _counted(solution, test, answer)
    gated, larger = _gated(solution, store, final, test, answer, counted)
    facts |= gated | _figures(solution, test, answer, made, counted) | _flipped(solution, test, final)
    facts["promised"] = list(_promised(solution, store, test, answer))
    facts["masked"] = masked(made, larger, bias.disclosure)
    return store.write_facts(ASSET, facts)


def _counted(solution: Solution, test: Learned, answer: "Prediction") -> "CountTensor | None":
    """The counts that gates, figures and what is stored are all made of; a predicted number has none."""
    from ml_assets.statistics.tensor import CountTensor

    if solution.task == "regression":
        return None
    return CountTensor.of(test.groups[list(solution.data_bias.protected)], test.table.truth, answer.decision)


def _gated(
    solution: Solution,
    store: SolutionStore,
    final: "SolutionArtifact",
    test: Learned,
    answer: "Prediction",
    counted: "CountTensor | None",
) -> "tuple[Facts, Audit]":
    """The comparisons that decide on a release: on the test part, and out of fold where that leaves one open."""
    from ml_assets.statistics.confirmation import confirm
    from ml_assets.statistics.disparity import overall_verdict

    groups = test.groups[list(solution.data_bias.protected)]
    own = judge(solution, groups, test, answer, solution.fairness_limits, counted)
    larger = larger_audit(solution, store, final, own)
    found = confirm(own, larger.found, of_final=larger.of_final)
    decided = sum(one.basis == "out of fold" for one in found)
    told: Facts = larger.facts | {"decided": decided, "contradicted": sum(one.contradicted for one in found)}
    return {"disparities": list(found), "verdict": overall_verdict(found), "audit": told}, larger


def masked(made: "Crossed", larger: "Audit", threshold: int) -> Facts:
    """The groups whose counts may not be shown, in the test part or in the rows of the larger audit."""
    from ml_assets.statistics.crossings import crossed
    from ml_assets.statistics.disclosure import masked_groups

    masked: Facts = {a: dict(groups) for a, groups in masked_groups(made, threshold=threshold).items()}
    more = {} if larger.groups is None else masked_groups(crossed(larger.groups, depth=1), threshold=threshold)
    for attribute, groups in more.items():
        own = masked.setdefault(attribute, {})
        own |= {group: why for group, why in groups.items() if own.get(group) != "small"}
    return masked


def _promised(solution: Solution, store: SolutionStore, test: Learned, answer: "Prediction") -> "tuple[Disparity, ...]":
    """Gaps that the plan made a promise about and that are no gate of part 8: another metric, or crossed attributes."""
    from ml_assets.statistics.crossings import JOIN, crossed
    from ml_assets.statistics.promises import Promise, about_decisions

    stored = [Promise(**p) for p in store.read_facts("bias_remediation_plan")["promises"]]
    wanted = {(p.metric, p.group.partition("=")[0]) for p in about_decisions(stored)}
    known, gated = list(solution.data_bias.protected), solution.fairness_limits
    wanted = {(m, a) for m, a in wanted if set(a.split(JOIN)) <= set(known) and not (m in gated and a in known)}
    if not wanted:
        return ()
    crossings = sorted({tuple(a.split(JOIN)) for _, a in wanted if a not in known})
    limits = {m: FAIRNESS_LIMITS.get(m, 0.1) for m in sorted({m for m, _ in wanted})}
    found = judge(solution, crossed(test.groups[known], only=crossings).frame, test, answer, limits)
    return tuple(d for d in (one.disparity for one in found) if (d.metric, d.attribute) in wanted)


def _figures(
    solution: Solution, test: Learned, answer: "Prediction", made: "Crossed", counted: "CountTensor | None"
) -> Facts:
    """What the decisions come to in every group and in the worst crossings of groups."""
    from ml_assets.statistics.group_figures import worst_crossings

    if counted is None:
        found, more = _of_numbers(solution, test, answer, made)
    else:
        found, more = _of_classes(solution, test, answer, made, counted)
    crossed = [one for one in found if one.depth > 1]
    return {
        "figures": [one for one in found if one.depth == 1],
        "crossings": list(worst_crossings(crossed)),
        "crossed_figures": len(crossed),
    } | more


def _flipped(solution: Solution, test: Learned, final: "SolutionArtifact") -> Facts:
    """Decisions with an attribute or a declared proxy exchanged, where the solution reads one."""
    from ml_assets.learning.counterfactual import flips, reads

    columns, shared, code = _columns(solution), test.table.cluster, solution.favourable_code
    return {
        "read": sorted(a for a, column in columns.items() if reads(final, a, column)),
        "flips": list(flips(final, test.table.features, test.groups, columns, favourable=code, cluster=shared)),
    }


def _columns(solution: Solution) -> dict[str, str]:
    """Protected attributes, and groups that are made of a column declared to be an input, with their columns."""
    bias = solution.data_bias
    stand_in = [name for name, rule in bias.groups.items() if {name, rule.column} & set(bias.as_input)]
    return {name: bias.columns_of(name) for name in dict.fromkeys((*bias.protected, *stand_in))}


def _of_numbers(
    solution: Solution, test: Learned, answer: "Prediction", made: "Crossed"
) -> "tuple[tuple[GroupFigure, ...], Facts]":
    from ml_assets.statistics.group_errors import group_errors
    from ml_assets.statistics.value import RegressionValue

    value = solution.business_case.money(test.table.classes)
    found = group_errors(
        made.frame,
        test.table.truth,
        answer.decision,
        made_of=made.made_of,
        limits=solution.fairness_limits,
        value=value if isinstance(value, RegressionValue) else None,
        currency=solution.business_case.currency,
        cluster=test.table.cluster,
    )
    return found, {}


def _of_classes(
    solution: Solution, test: Learned, answer: "Prediction", made: "Crossed", counted: "CountTensor"
) -> "tuple[tuple[GroupFigure, ...], Facts]":
    from ml_assets.statistics.group_figures import group_figures
    from ml_assets.statistics.value import RegressionValue

    value = solution.business_case.money(test.table.classes)
    classes, shared = _classes(solution, test, answer), _owners(solution, test, answer)
    found = group_figures(
        counted,
        classes,
        limits=solution.fairness_limits,
        value=None if isinstance(value, RegressionValue) else value,
        only=set(made.made_of.values()),
        unit=solution.business_case.currency,
        shared=shared,
    )
    return found, {"counts": counted.to_dict()} | _of_each_class(counted, classes, shared)


def _owners(solution: Solution, test: Learned, answer: "Prediction") -> "SharedRows | None":
    """Who owns the rows, where a cluster is declared."""
    from ml_assets.statistics.clustered_rates import SharedRows

    if test.table.cluster is None:
        return None
    groups = test.groups[list(solution.data_bias.protected)]
    return SharedRows.of(groups, test.table.cluster, truth=test.table.truth, decision=answer.decision)


def _of_each_class(counted: "CountTensor", classes: "Sequence[OneClass]", shared: "SharedRows | None" = None) -> Facts:
    """Calibration of every group, and what cannot hold at once, of each class."""
    from ml_assets.statistics.clustered_scores import OwnedScores
    from ml_assets.statistics.group_calibration import group_calibration
    from ml_assets.statistics.impossibility import cannot_hold

    calibration: list[GroupCalibration] = []
    for one in classes:
        if one.scores is not None:
            rows = None
            if shared is not None and one.of_rows is not None:
                rows = OwnedScores.of(shared, one.of_rows, positive=one.scored)
            calibration += group_calibration(one.scores, positive=one.scored, label=one.label, rows=rows)
    return {
        "calibration": calibration,
        "cannot_hold": [found for one in classes for found in cannot_hold(counted, positive=one.code, label=one.label)],
    }


def _classes(solution: Solution, test: Learned, answer: "Prediction") -> "list[OneClass]":
    """The favourable decision of two; of several classes each against the others."""
    from ml_assets.statistics.group_figures import OneClass
    from ml_assets.statistics.score_tensor import ScoreTensor

    def scores(of: "np.ndarray[Any, Any]") -> "ScoreTensor":
        return ScoreTensor.of(test.groups[list(solution.data_bias.protected)], test.table.truth, of)

    if solution.task == "binary":
        return [OneClass(solution.favourable_code, scores=scores(answer.score), of_rows=answer.score)]
    return [
        OneClass(code, str(name), scores(answer.score[:, code]), code, answer.score[:, code])
        for code, name in enumerate(test.table.classes)
    ]

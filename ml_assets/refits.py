"""Fits after the first: what remedies are fitted with, and the last fit, on training and validation rows, once part 8 has chosen."""

from typing import TYPE_CHECKING, Any

from ml_assets.declaration import Solution
from ml_assets.history import Learned, training_rows
from ml_assets.recipes import recipe_of
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts

if TYPE_CHECKING:
    from ml_assets.learning.artifact import SolutionArtifact
    from ml_assets.learning.remedies.repeating import Penalised, Reweighed
    from ml_assets.learning.remedies.situation import Situation


def situation_of(solution: Solution, store: SolutionStore, base: "SolutionArtifact", rows: Learned) -> "Situation":
    """What a solution is refitted and remedied with: these rows, its recipe, its budgets."""
    from ml_assets.learning.remedies.situation import Situation

    bias = solution.model_bias
    return Situation(
        base,
        rows.table,
        rows.groups[list(solution.data_bias.protected)],
        solution.business_case.money(rows.table.classes),
        solution.favourable_code,
        solution.fairness_limits,
        accuracy_budget=bias.accuracy_budget,
        group_at_decision=bias.group_at_decision,
        largest_tpr_loss=bias.largest_tpr_loss,
        capacity=bias.capacity,
        recipe=recipe_of(solution, store, base.predictor.family),
        calibration=solution.model.calibration,
    )


def last_fit(
    solution: Solution, store: SolutionStore, chosen: "SolutionArtifact", remedy: "Reweighed | Penalised | None"
) -> "tuple[SolutionArtifact, Facts]":
    """The final solution, and what is told of how it was made: ``chosen`` itself where ``model.refit`` is false.

    ``remedy``: what part 8 did to the fit of ``chosen``; None where it left the fit alone (nothing, or group thresholds).
    """
    from ml_assets.learning.refitting import changed_share, refitted
    from ml_assets.learning.remedies.repeating import UNTREATED

    situation = situation_of_last_fit(solution, store, chosen)
    if not solution.model.refit:
        sentence = f"model.refit is false: {len(situation.part('train')):,} training rows were learned from"
        return chosen, {"made": False, "sentence": sentence}
    final = refitted(chosen, situation, remedy or UNTREATED, in_time=solution.time_split)
    told: dict[str, Any] = dict(final.facts["refit"]) | {
        "made": True,
        "changed": changed_share(chosen, final, situation),
    }
    return final, told | {"sentence": _sentence(told, solution.task)}


def situation_of_last_fit(solution: Solution, store: SolutionStore, chosen: "SolutionArtifact") -> "Situation":
    """Training and validation rows, without the reweighing of part 4, which a remedy makes anew."""
    return situation_of(solution, store, chosen, training_rows(solution, store, weights=False).but("test"))


def remedy_of_last_fit(facts: Facts) -> "Reweighed | Penalised":
    """What was done to the last fit, from the facts of ``mitigation``."""
    from ml_assets.learning.remedies.repeating import UNTREATED, restored

    return UNTREATED if facts["remedy"] is None else restored(facts["remedy"])


def _sentence(told: Facts, task: str) -> str:
    rounds = "".join(f", {name} {value:,}" for name, value in told["stopped"].items())
    moved = (
        f"answers moved by {told['changed']:.2f} of their spread"
        if task == "regression"
        else f"{told['changed']:.1%} of the validation rows are decided otherwise"
    )
    return f"learned in the end from {told['rows']:,} rows instead of {told['before']:,}{rounds}; {moved}; the test part judges it"

"""The larger audit: training and validation rows decided out of fold, where the test part leaves a gated comparison open."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ml_assets.declaration import Solution
from ml_assets.errors import DataError, DeclarationError
from ml_assets.history import Learned, folds_of, training_rows
from ml_assets.refits import situation_of
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.learning.artifact import Prediction, SolutionArtifact
    from ml_assets.learning.remedies.repeating import Penalised, Reweighed
    from ml_assets.statistics.disparity import Judged
    from ml_assets.statistics.tensor import CountTensor

WITHOUT = "the models of the folds lack the remedy {}, which cannot be repeated: the audit decides nothing"


@dataclass(frozen=True)
class Audit:
    """The comparisons of the larger audit with the groups they were made of, and what is stored of how it was made."""

    found: "tuple[Judged, ...]"
    groups: "pd.DataFrame | None"
    of_final: bool
    facts: Facts


NOT_NEEDED = Audit(
    (), None, True, {"made": False, "why": "the test part decides every comparison", "rows": 0, "fits": 0}
)


def larger_audit(
    solution: Solution, store: SolutionStore, final: "SolutionArtifact", test: "Sequence[Judged]"
) -> Audit:
    """At most five fits, and none where the test part decides everything; where folds cannot be made, why not."""
    from ml_assets.learning.auditing import MOST_FITS, audit
    from ml_assets.statistics.confirmation import is_open

    if not any(is_open(one.disparity) for one in test):
        return NOT_NEEDED
    rows = training_rows(solution, store, weights=False).but("test")
    remedy, of_final = remedy_of(store)
    try:
        situation = situation_of(solution, store, final, rows)
        made = audit(situation, folds_of(solution, rows, count=MOST_FITS), remedy=remedy)
    except (DataError, DeclarationError) as error:
        return replace(NOT_NEEDED, facts={"made": False, "why": f"not possible: {error}", "rows": 0, "fits": 0})
    scored = rows.rows(made.at)
    groups = scored.groups[list(solution.data_bias.protected)]
    found = judge(solution, groups, scored, made.answer, solution.fairness_limits)
    facts: Facts = {
        "made": True,
        "why": "" if of_final else WITHOUT.format(store.read_facts("mitigation")["chosen"]),
        "rows": len(made.at),
        "fits": made.fits,
        "folds": "rolling origin" if solution.time_split else "cross-validation",
        "of_final": of_final,
    }
    return Audit(found, groups, of_final, facts)


def remedy_of(store: SolutionStore) -> "tuple[Reweighed | Penalised, bool]":
    """What is done to every fit of the audit, and whether that makes it the final solution's."""
    from ml_assets.learning.remedies.repeating import UNTREATED, restored

    facts = store.read_facts("mitigation")
    if facts["chosen"] == "none":
        return UNTREATED, True
    stored = facts.get("remedy")
    return (UNTREATED, False) if stored is None else (restored(stored), True)


def judge(
    solution: Solution,
    groups: "pd.DataFrame",
    rows: Learned,
    answer: "Prediction",
    limits: dict[str, float],
    counts: "CountTensor | None" = None,
) -> "tuple[Judged, ...]":
    """Every comparison of decisions on these rows, for one gate; ``counts`` of them where they are made already."""
    from ml_assets.statistics.disparity import judged

    return judged(
        groups,
        rows.table.truth,
        answer.decision,
        metrics=limits,
        task=solution.task,
        favourable=solution.favourable_code,
        score=answer.score if solution.task == "binary" else None,
        cluster=rows.table.cluster,
        counts=counts,
    )

"""Part 2: each criterion with the rows needed to decide it, against the rows there are."""

import math
from typing import Any

import dagster as dg
import numpy as np

from ml_assets.declaration import Solution
from ml_assets.declaration.success_criteria import Criterion
from ml_assets.evidence import Verdict, table
from ml_assets.graph import Stage, solution_check
from ml_assets.history import Learned, training_rows
from ml_assets.resources import SolutionStore, Store
from ml_assets.resources.store import Facts
from ml_assets.statistics.metrics import METRICS
from ml_assets.statistics.power import rows_needed

STAGE = "success_criteria"
DISTANCE = 0.05
"""Distance beyond the limit at which a criterion should be decidable: 5 % of a share, or of the limit itself."""


def build(solution: Solution) -> dg.Definitions:
    """The stage of one solution."""
    stage = Stage(solution, STAGE)
    check = solution_check(
        solution,
        "success_criteria",
        "decidable",
        _decidable,
        description="There are enough labelled test rows to decide every criterion, in every group it names.",
    )
    return dg.Definitions(assets=[_success_criteria(stage)], asset_checks=[check])


def _success_criteria(stage: Stage) -> dg.AssetsDefinition:
    solution = stage.solution

    @stage.asset(
        "success_criteria",
        "What a model must reach, and how many rows it takes to tell.",
        kinds=["pydantic"],
        deps=["business_case", "training_set"],
    )
    def success_criteria(store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Any]:
        facts = weigh(solution, store.of(solution.name))
        return dg.MaterializeResult(
            metadata={
                "criteria": table(facts["rows"]),
                "count": len(facts["rows"]),
                "undecidable": facts["undecidable"],
            }
        )

    return success_criteria


def weigh(solution: Solution, store: SolutionStore) -> Facts:
    """Rows needed against rows there are, criterion by criterion."""
    test = training_rows(solution, store, weights=False).part("test")
    rows = [row for criterion in solution.criteria for row in _rows(solution, criterion, test)]
    return store.write_facts("success_criteria", {"rows": rows, "undecidable": sum(not r["decidable"] for r in rows)})


def _rows(solution: Solution, criterion: Criterion, test: Learned) -> list[dict[str, Any]]:
    if criterion.in_each is None:
        return [_row(solution, criterion, test, "all rows")]
    groups = test.groups[criterion.in_each]
    found = []
    for group in sorted(groups.unique()):
        at = np.flatnonzero((groups == group).to_numpy())
        found.append(
            _row(
                solution,
                criterion,
                test.rows(at),
                f"{criterion.in_each}={group}",
            )
        )
    return found


def _row(solution: Solution, criterion: Criterion, rows: Learned, where: str) -> dict[str, Any]:
    needed = _needed(solution, criterion, rows)
    limit = criterion.at_least if criterion.at_least is not None else criterion.at_most
    return {
        "criterion": criterion.name,
        "where": where,
        "limit": limit if limit is not None else f"{criterion.better_than} by {criterion.by:g}",
        "rows needed": needed,
        "rows": len(rows.table),
        "decidable": needed is None or len(rows.table) >= needed,
    }


def _needed(solution: Solution, criterion: Criterion, rows: Learned) -> int | None:
    """Rows needed to tell a model that is ``DISTANCE`` beyond the limit from one at the limit; None where no formula holds."""
    metric = METRICS[criterion.metric]
    truth = rows.table.truth
    prevalence, spread = _spread(solution, criterion, rows)
    if (prevalence is not None and not 0 < prevalence < 1) or len(truth) < 2:
        return 10**9  # a group with one class cannot decide anything about the other
    limit = criterion.at_least if criterion.at_least is not None else criterion.at_most
    if limit is None:  # against a baseline: half way up a share, or the spread of the target itself
        limit = 0.5 if metric.highest == 1 else float(spread or 1.0)
    margin = max(criterion.by, DISTANCE * (1.0 if metric.highest == 1 else abs(limit)), 1e-9)
    room = (metric.highest - limit) if metric.direction == "higher" else (limit - metric.lowest)
    margin = min(margin, 0.5 * room) if room > 0 else margin
    if criterion.metric == "r2":
        return max(30, math.ceil(8 / margin))
    return rows_needed(criterion.metric, limit=limit, margin=margin, prevalence=prevalence, sd=spread)


def _spread(solution: Solution, criterion: Criterion, rows: Learned) -> tuple[float | None, float | None]:
    """Share of positives (rarest class for several), and the spread of one row in the metric's unit."""
    truth = rows.table.truth
    if solution.task == "regression":
        return None, float(np.std(truth)) if len(truth) else None
    counts = np.bincount(truth.astype(int), minlength=max(2, len(rows.table.classes)))
    share = (
        float(counts[1] / max(counts.sum(), 1))
        if solution.task == "binary"
        else float(counts.min() / max(counts.sum(), 1))
    )
    spread = 0.5
    if criterion.metric == "value_per_decision":
        money = solution.business_case.money(rows.table.classes)
        # the constant decision whose money varies most: the one that declines everything often earns 0 on every row
        constants = [np.full(len(truth), c, dtype=np.int64) for c in range(max(2, len(rows.table.classes)))]
        spread = max(float(np.std(money.money(truth, c))) for c in constants) if len(truth) else 0.0
    return share, spread or 1e-9


def _decidable(store: SolutionStore) -> Verdict:
    facts = store.read_facts("success_criteria")
    short = [r for r in facts["rows"] if not r["decidable"]]
    sentence = "; ".join(
        f"{r['criterion']} on {r['where']} needs {r['rows needed']:,} test rows, there are {r['rows']:,}"
        for r in short[:5]
    )
    return Verdict(
        not short,
        sentence or f"all {len(facts['rows'])} limits can be decided",
        {"undecidable": len(short)},
        facts["rows"],
        act=False,
    )

"""The labelled window, looked at from every side: rows of groups → facts of the report."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml_assets.declaration import Solution
from ml_assets.errors import DataError
from ml_assets.history import BATCH, LABEL, OWN, clusters_of, groups_of, labelled_history
from ml_assets.learning.proxies import joint_proxy
from ml_assets.learning.table import encode_target
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts, plain
from ml_assets.statistics.column_proxies import column_proxies
from ml_assets.statistics.conditional_gaps import conditional_gaps
from ml_assets.statistics.crossings import Crossed, crossed, refuse_unbanded
from ml_assets.statistics.disclosure import masked_groups
from ml_assets.statistics.label_divergence import label_divergences
from ml_assets.statistics.label_flips import flip_stress
from ml_assets.statistics.missing_labels import missing_label_gaps
from ml_assets.statistics.representation import (
    GroupShare,
    label_gaps,
    missingness,
    representation,
    share_contrasts,
)
from ml_assets.statistics.support import Support, gap_supports, share_supports, supports
from ml_assets.statistics.unknown_groups import unknown_shares
from ml_assets.statistics.verdicts import Contrast

NOTHING: Facts = {
    "shares": [], "gaps": [], "conditional": [], "divergences": [], "missing": [], "missing_by_label": [], "unknown": [],
    "column_proxies": [], "proxies": [], "stress": [], "parents": {}, "not_crossed": {},
}  # fmt: skip


@dataclass(frozen=True)
class Examined:
    """The rows that are looked at: raw columns, encoded truth, protected groups and their crossings."""

    rows: pd.DataFrame
    truth: "np.ndarray[Any, Any]"
    groups: pd.DataFrame
    made: Crossed


def examine(solution: Solution, store: SolutionStore) -> Facts:
    """Everything the report says about the labelled window; shares, gaps and proxies carry their verdicts."""
    seen = _read(solution, store)
    facts: Facts = {"rows": len(seen.rows), **NOTHING, "masked": {}, "threshold": solution.data_bias.disclosure}
    if solution.data_bias.protected:
        facts |= _groups(solution, seen) | _labels(solution, seen) | _columns(solution, seen)
        facts["parents"] = [
            {"attribute": a, "group": g, "parents": list(parents)} for (a, g), parents in seen.made.parents.items()
        ]
        facts["not_crossed"] = dict(seen.made.left_out)
        facts["masked"] = masked_groups(seen.made, threshold=solution.data_bias.disclosure)
    return store.write_facts("data_bias_report", facts)


def _read(solution: Solution, store: SolutionStore) -> Examined:
    rows = labelled_history(solution, store)
    target, bias = solution.business_case.target, solution.data_bias
    encoded = encode_target(rows[LABEL], task=solution.task, positive=target.positive)
    rows, truth = rows.loc[~encoded.missing].reset_index(drop=True), encoded.truth[~encoded.missing]
    groups = groups_of(solution, rows)[list(bias.protected)] if bias.protected else pd.DataFrame(index=rows.index)
    for attribute in bias.protected:
        rule = bias.groups.get(attribute)
        if rule is None or not rule.edges:
            refuse_unbanded(rows[bias.columns_of(attribute)], attribute)
    return Examined(rows, truth, groups, crossed(groups, depth=bias.crossing_depth, only=bias.intersections))


def _groups(solution: Solution, seen: Examined) -> Facts:
    bias = solution.data_bias
    limit = bias.tolerance.representation_ratio
    shares: list[GroupShare] = []
    behind: dict[tuple[str, str], Contrast] = {}
    shared = clusters_of(solution, seen.rows)
    for attribute in bias.protected:
        given, column = bias.reference_population.get(attribute), seen.groups[attribute]
        shares += representation(column, reference=given, ratio_limit=limit, cluster=shared)
        behind |= share_contrasts(column, reference=given, ratio_limit=limit, cluster=shared)
    unknown = unknown_shares(seen.groups, seen.rows[BATCH].to_numpy(), limit=1 - limit)
    return {
        "shares": with_support(shares, share_supports(shares, behind)),
        "unknown": unknown,
    }


def _labels(solution: Solution, seen: Examined) -> Facts:
    bias, task, favourable = solution.data_bias, solution.task, solution.favourable_code
    tolerance = bias.tolerance.label_rate_difference
    shared, frame = clusters_of(solution, seen.rows), seen.made.frame
    gaps = label_gaps(frame, seen.truth, tolerance=tolerance, task=task, cluster=shared)
    behind = gap_supports(frame, seen.truth, task=task, tolerance=tolerance, cluster=shared)
    found: Facts = {
        "gaps": with_support(gaps, behind),
        "divergences": label_divergences(seen.groups, seen.truth, task=task, tolerance=tolerance, cluster=shared),
    }
    if task == "binary":
        found["stress"] = flip_stress(
            seen.groups, seen.truth, favourable=favourable, tolerance=tolerance, cluster=shared
        )
    if bias.legitimate:
        found["conditional"] = conditional_gaps(
            seen.groups,
            seen.truth,
            _legitimate(solution, seen.rows),
            tolerance=tolerance,
            task=task,
            favourable=favourable,
            cluster=shared,
        )
    return found


def _legitimate(solution: Solution, rows: pd.DataFrame) -> pd.DataFrame:
    """The declared columns; the outcome itself, and what is known after it, explain everything away."""
    late = {c for c, r in solution.data_selection.columns.items() if r.available == "after_outcome"}
    refused = {solution.target, *late}
    names = [c for c in rows.columns if not c.startswith(OWN) and c not in refused]
    wrong = [c for c in solution.data_bias.legitimate if c not in names]
    if wrong:
        raise DataError(
            "data_bias.legitimate names columns that people cannot be compared by",
            got=", ".join(wrong),
            allowed=", ".join(names),
            do="Name raw columns that are known before the outcome",
        )
    return rows[list(solution.data_bias.legitimate)]


def _columns(solution: Solution, seen: Examined) -> Facts:
    names = [c for c in seen.rows.columns if c not in solution.never_inputs and not c.startswith(OWN)]
    inputs = seen.rows[names]
    shared = clusters_of(solution, seen.rows)
    missing, compared = missingness(inputs, seen.groups, cluster=shared)
    gaps = zip(missing, supports(compared), strict=True)
    arrival = solution.data_pipeline.arrival
    learned = inputs.drop(columns=[arrival.event_time] if arrival and arrival.event_time else [], errors="ignore")
    return {
        "missing": [plain(gap) | plain(support) for gap, support in gaps if gap.missing],
        "missing_by_label": missing_label_gaps(inputs, seen.truth, seen.groups, task=solution.task, cluster=shared),
        "column_proxies": column_proxies(learned, seen.groups),
        "proxies": [joint_proxy(learned, seen.groups[a], seed=solution.model.seed) for a in seen.groups],
    }


def with_support(found: Sequence[Any], behind: Sequence[Support]) -> list[Facts]:
    """Results as facts, each with what stands behind its verdict."""
    return [plain(one) | plain(support) for one, support in zip(found, behind, strict=True)]

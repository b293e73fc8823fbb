"""What the answers rest on, as facts of the evaluation and as pictures: contributions, and curves with their bands."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import numpy as np

from ml_assets.declaration import Solution
from ml_assets.evidence import band, intervals, table
from ml_assets.history import Learned
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.behaviour import sampled
from ml_assets.learning.contributions import contributions, mean_sizes, unavailable
from ml_assets.learning.explanation import PartialDependence
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate

EXPLAINED = 500
"""Rows: those of a thousand deep trees take seconds already."""
SHOWN = 15
"""Inputs in the picture, the largest first."""


def contributions_of(solution: Solution, artifact: SolutionArtifact, test: Learned, *, train: Learned) -> Facts:
    """Mean size of every input's contribution over at most 500 test rows, or why there is none; no label is read."""
    seed = solution.model.seed
    rows = test.table.rows(sampled(len(test.table), seed=seed, most=EXPLAINED))
    background = train.table.features.iloc[sampled(len(train.table), seed=seed)]
    found = contributions(artifact, rows.features, background=background)
    if found is None:
        return {"available": False, "reason": unavailable(artifact.predictor), "sizes": []}
    reason = f"{found.method}; in {found.scale}, before calibration"
    return {"available": True, "reason": reason, "sizes": list(mean_sizes(found, cluster=rows.cluster))}


def contributions_shown(facts: Facts) -> dict[str, Any]:
    """The summary picture with its table, or the reason that there is none."""
    if not facts["sizes"]:
        return {"contributions": facts["reason"]}
    sizes = [Estimate.from_row(size) for size in facts["sizes"][:SHOWN]]
    rows = [
        {"input": e.name, "mean size": e.value, "low": e.low, "high": e.high, "n": e.n, "unit": e.unit} for e in sizes
    ]
    picture = intervals("mean size of the contribution (SHAP) of each input", sizes, limit=0.0)
    return {
        "contributions": table(rows),
        "contributions_how": facts["reason"],
        "contributions_picture": dg.MetadataValue.md(picture),
    }


def commonest_class(solution: Solution, rows: Learned) -> tuple[int, str]:
    """Code and label of the class whose probability is followed where there are several; 0 and none elsewhere."""
    if solution.task != "multiclass":
        return 0, ""
    code = int(np.bincount(rows.table.truth.astype(np.int64)).argmax())
    return code, rows.table.classes[code]


def dependence_shown(dependence: Sequence[PartialDependence], label: str) -> dict[str, Any]:
    """One picture per feature: the mean score, its interval, and between which values 80 % of the rows lie."""
    return {f"follows_{one.feature}": dg.MetadataValue.md(_drawn(one, label)) for one in dependence}


def _drawn(one: PartialDependence, label: str) -> str:
    what = f"score of {label}" if label else "score"
    title = f"mean {what} by {one.feature}; band: 80 % of the rows"
    points = [
        (float(p.value), p.score.value, p.rows_low, p.rows_high) for p in one.points if isinstance(p.value, int | float)
    ]
    if points:
        return band(title, points)
    bars = [Estimate(str(p.value), p.score.value, p.rows_low, p.rows_high, p.score.n) for p in one.points]
    return intervals(title, bars)

"""What a batch is compared with: the live model's reference, its like in the season, or the time just before."""

from dataclasses import dataclass
from functools import reduce

from ml_assets.declaration import Solution
from ml_assets.declaration._types import spell
from ml_assets.declaration.arrival import Batch
from ml_assets.history import is_blocked
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.statistics.grid import Grid
from ml_assets.statistics.profile import Profile
from ml_assets.statistics.regridding import over

FEWEST_ROWS = 100
"""A season or a window with fewer rows is no reference."""


@dataclass(frozen=True)
class Compared:
    """The profiles a batch's rows and scores are held against; ``words`` name them.

    ``rows_like`` and ``scores_like``: whether each is of the batch's own season. What is held against another season is
    shown and asks for nothing.
    """

    rows: Profile
    scores: Profile
    words: str
    rows_like: bool = True
    scores_like: bool = True


def compared_with(solution: Solution, store: SolutionStore, batch: Batch, version: int, released: Facts) -> Compared:
    """The reference the declaration asks for; the whole reference of the release where that has too few rows."""
    rule = solution.monitoring.drift
    if rule.against == "trailing":
        found = _trailing(solution, store, batch, version, Profile.from_dict(released["reference"]).grid)
        if found is not None:
            return found
    season = batch.season(rule.season)
    whole = Profile.from_dict(released["reference"]), Profile.from_dict(released["prediction_reference"])
    short = (
        f"fewer than {FEWEST_ROWS} rows in the {spell(rule.trailing)} before; " if rule.against == "trailing" else ""
    )
    if season is None:
        return Compared(*whole, f"{short}compared with what version {version} learned from")
    own = released.get("seasons", {}).get(season)
    if own is None:
        words = f"{short}version {version} learned from no {season}: compared with all it learned from"
        return Compared(*whole, words, rows_like=False, scores_like=False)
    rows, scores = (Profile.from_dict(own[k]) if own[k] else None for k in ("reference", "prediction_reference"))
    words = f"{short}compared with every {season} version {version} learned from"
    if scores is None:
        words += (
            f"; it was not tried on a {season}, so its scores are compared with those of other days and do not count"
        )
    return Compared(
        rows or whole[0], scores or whole[1], words, rows_like=rows is not None, scores_like=scores is not None
    )


def _trailing(solution: Solution, store: SolutionStore, batch: Batch, version: int, grid: Grid) -> Compared | None:
    """The batches of the time before (of the season), as far as the same model answered them.

    A drift that lasts becomes the reference after a while: only what is new alarms.
    """
    rule = solution.monitoring.drift
    assert batch.start is not None
    before = [solution.data_pipeline.batch(k) for k in store.batches("drift_report", ".json") if k < batch.key]
    window = [b for b in before if b.start is not None and b.start >= batch.start - rule.trailing]
    like = [b for b in window if b.season(rule.season) == batch.season(rule.season)]
    rows, scores = [], []
    for one in like:
        report = store.read_facts("drift_report", one.key)
        if not report["judged"] or report["version"] != version or is_blocked(store, one.key):
            continue
        if "prediction_profile" in report:  # reports made before it was kept have none
            rows.append(over(Profile.from_dict(store.read_facts("profile", one.key)), grid))
            scores.append(Profile.from_dict(report["prediction_profile"]))
    if sum(p.n for p in rows) < FEWEST_ROWS:
        return None
    season = f" of every {batch.season(rule.season)}" if batch.season(rule.season) else ""
    before_rows, before_scores = (reduce(lambda a, b: a.merge(b), side) for side in (rows, scores))
    return Compared(
        before_rows,
        before_scores,
        f"compared with {len(rows)} {'batch' if len(rows) == 1 else 'batches'}{season} in the {spell(rule.trailing)} before",
    )

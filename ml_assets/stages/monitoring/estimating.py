"""What a batch probably earned before its labels are known, and how often such estimates held before."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import pandas as pd

from ml_assets.declaration.arrival import Batch
from ml_assets.history import DECISION, ID, SCORE, TRUTH
from ml_assets.learning.loss_estimation import estimate_losses
from ml_assets.learning.preprocessing import FeatureSpec, feature_specs
from ml_assets.learning.shift import FEWEST_ROWS, ShiftWeights, shift_weights
from ml_assets.releases import version_sample
from ml_assets.resources.store import Facts
from ml_assets.stages.monitoring.judge import Judge, scores_of
from ml_assets.statistics.estimate import Estimate, not_estimable
from ml_assets.statistics.estimation import BLIND_SPOT, REGRESSION_REASON, estimate_coverage, expected_metrics
from ml_assets.statistics.intervals import mean_interval
from ml_assets.statistics.recalibration import recalibrated_metrics
from ml_assets.statistics.value import RegressionValue

NEWEST, LOOK_BACK, KNOWN = 60, 365, 20
"""Earlier batches in a record, how many are looked through for them, and from how many on it says something."""
RULE = (
    f"trusted from {KNOWN} earlier batches of this version on, made in the same way, unless the interval of the "
    "coverage of the main metric lies below the level of the estimates"
)
NOT_RELIED = "not to be relied upon"
OLD_RELEASE = "this version was released without a calibration sample: its scores are taken as they are"
ONE_CLASS = "the calibration sample shows one class only: the scores are taken as they are"
FEW_ROWS = "too few rows to compare with the calibration sample"
Trusted = Literal["yes", "no", "too few to say"]


@dataclass(frozen=True)
class _Found:
    """Estimates of a batch: how they were made, whether they may be relied upon, and why."""

    estimates: tuple[Estimate, ...]
    method: Literal["weighted", "unweighted", "plain"]
    relied: bool
    why: str
    weights: ShiftWeights | None = None


def estimate_performance(judge: Judge, batch: Batch) -> Facts:
    """Expected figures of a batch, beside how well earlier ones of the same model held.

    Reference rows of the release, weighted towards the batch, say what its scores mean there; for a regression, what a
    row costs. Where the weights cannot be used the scores are taken as they are, and the estimate is marked.
    """
    skipped = judge.reason_to_pass(batch, labels=False)
    if skipped:
        return judge.write("performance_estimate", batch, {"estimated": [], "sentence": skipped})
    answers = judge.unlearned(judge.answers(batch))
    version, released = judge.released(judge.answers(batch))
    found = _estimated(judge, batch, answers, version, released)
    record = track_record(judge, batch, version, found.method)
    weights = None
    if found.weights is not None:
        share = found.weights.effective_rows / max(len(found.weights.weights), 1)
        weights = {
            "effective_share": share,
            "effective_rows": found.weights.effective_rows,
            "domain_auc": found.weights.domain_auc,
            "covered": found.weights.covered,
            "usable": found.weights.usable,
        }
    return judge.write(
        "performance_estimate",
        batch,
        {
            "estimated": list(found.estimates),
            "sentence": f"{found.why}. {BLIND_SPOT}",
            "version": version,
            "method": found.method,
            "relied": found.relied,
            "weights": weights,
            "record": record,
            "trusted": trusted(record["coverage"]) if found.relied else "no",
        },
    )


def _estimated(judge: Judge, batch: Batch, answers: pd.DataFrame, version: int, released: Facts) -> _Found:
    sample = version_sample(judge.models, judge.store, judge.solution.name, version)
    if sample is None:
        return _plain(judge, answers, released, OLD_RELEASE)
    inputs = sample[[f for f in released["features"] if f in sample.columns]]
    specs = feature_specs(inputs)
    if min(len(answers), len(sample)) < FEWEST_ROWS or not specs:
        return _plain(judge, answers, released, f"{NOT_RELIED}: {FEW_ROWS}", relied=False)
    rows = judge.store.read_frame("features", batch.key).set_index(ID).loc[answers[ID]].reset_index(drop=True)
    weights = shift_weights(inputs, rows, specs, seed=judge.solution.model.seed)
    if judge.solution.task == "regression":
        return _losses(judge, sample, rows, answers, specs, weights)
    if sample[TRUTH].nunique() < 2:
        return _plain(judge, answers, released, ONE_CLASS, relied=False, weights=weights)
    estimates = recalibrated_metrics(
        sample[TRUTH].to_numpy(),
        scores_of(sample, released),
        scores_of(answers, released),
        answers[DECISION].to_numpy(),
        judge.solution.business_case.money(tuple(released["classes"])),
        weight=weights.weights if weights.usable else None,
        seed=judge.solution.model.seed,
    )
    if not weights.usable:
        return _Found(estimates, "unweighted", False, f"{NOT_RELIED}: {weights.sentence}", weights)
    return _Found(estimates, "weighted", True, weights.sentence, weights)


def _plain(
    judge: Judge,
    answers: pd.DataFrame,
    released: Facts,
    why: str,
    *,
    relied: bool = True,
    weights: ShiftWeights | None = None,
) -> _Found:
    """The scores at their word; for a regression, which has none, the reason."""
    if judge.solution.task == "regression":
        return _Found((), "plain", False, f"{REGRESSION_REASON}, and {why}", weights)
    value = judge.solution.business_case.money(tuple(released["classes"]))
    estimates = expected_metrics(scores_of(answers, released), answers[DECISION].to_numpy(), value)
    return _Found(estimates, "plain", relied, why, weights)


def _losses(
    judge: Judge,
    sample: pd.DataFrame,
    rows: pd.DataFrame,
    answers: pd.DataFrame,
    specs: tuple[FeatureSpec, ...],
    weights: ShiftWeights,
) -> _Found:
    value = judge.solution.business_case.money(())
    found = estimate_losses(
        sample,
        sample[TRUTH].to_numpy(),
        sample[SCORE].to_numpy(),
        rows,
        answers[SCORE].to_numpy(),
        specs,
        value if isinstance(value, RegressionValue) else None,
        weight=weights.weights if weights.usable else None,
        seed=judge.solution.model.seed,
    )
    why = f"{found.sentence}; {weights.sentence}"
    if not weights.usable:
        return _Found(found.estimates, "plain", False, f"{NOT_RELIED}: {why}", weights)
    return _Found(found.estimates, "weighted", bool(found.estimates), why, weights)


def track_record(judge: Judge, batch: Batch, version: int, method: str) -> Facts:
    """Estimates of the newest earlier batches of one version, made in one way, against what labels showed since.

    Per metric: the share of batches whose realised figure fell inside the interval, and the mean distance to it.
    ``coverage`` is that of the main metric. The batches share one calibration sample, so an unlucky one shows in all.
    """
    pairs = list(islice(_known_pairs(judge, batch, version, method), NEWEST))
    names = dict.fromkeys(name for expected, _ in pairs for name in expected)
    metrics = [
        _held(n, [(e[n], r[n]) for e, r in pairs if n in e and r.get(n) is not None and e[n].estimable]) for n in names
    ]
    main = judge.solution.main_metric
    coverage = next((m["coverage"] for m in metrics if m["metric"] == main), not_estimable("coverage"))
    return {"batches": len(pairs), "main": main, "coverage": coverage, "metrics": metrics, "rule": RULE}


def trusted(coverage: Estimate, *, level: float = 0.95) -> Trusted:
    """``RULE`` as an answer."""
    if coverage.n < KNOWN:
        return "too few to say"
    return "no" if coverage.high < level else "yes"


def _held(name: str, pairs: list[tuple[Estimate, float]]) -> Facts:
    realised = [r for _, r in pairs]
    distance = np.abs(np.array([e.value for e, _ in pairs]) - np.array(realised))
    error = not_estimable("mean_absolute_error")
    if len(pairs):
        low, high = mean_interval(distance)
        error = Estimate("mean_absolute_error", float(distance.mean()), max(low, 0.0), high, len(pairs))
    return {"metric": name, "coverage": estimate_coverage([e for e, _ in pairs], realised), "error": error}


def _known_pairs(
    judge: Judge, batch: Batch, version: int, method: str
) -> Iterator[tuple[dict[str, Estimate], dict[str, float]]]:
    """Estimate and realised figures of earlier batches, newest first; estimates that were not relied upon are left out."""
    store = judge.store
    judged = [b for b in store.batches("performance_report", ".json") if b < batch.key]
    for earlier in islice(reversed(judged), LOOK_BACK):
        made = store.find_facts("performance_estimate", earlier) or {}
        if (made.get("version"), made.get("method", "plain"), made.get("relied", True)) != (version, method, True):
            continue
        report = store.read_facts("performance_report", earlier)
        if report.get("judged") and report.get("version") == version:
            yield _estimates(made["estimated"]), {m["name"]: m["value"] for m in report["metrics"]}


def _estimates(rows: list[dict[str, Any]]) -> dict[str, Estimate]:
    return {e["name"]: Estimate(**e) for e in rows if e["value"] is not None}

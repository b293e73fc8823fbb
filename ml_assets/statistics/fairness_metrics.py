"""The measures of disparity there are: a typed table. What they come to is in :mod:`ml_assets.statistics.disparity`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ml_assets.errors import DataError
from ml_assets.statistics.metrics import Task


@dataclass(frozen=True, slots=True)
class FairnessMetric:
    """A measure of disparity: a rate made of counts, or a mean of residuals ("mean"), group against rest.

    A difference is 0 and a ratio 1 when group and rest are treated alike. ``counts`` names the rate among the
    ``COUNT_METRICS`` of the tensor, with the favourable class as the positive one; ``denominator`` says in words which rows
    it is a share of.
    """

    name: str
    form: Literal["difference", "ratio", "mean"]
    tasks: frozenset[Task]
    rate: str
    unit: str
    summary: str
    counts: str = ""
    denominator: str = "rows"


_CLASSES: frozenset[Task] = frozenset({"binary", "multiclass"})
_TABLE = (
    FairnessMetric(
        "selection_rate_ratio",
        "ratio",
        _CLASSES,
        "selection rate",
        "",
        "P(favourable decision | group) / P(favourable decision | rest): the four-fifths rule has the limit 0.8",
        "selection_rate",
    ),
    FairnessMetric(
        "selection_rate_difference",
        "difference",
        _CLASSES,
        "selection rate",
        "",
        "P(favourable decision | group) - P(favourable decision | rest): demographic parity",
        "selection_rate",
    ),
    FairnessMetric(
        "equal_opportunity_difference",
        "difference",
        _CLASSES,
        "true positive rate",
        "",
        "gap of P(favourable decision | favourable truth): who deserves it gets it as often (Hardt and others 2016)",
        "true_positive_rate",
        "rows with favourable truth",
    ),
    FairnessMetric(
        "false_positive_rate_difference",
        "difference",
        _CLASSES,
        "false positive rate",
        "",
        "gap of P(favourable decision | unfavourable truth)",
        "false_positive_rate",
        "rows with unfavourable truth",
    ),
    FairnessMetric(
        "predictive_parity_difference",
        "difference",
        _CLASSES,
        "precision",
        "",
        "gap of P(favourable truth | favourable decision): a decision means the same (Chouldechova 2017)",
        "positive_predictive_value",
        "rows with favourable decision",
    ),
    FairnessMetric(
        "accuracy_difference",
        "difference",
        _CLASSES,
        "accuracy",
        "",
        "gap of P(decision = truth)",
        "accuracy",
    ),
    FairnessMetric(
        "calibration_difference",
        "mean",
        frozenset({"binary"}),
        "mean of score - truth",
        "",
        "gap of mean(score - truth): above 0 the group's chance is overstated more than the rest's; needs the score",
    ),
    FairnessMetric(
        "mean_residual_difference",
        "mean",
        frozenset({"regression"}),
        "mean residual",
        "sd",
        "gap of mean(decision - truth), in standard deviations of the truth: above 0 the group is overestimated",
    ),
)
FAIRNESS_METRICS: Mapping[str, FairnessMetric] = {metric.name: metric for metric in _TABLE}


def fairness_metric(name: str, *, task: Task) -> FairnessMetric:
    """The measure called ``name``; ``DataError`` with the names that exist for ``task``."""
    metric = FAIRNESS_METRICS.get(name)
    if metric is None or task not in metric.tasks:
        allowed = ", ".join(known.name for known in _TABLE if task in known.tasks)
        raise DataError(f"no such fairness metric for {task}", got=name, allowed=allowed, do="Use one of these names")
    return metric


def allowed_band(metric: str, limit: float) -> tuple[float, float]:
    """From where to where a gap is tolerated: a ratio between ``limit`` and its inverse, a difference within ± ``limit``."""
    ratio = FAIRNESS_METRICS[metric].form == "ratio"
    return (limit, 1 / limit) if ratio and limit else (-limit, limit)

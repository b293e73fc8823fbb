"""What the final decisions come to in every group: rates, ranking, calibration and money, beside all other rows.

The counting is that of the tensors; here each figure gets its answer. All figures of one call are judged together by the
rule of :mod:`ml_assets.statistics.verdicts`, so a long report does not find something by chance.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered_rates import SharedRows
from ml_assets.statistics.clustered_scores import OwnedScores, owned_score_gaps
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.score_gaps import SCORE_METRICS, score_gaps
from ml_assets.statistics.score_tensor import ScoreTensor
from ml_assets.statistics.tensor import UNLABELLED, CountTensor
from ml_assets.statistics.tensor_gaps import Gap, gaps, money_gaps
from ml_assets.statistics.value import BinaryValue, MulticlassValue
from ml_assets.statistics.verdicts import Verdict, verdicts

RATES = ("true_positive_rate", "false_positive_rate", "positive_predictive_value", "false_omission_rate")
DEFAULT_LIMIT, DEFAULT_RATIO, DEFAULT_SPREAD = 0.1, 0.8, 0.2
"""Where none is declared: of a difference of rates, of a ratio, and of a mean in standard deviations."""
LIMIT_OF: Mapping[str, str] = {
    "selection_rate": "selection_rate_ratio",
    "true_positive_rate": "equal_opportunity_difference",
    "false_positive_rate": "false_positive_rate_difference",
    "positive_predictive_value": "predictive_parity_difference",
    "accuracy": "accuracy_difference",
    "calibration": "calibration_difference",
}
"""The gated metric whose declared limit a figure is held to."""
TOO_FEW, NO_FIGURE, NO_REST = "too few to say", "not estimable", "nothing to compare with"
_SEVERITY: Mapping[str, int] = {"fail": 3, "suspect": 2, "inconclusive": 1, "pass": 0, "not_estimable": -1}


@dataclass(frozen=True, slots=True)
class OneClass:
    """A class against the others: its code, its name where there are several, and its score.

    ``scored``: the code whose probability ``scores`` holds; ranking is the same from either side. ``of_rows`` (n,): that
    probability row by row, needed only where rows share owners.
    """

    code: int
    label: str = ""
    scores: ScoreTensor | None = None
    scored: int = 1
    of_rows: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """One figure of one group, what it is in all other rows, and how far they are apart.

    ``n`` counts the rows of the figure's own ``denominator``. ``gap`` is a difference (0: alike) or a ``form`` of ratio
    (1: alike), tolerated within ±``limit`` or from ``limit`` to its inverse. ``answer`` is the verdict, "too few to say"
    where the rows could not have shown an equal group to be equal, "not estimable" without a denominator. ``depth``:
    how many attributes are crossed. ``label``: the class, where there are several.
    """

    metric: str
    label: str
    attribute: str
    group: str
    depth: int
    n: int
    denominator: str
    value: Estimate
    rest: Estimate
    gap: Estimate
    form: Literal["difference", "ratio"]
    limit: float
    verdict: Verdict
    answer: str
    detectable: float


def group_figures(
    tensor: CountTensor,
    classes: Sequence[OneClass],
    *,
    limits: Mapping[str, float] | None = None,
    value: BinaryValue | MulticlassValue | None = None,
    only: Collection[tuple[str, ...]] | None = None,
    unit: str = "money",
    shared: SharedRows | None = None,
    level: float = 0.95,
) -> tuple[GroupFigure, ...]:
    """Selection rate and impact ratio, TPR, FPR, PPV, FOR, AUC and calibration of each class; accuracy and money once.

    Args:
        limits: declared tolerances by the names of ``FAIRNESS_METRICS``; others get the defaults above. Money is
            tolerated within 0.2 standard deviations of the money of a decision.
        only: the sets of attributes to show, such as ``{("sex",), ("sex", "race")}``; all of them by default.
        shared: who owns the rows of ``tensor``, where an owner has several: those are one draw.

    ``DataError`` without a class, or without scores row by row where rows are shared and scored.
    """
    if not classes:
        raise DataError("figures of no class", got=0, allowed="one class or more", do="Pass the favourable one")
    depth = None if only is None else max(map(len, only))
    found = [
        ("", gap)
        for gap in gaps(tensor, {"accuracy": _limit("accuracy", limits)}, depth=depth, shared=shared, level=level)
    ]
    for one in classes:
        wanted = {name: _limit(name, limits) for name in RATES}
        ratio = {"selection_rate": (limits or {}).get("selection_rate_ratio", DEFAULT_RATIO)}
        own = gaps(tensor, wanted, ratios=ratio, positive=one.code, depth=depth, shared=shared, level=level)
        own += _score_gaps(one, {name: _limit(name, limits) for name in SCORE_METRICS}, shared, depth, level)
        found += [(one.label, gap) for gap in own]
    if value is not None:
        tolerance = DEFAULT_SPREAD * _money_spread(tensor, value) or 1.0
        money = money_gaps(tensor, value, tolerance=tolerance, depth=depth, unit=unit, shared=shared, level=level)
        found += [("", gap) for gap in money]
    kept = [(label, gap) for label, gap in found if only is None or gap.attributes in only]
    return judged(kept, level=level)


def _score_gaps(
    one: OneClass, limits: Mapping[str, float], shared: SharedRows | None, depth: int | None, level: float
) -> tuple[Gap, ...]:
    if one.scores is None:
        return ()
    if shared is None:
        return score_gaps(one.scores, limits, positive=one.scored, depth=depth, level=level)
    if one.of_rows is None:
        do = "Pass of_rows with the class"
        raise DataError("scores of shared rows", got="none row by row", allowed="one per row", do=do)
    rows = OwnedScores.of(shared, one.of_rows, positive=one.scored)
    return owned_score_gaps(one.scores, rows, limits, positive=one.scored, depth=depth, level=level)


def judged(found: Sequence[tuple[str, Gap]], *, level: float = 0.95) -> tuple[GroupFigure, ...]:
    """Gaps, each with the name of its class, with their answers; all comparisons are corrected for each other."""
    answers = verdicts([gap.contrast for _, gap in found], level=level)
    return tuple(_figure(label, gap, answer) for (label, gap), answer in zip(found, answers, strict=True))


def worst_crossings(found: Sequence[GroupFigure], *, most: int = 20) -> tuple[GroupFigure, ...]:
    """Of the groups made of several attributes the ``most`` figures furthest from the rest: proven ones first."""
    crossed = [one for one in found if one.depth > 1 and one.gap.estimable]
    return tuple(sorted(crossed, key=lambda one: (-_SEVERITY[one.verdict], -_distance(one)))[:most])


def _figure(label: str, gap: Gap, verdict: Verdict) -> GroupFigure:
    contrast = gap.contrast
    ratio = contrast.lowest > 0
    return GroupFigure(
        gap.metric,
        label,
        gap.attribute,
        gap.label,
        len(gap.attributes),
        gap.value.n,
        gap.denominator,
        gap.value,
        gap.rest,
        gap.gap,
        "ratio" if ratio else "difference",
        contrast.lowest if ratio else contrast.highest,
        verdict,
        _answer(gap, verdict),
        contrast.detectable,
    )


def _answer(gap: Gap, verdict: Verdict) -> str:
    if not gap.value.estimable:
        return NO_FIGURE
    if verdict == "not_estimable":
        return NO_REST if not gap.rest.estimable else TOO_FEW
    return TOO_FEW if verdict == "inconclusive" and not gap.contrast.resolvable else verdict


def _limit(name: str, limits: Mapping[str, float] | None) -> float:
    return (limits or {}).get(LIMIT_OF.get(name, ""), DEFAULT_LIMIT)


def _distance(one: GroupFigure) -> float:
    """How many tolerances a gap is away from none."""
    if one.form == "difference":
        return abs(one.gap.value) / one.limit
    return abs(math.log(one.gap.value) / math.log(one.limit)) if one.gap.value > 0 else math.inf


def _money_spread(tensor: CountTensor, value: BinaryValue | MulticlassValue) -> float:
    """The standard deviation of the money of a labelled decision."""
    known = tensor.labels != UNLABELLED
    counts = tensor.counts[known]
    if not counts.size:
        return 0.0
    money = value.money(tensor.labels[known], tensor.decisions[known])
    mean = np.average(money, weights=counts)
    return float(np.sqrt(np.average((money - mean) ** 2, weights=counts)))

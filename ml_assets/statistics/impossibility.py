"""What cannot hold at once: where base rates differ, equal precision and equal recall force unequal false positive rates.

FPR = p/(1-p) · (1-PPV)/PPV · TPR holds for every decision about every group, p being the share of positive labels. So two
groups of different p that are alike in PPV and TPR are not alike in FPR, whatever model decides.
Source: Chouldechova, Fair prediction with disparate impact, Big Data 5 (2017) 153, equation 2.6; also Kleinberg,
Mullainathan and Raghavan, ITCS 2017.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_assets.statistics.arrays import FloatArray, IntArray
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.tensor import CountTensor, multinomial
from ml_assets.statistics.tensor_draws import shifted
from ml_assets.statistics.tensor_gaps import Gap, gaps
from ml_assets.statistics.tensor_metrics import FN, FP, OUTCOMES, TN, TN_WRONG, TP, GroupTable, tables

_ANY = 1.0
"""A tolerance for gaps of which only the size is wanted."""
_FIGURES = ("prevalence", "false_positive_rate", "positive_predictive_value", "true_positive_rate")


@dataclass(frozen=True, slots=True)
class Incompatibility:
    """A group whose base rate differs from that of the rest, and what that costs.

    ``precision`` and ``recall`` are those of all rows. With them on both sides the false positive rates would be
    ``implied`` and ``implied_rest``, ``implied_gap`` apart; ``measured_gap`` is how far apart they are. ``n`` counts the
    labelled rows of the group. ``label``: the class, where there are several.
    """

    label: str
    attribute: str
    group: str
    n: int
    base_rate: Estimate
    rest_base_rate: Estimate
    precision: float
    recall: float
    implied: float
    implied_rest: float
    implied_gap: Estimate
    measured_gap: Estimate
    sentence: str


def implied_false_positive_rate(
    base_rate: npt.ArrayLike, precision: npt.ArrayLike, recall: npt.ArrayLike
) -> FloatArray:
    """p/(1-p) · (1-PPV)/PPV · TPR, in shares (0 to 1); above 1 no decision has this precision and recall.

    nan where all labels are positive (p = 1) or no decided one is (PPV = 0). Source: Chouldechova (2017), equation 2.6.
    """
    p, ppv, tpr = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (base_rate, precision, recall)))
    below = (1 - p) * ppv
    found: FloatArray = np.divide(p * (1 - ppv) * tpr, below, out=np.full(p.shape, np.nan), where=below > 0)
    return found


def cannot_hold(
    tensor: CountTensor,
    *,
    positive: int = 1,
    label: str = "",
    draws: int = 1_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Incompatibility, ...]:
    """Groups, each attribute alone, for which equal precision and recall rule out equal false positive rates.

    None where base rates do not differ beyond noise (the interval of their difference, corrected for all groups, holds
    0), and where precision is perfect or nothing is decided positive: then nothing is ruled out. Intervals by ``draws``
    multinomial draws of the counts. Not for rows that repeat a person.
    """
    if not tensor.attributes:
        return ()
    rng = np.random.default_rng(seed)
    measured = gaps(tensor, dict.fromkeys(_FIGURES, _ANY), depth=1, positive=positive, level=level)
    at = {(gap.metric, gap.attribute, gap.label): gap for gap in measured}
    known = [gap for gap in measured if gap.metric == "prevalence" and gap.gap.estimable]
    strict = 1 - (1 - level) / max(len(known), 1)
    found = []
    for table in tables(tensor, depth=1, positive=positive):
        centre, drawn = _implied(table.counts[np.newaxis]), _implied(_drawn(table, draws, rng))
        low, high = shifted((centre[0] - centre[1])[0], drawn[0] - drawn[1], level)
        for place, (group,) in enumerate(table.groups):
            base = at["prevalence", table.attributes[0], group]
            sides = float(centre[0][0, place]), float(centre[1][0, place])
            if not _differs(base, strict) or not abs(sides[0] - sides[1]) > 0 or not math.isfinite(low[place]):
                continue
            gap = Estimate("implied_gap", sides[0] - sides[1], low[place].item(), high[place].item(), base.value.n)
            fpr = at["false_positive_rate", table.attributes[0], group].gap
            found.append(_incompatibility(label, base, _shared(table), sides, gap, fpr))
    return tuple(found)


def _differs(base: Gap, strict: float) -> bool:
    if not base.gap.estimable:
        return False
    low, high = base.contrast.interval(strict)
    return low > 0 or high < 0


def _drawn(table: GroupTable, draws: int, rng: np.random.Generator) -> IntArray:
    return multinomial(table.counts.ravel(), draws, rng).reshape(draws, -1, OUTCOMES)


def _implied(counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Implied false positive rates (d, groups) of each group and of its rest, from counts (d, groups, 7)."""
    yes, no = counts[..., [FN, TP]].sum(axis=2), counts[..., [TN, TN_WRONG, FP]].sum(axis=2)
    hits, false = counts[..., TP].sum(axis=1), counts[..., FP].sum(axis=1)
    precision, recall = _share(hits, hits + false)[:, np.newaxis], _share(hits, yes.sum(axis=1))[:, np.newaxis]
    rests = yes.sum(axis=1, keepdims=True) - yes, no.sum(axis=1, keepdims=True) - no
    own, rest = (_share(a, a + b) for a, b in ((yes, no), rests))
    return implied_false_positive_rate(own, precision, recall), implied_false_positive_rate(rest, precision, recall)


def _share(events: IntArray, among: IntArray) -> FloatArray:
    found: FloatArray = np.divide(events, among, out=np.full(events.shape, np.nan), where=among > 0)
    return found


def _shared(table: GroupTable) -> tuple[float, float]:
    """Precision and recall of all rows."""
    total = table.counts.sum(axis=0)
    return float(total[TP] / (total[TP] + total[FP])), float(total[TP] / (total[TP] + total[FN]))


def _incompatibility(
    label: str, base: Gap, shared: tuple[float, float], sides: tuple[float, float], gap: Estimate, fpr: Estimate
) -> Incompatibility:
    precision, recall = shared
    of = f" of {label}" if label else ""
    beyond = " (a rate above 1: even that is out of reach)" if max(sides) > 1 else ""
    sentence = (
        f"{base.attribute} = {base.label}: its base rate{of} is {base.value.value:.3g}, that of the rest "
        f"{base.rest.value:.3g}, so decisions of one precision ({precision:.3g}) and one true positive rate ({recall:.3g}) "
        f"for both must have false positive rates of {sides[0]:.3g} and {sides[1]:.3g}{beyond}, {gap.value:+.3f} "
        f"[{gap.low:+.3f}, {gap.high:+.3f}] apart (n = {gap.n:,}): the three cannot be equal at once; "
        f"measured are {fpr.value:+.3f} [{fpr.low:+.3f}, {fpr.high:+.3f}] (n = {fpr.n:,})."
    )
    return Incompatibility(
        label, base.attribute, base.label, base.value.n, base.value, base.rest, precision, recall, *sides, gap, fpr, sentence
    )  # fmt: skip

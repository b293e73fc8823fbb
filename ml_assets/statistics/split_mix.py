"""Are the same groups in training, validation and test? A gate cannot see a group that its rows do not hold."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml_assets.statistics.arrays import IntArray, same_rows
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.groups import Grouping, groupings
from ml_assets.statistics.proxies import cramers_v
from ml_assets.statistics.support import Support, supports
from ml_assets.statistics.verdicts import Contrast, Verdict, rate_difference, verdicts

PARTS = ("train", "validation", "test")
EXPECTED = 5.0
"""Rows a part should have of a group, by its share of training, before none of them is a finding: chance leaves out e^-5."""


@dataclass(frozen=True, slots=True)
class PartShare:
    """Share of a group in one part less its share in training; 0 as in training. ``absent``: there, and not here, where 5 rows or more were to be expected."""

    attribute: str
    group: str
    part: str
    n: int
    share: float
    difference: Estimate
    absent: bool
    verdict: Verdict
    support: Support
    sentence: str


@dataclass(frozen=True, slots=True)
class MixTest:
    """Whether an attribute is distributed alike over the parts: ``p_value`` of a chi-square test, its effect ``strength``.

    ``strength`` is Cramér's V, corrected for chance: 0 alike, 1 each part has groups of its own; nan for one group.
    """

    attribute: str
    n: int
    p_value: float
    strength: float


@dataclass(frozen=True, slots=True)
class SplitMix:
    """The mix of groups over the parts of a training set."""

    tests: tuple[MixTest, ...]
    shares: tuple[PartShare, ...]


def split_mix(
    groups: pd.DataFrame, parts: npt.NDArray[np.str_], *, tolerance: float = 0.1, level: float = 0.95
) -> SplitMix:
    """Mix of every attribute over the parts (n,) "train", "validation", "test": a test, and each group against training.

    Differences of shares are tolerated within ±``tolerance``. The chi-square test needs about five expected rows in each
    cell, and with many rows it finds differences that do not matter: look at ``strength``. Rows that belong together
    (a person's) make it too sure.
    """
    same_rows(groups=groups.index.to_numpy(), parts=parts)
    tables = tuple(groupings(groups))
    rows = {part: int((parts == part).sum()) for part in PARTS}
    cells = [
        (table, code, part, *_counts(table, code, parts, part))
        for table in tables
        for code in range(len(table.labels))
        for part in PARTS[1:]
        if rows[part]
    ]
    contrasts = [
        rate_difference(here, rows[part], there, rows["train"], tolerance=tolerance)
        for _, _, part, here, there in cells
    ]
    answers = zip(cells, contrasts, verdicts(contrasts, level=level), supports(contrasts), strict=True)
    shares = tuple(
        _share(cell, rows, contrast, verdict, support, level) for cell, contrast, verdict, support in answers
    )
    place = np.searchsorted(np.sort(PARTS), parts).astype(np.int64)
    return SplitMix(tuple(_test(table, place) for table in tables), shares)


def _counts(table: Grouping, code: int, parts: npt.NDArray[np.str_], part: str) -> tuple[int, int]:
    ours = table.codes == code
    return int((ours & (parts == part)).sum()), int((ours & (parts == "train")).sum())


def _share(
    cell: tuple[Grouping, int, str, int, int],
    rows: dict[str, int],
    contrast: Contrast,
    verdict: Verdict,
    support: Support,
    level: float,
) -> PartShare:
    table, code, part, here, there = cell
    difference = contrast.estimate("share_difference", rows[part], level=level)
    expected = there / rows["train"] * rows[part] if rows["train"] else 0.0
    absent, who = here == 0 and expected >= EXPECTED, f"{table.attribute} = {table.labels[code]}"
    sentence = f"{who}: share of the {part} rows not estimable, training has no rows."
    if difference.estimable:
        sentence = (
            f"{who}: {here / rows[part]:.1%} of the {part} rows, {there / rows['train']:.1%} of training, difference "
            f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}] (n = {rows[part]:,}), tolerated "
            f"{contrast.lowest:.2f} to {contrast.highest:.2f}: {verdict}."
        )
    if absent:
        sentence += f" It is absent from the {part} rows: no gate that reads them can see it."
    return PartShare(
        table.attribute,
        table.labels[code],
        part,
        here,
        here / rows[part],
        difference,
        absent,
        verdict,
        support,
        sentence,
    )


def _test(table: Grouping, place: IntArray) -> MixTest:
    from scipy.special import gammaincc

    counts = np.zeros((len(table.labels), int(place.max(initial=0)) + 1))
    np.add.at(counts, (table.codes, place), 1)
    counts = counts[:, counts.sum(axis=0) > 0]
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    p_value = 1.0
    if freedom > 0:
        expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
        p_value = float(gammaincc(freedom / 2, ((counts - expected) ** 2 / expected).sum() / 2))
    strength = cramers_v(table.codes, place) if freedom > 0 else math.nan
    return MixTest(table.attribute, int(counts.sum()), p_value, strength)

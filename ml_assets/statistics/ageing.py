"""What age costs: the model of some time ago against the freshest one, on the same later rows, in money per decision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml_assets.errors import DataError
from ml_assets.statistics.arrays import FloatArray
from ml_assets.statistics.clustered import clustered_mean
from ml_assets.statistics.estimate import Estimate
from ml_assets.statistics.verdicts import holm

FEWEST_BLOCKS = 3
"""Blocks below which an interval over them says nothing."""
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class CostOfAge:
    """``loss``: money per decision that a model ``age`` blocks older than the freshest loses against it; n counts blocks.

    Below 0 the older one earns more. ``decisions``: rows of those blocks. ``p_value``: one-sided, that age costs nothing,
    adjusted by Holm for all ages with at least three blocks (nan for the others).
    """

    age: int
    loss: Estimate
    decisions: int
    p_value: float

    @property
    def shown(self) -> bool:
        """Whether the loss is beyond chance."""
        return self.p_value < ALPHA


def cost_of_age(
    gains: npt.ArrayLike, rows: npt.ArrayLike, *, unit: str = "", level: float = 0.95
) -> tuple[CostOfAge, ...]:
    """The loss at every age, youngest first, from the matrix trained-at × scored-at.

    ``gains[i, j]`` (T, T): money of block j under the model trained on blocks up to i, read for j > i; ``rows`` (T,):
    decisions of each block, above 0. At block j the freshest model is that of j - 1; the loss at age k is the mean over
    blocks j > k of (gains[j - 1, j] - gains[j - 1 - k, j]) / rows[j], a block counting once whatever its size, with
    Student's interval over blocks. Empty with fewer than three blocks.

    Each age is measured on the blocks that have a model so old, so that old ages rest on few, late blocks. Models that
    learned from all blocks before them had fewer rows when they were older: that is part of what is measured. Blocks
    that share a shock make intervals too narrow.
    Errors: ``DataError`` where shapes do not fit, a gain that is read is not finite, or a block is empty.
    """
    money, sizes = np.asarray(gains, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    _refuse(money, sizes)
    lost = {age: _lost(money, sizes, age) for age in range(1, len(money) - 1)}
    means = {age: clustered_mean(values) for age, values in lost.items()}
    tested = [age for age, values in lost.items() if values.size >= FEWEST_BLOCKS]
    adjusted = holm([means[age].p_value(0.0, shown="more") for age in tested]).tolist() if tested else []
    p_values = dict(zip(tested, adjusted, strict=True))
    return tuple(
        CostOfAge(
            age,
            means[age].estimate("loss per decision", unit=unit, level=level),
            int(sizes[age + 1 :].sum()),
            p_values.get(age, float("nan")),
        )
        for age in lost
    )


def sentence_of_age(ages: Sequence[CostOfAge], *, block: str = "") -> str:
    """What the oldest age that can be judged costs, and from which age on a loss is beyond chance.

    ``block``: how long a block is ("2 days"), where that is known.
    """
    judged = [one for one in ages if one.loss.n >= FEWEST_BLOCKS]
    if not judged:
        return f"what age costs cannot be told: {len(ages)} ages to compare, none on {FEWEST_BLOCKS} blocks"
    last = judged[-1].loss
    length = f" of {block}" if block else ""
    shown = next((one.age for one in judged if one.shown), None)
    chance = "no age loses beyond chance" if shown is None else f"beyond chance from {_blocks(shown)} on"
    return (
        f"a model {_blocks(judged[-1].age)}{length} older than the freshest loses {last.value:.4g} {last.unit}".rstrip()
        + f" per decision [{last.low:.4g}, {last.high:.4g}] ({last.n} blocks, n = {judged[-1].decisions:,} decisions); {chance}"
    )


def _blocks(count: int) -> str:
    return f"{count} block{'' if count == 1 else 's'}"


def _lost(money: FloatArray, sizes: FloatArray, age: int) -> FloatArray:
    at = np.arange(age + 1, len(money))
    lost: FloatArray = (money[at - 1, at] - money[at - 1 - age, at]) / sizes[at]
    return lost


def _refuse(money: FloatArray, sizes: FloatArray) -> None:
    if money.ndim != 2 or money.shape != (sizes.size, sizes.size):
        got, allowed = f"gains {money.shape}, rows {sizes.shape}", "gains (T, T) and rows (T,)"
        raise DataError(
            "A matrix of gains that does not fit its blocks", got=got, allowed=allowed, do="Give all blocks"
        )
    if not np.isfinite(money[np.triu_indices(len(money), 1)]).all():
        raise DataError("A gain is not a number", got="nan or inf", allowed="finite money", do="Leave the block out")
    if not (sizes > 0).all():
        raise DataError("A block without decisions", got=sizes.tolist(), allowed="above 0", do="Leave the block out")

"""The past replayed: models trained at each block of history, scored on every later one, and policies run over the result."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from ml_assets.declaration import Solution
from ml_assets.history import Learned, training_rows
from ml_assets.learning.artifact import load
from ml_assets.learning.finishing import train
from ml_assets.learning.table import TrainingTable
from ml_assets.recipes import recipe_of
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.statistics.ageing import CostOfAge, cost_of_age, sentence_of_age
from ml_assets.statistics.backtest import Every, Never, OnSignal, Oracle, Policy, PolicyOutcome, backtest
from ml_assets.statistics.policy import RetrainingRule
from ml_assets.statistics.renewal import known_by_then, renewal
from ml_assets.statistics.value import policies

MOST_BLOCKS = 8
SMALLEST_BLOCK = 60
BY_AGE = "age known by then"
"""The policy that retrains by age alone, as losses of the blocks before told it: no block is looked at ahead."""


def replay_history(solution: Solution, store: SolutionStore) -> Facts:
    """Cut the training set into blocks of time, fill the matrix trained-at × scored-at with money, replay the policies,
    and read from it what age costs.

    The parts of the training set do not matter here, because each model sees only blocks before the ones it is scored on. A
    model is the present family with its present parameters; each block's first fifth sets its threshold and calibration.
    """
    rows = training_rows(solution, store, weights=False)
    blocks = _blocks(rows)
    if blocks and len(set(rows.table.truth[blocks[0]].tolist())) < 2:
        blocks = [np.concatenate(blocks[:2]), *blocks[2:]]
    if not solution.data_pipeline.is_stream or len(blocks) < 3:
        reason = (
            "a single table has no past to replay"
            if not solution.data_pipeline.is_stream
            else f"{len(blocks)} blocks of history; at least 3 are needed"
        )
        nothing = {"outcomes": [], "sentence": reason, "blocks": len(blocks)}
        return store.write_facts(
            "policy_backtest", nothing | {"staleness": {"ages": [], "sentence": reason}, "renewal": None}
        )
    gains = gain_matrix(solution, store, rows, blocks)
    per_block = len(set(rows.batch)) / len(blocks)
    ages = cost_of_age(gains, [len(block) for block in blocks], unit=solution.business_case.currency)
    pays = renewal_of(solution, ages, blocks, per_block)
    outcomes = _replay(solution, rows, blocks, gains, per_block, pays["blocks"])
    return store.write_facts(
        "policy_backtest",
        {
            "outcomes": list(outcomes),
            "sentence": _sentence(solution, outcomes, len(blocks)),
            "blocks": len(blocks),
            "staleness": staleness(solution, ages, per_block),
            "renewal": pays,
        },
    )


def staleness(solution: Solution, ages: tuple[CostOfAge, ...], per_block: float) -> Facts:
    """What a model loses per decision by its age, against the freshest there could be, in facts and in a sentence."""
    return {
        "ages": [asdict(age) | {"shown": age.shown} for age in ages],
        "sentence": sentence_of_age(ages, block=_length(solution, per_block)),
    }


def renewal_of(
    solution: Solution, ages: tuple[CostOfAge, ...], blocks: list[NDArray[np.int64]], per_block: float
) -> Facts:
    """After how many blocks, and so batches and days, losses by age are worth a retraining; what the trigger ``age`` reads."""
    found = renewal(
        ages,
        decisions=float(np.mean([len(block) for block in blocks])),
        cost=solution.retraining.cost,
        unit=solution.business_case.currency,
        block=_length(solution, per_block),
    )
    batches = None if found.blocks is None else max(1, round(found.blocks * per_block))
    period = solution.data_pipeline.period
    days = batches * period.total_seconds() / 86_400.0 if batches and period else None
    return asdict(found) | {"batches": batches, "days": days}


def _length(solution: Solution, per_block: float) -> str:
    period = solution.data_pipeline.period
    if not period:
        return ""
    days = per_block * period.total_seconds() / 86_400.0
    return f"about {days:.3g} days" if days >= 1 else f"about {24 * days:.3g} hours"


def _blocks(rows: Learned) -> list[NDArray[np.int64]]:
    """Row positions of up to ``MOST_BLOCKS`` stretches of whole batches, oldest first."""
    batches = sorted(set(rows.batch))
    count = min(MOST_BLOCKS, len(batches), len(rows.table) // SMALLEST_BLOCK)
    if count < 1:
        return []
    block_of = {b: i for i, part in enumerate(np.array_split(np.array(batches, dtype=object), count)) for b in part}
    code = np.array([block_of[b] for b in rows.batch])
    return [np.flatnonzero(code == i) for i in range(count)]


def gain_matrix(
    solution: Solution, store: SolutionStore, rows: Learned, blocks: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Money in block j under the model trained on all blocks up to i; only j > i means anything."""
    name = load(store.folder("mitigation", "final"), digest=store.read_facts("mitigation")["digest"]).predictor.family
    money = solution.business_case.money(rows.table.classes)
    gains = np.zeros((len(blocks), len(blocks)))
    for i in range(len(blocks) - 1):
        table = _past(rows, blocks, i)
        artifact = train(
            name,
            table,
            solution=solution.name,
            value=money,
            recipe=recipe_of(solution, store, name),
            calibration=solution.model.calibration,
        ).artifact
        for j in range(i + 1, len(blocks)):
            later = rows.table.rows(blocks[j])
            gains[i, j] = float(np.sum(money.money(later.truth, artifact.predict(later.features).decision)))
    return gains


def _past(rows: Learned, blocks: list[NDArray[np.int64]], last: int) -> TrainingTable:
    """Blocks up to ``last`` as a table of their own: every fifth row validates, the others teach; newer blocks weigh more."""
    from dataclasses import replace

    at = np.concatenate(blocks[: last + 1])
    age = np.concatenate([np.full(len(b), last - i) for i, b in enumerate(blocks[: last + 1])])
    table = rows.table.rows(at)
    part = np.where(np.arange(len(at)) % 5 == 0, "validation", "train")
    return replace(table, part=part, weight=0.5 ** age.astype(np.float64))


def _replay(
    solution: Solution,
    rows: Learned,
    blocks: list[NDArray[np.int64]],
    gains: NDArray[np.float64],
    per_block: float,
    renewed_after: int | None,
) -> tuple[PolicyOutcome, ...]:
    """The declared policy beside never, always, age alone, the period that losses by age ask for (where they do), and hindsight.

    Both policies that read age know at each block only what the blocks up to it told; the period was chosen on all blocks.
    """
    policy = solution.retraining
    period = solution.data_pipeline.period
    seconds = per_block * (period.total_seconds() if period else 86_400.0)
    # a block is several batches long: one failing block stands for k of n failing batches
    rule = RetrainingRule(
        on=policy.on,
        k=1,
        n=1,
        cool_down_seconds=policy.cool_down.total_seconds(),
        at_most=(policy.at_most[0], policy.at_most[1].total_seconds()),
    )
    signals = {"performance": _falls(solution, rows, blocks, gains), "age": _old(gains, blocks, policy.cost)}
    by_age = RetrainingRule(on=("age",), cool_down_seconds=0.0)
    chosen = [] if renewed_after is None else [Every(renewed_after, "chosen on these blocks")]
    replayed: list[Policy] = [
        Never(),
        Every(1),
        *chosen,
        OnSignal(by_age, seconds_per_batch=seconds, name=BY_AGE),
        OnSignal(rule, seconds_per_batch=seconds),
        Oracle(),
    ]
    return backtest(gains, signals, replayed, cost=policy.cost)


def _old(gains: NDArray[np.float64], blocks: list[NDArray[np.int64]], cost: float) -> NDArray[np.bool_]:
    """Whether at block j a model trained at i has the age that blocks up to j name: (trained at, scored on)."""
    named = known_by_then(gains, [len(block) for block in blocks], cost=cost)
    limit = np.array([np.inf if k is None else k for k in named])
    at = np.arange(len(blocks))
    old: NDArray[np.bool_] = at[None, :] - at[:, None] >= limit[None, :]
    return old


def _falls(
    solution: Solution, rows: Learned, blocks: list[NDArray[np.int64]], gains: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether block j earned, per decision, clearly less than the first block its model served: (trained at, scored on).

    Clearly: by a twentieth of what there was to gain in that block.
    """
    money = solution.business_case.money(rows.table.classes)
    per_row = gains / np.array([max(len(b), 1) for b in blocks])
    falls = np.zeros_like(gains, dtype=np.bool_)
    for j in range(1, len(blocks)):
        found = {p.name: p.per_decision.value for p in policies(rows.table.truth[blocks[j]], money)}
        attainable = found.pop("perfect") - max(found.values())
        for i in range(j):
            falls[i, j] = per_row[i, j] < per_row[i, i + 1] - 0.05 * attainable
    return falls


def _sentence(solution: Solution, outcomes: tuple[PolicyOutcome, ...], blocks: int) -> str:
    net = {o.name: o.money - o.cost for o in outcomes}
    times = {o.name: o.retrains for o in outcomes}
    unit = solution.business_case.currency
    return (
        f"over {blocks} blocks of history the declared policy nets {net['declared policy']:,.0f} {unit} with {times['declared policy']} retrainings, "
        f"never {net['never']:,.0f}, age alone as it was known by then {net[BY_AGE]:,.0f} with {times[BY_AGE]}, "
        f"the best in hindsight {net['oracle']:,.0f}"
    )

"""What more rows would bring and what each column brings: the chosen family fitted on shares of the rows, and without columns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import numpy as np
from numpy.typing import NDArray

from ml_assets.declaration import Solution
from ml_assets.evidence import Verdict, band, counted, intervals, numbers, table
from ml_assets.history import Learned, training_rows
from ml_assets.learning.ablation import ColumnWorth, ablation, chosen_columns, features_of_columns
from ml_assets.learning.artifact import SolutionArtifact
from ml_assets.learning.explanation import permutation_importance
from ml_assets.learning.finishing import train
from ml_assets.learning.learning_curve import (
    Judged,
    LearningCurve,
    enough_of_each,
    learning_curve,
    measure_shares,
    nested_shares,
)
from ml_assets.learning.losses import row_loss
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.learning.table import TrainingTable
from ml_assets.recipes import recipe_of
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts
from ml_assets.statistics.estimate import Estimate

MOST_ROWS = 20_000
"""Rows that teach, and rows that judge, at most: some forty fits are made."""
PLACEBOS = 6
"""Fits with a column of shuffled values: what a fit changes by itself."""
PLACEBO = "ml:placebo"


@dataclass(frozen=True)
class _Lab:
    """Positions of the rows that teach and of those that judge, and how a family is fitted and judged on them."""

    solution: Solution
    store: SolutionStore
    family: str
    both: Learned
    teach: NDArray[np.int64]
    validation: NDArray[np.int64]

    def fitted(self, table: TrainingTable, *, seed: int = 0) -> SolutionArtifact:
        """The recipe on the rows of ``table``, which the validation rows stop, calibrate and set the threshold of.

        Where no input is left it is a model that knows nothing.
        """
        family = self.family if feature_specs(table.take("train").features) else "dummy"
        recipe = recipe_of(self.solution, self.store, family)
        return train(
            family,
            table,
            solution=self.solution.name,
            value=self.solution.business_case.money(table.classes),
            recipe=replace(recipe, seed=recipe.seed + seed),
            calibration=self.solution.model.calibration,
        ).artifact

    def table(self, at: NDArray[np.int64]) -> TrainingTable:
        """These teaching rows and all validation rows."""
        return self.both.table.rows(np.concatenate([self.teach[at], self.validation]))

    @property
    def taught(self) -> Learned:
        """The rows that teach."""
        return self.both.rows(self.teach)

    @property
    def held(self) -> Learned:
        """The rows that judge."""
        return self.both.rows(self.validation)

    def judged(self, table: TrainingTable, artifact: SolutionArtifact | None = None, *, seed: int = 0) -> Judged:
        """Loss of the score before calibration, which was chosen on these rows, and money of the decisions."""
        rows, model = table.take("validation"), artifact or self.fitted(table, seed=seed)
        score = np.asarray(model.predictor.predict(rows.features), dtype=np.float64)
        loss = row_loss(rows.truth, score, task=rows.task, loss=self.solution.training_loss)
        value = self.solution.business_case.money(rows.classes)
        return Judged(loss, value.money(rows.truth, model.predict(rows.features).decision))


def measure_worth(
    solution: Solution, store: SolutionStore, *, log: Callable[[str], None] = lambda _: None, most: int = MOST_ROWS
) -> Facts:
    """The learning curve and the worth of the columns of the chosen family, as facts of ``data_worth``.

    At most ``most`` rows teach and judge, thinned by whole clusters and evenly over the batches (more where
    a rare class would be lost); the facts say of how many.
    """
    rows = training_rows(solution, store)
    family = store.read_facts("model")["selection"]["chosen"]
    parts = {name: np.flatnonzero(rows.table.part == name) for name in ("train", "validation")}
    kept = {name: _thinned(rows, at, most, solution.model.seed) for name, at in parts.items()}
    lab = _Lab(solution, store, family, rows, kept["train"], kept["validation"])
    log(f"learning curve of {family} on {counted(len(lab.teach), 'row')}")
    curve, money = _curve(lab)
    columns, left_out = _columns(lab, log)
    has_value = solution.business_case.value is not None
    return store.write_facts(
        "data_worth",
        {
            "family": family,
            "rows": {name: [len(kept[name]), len(at)] for name, at in parts.items()},
            "curve": curve,
            "money": money if has_value else None,
            "sentence": _sentence(curve, money if has_value else None, len(kept["train"]), len(parts["train"])),
            "columns": list(columns),
            "columns_left_out": list(left_out),
            "value_declared": has_value,
            "digest": store.read_facts("training_set")["digest"],
        },
    )


def _thinned(rows: Learned, at: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most so many of the rows ``at``; more where a rare class would be lost, all where it is that rare."""
    truth = None if rows.table.task == "regression" else rows.table.truth[at]
    while most < len(at):
        kept = nested_shares(rows.cluster[at], rows.batch[at], shares=(most / len(at),), seed=seed)[0]
        if enough_of_each(kept, truth):
            return at[kept]
        most *= 2
    return at


def _curve(lab: _Lab) -> tuple[LearningCurve, LearningCurve]:
    """The curve of the loss, and that of the money lost."""

    def judge(at: NDArray[np.int64], seed: int) -> Judged:
        return lab.judged(lab.table(at), seed=seed)

    teach, seed = lab.taught, lab.solution.model.seed
    truth = None if lab.solution.task == "regression" else teach.table.truth
    losses, money = measure_shares(teach.cluster, teach.batch, truth, judge, seed=seed)
    unit, cluster = lab.solution.business_case.currency, lab.held.cluster
    return (
        learning_curve(losses, cluster=cluster, seed=seed),
        learning_curve(money, cluster=cluster, seed=seed, small=0.0, unit=unit),
    )


def _sentence(curve: LearningCurve, money: LearningCurve | None, used: int, there: int) -> str:
    parts = [curve.sentence.removesuffix(".")]
    if money is not None and money.gain.estimable:
        gain = money.gain
        parts.append(f"in money {gain.value:+.3g} {gain.unit} per decision [{gain.low:+.3g}, {gain.high:+.3g}]")
    if used < there:
        parts.append(f"measured on {used:,} of {there:,} training rows")
    return "; ".join(parts) + "."


def _columns(lab: _Lab, log: Callable[[str], None]) -> tuple[tuple[ColumnWorth, ...], tuple[str, ...]]:
    """The worth of the columns that are looked at, and the names of the others."""
    whole, seed = lab.table(np.arange(len(lab.teach))), lab.solution.model.seed
    full = lab.fitted(whole)
    found = permutation_importance(full, lab.held.table, seed=seed, repeats=1, max_rows=2000)
    features = features_of_columns(
        map(str, whole.features.columns), lab.store.read_facts("selected_columns")["lineage"]
    )
    cost = {c: rule.cost for c, rule in lab.solution.data_selection.columns.items()}
    chosen = chosen_columns(features, {f.feature: f.importance.value for f in found}, cost)
    log(f"{lab.family} without each of {counted(len(chosen), 'column')}")
    worth = ablation(
        lab.judged(whole, full),
        {c: lab.judged(replace(whole, features=whole.features.drop(columns=list(features[c])))) for c in chosen},
        features=features,
        cost=cost if lab.solution.business_case.value is not None else {},
        cluster=lab.held.cluster,
        placebos=[
            lab.judged(_with_placebo(whole, found[i % len(found)].feature, seed + i))
            for i in range(PLACEBOS if found else 0)
        ],
        stake=_stake(lab),
        unit=lab.solution.business_case.currency,
    )
    return worth, tuple(sorted(set(features) - set(chosen)))


def _with_placebo(table: TrainingTable, feature: str, seed: int) -> TrainingTable:
    """One column more: the values of a feature in another order."""
    order = np.random.default_rng(seed).permutation(len(table))
    shuffled = table.features[feature].iloc[order].reset_index(drop=True)
    return replace(table, features=table.features.assign(**{PLACEBO: shuffled}))


def _stake(lab: _Lab) -> float:
    """The most money that another decision makes on one row; 0 for a number, which has no two decisions."""
    classes = lab.held.table.classes
    if lab.solution.task == "regression":
        return 0.0
    value, codes = lab.solution.business_case.money(classes), np.arange(len(classes))
    return max(float(np.ptp(value.money(np.full(len(codes), c), codes))) for c in codes)


def worth_shown(solution: Solution, facts: Facts) -> dict[str, Any]:
    """The answers, the curve with its band, and the columns with their intervals."""
    columns = [_row(c, solution.business_case.currency) for c in facts["columns"]]
    losses = [replace(Estimate.from_row(c["loss"]), name=c["column"]) for c in facts["columns"]]
    shown: dict[str, Any] = {
        "would_twice_the_rows_help": facts["curve"]["answer"],
        "sentence": facts["sentence"],
        "family": facts["family"],
        "columns": table(columns),
        "columns_left_out": len(facts["columns_left_out"]),
        **{f"{name}_rows": f"{used:,} of {there:,}" for name, (used, there) in facts["rows"].items()},
        **numbers({"gain_of_twice_the_rows": Estimate.from_row(facts["curve"]["gain"]).value}),
        "columns_picture": dg.MetadataValue.md(intervals("rise of the loss without the column", losses, limit=0.0)),
    }
    points = [(p["rows"], Estimate.from_row(p["loss"])) for p in facts["curve"]["points"]]
    if points:
        drawn = [(float(rows), e.value, e.low, e.high) for rows, e in points]
        picture = band("validation loss by rows learned from", drawn, across="rows")
        shown["curve_picture"] = dg.MetadataValue.md(picture)
        shown["curve"] = table([{"rows": rows, "loss": e.value, "low": e.low, "high": e.high, "n": e.n} for rows, e in points])  # fmt: skip
    return shown


def _row(column: Mapping[str, Any], currency: str) -> dict[str, object]:
    loss, money = Estimate.from_row(column["loss"]), Estimate.from_row(column["money"])
    return {
        "column": column["column"],
        "features": ", ".join(column["features"]),
        "loss without it": loss.value,
        "loss low": loss.low,
        "loss high": loss.high,
        f"{currency} per decision": money.value,
        "low": money.low,
        "high": money.high,
        "cost": column["cost"],
        "n": loss.n,
        "verdict": column["verdict"],
    }


def worth_their_cost(solution: Solution, store: SolutionStore) -> Verdict:
    """Asks for a look where a column is shown to earn less than it costs; what is not shown is not held against it."""
    facts = store.read_facts("data_worth")
    unit = solution.business_case.currency
    priced = [c for c in facts["columns"] if c["cost"] is not None]
    bad = [c for c in priced if c["verdict"] == "costs more than it is worth"]
    said = [f"{c['column']} costs {c['cost']:.4g} {unit} per decision and earns {_money(c)}" for c in bad or priced]
    if bad:
        sentence = "; ".join(said)
    elif priced:
        sentence = (
            f"none of {counted(len(priced), 'column')} with a declared cost is shown to earn less: {'; '.join(said)}"
        )
    elif any(rule.cost > 0 for rule in solution.data_selection.columns.values()) and not facts["value_declared"]:
        sentence = "no value of a decision is declared that a cost could be held against"
    else:
        sentence = "costs nothing declared: no column in use has a cost"
    rows = [_row(c, unit) for c in priced]
    return Verdict(not bad, sentence, {"not_worth_their_cost": len(bad), "with_a_cost": len(priced)}, rows, act=False)


def _money(column: Mapping[str, Any]) -> str:
    money = Estimate.from_row(column["money"])
    return f"{money.value:.4g} [{money.low:.4g}, {money.high:.4g}] (n = {money.n:,})"

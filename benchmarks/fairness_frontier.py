"""What remedies against gaps between groups cost: accuracy lost against the gap that is left, on rows never read before.

Every seed splits a table anew into train, validation and test (60/20/20, by person where persons repeat). A remedy is
fitted on train, chosen on validation by the rule of the ladder with one declared limit, 0.05 for each rate, and measured
once on test. The gap is the largest difference of true or false positive rates between two groups; beside it stands the
excess over the noise floor: the mean gap of a perfectly fair model with the same rates on the same test rows.

Peers (fairlearn's ThresholdOptimizer and ExponentiatedGradient around the same xgboost on the same split) run in an
environment of their own; ``--peers FOLDER`` names where it is, and makes it there when it is not. The ThresholdOptimizer
is fitted on validation; both decide by lot, so their figures are expectations. The tables come from the folder
``ML_ASSETS_DATA``; a table that is not there is left out with a line that says so.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measuring import Goal, ToolError, arguments, environment, fresh, report
from numpy.typing import NDArray

from ml_assets.learning.artifact import DEFAULT_THRESHOLD, SolutionArtifact
from ml_assets.learning.finishing import train
from ml_assets.learning.job import Recipe
from ml_assets.learning.ladder import Climb, climb
from ml_assets.learning.predictors import XGBoostPredictor
from ml_assets.learning.preprocessing import codes, prepare
from ml_assets.learning.remedies.aims import Aim, Stratum
from ml_assets.learning.remedies.points import operating_points
from ml_assets.learning.remedies.programme import best_mixture, expected_decisions
from ml_assets.learning.remedies.rungs import RUNGS, scored_rows
from ml_assets.learning.remedies.situation import Situation
from ml_assets.learning.remedies.thresholds import ThresholdRule, fit_thresholds
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import Task
from ml_assets.statistics.value import BinaryValue, default_value

LIMIT = 0.05
ODDS = {"equal_opportunity_difference": LIMIT, "false_positive_rate_difference": LIMIT}
STRATA: tuple[Stratum, ...] = ("favourable", "unfavourable")
BLIND, AWARE = "ladder, group unknown", "ladder, thresholds alone"
TWO_POINTS, BY_LOT = "thresholds at 0.02, not chosen", "mixture at 0.02, by lot, not chosen"
NONE, GRADIENT, OPTIMIZER = "none", "fairlearn ExponentiatedGradient", "fairlearn ThresholdOptimizer"
PACKAGES = ("fairlearn==0.15.0", "xgboost==3.2.0", "scikit-learn==1.9.1", "numpy==2.4.6", "pandas==2.3.3")
PEER = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, xgboost
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import EqualizedOdds, ExponentiatedGradient
with np.load(sys.argv[1], allow_pickle=False) as file:
    x, y, group, part = (file[name] for name in ("x", "y", "group", "part"))
options = json.loads(sys.argv[2])
kinds = options.pop("feature_types")
fit, held, test = (part == name for name in ("train", "validation", "test"))
def model():
    return xgboost.XGBClassifier(**options, tree_method="hist", enable_categorical=True, feature_types=kinds, n_jobs=1)
base = model().fit(x[fit], y[fit])
out = {}
begun = time.process_time()
lots = ThresholdOptimizer(estimator=base, constraints="equalized_odds", prefit=True, predict_method="predict_proba")
lots.fit(x[held], y[held], sensitive_features=group[held])
p = lots._pmf_predict(x[test], sensitive_features=group[test])[:, 1]
out["fairlearn ThresholdOptimizer"] = p.tolist(), time.process_time() - begun
begun = time.process_time()
gradient = ExponentiatedGradient(model(), EqualizedOdds(difference_bound=0.02), max_iter=30)
gradient.fit(x[fit], y[fit], sensitive_features=group[fit])
p = gradient._pmf_predict(x[test])[:, 1]
out["fairlearn ExponentiatedGradient"] = np.asarray(p).tolist(), time.process_time() - begun
print(json.dumps(out))
"""


@dataclass(frozen=True)
class Case:
    """A table with the group it is audited by; ``read`` makes (features, truth, groups, person) of the file."""

    name: str
    file: str
    read: Callable[[pd.DataFrame], tuple[pd.DataFrame, NDArray[Any], "pd.Series[Any]", NDArray[Any] | None]]
    favourable: int = 1
    task: Task = "binary"
    metrics: Mapping[str, float] = field(default_factory=lambda: ODDS)
    peers: bool = False


def adult(frame: pd.DataFrame, group: str) -> Any:
    labels = frame["sex"] if group == "sex" else frame["race"].where(frame["race"] == "White", "other")
    features = frame.drop(columns=["income", "sex", "race", "fnlwgt", "education", "split"])
    return features, (frame["income"] == ">50K").to_numpy(np.float64), labels.rename(group), None


def german(frame: pd.DataFrame) -> Any:
    features = frame.drop(columns=["credit_risk", "sex", "personal_status_sex"])
    return features, (frame["credit_risk"] == "bad").to_numpy(np.float64), frame["sex"], None


def credit_card(frame: pd.DataFrame) -> Any:
    features = frame.drop(columns=["SEX", "default_next_month"])
    sex = frame["SEX"].map({1: "male", 2: "female"}).rename("sex")
    return features, frame["default_next_month"].to_numpy(np.float64), sex, None


def diabetes(frame: pd.DataFrame) -> Any:
    features = frame.drop(columns=["encounter_id", "patient_nbr", "race", "gender", "readmitted"])
    race = frame["race"].fillna("unknown").where(frame["race"].isin(["Caucasian", "AfricanAmerican"]), "other")
    return features, (frame["readmitted"] == "<30").to_numpy(np.float64), race, frame["patient_nbr"].to_numpy()


def student(frame: pd.DataFrame) -> Any:
    features = frame.drop(columns=["G1", "G2", "G3", "sex"])
    return features, frame["G3"].to_numpy(np.float64), frame["sex"], None


ADULT = "adult/adult.csv.gz"
CASES = (
    Case("Adult by sex", ADULT, lambda frame: adult(frame, "sex"), peers=True),
    Case("Adult by race, two groups", ADULT, lambda frame: adult(frame, "race"), peers=True),
    Case("German credit by sex", "german_credit/german_credit.csv", german, favourable=0),
    Case("credit card default by sex", "credit_card_default/credit_card_default.csv", credit_card, favourable=0),
    Case("diabetes130 (<30 days) by race", "diabetes130/diabetes130.csv.gz", diabetes),
    Case(
        "student grade by sex", "student_performance_por/student_performance_por.csv", student, task="regression",
        metrics={"mean_residual_difference": 0.2},
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shot:
    """One method on one seed: points of accuracy lost against none (regression: of mean absolute error), gap on test."""

    method: str
    lost: float
    gap: float
    excess: float
    seconds: float
    fits: int
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One method over the seeds: means, the standard deviation of the gap, and what the ladder answered how often."""

    case: str
    method: str
    seeds: int
    lost_points: float
    gap: float
    gap_sd: float
    floor: float
    excess: float
    cpu_seconds: float
    most_fits: int
    outcomes: dict[str, int]


def split(rows: int, person: NDArray[Any] | None, seed: int) -> NDArray[np.str_]:
    """60/20/20, whole persons."""
    _, code = np.unique(np.arange(rows) if person is None else person, return_inverse=True)
    place = np.random.default_rng(seed).permutation(int(code.max()) + 1) / (int(code.max()) + 1)
    return np.select([place[code] < 0.6, place[code] < 0.8], ["train", "validation"], "test").astype(np.str_)


def gap(decision: NDArray[Any], table: TrainingTable, labels: NDArray[Any]) -> float:
    """The largest difference of a rate between two groups; for regression of the mean residual, in sd of the truth."""
    names = np.unique(labels)
    if table.task == "regression":
        residual = (decision - table.truth) / table.truth.std(ddof=1)
        return float(np.ptp([residual[labels == name].mean() for name in names]))
    sides = [[decision[(labels == name) & (table.truth == side)].mean() for name in names] for side in (0, 1)]
    return float(max(np.ptp(side) for side in sides))


def floor(decision: NDArray[Any], table: TrainingTable, labels: NDArray[Any], seed: int) -> float:
    """The mean gap of models that treat all alike: the same rates (or residuals) for everybody, drawn 2,000 times."""
    rng, names = np.random.default_rng(seed), np.unique(labels)
    if table.task == "regression":
        residual = (decision - table.truth) / table.truth.std(ddof=1)
        means = [rng.normal(0, residual.std() / np.sqrt((labels == n).sum()), 2_000) for n in names]
        return float(np.ptp(means, axis=0).mean())
    widest = np.zeros(2_000)
    for side in (0, 1):
        rate = decision[table.truth == side].mean()
        sizes = [int(((labels == name) & (table.truth == side)).sum()) for name in names]
        rates = np.array([rng.binomial(n, rate, 2_000) / max(n, 1) for n in sizes])
        widest = np.maximum(widest, np.ptp(rates, axis=0))
    return float(widest.mean())


@dataclass(frozen=True, eq=False)
class Trial:
    """One seed of one case: the split, the model without a remedy, and the test rows nothing was chosen on."""

    case: Case
    table: TrainingTable
    groups: pd.DataFrame
    base: SolutionArtifact
    seed: int

    @classmethod
    def of(cls, case: Case, content: Any, seed: int) -> "Trial":
        features, truth, labels, person = content
        part, n = split(len(truth), person, seed), len(truth)
        classes = () if case.task == "regression" else ("no", "yes")
        table = TrainingTable(features, truth, part, np.ones(n), np.arange(n), case.task, classes)
        base = train(
            "xgboost", table, solution="frontier", value=default_value(case.task), recipe=Recipe(seed=seed)
        ).artifact
        return cls(case, table, labels.to_frame().reset_index(drop=True), base, seed)

    def situation(self, allowed: bool) -> Situation:
        kept = np.flatnonzero(self.table.part != "test")
        return Situation(
            self.base,
            self.table.rows(kept),
            self.groups.iloc[kept].reset_index(drop=True),
            default_value(self.case.task),
            self.case.favourable,
            self.case.metrics,
            accuracy_budget=0.01,
            group_at_decision="allowed" if allowed else "forbidden",
            recipe=Recipe(seed=self.seed),
        )

    def shot(
        self, method: str, decision: NDArray[Any] | SolutionArtifact, seconds: float, *, found: Climb | None = None
    ) -> Shot:
        """A method as it does on the test part."""
        at = np.flatnonzero(self.table.part == "test")
        test, groups = self.table.rows(at), self.groups.iloc[at].reset_index(drop=True)
        labels = groups.iloc[:, 0].to_numpy(str)
        plain = self.base.predict(test.features).decision
        if isinstance(decision, SolutionArtifact):
            decision = decision.predict(test.features, groups=groups).decision
        wide = gap(decision, test, labels)
        lost = float((abs(decision - test.truth) - abs(plain - test.truth)).mean())
        least = floor(plain, test, labels, self.seed)
        outcome, fits = ("", 0) if found is None else (found.table.outcome, found.fits)
        return Shot(method, 100 * lost if test.task == "binary" else lost, wide, wide - least, seconds, fits, outcome)

    def ours(self) -> Iterator[Shot]:
        yield self.shot(NONE, self.base, 0.0)
        for method, allowed, rungs in ((BLIND, False, RUNGS), (AWARE, True, RUNGS[-1:])):
            if allowed and self.case.task != "binary":
                continue
            begun = time.process_time()
            found = climb(self.situation(allowed), rungs=rungs)
            yield self.shot(method, found.chosen, time.process_time() - begun, found=found)
        if self.case.peers:
            yield from self._unchosen()

    def _unchosen(self) -> Iterator[Shot]:
        """Thresholds, and the mixture that bounds them, at one tolerance that no validation row chose."""
        begun = time.process_time()
        situation = self.situation(True)
        attribute = self.aim.attributes[0]
        seen, value = scored_rows(situation, attribute), default_value("binary")
        assert isinstance(value, BinaryValue)
        cut = DEFAULT_THRESHOLD if self.base.threshold is None else self.base.threshold
        rule = ThresholdRule(STRATA, value, self.case.favourable, 0.02)
        fitted = fit_thresholds(seen.labels, seen.truth, seen.score, threshold=cut, rule=rule)
        spent = time.process_time() - begun
        artifact = replace(self.base, group_thresholds=fitted, group_at_decision="allowed")
        yield self.shot(TWO_POINTS, artifact, spent)
        points = operating_points(
            seen.labels, seen.truth, seen.score, value=value, favourable=self.case.favourable, threshold=cut
        )
        mixture = best_mixture(points, strata=STRATA, tolerance=0.02, harm=rule.harm)
        if mixture is not None:
            at = np.flatnonzero(self.table.part == "test")
            labels, score = self.groups[attribute].iloc[at], self.base.score(self.table.rows(at).features)
            chance = expected_decisions(mixture, points, labels, score, fallback=cut)
            yield self.shot(BY_LOT, chance, spent)

    @property
    def aim(self) -> Aim:
        return Aim((str(self.groups.columns[0]),), STRATA)

    def theirs(self, python: str) -> Iterator[Shot]:
        """The peers on the same split, with the same trees; a line instead where they do not run."""
        predictor = self.base.predictor
        assert isinstance(predictor, XGBoostPredictor)
        taken = ("learning_rate", "max_depth", "max_bin", "min_child_weight", "max_cat_to_onehot", "max_cat_threshold")
        options: dict[str, Any] = {name: predictor.parameters[name] for name in taken}
        options["n_estimators"] = predictor.booster.num_boosted_rounds()
        options["feature_types"] = ["c" if spec.kind == "categorical" else "q" for spec in predictor.specs]
        with tempfile.TemporaryDirectory() as scratch:
            rows = str(Path(scratch) / "rows.npz")
            x = codes(prepare(self.table.features, predictor.specs), predictor.specs).astype(np.float32)
            labels = self.groups.iloc[:, 0].to_numpy(str)
            np.savez(rows, x=x, y=self.table.truth.astype(int), group=labels, part=self.table.part)
            try:
                answer = fresh(python, PEER, rows, json.dumps(options))
            except ToolError as why:
                print(f"skipped: fairlearn, seed {self.seed}: {why}", flush=True)
                return
        for method, (chance, seconds) in answer.items():
            yield self.shot(method, np.array(chance), seconds)


def fairlearn(folder: Path) -> str | None:
    """The Python of fairlearn's environment, made once; a line instead where it cannot be made."""
    try:
        return environment(folder.resolve() / "fairlearn-xgboost", PACKAGES, make=True)
    except ToolError as why:
        print(f"skipped: fairlearn: {why}", flush=True)
        return None


def summed(case: str, shots: Sequence[Shot]) -> Row:
    gaps = np.array([s.gap for s in shots])
    outcomes = {name: sum(s.outcome == name for s in shots) for name in sorted({s.outcome for s in shots} - {""})}
    means = {name: float(np.mean([getattr(s, name) for s in shots])) for name in ("lost", "excess", "seconds")}
    spread = float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0
    return Row(
        case,
        shots[0].method,
        len(shots),
        means["lost"],
        float(gaps.mean()),
        spread,
        float(gaps.mean()) - means["excess"],
        means["excess"],
        means["seconds"],
        max(s.fits for s in shots),
        outcomes,
    )


def measure(case: Case, folder: Path, seeds: int, python: str | None) -> Iterator[Row]:
    """The lines of one case, over its seeds."""
    content = case.read(pd.read_csv(folder / case.file))
    shots: dict[str, list[Shot]] = {}
    for seed in range(seeds):
        trial = Trial.of(case, content, seed)
        for shot in (*trial.ours(), *(trial.theirs(python) if python and case.peers else ())):
            shots.setdefault(shot.method, []).append(shot)
            print(f"  seed {seed}  {shot.method:<34} {shot.lost:+.3f}  {shot.gap:.3f}  {shot.outcome}", flush=True)
    for found in shots.values():
        row = summed(case.name, found)
        print(_line(row), flush=True)
        yield row


def _line(row: Row) -> str:
    answers = ", ".join(f"{name} {count}" for name, count in row.outcomes.items())
    return (
        f"{row.case:<31} {row.method:<34} lost {row.lost_points:+.3f}  gap {row.gap:.3f} ± {row.gap_sd:.3f}  "
        f"floor {row.floor:.3f}  excess {row.excess:+.3f}  CPU {row.cpu_seconds:6.1f} s  fits <= {row.most_fits}  "
        f"(seeds: {row.seeds})  {answers}"
    )


def goals(rows: Sequence[Row]) -> Iterator[Goal]:
    found = {(r.case, r.method): r for r in rows}
    wanted = (
        ("Adult by sex", AWARE, 0.04, 0.8),
        ("Adult by sex", BLIND, 0.05, 0.3),
        ("Adult by sex", TWO_POINTS, 0.04, 0.8),
        ("Adult by sex", BY_LOT, 0.04, 0.8),
        ("Adult by race, two groups", AWARE, 0.02, 0.1),
        ("Adult by race, two groups", TWO_POINTS, 0.02, 0.1),
    )
    for case, method, most, price in wanted:
        if row := found.get((case, method)):
            said = f"{row.gap:.3f} at {row.lost_points:.2f} point, excess {row.excess:+.3f} over the floor, {row.seeds} seeds"
            met = row.gap <= most and row.lost_points <= price
            yield Goal(f"{case}, {method}: gap on test", f"at most {most} at {price} point", said, met)
    if row := found.get(("Adult by sex", BLIND)):
        yield Goal("fits of the ladder, group unknown", "at most 10", str(row.most_fits), row.most_fits <= 10)
        if peer := found.get(("Adult by sex", GRADIENT)):
            share = row.cpu_seconds / peer.cpu_seconds
            yield Goal("its CPU over that of ExponentiatedGradient", "at most 0.33", f"{share:.2f}", share <= 1 / 3)
    if row := found.get(("German credit by sex", BLIND)):
        told = row.outcomes.get("not_resolvable", 0)
        yield Goal("German credit answers not_resolvable", "every seed", f"{told} of {row.seeds}", told == row.seeds)


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="two seeds, Adult and German credit alone")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--cases", nargs="*", help="beginnings of the names of the tables to measure")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="measure fairlearn; its environment is made there")
    chosen = parser.parse_args()
    if "ML_ASSETS_DATA" not in os.environ:
        print("nothing to measure: ML_ASSETS_DATA names no folder of tables")
        return 0
    folder = Path(os.environ["ML_ASSETS_DATA"])
    python = fairlearn(chosen.peers) if chosen.peers else None
    if python is None:
        print("without peers: ours against the noise floor; --peers FOLDER adds fairlearn")
    wanted = tuple(chosen.cases or (("Adult", "German") if chosen.quick else ("",)))
    rows: list[Row] = []
    for case in CASES:
        if not case.name.startswith(wanted):
            continue
        if not (folder / case.file).exists():
            print(f"skipped: {case.name}: no {case.file} in {folder}")
            continue
        rows += measure(case, folder, 2 if chosen.quick else chosen.seeds, python)
    report("fairness_frontier", [asdict(row) for row in rows], goals(rows), chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How far estimates without labels are from what labels show later: ROC AUC and accuracy of batches that have moved.

The same model, scores and reference rows for every tool. Adult: batches of one slice (by age, hours, education), drawn from
rows the model never saw, labels as they are; Electricity: the weeks after the reference, where the concept moves too;
simulated: a shift of one input, truth known. An estimate is right when the realised figure of those very rows lies near it
and inside its 95 % interval. NannyML gives a sampling error: its interval is its estimate ± 1.96 of them. Where the batch
does not resemble the reference, ours takes the scores as they are and says that it is not to be relied upon: goals count the
batches that are relied upon, for every tool; a case without any shows all, in brackets. The data sets are read from the
folder ``ML_ASSETS_DATA``.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measuring import NANNYML as PACKAGES
from measuring import Goal, ToolError, arguments, environment, fresh, report

from ml_assets.learning.finishing import train
from ml_assets.learning.preprocessing import feature_specs
from ml_assets.learning.shift import shift_weights
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.estimation import expected_metrics
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.recalibration import recalibrated_metrics
from ml_assets.statistics.value import BinaryValue

METRICS = ("roc_auc", "accuracy")
FAMILIES = ("logistic_regression", "hist_gradient_boosting")
REFERENCE_ROWS, ROWS, Z = 5_000, 500, 1.959964
OURS, PLAIN, NANNYML = "ours", "plain scores", "NannyML CBPE"
CBPE = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pandas as pd, nannyml
folder, rows = sys.argv[1], int(sys.argv[2])
a, b = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("reference", "batches"))
metrics = ["roc_auc", "accuracy"]
cbpe = nannyml.CBPE(problem_type="classification_binary", y_pred_proba="p", y_pred="d", y_true="y",
                    metrics=metrics, chunk_size=rows)
found = cbpe.fit(a).estimate(b).filter(period="analysis").to_df()
print(json.dumps({m: [found[m]["value"].tolist(), found[m]["sampling_error"].tolist()] for m in metrics}))
"""


@dataclass(frozen=True, eq=False)
class Case:
    """A model, its reference rows, and batches of equal size that came later: inputs and truth of each."""

    data: str
    name: str
    model: Any
    reference: pd.DataFrame
    truth: np.ndarray[Any, Any]
    batches: list[tuple[pd.DataFrame, np.ndarray[Any, Any]]]


def fitted(family: str, x: pd.DataFrame, y: np.ndarray[Any, Any]) -> Any:
    """A model with its calibration and threshold, trained on four fifths and finished on the last."""
    part = np.where(np.arange(len(y)) % 5 == 0, "validation", "train")
    table = TrainingTable(x, y, part, np.ones(len(y)), np.arange(len(y)), "binary", ("0", "1"))
    return train(family, table, solution="benchmark", value=BinaryValue(1, 0, 0, 1)).artifact


def simulated(family: str, batches: int) -> Iterator[Case]:
    """Truth has an interaction and a bend that a line does not know: its calibration moves with the first input."""

    def draw(n: int, shift: float, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
        x = rng.normal(0, 1, (n, 4))
        x[:, 0] += shift
        bend = 0.8 * (x[:, 0] > 0.8) * x[:, 2] - 0.3 * np.maximum(x[:, 0], 0) ** 2
        margin = -0.5 + 1.2 * x[:, 0] + x[:, 1] + bend
        return pd.DataFrame(x, columns=list("abcd")), (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float)

    rng = np.random.default_rng(11)
    model = fitted(family, *draw(10_000, 0.0, rng))
    reference, truth = draw(REFERENCE_ROWS, 0.0, rng)
    for shift in (0.0, 0.5, 1.0, 1.5):
        moved = [draw(ROWS, shift, rng) for _ in range(batches)]
        yield Case("simulated", f"shift {shift:g} sd", model, reference, truth, moved)


def adult(family: str, batches: int, folder: Path) -> Iterator[Case]:
    """Slices of the census; nothing is re-labelled."""
    frame = pd.read_csv(folder / "adult" / "adult.csv.gz")
    frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    y = frame["income"].str.startswith(">50K").to_numpy(float)
    x = frame.drop(columns=["income", "split", "fnlwgt", "education"])
    third = len(x) // 3
    model = fitted(family, x[:third].reset_index(drop=True), y[:third])
    known = slice(third, third + REFERENCE_ROWS)
    reference, truth = x[known].reset_index(drop=True), y[known]
    rest, later = x[known.stop :].reset_index(drop=True), y[known.stop :]
    age, hours, school = rest["age"], rest["hours_per_week"], rest["education_num"]
    slices = {
        "no shift": age > 0,
        "age to 30": age <= 30,
        "age from 50": age >= 50,
        "hours to 35": hours <= 35,
        "hours from 46": hours >= 46,
        "school to 9": school <= 9,
        "school from 13": school >= 13,
    }
    rng = np.random.default_rng(12)
    for name, inside in slices.items():
        at = np.flatnonzero(inside)
        drawn = [rng.choice(at, ROWS, replace=False) for _ in range(batches)]
        yield Case("adult", name, model, reference, truth, [_rows(rest, later, i) for i in drawn])


def electricity(family: str, batches: int, folder: Path) -> Iterator[Case]:
    """Half hours in their order, from where the other state's prices begin: 8,000 to learn, 5,000 as reference, batches."""
    frame = pd.read_csv(folder / "electricity" / "electricity.csv.gz")
    frame = frame[frame["vicprice"].ne(frame["vicprice"].iloc[0]).to_numpy().argmax() :].reset_index(drop=True)
    y = (frame["class"] == "UP").to_numpy(float)
    x = frame.drop(columns=["class", "date"])
    end = 8_000
    model = fitted(family, x[:end].reset_index(drop=True), y[:end])
    known = slice(end, end + REFERENCE_ROWS)
    begins = range(known.stop, len(x) - ROWS, ROWS)
    later = [_rows(x, y, np.arange(b, b + ROWS)) for b in begins[: 2 * batches]]
    yield Case("electricity", "by time", model, x[known].reset_index(drop=True), y[known], later)


def _rows(x: pd.DataFrame, y: np.ndarray[Any, Any], at: Any) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    return x.iloc[at].reset_index(drop=True), y[at]


def measured(case: Case, peer: str | None) -> dict[str, Any]:
    """Errors and coverage of every tool over the batches of a case that ours relies upon."""
    score, specs = case.model.score(case.reference), feature_specs(case.reference)
    answers = [(case.model.predict(x), y) for x, y in case.batches]
    shifts = [shift_weights(case.reference, x, specs) for x, _ in case.batches]
    relied = np.array([s.usable for s in shifts])
    found: dict[str, list[dict[str, tuple[float, float, float]]]] = {OURS: [], PLAIN: []}
    realised: list[dict[str, float]] = []
    for (answer, y), shift in zip(answers, shifts, strict=True):
        plain = expected_metrics(answer.score, answer.decision)
        weight = shift.weights if shift.usable else None
        ours = recalibrated_metrics(case.truth, score, answer.score, answer.decision, weight=weight)
        for tool, estimates in ((OURS, ours), (PLAIN, plain)):
            found[tool].append({e.name: (e.value, e.low, e.high) for e in estimates})
        realised.append({m: evaluate(m, y, score=answer.score, decision=answer.decision).value for m in METRICS})
    if peer:
        found[NANNYML] = cbpe(peer, case, score, answers)
    row: dict[str, Any] = {"data": case.data, "case": case.name, "family": case.model.predictor.family}
    row |= {"batches": len(relied), "relied": float(relied.mean())}
    row |= {"effective_share": float(np.mean([s.effective_rows for s in shifts])) / len(case.reference)}
    row |= {"domain_auc": float(np.mean([s.domain_auc.value for s in shifts]))}
    for tool, metric in ((t, m) for t in found for m in METRICS):
        shown = relied if relied.any() else ~relied
        pairs = [(f[metric], r[metric]) for f, r, ok in zip(found[tool], realised, shown, strict=True) if ok]
        row[f"{tool} {metric}"] = [(abs(v - r), bool(low <= r <= high)) for (v, low, high), r in pairs]
    return row


def cbpe(peer: str, case: Case, score: Any, answers: list[Any]) -> list[dict[str, tuple[float, float, float]]]:
    """NannyML's estimates, from its own environment."""
    decision = case.model.decide(score)
    with tempfile.TemporaryDirectory() as scratch:
        pd.DataFrame({"y": case.truth.astype(int), "p": score, "d": decision}).to_parquet(
            f"{scratch}/reference.parquet"
        )
        columns = [pd.DataFrame({"p": a.score, "d": a.decision}) for a, _ in answers]
        pd.concat(columns, ignore_index=True).to_parquet(f"{scratch}/batches.parquet")
        values = fresh(peer, CBPE, scratch, str(ROWS))
    return [
        {
            m: (values[m][0][i], values[m][0][i] - Z * values[m][1][i], values[m][0][i] + Z * values[m][1][i])
            for m in values
        }
        for i in range(len(answers))
    ]


def nannyml(folder: Path) -> str | None:
    """The Python of NannyML's environment, made once; a line instead where it cannot be made."""
    try:
        return environment(folder.resolve() / "nannyml", PACKAGES, make=True)
    except ToolError as why:
        print(f"skipped: {NANNYML}: {why}", flush=True)
        return None


def cases(family: str, batches: int) -> Iterator[Case]:
    """Every case that can be made here."""
    yield from simulated(family, batches)
    folder = os.environ.get("ML_ASSETS_DATA")
    if folder is None:
        print("ML_ASSETS_DATA is not set: Adult and Electricity are left out")
        return
    yield from adult(family, batches, Path(folder))
    yield from electricity(family, batches, Path(folder))


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="five batches a case and one model")
    parser.add_argument("--batches", type=int, default=20, help="batches a case")
    parser.add_argument("--peers", type=Path, help="folder for the peers' environments")
    chosen = parser.parse_args()
    peer = nannyml(chosen.peers) if chosen.peers else None
    rows = []
    for family in FAMILIES[:1] if chosen.quick else FAMILIES:
        for case in cases(family, 5 if chosen.quick else chosen.batches):
            rows.append(measured(case, peer))
            print(_line(rows[-1]), flush=True)
    report("estimated_performance", rows, _goals(rows), chosen.json)
    return 0


def _line(row: dict[str, Any]) -> str:
    head = (
        f"{row['data']:<11} {row['case']:<14} {row['family']:<22} relied {row['relied']:>4.0%} of {row['batches']:>2}"
    )
    told = [f"{head}, domain AUC {row['domain_auc']:.2f}, effective {row['effective_share']:.0%}"]
    for tool in (OURS, PLAIN, NANNYML):
        if row.get(f"{tool} roc_auc"):
            shown = (f"{m} error {_error([row], tool, m):.4f} inside {_inside([row], tool, m):>4.0%}" for m in METRICS)
            told.append(f"    {tool:<13} {'   '.join(shown) if row['relied'] else '(' + '   '.join(shown) + ')'}")
    return "\n".join(told)


def _pairs(rows: list[dict[str, Any]], tool: str, metric: str) -> list[tuple[float, bool]]:
    return [pair for row in rows for pair in row.get(f"{tool} {metric}", ())]


def _error(rows: list[dict[str, Any]], tool: str, metric: str) -> float:
    return float(np.mean([e for e, _ in _pairs(rows, tool, metric)]))


def _inside(rows: list[dict[str, Any]], tool: str, metric: str) -> float:
    return float(np.mean([i for _, i in _pairs(rows, tool, metric)]))


def _goals(rows: list[dict[str, Any]]) -> Iterator[Goal]:
    for data in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == data and row["relied"]]
        for metric in METRICS:
            if not _pairs(own, OURS, metric):
                continue
            for tool in (PLAIN, NANNYML):
                if _pairs(own, tool, metric):
                    ratio = _error(own, tool, metric) / _error(own, OURS, metric)
                    name = f"{data}, {metric}: mean absolute error of {tool} over ours"
                    yield Goal(name, "at least 1", f"{ratio:.2f}", ratio >= 1)
            inside, n = _inside(own, OURS, metric), len(_pairs(own, OURS, metric))
            name = f"{data}, {metric}: batches inside our 95 % interval"
            measured_as = f"{inside:.1%} of {n}"
            if _pairs(own, NANNYML, metric):
                measured_as += f" (NannyML {_inside(own, NANNYML, metric):.1%})"
            yield Goal(name, "at least 92 %", measured_as, inside >= 0.92)


if __name__ == "__main__":
    sys.exit(main())

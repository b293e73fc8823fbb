"""How good the models are within a budget: ours against FLAML and against a tuned HistGradientBoosting, on the same rows.

Each tool gets the same development rows, the same seconds and one thread, and is judged on the same rows it never saw: the
last fifth where the table has an order in time (bank marketing, bike sharing), else a random fifth; tables of fewer than
2,000 rows are split three times. Ours is what part 6 does: a search on the training rows by cross-validation (rolling
origin in time), candidates compared on validation rows (of a table with few of them also on the rows that folds hold out),
the simplest within one standard error, fitted in the end on training and validation rows. FLAML runs in an environment of its own (``--peers FOLDER``, made with ``--make-peers FOLDER``) with its defaults. HistGradientBoosting is searched by
Optuna with 5-fold cross-validation and refitted on all development rows. Data are read from the folder ``ML_ASSETS_DATA``.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from held_out import SEED, TABLES, Data, Floats, Split, folds, splits
from measuring import Goal, arguments, environment, peer_arguments, report

from ml_assets.learning.candidates import DEFAULT_CANDIDATES, family, fit_candidate
from ml_assets.learning.finishing import train
from ml_assets.learning.held_out import choosing_losses, enough
from ml_assets.learning.job import Recipe
from ml_assets.learning.predictors import Predictor
from ml_assets.learning.refitting import between, stopped_at
from ml_assets.learning.resampling import cross_validation, mixed, rolling_origin
from ml_assets.learning.search import Budget, search
from ml_assets.learning.selection import Scored, select
from ml_assets.learning.table import TrainingTable
from ml_assets.statistics.metrics import evaluate
from ml_assets.statistics.value import default_value

DRAWS = 400
LONGEST = 60.0
"""Seconds up to which a figure over folds is measured: ten folds at 300 s would take an hour."""
OURS, FLAML, HISTOGRAM = "ours", "FLAML", "tuned HistGradientBoosting"
PACKAGES = ("flaml[automl]==2.7.0", "pyarrow==25.0.1")
FAMILIES = ("hist_gradient_boosting", "blend")
"""Beside the default candidates."""
AUTOML = """
import sys, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from flaml import AutoML
folder, task, seconds, ordered = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4] == "1"
dev, held = (pd.read_parquet(f"{folder}/{name}.parquet") for name in ("dev", "held"))
y = dev.pop("ml:truth")
learner = AutoML()
options = {"split_type": "time"} if ordered and task == "regression" else {}
learner.fit(dev, y, task=task, time_budget=seconds, metric="rmse" if task == "regression" else "roc_auc",
            n_jobs=1, seed=0, verbose=0, **options)
score = learner.predict(held) if task == "regression" else learner.predict_proba(held)[:, 1]
np.save(f"{folder}/score.npy", np.asarray(score, dtype=float))
print(learner.best_estimator)
"""


def ours(split: Split, seconds: float) -> tuple[Floats, str]:
    """Parts 6 and 8 as they are: train, validate on 15 % of the development rows (the newest where there is an order), choose,
    and fit the chosen one on both."""
    n, task = len(split.dev), split.data.task
    draw = np.arange(n) if split.data.ordered else np.random.default_rng(SEED).permutation(n)
    part = np.repeat("train", n).astype("<U10")
    part[draw[n - round(0.15 * n) :]] = "validation"
    classes = () if task == "regression" else ("no", "yes")
    table = TrainingTable(split.dev, split.truth, part, np.ones(n), np.arange(n), task, classes)
    teach = table.take("train")
    names = [c for c in (*DEFAULT_CANDIDATES[task], *FAMILIES) if c not in ("dummy", "single_feature")]
    blocks = np.arange(len(teach)) * 20 // len(teach)
    folds = rolling_origin(blocks) if split.data.ordered else cross_validation(teach.truth, task=task)
    found = search(
        {name: Recipe(seed=SEED) for name in names}, teach, folds, budget=Budget(seconds=_searching(seconds))
    )
    value = default_value(task)
    recipes = {name: Recipe(found.found.get(name, {}), SEED) for name in names}
    made = {name: train(name, table, solution="quality", value=value, recipe=recipes[name]).artifact for name in names}
    few = folds if not split.data.ordered and not enough(table.take("validation")) else ()
    losses = {
        name: choosing_losses(name, a.predictor.predict, table, recipe=recipes[name], folds=few)
        for name, a in made.items()
    }
    chosen = select([Scored(name, family(name).complexity, loss) for name, loss in losses.items()]).chosen
    final = _last_fit(chosen, made[chosen].predictor, table, recipes[chosen], in_time=split.data.ordered)
    return np.asarray(final.predict(split.held), dtype=np.float64), f"{chosen}, {len(found.trials)} trials"


def _last_fit(name: str, first: Predictor, table: TrainingTable, recipe: Recipe, *, in_time: bool) -> Predictor:
    """On training and validation rows, as part 8 ends."""
    rows = mixed(table, seed=SEED) if in_time else None
    ends = stopped_at(first) if rows is None else between(first, fit_candidate(name, rows, recipe=recipe))
    return fit_candidate(name, table.joined(), recipe=recipe.given({**recipe.parameters, **ends}))


def _searching(seconds: float) -> float:
    """What of the seconds the search gets, so that about ten fits after it end in time."""
    return max(seconds / 2, min(0.85 * seconds, seconds - 25))


def histogram(split: Split, seconds: float) -> tuple[Floats, str]:
    """Optuna, 5-fold cross-validation on scikit-learn's own metric, refit on all development rows."""
    import optuna
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit, cross_val_score

    regression = split.data.task == "regression"
    make = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    folds: Any = (
        TimeSeriesSplit(5)
        if split.data.ordered
        else (KFold if regression else StratifiedKFold)(5, shuffle=True, random_state=SEED)
    )

    def model(trial: Any) -> Any:
        return make(
            learning_rate=trial.suggest_float("learning_rate", 0.015, 0.3, log=True),
            max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 4, 128, log=True),
            min_samples_leaf=trial.suggest_int("min_samples_leaf", 5, 200, log=True),
            l2_regularization=trial.suggest_float("l2_regularization", 1e-3, 1e2, log=True),
            max_iter=1000, early_stopping=True, n_iter_no_change=20, categorical_features="from_dtype", random_state=SEED,
        )  # fmt: skip

    def objective(trial: Any) -> float:
        scoring = "neg_root_mean_squared_error" if regression else "roc_auc"
        return float(cross_val_score(model(trial), split.dev, split.truth, cv=folds, scoring=scoring).mean())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    study.enqueue_trial({"learning_rate": 0.1, "max_leaf_nodes": 31, "min_samples_leaf": 20, "l2_regularization": 1e-3})
    study.optimize(objective, timeout=0.85 * seconds)
    best = model(study.best_trial).fit(split.dev, split.truth)
    score = best.predict(split.held) if regression else best.predict_proba(split.held)[:, 1]
    return np.asarray(score, dtype=np.float64), f"{len(study.trials)} trials"


def flaml(python: str) -> Callable[[Split, float], tuple[Floats, str]]:
    """FLAML with its defaults, in its own environment."""

    def answer(split: Split, seconds: float) -> tuple[Floats, str]:
        with tempfile.TemporaryDirectory() as scratch:
            split.dev.assign(**{"ml:truth": split.truth}).to_parquet(f"{scratch}/dev.parquet")
            split.held.to_parquet(f"{scratch}/held.parquet")
            task = "regression" if split.data.task == "regression" else "classification"
            command = [python, "-c", AUTOML, scratch, task, str(seconds), str(int(split.data.ordered))]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            return np.load(f"{scratch}/score.npy"), done.stdout.strip().splitlines()[-1]

    return answer


def figure(split: Split, score: Floats) -> float:
    """ROC AUC, or root mean squared error."""
    if split.data.task == "regression":
        return float(np.sqrt(np.mean((split.hidden - score) ** 2)))
    return float(evaluate("roc_auc", split.hidden, score=score).value)


def gap(split: Split, own: Floats, peer: Floats) -> tuple[float, float]:
    """How much worse ours is than the peer, and its standard error over resampled rows (paired)."""
    sign = 1.0 if split.data.task == "regression" else -1.0
    rng, n = np.random.default_rng(1), len(own)
    drawn = []
    for _ in range(DRAWS):
        at = rng.integers(0, n, n)
        part = Split(split.data, 0, split.dev, split.held, split.truth, split.hidden[at])
        drawn.append(sign * (figure(part, own[at]) - figure(part, peer[at])))
    return sign * (figure(split, own) - figure(split, peer)), float(np.std(drawn))


def measure(data: Data, folder: Path, tools: dict[str, Callable[[Split, float], tuple[Floats, str]]], seconds: float, most: int) -> dict[str, Any]:  # fmt: skip
    """One table: each tool's figure averaged over its splits, and how far ours is behind the best peer."""
    figures: dict[str, list[float]] = {name: [] for name in tools}
    behind: dict[str, list[tuple[float, float]]] = {name: [] for name in tools if name != OURS}
    told, took = {}, dict.fromkeys(tools, 0.0)
    for split in splits(data, folder, most):
        scores = {}
        for name, tool in tools.items():
            begun = time.perf_counter()
            scores[name], told[name] = tool(split, seconds)
            took[name] += time.perf_counter() - begun
            figures[name].append(figure(split, scores[name]))
        for name in behind:
            behind[name].append(gap(split, scores[OURS], scores[name]))
    means = {name: float(np.mean(f)) for name, f in figures.items()}
    worst = {
        n: (float(np.mean([g for g, _ in b])), float(np.sqrt(np.mean([s**2 for _, s in b]) / len(b))))
        for n, b in behind.items()
    }
    peer = max(worst, key=lambda n: worst[n][0])
    metric = "RMSE" if data.task == "regression" else "ROC AUC"
    return {
        "data": data.name, "metric": metric, "seconds": seconds, **{n: round(v, 4) for n, v in means.items()},
        "rank of ours": 1 + sum(v < means[OURS] if data.task == "regression" else v > means[OURS] for v in means.values()),
        "published": _published(data, folder, seconds, means[OURS]), "best peer": peer, "behind it": worst[peer][0], "its error": worst[peer][1],
        **{f"{n} says": f"{t} ({took[n] / len(figures[n]):.0f} s)" for n, t in told.items()},
    }  # fmt: skip


def _published(data: Data, folder: Path, seconds: float, own: float) -> float | None:
    """Ours as the published figure was measured; over folds where the budget is not too long; None where nothing is published or measured."""
    if data.anchor is None or not data.folds:
        return own if data.anchor else None
    if seconds > LONGEST:
        return None
    return float(np.mean([figure(split, ours(split, seconds)[0]) for split in folds(data, folder)]))


def goals(rows: Sequence[dict[str, Any]]) -> Iterator[Goal]:
    """Mean rank first, never clearly behind, anchors reached."""
    for seconds in sorted({r["seconds"] for r in rows}):
        some = [r for r in rows if r["seconds"] == seconds]
        names = [n for n in (OURS, FLAML, HISTOGRAM) if n in some[0]]
        ranks = {n: float(np.mean([_rank(r, n, names) for r in some])) for n in names}
        first = ranks[OURS] <= min(ranks.values())
        yield Goal(f"mean rank at {seconds:g} s", "first", ", ".join(f"{n} {v:.2f}" for n, v in ranks.items()), first)
        for r in some:
            met = r["behind it"] <= r["its error"]
            told = f"{r['behind it']:+.4g} behind {r['best peer']}, error {r['its error']:.3g}"
            yield Goal(
                f"{r['data']} at {seconds:g} s against the best peer", "at most one standard error behind", told, met
            )
            data = next(t for t in TABLES if t.name == r["data"])
            if data.anchor and r["published"] is not None:
                low, high = data.anchor
                inside, kind = low <= r["published"] <= high, f" by {data.folds} folds" if data.folds else ""
                told = f"{r['published']:.4f}{kind}"
                yield Goal(f"{r['data']} at {seconds:g} s, published", f"{low:g} to {high:g}", told, inside)


def _rank(row: dict[str, Any], name: str, names: Sequence[str]) -> float:
    sign = 1.0 if row["metric"] == "RMSE" else -1.0
    own: float = sign * row[name]
    others: list[float] = [sign * row[o] for o in names if o != name]
    return 1.0 + sum(o < own for o in others) + sum(o == own for o in others) / 2


def main() -> None:
    """Measure, print, write."""
    parser = arguments(__doc__, quick="two small tables, 10 seconds")
    peer_arguments(parser)
    parser.add_argument("--seconds", type=float, nargs="+", default=[60.0, 300.0])
    parser.add_argument("--splits", type=int, default=3, help="of tables with few rows")
    parser.add_argument("--only", nargs="+", help="names of tables")
    asked = parser.parse_args()
    folder = Path(os.environ["ML_ASSETS_DATA"])
    place = asked.make_peers or asked.peers
    python = environment(place / "flaml", PACKAGES, make=asked.make_peers is not None) if place else None
    tools: dict[str, Callable[[Split, float], tuple[Floats, str]]] = {OURS: ours, HISTOGRAM: histogram}
    if python:
        tools[FLAML] = flaml(python)
    else:
        print("FLAML is not measured: no environment (--make-peers FOLDER)")
    tables = [t for t in TABLES if not asked.only or t.name in asked.only]
    rows = []
    for seconds in [10.0] if asked.quick else asked.seconds:
        for data in [t for t in tables if t.name in ("German credit", "Titanic")] if asked.quick else tables:
            rows.append(measure(data, folder, tools, seconds, asked.splits))
            print(rows[-1], flush=True)
    report("quality", rows, list(goals(rows)), asked.json)


if __name__ == "__main__":
    main()

"""One training as MLflow is told of it: released or refused, with its figures, pictures, rows and links."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ml_assets.declaration import Solution
from ml_assets.pictures import Drawing, Mark, band, curves, forest
from ml_assets.resources import SolutionStore
from ml_assets.resources.pages import asset_page, run_page
from ml_assets.resources.store import Facts, plain
from ml_assets.resources.tracking import LearnedFrom, Training
from ml_assets.statistics.estimate import Estimate


def training_record(solution: Solution, store: SolutionStore, decision: Facts) -> Training:
    """Everything the run holds: the recipe, every test figure with its bounds, the gates, the pictures, the training set."""
    model, rows = store.read_facts("model"), store.read_facts("training_set")
    chosen = model["selection"]["chosen"]
    return Training(
        parameters={
            "family": chosen,
            "declaration": solution.version(),
            "training_digest": rows["digest"],
            "remedy": store.read_facts("mitigation")["chosen"],
            "last_fit": store.read_facts("mitigation")["refit"]["sentence"],
            "seed": solution.model.seed,
            "device": _fitted(store, chosen).get("device", "cpu"),
            "loss": solution.training_loss.name if solution.task == "regression" else "log_loss",
            "threshold": model["threshold"],
            "calibration": model["calibration"],
            **{f"{chosen}.{k}": v for k, v in _fitted(store, chosen).get("parameters", {}).items()},
        },
        metrics=_metrics(store, decision),
        tags={
            "ml.dagster_run": decision["run_id"],
            "ml.trigger": decision["trigger"],
            "ml.reason": decision["reason"],
            "ml.outcome": decision["outcome"],
            "ml.sentence": decision["sentence"],
            "ml.asset": f"{solution.name}/champion",
            "ml.git_commit": git_commit(),
            **({"ml.dagster_page": page} if (page := run_page(decision["run_id"])) else {}),
        },
        plots=plots(store, decision),
        note=_note(solution, decision),
        data=LearnedFrom(
            f"{solution.name}/training_set",
            rows["digest"],
            rows["rows"],
            str(store.path("training_set")),
            tuple(rows["features"]),
        ),
    )


def _fitted(store: SolutionStore, chosen: str) -> Facts:
    """What was noted when the chosen model was fitted."""
    for asset in ("candidates", "baselines"):
        models = store.read_facts(asset)["models"]
        if chosen in models:
            return dict(models[chosen])
    return {}


def _metrics(store: SolutionStore, decision: Facts) -> dict[str, float]:
    """Test figures with bounds and rows, seconds of every fit, and the gain over the champion."""
    found: dict[str, float] = {}
    for m in store.read_facts("evaluation")["metrics"]:
        for name, key in (("", "value"), ("_low", "low"), ("_high", "high"), ("_n", "n")):
            if m[key] is not None:
                found[f"{m['name']}{name}"] = float(m[key])
    for name, facts in store.read_facts("candidates")["models"].items():
        found[f"seconds_{name}"] = float(facts["seconds"])
    if decision["comparison"] is not None:
        gain = decision["comparison"].difference
        found |= {
            "gain_over_champion": gain.value,
            "gain_over_champion_low": gain.low,
            "gain_over_champion_high": gain.high,
        }
    found["failed_gates"] = float(sum(not g["passed"] for g in decision["gates"]))
    return found


def plots(store: SolutionStore, decision: Facts) -> dict[str, str]:
    """The pictures of part 6 as SVG, by file name; those that the task has."""
    model, evaluation = store.read_facts("model"), store.read_facts("evaluation")
    shuffled = [
        (f["feature"], Estimate.from_row(f["importance"])) for f in store.read_facts("explanation")["importance"]
    ]
    promised = [(b["mean_score"], b["rate"]["value"]) for b in evaluation["reliability"]]
    drawn = {
        "cost_curve": _line("money per decision by threshold", model["curve"], mark=model["threshold"]),
        "calibration": _line("promised against observed rate", promised, diagonal=True),
        "importance": forest(
            "rise of the loss when the feature is shuffled",
            [Mark(name, e.value, e.low, e.high) for name, e in shuffled if e.estimable][:20],
        ),
    }
    if decision["comparison"] is not None:
        drawn["against_the_champion"] = against_the_champion(plain(decision["comparison"]))
    for name, points in ((store.read_facts("candidates")["search"] or {}).get("curves") or {}).items():
        drawn[f"search_{name}"] = _line(f"{name}: lowest loss by trial", points)
    return {name: drawing.svg() for name, drawing in drawn.items() if drawing is not None}


def _line(title: str, points: list[Any], *, mark: float | None = None, diagonal: bool = False) -> Drawing | None:
    return curves(title, {title: [(float(x), float(y)) for x, y in points]}, mark=mark, diagonal=diagonal)


def against_the_champion(comparison: Facts) -> Drawing | None:
    """Challenger less champion as the rows come, against nothing and against the margin."""
    title = "gain per decision over the champion, as the rows come"
    points = [(row[0], row[1], row[2], row[3]) for row in comparison["curve"]]
    return band(title, points, limits=[0.0, -comparison["margin"]], across="rows that neither has seen")


def _note(solution: Solution, decision: Facts) -> str:
    gates = "\n".join(
        f"- {'passed' if g['passed'] else '**failed**'}: {g['name']}: {g['sentence']}" for g in decision["gates"]
    )
    run, asset = decision["run_id"], f"{solution.name}/champion"
    return (
        f"**{decision['sentence']}**\n\nDagster run {_linked(run, run_page(run))}, asset {_linked(asset, asset_page(asset))} "
        f"(trigger: {decision['trigger']}; {decision['reason']}).\n\n{gates}"
    )


def _linked(name: str, page: str | None) -> str:
    return f"[`{name}`]({page})" if page else f"`{name}`"


def git_commit() -> str:
    """The commit of the project that runs, with ``-dirty`` where its files differ from it; nothing outside of a repository.

    The project is where the process runs; a daemon that runs elsewhere is told of the repository that holds this package.
    """
    git = shutil.which("git")
    if git is None:
        return ""
    for folder in (Path.cwd(), Path(__file__).parent):
        asked = [git, "-C", str(folder), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
        found = subprocess.run(asked, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return ""

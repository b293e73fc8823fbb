"""One training as MLflow is told of it: released or refused, with its figures, pictures, rows and links."""

import base64
import re
import shutil
import subprocess
from typing import Any

from ml_assets.declaration import Solution
from ml_assets.evidence import band, curve, intervals
from ml_assets.resources import SolutionStore
from ml_assets.resources.store import Facts, plain
from ml_assets.resources.tracking import LearnedFrom, Training
from ml_assets.statistics.estimate import Estimate

_IMAGE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")


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
            "seed": solution.model.seed,
            "threshold": model["threshold"],
            "calibration": model["calibration"],
            **{f"{chosen}.{k}": v for k, v in _parameters(store, chosen).items()},
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


def _parameters(store: SolutionStore, chosen: str) -> dict[str, Any]:
    for asset in ("candidates", "baselines"):
        models = store.read_facts(asset)["models"]
        if chosen in models:
            return dict(models[chosen]["parameters"])
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
    importance = [
        Estimate(f["feature"], f["share"], f["share"], f["share"], 0)
        for f in store.read_facts("explanation")["importance"]
    ]
    drawn = {
        "cost_curve": curve("money per decision by threshold", model["curve"], mark=model["threshold"]),
        "calibration": curve(
            "promised against observed rate",
            [(b["mean_score"], b["rate"]["value"]) for b in evaluation["reliability"]],
            diagonal=True,
        ),
        "importance": intervals("share of the importance", importance[:20]),
    }
    if decision["comparison"] is not None:
        drawn["against_the_champion"] = comparison_picture(plain(decision["comparison"]))
    for name, points in ((store.read_facts("candidates")["search"] or {}).get("curves") or {}).items():
        drawn[f"search_{name}"] = curve(f"{name}: lowest loss by trial", [(float(a), float(b)) for a, b in points])
    return {name: svg for name, picture in drawn.items() if (svg := svg_of(picture))}


def comparison_picture(comparison: Facts) -> str:
    """Challenger less champion as the rows come, against nothing and against the margin."""
    title = "gain per decision over the champion, as the rows come"
    points = [(row[0], row[1], row[2], row[3]) for row in comparison["curve"]]
    return band(title, points, limits=[0.0, -comparison["margin"]], across="rows that neither has seen")


def svg_of(picture: str) -> str:
    """The SVG text inside a picture made for the Dagster UI; empty where there is none."""
    found = _IMAGE.search(picture)
    return base64.b64decode(found[1]).decode() if found else ""


def _note(solution: Solution, decision: Facts) -> str:
    gates = "\n".join(
        f"- {'passed' if g['passed'] else '**failed**'}: {g['name']}: {g['sentence']}" for g in decision["gates"]
    )
    return (
        f"**{decision['sentence']}**\n\nDagster run `{decision['run_id']}`, asset `{solution.name}/champion` "
        f"(trigger: {decision['trigger']}; {decision['reason']}).\n\n{gates}"
    )


def git_commit() -> str:
    """The commit of the project that runs, or nothing outside of a repository."""
    git = shutil.which("git")
    if git is None:
        return ""
    found = subprocess.run([git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else ""

"""What a lifecycle costs: from empty to the first champion, and per monitoring day, in wall and CPU seconds.

The comparison is between ways to run the same steps: in one process (the default) and Dagster's multiprocess executor, which
starts a process per step. The executor and the lazy imports were chosen by these figures.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import Goal, arguments, report

RUN = """
import json, logging, os, sys, warnings
warnings.filterwarnings("ignore")
import dagster as dg
logging.getLogger("dagster").setLevel(logging.CRITICAL)
from ml_assets.components import find_solution
from ml_assets.running import LIVE_ASSETS, ROW_ASSETS, due, run_assets, run_history, run_training
solution, defs, _ = find_solution("credit_default")
with dg.DagsterInstance.get() as instance:
    batches = due(solution)
    step = sys.argv[1]
    if step == "history":
        done = run_history(defs, instance, solution, batches)
    elif step == "training":
        done = run_training(defs, instance, solution)
    else:
        from datetime import date
        from ml_assets.defs.credit_default import lender
        lender.set_today(date.fromisoformat(sys.argv[2]))
        done = run_assets(defs, instance, solution, [*ROW_ASSETS, *LIVE_ASSETS], batches=[sys.argv[2]])
    print(json.dumps({"success": done.success, "error": done.error}))
"""
STEP_PER_PROCESS = """
import os, sys, warnings
warnings.filterwarnings("ignore")
import dagster as dg
from dagster import reconstructable
from ml_assets.running import TRAINING_ASSETS
from ml_assets.graph import key
from ml_assets.components import find_solution
def job():
    solution, defs, _ = find_solution("credit_default")
    keys = [key(solution, a) for a in TRAINING_ASSETS]
    assets = list(defs.assets or ())
    made = dg.Definitions(assets=assets, asset_checks=defs.asset_checks, resources=defs.resources, executor=dg.multiprocess_executor.configured({"max_concurrent": 2}),
                          jobs=[dg.define_asset_job("training", selection=dg.AssetSelection.assets(*keys))])
    return made.resolve_job_def("training")
"""


def timed(command: list[str], home: str, cwd: str | None = None) -> dict[str, float]:
    """Wall and CPU seconds of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"DAGSTER_HOME": home, "PYTHONWARNINGS": "ignore"},
        cwd=cwd,
        check=False,
    )
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or '"success": false' in done.stdout:
        raise SystemExit(f"a step failed: {done.stdout[-500:]} {done.stderr[-1500:]}")
    return {"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def main() -> int:
    """Measure, print one table and one line per goal."""
    chosen = arguments(__doc__, quick="without the comparison of executors").parse_args()
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        for step in ("history", "training"):
            rows.append(
                {
                    "step": f"{step} (25 days x 2,000 rows)" if step == "history" else "training to decision",
                    **timed([sys.executable, "-c", RUN, step], home),
                }
            )
        days = [
            timed([sys.executable, "-c", RUN, "day", day], home) for day in ("2026-02-16", "2026-02-17", "2026-02-18")
        ]
        middle = sorted(days, key=lambda d: d["cpu"])[1]
        rows.append({"step": "one monitoring day, process start included", **middle})
        if not chosen.quick:
            module = Path(home) / "step_per_process.py"
            module.write_text(STEP_PER_PROCESS)
            execute = "import dagster as dg, step_per_process as s\nif __name__ == '__main__':\n    with dg.DagsterInstance.get() as i:\n        r = dg.execute_job(dg.reconstructable(s.job), instance=i)\n        assert r.success\n"
            (Path(home) / "execute.py").write_text(execute)
            rows.append(
                {
                    "step": "the same training, a process per step",
                    **timed([sys.executable, "execute.py"], home, cwd=home),
                }
            )
    for r in rows:
        print(f"{r['step']:<46} wall {r['wall']:>6.1f} s   CPU {r['cpu']:>6.1f} s")
    first = float(str(rows[0]["wall"])) + float(str(rows[1]["wall"]))
    goals = [
        Goal("empty to first champion", "at most 60 s wall", f"{first:.1f} s", first <= 60),
        Goal("one monitoring day", "at most 15 CPU s", f"{middle['cpu']:.1f} s", middle["cpu"] <= 15),
    ]
    if not chosen.quick:
        ratio = float(str(rows[3]["cpu"])) / float(str(rows[1]["cpu"]))
        name = "one process against a process per step"
        goals.append(Goal(name, "at least 2 times less CPU", f"{ratio:.1f} times", ratio >= 2))
    report("lifecycle", rows, goals, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

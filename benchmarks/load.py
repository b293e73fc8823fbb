"""How long definitions take to load: 1, 10 and 100 solutions, each process fresh, on top of ``import dagster``.

The peer is Dagster itself: the same number of plain assets and checks, written by hand, without any declaration.
"""

import os
import sys
import tempfile
from pathlib import Path

from measuring import METER, Goal, arguments, fresh, middle, report

DECLARATION = """type: ml_assets.MLSolution
attributes:
  name: solution_{i:03d}
  business_case:
    decision: call the customer or not
    owner: team:crm
    prediction: probability that the customer leaves
    target: {{column: churned, positive: "yes"}}
  data_bias: {{protected: [sex]}}
  data_pipeline:
    source: {{type: files, path: data/churn.csv}}
    arrival: {{every: day, event_time: seen_at, start: 2026-01-01}}
    id: customer_id
"""
MEASURE = """
import dagster as dg
imported = cpu()
{load}
repository = defs.get_repository_def()
loaded = cpu()
from dagster._core.remote_representation.external_data import RepositorySnap
RepositorySnap.from_def(repository)
print(json.dumps({{"import": imported, "load": loaded - imported, "snapshot": cpu() - loaded,
                  "assets": len(list(repository.asset_graph.get_all_asset_keys())),
                  "heavy": [m for m in ("mlflow", "xgboost", "sklearn", "pandera", "scipy") if m in sys.modules],
                  "megabytes": megabytes()}}))
"""
OURS = "from pathlib import Path\ndefs = dg.ComponentTree.for_project(Path({root!r})).build_defs()"
PLAIN = """
from pathlib import Path
P = dg.DailyPartitionsDefinition("2026-01-01")
assets, checks = [], []
for s in range({count}):
    for a in range(31):
        @dg.asset(key=[f"s{{s}}", f"a{{a}}"], deps=[[f"s{{s}}", f"a{{a - 1}}"]] if a else [], partitions_def=P if a < 12 else None)
        def one(): ...
        assets.append(one)
    for c in range(35):
        @dg.asset_check(asset=[f"s{{s}}", f"a{{c % 31}}"], name=f"c{{c}}")
        def check(): return dg.AssetCheckResult(passed=bool(one))
        checks.append(check)
defs = dg.Definitions(assets=assets, asset_checks=checks)
"""


def measure(load: str, repeats: int) -> dict[str, float]:
    """Median CPU seconds of fresh processes."""
    runs = [fresh(sys.executable, METER + MEASURE.format(load=load)) for _ in range(repeats)]
    found = {name: middle(runs, name) for name in ("import", "load", "snapshot", "megabytes", "assets")}
    return found | {"heavy": len(runs[0]["heavy"])}


def project(folder: Path, count: int) -> str:
    """A dg project of ``count`` solutions."""
    package = folder / f"many_{count}"
    for i in range(count):
        place = package / "defs" / f"solution_{i:03d}"
        place.mkdir(parents=True)
        (place / "defs.yaml").write_text(DECLARATION.format(i=i))
    (package / "__init__.py").write_text("")
    (package / "defs" / "__init__.py").write_text("")
    (folder / "dg.toml").write_text(f'directory_type = "project"\n[project]\nroot_module = "many_{count}"\n')
    return str(folder)


def main() -> int:
    """Measure, print one table and one line per goal."""
    chosen = arguments(__doc__, quick="one run each, up to 10 solutions").parse_args()
    counts, repeats = ((1, 10), 1) if chosen.quick else ((1, 10, 100), 3)
    rows, path = [], os.environ.get("PYTHONPATH")
    for count in counts:
        with tempfile.TemporaryDirectory() as scratch:
            root = project(Path(scratch), count)
            os.environ["PYTHONPATH"] = os.pathsep.join([root, path] if path else [root])
            ours = measure(OURS.format(root=root), repeats)
        plain = measure(PLAIN.format(count=count), repeats)
        rows.append(
            {
                "solutions": count,
                **ours,
                "plain_load": plain["load"],
                "plain_snapshot": plain["snapshot"],
                "ratio": ours["load"] / plain["load"],
            }
        )
    head = f"{'solutions':>9} {'assets':>7} {'import':>7} {'load':>7} {'snapshot':>9} {'MB':>6} {'plain load':>11} {'ratio':>6}   (CPU seconds, median of {repeats})"
    print(head)
    for r in rows:
        print(
            f"{r['solutions']:>9} {r['assets']:>7.0f} {r['import']:>7.2f} {r['load']:>7.2f} {r['snapshot']:>9.2f} {r['megabytes']:>6.0f} {r['plain_load']:>11.2f} {r['ratio']:>6.2f}"
        )
    last, before = rows[-1], rows[-2]
    growth = (last["load"] - rows[0]["load"]) / max(before["load"] - rows[0]["load"], 1e-9)
    steps = (last["solutions"] - rows[0]["solutions"]) / max(before["solutions"] - rows[0]["solutions"], 1)
    linear = growth / steps if before is not rows[0] else 1.0
    goals = [
        Goal(
            "near linear in the number of solutions",
            "growth per solution at most 1.5 times that of the step before",
            f"{linear:.2f}",
            linear <= 1.5,
        ),
        Goal(
            f"{last['solutions']} solutions on top of import dagster",
            "at most 10 CPU s",
            f"{last['load']:.2f} s",
            last["load"] <= 10,
        ),
        Goal("no learning library imported while loading", "none", f"{last['heavy']:.0f}", last["heavy"] == 0),
    ]
    report("load", rows, goals, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""CPU seconds and peak memory of comparing a batch with the reference: 20 numeric and 10 categorical columns, from Parquet.

Each tool runs in a fresh process; reading the file is included, the reference's profile (ours) or quantiles (the numpy
floor) were made at release and are read from disk. Peers run in environments of their own: ``--peers FOLDER`` makes them
there once; without it only ours and the floors are measured.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CATEGORIES = (2, 3, 4, 5, 8, 12, 30, 100, 500, 5000)
PIECE = 500_000

COMMON = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
reference, current, stored = sys.argv[1:4]
NUMBERS = [f"number_{i:02d}" for i in range(20)]
TEXTS = [f"text_{i:02d}" for i in range(10)]
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def peak():
    # the kernel's own high-water mark; ru_maxrss of a child begins with what its parent held when it forked
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
def done(begun, found):
    print(json.dumps({"cpu": cpu() - begun, "megabytes": peak(), "found": found}))
"""
PREPARE = (
    COMMON
    + """
import numpy as np, pyarrow.parquet as pq
from ml_assets.statistics.profile import make_grid
from ml_assets.statistics.scanning import profile_parquet
# the grid from evenly spaced rows, as a release cuts it from the rows the model learned from
table = pq.read_table(reference)
step = max(1, len(table) // 200_000)
grid = make_grid(table.take(np.arange(0, len(table), step)).to_pandas())
json.dump(profile_parquet(reference, grid).to_dict(), open(stored, "w"))
"""
)
OURS = (
    COMMON
    + """
import pandas, pyarrow.parquet
from ml_assets.statistics.drift import column_drift, pair_drift
from ml_assets.statistics.profile import Profile
from ml_assets.statistics.scanning import profile_parquet
begun = cpu()
before = Profile.from_dict(json.load(open(stored)))
now = profile_parquet(current, before.grid)
columns, pairs = column_drift(before, now), pair_drift(before, now, alpha=0.05)
done(begun, sorted(c.column for c in columns if c.significant))
"""
)
FLOOR = (
    COMMON
    + """
import numpy as np, pandas, pyarrow.parquet as pq
begun = cpu()
facts = json.load(open(stored))["grid"]
found = []
for name in NUMBERS:
    x = pq.read_table(current, columns=[name])[name].to_numpy()
    np.histogram(x[~np.isnan(x)], np.r_[-np.inf, facts["edges"][name], np.inf])
for name in TEXTS:
    column = pq.read_table(current, columns=[name], read_dictionary=[name])[name].combine_chunks()
    np.bincount(column.indices.drop_null().to_numpy())
done(begun, found)
"""
)
EXACT = (
    COMMON
    + """
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp
begun = cpu()
a, b = pd.read_parquet(reference), pd.read_parquet(current)
found = [n for n in NUMBERS if ks_2samp(a[n].dropna(), b[n].dropna(), method="asymp").pvalue < 0.05 / 30]
for n in TEXTS:
    counts = pd.concat([a[n].value_counts(), b[n].value_counts()], axis=1).fillna(0)
    if chi2_contingency(counts.T).pvalue < 0.05 / 30:
        found.append(n)
done(begun, found)
"""
)
EVIDENTLY = (
    COMMON
    + """
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
begun = cpu()
kinds = DataDefinition(numerical_columns=NUMBERS, categorical_columns=TEXTS)
a, b = (Dataset.from_pandas(pd.read_parquet(f), data_definition=kinds) for f in (reference, current))
Report([DataDriftPreset()]).run(b, a).dict()
done(begun, [])
"""
)
NANNYML = (
    COMMON
    + """
import pandas as pd, nannyml
begun = cpu()
a, b = pd.read_parquet(reference), pd.read_parquet(current)
drift = nannyml.UnivariateDriftCalculator(column_names=NUMBERS + TEXTS, treat_as_categorical=TEXTS, chunk_number=1)
drift.fit(a).calculate(b).to_df()
done(begun, [])
"""
)
PEERS = {
    "Evidently": (EVIDENTLY, ["evidently==0.7.23", "pandas<3"]),
    "NannyML": (NANNYML, ["nannyml==0.13.1", "statsmodels"]),
}


def write(path: Path, rows: int, seed: int, *, moved: bool) -> None:
    """A table in pieces; ``moved``: one mean by a quarter of a standard deviation, one share by two points."""
    writer = None
    for begin in range(0, rows, PIECE):
        rng = np.random.default_rng([seed, begin])
        n = min(PIECE, rows - begin)
        columns: dict[str, pa.Array] = {}
        for i in range(20):
            draw = (rng.normal, rng.lognormal, rng.exponential, rng.uniform)[i % 4]
            x = draw(size=n) if i < 18 else rng.poisson(4, n).astype(float)
            x = x + (0.25 if moved and i == 0 else 0.0)
            if i in (5, 11, 13):
                x[rng.random(n) < 0.03] = np.nan
            columns[f"number_{i:02d}"] = pa.array(x, from_pandas=True)
        for i, k in enumerate(CATEGORIES):
            weight = 1.0 / np.arange(1, k + 1) ** 0.8
            share = weight / weight.sum()
            if moved and i == 3:
                share[0], share[-1] = share[0] - 0.02, share[-1] + 0.02
            code = np.searchsorted(np.cumsum(share)[:-1], rng.random(n)).astype(np.int32)
            mask = rng.random(n) < 0.02 if i in (4, 7) else None
            names = pa.array([f"v{j:04d}" for j in range(k)])
            columns[f"text_{i:02d}"] = pa.DictionaryArray.from_arrays(pa.array(code, mask=mask), names).cast(
                pa.string()
            )
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def measured(python: str, script: str, files: list[str], repeats: int) -> dict[str, float]:
    """Medians of fresh processes; what a tool found in the last one."""
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            [python, "-c", script, *files],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1", "NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1"},
        )
        if done.returncode:
            raise SystemExit(f"a tool failed: {done.stderr[-1500:]}")
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return {k: statistics.median(r[k] for r in runs) for k in ("cpu", "megabytes")}


def environment(folder: Path, name: str, packages: list[str]) -> str:
    """A virtual environment of a peer, made once."""
    place = folder / name.lower()
    python = str(place / "bin" / "python")
    if not (place / ".made").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (place / ".made").touch()
    return python


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 thousand rows only, one run each")
    parser.add_argument("--rows", type=int, nargs="*")
    parser.add_argument("--peers", type=Path, help="folder for the peers' environments")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    sizes = chosen.rows or ([100_000] if chosen.quick else [100_000, 1_000_000, 10_000_000])
    tools = {"ours": (sys.executable, OURS), "floor: numpy, grid stored": (sys.executable, FLOOR)}
    tools["scipy KS and chi-square, exact"] = (sys.executable, EXACT)
    for name, (script, packages) in PEERS.items() if chosen.peers else ():
        tools[name] = (environment(chosen.peers, name, packages), script)
    rows: list[dict[str, object]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            files = [str(Path(scratch) / f) for f in ("reference.parquet", "current.parquet", "profile.json")]
            write(Path(files[0]), size, 1, moved=False)
            write(Path(files[1]), size, 2, moved=True)
            subprocess.run([sys.executable, "-c", PREPARE, *files], check=True, capture_output=True)
            for name, (python, script) in tools.items():
                if size > 1_000_000 and not name.startswith(("ours", "floor")):
                    continue  # minutes and gigabytes each
                found = measured(python, script, files, 1 if chosen.quick or name in PEERS else 3)
                rows.append({"rows": size, "tool": name, **found})
                print(
                    f"{size:>11,}  {name:<32} CPU {found['cpu']:>8.2f} s  peak {found['megabytes']:>7.0f} MB",
                    flush=True,
                )
    goals = list(_goals(rows))
    for g in goals:
        print(f"goal: {g['name']}: target {g['target']}, measured {g['measured']}: {'met' if g['met'] else 'NOT met'}")
    if chosen.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        chosen.json.write_text(json.dumps({"name": "drift_speed", "machine": machine, "rows": rows, "goals": goals}))
    return 0


def _goals(rows: list[dict[str, object]]) -> "list[dict[str, object]]":
    largest = max(int(str(r["rows"])) for r in rows)
    found = {(int(str(r["rows"])), str(r["tool"])): r for r in rows}
    ours = {size: found[size, "ours"] for size, tool in found if tool == "ours"}
    goals: list[dict[str, object]] = []
    peak = max(float(str(o["megabytes"])) for o in ours.values())
    goals.append(
        {
            "name": f"peak memory up to {largest:,} rows",
            "target": "at most 400 MB",
            "measured": f"{peak:.0f} MB",
            "met": peak <= 400,
        }
    )
    for tool, times in (("Evidently", 150.0), ("NannyML", 25.0), ("scipy KS and chi-square, exact", 1.0)):
        sizes = [size for size, name in found if name == tool]
        if sizes:
            size = max(sizes)
            ratio = float(str(found[size, tool]["cpu"])) / float(str(ours[size]["cpu"]))
            goals.append(
                {
                    "name": f"CPU of {tool} over ours at {size:,} rows",
                    "target": f"at least {times:g}",
                    "measured": f"{ratio:.1f}",
                    "met": ratio >= times,
                }
            )
    ratio = float(str(ours[largest]["cpu"])) / float(str(found[largest, "floor: numpy, grid stored"]["cpu"]))
    goals.append(
        {
            "name": f"CPU of ours over the floor at {largest:,} rows",
            "target": "at most 1.5",
            "measured": f"{ratio:.2f}",
            "met": ratio <= 1.5,
        }
    )
    return goals


if __name__ == "__main__":
    sys.exit(main())

"""CPU seconds and peak memory of comparing a batch with the reference: 20 numeric and 10 categorical columns, from Parquet.

Each tool runs in a fresh process that reads the batch and the reference; ours and the floors read what was made of the
reference at release, a profile on disk. CPU is counted from the first file on, and beside it for the whole process,
imports and all; linear algebra on one thread. A floor does nothing but count: no pairs, no missing values, no tests.

Peers run in environments of their own. ``--make-peers FOLDER`` makes them there once, versions pinned, and measures
them; ``--peers FOLDER`` measures those that are there. A peer that is missing or does not run is skipped with a line
that says why. Peers stop at a million rows: beyond it each takes minutes and gigabytes.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

CATEGORIES = (2, 3, 4, 5, 8, 12, 30, 100, 500, 5000)
PIECE = 500_000
MOST_OF_PEERS = 1_000_000
ENOUGH = 40.0
"""CPU seconds of one tool from which it is not run again."""

COMMON = """
import json, resource, sys, time, warnings
warnings.filterwarnings("ignore")
reference, current, stored = sys.argv[1:4]
NUMBERS = [f"number_{i:02d}" for i in range(20)]
TEXTS = [f"text_{i:02d}" for i in range(10)]
def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
def peak():
    # the kernel's own high-water mark; ru_maxrss of a child begins with what its parent held when it forked
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
def done(begun, found):
    print(json.dumps({"cpu": cpu() - begun, "process": cpu(), "megabytes": peak(), "found": found}))
"""
PREPARE = (
    COMMON
    + """
import numpy as np, pyarrow.parquet as pq
from ml_assets.statistics.grid import make_grid
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
import pandas, pyarrow.parquet, scipy.special  # the library loads scipy when it first tests
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
STREAMING = (
    COMMON
    + """
import numpy as np, pandas, pyarrow.parquet as pq
begun = cpu()
facts = json.load(open(stored))["grid"]
edges = {name: np.r_[-np.inf, facts["edges"][name], np.inf] for name in NUMBERS}
counts = {name: np.zeros(len(edges[name]) - 1, dtype=int) for name in NUMBERS}
totals = {name: {} for name in TEXTS}
with pq.ParquetFile(current, read_dictionary=TEXTS, pre_buffer=False, buffer_size=1 << 20) as file:
    for piece in file.iter_batches(batch_size=131_072, columns=NUMBERS + TEXTS, use_threads=False):
        for name in NUMBERS:
            x = piece.column(name).to_numpy(zero_copy_only=False)
            counts[name] += np.histogram(x[~np.isnan(x)] if piece.column(name).null_count else x, edges[name])[0]
        for name in TEXTS:
            column, total = piece.column(name), totals[name]
            here = np.bincount(column.indices.drop_null().to_numpy())
            for value, count in zip(column.dictionary.to_pylist(), here.tolist()):
                total[value] = total.get(value, 0) + count
done(begun, [])
"""
)
WHOLE = (
    COMMON
    + """
import numpy as np, pandas, pyarrow.parquet as pq
begun = cpu()
facts = json.load(open(stored))["grid"]
for name in NUMBERS:
    x = pq.read_table(current, columns=[name])[name].to_numpy()
    np.histogram(x[~np.isnan(x)], np.r_[-np.inf, facts["edges"][name], np.inf])
for name in TEXTS:
    column = pq.read_table(current, columns=[name], read_dictionary=[name])[name].combine_chunks()
    np.bincount(column.indices.drop_null().to_numpy())
done(begun, [])
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
GREAT_EXPECTATIONS = (
    COMMON
    + """
import great_expectations as gx, numpy as np, pandas as pd
from great_expectations.expectations import ExpectColumnKLDivergenceToBeLessThan as Below
begun = cpu()
a, b = pd.read_parquet(reference), pd.read_parquet(current)
place = gx.get_context(mode="ephemeral")
place.variables.progress_bars = {"globally": False}
rows = place.data_sources.add_pandas("rows").add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")
suite = place.suites.add(gx.ExpectationSuite(name="drift"))
holdout = {"tail_weight_holdout": 1e-4, "internal_weight_holdout": 1e-4}
for name in NUMBERS:
    known = a[name].dropna()
    bins = np.unique(np.quantile(known, np.arange(11) / 10))
    weights = np.histogram(known, bins)[0] / len(known)
    partition = {"bins": bins.tolist(), "weights": weights.tolist()}
    suite.add_expectation(Below(column=name, partition_object=partition, threshold=0.1, **holdout))
for name in TEXTS:
    share = a[name].value_counts(normalize=True)
    partition = {"values": share.index.tolist(), "weights": share.tolist()}
    suite.add_expectation(Below(column=name, partition_object=partition, threshold=0.1))
judged = rows.get_batch({"dataframe": b}).validate(suite).results
assert len(judged) == 30
done(begun, [r.expectation_config.kwargs["column"] for r in judged if not r.success])
"""
)
DEEPCHECKS = (
    COMMON
    + """
import pandas as pd
from deepchecks.tabular import Dataset
from deepchecks.tabular.checks import FeatureDrift
begun = cpu()
a, b = (Dataset(pd.read_parquet(f), cat_features=TEXTS) for f in (reference, current))
check = FeatureDrift(OPTIONS).add_condition_drift_score_less_than()
scores = {name: facts["Drift score"] for name, facts in check.run(a, b, with_display=False).value.items()}
assert len(scores) == 30
done(begun, [name for name, score in scores.items() if score >= 0.2])
"""
)
# it takes neither texts nor missing values: codes straight from the dictionaries, zero for a missing number
ALIBI_DETECT = (
    COMMON
    + """
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from alibi_detect.cd import TabularDrift
begun = cpu()
tables = [pq.read_table(f, read_dictionary=TEXTS) for f in (reference, current)]
texts = pa.concat_tables([t.select(TEXTS) for t in tables]).unify_dictionaries()
sides, first = [], 0
for t in tables:
    numbers = [np.nan_to_num(t[n].to_numpy()) for n in NUMBERS]
    part = texts.slice(first, len(t))
    codes = [np.concatenate([c.indices.fill_null(-1).to_numpy() for c in part[n].chunks]) for n in TEXTS]
    sides.append(np.column_stack(numbers + codes))
    first += len(t)
detector = TabularDrift(sides[0], p_val=0.05, categories_per_feature={20 + i: None for i in range(10)})
data = detector.predict(sides[1])["data"]
assert len(data["p_val"]) == 30
done(begun, [n for n, p in zip(NUMBERS + TEXTS, data["p_val"]) if p < data["threshold"]])
"""
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A package measured in an environment of its own: what it needs, and a script for each way it is run."""

    folder: str
    packages: tuple[str, ...]
    pythons: tuple[str, ...]
    scripts: dict[str, str]


BEFORE_NUMPY_2 = ("numpy==1.26.4", "scipy==1.17.1", "pyarrow==21.0.0")
SINCE_NUMPY_2 = ("numpy==2.4.6", "scipy==1.17.1", "pyarrow==25.0.1")
SAMPLED = "deepchecks, 100,000 rows drawn"
FLOOR = "floor: streaming, grid stored"
PEERS = (
    Peer(
        "evidently",
        ("evidently==0.7.23", "pandas==2.3.3", "scikit-learn==1.9.1", *SINCE_NUMPY_2),
        ("3.11", "3.12", "3.13"),
        {"Evidently": EVIDENTLY},
    ),
    Peer(
        "nannyml",
        ("nannyml==0.13.1", "pandas==2.3.3", "scikit-learn==1.9.1", "statsmodels==0.15.0", *SINCE_NUMPY_2),
        ("3.11", "3.12"),
        {"NannyML": NANNYML},
    ),
    Peer(
        "great-expectations",
        ("great_expectations==1.24.1", "pandas==2.3.3", *SINCE_NUMPY_2),
        ("3.11", "3.12", "3.13"),
        {"Great Expectations, KL": GREAT_EXPECTATIONS},
    ),
    Peer(
        "deepchecks",
        # its imports use names that newer versions of these took away
        ("deepchecks==0.19.1", "pandas==2.2.3", "scikit-learn==1.3.2", "setuptools==79.0.1", *BEFORE_NUMPY_2),
        ("3.11", "3.12"),
        {
            SAMPLED: DEEPCHECKS.replace("OPTIONS", ""),
            "deepchecks, all rows": DEEPCHECKS.replace("OPTIONS", "n_samples=10**9"),
        },
    ),
    Peer(
        "alibi-detect",
        ("alibi-detect==0.13.0", "pandas==2.3.3", "scikit-learn==1.9.1", *BEFORE_NUMPY_2),
        ("3.11", "3.12"),
        {"alibi-detect": ALIBI_DETECT},
    ),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A script and the Python that runs it."""

    name: str
    python: str
    script: str


@dataclass(frozen=True, slots=True)
class Run:
    """Medians over ``runs`` fresh processes: CPU seconds from the first file on and of the whole process, peak memory."""

    rows: int
    tool: str
    cpu: float
    process: float
    megabytes: float
    runs: int


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at and what was measured."""

    name: str
    target: str
    measured: str
    met: bool


OWN = (
    Tool("ours", sys.executable, OURS),
    Tool(FLOOR, sys.executable, STREAMING),
    Tool("floor: column by column, grid stored", sys.executable, WHOLE),
)
PLAIN = Tool("scipy KS and chi-square, exact", sys.executable, EXACT)


class ToolError(Exception):
    """Why a tool is not measured."""


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


def ran(tool: Tool, files: list[str]) -> dict[str, float]:
    """CPU seconds and peak memory of one fresh process."""
    quiet = {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "GX_ANALYTICS_ENABLED": "0"}
    quiet["DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY"] = "1"
    # without stored bytecode every run would pay for compiling what it imports
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [tool.python, "-c", tool.script, *files], capture_output=True, text=True, check=False, env=kept | quiet
    )
    if done.returncode:
        raise ToolError(f"ended with {done.returncode}: {_last_line(done.stderr)}")
    facts = json.loads(done.stdout.splitlines()[-1])
    return {name: float(facts[name]) for name in ("cpu", "process", "megabytes")}


def measured(tool: Tool, files: list[str], size: int, repeats: int) -> Run:
    """Medians of up to so many fresh processes; a slow tool is run once."""
    runs: list[dict[str, float]] = []
    while len(runs) < repeats and sum(r["cpu"] for r in runs) < ENOUGH:
        runs.append(ran(tool, files))
    cpu, process, megabytes = (statistics.median(r[k] for r in runs) for k in ("cpu", "process", "megabytes"))
    return Run(size, tool.name, cpu, process, megabytes, len(runs))


def environment(place: Path, peer: Peer, *, make: bool) -> str:
    """The Python of a peer's environment, made if it may be; ``ToolError`` says why there is none."""
    python, made, wanted = str(place / "bin" / "python"), place / ".made", "\n".join(peer.packages)
    if not make:
        if not made.exists():
            raise ToolError(f"not in {place.parent}; --make-peers {place.parent} makes it")
        return python
    if not made.exists() or made.read_text() != wanted:
        if place.exists() and not (place / "pyvenv.cfg").exists():
            raise ToolError(f"{place} is there and is no environment; name another folder")
        shutil.rmtree(place, ignore_errors=True)
        print(f"making {place}", flush=True)
        for command in (
            [interpreter(peer), "-m", "venv", str(place)],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ToolError(f"{' '.join(command[1:4])} failed: {_last_line(done.stderr)}")
        made.write_text(wanted)
    return python


def interpreter(peer: Peer) -> str:
    """A Python the peer can be installed under: this one, or one on the path."""
    for version in peer.pythons:
        if platform.python_version().startswith(f"{version}."):
            return sys.executable
    for version in peer.pythons:
        found = shutil.which(f"python{version}")
        if found and not subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
            return found
    raise ToolError(f"needs Python {' or '.join(peer.pythons)} on the path")


def peers(folder: Path, *, make: bool) -> Iterator[Tool]:
    """The ways the peers are run that a trial on a few rows shows to work; a line for each that does not."""
    with tempfile.TemporaryDirectory() as scratch:
        files = prepared(Path(scratch), 2_000)
        for peer in PEERS:
            for name, script in peer.scripts.items():
                try:
                    tool = Tool(name, environment(folder / peer.folder, peer, make=make), script)
                    ran(tool, files)
                except ToolError as why:
                    print(f"skipped: {name}: {why}", flush=True)
                else:
                    yield tool


def prepared(scratch: Path, size: int) -> list[str]:
    """Both files and the reference's profile."""
    files = [str(scratch / f) for f in ("reference.parquet", "current.parquet", "profile.json")]
    write(Path(files[0]), size, 1, moved=False)
    write(Path(files[1]), size, 2, moved=True)
    subprocess.run([sys.executable, "-c", PREPARE, *files], check=True)
    return files


def table(size: int, others: tuple[Tool, ...], repeats: int) -> Iterator[Run]:
    """The lines of one size, printed as they come."""
    with tempfile.TemporaryDirectory() as scratch:
        files = prepared(Path(scratch), size)
        for tool in (*OWN, *(others if size <= MOST_OF_PEERS else ())):
            try:
                row = measured(tool, files, size, repeats)
            except ToolError as why:
                if tool in OWN:
                    raise
                print(f"skipped: {tool.name} at {size:,} rows: {why}", flush=True)
            else:
                print(_line(row), flush=True)
                yield row


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 thousand rows only, one run each")
    parser.add_argument("--rows", type=int, nargs="*")
    parser.add_argument("--peers", type=Path, metavar="FOLDER", help="measure the peers whose environments are there")
    parser.add_argument("--make-peers", type=Path, metavar="FOLDER", help="make the peers' environments there first")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    sizes = chosen.rows or ([100_000] if chosen.quick else [100_000, 1_000_000, 10_000_000])
    folder = chosen.make_peers or chosen.peers
    if folder is None:
        print("without peers: ours against the floors and scipy; --make-peers FOLDER adds them")
    others = (PLAIN, *(peers(folder.resolve(), make=bool(chosen.make_peers)) if folder else ()))
    rows = [row for size in sizes for row in table(size, others, 1 if chosen.quick else 5)]
    goals = list(_goals(rows))
    for g in goals:
        print(f"goal: {g.name}: target {g.target}, measured {g.measured}: {'met' if g.met else 'NOT met'}")
    if chosen.json:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        facts = {"rows": [asdict(r) for r in rows], "goals": [asdict(g) for g in goals]}
        chosen.json.write_text(json.dumps({"name": "drift_speed", "machine": machine, **facts}))
    return 0


def _last_line(text: str) -> str:
    return next(iter(reversed(text.strip().splitlines())), "it said nothing")


def _line(row: Run) -> str:
    figures = f"CPU {row.cpu:>8.2f} s ({row.process:>7.2f} with imports)  peak {row.megabytes:>6.0f} MB"
    return f"{row.rows:>11,}  {row.tool:<37} {figures}  (runs: {row.runs})"


def _goals(rows: list[Run]) -> Iterator[Goal]:
    found = {(r.rows, r.tool): r for r in rows}
    sizes = sorted({r.rows for r in rows})
    peak = max(found[size, "ours"].megabytes for size in sizes)
    yield Goal(f"peak memory up to {sizes[-1]:,} rows", "at most 400 MB", f"{peak:.0f} MB", peak <= 400)
    for name, times in (("Evidently", 150.0), ("NannyML", 25.0)):
        for size in [r.rows for r in rows if r.tool == name][-1:]:
            ratio = found[size, name].cpu / found[size, "ours"].cpu
            text = f"CPU of {name} over ours at {size:,} rows"
            yield Goal(text, f"at least {times:g}", f"{ratio:.1f}", ratio >= times)
    beside = {tool.name for tool in OWN} | {SAMPLED}
    for size in sizes:
        rivals = [r for r in rows if r.rows == size and r.tool not in beside]
        if rivals:
            first = min(rivals, key=lambda r: r.cpu)
            ratio = first.cpu / found[size, "ours"].cpu
            text = f"CPU of the fastest that reads all rows ({first.tool}) over ours at {size:,} rows"
            yield Goal(text, "more than 1", f"{ratio:.2f}", ratio > 1)
    for size in sizes:
        ratio = found[size, "ours"].cpu / found[size, FLOOR].cpu
        yield Goal(
            f"CPU of ours over the streaming floor at {size:,} rows", "at most 1.5", f"{ratio:.2f}", ratio <= 1.5
        )


if __name__ == "__main__":
    sys.exit(main())

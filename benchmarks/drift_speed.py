"""CPU seconds and peak memory of comparing a batch with the reference: 20 numeric and 10 categorical columns, from Parquet.

Each tool runs in a fresh process that reads the batch and the reference; ours and the floors read what was made of the
reference at release, a profile on disk. CPU is counted from the first file on, and beside it for the whole process,
imports and all; linear algebra on one thread. A floor does nothing but count: no pairs, no missing values, no tests.

Peers run in environments of their own. ``--make-peers FOLDER`` makes them there once, versions pinned, and measures
them; ``--peers FOLDER`` measures those that are there. A peer that is missing or does not run is skipped with a line
that says why. Peers stop at a million rows: beyond it each takes minutes and gigabytes.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from measuring import (
    METER,
    NANNYML,
    Goal,
    Peer,
    Tool,
    arguments,
    fresh,
    lines,
    middle,
    peer_arguments,
    ready,
    repeated,
    report,
    write_parquet,
)

CATEGORIES = (2, 3, 4, 5, 8, 12, 30, 100, 500, 5000)
PIECE = 500_000
MOST_OF_PEERS = 1_000_000
ENOUGH = 40.0
"""CPU seconds of one tool from which it is not run again."""

COMMON = (
    METER
    + """
reference, current, stored = sys.argv[1:4]
NUMBERS = [f"number_{i:02d}" for i in range(20)]
TEXTS = [f"text_{i:02d}" for i in range(10)]
def done(begun, found):
    print(json.dumps({"cpu": cpu() - begun, "process": cpu(), "megabytes": megabytes(), "found": found}))
"""
)
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
UNIVARIATE = (
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
        NANNYML,
        ("3.11", "3.12"),
        {"NannyML": UNIVARIATE},
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
class Run:
    """Medians over ``runs`` fresh processes: CPU seconds from the first file on and of the whole process, peak memory."""

    rows: int
    tool: str
    cpu: float
    process: float
    megabytes: float
    runs: int


OWN = (
    Tool("ours", sys.executable, OURS),
    Tool(FLOOR, sys.executable, STREAMING),
    Tool("floor: column by column, grid stored", sys.executable, WHOLE),
)
PLAIN = Tool("scipy KS and chi-square, exact", sys.executable, EXACT)


def write(path: Path, rows: int, seed: int, *, moved: bool) -> None:
    """A table in pieces; ``moved``: one mean by a quarter of a standard deviation, one share by two points."""
    write_parquet(path, rows, piece=PIECE, make=lambda begin, n: piece(np.random.default_rng([seed, begin]), n, moved))


def piece(rng: np.random.Generator, n: int, moved: bool) -> pa.Table:
    """Some of the rows."""
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
        columns[f"text_{i:02d}"] = pa.DictionaryArray.from_arrays(pa.array(code, mask=mask), names).cast(pa.string())
    return pa.table(columns)


def measured(tool: Tool, files: list[str], size: int, repeats: int) -> Run:
    """Medians of up to so many fresh processes; a slow tool is run once."""
    runs = repeated(lambda: dict(fresh(tool.python, tool.script, *files)), repeats=repeats, enough=ENOUGH)
    return Run(size, tool.name, middle(runs, "cpu"), middle(runs, "process"), middle(runs, "megabytes"), len(runs))


def peers(folder: Path, *, make: bool) -> Iterator[Tool]:
    """The peers that work on a few rows."""
    with tempfile.TemporaryDirectory() as scratch:
        files = prepared(Path(scratch), 2_000)
        yield from ready(PEERS, folder, make=make, trial=lambda tool: fresh(tool.python, tool.script, *files))


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
        tools = (*OWN, *(others if size <= MOST_OF_PEERS else ()))
        yield from lines(size, tools, lambda tool: measured(tool, files, size, repeats), own=OWN, say=_line)


def main() -> int:
    """Measure, print one table and one line per goal."""
    parser = arguments(__doc__, quick="100 thousand rows only, one run each")
    parser.add_argument("--rows", type=int, nargs="*")
    peer_arguments(parser)
    chosen = parser.parse_args()
    sizes = chosen.rows or ([100_000] if chosen.quick else [100_000, 1_000_000, 10_000_000])
    folder = chosen.make_peers or chosen.peers
    if folder is None:
        print("without peers: ours against the floors and scipy; --make-peers FOLDER adds them")
    others = (PLAIN, *(peers(folder.resolve(), make=bool(chosen.make_peers)) if folder else ()))
    rows = [row for size in sizes for row in table(size, others, 1 if chosen.quick else 5)]
    report("drift_speed", [asdict(row) for row in rows], _goals(rows), chosen.json)
    return 0


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
